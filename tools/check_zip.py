"""Builds one function for Lambda and looks at its zip as Lambda would: `python tools/check_zip.py [--x86_64] [FUNCTION]`.

Run by `scripts/test zip`. The zip that scripts/package has written is unpacked and run, the same program must make the
same zip again, and a part of a release must not look like a whole one.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import package
from packaging_trial import Refused, unpack

# The smallest one: what can be wrong with a zip is wrong with each.
FUNCTION = "check-build-status"
DIST = package.ROOT / "target" / "zip"


def main() -> int:
    """Build, take apart, run; the exit status."""
    names = [word for word in sys.argv[1:] if word != "--x86_64"]
    function = names[0] if names else FUNCTION
    options = ["--x86_64"] if "--x86_64" in sys.argv[1:] else []
    architecture = "x86_64" if options else "arm64"
    started = time.monotonic()
    command = ["scripts/package", *options, "--function", function, "--dist", str(DIST)]
    if subprocess.run(command, cwd=package.ROOT, check=False).returncode:
        return 1
    built = time.monotonic()
    try:
        content = (DIST / f"{function}.zip").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            program = unpack(content, Path(folder))
            if package.zipped(program.read_bytes()) != content:
                raise Refused("the same program makes another zip")
        package.try_out(function, content, architecture, package.emulator_of(architecture))
        names = sorted(file.name for file in DIST.iterdir())
        if names != sorted([f"{function}.zip", package.SBOM]):
            raise Refused(f"a part of a release holds {', '.join(names)}")
    except Refused as refused:
        print(f"error: {function}.zip: {refused}", file=sys.stderr)
        return 1
    print(f"{function}.zip, {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}…: "
          f"loads and answers, packs the same (built in {built - started:.0f} s, checked in {time.monotonic() - built:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
