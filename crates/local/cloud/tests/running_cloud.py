"""A local cloud for tests: started on a free port in a process of its own, with clients for it."""

from __future__ import annotations

import http.server
import json
import os
import queue
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import botocore.config
import botocore.session

PACKAGE = Path(__file__).resolve().parents[1]
T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T | None], seconds: float = 30) -> T:
    """The first true answer of `probe`; AssertionError when there is none in time."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if answer := probe():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Inbox:
    """An HTTP listener that keeps what is posted to it."""

    def __init__(self) -> None:
        self.posts: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()
        inbox = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 - the base class's name
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                inbox.posts.put((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/chatbot"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next(self, seconds: float = 10) -> tuple[str, dict[str, str], bytes]:
        """The next post: path, headers, body."""
        return self.posts.get(timeout=seconds)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Cloud:
    """A running local cloud. `client("s3")` gives a botocore client, `admin(path)` the plug-in's own answers."""

    def __init__(self, log: Path | None = None, **environment: str) -> None:
        self._log = open(log, "wb") if log else subprocess.DEVNULL
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCAL_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chatops_cloud"], stdout=subprocess.PIPE, stderr=self._log, text=True,
            env={**clean, "PYTHONPATH": str(PACKAGE), "GATEWAY_PORT": "0", **environment},
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.url = line.split()[1]
                break
        else:
            raise AssertionError("the local cloud did not start")
        self.process.stdout.close()
        self._session = botocore.session.Session()

    def client(self, service: str, session: dict[str, str] | None = None, **options: Any) -> Any:
        """With the credentials of a role's session, as the admin's `/_local/sessions` gives them, or the account's."""
        given = session or {"AWS_ACCESS_KEY_ID": "000000000000", "AWS_SECRET_ACCESS_KEY": "local"}
        return self._session.create_client(
            service, region_name="us-east-1", endpoint_url=self.url,
            **{name.lower(): value for name, value in given.items()},
            config=botocore.config.Config(retries={"total_max_attempts": 1}, **options),
        )

    def admin(self, path: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def stop(self) -> int:
        self.process.terminate()
        status = self.process.wait(timeout=20)
        if self._log is not subprocess.DEVNULL:
            self._log.close()
        return status
