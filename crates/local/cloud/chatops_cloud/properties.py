"""Checks of template properties for the resource types that this package adds.

Plays CloudFormation's model validation: unknown properties, missing ones, wrong types, patterns and lengths
fail the resource, with a message that names the property. Touches no ministack name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Text:
    """A string; numbers are taken as strings, as CloudFormation does."""

    least: int = 0
    most: int | None = None
    pattern: str | None = None

    def problem(self, value: Any) -> str | None:
        """What is wrong with `value`, or None."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return "expected a string"
        text = str(value)
        if len(text) < self.least:
            return f"expected minLength: {self.least}, actual: {len(text)}"
        if self.most is not None and len(text) > self.most:
            return f"expected maxLength: {self.most}, actual: {len(text)}"
        if self.pattern is not None and not re.fullmatch(self.pattern, text):
            return f"does not match pattern ^{self.pattern}$"
        return None


@dataclass(frozen=True)
class Boolean:
    """true or false, also as a string."""

    def problem(self, value: Any) -> str | None:
        """What is wrong with `value`, or None."""
        return None if str(value).lower() in ("true", "false") else "expected a boolean"


@dataclass(frozen=True)
class List:
    """A list of one kind of item."""

    item: Any
    least: int = 0
    most: int | None = None

    def problem(self, value: Any) -> str | None:
        """What is wrong with `value`, or None."""
        if not isinstance(value, list):
            return "expected a list"
        if len(value) < self.least:
            return f"expected minimum item count: {self.least}, found: {len(value)}"
        if self.most is not None and len(value) > self.most:
            return f"expected maximum item count: {self.most}, found: {len(value)}"
        for index, item in enumerate(value):
            if problem := self.item.problem(item):
                return f"[{index}] {problem}"
        return None


@dataclass(frozen=True)
class Map:
    """Free names to values."""

    name: Any
    value: Any
    least: int
    most: int

    def problem(self, value: Any) -> str | None:
        """What is wrong with `value`, or None."""
        if not isinstance(value, Mapping):
            return "expected a map"
        if not self.least <= len(value) <= self.most:
            return f"expected {self.least} to {self.most} entries, found: {len(value)}"
        for name, member in value.items():
            if problem := self.name.problem(name):
                return f"name {name!r} {problem}"
            if problem := self.value.problem(member):
                return f"/{name} {problem}"
        return None


@dataclass(frozen=True)
class Struct:
    """Named members, each with its own check; no others."""

    members: Mapping[str, Any]
    required: tuple[str, ...] = ()

    def problem(self, value: Any) -> str | None:
        """What is wrong with `value`, or None."""
        if not isinstance(value, Mapping):
            return "expected an object"
        for name in self.required:
            if name not in value:
                return f"required key [{name}] not found"
        for name, member in value.items():
            if name not in self.members:
                return f"extraneous key [{name}] is not permitted"
            if problem := self.members[name].problem(member):
                return f"/{name} {problem}"
        return None


def check(resource_type: str, shape: Struct, properties: Mapping[str, Any]) -> None:
    """ValueError, which fails the resource, when `properties` do not have the shape."""
    if problem := shape.problem(properties):
        raise ValueError(f"Properties validation failed for resource of type {resource_type}: #{problem}")
