"""What S3 refuses a role: by a bucket's policy, or by the KMS key of an object.

Plays the statements of bucket policies that refuse something to a role or to everybody, without a condition, among
them that to list a bucket, without which S3 says 403 of what does not exist, and S3's answers about an object under a KMS key that is disabled or that the role may not use. Only for the calls of
roles: whoever sets a test up is asked nothing. Touches ministack's `app._dispatch_service_request`,
`app.detect_service`, `iam_actions._s3_source_object`, `s3._buckets`, `s3._object_versions`,
`s3._stored_sse_headers` and `kms._keys`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from ministack import app
from ministack.core import iam_actions
from ministack.core.router import extract_region
from ministack.services import kms, s3

from . import call_checks, calls, permissions, removals

_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"


def install() -> None:
    """Ask before each request of a role."""
    dispatch = app._dispatch_service_request

    async def asked(
        method: str, path: str, headers: dict, body: bytes, query: dict, request_id: str
    ) -> tuple[int, dict, Any]:
        request = call_checks.Request(app.detect_service(method, path, headers, query), method, path, headers, body, query)
        role = calls.role_of(request) if request.service == "s3" else ""
        refused = (_by_policy(request, role) or _by_key(request, role)) if role else None
        if refused is None:
            answered = await dispatch(method, path, headers, body, query, request_id)
            refused = _hidden(request, role, answered[0]) if role else None
            if refused is None:
                return answered
        status, answer_headers, answer = refused
        # The answer to HEAD has no body, and so no reason.
        return status, answer_headers, b"" if method == "HEAD" else answer

    app._dispatch_service_request = asked


def _by_policy(request: call_checks.Request, role: str) -> tuple | None:
    for action, resource, _ in call_checks.before(request):
        bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
        if action.startswith("s3:") and removals.is_refused(bucket, key, action, role):
            return _denied(role, action, resource, "with an explicit deny in a resource-based policy")
    return None


def _hidden(request: call_checks.Request, role: str, status: int) -> tuple | None:
    """Whoever may not list a bucket does not learn that something is missing in it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    for action, resource, _ in call_checks.after(request, status):
        bucket = resource.removeprefix("arn:aws:s3:::")
        if action == "s3:ListBucket" and removals.is_refused(bucket, "", action, role):
            return _denied(role, action, resource, "with an explicit deny in a resource-based policy")
    return None


def _by_key(request: call_checks.Request, role: str) -> tuple | None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"""
    for key in _keys_needed(request):
        if (kms._keys.get(key.rsplit("/", 1)[-1]) or {}).get("KeyState") == "Disabled":
            return s3._error("KMS.DisabledException", f"{key} is disabled.", 400)
        if not _may_use(role, key):
            return _denied(role, "kms:Decrypt", key, "because no identity-based policy allows the kms:Decrypt action")
    return None


def _keys_needed(request: call_checks.Request) -> Iterator[str]:
    """The keys of the objects whose bytes, or whose checksums, the request reads."""
    region = extract_region(request.headers)
    source = iam_actions._s3_source_object(request.headers)
    if request.method == "PUT" and source:
        arn, version = source
        yield from _key_of(arn, version, region)
    shows_checksums = request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    if request.method == "GET" or (request.method == "HEAD" and shows_checksums):
        for action, resource, _ in call_checks.before(request):
            if action in ("s3:GetObject", "s3:GetObjectVersion"):
                yield from _key_of(resource, request.query.get("versionId", [""])[0], region)


def _key_of(arn: str, version: str, region: str) -> Iterator[str]:
    bucket_name, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
    bucket = s3._buckets.get(bucket_name)
    found: Any = bucket["objects"].get(key) if bucket else None
    if version:
        versions = s3._object_versions.get((bucket_name, key)) or []
        found = next((one for one in versions if one["version_id"] == version), found)
    if found and (named := s3._stored_sse_headers(found).get(_KEY_HEADER)):
        yield call_checks.key_arn(named, region)


def _may_use(role: str, key: str) -> bool:
    """Whether the role's own policies let it decrypt with the key, as far as actions and resources go."""
    policies = [one["policies"].values() for one in permissions.deployed()["roles"] if one["arn"] == role]
    return any(
        statement.get("Effect") == "Allow"
        and any(fnmatchcase("kms:decrypt", action.lower()) for action in _list(statement.get("Action")))
        and any(fnmatchcase(key, resource) for resource in _list(statement.get("Resource")))
        for document in (documents for group in policies for documents in group)
        for statement in _list(document["Statement"])
    )


def _denied(role: str, action: str, resource: str, why: str) -> tuple:
    account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
    who = f"arn:aws:sts::{account}:assumed-role/{name}/{name}"
    message = f'User: {who} is not authorized to perform: {action} on resource: "{resource}" {why}'
    return s3._error("AccessDenied", message, 403)


def _list(value: Any) -> list:
    return value if isinstance(value, list) else [value]
