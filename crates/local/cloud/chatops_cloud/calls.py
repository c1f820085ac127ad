"""Who called what: credentials per role, and the calls made with them.

Plays the role sessions that Lambda, CodeBuild and Amazon Q give to code, so that a call can be told apart by its
access key, and keeps each such call (action, resource, condition keys) for the test that compares calls with IAM
policies; call_checks.py says what IAM asks of one request. What services do for a role without its credentials is
reported by calls_of_services.py and by the modules that play them. Touches ministack's `sts.register_session`,
`lambda_runtime.execution_credentials` and its import in `lambda_svc`, `app._dispatch_service_request` and
`app._handle_ses_v2_request`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Any

from ministack import app
from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id
from ministack.core.router import extract_access_key_id
from ministack.services import lambda_svc, sts

from . import call_checks

_lock = threading.Lock()
_callers: dict[str, dict[str, str]] = {}
_seen: dict[tuple, dict[str, Any]] = {}


def install() -> None:
    """Give every function and build credentials of its own, and watch the calls made with them."""
    lambda_runtime.execution_credentials = _function_credentials
    lambda_svc.execution_credentials = _function_credentials
    dispatch, ses = app._dispatch_service_request, app._handle_ses_v2_request

    async def watched_dispatch(method, path, headers, body, query_params, request_id):
        service = app.detect_service(method, path, headers, query_params)
        request = call_checks.Request(service, method, path, headers, body, query_params)
        # Before the request: afterwards the object that it deletes is gone.
        checks = call_checks.before(request) if _caller(request) else []
        answer = await dispatch(method, path, headers, body, query_params, request_id)
        _remember(request, checks, answer[0])
        return answer

    async def watched_ses(method, path, headers, body, query_params, request_id):
        request = call_checks.Request("ses", method, path, headers, body, query_params)
        answer = await ses(method, path, headers, body, query_params, request_id)
        if answer is not None:
            _remember(request, call_checks.before(request) if _caller(request) else [], answer[0])
        return answer

    app._dispatch_service_request = watched_dispatch
    app._handle_ses_v2_request = watched_ses


def session_for_role(
    role_arn: str, session_name: str, function_name: str = "", service: str = "lambda.amazonaws.com"
) -> dict[str, str]:
    """Credentials of a role session, as environment variables. The same role and name give the same ones.

    `service` is who assumes the role.
    """
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
    assumed(role_arn, service)
    return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def assumed(role_arn: str, service: str) -> None:
    """A service took on a role: a call that the role's trust policy must allow."""
    by_service(service, "sts:AssumeRole", role_arn, {"aws:SourceAccount": get_account_id()})


def for_role(role_arn: str, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
    """A call that a service made with a role's permissions."""
    _keep({"role": role_arn, "session": "", "function": "", "by": ""}, action, resource, context or {}, False)


def by_service(service: str, action: str, resource: str, context: Mapping[str, str]) -> None:
    """A call of a service in its own name, such as `events.amazonaws.com`: only resource policies can allow it."""
    _keep({"role": "", "session": "", "function": "", "by": service}, action, resource, context, False)


def role_of(request: call_checks.Request) -> str:
    """The ARN of the role that a request was made with; empty for anybody else."""
    return (_caller(request) or {}).get("role", "")


def made() -> list[dict[str, Any]]:
    """Every distinct call so far: role or service, action, resource, condition keys, how often made and refused."""
    with _lock:
        return [dict(entry) for entry in _seen.values()]


def forget() -> None:
    """Start again with an empty list."""
    with _lock:
        _seen.clear()


def _function_credentials(config: Mapping[str, Any]) -> dict[str, str]:
    name = str(config.get("FunctionName") or "function")
    return session_for_role(str(config.get("Role") or ""), name, name)


def _caller(request: call_checks.Request) -> dict[str, str] | None:
    return _callers.get(extract_access_key_id(request.headers, request.query) or "")


def _remember(request: call_checks.Request, checks: list[call_checks.Check], status: int) -> None:
    caller = _caller(request)
    if caller is None:
        return
    for action, resource, context in [*checks, *call_checks.after(request, status)]:
        _keep({**caller, "by": ""}, action, resource, context, status >= 400)


def _keep(caller: Mapping[str, str], action: str, resource: str, context: Mapping[str, str], refused: bool) -> None:
    key = (caller["role"], caller["session"], caller["by"], action, resource, tuple(sorted(context.items())))
    with _lock:
        entry = _seen.setdefault(key, {
            **caller, "service": action.partition(":")[0], "action": action, "resource": resource,
            "context": dict(context), "calls": 0, "refused": 0,
        })
        entry["calls"] += 1
        entry["refused"] += refused
