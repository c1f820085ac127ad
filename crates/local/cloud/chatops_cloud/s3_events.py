"""S3's events on EventBridge, with the version id that ministack leaves out.

Plays "Object Created" and "Object Deleted" of versioned buckets: this product scans and quarantines exactly the
version that an event names. Touches ministack's `s3._fire_s3_event` and `eventbridge._dispatch_event`.
"""

from __future__ import annotations

import contextvars
import json
from typing import Any

from ministack.services import eventbridge, s3

_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("chatops_s3_version", default=None)


def install() -> None:
    """Carry the version id from the S3 operation to the event."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_version(bucket_name: str, key: str, event_name: str, *arguments: Any, **options: Any) -> None:
        reset = _version.set(options.get("version_id"))
        try:
            fire(bucket_name, key, event_name, *arguments, **options)
        finally:
            _version.reset(reset)

    def dispatch_with_version(event: dict[str, Any], view: Any = None) -> None:
        if event.get("Source") == "aws.s3" and str(event.get("DetailType", "")).startswith("Object "):
            detail = json.loads(event["Detail"])
            detail.pop("event-version", None)  # no field of the documented event
            if version := _version.get():
                detail["object"]["version-id"] = version
            if detail["object"].get("sequencer") in (None, "0"):
                detail["object"].pop("sequencer", None)
            event, view = {**event, "Detail": json.dumps(detail)}, None
        dispatch(event, view)

    s3._fire_s3_event = fire_with_version
    eventbridge._dispatch_event = dispatch_with_version
