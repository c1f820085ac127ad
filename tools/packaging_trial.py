"""Whether Lambda could start a program: what it needs of the system, and whether it answers an event."""

from __future__ import annotations

import http.server
import io
import itertools
import os
import re
import stat
import subprocess
import threading
import zipfile
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

# Amazon Linux 2023, and so provided.al2023, has this one: https://docs.aws.amazon.com/linux/al2023/release-notes/
GLIBC = (2, 34)
ROOT = Path(__file__).resolve().parents[1]
NOWHERE = "http://127.0.0.1:9"
MACHINES = {"arm64": "EM_AARCH64", "x86_64": "EM_X86_64"}
# A program under emulation takes seconds on a busy machine.
ANSWER_SECONDS = 60


class Refused(Exception):
    """Why nothing is packaged, in a sentence."""


def check_elf(program: Path, architecture: str) -> None:
    """Refused unless the program is for this processor and asks for nothing that Amazon Linux 2023 lacks."""
    with program.open("rb") as file:
        elf = ELFFile(file)
        if elf["e_machine"] != MACHINES[architecture]:
            raise Refused(f"{program} is for {elf['e_machine']}, not for {architecture}")
        needed = set()
        for section in elf.iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for _, auxiliaries in section.iter_versions():
                    needed.update(auxiliary.name for auxiliary in auxiliaries)
    newer = sorted(name for name in needed if too_new(name))
    if newer:
        raise Refused(f"{program} needs {', '.join(newer)}, and Lambda has glibc {GLIBC[0]}.{GLIBC[1]}")


def too_new(version: str) -> bool:
    """Whether a symbol version such as GLIBC_2.38 is newer than Lambda's."""
    found = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version)
    if found is None:
        # GLIBC_PRIVATE belongs to one build of glibc, GLIBC_ABI_… to newer ones; GCC_… and others are not glibc's.
        return version.startswith("GLIBC_")
    return (int(found[1]), int(found[2])) > GLIBC


def unpack(content: bytes, folder: Path) -> Path:
    """The program in a zip, as Lambda unpacks it; refused if there is anything else in it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
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


class _RuntimeApi(http.server.BaseHTTPRequestHandler):
    """Lambda's Runtime API with one event: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html"""

    server: "_RuntimeServer"

    def do_GET(self) -> None:  # noqa: N802, the name that http.server looks for
        """The next invocation; a second one never comes."""
        if self.server.asked.is_set():
            self.server.answered.wait(ANSWER_SECONDS)
            return
        self.server.asked.set()
        self._send(200, b"{}", {
            "Lambda-Runtime-Aws-Request-Id": "00000000-0000-4000-8000-000000000000",
            "Lambda-Runtime-Deadline-Ms": "4102444800000",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:111122223333:function:trial",
        })

    def do_POST(self) -> None:  # noqa: N802, the name that http.server looks for
        """A response or an error: both are answers. A failed start is none."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.answer = (self.path, body)
        self._send(202, b"", {})
        self.server.answered.set()

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: what counts is printed by the caller."""


class _RuntimeServer(http.server.ThreadingHTTPServer):
    """The API on a free port, and how far its one event is."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeApi)
        self.asked = threading.Event()
        self.answered = threading.Event()
        self.answer: tuple[str, bytes] | None = None


def answer_one_event(program: Path, emulator: list[str]) -> None:
    """Refused unless the program starts, takes an event and answers it.

    The event is an empty object, which is nobody's: each function answers it with an error of its own, or as nothing
    to do. What counts is that the program has loaded, has read its environment and has spoken with the Runtime API.
    """
    server = _RuntimeServer()
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [*emulator, str(program)]
    process = subprocess.Popen(command, env=environment(program.parent.name, server.server_port),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        words = b""
        for _ in range(ANSWER_SECONDS * 10):
            if server.answered.wait(0.1) or process.poll() is not None:
                break
        answer = server.answer
    finally:
        process.kill()
        words = process.communicate()[0]
        server.shutdown()
        server.server_close()
    if answer is None or "/invocation/" not in answer[0]:
        last = words.decode(errors="replace").strip().splitlines()[-5:]
        raise Refused(f"{program} did not answer an event: {' / '.join(last) or 'it said nothing'}")


# For variables whose parameters have no default; no address leads anywhere but to this machine.
VALUES = {
    "SONAR_HOST_URL": NOWHERE, "SES_EMAIL": "from@example.com", "SHARED_INBOX_MAIL": "to@example.com",
    "SLACK_TEAM_ID": "T012ABCDEFG", "SLACK_APP_ID": "A012ABCDEFG", "SLACK_CHANNEL_ID": "C012ABCDEFG",
}
# Others by the end of their names.
ENDINGS = {
    "_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:trial",
    "_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:trial",
}


def environment(function: str, port: int) -> dict[str, str]:
    """What Lambda and the templates would set."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}", "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "trial", "AWS_LAMBDA_LOG_STREAM_NAME": "trial",
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "trial", "AWS_SECRET_ACCESS_KEY": "trial",
        "AWS_ENDPOINT_URL": NOWHERE, "AWS_MAX_ATTEMPTS": "1",
        **variables(),
    }


def variables() -> dict[str, str]:
    """A value for every variable in the templates, which the linter keeps in shape: the default of its parameter."""
    found = {}
    for path in sorted((ROOT / "templates").glob("*.yml")):
        template = path.read_text(encoding="utf-8")
        for block in template.split("        Variables:\n")[1:]:
            for line in itertools.takewhile(lambda line: line.startswith("          "), block.splitlines()):
                if match := re.match(r" +([A-Z][A-Z0-9_]+): (?:!Ref (\w+)$)?", line):
                    found[match[1]] = value_of(match[1], default_of(match[2], template))
    return found


def value_of(name: str, default: str | None) -> str:
    """A value that the function takes for one of this variable; a number where nothing better is known."""
    if default is not None:
        return default
    return VALUES.get(name, next((value for ending, value in ENDINGS.items() if name.endswith(ending)), "1"))


def default_of(parameter: str | None, template: str) -> str | None:
    """The default of a template's parameter; none if it has none, or is none."""
    match = re.search(rf"^  {parameter}:\n(?:    .*\n)*?    Default: (.*)$", template, re.MULTILINE)
    return match[1].strip("'") if match else None
