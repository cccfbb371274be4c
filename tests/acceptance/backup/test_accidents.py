"""A few of the accidents of `accidents`: the rest is for a run by hand."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.backup.accidents import Case, Stage, left_beside, stages
from tests.acceptance.backup.project import command, make_project
from tests.servers import fresh_database, run_on_server

pytestmark = pytest.mark.skipif(
    not (shutil.which("pg_dump") and shutil.which("mysqldump")),
    reason="the dump tools of the servers are not installed",
)

VENDORS = ["postgresql", pytest.param("mysql", marks=pytest.mark.one_version)]


@pytest.fixture(scope="module")
def stage() -> Iterator[dict[str, Stage]]:
    with stages(rows=1000) as made:
        yield made


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("accident", ["TERM", "KILL", "lock held", "connection cut"])
def test_an_accident_leaves_the_old_or_the_new_content(
    stage: dict[str, Stage], vendor: str, accident: str
) -> None:
    moment = random.choice(["in the middle", "after clearing"])
    outcome = stage[vendor].happen(Case(vendor, "restore", accident, moment))
    assert outcome.problems == [], outcome


@pytest.mark.parametrize("vendor", VENDORS)
def test_after_all_accidents_a_restore_works_and_nothing_is_left(
    stage: dict[str, Stage], vendor: str
) -> None:
    assert left_beside(stage[vendor]) == []


@pytest.mark.one_version
@pytest.mark.parametrize("number", [signal.SIGTERM])
def test_in_place_the_old_content_is_put_back_and_a_second_signal_says_what_is_at_stake(
    tmp_path: Path, number: signal.Signals
) -> None:
    make_project(tmp_path)
    with fresh_database("mysql") as url, LimitedUser(url) as own:
        name = url.rpartition("/")[2]
        run_on_server(
            "mysql",
            "CREATE TABLE kept (a INT)",
            "INSERT INTO kept SELECT seq FROM seq_1_to_20000",
            database=name,
        )
        (tmp_path / "slow.sql").write_text("CREATE TABLE new (a INT);\nSELECT SLEEP(60);\n")
        child = subprocess.Popen(
            command("restore-db", "slow.sql", "--db", own, "--force"),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        query = f"SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{name}' AND info LIKE '%SLEEP%' AND command = 'Query'"
        while run_on_server("mysql", query) == [(0,)]:
            assert child.poll() is None
        child.send_signal(number)
        while run_on_server("mysql", query) != [(0,)]:
            pass
        child.send_signal(number)
        _, said = child.communicate(timeout=180)
        assert run_on_server("mysql", "SELECT COUNT(*) FROM kept", database=name) == [(20000,)]
        assert child.returncode == 128 + number
        errors = [line for line in said.splitlines() if line.startswith("Error: ")]
        assert (
            len(errors) == 1
            and f"Interrupted by {number.name}: the old content was put back" in errors[0]
        )
        assert "before_restore.tar.gz" in errors[0] and "Traceback" not in said


class LimitedUser:
    """A user who may do everything in one database and nothing outside, for the time of a `with` block."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = url.rpartition("/")[2]
        self._user = f"ov_{self._name[-8:]}"

    def __enter__(self) -> str:
        for host in ("127.0.0.1", "localhost"):
            run_on_server(
                "mysql",
                f"CREATE USER {self._user}@'{host}'",
                f"GRANT ALL ON `{self._name}`.* TO {self._user}@'{host}'",
            )
        return self._url.replace("root@", f"{self._user}@")

    def __exit__(self, *_: object) -> None:
        run_on_server("mysql", f"DROP USER {self._user}@'127.0.0.1', {self._user}@'localhost'")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_a_tool_ends_when_the_command_is_killed(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "pg_dump"
    sign = tmp_path / "pid"
    tool.write_text(f"#!/bin/sh\necho $$ > {sign}.new; mv {sign}.new {sign}\nexec sleep 60\n")
    tool.chmod(0o755)
    child = subprocess.Popen(
        command("backup-db", "--db", "postgresql://u@127.0.0.1/d"),
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tool.parent}:{os.environ['PATH']}"},
    )
    while not sign.exists():
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.wait()
    pid = int(sign.read_text())
    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline, "the tool goes on"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
