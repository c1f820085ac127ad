"""S3's copies, as far as a quarantine depends on them.

Plays CopyObject's conditions on the destination, its refusal of archived sources, its storage class, the lock that the
destination's bucket gives every object, and the checksums of its answer, and the checksums of parts that are copied.
Touches ministack's `s3._copy_object`, `s3._upload_part_copy`, `s3._check_put_preconditions`,
`s3._apply_object_lock_from_headers`, `s3._resolve_part_checksums`, `s3._multipart_uploads`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

from ministack.services import s3

_ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


def install() -> None:
    """Wrap the two copy operations."""
    copy_object, upload_part_copy = s3._copy_object, s3._upload_part_copy

    def copy(bucket_name: str, key: str, headers: dict[str, str]) -> tuple:
        bucket = s3._buckets.get(bucket_name)
        current = bucket["objects"].get(key) if bucket else None
        if refused := s3._check_put_preconditions(headers, current) or _archived(headers):
            return refused
        if "x-amz-storage-class" not in headers:
            # Not the source's: a copy falls to STANDARD.
            headers = {**headers, "x-amz-storage-class": "STANDARD"}
        status, answer_headers, body = copy_object(bucket_name, key, headers)
        if status == 200:
            copied = s3._buckets[bucket_name]["objects"][key]
            s3._apply_object_lock_from_headers(bucket_name, key, headers, copied.get("version_id"))
            checksums = copied.get("checksums") or {}
            body = _with_checksums(body, checksums, "</CopyObjectResult>", "FULL_OBJECT")
        return status, answer_headers, body

    def copy_part(bucket_name: str, key: str, query: dict, headers: dict[str, str]) -> tuple:
        if refused := _archived(headers):
            return refused
        status, answer_headers, body = upload_part_copy(bucket_name, key, query, headers)
        if status == 200:
            upload = s3._multipart_uploads[query["uploadId"][0]]
            part = upload["parts"][int(query["partNumber"][0])]
            if upload.get("checksum_algorithm"):
                part["checksums"], _ = s3._resolve_part_checksums(part["body"], {}, upload)
                wanted = {upload["checksum_algorithm"]: part["checksums"][upload["checksum_algorithm"]]}
                body = _with_checksums(body, wanted, "</CopyPartResult>", None)
        return status, answer_headers, body

    s3._copy_object = copy
    s3._upload_part_copy = copy_part


def _archived(headers: dict[str, str]) -> tuple | None:
    """The refusal of a source that must be restored first."""
    raw_path, _, query = headers.get("x-amz-copy-source", "").lstrip("/").partition("?")
    bucket_name, _, key = unquote(raw_path).partition("/")
    bucket = s3._buckets.get(bucket_name)
    if bucket is None:
        return None
    source: Any = bucket["objects"].get(key)
    if version_id := parse_qs(query).get("versionId", [None])[0]:
        versions = s3._object_versions.get((bucket_name, key)) or []
        source = next((version for version in versions if version["version_id"] == version_id), None)
    if not source or source.get("storage_class") not in _ARCHIVED or source.get("restore"):
        return None
    return s3._error(
        "ObjectNotInActiveTierError", "The source object of the COPY action is not in the active tier", 403
    )


def _with_checksums(body: Any, checksums: dict[str, str], end: str, kind: str | None) -> Any:
    if not checksums:
        return body
    text = body.decode() if isinstance(body, bytes) else str(body)
    added = "".join(f"<Checksum{name}>{value}</Checksum{name}>" for name, value in checksums.items())
    if kind:
        composite = any("-" in value for value in checksums.values())
        added += f"<ChecksumType>{'COMPOSITE' if composite else kind}</ChecksumType>"
    return text.replace(end, added + end).encode()
