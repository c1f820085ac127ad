"""Strictness of the buildspec parser: what CodeBuild accepts and this subset plays, and nothing else."""

from __future__ import annotations

import unittest

from chatops_cloud.buildspec import BuildspecError, parse

SMALLEST = "version: 0.2\nphases: {build: {commands: [make]}}\n"


class Accepts(unittest.TestCase):
    def test_the_smallest_buildspec(self) -> None:
        spec = parse(SMALLEST)
        self.assertEqual(spec.phases["build"].commands, ("make",))
        self.assertEqual(spec.shell, "sh")
        self.assertIsNone(spec.artifacts)

    def test_every_key_of_the_subset(self) -> None:
        spec = parse("""
version: 0.2
env:
  shell: bash
  variables: {A: 1.10, B: yes}
  parameter-store: {P: /p}
  secrets-manager: {S: "name:key"}
  exported-variables: [A, C]
phases:
  install: {runtime-versions: {java: corretto21, python: 3.12}}
  pre_build: {commands: [a], on-failure: ABORT}
  build: {commands: [b, "c: d"], finally: [e], on-failure: CONTINUE}
  post_build: {commands: []}
artifacts: {files: ["**/*"], name: n, base-directory: out, discard-paths: yes, exclude-paths: [x]}
""")
        self.assertEqual(spec.variables, {"A": "1.10", "B": "yes"}, "scalars stay as they are written")
        self.assertEqual(spec.exported_variables, ("A", "C"))
        self.assertEqual(spec.phases["build"].finally_, ("e",))
        self.assertTrue(spec.artifacts and spec.artifacts.discard_paths)


class Refuses(unittest.TestCase):
    def check(self, text: str, message: str) -> None:
        with self.assertRaises(BuildspecError) as raised:
            parse(text)
        self.assertIn(message, str(raised.exception))

    def test_another_version(self) -> None:
        self.check(SMALLEST.replace("0.2", "0.1"), "version must be 0.2")
        self.check("phases: {build: {commands: [x]}}", "`version` is missing")

    def test_unknown_keys_anywhere(self) -> None:
        for place, text in {
            "buildspec": SMALLEST + "cache: {paths: [x]}",
            "env": SMALLEST + "env: {git-credential-helper: yes}",
            "phases": "version: 0.2\nphases: {deploy: {commands: [x]}}",
            "phases/build": "version: 0.2\nphases: {build: {commands: [x], run-as: root}}",
            "artifacts": SMALLEST + "artifacts: {files: [x], secondary-artifacts: {}}",
        }.items():
            self.check(text, f"{place}: unknown key")

    def test_runtime_versions_outside_install(self) -> None:
        self.check("version: 0.2\nphases: {build: {commands: [x], runtime-versions: {java: a}}}", "unknown key")

    def test_commands_that_are_no_strings(self) -> None:
        self.check("version: 0.2\nphases: {build: {commands: [{a: b}]}}",
                   "Expected phases/build/commands[0] to be of string type: found dict")
        self.check("version: 0.2\nphases: {build: {commands: make}}", "must be a list")

    def test_exports_of_what_must_stay_secret(self) -> None:
        for name in ("AWS_SECRET_ACCESS_KEY", "TOKEN", "PARAMETER", "CODEBUILD_BUILD_ID"):
            self.check(
                f"{SMALLEST}env: {{secrets-manager: {{TOKEN: s}}, parameter-store: {{PARAMETER: p}}, "
                f"exported-variables: [{name}]}}",
                "cannot be exported",
            )

    def test_a_key_given_twice(self) -> None:
        self.check("version: 0.2\nphases:\n  build: {commands: [a]}\n  build: {commands: [b]}\n", "given twice")

    def test_what_is_no_mapping_or_no_yaml(self) -> None:
        self.check("- a", "must be a mapping")
        self.check("a: [", "expected")
        self.check("!!python/object/apply:os.system [id]", "could not determine a constructor")

    def test_unknown_words(self) -> None:
        self.check(SMALLEST + "env: {shell: powershell}", "must be bash or sh")
        self.check("version: 0.2\nphases: {build: {commands: [x], on-failure: RETRY}}", "ABORT or CONTINUE")
        self.check(SMALLEST + "env: {variables: {A-B: x}}", "no variable name")


if __name__ == "__main__":
    unittest.main()
