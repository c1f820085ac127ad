"""The local cloud's own endpoints under /_local, and the ASGI application that holds them.

Plays nothing of AWS: it is what the Slack stand-in, the stories and the tests ask. Answers only to this machine,
and only to requests that name it: a page in a browser must not reach it through a name of its own. Touches
ministack's `app.app`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app
from ministack.core.responses import set_request_account_id, set_request_region

from . import MINISTACK_VERSION, calls, chatbot, codebuild, inventory, macie, permissions
from .loopback import is_loopback

_API_HOST = re.compile(rb"([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?(?::\d+)?$")
MAX_BODY_BYTES = 4 * 1024 * 1024


class _Refused(Exception):
    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


async def application(scope: dict[str, Any], receive: Callable[[], Awaitable[dict]], send: Callable) -> None:
    """Requests under /_local are ours, all others ministack's."""
    if scope["type"] != "http" or not scope["path"].startswith("/_local/"):
        await app.app(_with_local_api_host(scope), receive, send)
        return
    try:
        _check_sender(scope)
        status, answer = _answer(scope["method"], scope["path"], await _body(receive))
    except _Refused as refusal:
        status, answer = refusal.status, {"message": str(refusal)}
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_local_api_host(scope: dict[str, Any]) -> dict[str, Any]:
    """A request to `<api>.execute-api.<region>.amazonaws.com`, sent here by whoever knows better than DNS.

    ministack knows an API by its path or by a host name of its own; the URL in a stack's outputs has AWS's.
    """
    if scope["type"] != "http":
        return scope
    headers = []
    for name, value in scope["headers"]:
        if name == b"host" and (match := _API_HOST.match(value)):
            value = match.group(1) + b".execute-api.localhost"
        headers.append((name, value))
    return {**scope, "headers": headers}


def _answer(method: str, path: str, body: bytes) -> tuple[int, Any]:
    set_request_account_id("")
    set_request_region("")
    if (method, path) == ("GET", "/_local/health"):
        return 200, {"status": "ready", "ministack": MINISTACK_VERSION}
    if (method, path) == ("GET", "/_local/chatbot"):
        return 200, chatbot.deployed()
    if (method, path) == ("GET", "/_local/calls"):
        return 200, {"calls": calls.made()}
    if (method, path) == ("DELETE", "/_local/calls"):
        calls.forget()
        return 200, {}
    if (method, path) == ("GET", "/_local/inventory"):
        return 200, {"things": inventory.everything()}
    if (method, path) == ("GET", "/_local/permissions"):
        return 200, permissions.deployed()
    if (method, path) == ("POST", "/_local/sessions"):
        return 200, _session(body)
    if (method, path) == ("POST", "/_local/macie/findings"):
        finding = _finding(body)
        macie.publish(finding)
        return 200, {"id": finding["id"]}
    if (method, path) == ("POST", "/_local/builds/run-out-of-time"):
        if not codebuild.run_out_of_time(body.decode("utf-8", "replace")):
            raise _Refused(404, "no such build is running")
        return 200, {}
    raise _Refused(404, f"no such endpoint: {method} {path}")


def _session(body: bytes) -> dict[str, str]:
    """Credentials of a role: {role, session} are given, and `service`, who takes it on. Without one it is Amazon Q,
    which the Slack stand-in plays."""
    try:
        wanted = json.loads(body)
        role, session = wanted["role"], wanted["session"]
        service = wanted.get("service", "chatbot.amazonaws.com")
    except (ValueError, KeyError, TypeError) as error:
        raise _Refused(400, f"a session is of a role and has a name: {error}") from error
    return calls.session_for_role(str(role), str(session), service=str(service))


def _finding(body: bytes) -> dict[str, Any]:
    try:
        finding = json.loads(body)
    except ValueError as error:
        raise _Refused(400, f"the finding is no JSON: {error}") from error
    if not isinstance(finding, dict) or not isinstance(finding.get("id"), str) or not finding["id"]:
        raise _Refused(400, "a finding is an object with an id")
    return finding


def _check_sender(scope: dict[str, Any]) -> None:
    client = (scope.get("client") or ("",))[0]
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    from_a_page = any(header == b"origin" for header, _ in scope["headers"])
    if from_a_page or not client or not is_loopback(client) or not is_loopback(name):
        raise _Refused(403, "the local cloud's own endpoints answer to this machine only")


async def _body(receive: Callable[[], Awaitable[dict]]) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(400, "the request ended early")
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _Refused(413, "the request is too big")
        if not message.get("more_body"):
            return body
