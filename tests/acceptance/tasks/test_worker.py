"""Real workers: jobs that survive kill -9, orderly ends, and what people see."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.tasks.workers import BROKERS, PATIENCE, workshop
from tests.servers import REDIS, fresh_database, redis_prefix

JOBS = 2000


@pytest.fixture(params=BROKERS)
def place(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Return the arguments of `workshop` for a kind of broker."""
    if request.param == "redis":
        with redis_prefix() as prefix:
            yield {"broker": "redis", "broker_url": REDIS, "redis_prefix": prefix}
    elif request.param == "sqlite":
        yield {}
    else:
        with fresh_database(request.param) as url:
            yield {"url": url}


def test_no_job_is_lost_whenever_workers_are_killed(tmp_path: Path, place: dict[str, Any]) -> None:
    with workshop(tmp_path, **place) as shop:
        shop.python(f"for n in range({JOBS}): count.send(n)")
        kills = 0
        while len(set(shop.numbers("count"))) < JOBS:
            worker = shop.start("--no-scheduler", "--processes", "2")
            before = len(shop.numbers("count"))
            # Not before it has done something, or a slow machine would never get anywhere.
            shop.wait(
                lambda before=before: (  # type: ignore[misc]  # mypy infers no default  # type: ignore[misc]  # mypy infers no default
                    len(shop.numbers("count")) > before or len(set(shop.numbers("count"))) == JOBS
                )
            )
            time.sleep(0.3)
            shop.kill(worker)
            kills += 1
            assert kills < 200
        done = Counter(shop.numbers("count"))
        assert set(done) == set(range(JOBS))
        assert kills > 2
        # What was finished and not yet settled runs again; nothing else does.
        assert sum(done.values()) - JOBS <= kills * 2 * 30
        last = shop.start("--no-scheduler")
        shop.wait(lambda: json.loads(shop.run("tasks", "--json").stdout) == [])
        assert shop.stop(last) == 0


def test_jobs_run_exactly_once_when_workers_are_asked_to_stop(
    tmp_path: Path, place: dict[str, Any]
) -> None:
    with workshop(tmp_path, **place) as shop:
        shop.python(f"for n in range(5): slow.send(n)\nfor n in range({JOBS}): count.send(n)")

        def done() -> int:
            return len(shop.numbers("count")) + len(shop.numbers("end"))

        stops = 0
        while done() < JOBS + 5:
            worker = shop.start("--no-scheduler", "--processes", "2")
            before = done()
            shop.wait(lambda before=before: done() > before or done() == JOBS + 5)  # type: ignore[misc]  # mypy infers no default
            time.sleep(0.3)
            assert shop.stop(worker) == 0
            stops += 1
            assert stops < 100
        assert stops > 2
        assert sorted(shop.numbers("count")) == list(range(JOBS))
        assert sorted(shop.numbers("end")) == sorted(shop.numbers("begin")) == list(range(5))
        assert json.loads(shop.run("tasks", "--json").stdout) == []
        assert "Worker stopped." in shop.said()


def test_the_second_signal_stops_at_once(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        shop.python("forever.send(1)")
        worker = shop.start("--no-scheduler")
        shop.wait(lambda: shop.numbers("forever") == [1])
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 1
        again = shop.start("--no-scheduler")
        shop.wait(lambda: shop.numbers("forever") == [1, 1])
        shop.kill(again)


def test_processes_share_the_work_and_one_that_dies_is_replaced(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        worker = shop.start("--no-scheduler", "--processes", "2", "--threads", "2")
        shop.wait(lambda: len(shop.children(worker)) == 2)
        first = set(shop.children(worker))
        shop.python("for n in range(200): count.send(n)")
        shop.wait(lambda: len(shop.numbers("count")) == 200)
        assert {int(line.split()[1]) for line in shop.lines("count")} == first
        os.kill(min(first), signal.SIGKILL)
        shop.wait(lambda: len(shop.children(worker)) == 2 and set(shop.children(worker)) != first)
        assert "a new one starts in" in shop.said()
        assert shop.stop(worker) == 0


def test_a_hangup_starts_the_worker_anew_with_fresh_code(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        worker = shop.start("--no-scheduler")
        shop.python("mail.send(1)")
        shop.wait(lambda: shop.numbers("mail") == [1])
        code = tmp_path / "shop" / "tasks.py"
        code.write_text(
            code.read_text().replace('note(f"mail {number}")', 'note(f"letter {number}")')
        )
        worker.send_signal(signal.SIGHUP)
        shop.wait(lambda: shop.said().count("Worker started") == 2)
        shop.python("mail.send(2)")
        shop.wait(lambda: shop.numbers("letter") == [2])
        assert shop.stop(worker) == 0


def test_only_the_named_queues_are_served(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        shop.python("count.send(1)\nmail.send(2)\ncount.send_with_options(args=(3,), queue='mail')")
        worker = shop.start("--no-scheduler", "--queues", "mail")
        shop.wait(lambda: shop.numbers("mail") == [2] and shop.numbers("count") == [3])
        assert shop.stop(worker) == 0
        (left,) = json.loads(shop.run("tasks", "--json").stdout)
        assert (left["queue"], left["ready"]) == ("default", 1)


def test_a_job_that_always_fails_is_buried_seen_and_tried_again(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        shop.python("poison.send(1)")
        worker = shop.start("--no-scheduler")
        shop.wait(
            lambda: bool(json.loads(shop.run("tasks", "list", "--state", "dead", "--json").stdout))
        )
        assert shop.numbers("poison") == [1, 1]
        (dead,) = json.loads(shop.run("tasks", "list", "--state", "dead", "--json").stdout)
        assert (dead["actor"], dead["attempts"], dead["error"]) == (
            "shop.tasks.poison",
            2,
            "ValueError: always",
        )
        assert shop.run("tasks", "retry", dead["id"]).stdout == "1 message will run again\n"
        shop.wait(lambda: len(shop.numbers("poison")) == 4)
        shop.wait(
            lambda: bool(json.loads(shop.run("tasks", "list", "--state", "dead", "--json").stdout))
        )
        assert shop.run("tasks", "cancel", dead["id"]).stdout == "1 message cancelled\n"
        assert shop.run("tasks").stdout == "No tasks.\n"
        assert shop.stop(worker) == 0


def test_attempts_that_take_too_long_are_given_up(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        shop.python("stuck.send(1)\nstuck_async.send(2)\ncount.send(3)")
        worker = shop.start("--no-scheduler", "--threads", "1")
        # A thread cannot be stopped: the call goes on beside the next one, and its success counts.
        shop.wait(lambda: len(json.loads(shop.run("tasks", "list", "--json").stdout)) == 1)
        assert shop.numbers("count") == [3] and shop.numbers("stuck") == [1]
        (dead,) = json.loads(shop.run("tasks", "list", "--state", "dead", "--json").stdout)
        assert dead["actor"] == "shop.tasks.stuck_async"
        assert dead["error"] == "TimeLimitError: the attempt took longer than 100 ms"
        assert "longer than its time limit, and succeeded" in shop.said()
        assert shop.stop(worker) == 0


def test_an_actor_that_no_worker_knows_is_kept(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        shop.python(
            "from openviper.tasks import enqueue_task\nenqueue_task('gone.actor', (1,))\ncount.send(1)"
        )
        worker = shop.start("--no-scheduler")
        shop.wait(lambda: shop.numbers("count") == [1])
        shop.wait(
            lambda: bool(
                json.loads(shop.run("tasks", "list", "--state", "delayed", "--json").stdout)
            )
        )
        assert shop.stop(worker) == 0


def test_periodic_jobs_fire_once_per_slot_however_many_schedulers_there_are(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        workers = [shop.start() for _ in range(3)]
        shop.wait(lambda: len(shop.lines("tick")) >= 2 or shop.log.read_text().count("tick") >= 2)
        shop.kill(workers[0])
        count = shop.log.read_text().count("tick")
        started = time.monotonic()
        shop.wait(lambda: shop.log.read_text().count("tick") >= count + 4)
        passed = time.monotonic() - started
        fired = shop.log.read_text().count("tick") - count
        assert fired <= passed + 2
        assert "scheduler on" in shop.said()
        for worker in workers[1:]:
            assert shop.stop(worker) == 0


def test_the_health_of_workers_is_told_by_the_exit_code(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        nobody = shop.run("start-worker", "--health")
        assert (nobody.returncode, nobody.stderr) == (1, "Error: no worker is alive\n")
        worker = shop.start("--no-scheduler")
        shop.wait(lambda: shop.run("start-worker", "--health").returncode == 0)
        shop.kill(worker)
        assert shop.run("start-worker", "--health").returncode == 1


def test_what_cannot_be_imported_is_named(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        missing = shop.run("start-worker", "--modules", "no.such.module")
        assert missing.returncode == 1
        assert missing.stderr.startswith(
            "Error: cannot import 'no.such.module': ModuleNotFoundError:"
        )
        (tmp_path / "shop" / "tasks.py").write_text("import nothing_like_that\n")
        broken = shop.run("start-worker")
        assert broken.returncode == 1
        assert (
            "Error: cannot import 'shop.tasks'" in broken.stderr
            and "nothing_like_that" in broken.stderr
        )


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        ({"enabled": 0}, "Error: tasks are disabled"),
        ({"broker": "rabbitmq"}, "Error: TASKS['broker'] = 'rabbitmq' is not supported"),
        ({"broker": "redis"}, "Error: TASKS['broker_url'] must be a URL"),
        (
            {"broker": "redis", "broker_url": "redis://:s3cret@127.0.0.1:1/0"},
            "Error: Redis does not answer",
        ),
    ],
)
def test_a_worker_that_cannot_work_says_why(
    tmp_path: Path, tasks: dict[str, Any], problem: str
) -> None:
    with workshop(tmp_path, **tasks) as shop:
        result = shop.run("start-worker")
        assert result.returncode == 1
        assert result.stderr.startswith(problem)
        assert "Traceback" not in result.stderr and "s3cret" not in result.stderr


def test_jobs_of_a_transaction_are_stored_with_it_or_not_at_all(
    tmp_path: Path, place: dict[str, Any]
) -> None:
    with workshop(tmp_path, **place) as shop:
        shop.python(
            "import asyncio\n"
            "from openviper.db import atomic\n"
            "async def work():\n"
            "    async with atomic():\n"
            "        count.send(1)\n"
            "        try:\n"
            "            async with atomic():\n"
            "                count.send(2)\n"
            "                raise RuntimeError\n"
            "        except RuntimeError:\n"
            "            pass\n"
            "        count.send(3)\n"
            "        assert not broker.messages(), 'not before the commit'\n"
            "    try:\n"
            "        async with atomic():\n"
            "            count.send(4)\n"
            "            raise RuntimeError\n"
            "    except RuntimeError:\n"
            "        pass\n"
            "    from openviper.db import close_db\n"
            "    await close_db()\n"
            "from openviper.tasks.broker import get_broker\n"
            "broker = get_broker()\n"
            "broker.queues()\n"
            "asyncio.run(work())\n"
        )
        listed = json.loads(shop.run("tasks", "list", "--json").stdout)
        assert len(listed) == 2
        worker = shop.start("--no-scheduler")
        shop.wait(lambda: sorted(shop.numbers("count")) == [1, 3])
        assert shop.stop(worker) == 0


def test_wrong_input_is_one_line(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        for words, problem in (
            (("tasks", "retry"), "retry takes the ids of messages"),
            (("tasks", "cancel"), "cancel takes the ids of messages"),
            (("tasks", "cancel", "nope"), "1 of 1 messages were not found"),
            (("tasks", "purge"), "add --yes"),
        ):
            result = shop.run(*words)
            assert result.returncode == 1
            assert result.stderr.startswith("Error: ") and problem in result.stderr
        assert shop.run("start-worker", "--threads", "0").returncode == 2
        assert shop.run("tasks", "purge", "--yes").stdout == "0 messages removed\n"
        assert "shop.tasks.tick  every 1 s" in shop.run("tasks", "schedule").stdout
        assert shop.run("tasks", "workers").stdout == "No workers.\n"


def test_a_worker_may_end_when_there_is_nothing_left_to_do(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        shop.python(
            "for n in range(30): count.send(n)\nslow.send(1)\nmail.send_with_options(args=(1,), delay=60_000)"
        )
        done = shop.run("start-worker", "--until-empty", "--processes", "2")
        assert (done.returncode, done.stderr) == (0, "")
        assert "scheduler off" in done.stdout and done.stdout.endswith("Worker stopped.\n")
        assert sorted(shop.numbers("count")) == list(range(30))
        assert shop.numbers("end") == [1]
        (left,) = json.loads(shop.run("tasks", "--json").stdout)
        assert (left["queue"], left["delayed"]) == ("mail", 1)
        shop.python("unlucky.send(1)")
        assert shop.run("start-worker", "--until-empty").returncode == 0
        assert shop.numbers("unlucky") == [1]  # What is tried again later is not waited for.
