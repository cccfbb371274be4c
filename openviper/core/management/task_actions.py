"""What `tasks` does with queues, messages and periodic jobs."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openviper.core.management.aligned_rows import aligned
from openviper.core.management.base import CommandError, UsageError
from openviper.core.management.work import CommandWork
from openviper.db.connection import close_db
from openviper.db.exceptions import DatabaseError
from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import Filter
from openviper.tasks.discovery import discover_tasks
from openviper.tasks.exceptions import OpenViperTasksError
from openviper.tasks.metrics import render_metrics
from openviper.tasks.schedule.catalog import (
    list_schedules,
    pause_schedule,
    resume_schedule,
    run_schedule_now,
)
from openviper.tasks.schedule.periodic import parse_interval
from openviper.tasks.schedule.stored_jobs import is_installed
from openviper.tasks.worker.recorder import prune_records
from openviper.utils.atomic_files import atomic_write
from openviper.utils.event_loops import require_event_loop
from openviper.utils.printable import printable

if TYPE_CHECKING:
    from openviper.tasks.brokers.base import Broker, CallCount, MessageInfo, QueueInfo, WorkerInfo
    from openviper.tasks.brokers.keeping import Pruned

CLEAR = "\x1b[H\x1b[2J"
"""Moves to the top of the terminal and clears it (ECMA-48, CUP and ED)."""
WATCHED = ("show", "list", "schedule", "workers", "calls")

LIMIT = 100
"""Messages that are listed where nothing else is asked for."""
INTERVAL = 1.0
"""Seconds between two looks of `--watch`, likewise."""
_CHOICE = ("queue", "state", "actor", "error", "older_than")
TAKES: dict[str, tuple[str, ...]] = {
    "show": ("queue", "json", "watch", "interval"),
    "list": (*_CHOICE, "limit", "json", "watch", "interval"),
    "schedule": ("json", "watch", "interval"),
    "workers": ("json", "watch", "interval"),
    "calls": ("actor", "json", "watch", "interval"),
    "retry": ("ids", *_CHOICE, "all"),
    "cancel": ("ids",),
    "purge": (*_CHOICE, "yes"),
    "prune": (*_CHOICE, "yes"),  # What of the choice it does not take, it says itself.
    "run-now": ("ids",),
    "pause": ("ids",),
    "resume": ("ids",),
    "metrics": ("output",),
}
"""What each action looks at, beside its name: `tasks purge ID` is not to remove everything."""
_OPTIONS = (*_CHOICE, "ids", "all", "yes", "json", "limit", "output", "watch", "interval")


def _check_options(action: str, options: dict[str, Any]) -> None:
    """Refuse what an action would not look at.

    Raises:
        UsageError: If something of that kind is given.
    """
    for name in _OPTIONS:
        if options[name] not in (None, False, []) and name not in TAKES[action]:
            raise UsageError(
                f"'tasks {action}' takes no {_as_typed(name)}; it takes {_taken(action)}"
            )
    if options["interval"] is not None and not options["watch"]:
        raise UsageError("--interval needs --watch")


def _as_typed(name: str) -> str:
    return "ids" if name == "ids" else f"--{name.replace('_', '-')}"


def _taken(action: str) -> str:
    return ", ".join(map(_as_typed, TAKES[action]))


class TaskActions(CommandWork):
    """What `tasks` does with queues, messages and periodic jobs."""

    def run(self, options: dict[str, Any]) -> None:
        """Open the broker and do it."""
        action = options["action"]
        if options["watch"] and action not in WATCHED:
            raise CommandError(f"--watch is for {', '.join(WATCHED)}")
        _check_options(action, options)
        run = getattr(self, f"_{action.replace('-', '_')}")
        try:
            broker = get_broker()
            run(broker, options)
            while options["watch"]:
                time.sleep(options["interval"] or INTERVAL)
                if self.terminal.is_interactive:
                    self.terminal.line(CLEAR, end="")
                else:
                    self.stdout("")
                run(broker, options)
        except OpenViperTasksError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            if not options["watch"]:
                raise

    def _write(
        self, rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...], empty: str
    ) -> None:
        if as_json:
            self.stdout(json.dumps(rows, indent=2))
            return
        if not rows:
            self.stdout(empty)
            return
        encoding = getattr(self.terminal.out, "encoding", None)
        cells = [tuple(printable(_text(row[name]), encoding) for name in columns) for row in rows]
        for line in aligned([columns, *cells]):
            self.stdout(line)

    @staticmethod
    def _filter(options: dict[str, Any]) -> Filter:
        for name in ("queue", "actor", "error"):
            if options[name] == "":  # A variable of a script that is not set, say.
                raise CommandError(f"--{name} is empty: it chooses nothing")
        return Filter(
            options["state"],
            options["queue"],
            options["actor"],
            options["error"],
            _moment_before(options["older_than"]),
        )

    # Looking

    def _show(self, broker: Broker, options: dict[str, Any]) -> None:
        chosen = [info for info in broker.queues() if options["queue"] in (None, info.name)]
        rows = [_queue(info) for info in chosen]
        self._write(
            rows,
            options["json"],
            ("queue", "ready", "running", "delayed", "dead", "oldest"),
            "No tasks.",
        )

    def _list(self, broker: Broker, options: dict[str, Any]) -> None:
        limit = LIMIT if options["limit"] is None else options["limit"]
        if limit < 1:
            raise CommandError(f"--limit {limit} shows nothing")
        infos = broker.messages(self._filter(options), limit)
        rows = [_message(info) for info in infos]
        columns = ("id", "actor", "queue", "state", "attempts", "sent", "due", "error")
        self._write(rows, options["json"], columns, "No tasks.")

    def _workers(self, broker: Broker, options: dict[str, Any]) -> None:
        now = time.time()
        rows = [_worker(info, now) for info in broker.workers()]
        columns = ("pid", "host", "queues", "started", "seen", "settled")
        self._write(rows, options["json"], columns, "No workers.")

    def _calls(self, broker: Broker, options: dict[str, Any]) -> None:
        wanted = options["actor"]
        counts = [count for count in broker.counts() if wanted in (None, count.actor_name)]
        rows = [_calls_of(count, counts) for count in counts if count.minute == 0]
        columns = ("actor", "outcome", "calls", "last_hour", "mean")
        self._write(rows, options["json"], columns, "No calls.")

    def _metrics(self, broker: Broker, options: dict[str, Any]) -> None:
        text = render_metrics(broker)
        if not options["output"]:
            self.stdout(text.rstrip("\n"))
            return
        try:
            # Whole, or not at all: the collector may read it at any time.
            with atomic_write(Path(options["output"])) as file:
                file.write(text.encode())
        except OSError as error:
            raise CommandError(f"cannot write {options['output']!r}: {error.strerror}") from error

    # Periodic jobs

    def _schedule(self, broker: Broker, options: dict[str, Any]) -> None:
        discover_tasks()
        rows = []
        for entry, is_paused in list_schedules():
            slot = broker.slot(entry.name)
            rows.append(
                {
                    "name": entry.name,
                    "schedule": entry.text,
                    "state": "paused" if is_paused else "active",
                    "last": None if slot is None else _moment(slot.moment / 1000),
                }
            )
        columns = ("name", "schedule", "state", "last")
        self._write(rows, options["json"], columns, "No periodic jobs.")

    def _one_job(self, options: dict[str, Any]) -> str:
        if len(options["ids"]) != 1:
            raise CommandError(
                f"{options['action']} takes the name of a job; 'tasks schedule' shows them"
            )
        discover_tasks()
        return str(options["ids"][0])

    def _run_now(self, _broker: Broker, options: dict[str, Any]) -> None:
        name = self._one_job(options)
        try:
            message_id = run_schedule_now(name)
        except LookupError as error:
            raise CommandError(str(error)) from error
        self.stdout(f"sent as {message_id}")

    def _pause(self, _broker: Broker, options: dict[str, Any]) -> None:
        name = self._one_job(options)
        try:
            pause_schedule(name)
        except LookupError as error:
            raise CommandError(str(error)) from error
        self.stdout(f"{printable(name)} is paused")

    def _resume(self, _broker: Broker, options: dict[str, Any]) -> None:
        name = self._one_job(options)
        try:
            resume_schedule(name)
        except LookupError as error:
            raise CommandError(str(error)) from error
        self.stdout(f"{printable(name)} is active")

    # Repairing

    def _retry(self, broker: Broker, options: dict[str, Any]) -> None:
        in_numbers = options["all"] or _is_filtered(options)
        if bool(options["ids"]) == in_numbers:
            raise CommandError(
                "retry takes the ids of messages, or --all, --queue, --actor, --error or --older-than for dead ones"
            )
        if options["state"] not in (None, "dead"):
            raise CommandError("only dead messages are retried in numbers; name others by id")
        chosen = options["ids"] or self._filter({**options, "state": None})
        self._report(broker.retry(chosen), "will run again", options["ids"])

    def _cancel(self, broker: Broker, options: dict[str, Any]) -> None:
        ids = options["ids"]
        if not ids:
            raise CommandError("cancel takes the ids of messages; 'tasks list' shows them")
        removed = broker.cancel(ids)
        running = {info.message_id for info in broker.messages(_running(), 1_000_000)}
        asked = sum(message_id in running for message_id in ids)
        if asked:
            self.stdout(f"{_messages(asked)} running: asked to end")
        self._report(removed, "cancelled", ids[asked:])

    def _purge(self, broker: Broker, options: dict[str, Any]) -> None:
        chosen = self._filter(options)
        if chosen.state == "running":
            raise CommandError("what runs is not purged; 'tasks cancel' asks for its end")
        if not options["yes"]:
            self._ask_to_remove(_described(chosen))
        self._report(broker.purge(chosen), "removed", [])

    def _prune(self, broker: Broker, options: dict[str, Any]) -> None:
        age = options["older_than"]
        if _is_filtered({**options, "older_than": None}) or options["state"] is not None:
            raise CommandError("prune takes --older-than only; 'tasks purge' chooses messages")
        given, keep = _moment_before(age), tasks_config()
        if given is not None and not options["yes"]:
            self._ask_to_remove(f"results, records and dead messages older than {age}")
        results, dead = _limit(given, keep.keep_results), _limit(given, keep.keep_dead)
        self._tell_pruned(broker.prune(results, dead))
        if is_installed():
            self.stdout(f"{self._prune_records(_limit(given, keep.keep_records))} removed")

    def _tell_pruned(self, pruned: Pruned) -> None:
        results = f"{pruned.results} result{'' if pruned.results == 1 else 's'}"
        self.stdout(f"{_messages(pruned.dead)} and {results} removed")

    @staticmethod
    def _prune_records(before: float) -> str:
        async def work() -> int:
            try:
                return await prune_records(before)
            finally:
                await close_db()

        require_event_loop()
        try:
            count = asyncio.run(work())
        except DatabaseError as error:
            raise CommandError(f"the records could not be removed: {error}") from error
        return f"{count} record{'' if count == 1 else 's'}"

    def _ask_to_remove(self, what: str) -> None:
        if not self.terminal.is_interactive:
            raise CommandError(f"purge removes {what}; add --yes to do so without a terminal")
        if not self.terminal.confirm(f"Remove {printable(what)} that no worker has?"):
            raise CommandError("nothing was removed")

    def _report(self, count: int, what: str, ids: list[str]) -> None:
        self.stdout(f"{_messages(count)} {what}")
        if ids and count < len(ids):
            raise CommandError(
                f"{len(ids) - count} of {len(ids)} messages were not found, or a worker has them"
            )


def _is_filtered(options: dict[str, Any]) -> bool:
    return any(options[name] is not None for name in ("queue", "actor", "error", "older_than"))


def _moment_before(age: str | None) -> float | None:
    """Return the moment that was so long ago, in seconds since the epoch."""
    if age is None:
        return None
    try:
        return time.time() - parse_interval(age)
    except ValueError as error:
        raise CommandError(f"--older-than: {error}") from error


def _limit(given: float | None, keep: float | None) -> float:
    """Return the moment before which something is too old: the given one, or that of a setting, or never."""
    if given is not None:
        return given
    return 0.0 if keep is None else time.time() - keep


def _described(chosen: Filter) -> str:
    what = f"{chosen.state or 'all'} messages of {chosen.queue or 'every queue'}"
    what += f", actor {chosen.actor}" if chosen.actor else ""
    what += f", error with {chosen.error!r}" if chosen.error else ""
    return what + (f", sent before {_moment(chosen.before)}" if chosen.before else "")


def _running() -> Filter:
    return Filter(state="running")


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"


def _text(value: Any) -> str:
    return "-" if value is None or value == "" else str(value)


def _moment(seconds: float) -> str | None:
    """Return a moment as people read it; one that no calendar has as it is."""
    if not seconds:
        return None
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return repr(seconds)


def _ago(moment: float, now: float) -> str:
    return f"{max(0.0, now - moment):.0f} s ago"


def _queue(info: QueueInfo) -> dict[str, Any]:
    return {
        "queue": info.name,
        "ready": info.ready,
        "running": info.running,
        "delayed": info.delayed,
        "dead": info.dead,
        "oldest": None if info.oldest is None else f"{info.oldest:.1f} s",
    }


def _message(info: MessageInfo) -> dict[str, Any]:
    return {
        "id": info.message_id,
        "actor": info.actor_name,
        "queue": info.queue_name,
        "state": info.state,
        "attempts": info.attempts,
        "sent": _moment(info.sent_at),
        "due": _moment(info.due),
        "error": info.error,
    }


def _worker(info: WorkerInfo, now: float) -> dict[str, Any]:
    return {
        "pid": info.pid,
        "host": info.host.partition("/")[0],
        "queues": "all" if info.queues is None else " ".join(info.queues),
        "started": _moment(info.started_at),
        "seen": _ago(info.seen_at, now),
        "settled": _ago(info.settled_at, now),
    }


def _calls_of(total: CallCount, counts: list[CallCount]) -> dict[str, Any]:
    since = time.time() - 3600
    recent = [count for count in counts if count[1:3] == total[1:3] and count.minute > since]
    return {
        "actor": total.actor_name,
        "outcome": total.outcome,
        "calls": total.calls,
        "last_hour": sum(count.calls for count in recent),
        "mean": f"{total.seconds / max(1, total.calls):.3f} s",
    }
