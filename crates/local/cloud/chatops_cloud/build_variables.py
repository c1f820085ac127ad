"""The environment variables of a build: plain ones, Secrets Manager's and Parameter Store's.

Plays CodeBuild's precedence (StartBuild's override, then the project, then the buildspec) and its reading of
`secret-id:json-key:version-stage:version-id`. Touches no ministack name: reading is done by the two functions
that the caller gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .buildspec import VARIABLE_NAME, Buildspec

ReadSecret = Callable[[str, str, str], str]
"""Secret id, version stage ('' for the default), version id ('' for none) to the secret's text."""
ReadParameter = Callable[[str], str]

_ARN_FIELDS = 7  # arn:partition:secretsmanager:region:account:secret:name


class VariableError(Exception):
    """A variable that cannot be had; `code` is the status code of the phase's context."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Variables:
    """All variables of a build by name, and the values among them that the log must not show."""

    values: dict[str, str]
    secrets: tuple[str, ...]


def merge(project: Iterable[Mapping[str, str]], override: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """The project's variables with those of StartBuild on top, each {name, value, type}.

    ValueError names a variable that no shell could hold, or a type that does not exist.
    """
    merged: dict[str, dict[str, str]] = {}
    for variable in [*project, *override]:
        name, kind = variable.get("name", ""), variable.get("type") or "PLAINTEXT"
        if not VARIABLE_NAME.fullmatch(name):
            raise ValueError(f"Environment variable name is not valid: {name!r}")
        if kind not in ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER"):
            raise ValueError(f"Environment variable type is not valid: {kind!r}")
        merged[name] = {"name": name, "value": str(variable.get("value") or ""), "type": kind}
    return list(merged.values())


def resolve(
    buildspec: Buildspec, declared: Iterable[Mapping[str, str]], read_secret: ReadSecret, read_parameter: ReadParameter
) -> Variables:
    """Every variable's value; VariableError for the first secret or parameter that cannot be read."""
    wanted = {name: ("PLAINTEXT", value) for name, value in buildspec.variables.items()}
    wanted |= {name: ("PARAMETER_STORE", value) for name, value in buildspec.parameter_store.items()}
    wanted |= {name: ("SECRETS_MANAGER", value) for name, value in buildspec.secrets_manager.items()}
    wanted |= {variable["name"]: (variable["type"], variable["value"]) for variable in declared}
    values, secrets = {}, []
    for name, (kind, value) in wanted.items():
        if kind == "SECRETS_MANAGER":
            value = _secret(value, read_secret)
        elif kind == "PARAMETER_STORE":
            value = read_parameter(value)
        values[name] = value
        if kind != "PLAINTEXT" and value:
            secrets.append(value)
    return Variables(values, tuple(secrets))


def _secret(reference: str, read_secret: ReadSecret) -> str:
    fields = reference.split(":")
    head = _ARN_FIELDS if reference.startswith("arn:") else 1
    secret_id, rest = ":".join(fields[:head]), fields[head:]
    if len(rest) > 3:
        raise VariableError("Secrets Manager Error Message", f"too many parts in the reference to secret {secret_id}")
    key, stage, version = (rest + ["", "", ""])[:3]
    text = read_secret(secret_id, stage, version)
    if not key:
        return text
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise VariableError("Secrets Manager Error Message", f"secret {secret_id} is no JSON object")
    if key not in document:
        raise VariableError("Secrets Manager Error Message", f"secret {secret_id} has no key {key}")
    value = document[key]
    return value if isinstance(value, str) else json.dumps(value)
