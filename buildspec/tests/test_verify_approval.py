"""scripts/verify-approval, with a program in place of the AWS CLI that reads records from a folder.

Its answers to real records are in the end-to-end stories. Here is what it does in a checkout of hostile code.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts/verify-approval"
AWS = """#!/bin/bash
while [ $# -gt 0 ]; do
  [ "$1" != --key ] || key="$2"
  shift
done
if [ -e "$RECORDS/$key" ]; then cat "$RECORDS/$key" >&2; else echo NoSuchKey >&2; exit 254; fi
"""
# What a developer can put beside his code.
MODULE = "import sys\nprint('PASSED')\nprint('ran a module of the upload', file=sys.stderr)\nsys.exit(0)\n"
UPLOAD = {"bucket": "uploads", "key": "a.zip", "versionId": "v1"}
MODULES = ("json", "hashlib", "sys", "codecs", "encodings", "sitecustomize", "usercustomize", "_hashlib")


class VerifyApproval(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "programs").mkdir()
        (self.folder / "programs/aws").write_text(AWS)
        (self.folder / "programs/aws").chmod(0o755)
        self.checkout = self.folder / "checkout"
        self.checkout.mkdir()
        for module in MODULES:
            (self.checkout / f"{module}.py").write_text(MODULE)

    def record(self, name, **content):
        path = self.folder / "records" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    def judged(self, verdict, version="v1"):
        index = hashlib.sha256(f"uploads\na.zip\n{version}\n".encode()).hexdigest()
        self.record(f"uploads/{index}.json", scanId="s1")
        self.record("scans/s1/report.json", upload=UPLOAD, verdict=verdict)

    def decided(self, outcome, **change):
        self.record("scans/s1/decision.json", **{"scanId": "s1", "upload": UPLOAD, "outcome": outcome, **change})

    def asked(self, version="v1"):
        """Exit code and words, in the hostile checkout."""
        environment = {"PATH": f"{self.folder}/programs:{os.environ['PATH']}", "HOME": str(self.folder),
                       "RECORDS": str(self.folder / "records"), "EVIDENCE_BUCKET": "evidence"}
        done = subprocess.run([str(SCRIPT), "s3://uploads/a.zip", version], cwd=self.checkout, env=environment,
                              timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertNotIn("ran a module of the upload", done.stdout)
        return done.returncode, done.stdout.strip()

    def test_modules_in_the_current_folder_change_no_answer(self):
        self.assertEqual(self.asked(), (1, "not approved: version v1 of s3://uploads/a.zip was not judged (yet)"))
        self.judged("QUALITY_GATE_FAILED")
        self.assertEqual(self.asked()[0], 1)
        self.decided("REJECTED")
        self.assertEqual(self.asked(), (1, "not approved: REJECTED: version v1 of s3://uploads/a.zip (scan s1)"))
        self.decided("APPROVED")
        self.assertEqual(self.asked(), (0, "APPROVED: version v1 of s3://uploads/a.zip (scan s1)"))
        self.judged("PASSED")
        self.assertEqual(self.asked(), (0, "PASSED: version v1 of s3://uploads/a.zip (scan s1)"))

    def test_a_report_about_another_upload_is_no_answer(self):
        self.judged("PASSED", version="v2")
        self.assertEqual(self.asked("v2"), (2, "error: the report of scan s1 is unreadable or about another upload"))

    def test_a_decision_about_another_scan_or_upload_is_no_answer(self):
        self.judged("QUALITY_GATE_FAILED")
        other = [{"bucket": "uploads2"}, {"key": "b.zip"}, {"versionId": "v2"}]
        changes = [{"scanId": "s2"}, {"scanId": None}, *({"upload": {**UPLOAD, **part}} for part in other)]
        for change in [*changes, {"upload": {}}, {"upload": "v1"}]:
            self.decided("APPROVED", **change)
            self.assertEqual(self.asked(), (2, "error: the decision on scan s1 is unreadable or about another upload"), change)

    def test_a_decision_of_a_release_that_named_the_scan_alone_counts(self):
        self.judged("QUALITY_GATE_FAILED")
        self.record("scans/s1/decision.json", scanId="s1", outcome="APPROVED")
        self.assertEqual(self.asked(), (0, "APPROVED: version v1 of s3://uploads/a.zip (scan s1)"))

    def test_what_is_no_record_could_not_be_checked(self):
        index = "uploads/" + hashlib.sha256(b"uploads\na.zip\nv1\n").hexdigest() + ".json"
        for place in [index, "scans/s1/report.json", "scans/s1/decision.json"]:
            for text in ["{", "<html>", "[]", "1", "null", '"APPROVED"', "{}"]:
                self.judged("QUALITY_GATE_FAILED")
                self.decided("APPROVED")
                (self.folder / "records" / place).write_text(text)
                code, words = self.asked()
                self.assertEqual(code, 2, f"{place} {text}: {words}")
                self.assertTrue(words.startswith("error: ") and "Traceback" not in words, words)
        for verdict in ["", "PASSED ", "APPROVED\nx", "UNKNOWN"]:
            self.judged(verdict)
            self.assertEqual(self.asked()[0], 2, verdict)


if __name__ == "__main__":
    unittest.main()
