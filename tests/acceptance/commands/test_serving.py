"""`start-server` and `openviper run` as processes: reload, workers, stopping, and applications that do not start."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.serving import normalise_target
from tests.acceptance.commands.runner import VIPERCTL, environment
from tests.acceptance.running import TIMEOUT, fetch, free_port, serving, wait_for_server
from tests.projects import settings, write

FAILS = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no luck today"})
"""
ANSWERS = """
import asyncio, pathlib


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/slow":
        pathlib.Path("begun").touch()
        while not pathlib.Path("go").exists():
            await asyncio.sleep(0.01)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one"})
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose application answers."""
    files = {
        "viperctl.py": VIPERCTL,
        "site_/__init__.py": "",
        "site_/settings.py": settings("site_"),
        "site_/models.py": "",
    }
    return write(tmp_path / "project", files | {"site_/asgi.py": ANSWERS})


def words_of(front: str, port: int, *more: str) -> list[str]:
    """Return the arguments of the interpreter that start the server of a project."""
    start = {
        "viperctl.py": ["viperctl.py", "start-server"],
        "openviper viperctl": ["-m", "openviper", "viperctl", "start-server", "."],
        "openviper run": ["-m", "openviper", "run", "site_.asgi"],
    }[front]
    return [*start, "--port", str(port), *more]


@pytest.mark.parametrize(
    ("front", "more"),
    [
        ("viperctl.py", ["--no-reload"]),
        ("openviper viperctl", ["--no-reload", "--workers", "2"]),
        ("openviper run", ["--no-reload", "--workers", "2"]),
    ],
)
def test_an_application_that_does_not_start_ends_the_server_with_3(
    project: Path, front: str, more: list[str]
) -> None:
    (project / "site_/asgi.py").write_text(FAILS)
    done = subprocess.run(
        [sys.executable, *words_of(front, free_port(), *more)],
        cwd=project,
        env=environment(PYTHONWARNINGS=""),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 3
    assert "no luck today" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("front", ["openviper viperctl", "openviper run"])
def test_a_change_of_the_code_restarts_the_server(project: Path, front: str) -> None:
    port = free_port()
    with serving(*words_of(front, port), cwd=project, port=port) as base:
        assert fetch(f"{base}/") == (200, "one")
        deadline = time.monotonic() + TIMEOUT
        changed = 0.0
        while (answer := _try(base)) != "changed":
            assert time.monotonic() < deadline, answer
            if time.monotonic() > changed + 2:
                # More than once: what changes before the first look of the reloader is not seen by it.
                (project / "site_/asgi.py").write_text(ANSWERS.replace('b"one"', 'b"changed"'))
                changed = time.monotonic()
            time.sleep(0.1)


def _try(base: str) -> str:
    try:
        return fetch(f"{base}/")[1]
    except OSError:  # Between the two servers nobody answers.
        return ""


@contextlib.contextmanager
def ended_at_last(process: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a process that is still there when something has failed, or everybody would wait for it."""
    try:
        yield
    finally:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_stopped_finishes_the_request_it_is_at(
    project: Path, number: signal.Signals
) -> None:
    port = free_port()
    answers: list[tuple[int, str]] = []
    with (
        subprocess.Popen(
            [sys.executable, *words_of("viperctl.py", port, "--no-reload")],
            cwd=project,
            env=environment(PYTHONWARNINGS=""),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
        ended_at_last(process),
    ):
        assert process.stdout is not None
        shown = [process.stdout.readline() for _ in range(3)]
        assert shown[0].startswith("OpenViper ") and shown[1:] == [
            f"http://127.0.0.1:{port}/\n",
            "Quit with CTRL-C.\n",
        ]
        wait_for_server(process, port)  # It listens a little later than it says "startup complete".
        asking = threading.Thread(
            target=lambda: answers.append(fetch(f"http://127.0.0.1:{port}/slow"))
        )
        asking.start()
        deadline = time.monotonic() + TIMEOUT
        while not (project / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        for line in process.stdout:
            if "Shutting down" in line:
                break
        (project / "go").touch()
        rest = process.stdout.read()
        asking.join(TIMEOUT)
    assert answers == [(200, "one")]
    assert "Traceback" not in rest
    assert process.returncode in (0, -number)


def test_reload_with_several_workers_warns_and_uses_one(project: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, *words_of("openviper run", port, "--reload", "--workers", "3")],
        cwd=project,
        env=environment(PYTHONWARNINGS=""),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Warning: reload works with one process only")
        for line in process.stderr:
            if "startup complete" in line:
                break
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("shop", "shop:app"),
        ("shop.py", "shop:app"),
        ("shop.asgi", "shop.asgi:app"),
        ("shop.asgi:site", "shop.asgi:site"),
        ("shop.py:site", "shop:site"),
        ("./src/shop.py", "src.shop:app"),
        ("src/shop.py:site", "src.shop:site"),
        ("shop:", "shop:app"),
    ],
)
def test_a_target_may_be_a_module_or_a_path(
    target: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert normalise_target(target) == name
    assert normalise_target(str(tmp_path / "shop.py")) == "shop:app"


@pytest.mark.parametrize(
    "target", ["", ":app", "a-b", "../shop.py", "/etc/shop.py", "shop:a.b", "a b"]
)
def test_a_target_that_is_neither_is_refused(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as caught:
        normalise_target(target)
    assert caught.value.returncode == 1


def _started(process: subprocess.Popen[str]) -> list[str]:
    """Return what a server prints until it answers, but for a look at the database that a busy machine is too slow for."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines += [] if "could not be looked at" in line else [line]
        if "startup complete" in line:
            _wait_until_it_accepts(lines[1].strip())
            return lines
    raise AssertionError("".join(lines))


def _wait_until_it_accepts(address: str) -> None:
    """Wait for the moment between the start of the application and that of the server."""
    kind, _, place = address.partition(":")
    port = urllib.parse.urlsplit(address).port
    deadline = time.monotonic() + TIMEOUT
    while True:
        with socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET) as client:
            if not client.connect_ex(place if kind == "unix" else ("127.0.0.1", port)):
                return
        assert time.monotonic() < deadline, address
        time.sleep(0.01)


@contextlib.contextmanager
def _server(project: Path, *more: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a server, which is killed where a test fails before it has stopped it."""
    with subprocess.Popen(
        [sys.executable, "viperctl.py", "start-server", *more],
        cwd=project,
        env=environment(PYTHONWARNINGS="", **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def test_port_0_is_any_free_port_and_the_banner_names_it(project: Path) -> None:
    with _server(project, "--port", "0", "--no-reload") as process:
        address = _started(process)[1].strip()
        assert fetch(address) == (200, "one")
        process.terminate()
    assert not address.endswith(":0/")


def test_a_unix_socket_answers_and_goes_with_the_server(project: Path) -> None:
    path = project / "shop.sock"
    with _server(project, "--uds", str(path), "--no-reload") as process:
        assert _started(process)[1] == f"unix:{path}\n"
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT)
            client.connect(str(path))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        process.terminate()
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"one\r\n0\r\n\r\n")
    assert not path.exists()


def test_https_is_served_with_a_certificate(project: Path) -> None:
    files = ["-keyout", str(project / "key.pem"), "-out", str(project / "cert.pem")]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    subprocess.run([*request, *files, *names], check=True, capture_output=True)
    words = ("--certfile", "cert.pem", "--keyfile", "key.pem", "--port", "0", "--no-reload")
    with _server(project, *words) as process:
        address = _started(process)[1].strip()
        trusted = ssl.create_default_context(cafile=str(project / "cert.pem"))
        with urllib.request.urlopen(address, context=trusted, timeout=TIMEOUT) as response:
            assert response.read() == b"one"
        process.terminate()
    assert address.startswith("https://")


STREAM = """
import asyncio


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b".", "more_body": True})
        await asyncio.sleep(0.05)
"""


@pytest.mark.parametrize("more", [["--no-reload"], ["--workers", "2"], ["--reload"]])
def test_a_server_ends_although_a_stream_is_open(project: Path, more: list[str]) -> None:
    (project / "site_/asgi.py").write_text(STREAM)
    with _server(project, "--port", "0", "--timeout-graceful", "1", *more) as process:
        address = _started(process)[1].strip()
        with urllib.request.urlopen(address, timeout=TIMEOUT) as response:
            assert response.read(1) == b"."
            process.terminate()
            process.communicate(timeout=TIMEOUT)
    assert process.returncode is not None


def test_several_workers_turn_reload_off_and_say_nothing(project: Path) -> None:
    with _server(project, "--port", "0", "--workers", "2") as process:
        lines = _started(process)
        process.terminate()
        rest, _ = process.communicate(timeout=TIMEOUT)
    assert "Warning" not in "".join(lines)
    assert "reload" not in "".join(lines) + rest


def test_every_line_is_json_when_asked_for_and_access_can_be_left_out(project: Path) -> None:
    with _server(
        project, "--port", "0", "--no-reload", "--no-access-log", OPENVIPER_LOG_FORMAT="json"
    ) as process:
        lines = _started(process)
        fetch(lines[1].strip())
        process.terminate()
        rest, _ = process.communicate(timeout=TIMEOUT)
    entries = [json.loads(line) for line in [*lines[3:], *rest.splitlines()]]
    assert {entry["logger"] for entry in entries} == {"uvicorn.error"}


def test_the_lines_of_server_and_access_look_like_those_of_the_application(project: Path) -> None:
    with _server(project, "--port", "0", "--no-reload") as process:
        lines = _started(process)
        fetch(lines[1].strip())
        process.terminate()
        rest, _ = process.communicate(timeout=TIMEOUT)
    form = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+ [a-z.]+ .+")
    shown = [*lines[3:], *rest.splitlines()]
    assert [line for line in shown if not form.match(line)] == []
    assert any('"GET / HTTP/1.1" 200' in line for line in shown)


def test_a_changed_environment_file_restarts_the_server_with_the_new_value(project: Path) -> None:
    (project / "site_/asgi.py").write_text(
        "from openviper.conf import settings\n"
        + ANSWERS.replace('b"one"', "settings.PROJECT_NAME.encode()")
    )
    (project / ".env").write_text("OPENVIPER_PROJECT_NAME=before\n")
    port = free_port()
    with serving(*words_of("viperctl.py", port), cwd=project, port=port) as base:
        assert fetch(f"{base}/") == (200, "before")
        deadline = time.monotonic() + TIMEOUT
        changed = 0.0
        while (answer := _try(base)) != "after":
            assert time.monotonic() < deadline, answer
            if time.monotonic() > changed + 2:
                (project / ".env").write_text("OPENVIPER_PROJECT_NAME=after\n")
                changed = time.monotonic()
            time.sleep(0.1)
