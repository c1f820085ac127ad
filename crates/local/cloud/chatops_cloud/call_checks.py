"""What IAM asks of one request: each action with its resource and its condition keys.

Plays the authorisation of a request as the Service Authorization Reference describes it
(https://docs.aws.amazon.com/service-authorization/latest/reference/), with what S3, SNS and Secrets Manager ask of
KMS behind it. Touches ministack's `iam_actions` (`extract_iam_action`, `extract_resource_arn`,
`s3_additional_checks`, `s3_service_context`), `app._routing_params`, `s3._bucket_default_sse_headers`,
`s3._bucket_object_lock`, `s3.object_tags_for_condition`, `sns._topics`, `secretsmanager._secrets`, and the
`_identities` of `ses` and `ses_v2`.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.core.router import extract_region
from ministack.services import s3, secretsmanager, ses, ses_v2, sns

Check = tuple[str, str, dict[str, str]]

_MACIE_ACTIONS = {
    ("POST", "/findings/describe"): "GetFindings",
    ("POST", "/findings"): "ListFindings",
    ("POST", "/jobs"): "CreateClassificationJob",
    ("GET", "/macie"): "GetMacieSession",
}
_LAMBDA_READS = (
    (re.compile(r"/[^/]+/account-settings/?"), "GetAccountSettings"),
    (re.compile(r"/[^/]+/event-source-mappings/[^/]+/?"), "GetEventSourceMapping"),
    (re.compile(r"/[^/]+/functions/[^/]+/concurrency"), "GetFunctionConcurrency"),
    (re.compile(r"/[^/]+/functions/[^/]+/event-invoke-config"), "GetFunctionEventInvokeConfig"),
)
_READS = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes")


@dataclass
class Request:
    """A request as ministack routes it."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: dict[str, list[str]]
    parameters: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = app._routing_params(self.method, self.path, self.headers, self.body, self.query)

    def member(self, name: str) -> Any:
        """A member of a JSON body."""
        try:
            return json.loads(self.body or b"{}").get(name)
        except (ValueError, AttributeError):
            return None


def before(request: Request) -> list[Check]:
    """What is asked whatever comes of the request."""
    action, resources = _action(request), _resources(request)
    checks = [(action, resource, _context(request, action)) for resource in resources]
    if request.service == "s3":
        checks += _around_objects(request, action, resources[0])
    return checks


def after(request: Request, status: int) -> list[Check]:
    """What is asked in addition, by how the request went."""
    action, resource = _action(request), _resources(request)[0]
    if request.service == "s3" and status == 404 and action in _READS:
        # Without it S3 answers 403 for what does not exist.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        return [("s3:ListBucket", resource.partition("/")[0], {})]
    if status >= 400:
        return []
    return encryption(action, resource, extract_region(request.headers))


def encryption(action: str, resource: str, region: str) -> list[Check]:
    """What a call that succeeded asked of KMS."""
    def on_key(key: str, service: str, *operations: str) -> list[Check]:
        via = {"kms:ViaService": f"{service}.{region}.amazonaws.com"}
        return [(f"kms:{operation}", key_arn(key, region), via) for operation in operations]

    if action.startswith("s3:"):
        bucket = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        key = s3._bucket_default_sse_headers(bucket).get("x-amz-server-side-encryption-aws-kms-key-id")
        if key and action in _READS[:2]:
            return on_key(key, "s3", "Decrypt")
        if key and action == "s3:PutObject":
            return on_key(key, "s3", "GenerateDataKey")
    elif action == "sns:Publish":
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        key = ((sns._topics.get(resource) or {}).get("attributes") or {}).get("KmsMasterKeyId")
        if key:
            return on_key(key, "sns", "Decrypt", "GenerateDataKey")
    elif action == "secretsmanager:GetSecretValue":
        key = (_secret(resource) or {}).get("KmsKeyId")
        if key and not key.startswith("alias/aws/"):
            return on_key(key, "secretsmanager", "Decrypt")
    return []


def _action(request: Request) -> str:
    if request.service == "macie2":
        named = _MACIE_ACTIONS.get((request.method, request.path), f"{request.method} {request.path}")
        return f"macie2:{named}"
    if request.service == "chatbot":
        # /get-custom-action is GetCustomAction.
        return "chatbot:" + "".join(word.capitalize() for word in request.path.strip("/").split("-"))
    if request.service == "monitoring":
        # By its path in the protocol that the SDKs speak: /service/…/operation/DescribeAlarms.
        return f"cloudwatch:{request.path.rsplit('/', 1)[-1]}"
    if request.service == "lambda" and request.method == "GET":
        named = next((action for path, action in _LAMBDA_READS if path.fullmatch(request.path)), None)
        if named:
            return f"lambda:{named}"
    if _deletes_many(request):
        return "s3:DeleteObjectVersion"
    try:
        action = iam_actions.extract_iam_action(
            request.service, request.method, request.path, request.headers, request.body, request.parameters
        )
    except Exception:  # a call that cannot be named is still a call
        action = None
    target = request.headers.get("x-amz-target", f"{request.method} {request.path}")
    return action or f"{request.service}:{target.rsplit('.', 1)[-1]}"


def _resources(request: Request) -> list[str]:
    region, account = extract_region(request.headers), get_account_id()
    if _deletes_many(request):
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        bucket = unquote(request.path).strip("/")
        keys = [html.unescape(key.decode()) for key in re.findall(rb"<Key>(.*?)</Key>", request.body, re.DOTALL)]
        return [f"arn:aws:s3:::{bucket}/{key}" for key in keys] or [f"arn:aws:s3:::{bucket}"]
    if request.service == "events" and (rule := request.member("Rule") or request.member("Name")):
        return [f"arn:aws:events:{region}:{account}:rule/{rule}"]
    if request.service == "s3":
        # The bucket, or the object by its key as it is, not as the path spells it.
        bucket, _, key = unquote(request.path).lstrip("/").partition("/")
        return [f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"]
    if request.service == "logs" and request.member("logStreamName"):
        group, stream = request.member("logGroupName"), request.member("logStreamName")
        return [f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}"]
    if request.service == "codebuild" and isinstance(request.member("ids"), list):
        names = {str(one).rsplit("/", 1)[-1].partition(":")[0] for one in request.member("ids")}
        return [f"arn:aws:codebuild:{region}:{account}:project/{name}" for name in sorted(names)] or ["*"]
    if request.service == "secretsmanager" and (secret := _secret(str(request.member("SecretId") or ""))):
        return [secret["ARN"]]
    if request.service == "ses" and request.method == "POST" and request.path.endswith("/outbound-emails"):
        return _mail(request, f"arn:aws:ses:{region}:{account}")
    try:
        found = iam_actions.extract_resource_arn(
            request.service, request.method, request.path, request.headers, request.body, request.parameters,
            region, account,
        )
    except Exception:
        found = None
    return [found or "*"]


def _mail(request: Request, arn: str) -> list[str]:
    """The sending identity, an address before its domain, and the configuration set.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
    """
    sender = str(request.member("FromEmailAddress") or "").rpartition("<")[2].rstrip(">")
    known = {str(name).lower() for store in (ses._identities, ses_v2._identities) for name in store.keys()}
    domain = sender.rpartition("@")[2]
    identity = domain if sender.lower() not in known and domain.lower() in known else sender
    resources = [f"{arn}:identity/{identity}"]
    if configuration := request.member("ConfigurationSetName"):
        resources.append(f"{arn}:configuration-set/{configuration}")
    return resources


def _context(request: Request, action: str) -> dict[str, str]:
    """The condition keys that the request itself gives."""
    context: dict[str, str] = {}
    if request.service == "s3":
        given = iam_actions.s3_service_context(action, request.parameters, request.path, request.headers)
        context |= {name: str(value) for name, value in given.items()}
        for name in ("if-none-match", "if-match", "x-amz-copy-source"):
            if value := request.headers.get(name):
                context[f"s3:{name}"] = value
    if request.service == "ses" and (sender := request.member("FromEmailAddress")):
        context["ses:FromAddress"] = str(sender).rpartition("<")[2].rstrip(">")
    return context


def _around_objects(request: Request, action: str, resource: str) -> list[Check]:
    """The source of a copy, tags that travel with it or in a header, locks that an answer shows."""
    checks: list[Check] = []
    source = iam_actions._s3_source_object(request.headers)
    if source and request.method == "PUT":
        arn, version = source
        checks.append(("s3:GetObjectVersion" if version else "s3:GetObject", arn, {}))
        replaced = request.headers.get("x-amz-tagging-directive", "COPY").upper() == "REPLACE"
        if "uploadId" not in request.query and not replaced and _tags(arn, version):
            checks.append(("s3:GetObjectVersionTagging" if version else "s3:GetObjectTagging", arn, {}))
            checks.append(("s3:PutObjectTagging", resource, {}))
        # The source's key is needed as well, and the destination's is asked for by `after`.
        checks += encryption("s3:GetObject", arn, extract_region(request.headers))
    if request.headers.get("x-amz-tagging"):
        checks.append(("s3:PutObjectTagging", resource, {}))
    if request.method in ("GET", "HEAD") and action in _READS and s3._bucket_object_lock.get(_bucket(resource)):
        # Without these two the answer says nothing of a lock.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
        checks += [("s3:GetObjectRetention", resource, {}), ("s3:GetObjectLegalHold", resource, {})]
    return checks


def _deletes_many(request: Request) -> bool:
    return request.service == "s3" and request.method == "POST" and "delete" in request.query


def _bucket(resource: str) -> str:
    return resource.removeprefix("arn:aws:s3:::").partition("/")[0]


def _tags(arn: str, version: str) -> dict[str, str]:
    bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
    query = {"versionId": [version]} if version else {}
    return s3.object_tags_for_condition(bucket, key, query)


def _secret(name_or_arn: str) -> dict[str, Any] | None:
    for name, secret in secretsmanager._secrets.items():
        if name_or_arn in (name, secret.get("ARN")):
            return secret
    return None


def key_arn(key: str, region: str) -> str:
    """The ARN of a key that is named by its ARN or its id."""
    return key if key.startswith("arn:") else f"arn:aws:kms:{region}:{get_account_id()}:key/{key}"
