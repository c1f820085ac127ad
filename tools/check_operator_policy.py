"""Checks that the operator's policy allows what CloudFormation calls for each type of resource in the templates.

    check_operator_policy.py POLICY TEMPLATE...

CloudFormation makes resources with the rights of whoever asked it to, and a type's schema lists what its handlers call
(https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html, `handlers`); cfn-lint brings
the schemas along. The local cloud makes resources without asking what a caller may do, so nothing else would notice a
missing action before AWS refuses it. Ends with 1 and names what is missing.
"""

from __future__ import annotations

import importlib.resources
import json
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from render_state_machine import read_template

# What handlers call only for resources of a kind that the templates do not make.
NOT_OURS = {
    "ec2:*": "no function is in a VPC",
    "elasticfilesystem:*": "no function has a file system",
    "firehose:*": "no log group delivers",
    "iam:*GroupPolicy": "policies belong to roles",
    "iam:*RolePermissionsBoundary": "no role has a boundary",
    "iam:*UserPolicy": "policies belong to roles",
    "s3files:*": "no function has a file system",
    "s3tables:*": "no bucket describes its objects in a table",
}
# A stack is made, read, changed and deleted; only an import of resources lists them.
HANDLERS = ("create", "read", "update", "delete")


def main(policy_file: str, *template_files: str) -> int:
    """Compare; the exit status."""
    allowed = set(allowed_through_cloudformation(json.loads(Path(policy_file).read_text(encoding="utf-8"))))
    needed = {(action, kind) for kind in kinds(template_files) for action in called_for(kind)}
    missing = {(action, kind) for action, kind in needed if not is_in(action, allowed)}
    faults = [f"CloudFormation needs {action} for {kind}" for action, kind in missing if not is_in(action, NOT_OURS)]
    idle = [pattern for pattern in NOT_OURS if not any(is_in(action, [pattern]) for action, _ in missing)]
    faults += [f"{pattern} need not be left out: {NOT_OURS[pattern]}" for pattern in idle]
    for fault in sorted(faults):
        print(f"{policy_file}: {fault}", file=sys.stderr)
    return 1 if faults else 0


def allowed_through_cloudformation(policy: dict) -> Iterator[str]:
    """The actions, some with wildcards, that the policy allows to whom CloudFormation calls for."""
    for statement in policy["Statement"]:
        if statement["Sid"].startswith("LetCloudFormation"):
            actions = statement["Action"]
            yield from [actions] if isinstance(actions, str) else actions


def kinds(template_files: tuple[str, ...]) -> set[str]:
    """The types of all resources."""
    return {resource["Type"] for name in template_files for resource in read_template(name)["Resources"].values()}


def called_for(kind: str) -> set[str]:
    """The actions that the handlers of a type call."""
    schemas = importlib.resources.files("cfnlint.data.schemas")
    files = json.loads((schemas / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    schema = json.loads((schemas / "resources" / f"{files[kind]}.json").read_text(encoding="utf-8"))
    handlers = schema.get("handlers", {})
    return {action for name in HANDLERS for action in handlers.get(name, {}).get("permissions", ())}


def is_in(action: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns covers the action, as IAM compares them: without regard to case."""
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
