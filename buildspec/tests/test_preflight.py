"""The check of uploaded zips, taken out of the buildspec and run on zips as attackers make them.

Run with: python3 -m unittest discover -s buildspec/tests
"""

import io
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
import zipfile

import buildspec

REFUSED = 65
LINK, DEVICE, FOLDER, FILE = 0o120777, 0o020666, 0o040755, 0o100644


def make(*entries, method=zipfile.ZIP_DEFLATED):
    """A zip of (name, content[, mode]) entries, as they are: no name is cleaned, nothing is refused."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of duplicates
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for name, content, *mode in entries:
                entry = zipfile.ZipInfo("placeholder")
                entry.filename = entry.orig_filename = name
                entry.external_attr = (mode[0] if mode else FILE) << 16
                entry.compress_type = method
                archive.writestr(entry, content)
    return buffer.getvalue()


def class_file(name):
    """As a compiler makes it, up to the names of the class: constants of each size before, one of them a long."""
    number, text = b"\x05" + bytes(8), name.encode()
    constants = number + b"\x01" + struct.pack(">H", len(text)) + text + b"\x07\0\x03" + b"\x0f" + bytes(3)
    return b"\xca\xfe\xba\xbe" + struct.pack(">HHH", 0, 61, 6) + constants + struct.pack(">HHH", 0x21, 4, 0)


def directory_of(archive):
    """Where the list of files begins."""
    return struct.unpack("<L", archive[-6:-2])[0]


class Preflight(unittest.TestCase):
    def run_on(self, archive, **variables):
        """Exit code and output. What the run wrote is in self.folder."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "upload.zip").write_bytes(archive)
        program = self.folder / "preflight.py"
        program.write_text(buildspec.preflight(), encoding="utf-8")
        environment = os.environ | buildspec.variables() | variables
        done = subprocess.run([sys.executable, "-I", str(program)], cwd=self.folder, env=environment, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def refused(self, archive, words, **variables):
        code, output = self.run_on(archive, **variables)
        self.assertEqual(code, REFUSED, output)
        lines = [line for line in output.splitlines() if line.startswith("PREFLIGHT REFUSED: ")]
        self.assertEqual(len(lines), 1, output)
        self.assertIn(words, lines[0])
        self.assertIn(words, json.loads((self.folder / "preflight.json").read_text())["refused"])
        self.assertFalse((self.folder / "scan.properties").exists(), "the scan could begin")
        return lines[0]

    def accepted(self, archive, **variables):
        code, output = self.run_on(archive, **variables)
        self.assertEqual(code, 0, output)
        return output

    def settings(self):
        lines = (self.folder / "scan.properties").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


class GoodArchives(Preflight):
    def test_unpacks_files_and_folders(self):
        self.accepted(make(("app/", b"", FOLDER), ("app/main.py", b"print()\n"), ("README.md", b"# App\n")))
        self.assertEqual((self.folder / "source/app/main.py").read_bytes(), b"print()\n")
        self.assertEqual((self.folder / "source/README.md").read_bytes(), b"# App\n")

    def test_understands_names_that_begin_with_a_dot(self):
        self.accepted(make(("./", b"", FOLDER), ("./app/main.py", b"print()\n")))
        self.assertTrue((self.folder / "source/app/main.py").exists())

    def test_keeps_names_of_all_languages(self):
        self.accepted(make(("größe/文件.py", b"print()\n")))
        self.assertTrue((self.folder / "source/größe/文件.py").exists())

    def test_scans_the_only_folder_if_the_settings_are_there(self):
        output = self.accepted(make(("api-main/sonar-project.properties", b""), ("api-main/a.py", b"")))
        self.assertTrue((self.folder / "source/a.py").exists())
        self.assertIn("'api-main'", output)

    def test_scans_everything_if_there_are_two_folders(self):
        self.accepted(make(("a/sonar-project.properties", b""), ("b/b.py", b"")))
        self.assertTrue((self.folder / "source/b/b.py").exists())

    def test_scans_the_folder_that_the_deployment_names(self):
        self.accepted(make(("api/src/a.py", b""), ("b.py", b"")), SONAR_FILE_DIRECTORY="api/src")
        self.assertEqual([path.name for path in (self.folder / "source").iterdir()], ["a.py"])

    def test_leaves_git_out_everywhere(self):
        self.accepted(make((".git/config", b"[core]\n\tfsmonitor = touch /tmp/x\n"), ("lib/sub/.GIT/config", b""),
                           ("lib/.git", b"gitdir: ../.git\n"), ("a.py", b""), (".gitignore", b"a.py\n")))
        names = sorted(str(path.relative_to(self.folder / "source")) for path in (self.folder / "source").rglob("*"))
        self.assertEqual(names, [".gitignore", "a.py"])

    def test_leaves_no_folder_a_repository(self):
        self.accepted(make(("HEAD", b"ref: refs/heads/main\n"), ("config", b""), ("objects/x", b""), ("refs/x", b""),
                           ("docs/HEAD", b"kept")))
        self.assertFalse((self.folder / "source/HEAD").exists())
        self.assertTrue((self.folder / "source/docs/HEAD").exists())
        # Of a worktree: what else makes it a repository is where this file says.
        self.accepted(make(("a/HEAD", b"ref: refs/heads/main\n"), ("a/CommonDir", b"../b\n"), ("b/config", b""),
                           ("b/objects/x", b""), ("b/refs/x", b"")))
        self.assertFalse((self.folder / "source/a/HEAD").exists())
        self.assertEqual((self.folder / "not-analysed").read_text(), "git:1")

    def test_gives_no_file_the_right_to_run(self):
        self.accepted(make(("run.sh", b"#!/bin/sh\n", 0o104755)))
        self.assertEqual((self.folder / "source/run.sh").stat().st_mode & 0o7111, 0)

    def test_counts_what_switches_findings_off(self):
        for name, code, expected in (
            ("a.py", "x = 1  # NOSONAR\ny = 2  # NOSONAR(S4830)", "nosonar:2"),
            ("a.py", "x = 1  # nosonar\ny = 2  # noqa: S501\nz = 3  # noqa: E501", ""),
            ("a.py", "x = 1  # noqa\ny = 2  # NOQA: E501, S4830\n# flake8: noqa", "noqa:2"),
            ("a.js", "f(); // nosonar\n/* eslint-disable */ // eslint-disable-line\n/* eslint S4830: 0 */",
             "eslint:3 nosonar:1"),
            ("a.kt", '@Suppress("kotlin:S5542", "all") fun f() {} // nosonar', "nosonar:1 suppress-warnings:1"),
            ("a.php", '<?php /** @SuppressWarnings("php:S4830") */', "suppress-warnings:1"),
            ("A.java", '@SuppressWarnings("all") class A {}', "suppress-warnings:1"),
            ("A.java", '@java.lang.SuppressWarnings({"x", "java:S4830"}) class A {}', "suppress-warnings:1"),
            ("A.java", r'@Suppress\u0057arnings/* ) */("squid:S4830") class A {}', "suppress-warnings:1"),
            ("A.java", "@SuppressWarnings(K.ALL) class A {}", "suppress-warnings:1"),
            ("A.java", '@SuppressWarnings(value = {"unchecked", "rawtypes"}) class A {} // nosonar', ""),
            ("A.java", '// @SuppressWarnings("all")\nclass A { String s = "@SuppressWarnings(all)"; }', ""),
            ("README.md", "NOSONAR # noqa", ""),
            ("Dockerfile", "USER root # NOSONAR", "nosonar:1"),
            ("Dockerfile.dev", "USER root # NOSONAR", "nosonar:1"),
            ("web.dockerfile", "USER root # NOSONAR", "nosonar:1"),
            *((f"a.{suffix}", "x: 1 # NOSONAR\ny: 2 # nosonar", "nosonar:1")
              for suffix in ("yml", "yaml", "json", "xml", "css", "scss", "tf", "bicep", "html", "twig", "properties")),
            (".github/workflows/a.yml", "x: 1 # NOSONAR", "nosonar:1"),
            ("a.YAML", "x: 1 # NOSONAR".encode("utf-16").decode("latin-1"), "nosonar:1"),
        ):
            self.accepted(make((name, code.encode("latin-1"))))
            self.assertEqual((self.folder / "suppressions").read_text(), expected or "none", code)

    def test_counts_what_is_not_judged(self):
        java = b"package a.b;\n@X({1}) final class A { class Inner {} }\n"
        for entries, expected in (
            ([("a.py", b"x = 1\n"), ("README.md", b"#"), ("logo.png", b"\x89PNG")], ""),
            ([(".hidden/a.py", b""), ("x/.a.js", b""), (".gitignore", b"a.py")], "hidden:2"),
            ([("node_modules/x/a.js", b""), ("node_modules/x/a.py", b"")], "node-modules:1"),
            ([("a.min.js", b"x()\n"), ("a-min.js", b"x()\n"), ("b.js", b"x" * 900 + b"\n"), ("c.py", b"#" * 900)],
             "minified:3"),
            ([("a.js", b"/" * 100 + b"\n")], ""),
            ([("big.py", os.urandom(21 << 20))], "too-large:1"),
            ([("a.c", b""), ("a.SWIFT", b""), ("run", b"#!/bin/sh\n"), ("a.pyw", b""), ("notes", b"#")], "no-analyser:4"),
            ([("a.js", b"f();\0"), ("b.js", "f();\n".encode("utf-16"))], "binary:1"),
            ([("a.jar", b"PK"), ("A.class", b""), ("x.tar.gz", b"")], "packed:3"),
            ([("A.java", java), ("B.java", java.replace(b"A", b"B"))], "without-classes:2"),
            ([("x/A.java", java), ("y/Z.java", b"package a.b; /* class B */ record A() {}")],
             "declared-twice:1 without-classes:2"),
            ([(".git/code.py", b""), ("lib/.GIT/x", b""), ("a.py", b"")], "git:2"),
            ([(name, b"") for name in ("a.php7", "a.htm", "a.rake", "a.svelte", "Makefile", "Jenkinsfile", "Jenkinsfile.prod",
                                       "dockerfile", "Containerfile")], "no-analyser:9"),
            ([("Dockerfile", b""), ("a.yml", b""), ("Gemfile.rb", b""), ("gemfile.html", b"")], ""),
            ([(".devcontainer/Dockerfile", b""), (".vscode/settings.json", b"{}")], "hidden:1"),
            ([(".dockerfile", b"")], "hidden:1"),
            ([("x/A.java", java), ("y/A.java", java.replace(b"a.b", b"a.c"))], "without-classes:2"),
        ):
            self.accepted(make(*entries))
            self.assertEqual((self.folder / "not-analysed").read_text(), expected or "none")

    def test_counts_python_that_the_analyser_reads_otherwise(self):
        for code, expected in (
            ("# coding: utf-7\n# +AAo-print(1)", "encoding:1"),
            ("#!/usr/bin/python\n# -*- coding: unicode_escape -*-\n# \\nprint(1)", "encoding:1"),
            ("\r \f# vim: set fileencoding=UTF_7 :\n", "encoding:1"),
            ("\xef\xbb\xbf# coding: coding:raw-unicode-escape\n", "encoding:1"),
            ("#" * 200000 + "\n# coding=shift_jis\n", "encoding:1"),
            ("# coding: utf-16\n", "encoding:1"),
            ("# coding: iso-8859-12\n", "encoding:1"),
            ("# coding: utf-8\n# coding: utf-7\n", "encoding:1"),
            ("\n\n# coding: utf-7\n", "none"),
            ("x = 1 # coding: utf-7\n", "none"),
            ("\n" * 1000000, "none"),
            *((f"# -*- coding: {name} -*-\n", "none")
              for name in ("utf-8", "UTF8", "utf_8", "utf-8-unix", "ascii", "us-ascii", "latin-1", "latin_1", "iso-8859-15",
                           "ISO8859-1", "cp1252", "windows-1252")),
        ):
            self.accepted(make(("a.py", code.encode("latin-1"))))
            self.assertEqual((self.folder / "not-analysed").read_text(), expected, code[:80])

    def test_counts_code_outside_of_the_folder_that_is_scanned(self):
        archive = make(("api/a.py", b""), ("b.py", b""), ("lib/x.jar", b""), ("lib/c.yml", b""), ("README.md", b""),
                       ("run", b"#!/bin/sh\n"), (".git/x.py", b""))
        self.accepted(archive, SONAR_FILE_DIRECTORY="api")
        self.assertEqual((self.folder / "not-analysed").read_text(), "git:1 outside:4")
        self.assertEqual(json.loads((self.folder / "preflight.json").read_text())["files"], 1)

    def test_java_is_analysed_in_full_only_with_its_classes(self):
        a, b, other = class_file("A"), class_file("com/acme/B"), class_file("x")
        both = {"classes/A.class": a, "classes/com/acme/B.class": b}
        library = make(("A.class", a), ("com/acme/B.class", b))
        stored = make(("A.class", a), ("com/acme/B.class", b), method=zipfile.ZIP_STORED)
        listed = b"PK\x01\x02\x14\x03\x14\0"  # then the flags: 1 is encrypted
        for setting, names, missing in (
            ("src", {}, True),
            ("classes", both, False),
            ("classes", both | {"classes/A$1.class": b"", "classes/x.class": other}, False),
            ("one,two", {"one/A.class": a, "two/com/acme/B.class": b}, False),
            ("lib/*.jar", {"lib/a.jar": library}, False),
            ("classes,lib/a.jar", {"classes/A.class": a, "lib/a.jar": make(("com/acme/B.class", b))}, False),
            ("classes", {"classes/A.class": a}, True),
            ("classes", {"classes/x": b"", **{name.replace("classes", "other"): content for name, content in both.items()}}, True),
            ("missing", both, True),
            # The compiler looks for a class where its name says, and takes no other one there.
            (".", both, True),
            ("classes", both | {"classes/com/acme/B.class": class_file("B")}, True),
            ("classes", {"classes/A.class": a, "classes/B.class": b}, True),
            # Forged.
            ("classes", {"classes/x.class": b"\xca\xfe\xba\xbe"}, True),
            ("classes", {"classes/x.class": other}, True),
            ("classes", {name: b"\xca\xfe\xba\xbe" for name in both}, True),
            ("classes", {name: content[:-4] for name, content in both.items()}, True),
            ("classes", {name: b"\0" + content[1:] for name, content in both.items()}, True),
            ("classes", {name: content[:10] + b"\x63" + content[11:] for name, content in both.items()}, True),
            ("lib/a.jar", {"lib/a.jar": b"PK\x03\x04"}, True),
            ("lib/a.jar", {"lib/a.jar": make(("A.class", b""), ("com/acme/B.class", b""))}, True),
            ("lib/a.jar", {"lib/a.jar": library[: len(library) // 2]}, True),
            ("lib/a.jar", {"lib/a.jar": stored}, False),
            ("lib/a.jar", {"lib/a.jar": stored.replace(b, bytes(len(b)))}, True),
            ("lib/a.jar", {"lib/a.jar": stored.replace(listed + b"\0", listed + b"\1")}, True),
        ):
            settings = f"sonar.java.binaries={setting}\n".encode()
            self.accepted(make(("sonar-project.properties", settings), ("src/A.java", b"class A { class C {} }"),
                               ("src/B.java", b"package com.acme; record B() {}"), ("src/package-info.java", b"package com.acme;"),
                               *names.items()))
            told = (self.folder / "not-analysed").read_text()
            self.assertEqual("without-classes:3" in told, missing, f"{setting} {names}: {told}")

    def test_a_library_that_cannot_be_read_has_no_classes(self):
        stored = make(("A.class", class_file("A")), method=zipfile.ZIP_STORED)
        # The list of files lies before the beginning, says the end.
        far = bytearray(stored)
        struct.pack_into("<L", far, len(far) - 6, directory_of(stored) + 50)
        # Bzip2, say the header and the list.
        other = bytearray(stored)
        struct.pack_into("<H", other, 8, zipfile.ZIP_BZIP2)
        struct.pack_into("<H", other, directory_of(stored) + 10, zipfile.ZIP_BZIP2)
        for library, missing in ((stored, False), (far, True), (other, True)):
            self.accepted(make(("sonar-project.properties", b"sonar.java.binaries=lib/a.jar"), ("A.java", b"class A {}"),
                               ("lib/a.jar", bytes(library))))
            self.assertEqual("without-classes:1" in (self.folder / "not-analysed").read_text(), missing)

    def test_a_java_program_without_a_class_around_it_needs_its_class_too(self):
        for name, missing in (("x", True), ("Main", False)):
            self.accepted(make(("sonar-project.properties", b"sonar.java.binaries=classes"), ("Main.java", b"void main() {}"),
                               (f"classes/{name}.class", class_file(name))))
            self.assertEqual("without-classes:1" in (self.folder / "not-analysed").read_text(), missing, name)

    def test_classes_that_unpack_to_much_are_read_in_part(self):
        bomb = make(*((f"C{number}.class", bytes(4 << 20)) for number in range(300)))
        code = "".join(f"class C{number} {{}}\n" for number in range(300)).encode()
        started = time.monotonic()
        self.accepted(make(("sonar-project.properties", b"sonar.java.binaries=a.jar"), ("A.java", code), ("a.jar", bomb)))
        self.assertLess(time.monotonic() - started, 30)
        self.assertIn("without-classes:1", (self.folder / "not-analysed").read_text())

    def test_counts_in_hostile_code_come_to_an_end(self):
        for piece in ("coding: ", "coding:", "/*", '"' * 3, '"' + "\\", "'", "@SuppressWarnings(", "{class A", r"\u005c", "a "):
            code = (piece * (1 << 20))[: 1 << 20].encode()
            started = time.monotonic()
            self.accepted(make(("A.java", code), ("a.kt", code), ("a.py", code), ("a.js", code), ("b.py", b"#" + code)))
            self.assertLess(time.monotonic() - started, 60, piece)

    def test_a_highly_compressible_small_file_is_fine(self):
        self.accepted(make(("zeros.bin", bytes(5 << 20))))


class HostileArchives(Preflight):
    def test_no_zip(self):
        for content in (b"", b"hello", b"PK\x03\x04", b"#!/bin/sh\n" * 1000):
            self.refused(content, "is not a zip")

    def test_truncated(self):
        archive = make(("a.py", os.urandom(5000)))
        self.refused(archive[: len(archive) // 2], "is not a zip")

    def test_empty(self):
        self.refused(make(), "no files")
        self.refused(make(("a/", b"", FOLDER)), "no files")

    def test_paths_that_lead_out(self):
        for name in ("../a.py", "a/../../b.py", "a/..", "..", "a/./b.py", "a//b.py", "././a.py"):
            self.refused(make((name, b"x")), "not a plain path")

    def test_absolute_paths(self):
        for name in ("/etc/cron.d/x", "C:/x.py", "c:x.py"):
            self.refused(make((name, b"x")), "absolute path")

    def test_names_that_windows_takes_for_others(self):
        for name in ("a.py.", "a.py ", "a.py::$DATA", "d./a.py", "d /a.py", "d/x:y", "d./", "..."):
            self.refused(make((name, b"x"), ("a.py", b"")), "is another name on Windows")
        self.accepted(make(("./.a b.py", b""), ("./", b"", FOLDER), (".d/.e", b"")))

    def test_backslashes(self):
        for name in ("..\\x.py", "a\\b.py", "\\\\server\\share"):
            self.refused(make((name, b"x")), "backslash")

    def test_control_characters(self):
        for name in ("a\x00b.py", "a\nPREFLIGHT REFUSED: nothing.py", "a\x1b[2J.py", "a\x7f.py", "a\u2028b.py"):
            self.refused(make((name, b"x")), "control character")

    def test_links_and_devices(self):
        self.assertIn("a link", self.refused(make(("passwd", b"/etc/passwd", LINK)), "'passwd'"))
        self.refused(make(("null", b"", DEVICE)), "neither a file nor a folder")

    def test_a_link_does_not_become_a_way_out(self):
        self.refused(make(("out", b"/tmp", LINK), ("out/x.py", b"x")), "a link")

    def test_encrypted(self):
        archive = bytearray(make(("a.py", b"x")))
        at = directory_of(archive)
        archive[at + 8] |= 1
        self.refused(bytes(archive), "encrypted")

    def test_the_same_file_twice(self):
        self.refused(make(("a.py", b"good"), ("a.py", b"bad")), "twice")

    def test_names_that_some_systems_take_for_one(self):
        self.refused(make(("a.py", b""), ("A.PY", b"")), "each other's place")
        self.refused(make(("src/a.py", b""), ("SRC/b.py", b"")), "each other's place")
        self.refused(make(("é.py", b""), ("e\u0301.py", b"")), "each other's place")

    def test_a_file_that_is_a_folder_too(self):
        self.refused(make(("a", b"x"), ("a/b.py", b"")), "each other's place")
        self.refused(make(("a/b.py", b""), ("a", b"x")), "each other's place")
        self.refused(make(("a/", b"", FOLDER), ("a", b"x")), "each other's place")
        self.refused(make(("a", b"", FOLDER)), "a folder in another")

    def test_too_many_files(self):
        self.refused(make(*((f"{n}.py", b"") for n in range(11))), "11 entries", LIMIT_ENTRIES="10")

    def test_too_large(self):
        self.refused(make(("a.bin", os.urandom(3 << 20))), "3 MiB, and 2 are allowed", LIMIT_ARCHIVE_MIB="2")
        self.refused(make(("a.bin", os.urandom(3 << 20))), "unpacks to 3 MiB", LIMIT_FILE_MIB="2")
        three = [(f"{n}.bin", os.urandom(2 << 20)) for n in range(3)]
        self.refused(make(*three), "the zip unpacks to 6 MiB", LIMIT_TOTAL_MIB="5")

    def test_a_bomb(self):
        self.refused(make(("zeros.bin", bytes(60 << 20))), "as zip bombs do")

    def test_a_bomb_in_many_small_files(self):
        zeros = bytes(9 << 20)
        self.refused(make(*((f"{n}.bin", zeros) for n in range(4))), "unpacks to 36 MiB", LIMIT_TOTAL_MIB="30")

    def test_a_long_or_deep_path(self):
        self.refused(make(("/".join(["abcdefgh"] * 60 + ["x" * 600]), b"")), "longer than")
        self.refused(make(("x" * 256, b"")), "255 bytes")
        self.refused(make(("a/" * 65 + "b.py", b"")), "folders deep")

    def test_sizes_that_are_lies(self):
        # The list of files and the file's own header say 10 bytes; a mebibyte of zeros comes out.
        archive = bytearray(make(("zeros.bin", bytes(1 << 20))))
        at = directory_of(archive)
        for place in (22, at + 24):
            archive[place : place + 4] = struct.pack("<L", 10)
        self.refused(bytes(archive), "larger than the zip says")

    def test_a_size_that_is_more_than_there_is(self):
        archive = bytearray(make(("a.bin", b"x" * 100)))
        at = directory_of(archive)
        for place in (22, at + 24):
            archive[place : place + 4] = struct.pack("<L", 1000)
        self.refused(bytes(archive), "damaged")

    def test_damaged_content(self):
        archive = bytearray(make(("a.bin", b"x" * 100), method=zipfile.ZIP_STORED))
        archive[50] ^= 1
        self.refused(bytes(archive), "damaged")

    def test_an_unknown_compression(self):
        archive = bytearray(make(("a.py", b"x")))
        at = directory_of(archive)
        archive[8], archive[at + 10] = 99, 99
        self.refused(bytes(archive), "not supported")

    def test_a_folder_that_the_deployment_names_and_nobody_has(self):
        self.refused(make(("a.py", b"")), "no folder 'api'", SONAR_FILE_DIRECTORY="api")

    def test_long_names_are_cut_in_the_message(self):
        line = self.refused(make(("../" + "x" * 5000, b"")), "longer than")
        self.assertLess(len(line), 300)


class Settings(Preflight):
    CODE = (("src/a.py", b""), ("tests/test_a.py", b""), ("classes/A.class", b""), ("lib/b.jar", b""))

    def with_settings(self, text, *more):
        content = text if isinstance(text, bytes) else text.encode()
        output = self.accepted(make(("sonar-project.properties", content), *self.CODE, *more))
        return self.settings(), output

    def check(self, text, expect, *more):
        found, _ = self.with_settings(text, *more)
        found.pop("sonar.java.binaries")
        self.assertEqual(found, expect)

    def test_uses_what_describes_the_code(self):
        found, _ = self.with_settings("sonar.sourceEncoding=ISO-8859-1\nsonar.python.version=3.9, 3.12\n"
                                      "sonar.java.binaries=classes\nsonar.java.libraries=lib/*.jar\n")
        self.assertEqual(found, {
            "sonar.sourceEncoding": "ISO-8859-1", "sonar.python.version": "3.9, 3.12", "sonar.java.binaries": "classes",
            "sonar.java.libraries": "lib/*.jar"})

    def test_does_without_a_settings_file(self):
        output = self.accepted(make(("a.py", b"")))
        self.assertIn("default settings", output)
        self.assertEqual(list(self.settings()), ["sonar.java.binaries"])

    def test_uses_the_file_that_the_deployment_names(self):
        archive = make(("scan.properties", b"sonar.python.version=3.9"), ("sonar-project.properties", b"sonar.tests=a"))
        self.accepted(archive, SONAR_FILE_NAME="scan.properties")
        self.assertEqual(self.settings()["sonar.python.version"], "3.9")

    def test_nothing_that_decides_gets_through(self):
        hostile = """
            sonar.host.url=http://attacker.example
            sonar.token=x
            sonar.login=x
            sonar.projectKey=somebody-else
            sonar.projectBaseDir=/etc
            sonar.projectVersion=2
            sonar.scanner.javaExePath=./run.sh
            sonar.scanner.engineJarPath=./engine.jar
            sonar.scanner.metadataFilePath=/tmp/report-task.txt
            sonar.scanner.apiBaseUrl=http://attacker.example
            sonar.scanner.proxyHost=attacker.example
            sonar.nodejs.executable=./run.sh
            sonar.qualitygate.wait=false
            sonar.sources=docs
            sonar.tests=tests
            sonar.test.inclusions=**/*
            sonar.java.test.binaries=classes
            sonar.inclusions=docs/**
            sonar.exclusions=**/*
            sonar.global.exclusions=**/*
            sonar.issue.ignore.multicriteria=e1
            sonar.issue.ignore.multicriteria.e1.ruleKey=*
            sonar.issue.ignore.multicriteria.e1.resourceKey=**/*
            sonar.modules=a
            sonar.python.bandit.reportPaths=x
            sonar.coverage.exclusions=**/*
            sonar.java.source=1.3
            sonar.python.file.suffixes=.nothing
            project.settings=other.properties
        """
        _, output = self.with_settings(hostile)
        self.check(hostile, {})
        self.assertIn("'sonar.host.url'", output)
        self.assertNotIn("attacker", output)

    def test_reads_keys_as_java_does(self):
        # Each line sets sonar.host.url, or is no setting at all; none sets anything that is used.
        for line in (r"sonar.host\.url=http://x", r"sonar\u002ehost.url=http://x", "sonar.host.url http://x",
                     "sonar.host.url:http://x", "  sonar.host.url\t=\thttp://x", "sonar.ho\\\n    st.url=http://x",
                     "#\\\nsonar.host.url=http://x", "! sonar.tests=tests", "sonar.python.version\\=3=x"):
            self.check(line, {})

    def test_a_value_cannot_start_another_line(self):
        for value in (r"3.9\nsonar.host.url=http://x", r"3.9\u000asonar.host.url=http://x",
                      r"3.9\r\nsonar.exclusions=**", "3.9\\\nsonar.host.url=http://x"):
            self.check("sonar.python.version=" + value, {})
            self.check("sonar.sourceEncoding=" + value, {})

    def test_a_value_continues_on_the_next_line(self):
        self.check("sonar.python.version=3.9, \\\n    3.10\n", {"sonar.python.version": "3.9, 3.10"})
        self.check("sonar.python.version=3.9\\\\\nsonar.sourceEncoding=UTF-8\n", {"sonar.sourceEncoding": "UTF-8"})

    def test_the_last_of_two_equal_keys_counts(self):
        self.check("sonar.python.version=3.9\nsonar.python.version=3.10\n", {"sonar.python.version": "3.10"})

    def test_a_value_cannot_name_a_variable(self):
        for key in ("sonar.sourceEncoding", "sonar.python.version", "sonar.java.libraries"):
            self.check(key + "=${env.SONAR_TOKEN}", {})

    def test_an_encoding_that_hides_the_code_is_not_used(self):
        for name in ("UTF-16", "UTF-32", "IBM037", "x"):
            self.check("sonar.sourceEncoding=" + name, {})

    def test_no_code_is_made_into_tests(self):
        for value in ("tests", "src", ".", "tests/*"):
            self.check("sonar.tests=" + value, {})

    def test_java_files_stay_in_the_zip(self):
        for value in ("/usr/lib", "../x", "lib/../../x", "missing", "classes/..", ".."):
            found, _ = self.with_settings("sonar.java.binaries=" + value)
            self.assertEqual(found["sonar.java.binaries"], str((self.folder / "work/no-classes").resolve()))

    def test_names_of_java_files_are_looked_for_once_and_not_without_end(self):
        found, _ = self.with_settings("sonar.java.binaries=" + "classes,./classes,classes/," * 20000 + "lib")
        self.assertEqual(found["sonar.java.binaries"], "classes,lib")
        for key in ("sonar.java.binaries", "sonar.java.libraries"):
            names = ",".join(f"{number}*" for number in range(101))
            archive = make(("sonar-project.properties", f"{key}={names}".encode()))
            self.refused(archive, "lists 101 patterns in one setting of Java, and 100 are allowed")
            # What leads out of the zip is not looked for, and a plain name is found at once.
            names = ",".join(f"{number},/home/{number}/.m2/*,../{number}*" for number in range(101))
            found, _ = self.with_settings(f"{key}={names},lib,lib/*.jar")
            self.assertEqual(found[key], "lib,lib/*.jar")
            self.check(f"{key}=" + "*/" * 100000 + "*", {})

    def test_a_settings_file_of_nonsense_is_no_obstacle(self):
        for content in (b"\xff\xfe\x00", b"=\n:\n\\\n", b"\\", b"a\\u00g0=1", b"k" * 100000, b"\\uD800=1"):
            self.check(content, {})


if __name__ == "__main__":
    unittest.main()
