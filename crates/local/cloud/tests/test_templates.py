"""Property validation of the resource types that the plug-in adds to CloudFormation."""

from __future__ import annotations

import copy
import unittest
from typing import Any

from chatops_cloud import chatbot, conditions
from ministack.services.cloudformation import engine

ROLE = "arn:aws:iam::000000000000:role/r"
CHANNEL = {"ConfigurationName": "scan-1", "IamRoleArn": ROLE, "SlackWorkspaceId": "T01AB", "SlackChannelId": "C01AB",
           "SnsTopicArns": ["arn:aws:sns:us-east-1:000000000000:t"], "LoggingLevel": "ERROR",
           "GuardrailPolicies": ["arn:aws:iam::000000000000:policy/p"], "UserRoleRequired": "false",
           "CustomizationResourceArns": ["arn:aws:chatbot::000000000000:custom-action/approve-1"]}
ACTION = {"ActionName": "approve-1", "AliasName": "approve",
          "Definition": {"CommandText": 'lambda invoke --function-name f --payload {"approve":"$scanId"}'},
          "Attachments": [{
              "NotificationType": "Custom", "ButtonText": "Approve",
              "Variables": {"scanId": "event.metadata.additionalContext.scanId"},
              "Criteria": [{"Operator": "HAS_VALUE", "VariableName": "scanId"},
                           {"Operator": "EQUALS", "VariableName": "kind", "Value": "quality-gate-failed"}],
          }]}


def changed(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with the member at `path` replaced, or removed for None."""
    result = copy.deepcopy(base)
    *parents, name = path.split("/")
    place: Any = result
    for parent in parents:
        place = place[int(parent)] if parent.isdecimal() else place[parent]
    if value is None:
        del place[name]
    else:
        place[name] = value
    return result


class Channel(unittest.TestCase):
    def check(self, properties: dict[str, Any], message: str | None) -> None:
        if message is None:
            chatbot.check(chatbot.CHANNEL, chatbot._CHANNEL_PROPERTIES, properties)
            return
        with self.assertRaises(ValueError) as raised:
            chatbot.check(chatbot.CHANNEL, chatbot._CHANNEL_PROPERTIES, properties)
        self.assertIn(message, str(raised.exception))

    def test_accepts_every_documented_property(self) -> None:
        self.check(CHANNEL, None)

    def test_refuses_what_the_schema_refuses(self) -> None:
        for path, value, message in (
            ("ConfigurationName", None, "required key [ConfigurationName] not found"),
            ("ConfigurationName", "a b", "does not match pattern"),
            ("SlackWorkspaceId", "t01", "/SlackWorkspaceId does not match pattern"),
            ("SlackChannelId", "#security", "/SlackChannelId does not match pattern"),
            ("IamRoleArn", "role/r", "/IamRoleArn does not match pattern"),
            ("SnsTopicArns", "arn", "/SnsTopicArns expected a list"),
            ("SnsTopicArns", ["topic"], "/SnsTopicArns [0] does not match pattern"),
            ("GuardrailPolicies", ["ReadOnly"], "/GuardrailPolicies [0]"),
            ("LoggingLevel", "DEBUG", "/LoggingLevel does not match pattern"),
            ("UserRoleRequired", "maybe", "/UserRoleRequired expected a boolean"),
            ("CustomizationResourceArns", [ROLE], "/CustomizationResourceArns [0]"),
            ("SlackTeamId", "T1", "extraneous key [SlackTeamId] is not permitted"),
        ):
            self.check(changed(CHANNEL, path, value), message)

    def test_refuses_a_slack_channel_that_another_configuration_has(self) -> None:
        one, other = ("arn:aws:chatbot::000000000000:chat-configuration/slack-channel/" + name for name in ("a", "b"))
        self.addCleanup(chatbot._channels.clear)
        chatbot._channels[one] = CHANNEL
        chatbot._check_channel_is_free(one, CHANNEL)
        chatbot._check_channel_is_free(other, changed(CHANNEL, "SlackChannelId", "C0OTHER01"))
        with self.assertRaises(ValueError) as raised:
            chatbot._check_channel_is_free(other, CHANNEL)
        self.assertIn("already configured in " + one, str(raised.exception))


class Action(unittest.TestCase):
    def check(self, properties: dict[str, Any], message: str | None) -> None:
        if message is None:
            chatbot._check_action(properties)
            return
        with self.assertRaises(ValueError) as raised:
            chatbot._check_action(properties)
        self.assertIn(message, str(raised.exception))

    def test_accepts_every_documented_property(self) -> None:
        self.check(ACTION, None)

    def test_refuses_what_the_schema_refuses(self) -> None:
        attachment = "Attachments/0"
        for path, value, message in (
            ("ActionName", "approve scan", "/ActionName does not match pattern"),
            ("Definition", {}, "required key [CommandText] not found"),
            ("Definition/CommandText", "", "expected minLength: 1"),
            ("Definition/CommandText", "x" * 5001, "expected maxLength: 5000"),
            (f"{attachment}/ButtonText", "x" * 51, "/ButtonText expected maxLength: 50"),
            (f"{attachment}/NotificationType", "My type", "/NotificationType does not match pattern"),
            (f"{attachment}/Criteria", [], "expected minimum item count: 1"),
            (f"{attachment}/Criteria", ACTION["Attachments"][0]["Criteria"] * 3, "expected maximum item count: 5"),
            (f"{attachment}/Criteria/0/Operator", "LIKE", "/Operator does not match pattern"),
            (f"{attachment}/Criteria/1/Value", None, "needs a Value"),
            (f"{attachment}/Variables", {str(index): "x" for index in range(6)}, "1 to 5 entries"),
            (f"{attachment}/Variables/scanId", "has spaces", "/scanId does not match pattern"),
        ):
            self.check(changed(ACTION, path, value), message)


class Conditions(unittest.TestCase):
    def test_a_joined_list_is_compared_as_its_text(self) -> None:
        has_keys = {"HasKeys": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Keys"}]}, ""]}]}}
        for value, expected in (("", False), (",", False), ("arn:a,arn:b", True)):
            params = {"Keys": {"Value": value, "Type": "CommaDelimitedList"}}
            template = {"Conditions": conditions.joined(has_keys, params)}
            self.assertEqual(engine._evaluate_conditions(template, params), {"HasKeys": expected}, value)


if __name__ == "__main__":
    unittest.main()
