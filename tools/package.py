"""Builds the release for Lambda: `python tools/package.py [--x86_64] [--function NAME]... [--dist FOLDER]`.

Run by scripts/package, which installs what this needs. In this order: builds the functions, zips them, unpacks each zip
as Lambda does, looks whether Lambda's system can load what came out, lets it answer one event, and only then writes the
zips, SHA256SUMS and an SBOM.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zopfli.zlib

from packaging_sbom import sbom
from packaging_trial import Refused, answer_one_event, check_elf, unpack

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = ("approval", "check-build-status", "finding-handler", "finding-remediator", "remediation-handler")
FILES = (
    "buildspec/sonar-scan.yml",
    "statemachine/code-scan.asl.json",
    "templates/app-security.yml",
    "templates/macie-remediation.yml",
    "templates/pre-requisite.yml",
)
SUMS = "SHA256SUMS"
SBOM = "sbom.cdx.json"
# A larger zip takes longer to start. Decimal bytes.
LARGEST_ZIP = 4_000_000
# How often Zopfli looks for a shorter text: after five rounds it finds next to nothing.
ROUNDS = 5
# Where cargo builds.
TARGET_FOLDER = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}


def main() -> int:
    """Package what the arguments say; the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/package", description="Builds a release for Lambda into dist/.")
    parser.add_argument("--x86_64", action="store_true", help="for that processor instead of arm64")
    parser.add_argument("--function", action="append", choices=FUNCTIONS, help="only this one, to try it out")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where to write it")
    arguments = parser.parse_args()
    architecture = "x86_64" if arguments.x86_64 else "arm64"
    functions = tuple(arguments.function or FUNCTIONS)
    try:
        emulator = emulator_of(architecture)
        zips = compress(build(architecture, functions))
        for function, content in zips.items():
            try_out(function, content, architecture, emulator)
            print(f"{function}.zip: loads on Amazon Linux 2023, answers")
        write(arguments.dist, architecture, zips)
    except Refused as refused:
        print(f"error: {refused}", file=sys.stderr)
        return 1
    return 0


def try_out(function: str, content: bytes, architecture: str, emulator: list[str]) -> None:
    """Refused unless the program in the zip loads and answers."""
    with tempfile.TemporaryDirectory() as folder:
        program = unpack(content, Path(folder) / function)
        check_elf(program, architecture)
        answer_one_event(program, emulator)


def compress(programs: dict[str, Path]) -> dict[str, bytes]:
    """The zips, none of them too large."""
    # Zopfli is C and lets other threads run.
    with ThreadPoolExecutor() as pool:
        zips = dict(zip(programs, pool.map(lambda program: zipped(program.read_bytes()), programs.values())))
    for function, content in zips.items():
        print(f"{function}.zip: {len(content):,} bytes")
    large = [function for function, content in zips.items() if len(content) > LARGEST_ZIP]
    if large:
        raise Refused(f"{', '.join(large)}: a zip may have {LARGEST_ZIP:,} bytes")
    return zips


def emulator_of(architecture: str) -> list[str]:
    """The command in front of a program, empty where the processor runs it itself."""
    own = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64", "AMD64": "x86_64"}.get(platform.machine())
    if platform.system() == "Linux" and own == architecture:
        return []
    name = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
    emulator = next(filter(None, map(shutil.which, (f"qemu-{name}-static", f"qemu-{name}"))), None)
    libraries = Path(f"/usr/{name.replace('_', '-')}-linux-gnu")
    if emulator is None or not libraries.is_dir():
        packages = "libc6-arm64-cross" if architecture == "arm64" else "libc6-amd64-cross"
        raise Refused(
            f"this machine cannot run programs for {architecture}, and none is packaged that did not run once: "
            f"`apt install qemu-user-static {packages}` (on macOS, package in a Linux machine or container)"
        )
    return [emulator, "-L", str(libraries)]


def build(architecture: str, functions: tuple[str, ...]) -> dict[str, Path]:
    """The programs, built by cargo-lambda with Zig as the linker, which fixes the glibc that they need."""
    target = TARGETS[architecture]
    if shutil.which("rustup"):
        run(["rustup", "target", "add", target])
    packages = [word for function in functions for word in ("--package", function)]
    run(["cargo", "lambda", "build", "--release", f"--{architecture.replace('_', '-')}", "--locked", *packages],
        environment={**os.environ, **same_paths(), **same_time()})
    return {function: TARGET_FOLDER / "lambda" / function / "bootstrap" for function in functions}


def same_paths() -> dict[str, str]:
    """Settings that keep this machine's folders out of the programs, so that another one builds the same bytes."""
    cargo = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    # The last one that fits counts, and the target folder may be inside of the checkout.
    folders = {cargo: "/cargo", str(ROOT): "/security-chatops", str(TARGET_FOLDER): "/target"}
    rust = " ".join(f"--remap-path-prefix={folder}={name}" for folder, name in folders.items())
    compiler = " ".join(f"-ffile-prefix-map={folder}={name}" for folder, name in folders.items())
    return {
        "RUSTFLAGS": " ".join(filter(None, (os.environ.get("RUSTFLAGS"), rust))),
        "CFLAGS": " ".join(filter(None, (os.environ.get("CFLAGS"), compiler))),
    }


def same_time() -> dict[str, str]:
    """What compilers take for the time, where they ask for it (https://reproducible-builds.org/specs/source-date-epoch/)."""
    return {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "315532800")}


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a command from the repository, its words on our output."""
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        raise Refused(f"`{' '.join(command[:3])}` failed")


def write(dist: Path, architecture: str, zips: dict[str, bytes]) -> None:
    """The folder with everything; what was there is replaced when all is ready."""
    complete = set(zips) == set(FUNCTIONS)
    ours = {SUMS, SBOM, *(f"{function}.zip" for function in FUNCTIONS), *(Path(path).name for path in FILES)}
    strange = sorted(file.name for file in dist.iterdir() if file.name not in ours) if dist.exists() else []
    if strange:
        raise Refused(f"{dist} holds other things ({', '.join(strange[:3])}): give a folder of its own")
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as temporary:
        new = Path(temporary) / "dist"
        new.mkdir()
        for function, content in zips.items():
            (new / f"{function}.zip").write_bytes(content)
        if complete:
            for path in FILES:
                shutil.copyfile(ROOT / path, new / Path(path).name)
        (new / SBOM).write_text(sbom(ROOT, tuple(zips), TARGETS[architecture]), encoding="utf-8")
        lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(new.iterdir()))
        text = "".join(lines)
        if complete:
            (new / SUMS).write_text(text, encoding="utf-8")
        if dist.exists():
            shutil.rmtree(dist)
        shutil.copytree(new, dist)
    if complete:
        print(f"release {hashlib.sha256(text.encode()).hexdigest()[:16]} for {architecture} in {dist}")
    else:
        print(f"a part of a release for {architecture} in {dist}: to deploy, package all functions")


def zipped(program: bytes, rounds: int = ROUNDS) -> bytes:
    """A zip with one executable. The same program gives the same bytes: one date, one owner, one way to compress.

    Written by hand, because Python's zipfile takes nothing that is compressed already
    (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16).
    """
    # Zopfli makes a zlib stream: two bytes, the deflated data, and four bytes of checksum.
    data = zopfli.zlib.compress(program, numiterations=rounds)[2:-4]
    name = b"bootstrap"
    # Version 2.0, no flags, deflated, 1980-01-01 00:00, checksum and sizes, length of the name, no extra field.
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x21, zlib.crc32(program), len(data), len(program), len(name), 0)
    local = b"PK\x03\x04" + common + name
    # Made by Unix, so that the permissions count; no comment, disk 0, binary, the file is the first.
    attributes = struct.pack("<HHHII", 0, 0, 0, 0o100755 << 16, 0)
    directory = b"PK\x01\x02" + struct.pack("<BB", 20, 3) + common + attributes + name
    start = len(local) + len(data)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), start, 0)
    return local + data + directory + end


if __name__ == "__main__":
    sys.exit(main())
