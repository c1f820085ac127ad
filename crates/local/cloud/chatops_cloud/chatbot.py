"""AWS Chatbot (Amazon Q Developer in chat applications): channel configurations and custom actions in templates.

Plays AWS::Chatbot::SlackChannelConfiguration and AWS::Chatbot::CustomAction with the documented property
patterns, their replacement rules, and the SNS subscriptions that a channel makes for itself; of the service's API,
what looks at them and what changes a channel (chatbot_api.py). Touches ministack's
`provisioners._RESOURCE_HANDLERS`, `_REPLACING_PROPERTIES`, `sns._topics` and `_sub_arn_to_topic`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, new_uuid
from ministack.services import sns
from ministack.services.cloudformation import provisioners

from .properties import Boolean, List, Map, Struct, Text, check

CHANNEL, ACTION = "AWS::Chatbot::SlackChannelConfiguration", "AWS::Chatbot::CustomAction"
ENDPOINT = "https://global.sns-api.chatbot.amazonaws.com"

_TAGS = List(Struct({"Key": Text(1, 128), "Value": Text(0, 256)}, required=("Key", "Value")), most=200)
_CHANNEL_PROPERTIES = Struct(
    {
        "ConfigurationName": Text(pattern=r"[A-Za-z0-9-_]{1,128}"),
        "IamRoleArn": Text(pattern=r"arn:aws[A-Za-z0-9-]*:iam::\d{12}:role/.+"),
        "SlackWorkspaceId": Text(1, 256, r"[0-9A-Z]+"),
        "SlackChannelId": Text(1, 256, r"[A-Za-z0-9]+"),
        "SnsTopicArns": List(Text(pattern=r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+")),
        "GuardrailPolicies": List(Text(pattern=r"arn:aws[A-Za-z0-9-]*:iam::(\d{12}|aws):policy/.+")),
        "UserRoleRequired": Boolean(),
        "LoggingLevel": Text(pattern=r"ERROR|INFO|NONE"),
        "CustomizationResourceArns": List(
            Text(pattern=r"arn:aws[a-z-]*:chatbot:[A-Za-z0-9-]*:\d{12}:custom-action/[A-Za-z0-9_-]{1,64}")
        ),
        "Tags": _TAGS,
    },
    required=("ConfigurationName", "IamRoleArn", "SlackWorkspaceId", "SlackChannelId"),
)
_ACTION_PROPERTIES = Struct(
    {
        "ActionName": Text(pattern=r"[a-zA-Z0-9_-]{1,64}"),
        "AliasName": Text(pattern=r"[A-Za-z0-9-_]{1,30}"),
        # CloudFormation accepts 5,000; the service's own model says 100, and some Regions hold to it.
        "Definition": Struct({"CommandText": Text(1, 5000)}, required=("CommandText",)),
        "Attachments": List(
            Struct(
                {
                    "NotificationType": Text(pattern=r"[a-zA-Z0-9-]{1,100}"),
                    "ButtonText": Text(1, 50),
                    "Criteria": List(
                        Struct(
                            {"Operator": Text(pattern=r"HAS_VALUE|EQUALS"), "VariableName": Text(1, 100),
                             "Value": Text(0, 1024)},
                            required=("Operator", "VariableName"),
                        ),
                        least=1, most=5,
                    ),
                    "Variables": Map(Text(pattern=r"[A-Za-z0-9-_]{1,100}"), Text(pattern=r"[!-~]{1,1024}"), 1, 5),
                }
            )
        ),
        "Tags": _TAGS,
    },
    required=("ActionName", "Definition"),
)

_channels: dict[str, dict[str, Any]] = {}
_actions: dict[str, dict[str, Any]] = {}


def install() -> None:
    """Register the two resource types."""
    provisioners._RESOURCE_HANDLERS[CHANNEL] = {
        "create": _create_channel, "update": _update_channel, "delete": _delete_channel,
    }
    provisioners._RESOURCE_HANDLERS[ACTION] = {
        "create": _create_action, "update": _update_action,
        "delete": lambda physical_id, _properties: _actions.pop(physical_id, None),
    }
    provisioners._REPLACING_PROPERTIES[CHANNEL] = ("ConfigurationName", "SlackWorkspaceId")
    provisioners._REPLACING_PROPERTIES[ACTION] = ("ActionName",)


def deployed() -> dict[str, list[dict[str, Any]]]:
    """All channels and actions, each {arn, properties}."""
    return {
        "channels": [{"arn": arn, "properties": properties} for arn, properties in list(_channels.items())],
        "actions": [{"arn": arn, "properties": properties} for arn, properties in list(_actions.items())],
    }


def update_channel(arn: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change a channel as somebody does by hand, past CloudFormation; its properties."""
    _update_channel(arn, {}, {**_channels[arn], **changes}, "")
    return _channels[arn]


def _create_channel(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple:
    check(CHANNEL, _CHANNEL_PROPERTIES, properties)
    name = properties["ConfigurationName"]
    arn = f"arn:aws:chatbot::{get_account_id()}:chat-configuration/slack-channel/{name}"
    if arn in _channels:
        raise ValueError(f"{CHANNEL}: a configuration named {name} already exists")
    _check_channel_is_free(arn, properties)
    _subscribe(arn, properties)
    _channels[arn] = properties
    return arn, {"Arn": arn}


def _update_channel(physical_id: str, _old: dict, new: dict[str, Any], _stack: str) -> tuple:
    check(CHANNEL, _CHANNEL_PROPERTIES, new)
    _check_channel_is_free(physical_id, new)
    _subscribe(physical_id, new)
    _channels[physical_id] = new
    return physical_id, {"Arn": physical_id}


def _check_channel_is_free(arn: str, properties: Mapping[str, Any]) -> None:
    """A Slack channel belongs to one configuration of an account."""
    place = ("SlackWorkspaceId", "SlackChannelId")
    for other, configured in _channels.items():
        if other != arn and all(configured[name] == properties[name] for name in place):
            raise ValueError(f"{CHANNEL}: the channel {properties['SlackChannelId']} is already configured in {other}")


def _delete_channel(physical_id: str, _properties: dict) -> None:
    _channels.pop(physical_id, None)
    _unsubscribe_unused()


def _create_action(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple:
    _check_action(properties)
    name = properties["ActionName"]
    arn = f"arn:aws:chatbot::{get_account_id()}:custom-action/{name}"
    if arn in _actions:
        raise ValueError(f"{ACTION}: an action named {name} already exists")
    _actions[arn] = properties
    return arn, {"CustomActionArn": arn}


def _update_action(physical_id: str, _old: dict, new: dict[str, Any], _stack: str) -> tuple:
    _check_action(new)
    _actions[physical_id] = new
    return physical_id, {"CustomActionArn": physical_id}


def _check_action(properties: Mapping[str, Any]) -> None:
    check(ACTION, _ACTION_PROPERTIES, properties)
    for attachment in properties.get("Attachments") or []:
        for criterion in attachment.get("Criteria") or []:
            if criterion["Operator"] == "EQUALS" and "Value" not in criterion:
                raise ValueError(f"{ACTION}: criterion EQUALS on {criterion['VariableName']} needs a Value")


def _subscribe(arn: str, properties: Mapping[str, Any]) -> None:
    """Amazon Q subscribes itself to the topics of a channel; the subscription is confirmed at once."""
    wanted = properties.get("SnsTopicArns") or []
    for topic_arn in wanted:
        topic = sns._topics.get(topic_arn)
        if topic is None:
            raise ValueError(f"{CHANNEL}: SNS topic does not exist: {topic_arn}")
        # One subscription for each topic and endpoint, whoever asked for it first.
        if not any(subscription["endpoint"].startswith(ENDPOINT) for subscription in topic["subscriptions"]):
            subscription_arn = f"{topic_arn}:{new_uuid()}"
            topic["subscriptions"].append({
                "arn": subscription_arn, "topic_arn": topic_arn, "protocol": "https", "endpoint": ENDPOINT,
                "confirmed": True, "owner": get_account_id(), "by_chatbot": True,
                "attributes": {"FilterPolicyScope": "MessageAttributes", "FilterPolicy": "",
                               "RawMessageDelivery": "false"},
            })
            sns._sub_arn_to_topic[subscription_arn] = topic_arn
    if arn in _channels:
        _channels[arn] = dict(properties)
        _unsubscribe_unused()


def _unsubscribe_unused() -> None:
    wanted = {topic for properties in _channels.values() for topic in properties.get("SnsTopicArns") or []}
    for topic_arn in list(sns._topics.keys()):
        topic = sns._topics.get(topic_arn)
        if topic is None or topic_arn in wanted:
            continue
        for subscription in [one for one in topic["subscriptions"] if one.get("by_chatbot")]:
            topic["subscriptions"].remove(subscription)
            sns._sub_arn_to_topic.pop(subscription["arn"], None)
