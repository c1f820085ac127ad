"""What a build does: phases, one shell state, secrets, time limits, hostile sources. Without a cloud."""

from __future__ import annotations

import io
import os
import tempfile
import threading
import unittest
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from running_cloud import wait_for

from chatops_cloud.build import Build, PhaseFailure, World
from chatops_cloud.build_log import BuildLog
from chatops_cloud.build_variables import VariableError, merge


class Outcome:
    """A build that has been run, or is running: its record, its log, its artifacts."""

    def __init__(
        self, buildspec: str, source: bytes | None = None, variables: tuple[dict[str, str], ...] = (),
        seconds: float = 30, secrets: Mapping[str, str] | None = None,
    ) -> None:
        self.lines: list[str] = []
        self.artifacts: dict[str, bytes] = {}
        self.folder = Path(tempfile.mkdtemp()).resolve() / "build"
        stored = secrets or {}

        def read_secret(name: str, _stage: str, _version: str) -> str:
            if name not in stored:
                raise VariableError("Secrets Manager Error Message", f"no secret {name}")
            return stored[name]

        def store(files: Mapping[str, Path], _name: str | None) -> None:
            self.artifacts = {name: path.read_bytes() for name, path in files.items()}

        self.build = Build(
            record={"id": "p:1", "phases": [], "exportedEnvironmentVariables": [], "sourceVersion": "v1"},
            folder=self.folder,
            log=BuildLog(self.lines.append),
            world=World(
                read_source=lambda: source, read_buildspec=lambda _folder: buildspec, read_secret=read_secret,
                read_parameter=lambda name: f"value of {name}",
                environment=lambda src, tmp: {
                    "PATH": os.environ["PATH"], "CODEBUILD_SRC_DIR": str(src), "TMPDIR": str(tmp),
                },
                store_artifacts=store,
            ),
            variables=merge([], variables),
            has_artifacts=True,
            seconds=seconds,
        )

    def run(self) -> Outcome:
        self.build.run()
        return self

    @property
    def record(self) -> dict[str, Any]:
        return self.build.record

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def phase(self, name: str) -> tuple[str, str, str] | None:
        """Status, context code and context message of a phase, or None if it did not run."""
        for phase in self.record["phases"]:
            if phase["phaseType"] == name and "phaseStatus" in phase:
                context = phase["contexts"][0]
                return phase["phaseStatus"], context["statusCode"], context["message"]
        return None

    def exported(self) -> dict[str, str]:
        return {one["name"]: one["value"] for one in self.record["exportedEnvironmentVariables"]}


def run(buildspec: str, **options: Any) -> Outcome:
    return Outcome("version: 0.2\nenv: {shell: bash}\n" + buildspec, **options).run()


def zipped(entries: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
        for name, target in (links or {}).items():
            link = zipfile.ZipInfo(name)
            link.external_attr = 0o120777 << 16
            archive.writestr(link, target)
    return buffer.getvalue()


class Phases(unittest.TestCase):
    def test_a_build_that_succeeds_passes_through_every_phase(self) -> None:
        outcome = run("phases: {build: {commands: [echo hello]}}")
        self.assertEqual(outcome.record["buildStatus"], "SUCCEEDED")
        self.assertEqual(
            [phase["phaseType"] for phase in outcome.record["phases"]],
            ["QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD",
             "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"],
        )
        self.assertNotIn("phaseStatus", outcome.record["phases"][-1])
        self.assertRegex(outcome.log, r"\[Container\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} Entering phase BUILD")
        self.assertIn("Running command echo hello", outcome.log)
        self.assertIn("\nhello\n", outcome.log)
        self.assertFalse(outcome.folder.exists(), "nothing is left behind")

    def test_post_build_runs_after_a_failed_build_and_knows_of_it(self) -> None:
        outcome = run("phases: {build: {commands: [exit 3, echo never]}, "
                      "post_build: {commands: ['echo succeeding=$CODEBUILD_BUILD_SUCCEEDING']}}")
        self.assertEqual(outcome.record["buildStatus"], "FAILED")
        self.assertEqual(outcome.phase("BUILD"), (
            "FAILED", "COMMAND_EXECUTION_ERROR", "Error while executing command: exit 3. Reason: exit status 3"))
        self.assertEqual(outcome.phase("POST_BUILD"), ("SUCCEEDED", "", ""))
        self.assertIn("succeeding=0", outcome.log)
        self.assertNotIn("\nnever", outcome.log)

    def test_a_failed_pre_build_skips_the_rest_but_uploads_artifacts(self) -> None:
        outcome = run("phases: {pre_build: {commands: ['echo x > f', 'false']}, build: {commands: [echo never]}}\n"
                      "artifacts: {files: [f]}")
        self.assertIsNone(outcome.phase("BUILD"))
        self.assertEqual(outcome.artifacts, {"f": b"x\n"})
        self.assertEqual(outcome.record["buildStatus"], "FAILED")

    def test_finally_runs_whatever_happened(self) -> None:
        outcome = run("phases: {build: {commands: ['false'], finally: [echo swept]}}")
        self.assertIn("\nswept", outcome.log)
        self.assertEqual(outcome.phase("BUILD")[0], "FAILED")

    def test_a_failing_finally_fails_the_phase(self) -> None:
        outcome = run("phases: {build: {commands: ['true'], finally: [exit 7]}}")
        self.assertIn("exit status 7", outcome.phase("BUILD")[2])

    def test_on_failure_is_obeyed(self) -> None:
        outcome = run("phases: {pre_build: {commands: ['false'], on-failure: CONTINUE}, build: {commands: [echo on]}}")
        self.assertEqual(outcome.phase("PRE_BUILD")[0], "FAILED")
        self.assertIn("\non\n", outcome.log)
        aborted = run("phases: {build: {commands: ['false'], on-failure: ABORT}, post_build: {commands: [echo x]}}")
        self.assertIsNone(aborted.phase("POST_BUILD"))

    def test_a_wrong_buildspec_ends_in_download_source(self) -> None:
        outcome = run("phases: {build: {commands: [x], surprise: 1}}")
        status, code, message = outcome.phase("DOWNLOAD_SOURCE")
        self.assertEqual((status, code), ("FAILED", "YAML_FILE_ERROR"))
        self.assertIn("surprise", message)
        self.assertIsNone(outcome.phase("INSTALL"))
        self.assertIsNone(outcome.phase("UPLOAD_ARTIFACTS"))

    def test_missing_artifacts_fail_the_upload(self) -> None:
        outcome = run("phases: {build: {commands: ['true']}}\nartifacts: {files: [none]}")
        self.assertEqual(outcome.phase("UPLOAD_ARTIFACTS"), (
            "FAILED", "CLIENT_ERROR", "no matching artifact paths found"))
        self.assertEqual(outcome.record["buildStatus"], "FAILED")


class ShellState(unittest.TestCase):
    def check(self, shell: str) -> None:
        outcome = Outcome(f"""
version: 0.2
env: {{shell: {shell}, variables: {{GIVEN: "it's $HOME", GONE: x}}, exported-variables: [OUT, MULTI, ABSENT]}}
phases:
  install:
    commands:
      - PLAIN='not exported'
      - unset GONE
      - mkdir -p "$CODEBUILD_SRC_DIR/sub" && cd "$CODEBUILD_SRC_DIR/sub"
  build:
    commands:
      - |
        MULTI="first
        second 'quoted' \\"twice\\" $ \\\\"
        export MULTI
      - 'test "$PLAIN" = "not exported" && test "$(basename "$PWD")" = sub && test -z "${{GONE+x}}"'
      - 'test "$GIVEN" = "it''s \\$HOME"'
      - 'env | grep -q "^PLAIN=" && exit 9 || true'
      - export OUT=1; exit 0
""").run()
        self.assertEqual(outcome.record["buildStatus"], "SUCCEEDED", outcome.log)
        self.assertEqual(outcome.exported(), {"OUT": "1", "MULTI": "first\nsecond 'quoted' \"twice\" $ \\"})

    def test_lasts_across_commands_and_phases_in_bash(self) -> None:
        self.check("bash")

    def test_lasts_across_commands_and_phases_in_sh(self) -> None:
        self.check("sh")

    def test_keeps_functions_of_bash(self) -> None:
        outcome = run("phases: {build: {commands: ['greet() { echo hello $1; }', greet you]}}")
        self.assertIn("\nhello you\n", outcome.log)

    def test_exported_variables_survive_a_failed_command(self) -> None:
        failed = Outcome("version: 0.2\nenv: {shell: bash, exported-variables: [STAGE]}\n"
                         "phases: {build: {commands: ['STAGE=scan; export STAGE; exit 3'], "
                         "finally: ['export STAGE=$STAGE-seen']}}").run()
        self.assertEqual(failed.exported(), {"STAGE": "scan-seen"})

    def test_a_command_cannot_read_a_terminal(self) -> None:
        outcome = run("phases: {build: {commands: ['read line || echo nothing to read']}}")
        self.assertIn("\nnothing to read\n", outcome.log)


class Variables(unittest.TestCase):
    def test_secrets_are_resolved_and_never_logged(self) -> None:
        outcome = run(
            'phases: {build: {commands: ["echo $TOKEN", "test $TOKEN = s3cr3t", "echo first; exit 1 # s3cr3t"]}}',
            variables=({"name": "TOKEN", "value": "arn:aws:secretsmanager:r:1:secret:n-abc:token",
                        "type": "SECRETS_MANAGER"},),
            secrets={"arn:aws:secretsmanager:r:1:secret:n-abc": '{"token": "s3cr3t"}'},
        )
        self.assertEqual(outcome.phase("BUILD")[2].count("***"), 1)
        self.assertNotIn("s3cr3t", outcome.log)
        self.assertNotIn("s3cr3t", str(outcome.record))
        self.assertIn("\n***\n", outcome.log)

    def test_an_unreadable_secret_ends_in_download_source(self) -> None:
        outcome = Outcome("version: 0.2\nenv: {secrets-manager: {T: 'none:key'}}\nphases: {build: {commands: [x]}}")
        self.assertEqual(outcome.run().phase("DOWNLOAD_SOURCE")[:2], ("FAILED", "Secrets Manager Error Message"))

    def test_the_call_beats_the_project_and_the_project_beats_the_buildspec(self) -> None:
        merged = merge([{"name": "A", "value": "project"}, {"name": "B", "value": "project"}],
                       [{"name": "A", "value": "call"}])
        outcome = Outcome("version: 0.2\nenv: {variables: {A: spec, B: spec, C: spec}}\n"
                          "phases: {build: {commands: ['echo =$A=$B=$C=']}}", variables=tuple(merged)).run()
        self.assertIn("=call=project=spec=", outcome.log)

    def test_names_that_no_shell_can_hold_are_refused(self) -> None:
        with self.assertRaises(ValueError):
            merge([], [{"name": "A;rm -rf", "value": "x"}])


class Limits(unittest.TestCase):
    def test_a_build_out_of_time_ends_with_everything_it_started(self) -> None:
        outcome = run("phases: {build: {commands: ['sleep 600 & echo child=$!; wait']}, "
                      "post_build: {commands: [echo never]}}", seconds=0.5)
        self.assertEqual(outcome.record["buildStatus"], "TIMED_OUT")
        self.assertEqual(outcome.phase("BUILD"), ("TIMED_OUT", "BUILD_TIMED_OUT", "Build has timed out. "))
        self.assertIsNone(outcome.phase("POST_BUILD"))
        self.assert_gone(outcome)

    def test_a_stopped_build_ends_with_everything_it_started(self) -> None:
        outcome = Outcome("version: 0.2\nphases: {build: {commands: ['sleep 600 & echo child=$!; wait']}}")
        thread = threading.Thread(target=outcome.run)
        thread.start()
        wait_for("the command's output", lambda: any(line.startswith("child=") for line in outcome.lines))
        outcome.build.stop()
        thread.join(timeout=10)
        self.assertEqual(outcome.record["buildStatus"], "STOPPED")
        self.assertEqual(outcome.phase("BUILD")[0], "STOPPED")
        self.assert_gone(outcome)

    def test_a_build_whose_time_is_over_ends_as_timed_out(self) -> None:
        outcome = Outcome("version: 0.2\nphases: {build: {commands: ['sleep 600 & echo child=$!; wait']}}")
        thread = threading.Thread(target=outcome.run)
        thread.start()
        wait_for("the command's output", lambda: any(line.startswith("child=") for line in outcome.lines))
        outcome.build.run_out_of_time()
        thread.join(timeout=10)
        self.assertEqual(outcome.record["buildStatus"], "TIMED_OUT")
        self.assertEqual(outcome.phase("BUILD")[:2], ("TIMED_OUT", "BUILD_TIMED_OUT"))
        self.assert_gone(outcome)

    def test_processes_left_in_the_background_end_with_the_build(self) -> None:
        outcome = run("phases: {build: {commands: ['sleep 600 > /dev/null 2>&1 & echo child=$!']}}")
        self.assertEqual(outcome.record["buildStatus"], "SUCCEEDED")
        self.assert_gone(outcome)

    def assert_gone(self, outcome: Outcome) -> None:
        child = int(next(line for line in outcome.lines if line.startswith("child=")).removeprefix("child="))
        wait_for("the end of the child", lambda: not alive(child), 5)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    # A zombie that nobody has reaped yet is gone all the same.
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[-1].split()[0] == "Z")


class Sources(unittest.TestCase):
    LIST = "phases: {build: {commands: ['cd $CODEBUILD_SRC_DIR && find . | sort && ls -l']}}"

    def test_are_unpacked_with_their_execute_bits(self) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            script = zipfile.ZipInfo("run.sh")
            script.external_attr = 0o104755 << 16
            archive.writestr(script, "#!/bin/sh\necho ran\n")
        outcome = run("phases: {build: {commands: ['./run.sh', 'test ! -u run.sh']}}", source=buffer.getvalue())
        self.assertIn("\nran\n", outcome.log)
        self.assertEqual(outcome.record["buildStatus"], "SUCCEEDED")

    def test_that_are_no_zip_end_in_download_source(self) -> None:
        for source in (b"no zip", b"", zipped({"a": b"x" * 1000})[:-30]):
            outcome = run(self.LIST, source=source)
            status, code, message = outcome.phase("DOWNLOAD_SOURCE")
            self.assertEqual((status, code), ("FAILED", "CLIENT_ERROR"))
            self.assertIn("source version v1", message)

    def test_entries_that_leave_the_folder_are_left_out(self) -> None:
        source = zipped({"good.py": b"x", "../evil": b"x", "/abs": b"x", "a/../../evil2": b"x", "..\\evil3": b"x",
                         "C:\\evil4": b"x"}, links={"link": "/etc/passwd"})
        outcome = run(self.LIST, source=source)
        listing = outcome.log.split("Running command")[1]
        self.assertIn("./good.py", listing)
        self.assertNotIn("evil", listing)
        self.assertNotIn("link", listing)
        self.assertEqual(outcome.log.count("Left out of the source"), 6)

    def test_bombs_are_counted_while_they_unpack(self) -> None:
        from chatops_cloud.build_source import SourceError, unpack

        bomb = zipped({"zeros": bytes(4_000_000)})
        with tempfile.TemporaryDirectory() as folder:
            for limits in ({"max_unpacked": 1_000_000}, {"max_zip": 100}, {"max_entries": 0}):
                with self.assertRaises(SourceError):
                    unpack(bomb, Path(folder), lambda _line: None, **limits)

    def test_a_download_that_is_refused_tells_why(self) -> None:
        outcome = Outcome("version: 0.2\nphases: {build: {commands: [x]}}")

        def missing() -> bytes:
            raise PhaseFailure("CLIENT_ERROR", "NoSuchVersion: The specified version does not exist.")

        outcome.build.world = World(**{**outcome.build.world.__dict__, "read_source": missing})
        self.assertEqual(outcome.run().phase("DOWNLOAD_SOURCE")[1], "CLIENT_ERROR")


class Artifacts(unittest.TestCase):
    def test_are_chosen_by_pattern_below_the_base_directory(self) -> None:
        outcome = run("""
phases:
  build: {commands: ["mkdir -p out/deep other; touch out/a.txt out/b.log out/deep/c.txt other/d.txt; export DIR=out"]}
artifacts: {files: ["**/*.txt", "*.log"], base-directory: $DIR, exclude-paths: ["deep/x*"]}
""")
        self.assertEqual(sorted(outcome.artifacts), ["a.txt", "b.log", "deep/c.txt"])

    def test_never_follow_links_out_of_the_base_directory(self) -> None:
        outcome = run("phases: {build: {commands: ['ln -s /etc/passwd stolen; ln -s /etc folder; touch own']}}\n"
                      "artifacts: {files: ['**/*']}")
        self.assertEqual(sorted(outcome.artifacts), ["own"])


if __name__ == "__main__":
    unittest.main()
