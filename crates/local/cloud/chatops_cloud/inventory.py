"""Everything that exists in the local cloud, whatever made it: what is left after a removal is in here.

Lists the keys of every store of every service of ministack, found by their type and not by a list of names, and
what the plug-in's own services hold. Touches ministack's `AccountScopedDict` and `AccountRegionScopedDict`.
"""

from __future__ import annotations

import sys
from typing import Any

from ministack.core import responses

from . import chatbot, macie, macie_filters

_STORES = (responses.AccountScopedDict, responses.AccountRegionScopedDict)

# What tells of the past or of single calls; on AWS, too, it outlives what it is about, or is nothing that one deletes.
_HISTORY = {
    "cloudformation", "cloudtrail", "sts",
    "cloudwatch._metrics", "cloudwatch._alarm_history", "cloudwatch._resource_tags",
    "codebuild._builds",
    "eventbridge._events_log",
    "iam._aws_managed_attachment_counts", "iam._credential_reports",
    "lambda_svc._esm_backoff_until", "lambda_svc._kinesis_positions", "lambda_svc._dynamodb_stream_positions",
    "s3._completed_multipart_uploads", "s3._object_acl", "s3._object_annotations", "s3._object_versions",
    "s3._object_tags", "s3._object_retention", "s3._object_legal_hold",
    "sns._sms_messages",
    "stepfunctions._executions", "stepfunctions._task_tokens", "stepfunctions._map_runs",
}


def everything() -> list[str]:
    """The things there are, as `service.store key`, sorted."""
    found = set()
    for name, module in list(sys.modules.items()):
        if module is None or not name.startswith("ministack.services."):
            continue
        service = name.removeprefix("ministack.services.")
        if service.partition(".")[0] in _HISTORY:
            continue
        for store, value in vars(module).items():
            # A module may have imported another one's store.
            if isinstance(value, _STORES) and f"{service}.{store}" not in _HISTORY:
                found.update(f"{service}.{store} {_key(key)}" for key, one in list(value._data.items()) if _is_there(one))
    deployed = chatbot.deployed()
    found.update(f"chatbot.{kind} {one['arn']}" for kind in ("channels", "actions") for one in deployed[kind])
    found.update(["macie2.session"] if macie._session else [])
    found.update(f"macie2.filters {one}" for one in macie_filters._filters)
    return sorted(found)


def _key(scoped: Any) -> str:
    return str(scoped[-1]) if isinstance(scoped, tuple) else str(scoped)


def _is_there(value: Any) -> bool:
    """An empty list for something is nothing, and so is a key that waits for its end."""
    if isinstance(value, dict) and value.get("KeyState") == "PendingDeletion":
        return False
    return value not in ({}, [], None, "")
