"""Running generated projects in child processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 120.0
"""Longest wait for a child process, in seconds; far more than any needs."""


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child: this one's, without settings, with this checkout's OpenViper."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENVIPER_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def run(*words: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run this interpreter with some arguments and return what came of it.

    Args:
        words: The interpreter's arguments.
        cwd: The directory to run in.
        more: Further variables of the environment.
    """
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def succeed(*words: str | Path, cwd: Path, **more: str) -> str:
    """Run this interpreter, demand success, and return what it printed."""
    result = run(*words, cwd=cwd, **more)
    assert result.returncode == 0, f"{words}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def create_project(name: str, directory: Path) -> Path:
    """Create a project through the command line and return its directory."""
    succeed("-m", "openviper", "create-project", name, "--directory", directory, cwd=directory)
    return directory / name


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_server(process: subprocess.Popen[str], port: int) -> None:
    """Wait until a server accepts connections."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        assert process.poll() is None, f"the server ended: {process.communicate()[0]}"
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1),
        ):
            return
        assert time.monotonic() < deadline, "the server does not listen"
        time.sleep(0.02)


@contextlib.contextmanager
def serving(*words: str | Path, cwd: Path, port: int, **more: str) -> Iterator[str]:
    """Run a server for the length of the block; yield its base URL once it accepts connections.

    At the end it is interrupted as Ctrl-C would, and must stop.
    """
    process = subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for_server(process, port)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=TIMEOUT)
        assert "Traceback" not in output, output
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def fetch(url: str, method: str = "GET") -> tuple[int, str]:
    """Return status and text of an answer."""
    request = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
