"""What is deployed of IAM: roles with their policies, and the policies of resources.

Answers `GET /_local/permissions`, for the test that compares them with the calls made. Touches ministack's
`iam._roles`, `iam._policies`, `s3._bucket_policies`, `sqs._queues`, `sns._topics`, `kms._keys`,
`lambda_svc._functions` and `cloudformation._stacks`.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import cloudformation, iam, kms, lambda_svc, s3, sns, sqs

from . import chatbot


def deployed() -> dict[str, Any]:
    """{roles: [{arn, stack, name, trust, policies, guardrails}], resources: {arn: {stack, name, policy}}}.

    `stack` and `name` (the logical one) are empty for what no stack made. `policies` and `guardrails` are by name.
    """
    logical = _logical_names()
    roles = []
    for role in iam._roles.values():
        stack, name = logical.get(role["RoleName"], ("", ""))
        policies = {policy: _document(text) for policy, text in role["InlinePolicies"].items()}
        for attached in role["AttachedPolicies"]:
            arn = attached if isinstance(attached, str) else attached.get("PolicyArn", "")
            policies[logical.get(arn, ("", arn))[1]] = _managed(arn)
        roles.append({
            "arn": role["Arn"], "stack": stack, "name": name, "trust": _document(role["AssumeRolePolicyDocument"]),
            "policies": policies, "guardrails": _guardrails(role["Arn"]),
        })
    resources = {}
    for arn, physical, policy in _resource_policies(logical):
        stack, name = logical.get(physical, ("", ""))
        if policy:
            resources[arn] = {"stack": stack, "name": name, "policy": _document(policy)}
    return {"roles": roles, "resources": resources}


def _logical_names() -> dict[str, tuple[str, str]]:
    """The stack and the logical name of each physical one."""
    found = {}
    for stack in cloudformation._stacks.values():
        for name, resource in (stack.get("_resources") or {}).items():
            found[str(resource.get("PhysicalResourceId"))] = (stack["StackName"], name)
    return found


def _managed(arn: str) -> Any:
    policy = iam._policies.get(arn)
    return _document(policy["Versions"][policy["DefaultVersionId"]]["Document"]) if policy else None


def _guardrails(role: str) -> dict[str, Any]:
    """The guardrail policies of Amazon Q's channels that use the role."""
    return {
        arn: _managed(arn)
        for channel in chatbot.deployed()["channels"] if channel["properties"]["IamRoleArn"] == role
        for arn in channel["properties"].get("GuardrailPolicies") or []
    }


def _resource_policies(logical: dict[str, tuple[str, str]]) -> list[tuple[str, str, Any]]:
    """Every policy of a resource: ARN, physical name, document."""
    found = [(f"arn:aws:s3:::{name}", name, policy) for name, policy in s3._bucket_policies.items()]
    for url, queue in sqs._queues.items():
        found.append((queue["attributes"]["QueueArn"], url, queue["attributes"].get("Policy")))
    for arn, topic in sns._topics.items():
        found.append((arn, arn, topic["attributes"].get("Policy")))
    for key_id, key in kms._keys.items():
        found.append((key["Arn"], key_id, key.get("Policy")))
    for name, function in lambda_svc._functions.items():
        policy = function.get("policy") or {}
        if policy.get("Statement"):
            # A statement is a resource of a template, too, and is called as that.
            named = [{**one, "Sid": logical.get(one.get("Sid", ""), ("", one.get("Sid", "")))[1]}
                     for one in policy["Statement"]]
            found.append((function["config"]["FunctionArn"], name, {**policy, "Statement": named}))
    return found


def _document(policy: Any) -> Any:
    if isinstance(policy, (bytes, bytearray)):
        policy = policy.decode()
    return json.loads(policy) if isinstance(policy, str) else policy
