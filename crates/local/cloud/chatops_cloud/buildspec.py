"""The buildspec, version 0.2, read strictly: a key that this local cloud does not play is an error, not a surprise.

Plays CodeBuild's reading of the YAML in phase DOWNLOAD_SOURCE (context YAML_FILE_ERROR). Touches no ministack
name. The subset: `env` (shell, variables, parameter-store, secrets-manager, exported-variables), the four
phases (commands, finally, on-failure ABORT or CONTINUE, runtime-versions in install) and one S3 artifact.
Left out on purpose, and refused by name: run-as, proxy, batch, reports, cache, git-credential-helper,
secondary artifacts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# CodeBuild refuses to export these; values of the build's credentials would become plain text in every API answer.
UNEXPORTABLE = re.compile(r"AWS_|CODEBUILD_")


class BuildspecError(Exception):
    """A buildspec that CodeBuild, or this strict subset of it, does not accept."""


class _Strings(yaml.SafeLoader):
    """YAML where plain scalars stay as they are written, so that `nodejs: 20.10` is not the number 20.1.

    A key given twice is an error: which of the two counts is not documented.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise BuildspecError(f"line {key_node.start_mark.line + 1}: `{key}` is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


_KEPT_TAGS = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
_Strings.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT_TAGS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Phase:
    """One phase: what it runs, what it runs at its end in any case, and whether its failure ends the build."""

    commands: tuple[str, ...] = ()
    finally_: tuple[str, ...] = ()
    on_failure: str | None = None


@dataclass(frozen=True)
class Artifacts:
    """The one artifact: patterns below `base_directory`, and how their names become keys."""

    files: tuple[str, ...]
    name: str | None = None
    base_directory: str = "."
    discard_paths: bool = False
    exclude_paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Buildspec:
    """A whole buildspec of the accepted subset."""

    shell: str = "sh"
    variables: dict[str, str] = field(default_factory=dict)
    parameter_store: dict[str, str] = field(default_factory=dict)
    secrets_manager: dict[str, str] = field(default_factory=dict)
    exported_variables: tuple[str, ...] = ()
    phases: dict[str, Phase] = field(default_factory=dict)
    artifacts: Artifacts | None = None


def parse(text: str) -> Buildspec:
    """The buildspec in `text`; BuildspecError says what is wrong and where."""
    try:
        document = yaml.load(text, Loader=_Strings)  # a SafeLoader
    except yaml.YAMLError as error:
        raise BuildspecError(str(error)) from error
    root = _mapping(document, "buildspec", {"version", "env", "phases", "artifacts"}, required={"version", "phases"})
    if root["version"] not in ("0.2",):
        raise BuildspecError(f"version must be 0.2, not {root['version']}")
    env = _mapping(
        root.get("env", {}), "env",
        {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables"},
    )
    shell = env.get("shell", "sh")
    if shell not in ("bash", "sh"):
        raise BuildspecError(f"env/shell must be bash or sh, not {shell}")
    secrets = _variables(env.get("secrets-manager", {}), "env/secrets-manager")
    parameters = _variables(env.get("parameter-store", {}), "env/parameter-store")
    exported = _strings(env.get("exported-variables", []), "env/exported-variables")
    for name in exported:
        if not VARIABLE_NAME.fullmatch(name):
            raise BuildspecError(f"env/exported-variables: `{name}` is no variable name")
        if UNEXPORTABLE.match(name) or name in secrets or name in parameters:
            raise BuildspecError(f"env/exported-variables: `{name}` cannot be exported")
    return Buildspec(
        shell=shell,
        variables=_variables(env.get("variables", {}), "env/variables"),
        parameter_store=parameters,
        secrets_manager=secrets,
        exported_variables=exported,
        phases=_phases(root["phases"]),
        artifacts=_artifacts(root["artifacts"]) if "artifacts" in root else None,
    )


def _phases(value: Any) -> dict[str, Phase]:
    phases = {}
    for name, body in _mapping(value, "phases", set(PHASES)).items():
        where = f"phases/{name}"
        allowed = {"commands", "finally", "on-failure"} | ({"runtime-versions"} if name == "install" else set())
        phase = _mapping(body, where, allowed)
        if "runtime-versions" in phase:
            # Accepted: the machine's own tools stand in for the image's. A range of names is not ours to judge.
            _variables(phase["runtime-versions"], f"{where}/runtime-versions", names=re.compile(r"[a-z]+"))
        elif "commands" not in phase:
            raise BuildspecError(f"{where}: `commands` is missing")
        on_failure = phase.get("on-failure")
        if on_failure not in (None, "ABORT", "CONTINUE"):
            raise BuildspecError(f"{where}/on-failure must be ABORT or CONTINUE, not {on_failure}")
        phases[name] = Phase(
            commands=_strings(phase.get("commands", []), f"{where}/commands"),
            finally_=_strings(phase.get("finally", []), f"{where}/finally"),
            on_failure=on_failure,
        )
    if not phases:
        raise BuildspecError("phases: at least one phase is needed")
    return phases


def _artifacts(value: Any) -> Artifacts:
    body = _mapping(
        value, "artifacts", {"files", "name", "base-directory", "discard-paths", "exclude-paths"}, required={"files"}
    )
    discard = body.get("discard-paths", "no")
    if discard not in ("yes", "no"):
        raise BuildspecError(f"artifacts/discard-paths must be yes or no, not {discard}")
    for key in ("name", "base-directory"):
        if key in body and not isinstance(body[key], str):
            raise BuildspecError(f"artifacts/{key} must be a string")
    return Artifacts(
        files=_strings(body["files"], "artifacts/files"),
        name=body.get("name"),
        base_directory=body.get("base-directory", "."),
        discard_paths=discard == "yes",
        exclude_paths=_strings(body.get("exclude-paths", []), "artifacts/exclude-paths"),
    )


def _mapping(value: Any, where: str, allowed: set[str], required: set[str] = frozenset()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BuildspecError(f"{where} must be a mapping")
    for key in value:
        if key not in allowed:
            raise BuildspecError(f"{where}: unknown key `{key}`")
    for key in sorted(required - value.keys()):
        raise BuildspecError(f"{where}: `{key}` is missing")
    return value


def _variables(value: Any, where: str, names: re.Pattern[str] = VARIABLE_NAME) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BuildspecError(f"{where} must be a mapping")
    for name, text in value.items():
        if not isinstance(name, str) or not names.fullmatch(name):
            raise BuildspecError(f"{where}: `{name}` is no variable name")
        if not isinstance(text, str):
            raise BuildspecError(f"{where}/{name} must be a string")
    return dict(value)


def _strings(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BuildspecError(f"{where} must be a list of strings")
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise BuildspecError(f"Expected {where}[{index}] to be of string type: found {type(item).__name__}")
    return tuple(value)
