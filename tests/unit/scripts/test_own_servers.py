"""Folders and servers of a run go with it, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from scripts.own_servers import memory_folder, own_folder, servers_of_tests

ROOT = Path(__file__).resolve().parents[3]
VARIABLES = ("TEST_SERVER_POSTGRESQL", "TEST_SERVER_MYSQL", "TEST_SERVER_REDIS")
HOLD = """
import sys
from scripts.own_servers import own_redis
with own_redis() as (server, url):
    print(url.rpartition(":")[2].partition("/")[0], flush=True)
    sys.stdin.read()
"""


def test_memory_that_there_is_not_is_not_used() -> None:
    assert memory_folder(2**60) is None
    assert memory_folder(0) in (None, Path("/dev/shm"))


def test_folders_of_killed_runs_are_removed_and_others_stay(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    (tmp_path / f"check-{ended.pid}-x").mkdir()
    kept = {f"check-{os.getpid()}-x", "check-x", "check-me-x", f"other-{ended.pid}-x"}
    for name in kept:
        (tmp_path / name).mkdir()
    with own_folder("check", tmp_path) as made:
        assert {path.name for path in tmp_path.iterdir()} == {*kept, Path(made).name}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_a_server_that_is_named_is_the_one_that_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "x")
    with servers_of_tests(tmp_path) as found:
        assert found == {}
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_installed_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in VARIABLES[:2]:
        monkeypatch.setenv(variable, "x")
    monkeypatch.delenv(VARIABLES[2], raising=False)
    monkeypatch.setenv("PATH", "")
    with servers_of_tests(tmp_path) as found:
        assert found == {}
    assert "TEST_SERVER_REDIS" in capsys.readouterr().out


@pytest.mark.one_version
def test_a_server_ends_with_a_run_that_is_killed() -> None:
    if shutil.which("redis-server") is None or shutil.which("setpriv") is None:
        pytest.skip("there is no redis-server or no setpriv")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        address = ("127.0.0.1", int(run.stdout.readline()))
        with socket.create_connection(address, timeout=60) as connection:
            run.send_signal(signal.SIGKILL)
            # A reset comes if the server had not taken the connection from its queue yet.
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
    # What it has left, the next run removes.
    with own_folder("own-server", None) as made:
        assert list(Path(made).parent.glob(f"own-server-{run.pid}-*")) == []
