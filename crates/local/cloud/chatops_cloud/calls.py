"""Who called what: credentials per role, and the calls made with them.

Plays the role sessions that Lambda and CodeBuild give to code, so that a call can be told apart by its access
key, and keeps each such call (action, resource) for the test that compares calls with IAM grants. Not seen: what
services do on behalf of a role without its credentials (Step Functions, the source and logs of builds, KMS behind
encrypted buckets and topics, SQS polling). Touches ministack's `sts.register_session`,
`lambda_runtime.execution_credentials` and its import in `lambda_svc`, `app._dispatch_service_request`,
`app._handle_ses_v2_request`, and of `iam_actions` `extract_iam_action`, `extract_resource_arn` and
`s3_additional_checks`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions, lambda_runtime
from ministack.core.responses import get_account_id
from ministack.core.router import extract_access_key_id, extract_region
from ministack.services import lambda_svc, sts

_MACIE_ACTIONS = {
    ("POST", "/findings/describe"): "GetFindings",
    ("POST", "/findings"): "ListFindings",
    ("POST", "/jobs"): "CreateClassificationJob",
    ("GET", "/macie"): "GetMacieSession",
}

_lock = threading.Lock()
_callers: dict[str, dict[str, str]] = {}
_seen: dict[tuple[str, str, str], dict[str, Any]] = {}


def install() -> None:
    """Give every function and build credentials of its own, and watch the calls made with them."""
    lambda_runtime.execution_credentials = _function_credentials
    lambda_svc.execution_credentials = _function_credentials
    dispatch, ses = app._dispatch_service_request, app._handle_ses_v2_request

    async def watched_dispatch(method, path, headers, body, query_params, request_id):
        answer = await dispatch(method, path, headers, body, query_params, request_id)
        _remember(app.detect_service(method, path, headers, query_params), method, path, headers, body, query_params,
                  answer[0])
        return answer

    async def watched_ses(method, path, headers, body, query_params, request_id):
        answer = await ses(method, path, headers, body, query_params, request_id)
        if answer is not None:
            _remember("ses", method, path, headers, body, query_params, answer[0])
        return answer

    app._dispatch_service_request = watched_dispatch
    app._handle_ses_v2_request = watched_ses


def session_for_role(role_arn: str, session_name: str, function_name: str = "") -> dict[str, str]:
    """Credentials of a role session, as environment variables. The same role and name give the same ones."""
    digest = hashlib.sha256(f"{role_arn} {session_name}".encode()).hexdigest()
    access_key = f"ASIA{digest[:16].upper()}"
    secret, token = (hashlib.sha256(f"{kind} {digest}".encode()).hexdigest() for kind in ("secret", "token"))
    account, role = get_account_id(), role_arn.rsplit("/", 1)[-1] or "none"
    sts.register_session(access_key, {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session_name[:64]}",
        "UserId": f"{role}:{session_name[:64]}",
        "SecretAccessKey": secret,
        "SessionToken": token,
    })
    with _lock:
        _callers[access_key] = {"role": role_arn, "session": session_name[:64], "function": function_name}
    return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def made() -> list[dict[str, Any]]:
    """Every distinct call so far: function, role, action, resource, how often, and how often refused."""
    with _lock:
        return [dict(entry) for entry in _seen.values()]


def forget() -> None:
    """Start again with an empty list."""
    with _lock:
        _seen.clear()


def _function_credentials(config: Mapping[str, Any]) -> dict[str, str]:
    name = str(config.get("FunctionName") or "function")
    return session_for_role(str(config.get("Role") or ""), name, name)


def _remember(service: str, method: str, path: str, headers: dict, body: bytes, query: dict, status: int) -> None:
    access_key = extract_access_key_id(headers, query)
    caller = _callers.get(access_key or "")
    if caller is None:
        return
    parameters = app._routing_params(method, path, headers, body, query)
    try:
        action = iam_actions.extract_iam_action(service, method, path, headers, body, parameters)
        resource = iam_actions.extract_resource_arn(
            service, method, path, headers, body, parameters, extract_region(headers), get_account_id()
        )
    except Exception:  # a call that cannot be named is still a call
        action, resource = None, None
    if service == "macie2":
        action = f"macie2:{_MACIE_ACTIONS.get((method, path), f'{method} {path}')}"
    action = action or f"{service}:{headers.get('x-amz-target', f'{method} {path}').rsplit('.', 1)[-1]}"
    checks = [(action, resource or "*")]
    if service == "s3":
        # What IAM asks beside the operation's own action: reading the source of a copy, tags in a header, ...
        checks += [
            (extra[0], extra[1]) for extra in iam_actions.s3_additional_checks(method, path, headers, body, parameters)
        ]
    with _lock:
        for wanted, on in checks:
            entry = _seen.setdefault((access_key or "", wanted, on), {
                **caller, "service": service, "action": wanted, "resource": on, "calls": 0, "refused": 0,
            })
            entry["calls"] += 1
            entry["refused"] += status >= 400
