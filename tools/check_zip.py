"""Builds one function for Lambda and looks at its zip as Lambda would: `python tools/check_zip.py [FUNCTION]`.

Run by `scripts/test zip`. The zip is made by scripts/package itself, and read by another implementation of the format;
the program that comes out of it must load, must answer an event, and must make the same zip again.
"""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import package
from packaging_trial import Refused, answer_one_event, check_elf

# The smallest one: what can be wrong with a zip is wrong with each.
FUNCTION = "check-build-status"
DIST = package.ROOT / "target" / "zip"


def main() -> int:
    """Build, take apart, run; the exit status."""
    function = sys.argv[1] if len(sys.argv) > 1 else FUNCTION
    started = time.monotonic()
    command = ["scripts/package", "--function", function, "--dist", str(DIST)]
    if subprocess.run(command, cwd=package.ROOT, check=False).returncode:
        return 1
    built = time.monotonic()
    try:
        content = (DIST / f"{function}.zip").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            program = unpack(DIST / f"{function}.zip", Path(folder) / function)
            check_elf(program, "arm64")
            answer_one_event(program, package.emulator_of("arm64"))
            if package.zipped(program.read_bytes()) != content:
                raise Refused("the same program makes another zip")
        names = sorted(file.name for file in DIST.iterdir())
        if names != sorted([f"{function}.zip", package.SBOM]):
            raise Refused(f"a part of a release holds {', '.join(names)}")
    except Refused as refused:
        print(f"error: {function}.zip: {refused}", file=sys.stderr)
        return 1
    print(f"{function}.zip, {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}…: one program, "
          f"loads, answers, packs the same (built in {built - started:.0f} s, checked in {time.monotonic() - built:.0f} s)")
    return 0


def unpack(path: Path, folder: Path) -> Path:
    """The program in a zip, as Lambda unpacks it; refused if there is anything else in it."""
    with zipfile.ZipFile(path) as archive:
        if (broken := archive.testzip()) is not None:
            raise Refused(f"{broken} is damaged")
        entries = archive.infolist()
        if [entry.filename for entry in entries] != ["bootstrap"]:
            raise Refused(f"it holds {', '.join(entry.filename for entry in entries)}, and not bootstrap alone")
        mode = entries[0].external_attr >> 16
        if not stat.S_ISREG(mode) or stat.S_IMODE(mode) != 0o755:
            raise Refused(f"bootstrap cannot be run by everybody: {stat.filemode(mode)}")
        program = Path(archive.extract("bootstrap", folder))
    program.chmod(stat.S_IMODE(mode))
    return program


if __name__ == "__main__":
    sys.exit(main())
