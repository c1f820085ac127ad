"""The API of AWS Chatbot: looks at channel configurations and custom actions, and changes a channel by hand.

Field names: https://docs.aws.amazon.com/chatbot/latest/APIReference/. ministack has no such service: a module `chatbot`
is put beside its services, with entries in `app.SERVICE_REGISTRY`, `app.SERVICE_HANDLERS` and `app.detect_service`.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Mapping
from typing import Any

from ministack import app
from ministack.core.responses import json_response, set_request_region

from . import chatbot

# The API's names of a channel's properties in templates.
_FIELDS = {
    "ConfigurationName": "ConfigurationName", "IamRoleArn": "IamRoleArn", "SlackChannelId": "SlackChannelId",
    "SlackTeamId": "SlackWorkspaceId", "SnsTopicArns": "SnsTopicArns", "GuardrailPolicyArns": "GuardrailPolicies",
    "UserAuthorizationRequired": "UserRoleRequired", "LoggingLevel": "LoggingLevel",
}


def install() -> None:
    """Add the service to ministack."""
    module = types.ModuleType("ministack.services.chatbot")
    module.handle_request = _handle_request
    module.reset = lambda: None
    sys.modules[module.__name__] = module
    app.SERVICE_REGISTRY["chatbot"] = {"module": "chatbot"}
    app.SERVICE_HANDLERS["chatbot"] = _handle_request
    detect = app.detect_service

    def detect_service(method: str, path: str, headers: dict, query_params: dict) -> str:
        if "/chatbot/aws4_request" in headers.get("authorization", ""):
            return "chatbot"
        return detect(method, path, headers, query_params)

    app.detect_service = detect_service


async def _handle_request(method: str, path: str, _headers: dict, body: bytes, _query: dict) -> tuple:
    # Requests are signed for a Region of the service's own; channels and topics are in the account's.
    set_request_region("")
    try:
        return json_response(_operation(path, json.loads(body or b"{}")))
    except KeyError as error:
        status, headers, answer = json_response({"message": f"there is no {error}"}, 404)
        return status, {**headers, "x-amzn-ErrorType": "ResourceNotFoundException"}, answer
    except ValueError as error:
        status, headers, answer = json_response({"message": str(error)}, 400)
        return status, {**headers, "x-amzn-ErrorType": "InvalidRequestException"}, answer


def _operation(path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    deployed = chatbot.deployed()
    channels = {one["arn"]: one["properties"] for one in deployed["channels"]}
    actions = {one["arn"]: one["properties"] for one in deployed["actions"]}
    if path == "/describe-slack-channel-configurations":
        wanted = parameters.get("ChatConfigurationArn")
        found = [_described(arn, one) for arn, one in channels.items() if wanted in (None, arn)]
        return {"SlackChannelConfigurations": found}
    if path == "/get-custom-action":
        arn = parameters["CustomActionArn"]
        return {"CustomAction": {"CustomActionArn": arn, **actions[arn]}}
    if path == "/update-slack-channel-configuration":
        arn = parameters["ChatConfigurationArn"]
        changes = {ours: parameters[theirs] for theirs, ours in _FIELDS.items() if theirs in parameters}
        return {"ChannelConfiguration": _described(arn, chatbot.update_channel(arn, changes))}
    raise ValueError(f"the local cloud does not play chatbot {path}")


def _described(arn: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    fields = {theirs: properties[ours] for theirs, ours in _FIELDS.items() if ours in properties}
    names = {"SlackTeamName": "workspace", "SlackChannelName": "channel"}
    return {"ChatConfigurationArn": arn, "State": "ENABLED", **names, **fields}
