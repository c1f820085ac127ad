"""What an execution of a state machine has under way, so that it ends with the execution.

Plays Step Functions' clean-up after StopExecution and time-outs. Touches no ministack name.
"""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field

MAX_CAUSE, MAX_ERROR = 32_768, 256


@dataclass
class Running:
    """The builds and the waiting callback tokens of one execution."""

    builds: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)


under_way: dict[str, Running] = {}
"""By execution ARN."""

current_task: contextvars.ContextVar[tuple[dict, set[str]] | None] = contextvars.ContextVar(
    "chatops_task", default=None
)
"""In a task's thread: the execution's record, and the builds that this task has started."""
