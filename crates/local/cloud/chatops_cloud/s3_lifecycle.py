"""Transitions of lifecycle rules that take effect at once.

Plays a rule that moves objects to another storage class on the day they are made (`Days: 0`), for the objects that
are there when the rule is set; S3 does it within a day. Versions, tags and sizes in a filter are not looked at.
Touches ministack's `s3._put_bucket_lifecycle`, `s3._buckets` and `s3._object_versions`.
"""

from __future__ import annotations

from xml.etree import ElementTree

from ministack.services import s3


def install() -> None:
    """Wrap what sets the rules of a bucket."""
    put = s3._put_bucket_lifecycle

    def put_and_move(name: str, body: bytes) -> tuple:
        answer = put(name, body)
        if answer[0] == 200:
            for prefix, storage_class in _due(body):
                _move(name, prefix, storage_class)
        return answer

    s3._put_bucket_lifecycle = put_and_move


def _due(body: bytes) -> list[tuple[str, str]]:
    """Prefix and storage class of each transition on day 0."""
    rules = [rule for rule in ElementTree.fromstring(body) if _named(rule) == "Rule"]
    return [
        (_text(rule, "Prefix"), _text(move, "StorageClass"))
        for rule in rules if _text(rule, "Status") == "Enabled"
        for move in rule if _named(move) == "Transition" and _text(move, "Days") == "0"
    ]


def _move(bucket: str, prefix: str, storage_class: str) -> None:
    for key, current in s3._buckets[bucket]["objects"].items():
        if key.startswith(prefix):
            current["storage_class"] = storage_class
            for version in s3._object_versions.get((bucket, key)) or []:
                if version["version_id"] == current.get("version_id"):
                    version["storage_class"] = storage_class


def _named(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element, name: str) -> str:
    return next((one.text or "" for one in element.iter() if _named(one) == name), "")
