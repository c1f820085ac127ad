"""Joined lists in the conditions of templates.

Plays `Fn::Join` over a list parameter in `Conditions`, which ministack leaves as it is, so that no comparison with it
is ever true. Touches `_evaluate_conditions` of ministack's `cloudformation.engine` and of the modules that import it.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import changesets, engine, handlers, stacks


def install() -> None:
    """Wrap the evaluation."""
    evaluate = engine._evaluate_conditions

    def joined_first(template: dict, params: dict) -> dict:
        return evaluate({**template, "Conditions": joined(template.get("Conditions", {}), params)}, params)

    for module in (engine, changesets, handlers, stacks):
        module._evaluate_conditions = joined_first


def joined(value: Any, params: dict) -> Any:
    """The same conditions with each joined list parameter as its text."""
    if isinstance(value, list):
        return [joined(one, params) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Join"}:
        separator, items = value["Fn::Join"]
        parameter = params.get(items.get("Ref")) if isinstance(items, dict) else None
        if parameter is not None:
            # The list is one text with commas here.
            return separator.join(str(parameter["Value"]).split(","))
    return {name: joined(one, params) for name, one in value.items()}
