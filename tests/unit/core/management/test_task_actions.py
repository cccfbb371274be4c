"""`tasks`: looking at queues, messages and periodic jobs, and repairing them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.core.management import task_actions
from openviper.core.management.base import CommandError
from openviper.core.management.commands.tasks import ACTIONS, Command
from openviper.tasks import actor, periodic
from openviper.tasks.actors import Registry
from openviper.tasks.broker import pinned_broker
from openviper.tasks.brokers.base import CallCount, Slot
from openviper.tasks.brokers.memory import MemoryBroker, MemoryConsumer
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import Finished, Message, Outcome
from openviper.testing import override_openviper_settings
from tests.unit.core.management.speaking import Said, run

WORKER = "web-1/boot/ns:4711:99:abc-1-1"


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryBroker]:
    """An empty broker in memory, no installed apps, and no actors or jobs."""
    actors, schedule = dict(Registry._actors), dict(Registry._schedule)
    Registry.forget()
    with override_openviper_settings(INSTALLED_APPS=()), pinned_broker(MemoryBroker()) as pinned:
        assert isinstance(pinned, MemoryBroker)
        yield pinned
    Registry._actors, Registry._schedule = actors, schedule


@pytest.fixture
def consumer(broker: MemoryBroker) -> Iterator[MemoryConsumer]:
    """A worker of the queue ``mail``."""
    made = broker.consumer(WORKER, ["mail"])
    yield made
    made.close()


def tasks(*arguments: str, answers: str | None = None) -> Said:
    return run(Command, *arguments, answers=answers)


def store(broker: MemoryBroker, *names: str, queue: str = "default", **keys: Any) -> list[Message]:
    """Store a message of each actor."""
    messages = [Message(name, queue, '{"args":[],"kwargs":{}}', **keys) for name in names]
    broker.enqueue(messages)
    return messages


def bury(broker: MemoryBroker, *names: str, error: str = "ValueError: no") -> list[Message]:
    """Store dead messages."""
    messages = store(broker, *names, queue="mail")
    worker = broker.consumer("elsewhere:1:2:3", ["mail"])
    worker.exchange([], 1000)
    worker.exchange([Finished(message, Outcome.DEAD, error=error) for message in messages], 0)
    worker.close()
    return messages


def ids(broker: MemoryBroker) -> set[str]:
    return {entry.message.message_id for entry in broker.entries.values()}


# Looking


@pytest.mark.parametrize(
    ("action", "words"),
    [("show", "No tasks."), ("list", "No tasks."), ("workers", "No workers."),
     ("calls", "No calls."), ("schedule", "No periodic jobs.")],
)  # fmt: skip
def test_where_nothing_is_that_is_said_and_json_is_an_empty_list(action: str, words: str) -> None:
    assert tasks(action).lines == [words]
    assert json.loads(tasks(action, "--json").out) == []


def test_without_an_action_the_queues_are_shown(
    broker: MemoryBroker, consumer: MemoryConsumer
) -> None:
    store(broker, "a", "b", queue="mail")
    store(broker, "c", due=time.time() + 99)
    consumer.exchange([], 1)
    rows = json.loads(tasks("--json").out)
    assert [(row["queue"], row["ready"], row["running"], row["delayed"]) for row in rows] == [
        ("default", 0, 0, 1), ("mail", 1, 1, 0),
    ]  # fmt: skip
    assert rows[0]["oldest"] is None and rows[1]["oldest"].endswith(" s")
    assert tasks().lines[0].split() == ["queue", "ready", "running", "delayed", "dead", "oldest"]
    assert [line.split()[0] for line in tasks("show", "--queue", "mail").lines[1:]] == ["mail"]


def test_messages_are_chosen_by_everything_that_is_said_of_them(broker: MemoryBroker) -> None:
    store(broker, "one", queue="mail")
    bury(broker, "two", "three")
    for arguments, names in (
        ((), ["one", "two", "three"]),
        (("--state", "dead"), ["two", "three"]),
        (("--actor", "two"), ["two"]),
        (("--error", "ValueError"), ["two", "three"]),
        (("--error", "KeyError"), []),
        (("--queue", "default"), []),
        (("--limit", "1"), ["one"]),
        (("--state", "dead", "--actor", "three", "--queue", "mail"), ["three"]),
    ):
        rows = json.loads(tasks("list", "--json", *arguments).out)
        assert [row["actor"] for row in rows] == names, arguments


@pytest.mark.parametrize("limit", ["0", "-1"])
def test_a_limit_that_shows_nothing_is_refused(limit: str) -> None:
    with pytest.raises(CommandError, match=f"--limit {limit} shows nothing"):
        tasks("list", f"--limit={limit}")


def test_what_a_message_holds_does_not_reach_the_terminal_as_it_is(broker: MemoryBroker) -> None:
    bury(broker, "evil\x1b[2J", error="ValueError: a\nb\x07")
    (_, line) = tasks("list").lines
    assert "\x1b" not in line and "\x07" not in line
    (row,) = json.loads(tasks("list", "--json").out)
    assert (row["actor"], row["error"]) == ("evil\x1b[2J", "ValueError: a\nb\x07")


@pytest.mark.parametrize(("due", "shown"), [(0.0, None), (1e18, "1e+18")])
def test_a_moment_that_is_none_or_that_no_calendar_has_is_shown_all_the_same(
    broker: MemoryBroker, due: float, shown: str | None
) -> None:
    store(broker, "a", due=due)
    (row,) = json.loads(tasks("list", "--json").out)
    assert row["due"] == shown


def test_workers_are_shown_with_their_queues(
    broker: MemoryBroker, consumer: MemoryConsumer
) -> None:
    other = broker.consumer("db-1:5:6:x", None)
    rows = json.loads(tasks("workers", "--json").out)
    assert [(row["pid"], row["host"], row["queues"]) for row in rows] == [
        (4711, "web-1", "mail"), (5, "db-1", "all"),
    ]  # fmt: skip
    assert rows[0]["seen"] == "0 s ago"
    other.close()


def test_calls_are_counted_for_all_time_and_for_the_last_hour(broker: MemoryBroker) -> None:
    now = int(time.time()) // 60 * 60
    broker.add_counts([CallCount(now - 7200, "a", "success", 3, 6.0), CallCount(now, "a", "success", 1, 2.0),
                       CallCount(now, "a", "dead", 1, 0.5), CallCount(now, "b", "success", 1, 1.0)])  # fmt: skip
    rows = json.loads(tasks("calls", "--json", "--actor", "a").out)
    assert rows == [
        {"actor": "a", "outcome": "dead", "calls": 1, "last_hour": 1, "mean": "0.500 s"},
        {"actor": "a", "outcome": "success", "calls": 4, "last_hour": 1, "mean": "2.000 s"},
    ]
    assert len(tasks("calls").lines) == 4


def test_metrics_go_to_the_output_or_whole_into_a_file(
    broker: MemoryBroker, tmp_path: Path
) -> None:
    store(broker, "a")
    text = tasks("metrics").out
    assert "# TYPE" in text and not text.endswith("\n\n")
    path = tmp_path / "tasks.prom"
    assert tasks("metrics", "--output", str(path)).out == ""
    assert [line.split()[0] for line in path.read_text().splitlines()] == [
        line.split()[0] for line in text.splitlines()
    ]
    with pytest.raises(CommandError, match=r"cannot write '.*/no/tasks\.prom': No such file"):
        tasks("metrics", "--output", str(tmp_path / "no" / "tasks.prom"))


# Watching


@pytest.mark.parametrize("action", ["retry", "cancel", "purge", "pause", "metrics"])
def test_what_changes_something_is_not_watched(action: str) -> None:
    with pytest.raises(CommandError, match="--watch is for show, list, schedule, workers, calls"):
        tasks(action, "--watch")


@pytest.mark.parametrize(("answers", "between"), [(None, "\n"), ("", task_actions.CLEAR)])
def test_watching_shows_it_again_until_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, answers: str | None, between: str
) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    assert tasks("show", "--watch", "--interval=0.1", answers=answers).out == (
        f"No tasks.\n{between}No tasks.\n{between}No tasks.\n"
    )
    assert pauses == [0.1, 0.1, 0.1]


def test_a_store_that_does_not_answer_is_one_error(
    broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise BrokerError("the store is away")

    monkeypatch.setattr(broker, "queues", away)
    with pytest.raises(CommandError, match="^the store is away$"):
        tasks("show")


# Retrying, cancelling, purging


@pytest.mark.parametrize(
    "arguments", [(), ("x", "--all"), ("x", "--queue", "mail"), ("x", "--error", "E")]
)
def test_retrying_takes_either_ids_or_a_choice(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="retry takes the ids of messages, or --all"):
        tasks("retry", *arguments)


@pytest.mark.parametrize("state", ["ready", "running", "delayed"])
def test_only_dead_messages_are_retried_in_numbers(state: str) -> None:
    with pytest.raises(CommandError, match="only dead messages are retried in numbers"):
        tasks("retry", "--all", "--state", state)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [(("--all",), 3), (("--all", "--state", "dead"), 3), (("--actor", "a"), 2), (("--queue", "mail"), 3),
     (("--queue", "other"), 0), (("--error", "no"), 3)],
)  # fmt: skip
def test_dead_messages_are_retried_by_choice(
    broker: MemoryBroker, arguments: tuple[str, ...], count: int
) -> None:
    bury(broker, "a", "a", "b")
    store(broker, "c", due=time.time() + 99)
    word = "message" if count == 1 else "messages"
    assert tasks("retry", *arguments).lines == [f"{count} {word} will run again"]
    assert json.loads(tasks("--json", "--queue", "mail").out)[0]["ready"] == count


def test_messages_are_retried_by_id_and_those_that_are_not_there_are_counted(
    broker: MemoryBroker,
) -> None:
    dead, other = bury(broker, "a", "b")
    assert tasks("retry", dead.message_id).lines == ["1 message will run again"]
    with pytest.raises(CommandError, match="1 of 2 messages were not found, or a worker has them"):
        tasks("retry", other.message_id, "nobody")


def test_cancelling_removes_what_waits_and_asks_what_runs_to_end(
    broker: MemoryBroker, consumer: MemoryConsumer
) -> None:
    running, waiting = store(broker, "a", "b", queue="mail")
    consumer.exchange([], 1)
    said = tasks("cancel", running.message_id, waiting.message_id)
    assert said.lines == ["1 message running: asked to end", "1 message cancelled"]
    assert ids(broker) == {running.message_id}
    assert consumer.cancelled() == {running.message_id}


def test_cancelling_needs_ids_and_says_which_were_not_there(broker: MemoryBroker) -> None:
    with pytest.raises(CommandError, match="cancel takes the ids of messages"):
        tasks("cancel")
    (message,) = store(broker, "a")
    with pytest.raises(CommandError, match="1 of 2 messages were not found"):
        tasks("cancel", message.message_id, "nobody")
    assert ids(broker) == set()


def test_purging_asks_a_person_and_without_one_wants_yes(broker: MemoryBroker) -> None:
    store(broker, "a", "b")
    with pytest.raises(CommandError, match="purge removes all messages of every queue; add --yes"):
        tasks("purge")
    with pytest.raises(CommandError, match="nothing was removed"):
        tasks("purge", answers="n\n")
    assert len(ids(broker)) == 2
    assert tasks("purge", answers="y\n").lines == ["2 messages removed"]
    assert tasks("purge", "--yes").lines == ["0 messages removed"]


def test_the_question_names_what_would_go(broker: MemoryBroker) -> None:
    bury(broker, "a")
    said = tasks(
        "purge",
        "--state",
        "dead",
        "--queue",
        "mail",
        "--actor",
        "a",
        "--error",
        "no",
        answers="y\n",
    )
    assert "Remove dead messages of mail, actor a, error with 'no' that no worker has?" in said.err
    assert ids(broker) == set()


def test_purging_leaves_what_runs_and_what_was_not_meant(
    broker: MemoryBroker, consumer: MemoryConsumer
) -> None:
    running, _ = store(broker, "a", "b", queue="mail")
    (other,) = store(broker, "c")
    consumer.exchange([], 1)
    assert tasks("purge", "--yes", "--queue", "mail").lines == ["1 message removed"]
    assert ids(broker) == {running.message_id, other.message_id}


# Periodic jobs


@pytest.fixture
def job() -> str:
    """The name of a periodic job in the code."""

    @periodic(every="1h")
    @actor(actor_name="tidy")
    def tidy() -> None: ...

    return "tidy"


def test_jobs_are_shown_with_their_schedule_state_and_last_time(
    broker: MemoryBroker, job: str
) -> None:
    (row,) = json.loads(tasks("schedule", "--json").out)
    assert row == {"name": "tidy", "schedule": "every 3600 s", "state": "active", "last": None}
    broker.swap_slot(job, None, Slot(1_700_000_000_000, "every 3600 s"))
    assert tasks("pause", job).lines == ["tidy is paused"]
    (row,) = json.loads(tasks("schedule", "--json").out)
    assert row["state"] == "paused" and row["last"].startswith("2023-11-1")
    assert tasks("resume", job).lines == ["tidy is active"]
    assert json.loads(tasks("schedule", "--json").out)[0]["state"] == "active"


def test_a_job_is_sent_at_once_also_when_it_is_paused(broker: MemoryBroker, job: str) -> None:
    tasks("pause", job)
    (line,) = tasks("run-now", job).lines
    assert ids(broker) == {line.removeprefix("sent as ")}


@pytest.mark.parametrize("action", ["run-now", "pause", "resume"])
def test_a_job_is_named_once_and_has_to_be_there(job: str, action: str) -> None:
    for names in ((), (job, job)):
        with pytest.raises(CommandError, match=f"{action} takes the name of a job"):
            tasks(action, *names)
    with pytest.raises(CommandError, match="there is no periodic job 'gone'"):
        tasks(action, "gone")


CHOICES = (
    ("--queue", "q"),
    ("--state", "dead"),
    ("--actor", "a"),
    ("--error", "e"),
    ("--older-than", "1d"),
)
OTHERS = (
    ("--limit", "5"),
    ("--all",),
    ("--yes",),
    ("--json",),
    ("--output", "f"),
    ("--watch",),
    ("an-id",),
)


@pytest.mark.parametrize("option", [*CHOICES, *OTHERS], ids=lambda option: option[0])
@pytest.mark.parametrize("action", task_actions.TAKES)
def test_what_an_action_does_not_look_at_is_refused(
    broker: MemoryBroker, action: str, option: tuple[str, ...]
) -> None:
    name = option[0].removeprefix("--").replace("-", "_")
    name = "ids" if name == "an_id" else name
    if name in task_actions.TAKES[action]:
        return
    bury(broker, "a")
    store(broker, "b")
    with pytest.raises(CommandError) as caught:
        tasks(action, *option)
    typed = "ids" if name == "ids" else option[0]
    expected = f"'tasks {action}' takes no {typed}; it takes "
    assert str(caught.value).startswith((expected, "--watch is for "))
    assert len(broker.entries) == 2


def test_purging_ids_does_not_remove_everything(broker: MemoryBroker) -> None:
    first, _second = store(broker, "a", "b")
    for arguments in ((first.message_id, "--yes"), ("--yes", "--limit", "1"), ("--yes", "--all")):
        with pytest.raises(CommandError, match="'tasks purge' takes no "):
            tasks("purge", *arguments)
    assert len(broker.entries) == 2


@pytest.mark.parametrize("option", ["--queue", "--actor", "--error"])
@pytest.mark.parametrize("action", ["purge", "retry", "list"])
def test_an_empty_choice_does_not_choose_everything(
    broker: MemoryBroker, consumer: MemoryConsumer, option: str, action: str
) -> None:
    bury(broker, "a")
    with pytest.raises(CommandError, match=f"{option} is empty: it chooses nothing"):
        tasks(action, option, "", *(["--yes"] if action == "purge" else []))
    assert len(broker.entries) == 1


def test_purging_what_runs_is_refused(broker: MemoryBroker) -> None:
    with pytest.raises(CommandError, match="what runs is not purged; 'tasks cancel' asks"):
        tasks("purge", "--state", "running", "--yes")


def test_every_action_is_in_the_table_and_every_option_has_a_use() -> None:
    assert tuple(task_actions.TAKES) and set(task_actions.TAKES) == set(ACTIONS)
    used = {name for names in task_actions.TAKES.values() for name in names}
    assert used == set(task_actions._OPTIONS)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "0.09", "86401", "soon", ""])
def test_a_pause_that_cannot_be_is_a_usage_error(
    seconds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        tasks("show", "--watch", f"--interval={seconds}")
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "must be from 0.1 to 86400 seconds" in said or "is not a number of seconds" in said


def test_a_pause_without_watching_is_refused() -> None:
    with pytest.raises(CommandError, match="^--interval needs --watch$"):
        tasks("show", "--interval", "2")
