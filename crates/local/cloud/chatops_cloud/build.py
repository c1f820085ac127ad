"""One build from QUEUED to COMPLETED: the phases, their contexts, and the status at the end.

Plays CodeBuild's phase transitions. Touches no ministack name: what a build reads and writes elsewhere comes
in as `World`, so that the runner can be tried without a cloud.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import build_artifacts, build_source, build_variables, buildspec
from .build_log import BuildLog
from .build_shell import Shell

BUILD_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class PhaseFailure(Exception):
    """What ends a phase as FAILED: the context's status code and message."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class _Ended(Exception):
    """The build was stopped or ran out of time."""


@dataclass(frozen=True)
class World:
    """What a build needs from outside. Each function may raise PhaseFailure."""

    read_source: Callable[[], bytes | None]
    """The source zip, or None for NO_SOURCE."""
    read_buildspec: Callable[[Path], str]
    """The buildspec's text, given the folder of the unpacked source."""
    read_secret: build_variables.ReadSecret
    read_parameter: build_variables.ReadParameter
    environment: Callable[[Path, Path], dict[str, str]]
    """The variables that every build has, given its source folder and its folder for temporary files."""
    store_artifacts: Callable[[Mapping[str, Path], str | None], None]


@dataclass
class Build:
    """A running build. `record` is what BatchGetBuilds answers, changed in place under `lock`."""

    record: dict[str, Any]
    folder: Path
    log: BuildLog
    world: World
    variables: list[dict[str, str]]
    has_artifacts: bool
    seconds: float
    """How long it may take."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    done: threading.Event = field(default_factory=threading.Event)
    _stopped: bool = False
    _shell: Shell | None = None
    _deadline: float = 0.0

    def run(self) -> None:
        """All phases; never raises. Removes the build's folder at the end."""
        self._deadline = time.monotonic() + self.seconds
        try:
            succeeded = self._phases()
            status = "SUCCEEDED" if succeeded else "FAILED"
        except _Ended:
            status = "STOPPED" if self._stopped else "TIMED_OUT"
        except Exception as error:  # a bug of the runner is CodeBuild's FAULT, not the project's
            self.log.agent(f"Internal error of the local cloud: {error!r}")
            self._end_phase("FAULT", "INTERNAL_SERVICE_ERROR", repr(error))
            status = "FAULT"
        if self._shell:
            self._shell.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        with self.lock:
            now = time.time()
            self.record["phases"].append({"phaseType": "COMPLETED", "startTime": now})
            self.record.update(buildStatus=status, currentPhase="COMPLETED", endTime=now, buildComplete=True)

    def stop(self) -> None:
        """StopBuild: end whatever runs now."""
        self._stopped = True
        if self._shell:
            self._shell.kill()

    def run_out_of_time(self) -> None:
        """Let the time limit be over now: nobody waits minutes to see what a build does then."""
        self._deadline = 0.0
        if self._shell:
            self._shell.kill()

    def _phases(self) -> bool:
        for name in ("QUEUED", "PROVISIONING"):
            self._begin_phase(name)
            self._end_phase("SUCCEEDED")
        self.log.agent("Waiting for DOWNLOAD_SOURCE")
        self._begin_phase("DOWNLOAD_SOURCE")
        self.log.agent("Phase is DOWNLOAD_SOURCE")
        try:
            spec = self._download()
        except PhaseFailure as failure:
            self._end_phase("FAILED", failure.code, str(failure))
            self._begin_phase("FINALIZING")
            self._end_phase("SUCCEEDED")
            return False
        self._end_phase("SUCCEEDED")
        succeeded = self._commands(spec)
        self._begin_phase("UPLOAD_ARTIFACTS")
        try:
            self._upload(spec)
            self._end_phase("SUCCEEDED")
        except PhaseFailure as failure:
            succeeded = False
            self._end_phase("FAILED", failure.code, str(failure))
        self._begin_phase("FINALIZING")
        self._end_phase("SUCCEEDED")
        return succeeded

    def _download(self) -> buildspec.Buildspec:
        source, temporary = self.folder / "src", self.folder / "tmp"
        source.mkdir(parents=True)
        temporary.mkdir()
        # As /tmp is: a build started by root may run its tools as somebody else.
        self.folder.chmod(0o711)
        temporary.chmod(0o1777)
        data = self.world.read_source()
        if data is not None:
            try:
                build_source.unpack(data, source, self.log.agent)
            except build_source.SourceError as error:
                version = self.record.get("sourceVersion", "")
                raise PhaseFailure(
                    "CLIENT_ERROR", f"{error} for primary source and source version {version}"
                ) from error
        self.log.agent(f"CODEBUILD_SRC_DIR={source}")
        try:
            spec = buildspec.parse(self.world.read_buildspec(source))
        except buildspec.BuildspecError as error:
            raise PhaseFailure("YAML_FILE_ERROR", str(error)) from error
        self.log.agent("Processing environment variables")
        try:
            variables = build_variables.resolve(
                spec, self.variables, self.world.read_secret, self.world.read_parameter
            )
        except build_variables.VariableError as error:
            raise PhaseFailure(error.code, str(error)) from error
        self.log.hide(variables.secrets)
        self.log.agent(f"Phases found in YAML: {len(spec.phases)}")
        for name, phase in spec.phases.items():
            self.log.agent(f" {name.upper()}: {len(phase.commands)} commands")
        given = self.world.environment(source, temporary)
        # CodeBuild hides the build's own credentials, too.
        self.log.hide(value for name, value in given.items() if name in BUILD_CREDENTIALS and value)
        environment = given | variables.values
        watched = set(spec.exported_variables) | build_artifacts.variables_used(spec.artifacts)
        self._shell = Shell(
            spec.shell, self.folder / "shell", environment, source, self.log.write, tuple(sorted(watched))
        )
        if self._stopped:
            raise _Ended
        return spec

    def _commands(self, spec: buildspec.Buildspec) -> bool:
        succeeded = True
        for name in buildspec.PHASES:
            phase = spec.phases.get(name, buildspec.Phase())
            assert self._shell is not None
            self._shell.set("CODEBUILD_BUILD_SUCCEEDING", "1" if succeeded else "0")
            self._begin_phase(name.upper())
            self.log.agent(f"Entering phase {name.upper()}")
            failure = self._run(phase.commands)
            # `finally` runs whatever happened before it; the first failure is the one to tell.
            failure = self._run(phase.finally_) or failure
            with self.lock:
                values = self._shell.values()
                self.record["exportedEnvironmentVariables"] = [
                    {"name": exported, "value": self.log.mask(values[exported])}
                    for exported in spec.exported_variables if exported in values
                ]
            if failure is None:
                self._end_phase("SUCCEEDED")
                continue
            self._end_phase("FAILED", failure.code, str(failure))
            if phase.on_failure == "CONTINUE":
                continue
            succeeded = False
            # A failed BUILD is followed by POST_BUILD; every other failure, and ABORT, ends the commands.
            if name != "build" or phase.on_failure == "ABORT":
                break
        return succeeded

    def _run(self, commands: tuple[str, ...]) -> PhaseFailure | None:
        for command in commands:
            self.log.agent(f"Running command {command}")
            assert self._shell is not None
            status = self._shell.run(command, self._deadline)
            if status is None:
                code = "BUILD_STOPPED" if self._stopped else "BUILD_TIMED_OUT"
                message = "Build was stopped. " if self._stopped else "Build has timed out. "
                self._end_phase("STOPPED" if self._stopped else "TIMED_OUT", code, message)
                raise _Ended
            if status:
                self.log.agent(f"Command did not exit successfully {command} exit status {status}")
                return PhaseFailure(
                    "COMMAND_EXECUTION_ERROR",
                    f"Error while executing command: {command}. Reason: exit status {status}",
                )
        return None

    def _upload(self, spec: buildspec.Buildspec) -> None:
        if not self.has_artifacts or spec.artifacts is None:
            return
        assert self._shell is not None
        self.log.agent("Assembling file list")
        try:
            files = build_artifacts.collect(spec.artifacts, self.folder / "src", self._shell.values())
        except build_artifacts.ArtifactError as error:
            raise PhaseFailure("CLIENT_ERROR", str(error)) from error
        self.log.agent(f"Found {len(files)} file(s)")
        self.world.store_artifacts(files, spec.artifacts.name)

    def _begin_phase(self, name: str) -> None:
        if self._stopped:
            raise _Ended
        with self.lock:
            self.record["currentPhase"] = name
            self.record["phases"].append({"phaseType": name, "startTime": time.time()})

    def _end_phase(self, status: str, code: str = "", message: str = "") -> None:
        message = self.log.mask(message)
        with self.lock:
            phase = self.record["phases"][-1]
            phase["phaseStatus"] = status
            phase["endTime"] = time.time()
            phase["durationInSeconds"] = int(phase["endTime"] - phase["startTime"])
            phase["contexts"] = [{"statusCode": code, "message": message}]
            name = phase["phaseType"]
        if name not in ("QUEUED", "PROVISIONING", "FINALIZING"):
            self.log.agent(f"Phase complete: {name} State: {status}")
            self.log.agent(f"Phase context status code: {code} Message: {message}")
