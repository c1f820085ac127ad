"""What AWS refuses to remove: objects that a bucket policy protects, and state machines that still run.

Plays the statements of bucket policies that refuse deletions to everybody, without a condition, and
CloudFormation's deletion of a state machine, which waits for its executions: here it fails at once. Touches
ministack's `s3._delete_object`, `s3._delete_objects`, `s3._bucket_policies`, `stepfunctions._executions` and the
`AWS::StepFunctions::StateMachine` entry of `provisioners._RESOURCE_HANDLERS`.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ministack.services import s3, stepfunctions
from ministack.services.cloudformation import provisioners

_S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_ACTIONS = ("s3:DeleteObject", "s3:DeleteObjectVersion")


def install() -> None:
    """Wrap the deletions."""
    delete_object, delete_objects = s3._delete_object, s3._delete_objects
    handlers = provisioners._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"]
    delete_machine = handlers["delete"]

    def one(bucket: str, key: str, headers: dict | None = None, query: dict | None = None) -> tuple:
        if is_refused(bucket, key, _ACTIONS["versionId" in (query or {})]):
            return s3._error("AccessDenied", "Access Denied", 403)
        return delete_object(bucket, key, headers, query)

    def many(bucket: str, body: bytes, headers: dict | None = None) -> tuple:
        rest, refused = _without_refused(bucket, body)
        status, answer_headers, answer = delete_objects(bucket, rest, headers)
        if status == 200 and refused:
            errors = "".join(
                f"<Error><Key>{escape(key)}</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
                for key in refused
            )
            answer = bytes(answer).replace(b"</DeleteResult>", f"{errors}</DeleteResult>".encode())
        return status, answer_headers, answer

    def machine(physical_id: str, properties: dict[str, Any]) -> Any:
        running = [one for one in list(stepfunctions._executions.values())
                   if one.get("stateMachineArn") == physical_id and one.get("status") == "RUNNING"]
        if running:
            raise ValueError(f"{len(running)} executions still run: AWS waits until they have ended")
        return delete_machine(physical_id, properties)

    s3._delete_object, s3._delete_objects = one, many
    handlers["delete"] = machine


def is_refused(bucket: str, key: str, action: str, role: str = "") -> bool:
    """Whether the bucket's policy refuses this to everybody, or to this role, whatever the circumstances."""
    policy = s3._bucket_policies.get(bucket)
    if not policy:
        return False
    resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
    return any(
        statement.get("Effect") == "Deny"
        and _is_about(statement.get("Principal"), role)
        and not statement.get("Condition")
        and any(fnmatchcase(action.lower(), pattern.lower()) for pattern in _list(statement.get("Action")))
        and any(fnmatchcase(resource, pattern) for pattern in _list(statement.get("Resource")))
        for statement in json.loads(policy)["Statement"]
    )


def _is_about(principal: Any, role: str) -> bool:
    named = _list(principal.get("AWS")) if isinstance(principal, dict) else [principal]
    return "*" in named or (role != "" and role in named)


def _without_refused(bucket: str, body: bytes) -> tuple[bytes, list[str]]:
    """The request without the objects that are protected, and their keys."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return body, []
    refused = []
    for entry in [*root.findall(f"{_S3}Object"), *root.findall("Object")]:
        space = _S3 if entry.tag.startswith("{") else ""
        key = entry.findtext(f"{space}Key") or ""
        if is_refused(bucket, key, _ACTIONS[bool(entry.findtext(f"{space}VersionId"))]):
            refused.append(key)
            root.remove(entry)
    return (ElementTree.tostring(root), refused) if refused else (body, [])


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value or ""]
