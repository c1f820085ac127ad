"""The calls that services make with a role of the account, or in their own name, without credentials to tell by.

Reports to calls.py what Lambda, EventBridge, SQS polling, Step Functions and API Gateway ask of IAM for what they
do here; CodeBuild's own calls are reported by codebuild.py and build_world.py. Touches ministack's
`lambda_svc._emit_lambda_logs`, `sqs._receive_messages_for_esm`, `sqs._delete_messages_for_esm`, `lambda_svc._esms`,
`eventbridge._invoke_target`, `apigateway._invoke_lambda_proxy`, `stepfunctions._invoke_resource`,
`_state_machines`, and the `AWS::StepFunctions::StateMachine` entry of `provisioners._RESOURCE_HANDLERS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway, eventbridge, lambda_svc, sqs, stepfunctions
from ministack.services.cloudformation import provisioners

from . import call_checks, calls
from .executions import current_task

# What Step Functions asks for to deliver a machine's log:
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
_LOG_DELIVERY = ("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries",
                 "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups")
# The rule by which it learns that a build has ended:
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-codebuild.html
_BUILD_RULE = "rule/StepFunctionsGetEventForCodeBuildStartBuildRule"


def install() -> None:
    """Watch what services do for roles."""
    _watch_lambda()
    _watch_eventbridge()
    _watch_api_gateway()
    _watch_step_functions()


def writes_log(role: str, group: str, stream: str) -> None:
    """A service wrote a log with a role's permissions."""
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:{stream}"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        calls.for_role(role, action, arn)


def for_role(role: str, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
    """A call of a service with a role's permissions, and what it asks of KMS."""
    for wanted, on, keys in [(action, resource, dict(context or {})),
                             *call_checks.encryption(action, resource, get_region())]:
        calls.for_role(role, wanted, on, keys)


def _watch_lambda() -> None:
    emit, receive, delete = (
        lambda_svc._emit_lambda_logs, sqs._receive_messages_for_esm, sqs._delete_messages_for_esm
    )

    def emit_watched(function: dict, request_id: str, *arguments: Any, **options: Any) -> None:
        emit(function, request_id, *arguments, **options)
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}"
        writes_log(str(config.get("Role") or ""), group, "stream")

    def receive_watched(queue_url: str, most: int) -> list[dict]:
        messages = receive(queue_url, most)
        if messages:
            _poll(queue_url, "ReceiveMessage", "GetQueueAttributes")
        return messages

    def delete_watched(queue_url: str, receipt_handles: set[str]) -> None:
        delete(queue_url, receipt_handles)
        if receipt_handles:
            _poll(queue_url, "DeleteMessage")

    lambda_svc._emit_lambda_logs = emit_watched
    sqs._receive_messages_for_esm, sqs._delete_messages_for_esm = receive_watched, delete_watched


def _poll(queue_url: str, *operations: str) -> None:
    """Lambda polls with the function's role: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    queue = (sqs._queues.get(queue_url) or {}).get("attributes", {}).get("QueueArn", "")
    for mapping in list(lambda_svc._esms.values()):
        if mapping.get("EventSourceArn") != queue:
            continue
        _, config, _ = lambda_svc._get_func_record_for_ref(mapping.get("FunctionArn") or mapping["FunctionName"])
        for operation in operations if config else ():
            calls.for_role(str(config.get("Role") or ""), f"sqs:{operation}", queue)


def _watch_eventbridge() -> None:
    invoke = eventbridge._invoke_target

    def invoke_watched(target: Mapping[str, Any], event: Any, rule: Mapping[str, Any], view: Any = None) -> None:
        invoke(target, event, rule, view)
        arn, role = str(target.get("Arn") or ""), target.get("RoleArn")
        service = arn.split(":")[2] if arn.count(":") > 4 else ""
        if service == "states" and role:
            calls.assumed(role, "events.amazonaws.com")
            calls.for_role(role, "states:StartExecution", arn)
        elif service == "lambda" and lambda_svc._get_func_record_for_ref(arn)[0] is None:
            # What is gone has no policy that could refuse.
            return
        elif service in ("sqs", "sns", "lambda"):
            action = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}[service]
            source = {"aws:SourceArn": str(rule.get("Arn") or ""), "aws:SourceAccount": get_account_id()}
            calls.by_service("events.amazonaws.com", action, arn, source)

    eventbridge._invoke_target = invoke_watched


def _watch_api_gateway() -> None:
    invoke = apigateway._invoke_lambda_proxy

    async def invoke_watched(
        integration: Mapping[str, Any], api_id: str, stage: str, path: str, method: str, *arguments: Any, **options: Any
    ) -> Any:
        answer = await invoke(integration, api_id, stage, path, method, *arguments, **options)
        reference = apigateway._extract_lambda_ref_from_integration_uri(integration.get("integrationUri", ""))
        _, config, _ = lambda_svc._get_func_record_for_ref(reference)
        if config:
            region, account = get_region(), get_account_id()
            # The form of the stage, the method and the path:
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
            source = f"arn:aws:execute-api:{region}:{account}:{api_id}/{stage}/{method}{path}"
            calls.by_service("apigateway.amazonaws.com", "lambda:InvokeFunction", config["FunctionArn"], {
                "aws:SourceArn": source, "aws:SourceAccount": account,
            })
        return answer

    apigateway._invoke_lambda_proxy = invoke_watched


def _watch_step_functions() -> None:
    invoke = stepfunctions._invoke_resource
    handlers = provisioners._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"]
    create = handlers["create"]

    def invoke_watched(resource: str, parameters: Any) -> Any:
        _integration(resource, parameters)
        return invoke(resource, parameters)

    def create_watched(logical_id: str, properties: Mapping[str, Any], stack: str) -> tuple:
        created = create(logical_id, properties, stack)
        role = str(properties.get("RoleArn") or "")
        if (properties.get("LoggingConfiguration") or {}).get("Level", "OFF") != "OFF":
            calls.assumed(role, "states.amazonaws.com")
            for operation in _LOG_DELIVERY:
                calls.for_role(role, f"logs:{operation}", "*")
        return created

    stepfunctions._invoke_resource = invoke_watched
    handlers["create"] = create_watched


def _integration(resource: str, parameters: Any) -> None:
    """What the role of the execution's machine needs for one attempt of a task."""
    task = current_task.get()
    machine = stepfunctions._state_machines.get(task[0]["stateMachineArn"]) if task else None
    if machine is None or not isinstance(parameters, Mapping):
        return
    role = str(machine.get("roleArn") or "")
    region, account = get_region(), get_account_id()
    calls.assumed(role, "states.amazonaws.com")
    if "lambda:invoke" in resource:
        reference = str(parameters.get("FunctionName") or "")
        _, config, _ = lambda_svc._get_func_record_for_ref(reference)
        for_role(role, "lambda:InvokeFunction", config["FunctionArn"] if config else reference)
    elif "codebuild:startBuild" in resource:
        project = f"arn:aws:codebuild:{region}:{account}:project/{parameters.get('ProjectName')}"
        for_role(role, "codebuild:StartBuild", project)
        if resource.endswith(".sync"):
            for_role(role, "codebuild:BatchGetBuilds", project)
            for operation in ("PutTargets", "PutRule", "DescribeRule"):
                for_role(role, f"events:{operation}", f"arn:aws:events:{region}:{account}:{_BUILD_RULE}")
    elif "sns:publish" in resource:
        for_role(role, "sns:Publish", str(parameters.get("TopicArn") or "*"))
    elif "events:putEvents" in resource:
        for entry in parameters.get("Entries") or []:
            bus = str(entry.get("EventBusName") or "default")
            arn = bus if bus.startswith("arn:") else f"arn:aws:events:{region}:{account}:event-bus/{bus}"
            for_role(role, "events:PutEvents", arn, {
                "events:source": str(entry.get("Source") or ""), "events:detail-type": str(entry.get("DetailType") or ""),
            })
    else:
        # Not known here, and so allowed by no policy: the comparison will say so.
        for_role(role, json.dumps(resource), "*")


def stops_build(execution: Mapping[str, Any], build_id: str) -> None:
    """Step Functions stops a build that the execution has started."""
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
    if machine:
        project = f"arn:aws:codebuild:{get_region()}:{get_account_id()}:project/{build_id.partition(':')[0]}"
        for_role(str(machine.get("roleArn") or ""), "codebuild:StopBuild", project)
