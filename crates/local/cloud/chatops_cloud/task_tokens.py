"""Callback tasks of Step Functions: one token for each attempt, and the first answer counts.

Plays `.waitForTaskToken` and SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat with the errors of closed, unknown
and malformed ones. Touches ministack's `stepfunctions._invoke_with_callback`, `_apply_jsonata_arguments`,
`_send_task_success`, `_send_task_failure`, `_send_task_heartbeat`, `_invoke_resource` and `_task_tokens`. ministack
swallows the error of the function that was to get the token, lets a second answer replace the first, and keeps
one token for all attempts.
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid, now_iso
from ministack.services import stepfunctions

from .executions import MAX_CAUSE, MAX_ERROR, current_task, under_way

_ABORTED = object()
_closed: set[str] = set()
_lock = threading.Lock()


def install() -> None:
    """Put the callbacks into ministack's interpreter."""
    stepfunctions._invoke_with_callback = _invoke_with_callback
    stepfunctions._send_task_success = _send_task_success
    stepfunctions._send_task_failure = _send_task_failure
    stepfunctions._send_task_heartbeat = _send_task_heartbeat
    arguments = stepfunctions._apply_jsonata_arguments

    def apply_arguments(state: dict, raw_input: Any, context: dict | None = None) -> Any:
        # A retry of a callback task gets a token of its own; the one before it is closed.
        if context and "Task" in context and ".waitForTaskToken" in state.get("Resource", ""):
            context["Task"] = {"Token": new_uuid()}
        return arguments(state, raw_input, context)

    stepfunctions._apply_jsonata_arguments = apply_arguments


def abort(token: str) -> None:
    """End the wait for a token, because its execution has ended."""
    _settle(token, _ABORTED)


def _invoke_with_callback(resource: str, parameters: Any, token: str, state: Mapping[str, Any]) -> Any:
    """Invoke, then wait for the token. A failed invocation fails the task; an early answer ends the wait."""
    settled = threading.Event()
    task = current_task.get()
    running = under_way.get(task[0]["executionArn"]) if task else None
    with _lock:
        stepfunctions._task_tokens[token] = {"event": settled, "result": None, "error": None, "heartbeat": None}
        if running:
            running.tokens.add(token)
    try:
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(_invoke, resource.replace(".waitForTaskToken", ""), parameters, token),
            daemon=True,
        ).start()
        if task and task[0]["status"] != "RUNNING":
            _settle(token, _ABORTED)
        if not settled.wait(timeout=state.get("TimeoutSeconds")):
            with _lock:
                if not settled.is_set():
                    seconds = state.get("TimeoutSeconds")
                    raise stepfunctions._ExecutionError("States.Timeout", f"Task timed out after {seconds} seconds")
        answer = stepfunctions._task_tokens[token]
    finally:
        with _lock:
            stepfunctions._task_tokens.pop(token, None)
            _closed.add(token)
            if running:
                running.tokens.discard(token)
    if answer["error"] is _ABORTED:
        raise stepfunctions._ExecutionError("States.Runtime", "The execution was stopped")
    if answer["error"]:
        raise stepfunctions._ExecutionError(answer["error"]["Error"], answer["error"]["Cause"])
    return json.loads(answer["result"])


def _invoke(resource: str, parameters: Any, token: str) -> None:
    try:
        stepfunctions._invoke_resource(resource, parameters)
    except stepfunctions._ExecutionError as error:
        _settle(token, {"Error": error.error, "Cause": error.cause})
    except Exception as error:  # the waiting task must hear of it
        _settle(token, {"Error": "States.Runtime", "Cause": repr(error)})


def _settle(token: str, error: Any) -> None:
    """Fail a waiting task, unless it is settled already."""
    with _lock:
        waiting = stepfunctions._task_tokens.get(token)
        if waiting and not waiting["event"].is_set():
            waiting["error"] = error
            waiting["event"].set()


def _answer_task(parameters: Mapping[str, Any], fill: Callable[[dict], Any]) -> tuple:
    token = parameters.get("taskToken") or ""
    with _lock:
        waiting = stepfunctions._task_tokens.get(token)
        if waiting is None and token not in _closed:
            return error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
        if waiting is None or waiting["event"].is_set():
            # The first answer counts; whoever comes second learns that the task is closed.
            return error_response_json(
                "TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400
            )
        fill(waiting)
    return json_response({})


def _send_task_success(parameters: Mapping[str, Any]) -> tuple:
    output = parameters.get("output")
    try:
        json.loads(output if isinstance(output, str) else "")
    except ValueError:
        return error_response_json("InvalidOutput", f"Invalid Output: {output!r} is not JSON", 400)

    def fill(waiting: dict) -> None:
        waiting["result"] = output
        waiting["event"].set()

    return _answer_task(parameters, fill)


def _send_task_failure(parameters: Mapping[str, Any]) -> tuple:
    error, cause = parameters.get("error") or "", parameters.get("cause") or ""
    if len(error) > MAX_ERROR or len(cause) > MAX_CAUSE:
        return error_response_json("ValidationException", "error or cause is too long", 400)

    def fill(waiting: dict) -> None:
        waiting["error"] = {"Error": error, "Cause": cause}
        waiting["event"].set()

    return _answer_task(parameters, fill)


def _send_task_heartbeat(parameters: Mapping[str, Any]) -> tuple:
    return _answer_task(parameters, lambda waiting: waiting.update(heartbeat=now_iso()))
