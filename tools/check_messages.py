#!/usr/bin/env python3
"""Checks every message to Slack that a snapshot holds with Slack's own Python SDK.

The SDK's Block Kit models know the fields of each block and element and their limits, and were written by others than
this repository's own checks: what both let pass, Slack takes. Run by `scripts/check messages`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from slack_sdk.models.blocks import Block
from slack_sdk.errors import SlackObjectFormationError

MESSAGES = Path(__file__).resolve().parent.parent / "crates/domain/src/slack"
MOST_BLOCKS = 50
"""Slack's limit of a message, which the SDK leaves to the server."""


def read(path: Path) -> Any:
    """The value of a snapshot of `insta`: a header between two lines of dashes, then JSON."""
    return json.loads(path.read_text(encoding="utf-8").split("---\n", 2)[2])


def messages(value: Any) -> list[dict[str, Any]]:
    """The messages in a snapshot, which holds one, several, or only texts."""
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, dict) and "blocks" in one]


def problems(message: dict[str, Any]) -> list[str]:
    """What the SDK refuses, or would leave out."""
    found = []
    if len(message["blocks"]) > MOST_BLOCKS:
        found.append(f"{len(message['blocks'])} blocks")
    for number, sent in enumerate(message["blocks"]):
        try:
            block = Block.parse(sent)
            if block is None:
                found.append(f"block {number}: unknown type {sent.get('type')}")
                continue
            block.validate_json()
            understood = block.to_dict()
        except (SlackObjectFormationError, TypeError, ValueError) as error:
            found.append(f"block {number}: {error}")
            continue
        found.extend(f"block {number}: {what}" for what in lost(sent, understood))
    return found


def lost(sent: Any, understood: Any, place: str = "") -> list[str]:
    """The members that were sent and that the SDK does not know."""
    if isinstance(sent, dict) and isinstance(understood, dict):
        missing = [f"{place}/{name} is unknown" for name in sent if name not in understood]
        shared = [name for name in sent if name in understood]
        return missing + [found for name in shared for found in lost(sent[name], understood[name], f"{place}/{name}")]
    if isinstance(sent, list) and isinstance(understood, list):
        if len(sent) != len(understood):
            return [f"{place} has {len(sent)} items, understood are {len(understood)}"]
        return [found for index, pair in enumerate(zip(sent, understood)) for found in lost(*pair, f"{place}/{index}")]
    return [] if sent == understood else [f"{place} is {sent!r}, understood as {understood!r}"]


def can_fail() -> bool:
    """Whether a message that is wrong in each of these ways is noticed."""
    text = {"type": "plain_text", "text": "x"}
    button = {"type": "button", "action_id": "a", "text": text}
    wrong: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}},
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "actions", "elements": [{**button, "value": "x" * 2001}]},
        {"type": "actions", "elements": [{**button, "text": {"type": "plain_text", "text": "x" * 76}}]},
        {"type": "actions", "elements": [{**button, "colour": "red"}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11},
        {"type": "nonsense"},
    ]
    return all(problems({"blocks": [block]}) for block in wrong)


def main() -> int:
    if not can_fail():
        print("error: the SDK lets wrong messages pass", file=sys.stderr)
        return 1
    checked = failed = 0
    for path in sorted(MESSAGES.rglob("*.snap")):
        for message in messages(read(path)):
            checked += 1
            for problem in problems(message):
                failed += 1
                print(f"{path.name}: {problem}", file=sys.stderr)
    if not checked:
        print(f"error: no message in {MESSAGES}", file=sys.stderr)
        return 1
    print(f"{checked} messages, {failed} problems")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
