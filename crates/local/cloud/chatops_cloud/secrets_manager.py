"""Secrets Manager in templates: `!Ref` of a secret is its ARN.

Plays AWS::SecretsManager::Secret's return value; ministack gives the name, which works in no policy. Touches
ministack's entry of that type in `provisioners._RESOURCE_HANDLERS` and `secretsmanager._secrets`.
"""

from __future__ import annotations

from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Make the ARN the physical id, and find the secret by it."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def create_with_arn(logical_id: str, properties: dict, stack: str) -> tuple:
        _, attributes = create(logical_id, properties, stack)
        return attributes["Arn"], attributes

    def update_by_arn(physical_id: str, old: dict, new: dict, stack: str, *logical_id: str) -> tuple:
        _, attributes = update(_name(physical_id), old, new, stack, *logical_id)
        return attributes["Arn"], attributes

    handlers["create"] = create_with_arn
    handlers["update"] = update_by_arn
    handlers["delete"] = lambda physical_id, properties: delete(_name(physical_id), properties)


def _name(physical_id: str) -> str:
    for name, secret in secretsmanager._secrets.items():
        record: dict[str, Any] = secret
        if record["ARN"] == physical_id:
            return name
    return physical_id
