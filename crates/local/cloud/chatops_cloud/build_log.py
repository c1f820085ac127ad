"""The log of one build: a CloudWatch stream while it runs, an S3 object at its end, secrets masked in both.

Plays CodeBuild's LogsConfig and its redaction. Touches ministack's `cloudwatch_logs._log_groups` and
`_append_log_events`: the calls of the API would need a sequence of requests for every line.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone

from ministack.services import cloudwatch_logs

MASK = "***"


class BuildLog:
    """Receives lines; `sink` gets each one masked. Lines are kept for the S3 copy, up to a limit."""

    MAX_KEPT_BYTES = 64 * 1024 * 1024

    def __init__(self, sink: Callable[[str], None]):
        self._sink = sink
        self._secrets: list[str] = []
        self._kept: list[str] = []
        self._kept_bytes = 0

    def hide(self, secrets: Iterable[str]) -> None:
        """Mask these values from now on, and each line of those that have several."""
        parts = {part for secret in secrets for part in [secret, *secret.splitlines()] if part.strip()}
        self._secrets = sorted(parts | set(self._secrets), key=len, reverse=True)

    def mask(self, text: str) -> str:
        """`text` with every hidden value replaced."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def write(self, line: str) -> None:
        """One line of a command's output."""
        line = self.mask(line)
        self._sink(line)
        if self._kept_bytes < self.MAX_KEPT_BYTES:
            self._kept.append(line)
            self._kept_bytes += len(line) + 1

    def agent(self, line: str) -> None:
        """One line of the agent itself, with its mark and the time."""
        self.write(f"[Container] {datetime.now(timezone.utc):%Y/%m/%d %H:%M:%S.%f} {line}")

    def compressed(self) -> bytes:
        """The whole log as CodeBuild stores it in S3."""
        return gzip.compress("".join(line + "\n" for line in self._kept).encode())


def cloudwatch_sink(group_name: str, stream_name: str) -> Callable[[str], None]:
    """A sink into a CloudWatch Logs stream, which is made with its group if needed.

    Must be called in the context of the build's account and Region.
    """
    now = int(time.time() * 1000)
    groups = cloudwatch_logs._log_groups
    group = groups.setdefault(group_name, {
        "arn": cloudwatch_logs._make_group_arn(group_name), "creationTime": now, "retentionInDays": None,
        "tags": {}, "subscriptionFilters": {}, "streams": {},
    })
    stream = group["streams"].setdefault(stream_name, {
        "events": [], "uploadSequenceToken": "1", "creationTime": now, "firstEventTimestamp": None,
        "lastEventTimestamp": None, "lastIngestionTime": None,
    })

    def emit(line: str) -> None:
        moment = int(time.time() * 1000)
        cloudwatch_logs._append_log_events(
            stream, [{"timestamp": moment, "message": line, "ingestionTime": moment}]
        )

    return emit
