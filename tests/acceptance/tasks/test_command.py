"""The command ``tasks`` and the options of ``start-worker``: choosing, watching, jobs by hand, numbers."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.tasks.workers import PATIENCE, Workshop, workshop

MORE = """
@actor(max_retries=0)
def breaks(number):
    raise [KeyError, ValueError][number % 2](f"row {number}\\x1b[31m")

@actor(max_retries=0)
def breaks_too(number):
    raise ValueError("other")

@actor
def patient(number):
    note(f"patient {number}")
    time.sleep(2)
    note(f"patient_end {number}")

@actor
async def endless(number):
    note(f"endless {number}")
    await asyncio.sleep(3600)
"""


def made(shop: Workshop) -> Workshop:
    """Return the project with more actors."""
    path = shop.root / "shop" / "tasks.py"
    path.write_text(path.read_text() + MORE)
    return shop


def dead(shop: Workshop, *words: str) -> list[str]:
    """Return the actors of dead messages."""
    listed = shop.run("tasks", "list", "--state", "dead", "--json", *words)
    return [info["actor"].rpartition(".")[2] for info in json.loads(listed.stdout)]


def test_dead_messages_are_chosen_by_actor_and_error(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        made(shop)
        shop.python("for n in range(4): breaks.send(n)\nbreaks_too.send(1)")
        assert shop.run("start-worker", "--until-empty").returncode == 0
        assert len(dead(shop)) == 5
        assert dead(shop, "--actor", "shop.tasks.breaks_too") == ["breaks_too"]
        assert len(dead(shop, "--error", "row 1")) == 1
        assert "row 1\\x1b[31m" in shop.run("tasks", "list").stdout
        retried = shop.run("tasks", "retry", "--error", "KeyError")
        assert retried.stdout == "2 messages will run again\n"
        both = shop.run("tasks", "retry", "some-id", "--all")
        assert both.returncode == 1 and "retry takes the ids" in both.stderr
        other = shop.run("tasks", "retry", "--state", "ready", "--actor", "x")
        assert other.returncode == 1 and "only dead messages" in other.stderr
        purged = shop.run(
            "tasks", "purge", "--state", "dead", "--actor", "shop.tasks.breaks", "--yes"
        )
        assert purged.stdout == "2 messages removed\n"
        assert dead(shop) == ["breaks_too"]
        calls = json.loads(shop.run("tasks", "calls", "--json").stdout)
        assert {
            (call["actor"].rpartition(".")[2], call["outcome"], call["calls"]) for call in calls
        } == {
            ("breaks", "dead", 4),
            ("breaks_too", "dead", 1),
        }


def test_what_is_old_is_removed(tmp_path: Path) -> None:
    with workshop(
        tmp_path,
        apps=("shop", "openviper.tasks"),
        backend_url="on",
        logging={"database": {"task": 1}},
    ) as shop:
        made(shop)
        for command in ("makemigrations", "migrate"):
            assert shop.run(command).returncode == 0
        shop.python("breaks.send(1)\ncount.send(1)")
        assert shop.run("start-worker", "--until-empty").returncode == 0
        shop.python("count.send(2)")
        kept = shop.run("tasks", "prune")
        assert kept.stdout == "0 messages and 0 results removed\n0 records removed\n"
        assert shop.run("tasks", "purge", "--older-than", "1d", "--yes").stdout.startswith("0 ")
        unasked = shop.run("tasks", "prune", "--older-than", "1s")
        assert unasked.returncode == 1 and "add --yes" in unasked.stderr
        shop.wait(
            lambda: "1 message " in shop.run("tasks", "prune", "--older-than", "1s", "--yes").stdout
        )
        assert dead(shop) == []
        shop.wait(
            lambda: shop.run("tasks", "prune", "--older-than", "1s", "--yes").stdout.endswith(
                "0 records removed\n"
            )
        )
        (waiting,) = json.loads(shop.run("tasks", "list", "--json").stdout)
        assert waiting["actor"] == "shop.tasks.count"
        for words, text in (
            (("prune", "--older-than", "soon"), "--older-than: "),
            (("prune", "--queue", "x"), "prune takes --older-than only"),
        ):
            wrong = shop.run("tasks", *words)
            assert wrong.returncode == 1 and text in wrong.stderr


def test_a_job_is_paused_resumed_and_run_by_hand(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        name = "shop.tasks.tick"
        assert shop.run("tasks", "pause", name).stdout == f"{name} is paused\n"
        (job,) = json.loads(shop.run("tasks", "schedule", "--json").stdout)
        assert (job["name"], job["schedule"], job["state"]) == (name, "every 1 s", "paused")
        assert shop.run("tasks", "run-now", name).stdout.startswith("sent as ")
        assert shop.run("start-worker", "--until-empty").returncode == 0
        assert shop.log.read_text().count("tick") == 1
        assert shop.run("tasks", "resume", name).stdout == f"{name} is active\n"
        for words in (("run-now", "nope"), ("pause", "nope"), ("resume", "nope"), ("run-now",)):
            wrong = shop.run("tasks", *words)
            assert wrong.returncode == 1 and wrong.stderr.startswith("Error: ")
            assert "Traceback" not in wrong.stderr


def test_numbers_are_written_whole_into_a_file(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        shop.python("count.send(1)")
        assert shop.run("start-worker", "--until-empty").returncode == 0
        path = tmp_path / "tasks.prom"
        assert shop.run("tasks", "metrics", "--output", str(path)).returncode == 0
        line = 'openviper_tasks_calls_total{actor="shop.tasks.count",outcome="success"} 1\n'
        assert line in path.read_text() and line in shop.run("tasks", "metrics").stdout
        missing = shop.run("tasks", "metrics", "--output", str(tmp_path / "no" / "x"))
        assert missing.returncode == 1 and missing.stderr.startswith("Error: cannot write")


def test_watching_goes_on_until_it_is_interrupted(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        shop.python("count.send(1)")
        words = shop.command("tasks", "--watch", "--interval", "0.1")
        watching = subprocess.Popen(
            words, cwd=shop.root, env=shop.environment, stdout=subprocess.PIPE, text=True
        )
        assert watching.stdout is not None
        heads = 0
        while heads < 3:
            heads += watching.stdout.readline().startswith("queue")
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=PATIENCE)
        assert watching.returncode == 0
        assert shop.run("tasks", "purge", "--watch").returncode == 1


@pytest.mark.parametrize(("grace", "ends"), [("0.2", 0), ("20", 1)])
def test_running_tasks_have_the_grace_that_was_asked_for(
    tmp_path: Path, grace: str, ends: int
) -> None:
    with workshop(tmp_path) as shop:
        made(shop)
        shop.python("patient.send(1)")
        worker = shop.start("--no-scheduler", "--grace", grace)
        shop.wait(lambda: shop.numbers("patient") == [1])
        assert shop.stop(worker) == 0
        assert len(shop.numbers("patient_end")) == ends
        left = json.loads(shop.run("tasks", "--json").stdout)
        assert sum(queue["ready"] for queue in left) == 1 - ends


def test_a_running_async_task_is_cancelled_from_outside(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        made(shop)
        message_id = shop.python("print(endless.send(1).message_id)").strip()
        worker = shop.start("--no-scheduler")
        shop.wait(lambda: shop.numbers("endless") == [1])
        cancelled = shop.run("tasks", "cancel", message_id)
        assert (cancelled.returncode, cancelled.stdout) == (
            0,
            "1 message running: asked to end\n0 messages cancelled\n",
        )
        shop.wait(lambda: shop.run("tasks").stdout == "No tasks.\n")
        assert shop.stop(worker) == 0


def test_processes_are_replaced_after_so_many_tasks(tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        shop.python("for n in range(20): count.send(n)")
        worker = shop.start("--no-scheduler", "--max-tasks-per-child", "5")
        shop.wait(lambda: len(shop.numbers("count")) == 20)
        pids = {line.split()[1] for line in shop.lines("count")}
        assert len(pids) == 4
        assert sorted(shop.numbers("count")) == list(range(20))
        assert shop.stop(worker) == 0


def test_the_first_message_of_a_project_is_sent_inside_a_transaction_without_waiting(
    tmp_path: Path,
) -> None:
    with workshop(tmp_path) as shop:
        shop.python(
            "import asyncio, time\n"
            "from openviper.db import atomic, close_db\n"
            "from openviper.db.connection import get_connection\n"
            "from openviper.tasks import BrokerError, add_schedule\n"
            "from openviper.tasks.broker import get_broker\n"
            "async def work():\n"
            "    async with atomic():\n"
            "        async with get_connection() as connection:\n"
            "            await connection.execute('CREATE TABLE mine (id INTEGER)')\n"
            "        began = time.monotonic()\n"
            "        assert get_broker().workers() == []\n"
            "        count.send(1)\n"
            "        for change in (lambda: add_schedule('x', 'shop.tasks.count', every='1h', args=(1,)),\n"
            "                       lambda: get_broker().cancel(['x']), lambda: get_broker().retry(['x'])):\n"
            "            try:\n"
            "                change()\n"
            "            except BrokerError as error:\n"
            "                assert 'inside a transaction' in str(error)\n"
            "            else:\n"
            "                raise SystemExit('SQLite has one lock, and it is taken')\n"
            "        assert time.monotonic() - began < 25\n"  # SQLite would wait for 30 s.
            "    await close_db()\n"
            "asyncio.run(work())\n"
        )
        (queue,) = json.loads(shop.run("tasks", "--json").stdout)
        assert queue["ready"] == 1
