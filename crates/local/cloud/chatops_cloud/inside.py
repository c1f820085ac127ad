"""Calls from the plug-in to ministack's own services, without HTTP, and shapes shared by several modules.

Plays the calls that AWS services make to each other (CodeBuild reading a secret, writing an artifact).
Touches ministack's `app.SERVICE_HANDLERS` and `app.call_service_handler_sync`; only for worker threads.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ministack import app


class ServiceError(Exception):
    """A refused call: `code` as AWS names it, `message` as AWS words it."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


def call(
    service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: dict[str, list[str]]
) -> tuple[int, dict, bytes]:
    """One request to a service of the local cloud: status, headers, body."""
    handler = app.SERVICE_HANDLERS[service]
    status, answer_headers, answer = app.call_service_handler_sync(handler, method, path, dict(headers), body, query)
    if not isinstance(answer, (bytes, bytearray)):
        answer = str(answer or "").encode()
    return status, answer_headers, bytes(answer)


def call_json(service: str, target: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """One JSON-protocol call, such as `call_json("ssm", "AmazonSSM.GetParameter", …)`; ServiceError if refused."""
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"}
    status, _, body = call(service, "POST", "/", headers, json.dumps(parameters).encode(), {})
    answer = json.loads(body or b"{}")
    if status >= 400:
        code = str(answer.get("__type", "InternalFailure")).rsplit("#", 1)[-1]
        raise ServiceError(code, str(answer.get("message", answer.get("Message", ""))), status)
    return answer


def pascal(value: Any) -> Any:
    """An API answer with the member names that Step Functions gives it (`buildStatus` -> `BuildStatus`)."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: pascal(member) for name, member in value.items()}
    if isinstance(value, list):
        return [pascal(member) for member in value]
    return value


def camel(value: Any) -> Any:
    """A template property with the member names of the API (`S3Logs` -> `s3Logs`)."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: camel(member) for name, member in value.items()}
    if isinstance(value, list):
        return [camel(member) for member in value]
    return value


def iso(seconds: float | None = None) -> str:
    """A moment in the form of Macie and EventBridge details: 2026-11-20T10:14:58.031Z."""
    moment = datetime.fromtimestamp(time.time() if seconds is None else seconds, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
