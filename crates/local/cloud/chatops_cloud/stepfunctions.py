"""Step Functions: the CodeBuild integration, limits of time, and the error rules this product relies on.

Plays `codebuild:startBuild[.sync]`, `events:putEvents`, TimeoutSeconds (of states as JSONata, and of the machine),
StopExecution that ends the build, the Output of a Succeed state, and the errors that States.ALL does not catch.
Touches ministack's `stepfunctions._SERVICE_DISPATCH`, `_execute_task`, `_invoke_resource_with_timeout`,
`_stop_execution`, `_run_execution`, `_fail_execution`, `_apply_output_path`, `_error_matches`, `_executions`,
`_state_machines`, and `eventbridge._put_events`. HeartbeatSeconds, JitterStrategy and MaxDelaySeconds are not played.
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import new_uuid, now_iso
from ministack.services import eventbridge, stepfunctions

from . import calls_of_services, codebuild, task_tokens
from .executions import MAX_CAUSE, MAX_ERROR, Running, current_task, under_way
from .inside import pascal

_MILLISECONDS = ("startTime", "endTime", "lastModified", "created")


def install() -> None:
    """Put the pieces into ministack's interpreter."""
    task_tokens.install()
    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::codebuild:startBuild"] = _start_build
    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::events:putEvents"] = _put_events
    stepfunctions._error_matches = _error_matches
    execute_task, with_timeout = stepfunctions._execute_task, stepfunctions._invoke_resource_with_timeout
    stop, fail, run = stepfunctions._stop_execution, stepfunctions._fail_execution, stepfunctions._run_execution
    output_path = stepfunctions._apply_output_path

    def execute_one_task(state: dict, raw_input: Any, execution: dict, context: dict) -> tuple:
        reset = current_task.set((execution, set()))
        try:
            return execute_task(_evaluated(state, raw_input, context), raw_input, execution, context)
        finally:
            current_task.reset(reset)

    def invoke_with_timeout(resource: str, parameters: Any, timeout: float) -> Any:
        try:
            return with_timeout(resource, parameters, timeout)
        except stepfunctions._ExecutionError as error:
            task = current_task.get()
            if error.error == "States.Timeout" and task:
                _stop_builds(task[1], task[0])
            raise

    def stop_execution(parameters: dict) -> tuple:
        answer = stop(parameters)
        if answer[0] < 400:
            _end(parameters.get("executionArn") or "")
        return answer

    def fail_execution(execution: dict, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, str(error)[:MAX_ERROR], str(cause)[:MAX_CAUSE])

    def apply_output_path(state: dict, value: Any, context: dict | None = None) -> Any:
        # A Succeed state has an Output in JSONata; ministack knows only OutputPath.
        if state.get("Type") == "Succeed" and stepfunctions._state_query_language(state, context) == "JSONata":
            return stepfunctions._apply_jsonata_output(state, value, context, default=value)
        return output_path(state, value, context)

    stepfunctions._apply_output_path = apply_output_path
    stepfunctions._execute_task = execute_one_task
    stepfunctions._invoke_resource_with_timeout = invoke_with_timeout
    stepfunctions._stop_execution = stop_execution
    stepfunctions._fail_execution = fail_execution
    stepfunctions._run_execution = lambda arn: _run_with_limit(run, arn)


def end_all() -> None:
    """End what every execution has under way; for the end of the local cloud."""
    for arn in list(under_way):
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
    under_way[arn] = Running()
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
        under_way.pop(arn, None)


def _time_out(arn: str) -> None:
    execution = stepfunctions._executions.get(arn)
    if execution and execution["status"] == "RUNNING":
        execution.update(status="TIMED_OUT", stopDate=now_iso(), error="States.Timeout", cause="")
        stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        stepfunctions._emit_execution_status_event(execution)
        _end(arn)


def _end(arn: str) -> None:
    running = under_way.get(arn)
    if running is None:
        return
    _stop_builds(running.builds, stepfunctions._executions.get(arn))
    for token in list(running.tokens):
        task_tokens.abort(token)


def _stop_builds(builds: set[str], execution: Mapping[str, Any] | None) -> None:
    for build_id in list(builds):
        if execution:
            calls_of_services.stops_build(execution, build_id)
        codebuild.request_stop(build_id)


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
    task = current_task.get()
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
        running = under_way.get(task[0]["executionArn"])
        if running:
            running.builds.add(build_id)
        if task[0]["status"] != "RUNNING":
            _stop_builds({build_id}, task[0])
    build = pascal(_milliseconds(codebuild.wait_for(build_id)))
    if build["BuildStatus"] != "SUCCEEDED":
        # A longer Cause is cut in the middle of its JSON, as AWS cuts it.
        cause = json.dumps({"Build": build}, separators=(",", ":"))[:MAX_CAUSE]
        raise stepfunctions._ExecutionError("States.TaskFailed", cause)
    return {"Build": build}


def _put_events(_resource: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """`events:putEvents`: details may be objects, the execution is added to the resources, one failure fails all."""
    task = current_task.get()
    own = [task[0]["executionArn"], task[0]["stateMachineArn"]] if task else []
    entries = []
    for entry in parameters.get("Entries") or []:
        detail = entry.get("Detail", {})
        entries.append({
            **entry,
            "Detail": detail if isinstance(detail, str) else json.dumps(detail),
            "Resources": [*(entry.get("Resources") or []), *own],
        })
    status, _, body = eventbridge._put_events({"Entries": entries})
    answer = json.loads(body)
    if status >= 400:
        raise stepfunctions._ExecutionError("EventBridge.EventBridgeException", answer.get("message", ""))
    if answer["FailedEntryCount"]:
        raise stepfunctions._ExecutionError("EventBridge.FailedEntry", json.dumps(answer)[:MAX_CAUSE])
    return answer


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
