"""A real server process on a loopback port."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.running import ROOT, free_port

APP = """
import asyncio
from openviper import OpenViper, StreamingResponse

app = OpenViper(debug=False)

@app.get("/hello/{name}")
async def hello(name: str) -> dict[str, str]:
    return {"hello": name}

@app.post("/echo")
async def echo(request) -> bytes:
    return await request.body()

@app.get("/stream")
async def stream() -> StreamingResponse:
    async def pieces():
        for number in range(3):
            yield f"{number}\\n"
            await asyncio.sleep(0)
    return StreamingResponse(pieces())

@app.on_shutdown
def stopped() -> None:
    print("stopped cleanly", flush=True)
"""


@contextmanager
def server(directory: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run ``openviper run`` on a free port and yield the process and the port once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "openviper", "run", "main:app", "--no-reload", "--port", str(port), *arguments]
    process = subprocess.Popen(
        command,
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 0.1).close()
                break
            except OSError:
                if process.poll() is not None:
                    break
                try:
                    process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
        yield process, port
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory with an application."""
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


def test_one_connection_serves_many_requests(directory: Path) -> None:
    with server(directory) as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        answers = []
        for method, path, body in (
            ("GET", "/hello/World", None),
            ("HEAD", "/hello/World", None),
            ("POST", "/echo", b"x" * 100_000),
            ("GET", "/stream", None),
            ("GET", "/missing", None),
            ("DELETE", "/echo", None),
            ("GET", "/hello/..%2f..%2fetc", None),
        ):
            connection.request(method, path, body)
            response = connection.getresponse()
            answers.append((response.status, len(response.read())))
            assert response.getheader("x-content-type-options") == "nosniff"
        connection.close()
    assert [status for status, _ in answers] == [200, 200, 200, 200, 404, 405, 400]
    assert [length for _, length in answers[:4]] == [17, 0, 100_000, 6]


def test_a_request_for_another_host_is_refused(directory: Path) -> None:
    with server(directory) as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/hello/x", headers={"Host": "evil.org"})
        assert connection.getresponse().status == 400
        connection.close()


def test_sigterm_stops_the_server_after_its_shutdown_handlers(directory: Path) -> None:
    with server(directory) as (process, _):
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)
    assert "stopped cleanly" in output
    assert "Traceback" not in output


def test_a_port_in_use_is_named(directory: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "openviper", "run", "main", "--port", str(port)],
            cwd=directory,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: port {port} on 127.0.0.1 is in use already")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("target", "code", "text"),
    [
        ("nowhere:app", 3, "there is no such module"),
        ("main:application", 3, "module 'main' has no 'application'"),
        ("main:APP_TEXT", 3, "it is not callable"),
        ("broken", 3, "ZeroDivisionError"),
        ("../main.py", 1, "outside the working directory"),
        ("a-b:app", 1, "neither a module"),
    ],
)
def test_a_target_that_cannot_be_served_is_explained(directory: Path, target: str, code: int, text: str) -> None:
    (directory / "broken.py").write_text("1/0")
    (directory / "main.py").write_text(APP + "APP_TEXT = 'x'\n")
    result = subprocess.run(
        [sys.executable, "-m", "openviper", "run", target, "--port", str(free_port())],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith("Error: ") and text in result.stderr
    assert result.stderr.count("\n") == 1


def test_ports_and_workers_out_of_range_are_refused(directory: Path) -> None:
    for arguments, code, text in ((["--port", "99999"], 1, "99999"), (["--workers", "0", "--no-reload"], 2, "at least 1")):
        result = subprocess.run(
            [sys.executable, "-m", "openviper", "run", "main", *arguments],
            cwd=directory,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert result.returncode == code
        assert text in result.stderr
