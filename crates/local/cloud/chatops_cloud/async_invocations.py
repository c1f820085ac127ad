"""Lambda's asynchronous invocations: retries, destinations and dead letters with AWS's records.

Plays what happens to `InvocationType: Event`: up to two retries (about one and two seconds apart here, one and
two minutes on AWS), then the destination's record or the dead letter, which is the event itself. What EventBridge
invokes is asynchronous as well, which ministack plays without retries. Touches ministack's
`lambda_svc.invoke_async_with_retry`, `_execute_function`, and `eventbridge._dispatch_to_lambda`.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from ministack.core.lambda_runtime import _account_region_from_function_config
from ministack.core.responses import new_uuid, request_scope
from ministack.services import eventbridge, lambda_svc, sqs

from . import calls
from .inside import ServiceError, call_json, iso

logger = logging.getLogger("lambda")

_FIRST_RETRY_SECONDS = 1.0


def install() -> None:
    """Take over asynchronous invocations."""
    lambda_svc.invoke_async_with_retry = invoke
    eventbridge._dispatch_to_lambda = _from_eventbridge


def invoke(function: Mapping[str, Any], event: Any) -> None:
    """Run the function in the background; returns at once."""
    threading.Thread(target=_run, args=(function, event), daemon=True).start()


def _from_eventbridge(arn: str, payload: str) -> None:
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        logger.warning("EventBridge could not invoke %s: there is no such function", name)
        return
    invoke(lambda_svc._execution_record_for_config(function, config), json.loads(payload))


def _run(function: Mapping[str, Any], event: Any) -> None:
    config = function.get("config") or function
    configured = (
        function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    )
    retries = configured.get("MaximumRetryAttempts")
    limit = time.monotonic() + int(configured.get("MaximumEventAgeInSeconds") or 21_600)
    destinations = configured.get("DestinationConfig") or {}
    with request_scope(*_account_region_from_function_config(config)):
        attempts, condition, result = 0, "RetriesExhausted", {}
        while True:
            attempts += 1
            result = lambda_svc._execute_function(function, event)
            if not result.get("error"):
                condition = "Success"
                break
            if attempts > (2 if retries is None else int(retries)):
                break
            pause = _FIRST_RETRY_SECONDS * 2 ** (attempts - 1)
            if time.monotonic() + pause > limit:
                condition = "EventAgeExceeded"
                break
            time.sleep(pause)
        record = _record(config, event, result, attempts, condition)
        which = "OnSuccess" if condition == "Success" else "OnFailure"
        if target := (destinations.get(which) or {}).get("Destination"):
            _send(target, json.dumps(record), {}, str(config.get("Role") or ""))
        if condition != "Success" and (letter := (config.get("DeadLetterConfig") or {}).get("TargetArn")):
            message = str((record["responsePayload"] or {}).get("errorMessage", ""))[:1024]
            _send(letter, json.dumps(event), {
                "RequestID": record["requestContext"]["requestId"], "ErrorCode": "200", "ErrorMessage": message,
            }, str(config.get("Role") or ""))


def _record(config: Mapping[str, Any], event: Any, result: Mapping[str, Any], attempts: int, condition: str) -> dict:
    context: dict[str, Any] = {"statusCode": 200, "executedVersion": str(config.get("Version") or "$LATEST")}
    if result.get("error"):
        context["functionError"] = result.get("function_error") or "Unhandled"
    return {
        "version": "1.0",
        "timestamp": iso(),
        "requestContext": {
            "requestId": new_uuid(),
            "functionArn": f"{config['FunctionArn']}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": context,
        "responsePayload": result.get("body"),
    }


def _send(target: str, body: str, attributes: Mapping[str, str], role: str) -> None:
    """Deliver to a queue or topic, with the function's role. Functions and event buses are not played."""
    service = target.split(":")[2]
    calls.for_role(role, {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}.get(service, service), target)
    try:
        if service == "sqs":
            if sqs._queue_by_arn(target) is None:
                raise ServiceError("QueueDoesNotExist", target)
            _, _, _, _, account, name = target.split(":")
            url = sqs._queue_name_to_url.get(name) or sqs._queue_url_for_account(account, name)
            call_json("sqs", "AmazonSQS.SendMessage", {
                "QueueUrl": url, "MessageBody": body,
                "MessageAttributes": {
                    name: {"DataType": "Number" if name == "ErrorCode" else "String", "StringValue": value}
                    for name, value in attributes.items() if value
                },
            })
        elif service == "sns":
            from ministack.services import sns

            sns._fanout(target, new_uuid(), body, "", "", {})
        else:
            raise ServiceError("InvalidParameterValueException", f"the local cloud does not deliver to {target}")
    except (ServiceError, ValueError):
        logger.exception("Asynchronous invocation: the record could not be delivered to %s", target)
