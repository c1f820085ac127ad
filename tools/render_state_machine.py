"""Fill in the state machine as CloudFormation will, so that linters can read it.

    render_state_machine.py DEFINITION TEMPLATE LOGICAL_ID OUTPUT_FOLDER

Compares the placeholders of DEFINITION with the DefinitionSubstitutions of the state machine LOGICAL_ID in
TEMPLATE, both ways, and writes two files into OUTPUT_FOLDER: the definition (state-machine.asl.json) and a
template around it (state-machine.template.json), because cfn-lint reads definitions only inside templates.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

# What stands for the values that only a deployment knows: numbers where the definition calculates with them.
SAMPLES = {"Partition": "aws", "ApprovalExpiryHours": "72", "ScanTimeoutMinutes": "60"}
PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)\}")


class Problem(Exception):
    """Something in the two files that does not fit; the message says what."""


class TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (!Ref, !Sub, ...), whose values do not matter here."""


TemplateLoader.add_multi_constructor("!", lambda loader, tag, node: f"{tag} {node.value}")


def read_template(file: str) -> dict[str, Any]:
    """A template of CloudFormation."""
    # The loader is PyYAML's safe one with short forms added, which the linter cannot see.
    return yaml.load(Path(file).read_text(encoding="utf-8"), TemplateLoader)  # noqa: S506


def main(definition_file: str, template_file: str, logical_id: str, output_folder: str) -> None:
    """Render DEFINITION with sample values; Problem when placeholders and substitutions differ."""
    definition = Path(definition_file).read_text(encoding="utf-8")
    template = read_template(template_file)
    given = template["Resources"][logical_id]["Properties"]["DefinitionSubstitutions"].keys()
    used = set(PLACEHOLDER.findall(definition))
    if missing := used - given:
        raise Problem(f"{template_file} substitutes nothing for {', '.join(sorted(missing))}")
    if unused := given - used:
        raise Problem(f"{definition_file} does not use {', '.join(sorted(unused))}")
    rendered = json.loads(PLACEHOLDER.sub(lambda match: SAMPLES.get(match[1], match[1]), definition))
    plain = with_numbers(rendered)
    folder = Path(output_folder)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "state-machine.asl.json", plain)
    write(folder / "state-machine.template.json", {
        "Resources": {
            "StateMachine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"RoleArn": "arn:aws:iam::111122223333:role/lint", "Definition": plain},
            }
        }
    })


def with_numbers(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with calculated time limits as numbers.

    Step Functions evaluates JSONata there (https://states-language.net/spec.html#task-state), but both
    linters still insist on a number.
    """
    states = {
        name: state | {"TimeoutSeconds": 60} if str(state.get("TimeoutSeconds", "")).startswith("{%") else state
        for name, state in definition["States"].items()
    }
    return definition | {"States": states}


def write(path: Path, content: Any) -> None:
    """Write `content` as JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Problem as problem:
        sys.exit(f"error: {problem}")
