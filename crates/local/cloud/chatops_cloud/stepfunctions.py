"""Step Functions: the CodeBuild integration, callbacks that behave, and the error rules this product relies on.

Plays `codebuild:startBuild[.sync]`, `.waitForTaskToken` with one token for each attempt, closed tokens,
TimeoutSeconds (of states as JSONata, and of the machine), StopExecution that ends the build, and the errors
that States.ALL does not catch. Touches ministack's `stepfunctions._SERVICE_DISPATCH`, `_execute_task`,
`_invoke_resource_with_timeout`, `_invoke_with_callback`, `_apply_jsonata_arguments`, `_send_task_*`,
`_stop_execution`, `_run_execution`, `_fail_execution`, `_error_matches`, `_task_tokens`, `_executions`.
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid, now_iso
from ministack.services import stepfunctions

from . import codebuild
from .inside import pascal

MAX_CAUSE, MAX_ERROR = 32_768, 256
_MILLISECONDS = ("startTime", "endTime", "lastModified", "created")


@dataclass
class _Running:
    """What one execution has under way that must end with it."""

    builds: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)


_under_way: dict[str, _Running] = {}
_closed_tokens: set[str] = set()
_token_lock = threading.Lock()
_task: contextvars.ContextVar[tuple[dict, set[str]] | None] = contextvars.ContextVar("chatops_task", default=None)
_ABORTED = object()


def install() -> None:
    """Put the pieces into ministack's interpreter."""
    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::codebuild:startBuild"] = _start_build
    stepfunctions._invoke_with_callback = _invoke_with_callback
    stepfunctions._send_task_success = _send_task_success
    stepfunctions._send_task_failure = _send_task_failure
    stepfunctions._send_task_heartbeat = _send_task_heartbeat
    stepfunctions._error_matches = _error_matches
    execute_task, with_timeout = stepfunctions._execute_task, stepfunctions._invoke_resource_with_timeout
    arguments, stop = stepfunctions._apply_jsonata_arguments, stepfunctions._stop_execution
    fail, run = stepfunctions._fail_execution, stepfunctions._run_execution

    def execute_one_task(state: dict, raw_input: Any, execution: dict, context: dict) -> tuple:
        reset = _task.set((execution, set()))
        try:
            return execute_task(_evaluated(state, raw_input, context), raw_input, execution, context)
        finally:
            _task.reset(reset)

    def invoke_with_timeout(resource: str, parameters: Any, timeout: float) -> Any:
        try:
            return with_timeout(resource, parameters, timeout)
        except stepfunctions._ExecutionError as error:
            task = _task.get()
            if error.error == "States.Timeout" and task:
                _stop_builds(task[1])
            raise

    def apply_arguments(state: dict, raw_input: Any, context: dict | None = None) -> Any:
        # A retry of a callback task gets a token of its own; the one before it is closed.
        if context and "Task" in context and ".waitForTaskToken" in state.get("Resource", ""):
            context["Task"] = {"Token": new_uuid()}
        return arguments(state, raw_input, context)

    def stop_execution(parameters: dict) -> tuple:
        answer = stop(parameters)
        if answer[0] < 400:
            _end(parameters.get("executionArn") or "")
        return answer

    def fail_execution(execution: dict, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, str(error)[:MAX_ERROR], str(cause)[:MAX_CAUSE])

    stepfunctions._execute_task = execute_one_task
    stepfunctions._invoke_resource_with_timeout = invoke_with_timeout
    stepfunctions._apply_jsonata_arguments = apply_arguments
    stepfunctions._stop_execution = stop_execution
    stepfunctions._fail_execution = fail_execution
    stepfunctions._run_execution = lambda arn: _run_with_limit(run, arn)


def end_all() -> None:
    """End what every execution has under way; for the end of the local cloud."""
    for arn in list(_under_way):
        _end(arn)


def _run_with_limit(run: Any, arn: str) -> None:
    """Run an execution with its machine's TimeoutSeconds, which ministack reads over."""
    execution = stepfunctions._executions.get(arn)
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) if execution else None
    try:
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    except ValueError:
        seconds = None
    timer = None
    _under_way[arn] = _Running()
    if isinstance(seconds, (int, float)):
        context = contextvars.copy_context()
        timer = threading.Timer(seconds, context.run, (_time_out, arn))
        timer.daemon = True
        timer.start()
    try:
        run(arn)
    finally:
        if timer:
            timer.cancel()
        _under_way.pop(arn, None)


def _time_out(arn: str) -> None:
    execution = stepfunctions._executions.get(arn)
    if execution and execution["status"] == "RUNNING":
        execution.update(status="TIMED_OUT", stopDate=now_iso(), error="States.Timeout", cause="")
        stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        stepfunctions._emit_execution_status_event(execution)
        _end(arn)


def _end(arn: str) -> None:
    running = _under_way.get(arn)
    if running is None:
        return
    _stop_builds(running.builds)
    for token in list(running.tokens):
        _settle(token, _ABORTED)


def _stop_builds(builds: set[str]) -> None:
    for build_id in list(builds):
        codebuild.stop_build({"id": build_id})


def _evaluated(state: dict, raw_input: Any, context: dict) -> dict:
    """The state with its JSONata time limits as numbers."""
    limits = [name for name in ("TimeoutSeconds", "HeartbeatSeconds") if isinstance(state.get(name), str)]
    if not limits or stepfunctions._state_query_language(state, context) != "JSONata":
        return state
    state = dict(state)
    for name in limits:
        state[name] = stepfunctions._jsonata_state_field(state, name, "number", raw_input, context)
    return state


def _error_matches(wanted: list[str], error: str) -> bool:
    """States.ALL and States.TaskFailed catch no States.Runtime and no States.DataLimitExceeded, as on AWS.

    A missing integration is States.Runtime: it must never look like a failed build.
    """
    if error in wanted:
        return True
    if error in ("States.Runtime", "States.DataLimitExceeded"):
        return False
    return "States.ALL" in wanted or ("States.TaskFailed" in wanted and error != "States.Timeout")


def _start_build(resource: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    task = _task.get()
    machine = task[0]["stateMachineArn"].rsplit(":", 1)[-1] if task else "states"
    status, _, body = codebuild.start_build(_api_names(parameters), f"states/{machine}")
    answer = json.loads(body)
    if status >= 400:
        name = str(answer.get("__type", "CodeBuildException")).rsplit("#", 1)[-1]
        text = (f"{answer.get('message', '')} (Service: AWSCodeBuild; Status Code: {status}; Error Code: {name}; "
                f"Request ID: {new_uuid()}; Proxy: null)")
        raise stepfunctions._ExecutionError(f"CodeBuild.{name}", text)
    if not resource.endswith(".sync"):
        return pascal(_milliseconds(answer))
    build_id = answer["build"]["id"]
    if task:
        task[1].add(build_id)
        running = _under_way.get(task[0]["executionArn"])
        if running:
            running.builds.add(build_id)
        if task[0]["status"] != "RUNNING":
            _stop_builds({build_id})
    build = pascal(_milliseconds(codebuild.wait_for(build_id)))
    if build["BuildStatus"] != "SUCCEEDED":
        # A longer Cause is cut in the middle of its JSON, as AWS cuts it.
        cause = json.dumps({"Build": build}, separators=(",", ":"))[:MAX_CAUSE]
        raise stepfunctions._ExecutionError("States.TaskFailed", cause)
    return {"Build": build}


def _api_names(parameters: Any) -> Any:
    if isinstance(parameters, Mapping):
        return {name[:1].lower() + name[1:]: _api_names(value) for name, value in parameters.items()}
    if isinstance(parameters, list):
        return [_api_names(value) for value in parameters]
    return parameters


def _milliseconds(value: Any) -> Any:
    """Timestamps as the integrations show them: milliseconds, where the API answers seconds."""
    if isinstance(value, dict):
        return {
            name: int(member * 1000) if name in _MILLISECONDS and isinstance(member, (int, float))
            else _milliseconds(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_milliseconds(member) for member in value]
    return value


def _invoke_with_callback(resource: str, parameters: Any, token: str, state: Mapping[str, Any]) -> Any:
    """Invoke, then wait for the token. A failed invocation fails the task; an early answer ends the wait."""
    settled = threading.Event()
    task = _task.get()
    running = _under_way.get(task[0]["executionArn"]) if task else None
    with _token_lock:
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
            with _token_lock:
                if not settled.is_set():
                    seconds = state.get("TimeoutSeconds")
                    raise stepfunctions._ExecutionError("States.Timeout", f"Task timed out after {seconds} seconds")
        answer = stepfunctions._task_tokens[token]
    finally:
        with _token_lock:
            stepfunctions._task_tokens.pop(token, None)
            _closed_tokens.add(token)
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
    except Exception as error:  # noqa: BLE001 - the waiting task must hear of it
        _settle(token, {"Error": "States.Runtime", "Cause": repr(error)})


def _settle(token: str, error: Any) -> None:
    """Fail a waiting task, unless it is settled already."""
    with _token_lock:
        waiting = stepfunctions._task_tokens.get(token)
        if waiting and not waiting["event"].is_set():
            waiting["error"] = error
            waiting["event"].set()


def _answer_task(parameters: Mapping[str, Any], fill: Any) -> tuple:
    token = parameters.get("taskToken") or ""
    with _token_lock:
        waiting = stepfunctions._task_tokens.get(token)
        if waiting is None and token not in _closed_tokens:
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
