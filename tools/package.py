"""Builds the release for Lambda: `python tools/package.py [--x86_64] [--function NAME]... [--dist FOLDER]`.

Run by scripts/package, which installs what this needs. In this order: builds the functions, looks whether Lambda's
system can load them, lets each answer one event as Lambda would, and only then writes zips, SHA256SUMS and an SBOM.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from packaging_sbom import sbom
from packaging_trial import Refused, answer_one_event, check_elf

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
        programs = build(architecture, functions)
        for function, program in programs.items():
            check_elf(program, architecture)
            answer_one_event(program, emulator)
            print(f"{function}: {program.stat().st_size / 1e6:.1f} MB, loads on Amazon Linux 2023, answers")
    except Refused as refused:
        print(f"error: {refused}", file=sys.stderr)
        return 1
    write(arguments.dist, architecture, programs)
    return 0


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
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "lambda"
    return {function: folder / function / "bootstrap" for function in functions}


def same_paths() -> dict[str, str]:
    """Settings that keep this machine's folders out of the programs, so that another one builds the same bytes."""
    cargo = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    folders = {cargo: "/cargo", str(ROOT): "/security-chatops"}
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


def write(dist: Path, architecture: str, programs: dict[str, Path]) -> None:
    """The folder with everything, in one step: a failure leaves what was there."""
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as temporary:
        new = Path(temporary) / "dist"
        new.mkdir()
        for function, program in programs.items():
            (new / f"{function}.zip").write_bytes(zipped(program.read_bytes()))
        complete = set(programs) == set(FUNCTIONS)
        if complete:
            for path in FILES:
                shutil.copyfile(ROOT / path, new / Path(path).name)
        text = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(new.iterdir()))
        (new / SBOM).write_text(sbom(ROOT, tuple(programs), TARGETS[architecture]), encoding="utf-8")
        if complete:
            (new / SUMS).write_text(text, encoding="utf-8")
        if dist.exists():
            shutil.rmtree(dist)
        shutil.copytree(new, dist)
    for file in sorted(dist.glob("*.zip")):
        print(f"{file.name:26} {file.stat().st_size / 1e6:.1f} MB")
    if complete:
        print(f"release {hashlib.sha256(text.encode()).hexdigest()[:16]} for {architecture} in {dist}")
    else:
        print(f"a part of a release for {architecture} in {dist}: to deploy, package all functions")


def zipped(program: bytes) -> bytes:
    """A zip with one executable. The same program gives the same bytes: one date, one owner, one way to compress."""
    with tempfile.SpooledTemporaryFile() as file:
        with zipfile.ZipFile(file, "w") as archive:
            entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, on every machine
            entry.external_attr = 0o100755 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, program, compresslevel=9)
        file.seek(0)
        return file.read()


if __name__ == "__main__":
    sys.exit(main())
