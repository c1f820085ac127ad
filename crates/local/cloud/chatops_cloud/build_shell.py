"""Runs a build's commands as CodeBuild's agent does: one shell state across all commands and phases.

Plays the agent of buildspec version 0.2. Touches no ministack name. Each command has a shell of its own, so
that `exit 3` ends the command and not the build, and the state (variables, functions, exports, folder) is
saved at its end and loaded before the next. Every shell leads a process group, which is killed as a whole
when the build is stopped, runs out of time, or ends.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_MAX_LINE = 64 * 1024
# The shell's own, or read-only: loading them back would fail or would lie.
_NOT_CARRIED = re.compile(
    r"BASH\w*|DIRSTACK|FUNCNAME|GROUPS|PIPESTATUS|EUID|UID|PPID|SHELLOPTS|SHLVL|RANDOM|SRANDOM|SECONDS|LINENO|"
    r"EPOCH\w*|COMP_WORDBREAKS|OPTIND|_|__cb_\w+"
)


@dataclass
class Shell:
    """The shell of one build. `folder` is private to it; `write` receives the commands' output line by line."""

    program: str
    folder: Path
    environment: Mapping[str, str]
    start_in: Path
    write: Callable[[str], None]
    watched: tuple[str, ...] = ()
    """Names of variables whose values `values()` can tell."""
    _groups: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _killed: bool = False

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        exports = (f"export {name}={shlex.quote(value)}\n" for name, value in self.environment.items())
        (self.folder / "state").write_text("".join(exports))
        (self.folder / "dir").write_text(str(self.start_in))
        (self.folder / "wrapper").write_text(_wrapper(self.folder, self.program, self.watched))

    def run(self, command: str, deadline: float) -> int | None:
        """Run one command; its exit status, or None when it was killed or the deadline (monotonic) passed."""
        (self.folder / "command").write_text(command + "\n")
        program = shutil.which(self.program) or f"/bin/{self.program}"
        with self._lock:
            if self._killed:
                return None
            # An empty environment: the state file holds all of it, so that `unset` lasts.
            process = subprocess.Popen(
                [program, str(self.folder / "wrapper")], cwd=self.start_in, env={}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )
            self._groups.add(process.pid)
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        try:
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            status = process.wait()
        # A process left in the background may hold the pipe; the agent goes on with the next command.
        reader.join(timeout=1.0)
        with self._lock:
            if not _group_lives(process.pid):
                self._groups.discard(process.pid)
            if self._killed:
                return None
        self._carry()
        return status if status >= 0 else 128 - status

    def values(self) -> dict[str, str]:
        """The watched variables that are set now, by name."""
        try:
            saved = (self.folder / "watched").read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return {name: self.environment[name] for name in self.watched if name in self.environment}
        return dict(entry.partition("=")[::2] for entry in saved.split("\0") if "=" in entry)

    def set(self, name: str, value: str) -> None:
        """Export a variable to the commands that follow, as the agent does with CODEBUILD_BUILD_SUCCEEDING."""
        with open(self.folder / "state", "a") as state:
            state.write(f"export {name}={shlex.quote(value)}\n")

    def kill(self) -> None:
        """End everything that the commands started; no command runs afterwards. Safe from any thread."""
        with self._lock:
            self._killed = True
            groups = [group for group in self._groups if _group_lives(group)]
        for group in groups:
            # At once, as a container is taken away: nothing may outlive the build by ignoring a signal.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        for process in _strays(self.environment.get("CODEBUILD_BUILD_ID", "")):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            while line := output.readline(_MAX_LINE):
                self.write(line.decode("utf-8", "replace").rstrip("\r\n"))

    def _carry(self) -> None:
        """Turn what the shell saved into what the next shell loads. A command that `exec`s saves nothing."""
        saved = self.folder / "saved"
        if not saved.exists():
            return
        text = saved.read_bytes().decode("utf-8", "surrogateescape")
        entry = r"declare -[-A-Za-z]+ " if self.program == "bash" else r""
        head = re.compile(rf"^{entry}([A-Za-z_]\w*)(?==|$)", re.MULTILINE)
        variables, _, rest = text.partition("\0")
        starts = [match.start() for match in head.finditer(variables)] + [len(variables)]
        kept = []
        for start, end in itertools.pairwise(starts):
            block = variables[start:end]
            name = head.match(block)
            flags = block.split(" ", 2)[1] if entry else ""
            if name and not _NOT_CARRIED.fullmatch(name.group(1)) and "r" not in flags:
                kept.append(block)
        state = "".join(kept) + "\n" + rest.replace("\0", "\n")
        (self.folder / "state").write_bytes(state.encode("utf-8", "surrogateescape"))
        saved.unlink()


def _wrapper(folder: Path, program: str, watched: Iterable[str]) -> str:
    """The script around each command. Variables first, then a NUL, then functions or exports."""
    path = shlex.quote(str(folder))
    dump = "declare -p; printf '\\0'; declare -f" if program == "bash" else "set; printf '\\0'; export -p"
    tell = "".join(f'[ -n "${{{name}+x}}" ] && printf \'%s\\0\' "{name}=${{{name}}}"; ' for name in watched)
    return (
        "__cb_save() {\n"
        f"  __cb_status=$?; trap - EXIT; {{ {dump}; }} > {path}/saved 2>/dev/null\n"
        f"  pwd > {path}/dir; {{ {tell}:; }} > {path}/watched\n"
        "  exit $__cb_status\n"
        "}\n"
        f". {path}/state\n"
        f'cd "$(cat {path}/dir)" || exit 1\n'
        "trap __cb_save EXIT\n"
        f". {path}/command\n"
    )


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS, for a group of zombies
        return False
    return True


def _strays(build_id: str) -> list[int]:
    """Processes that left their group, known by the build's unique id in their environment (Linux only)."""
    mark, found = f"CODEBUILD_BUILD_ID={build_id}".encode(), []
    for entry in Path("/proc").glob("[0-9]*") if build_id else ():
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found
