"""Workers whose store goes away and comes back, the rows that people see, and the backup that a worker makes."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.tasks.workers import Workshop, workshop
from tests.servers import fresh_database, run_on_server

WITH_TASKS = ("shop", "openviper.tasks")


class RedisServer:
    """A Redis of our own, which keeps its data on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        redis = pytest.importorskip("redis")
        try:
            self._process = subprocess.Popen(
                [
                    "redis-server",
                    "--port",
                    str(self.port),
                    "--bind",
                    "127.0.0.1",
                    "--appendonly",
                    "yes",
                ]
                + ["--appendfsync", "always", "--dir", str(self.directory)],
                stdout=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            pytest.skip("redis-server is not installed")
        client = redis.Redis.from_url(self.url, retry=None)
        while True:
            try:
                client.ping()
            except redis.RedisError:
                assert self._process.poll() is None
                continue
            client.close()
            return

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


@contextmanager
def breakable(kind: str, root: Path) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    """Give the arguments of `workshop`, and functions that take the store away and bring it back."""
    if kind == "redis":
        server = RedisServer(root / "redis")
        server.start()
        try:
            yield {"broker": "redis", "broker_url": server.url}, server.stop, server.start
        finally:
            server.stop()
        return
    with fresh_database(kind) as url:
        name = url.rpartition("/")[2]

        def away() -> None:
            if kind == "postgresql":
                run_on_server(
                    kind,
                    f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
                )
            else:
                run_on_server(kind, f"RENAME TABLE {name}.openviper_task_message TO {name}.gone")
                for (number,) in run_on_server(
                    kind, f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
                ):
                    run_on_server(kind, f"KILL {number}")

        def back() -> None:
            if kind == "postgresql":
                run_on_server(kind, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            else:
                run_on_server(kind, f"RENAME TABLE {name}.gone TO {name}.openviper_task_message")

        yield {"url": url}, away, back


@pytest.mark.one_version
@pytest.mark.parametrize("kind", ["postgresql", "mysql", "redis"])
def test_a_worker_outlives_its_store(tmp_path: Path, kind: str) -> None:
    with (
        breakable(kind, tmp_path) as (place, away, back),
        workshop(tmp_path / "project", **place) as shop,
    ):
        shop.python("mail.send(1)\nslow.send(2)")
        worker = shop.start("--no-scheduler")
        shop.wait(lambda: shop.numbers("mail") == [1] and shop.numbers("begin") == [2])
        away()
        refused = shop.command("tasks")
        answer = subprocess.run(
            refused, cwd=shop.root, env=shop.environment, capture_output=True, text=True
        )
        assert (answer.returncode, answer.stderr.count("\n")) == (1, 1)
        assert (
            answer.stderr.startswith("Error: ")
            and "not answer" in answer.stderr
            or "cannot open" in answer.stderr
        )
        shop.wait(lambda: shop.numbers("end") == [2])  # It is done, and cannot be settled yet.
        shop.wait(lambda: "ERROR openviper.tasks" in shop.said())
        back()
        shop.python("mail.send(3)")
        shop.wait(lambda: shop.numbers("mail") == [1, 3])
        shop.wait(lambda: json.loads(shop.run("tasks", "--json").stdout) == [])
        assert shop.numbers("end") == [2]
        assert worker.poll() is None
        assert shop.stop(worker) == 0
        assert "Traceback" not in shop.said()


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Workshop]:
    """A project that has its tasks recorded."""
    with workshop(
        tmp_path, apps=WITH_TASKS, logging={"database": 1, "file": 1}, backend_url="on"
    ) as shop:
        done = shop.run("migrate")
        assert done.returncode == 0, done.stderr
        yield shop


def rows(shop: Workshop, model: str, *names: str) -> list[list[Any]]:
    """Return what the rows of a model say."""
    code = (
        "import asyncio, json\n"
        f"from openviper.tasks.models import {model}\n"
        "from openviper.db import bypass_permissions, close_db\n"
        "async def look():\n"
        "    with bypass_permissions():\n"
        f"        print(json.dumps([list(row) for row in await {model}.objects.order_by('id').values_list(*{names!r})]))\n"
        "    await close_db()\n"
        "asyncio.run(look())\n"
    )
    found: list[list[Any]] = json.loads(shop.python(code))
    return found


def test_what_became_of_tasks_can_be_looked_up(recorded: Workshop) -> None:
    shop = recorded
    shop.python("count.send(1)\npoison.send(2)\nmail.send_with_options(args=(3,), kwargs={})")
    worker = shop.start("--no-scheduler")
    shop.wait(
        lambda: (
            sum(row[1] in ("success", "dead") for row in rows(shop, "TaskResult", "id", "status"))
            == 3
        )
    )
    assert shop.stop(worker) == 0
    found = {
        row[0]: row[1:]
        for row in rows(shop, "TaskResult", "actor_name", "status", "queue", "retries", "arguments")
    }
    assert found["shop.tasks.count"] == ["success", "default", 0, {"args": [1], "kwargs": {}}]
    assert found["shop.tasks.poison"] == ["dead", "default", 1, {"args": [2], "kwargs": {}}]
    assert found["shop.tasks.mail"] == ["success", "mail", 0, {"args": [3], "kwargs": {}}]
    (problem,) = rows(shop, "TaskResult", "error_traceback")[1]
    assert problem == "ValueError: always"
    lines = [
        json.loads(line)
        for path in (shop.root / "logs").iterdir()
        for line in path.read_text().splitlines()
    ]
    assert any(
        line["level"] == "ERROR" and line["logger"] == "openviper.tasks.worker.supervisor"
        for line in lines
    )


def test_periodic_jobs_are_rows_and_can_be_switched_off(recorded: Workshop) -> None:
    shop = recorded
    worker = shop.start()
    shop.wait(lambda: "tick" in shop.log.read_text())
    shop.wait(lambda: rows(shop, "ScheduledJob", "last_slot")[0][0] is not None)
    (job,) = rows(shop, "ScheduledJob", "name", "app", "schedule", "status", "trigger_source")
    assert job == ["shop.tasks.tick", "shop", "1", "active", "interval"]
    assert shop.stop(worker) == 0
    code = (
        "import asyncio\nfrom openviper.tasks.models import ScheduledJob\n"
        "from openviper.db import bypass_permissions, close_db\n"
        "async def change():\n    with bypass_permissions():\n"
        "        await ScheduledJob.objects.filter(name='shop.tasks.tick').update(status='paused')\n"
        "        await ScheduledJob.objects.create(name='old', app='x', schedule='5', trigger_source='interval')\n"
        "    await close_db()\n"
        "asyncio.run(change())"
    )
    shop.python(code)
    before = shop.log.read_text().count("tick")
    worker = shop.start()
    shop.python("mail.send(1)")
    shop.wait(lambda: shop.numbers("mail") == [1])
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(2.5)
    assert shop.stop(worker) == 0
    assert shop.log.read_text().count("tick") == before
    assert dict(map(tuple, rows(shop, "ScheduledJob", "name", "status"))) == {
        "shop.tasks.tick": "paused",
        "old": "orphaned",
    }


def test_the_worker_backs_up_when_the_settings_say_so(tmp_path: Path) -> None:
    backup = {"path": "backup", "cron": "15 3 * * *", "keep": 2}
    with workshop(tmp_path, apps=WITH_TASKS, backup=backup) as shop:
        assert shop.run("migrate").returncode == 0
        shown = shop.run("tasks", "schedule").stdout
        assert "openviper.backup  15 3 * * *" in shown
        shop.python(
            "from openviper.tasks import enqueue_task\nfor n in range(3): enqueue_task('openviper.backup')"
        )
        worker = shop.start("--no-scheduler", "--threads", "1")
        shop.wait(lambda: shop.run("tasks").stdout == "No tasks.\n")
        assert shop.stop(worker) == 0
        archives = sorted((tmp_path / "backup").glob("*.tar.gz"))
        assert 1 <= len(archives) <= 2
        assert shop.run("restore-db", "--check", str(archives[-1])).returncode == 0


def test_a_backup_schedule_that_cannot_work_stops_the_worker(tmp_path: Path) -> None:
    with workshop(tmp_path, backup={"path": "backup", "keep": 0}) as shop:
        result = shop.run("start-worker")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == "Error: TASKS['backup']['keep'] must be a number from 1 on, not 0\n"
