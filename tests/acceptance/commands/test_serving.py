"""`start-server` and `openviper run` as processes: reload, workers, stopping, and applications that do not start."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.serving import normalise_target
from tests.acceptance.commands.runner import VIPERCTL, environment
from tests.acceptance.running import TIMEOUT, fetch, free_port, serving
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
        timeout=60,
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_stopped_finishes_the_request_it_is_at(
    project: Path, number: signal.Signals
) -> None:
    port = free_port()
    answers: list[tuple[int, str]] = []
    with subprocess.Popen(
        [sys.executable, *words_of("viperctl.py", port, "--no-reload")],
        cwd=project,
        env=environment(PYTHONWARNINGS=""),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        shown = [process.stdout.readline() for _ in range(3)]
        assert shown[0].startswith("OpenViper ") and shown[1:] == [
            f"http://127.0.0.1:{port}/\n",
            "Quit with CTRL-C.\n",
        ]
        for line in process.stdout:
            if "startup complete" in line:
                break
        asking = threading.Thread(
            target=lambda: answers.append(fetch(f"http://127.0.0.1:{port}/slow"))
        )
        asking.start()
        deadline = time.monotonic() + TIMEOUT
        while not (project / "begun").exists():
            assert time.monotonic() < deadline
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
