"""What packaging promises: the same bytes for the same program, and no program that Lambda could not start."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import textwrap
import unittest
import zipfile
from pathlib import Path
from unittest import mock

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

import package  # noqa: E402
import packaging_sbom  # noqa: E402
import packaging_trial  # noqa: E402

ROOT = TOOLS.parent


def script(folder: str, text: str) -> Path:
    """A program in Python that plays a function."""
    program = Path(folder) / "approval" / "bootstrap"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n" + textwrap.dedent(text), encoding="utf-8")
    program.chmod(0o755)
    return program


class Zips(unittest.TestCase):
    def test_the_same_program_gives_the_same_zip(self):
        zips = {package.zipped(b"program") for _ in range(2)}
        self.assertEqual(len(zips), 1)
        with zipfile.ZipFile(io.BytesIO(zips.pop())) as archive:
            (entry,) = archive.infolist()
            self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))
            self.assertEqual(archive.read(entry), b"program")
            self.assertIsNone(archive.testzip())

    def test_what_lambda_would_not_unpack_is_refused(self):
        def unpacked(*entries: tuple[str, int]) -> None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "f.zip"
                with zipfile.ZipFile(path, "w") as archive:
                    for name, mode in entries:
                        entry = zipfile.ZipInfo(name)
                        entry.external_attr = mode << 16
                        archive.writestr(entry, b"program")
                program = packaging_trial.unpack(path.read_bytes(), Path(folder) / "f")
                self.assertEqual((program.read_bytes(), program.stat().st_mode), (b"program", 0o100755))

        unpacked(("bootstrap", 0o100755))
        for entries, why in [
            ([("bootstrap", 0o100755), ("notes", 0o100644)], "not bootstrap alone"),
            ([("bin/bootstrap", 0o100755)], "not bootstrap alone"),
            ([("bootstrap", 0o100644)], "cannot be run by everybody"),
            ([("bootstrap", 0o120755)], "cannot be run by everybody"),
        ]:
            with self.subTest(entries), self.assertRaisesRegex(package.Refused, why):
                unpacked(*entries)

    def test_a_zip_that_is_too_large_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "bootstrap"
            program.write_bytes(os.urandom(1000))
            with mock.patch.object(package, "LARGEST_ZIP", 900):
                with self.assertRaisesRegex(package.Refused, "approval: a zip may have 900 bytes"):
                    package.compress({"approval": program})

    def test_a_part_of_a_release_cannot_be_taken_for_a_whole_one(self):
        with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
            package.write(Path(folder) / "dist", "arm64", {"approval": b"zip"})
            names = sorted(file.name for file in (Path(folder) / "dist").iterdir())
            self.assertEqual(names, ["approval.zip", package.SBOM])

    def test_a_folder_with_other_things_is_left_alone(self):
        with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
            (Path(folder) / "thesis.txt").write_text("mine", encoding="utf-8")
            with self.assertRaisesRegex(package.Refused, "thesis.txt"):
                package.write(Path(folder), "arm64", {"approval": b"zip"})
            self.assertEqual([file.name for file in Path(folder).iterdir()], ["thesis.txt"])

    def test_a_whole_release_has_its_hashes(self):
        with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
            package.write(Path(folder) / "dist", "arm64", dict.fromkeys(package.FUNCTIONS, b"zip"))
            sums = (Path(folder) / "dist" / package.SUMS).read_text(encoding="utf-8").splitlines()
            names = [line.split("  ")[1] for line in sums]
            self.assertEqual(names, sorted(names))
            expected = {f"{function}.zip" for function in package.FUNCTIONS} | {Path(file).name for file in package.FILES}
            expected.add(package.SBOM)
            self.assertEqual(set(names), expected)


class Releases(unittest.TestCase):
    def packaged(self, folder: str, answer: Exception | None) -> tuple[int, list[str]]:
        """The exit status of scripts/package where all programs are this file, and the names that it wrote."""
        programs = dict.fromkeys(package.FUNCTIONS, Path(__file__))
        dist = Path(folder) / "dist"
        with (
            mock.patch.object(sys, "argv", ["package.py", "--dist", str(dist)]),
            mock.patch.object(package, "emulator_of", return_value=[]),
            mock.patch.object(package, "build", return_value=programs),
            mock.patch.object(package, "check_elf") as checked,
            mock.patch.object(package, "answer_one_event", side_effect=answer) as tried,
            mock.patch("sys.stdout", io.StringIO()),
            mock.patch("sys.stderr", io.StringIO()),
        ):
            status = package.main()
        self.assertEqual((checked.call_count, tried.call_count), (1, 1) if answer else (5, 5))
        return status, sorted(file.name for file in dist.iterdir()) if dist.exists() else []

    def test_nothing_is_packaged_that_did_not_answer(self):
        with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
            self.assertEqual(self.packaged(folder, package.Refused("it did not answer")), (1, []))

    def test_what_answered_is_packaged(self):
        with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
            status, names = self.packaged(folder, None)
            self.assertEqual(status, 0)
            self.assertLessEqual({package.SUMS, package.SBOM, "approval.zip"}, set(names))


class Trials(unittest.TestCase):
    def test_what_runs_is_what_is_in_the_zip(self):
        tried = []
        with (
            mock.patch.object(package, "check_elf"),
            mock.patch.object(package, "answer_one_event", side_effect=lambda program, _: tried.append(program.read_bytes())),
        ):
            package.try_out("approval", package.zipped(b"program"), "arm64", [])
            with self.assertRaises(zipfile.BadZipFile):
                package.try_out("approval", package.zipped(b"program")[:-4], "arm64", [])
        self.assertEqual(tried, [b"program"])

    def test_a_newer_glibc_is_refused(self):
        self.assertFalse(packaging_trial.too_new("GLIBC_2.34"))
        self.assertFalse(packaging_trial.too_new("GLIBC_2.2.5"))
        self.assertFalse(packaging_trial.too_new("GCC_4.2.0"))
        for version in ("GLIBC_2.35", "GLIBC_3.0", "GLIBC_PRIVATE", "GLIBC_ABI_DT_RELR"):
            self.assertTrue(packaging_trial.too_new(version), version)

    def test_what_a_program_needs_is_read_from_it(self):
        own = Path(os.path.realpath(sys.executable))
        architecture = "x86_64" if os.uname().machine == "x86_64" else "arm64"
        with mock.patch.object(packaging_trial, "GLIBC", (99, 0)):
            packaging_trial.check_elf(own, architecture)
        # Before any that has these processors' programs ask for a version.
        with mock.patch.object(packaging_trial, "GLIBC", (2, 1)):
            with self.assertRaisesRegex(packaging_trial.Refused, r"needs GLIBC_2\.\d+.*, and Lambda has glibc 2\.1"):
                packaging_trial.check_elf(own, architecture)

    def test_a_program_for_another_processor_is_refused(self):
        with self.assertRaisesRegex(packaging_trial.Refused, "not for"):
            own = Path(os.path.realpath(sys.executable))
            other = "arm64" if os.uname().machine == "x86_64" else "x86_64"
            packaging_trial.check_elf(own, other)

    def test_a_program_that_answers_is_accepted(self):
        with tempfile.TemporaryDirectory() as folder:
            packaging_trial.answer_one_event(script(folder, """
                import os, urllib.request
                api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
                event = urllib.request.urlopen(api + "next")
                id = event.headers["Lambda-Runtime-Aws-Request-Id"]
                urllib.request.urlopen(urllib.request.Request(api + id + "/error", data=b"{}", method="POST"))
            """), [])

    def test_a_program_that_ends_or_cannot_start_is_refused(self):
        for text, words in (
            ("raise SystemExit('no such library')", "no such library"),
            ("""
             import os, urllib.request
             api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/init/error"
             urllib.request.urlopen(urllib.request.Request(api, data=b"{}", method="POST"))
             """, "did not answer"),
        ):
            with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(packaging_trial.Refused, words):
                packaging_trial.answer_one_event(script(folder, text), [])

    def test_every_variable_of_the_templates_is_set_for_the_trial(self):
        given = packaging_trial.environment("approval", 1)
        self.assertLessEqual({"EVIDENCE_BUCKET", "QUARANTINE_BUCKET", "SES_EMAIL"}, set(given))
        self.assertEqual(given["SLACK_SIGNING_SECRET_ARN"], "arn:aws:secretsmanager:us-east-1:111122223333:secret:trial")
        self.assertEqual(given["PERSONAL_ACTION"], "REVIEW")


class Sbom(unittest.TestCase):
    def test_it_names_what_is_linked_and_not_what_tests_use(self):
        text = packaging_sbom.sbom(ROOT, package.FUNCTIONS, package.TARGETS["arm64"])
        self.assertEqual(text, packaging_sbom.sbom(ROOT, package.FUNCTIONS, package.TARGETS["arm64"]))
        names = {component["name"] for component in json.loads(text)["components"]}
        self.assertLessEqual({"approval", "domain", "platform", "lambda_runtime", "aws-sdk-s3"}, names)
        self.assertFalse({"insta", "proptest", "local", "operate"} & names)


if __name__ == "__main__":
    unittest.main()
