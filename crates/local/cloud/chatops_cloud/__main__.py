"""Starts the local cloud: `python -m chatops_cloud`.

Reads its environment (settings.py), prints `ready http://127.0.0.1:<port>` on standard output once it answers,
serves until SIGTERM or SIGINT, then ends every build and every function before it goes. All temporary files are
in one folder that is removed. Touches ministack's `app` module, which it serves with Hypercorn itself, so that
nothing is written to shared places and the bound socket is the one that is served.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from importlib import metadata
from pathlib import Path

from . import MINISTACK_VERSION, loopback
from .settings import Settings, SettingsError, prepare_environment


def main() -> int:
    """Run the local cloud; the exit status."""
    try:
        settings = Settings.from_environment(os.environ)
        version = metadata.version("ministack")
        if version != MINISTACK_VERSION:
            raise SettingsError(f"ministack {MINISTACK_VERSION} is needed, {version} is installed")
        listener = _listen(settings)
    except (SettingsError, metadata.PackageNotFoundError, OSError) as error:
        print(f"The local cloud cannot start: {error}", file=sys.stderr)
        return 2
    workspace = Path(tempfile.mkdtemp(prefix="local-cloud-")).resolve()
    # Passable, not readable: builds in it may run tools as another user.
    workspace.chmod(0o711)
    # A hang-up of the terminal, too, must not leave processes behind.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        prepare_environment(settings, listener.getsockname()[1], workspace)
        tempfile.tempdir = str(workspace)
        loopback.stay_on_this_machine()
        asyncio.run(_serve(settings, listener))
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    return 0


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    return listener


def _install(settings: Settings) -> None:
    """Import ministack, which reads the prepared environment, and plug every module in."""
    from . import (
        async_invocations,
        calls,
        calls_of_services,
        chatbot,
        chatbot_api,
        codebuild,
        conditions,
        functions,
        macie,
        removals,
        s3_buckets,
        s3_copies,
        s3_events,
        s3_lifecycle,
        s3_refusals,
        secrets_manager,
        sns,
        stepfunctions,
    )

    # Inside of what keeps the calls, so that a refused one is kept as refused.
    s3_refusals.install()
    calls.install()
    codebuild.install(settings)
    stepfunctions.install()
    chatbot.install()
    chatbot_api.install()
    sns.install(settings)
    s3_events.install()
    s3_buckets.install()
    s3_copies.install()
    s3_lifecycle.install()
    macie.install()
    functions.install()
    async_invocations.install()
    secrets_manager.install()
    removals.install()
    conditions.install()
    # Last: what the others have replaced is watched as well.
    calls_of_services.install()


async def _serve(settings: Settings, listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    _install(settings)
    from .admin import application

    # Access lines of every poll would bury what the services say.
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.stop_with_parent:
        threading.Thread(target=_watch_parent, args=(os.getppid(), loop, stop), daemon=True).start()
    config = Config()
    # Hypercorn closes the descriptor it is given.
    config.bind = [f"fd://{os.dup(listener.fileno())}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.accesslog = None

    async def shutdown() -> None:
        await stop.wait()
        # Before the connections are closed: whoever waits for a build or a function gets an answer.
        await asyncio.to_thread(_end_everything)

    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    announce = asyncio.create_task(_announce(address))
    try:
        await serve(application, config, shutdown_trigger=shutdown)
    finally:
        announce.cancel()
        listener.close()


async def _announce(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    while True:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        print(f"ready {address}", flush=True)
        return


def _end_everything() -> None:
    from . import codebuild, functions, stepfunctions

    stepfunctions.end_all()
    codebuild.stop_all()
    functions.stop_all()


def _watch_parent(parent: int, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of executions that wait for an answer must not keep the process.
    os._exit(status)
