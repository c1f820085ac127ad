"""Measures functions against a Runtime API of its own: python3 tools/bench.py [--runs N] FOLDER FUNCTION...

Called by scripts/bench, which says what is measured. Each run is a new process; the first of each function only warms
the machine's cache and is not counted. The environment is the one of the templates, with made-up values; the event asks
for nothing. Secrets Manager is played, since a click is verified with a secret; no other call is made. Linux tells the
most memory that a process held, in /proc.
"""

from __future__ import annotations

import argparse
import http.server
import io
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Until its first answer, in memory, as a zip.
BUDGET_MS, BUDGET_MIB, BUDGET_MB = 12.0, 16.0, 4.0
PATIENCE_SECONDS = 20
LOGICAL = {
    "check-build-status": ("app-security.yml", "CheckBuildStatusFunction"),
    "approval": ("app-security.yml", "ApprovalFunction"),
    "finding-handler": ("macie-remediation.yml", "FindingHandlerFunction"),
    "remediation-handler": ("macie-remediation.yml", "RemediationHandlerFunction"),
    "finding-remediator": ("macie-remediation.yml", "FindingRemediatorFunction"),
}
CLICK = {
    "version": "2.0", "routeKey": "POST /slack/actions", "rawPath": "/slack/actions", "rawQueryString": "",
    "headers": {"content-type": "application/x-www-form-urlencoded"}, "isBase64Encoded": False, "body": "payload=",
    "requestContext": {
        "accountId": "111122223333", "apiId": "api", "domainName": "api.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "api", "requestId": "1", "routeKey": "POST /slack/actions", "stage": "$default",
        "time": "20/Nov/2026:10:00:00 +0000", "timeEpoch": 1795168800000,
        "http": {"method": "POST", "path": "/slack/actions", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                 "userAgent": "Slackbot 1.0"},
    },
}
EVENTS = {"finding-handler": {"Records": []}, "remediation-handler": CLICK}
# What a parameter or resource without a default is called here.
VALUES = {
    "SonarHostUrl": "https://sonarqube.example.com", "SESEmail": "a@example.com", "SharedInboxMail": "b@example.com",
    "SlackWorkspaceId": "T012ABCDEFG", "SlackAppId": "A012ABCDEFG", "SlackChannelId": "C012ABCDEFG",
    "SonarReaderSecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:reader-AbCdEf",
    "NotificationTopic": "arn:aws:sns:us-east-1:111122223333:topic", "AWS::StackName": "bench", "AWS::Region": "us-east-1",
}


@dataclass
class Run:
    """One start of a function."""

    ready_ms: float
    answer_ms: float
    memory_mib: float


class RuntimeApi(http.server.ThreadingHTTPServer):
    """Gives one event to one process, and notes when it asked and when it answered."""

    def __init__(self, event: object) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.event = json.dumps(event).encode()
        self.asked = self.answered = 0.0
        self.ready, self.done, self.over = threading.Event(), threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def handle_error(self, *_arguments: object) -> None:
        """A process that is ended leaves its connection as it is."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RuntimeApi

    def do_GET(self) -> None:  # noqa: N802 - the base class's name
        moment = time.perf_counter()
        if self.server.ready.is_set():
            # There is no second event; the process is ended while it waits.
            self.server.over.wait()
            return
        self.server.asked = moment
        self.server.ready.set()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000000")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 60) * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:111122223333:function:bench")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.event)))
        self.end_headers()
        self.wfile.write(self.server.event)

    def do_POST(self) -> None:  # noqa: N802 - the base class's name
        moment = time.perf_counter()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("X-Amz-Target") == "secretsmanager.GetSecretValue":
            self._secret(json.loads(body)["SecretId"])
            return
        self.server.answered = moment
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.done.set()

    def _secret(self, name: str) -> None:
        answer = json.dumps({"ARN": name, "Name": name, "VersionId": "1", "SecretString": "5" * 32}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        pass


def environment(function: str) -> dict[str, str]:
    """The variables that the template gives to a function, with defaults of parameters and made-up values."""
    name, logical = LOGICAL[function]
    template = (ROOT / "templates" / name).read_text(encoding="utf-8")
    resource = re.search(rf"^  {logical}:\n((?:(?:    .*)?\n)+)", template, re.M)
    if resource is None:
        raise SystemExit(f"error: {name} has no {logical}")
    given = dict(re.findall(r"^ {10}([A-Z][A-Z0-9_]+): !(?:Ref|GetAtt|Sub) '?([A-Za-z:${}./-]+)'?$", resource.group(1), re.M))
    parameters = template.split("\nResources:\n")[0]
    values = {}
    for variable, reference in given.items():
        default = re.search(rf"^  {reference}:\n(?:    .*\n)*?    Default: (.*)$", parameters, re.M)
        made_up = f"arn:aws:secretsmanager:us-east-1:111122223333:secret:{reference}-AbCdEf" if variable.endswith("_ARN") \
            else "name-of-" + reference.lower().replace(".", "-")
        values[variable] = VALUES.get(reference) or (default.group(1).strip("'\"") if default else made_up)
    return values


def run(program: Path, function: str) -> Run:
    """Start a function, give it its event, and end it."""
    api = RuntimeApi(EVENTS.get(function, {}))
    variables = environment(function) | {
        "PATH": os.defpath, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}", "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": function, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{api.server_address[1]}",
        "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true",
    }
    start = time.perf_counter()
    process = subprocess.Popen([program], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not api.done.wait(0.05):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                words = process.communicate()[0].decode(errors="replace")
                raise SystemExit(f"error: {function} did not answer; it said:\n{words}")
        memory = peak_mib(process.pid)
    finally:
        process.kill()
        process.communicate()
        api.over.set()
        api.shutdown()
        api.server_close()
    return Run((api.asked - start) * 1000, (api.answered - start) * 1000, memory)


def peak_mib(pid: int) -> float:
    """The most memory that a process held so far; not a number where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return float("nan")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.M)
    return int(found.group(1)) / 1024 if found else float("nan")


def zip_mb(program: Path) -> float:
    """The size of the program in a zip, in millions of bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(program, "bootstrap")
    return len(buffer.getvalue()) / 1e6


def main() -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("programs", type=Path)
    parser.add_argument("functions", nargs="+", choices=sorted(LOGICAL))
    arguments = parser.parse_args()
    if arguments.runs < 3:
        parser.error("a median needs 3 runs")
    print(f"Median of {arguments.runs} starts, in brackets the worst; then its part of the budget.")
    print(f"{'':20} {'first event':>18} {'first answer':>24} {'memory':>18} {'zip':>16}")
    print(f"{'budget':20} {'-':>18} {BUDGET_MS:7.1f} ms {'':14} {BUDGET_MIB:9.1f} MiB {'':4} {BUDGET_MB:8.2f} MB")
    exceeded = []
    for function in arguments.functions:
        program = (arguments.programs / function).resolve()
        runs = [run(program, function) for _ in range(arguments.runs + 1)][1:]
        ready, answer = ([getattr(one, name) for one in runs] for name in ("ready_ms", "answer_ms"))
        memory, size = statistics.median(one.memory_mib for one in runs), zip_mb(program)
        middle = statistics.median(answer)
        print(f"{function:20} {statistics.median(ready):7.1f} ({max(ready):5.1f}) ms "
              f"{middle:7.1f} ({max(answer):5.1f}) ms {middle / BUDGET_MS:4.0%} {memory:9.1f} MiB {memory / BUDGET_MIB:4.0%} "
              f"{size:8.2f} MB {size / BUDGET_MB:4.0%}")
        exceeded += [function for part in (middle / BUDGET_MS, memory / BUDGET_MIB, size / BUDGET_MB) if part > 1]
    if exceeded:
        print(f"Over the budget: {', '.join(dict.fromkeys(exceeded))}")
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
