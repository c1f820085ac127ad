"""Properties of templates that ministack's CloudFormation drops, kept by whoever plays them.

Touches the `create` and `update` of a resource type in ministack's `provisioners._RESOURCE_HANDLERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services.cloudformation import provisioners


def keep_properties(resource_type: str, keep: Callable[[str, Mapping[str, Any]], None]) -> None:
    """Call `keep(physical_id, properties)` whenever a stack has created or updated a resource of the type."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Mapping[str, Any], stack: str) -> tuple:
        resource = create(logical_id, properties, stack)
        keep(resource[0], properties)
        return resource

    # Some of ministack's types take the logical id as well.
    def updated(physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any], stack: str, *logical_id: str) -> tuple:
        resource = update(physical_id, old, new, stack, *logical_id)
        keep(resource[0], new)
        return resource

    handlers["create"], handlers["update"] = created, updated
