"""``tasks``: look at the queues, and retry, cancel or purge messages."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openviper.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from openviper.tasks.brokers.base import Broker, MessageInfo, QueueInfo

STATES = ("ready", "running", "delayed", "dead")
WATCH_SECONDS = 1.0


class Command(BaseCommand):
    """Show how the queues stand, or change what is in them."""

    help = "Look at background tasks; retry, cancel or purge them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions and what they apply to."""
        parser.add_argument(
            "action",
            nargs="?",
            default="show",
            choices=("show", "list", "schedule", "workers", "retry", "cancel", "purge"),
            help="what to do (default: %(default)s the queues)",
        )
        parser.add_argument("ids", nargs="*", metavar="ID", help="messages to retry or cancel")
        parser.add_argument("--queue", metavar="NAME", help="one queue only")
        parser.add_argument("--state", choices=STATES, help="messages in this state only")
        parser.add_argument(
            "--limit", type=int, default=100, help="most messages to list (default: %(default)s)"
        )
        parser.add_argument("--all", action="store_true", help="retry every dead message")
        parser.add_argument("--yes", action="store_true", help="purge without asking")
        parser.add_argument("--json", action="store_true", help="write JSON")
        parser.add_argument(
            "--watch", action="store_true", help="show the queues again every second"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Open the broker and do it."""
        from openviper.tasks.broker import get_broker
        from openviper.tasks.exceptions import OpenViperTasksError

        try:
            broker = get_broker()
            getattr(self, f"_{options['action']}")(broker, options)
        except OpenViperTasksError as error:
            raise CommandError(str(error)) from error

    def _write(
        self, rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...], empty: str
    ) -> None:
        if as_json:
            self.stdout(json.dumps(rows, indent=2))
        elif rows:
            self.stdout("\n".join(table_lines(rows, columns)))
        else:
            self.stdout(empty)

    def _show(self, broker: Broker, options: dict[str, Any]) -> None:
        while True:
            chosen = [queue for queue in broker.queues() if options["queue"] in (None, queue.name)]
            rows = [_queue(queue) for queue in chosen]
            self._write(rows, options["json"], ("queue", *STATES, "oldest"), "No tasks.")
            if not options["watch"]:
                return
            time.sleep(WATCH_SECONDS)
            self.stdout("")

    def _list(self, broker: Broker, options: dict[str, Any]) -> None:
        messages = broker.messages(options["state"], options["queue"], options["limit"])
        rows = [_message(message) for message in messages]
        columns = ("id", "actor", "queue", "state", "attempts", "sent", "due", "error")
        self._write(rows, options["json"], columns, "No tasks.")

    def _workers(self, broker: Broker, options: dict[str, Any]) -> None:
        now = time.time()
        rows = [
            {
                "pid": worker.pid,
                "host": worker.host.partition("/")[0],
                "started": _moment(worker.started_at),
                "seen": f"{max(0.0, now - worker.seen_at):.0f} s ago",
            }
            for worker in broker.workers()
        ]
        self._write(rows, options["json"], ("pid", "host", "started", "seen"), "No workers.")

    def _schedule(self, broker: Broker, options: dict[str, Any]) -> None:
        from openviper.tasks.actor_modules import discover_tasks
        from openviper.tasks.actors import Registry

        discover_tasks()
        rows = []
        for entry in Registry.schedule():
            slot = broker.last_slot(entry["name"])
            unit = entry["every"] or 60
            rows.append(
                {
                    "name": entry["name"],
                    "schedule": entry["cron"] or f"every {entry['every']} s",
                    "last": None if slot is None else _moment(slot * unit),
                }
            )
        self._write(rows, options["json"], ("name", "schedule", "last"), "No periodic jobs.")

    def _retry(self, broker: Broker, options: dict[str, Any]) -> None:
        if bool(options["ids"]) == options["all"]:
            raise CommandError("retry takes the ids of messages, or --all for every dead one")
        self._report(
            broker.retry(None if options["all"] else options["ids"]),
            "will run again",
            options["ids"],
        )

    def _cancel(self, broker: Broker, options: dict[str, Any]) -> None:
        if not options["ids"]:
            raise CommandError("cancel takes the ids of messages; 'tasks list' shows them")
        self._report(broker.cancel(options["ids"]), "cancelled", options["ids"])

    def _purge(self, broker: Broker, options: dict[str, Any]) -> None:
        what = f"{options['state'] or 'all'} messages of {options['queue'] or 'every queue'}"
        if not options["yes"]:
            if not self.terminal.is_interactive:
                raise CommandError(f"purge removes {what}; add --yes to do so without a terminal")
            if not self.terminal.confirm(f"Remove {what} that no worker has?"):
                raise CommandError("nothing was removed")
        self._report(broker.purge(options["queue"], options["state"]), "removed", [])

    def _report(self, count: int, what: str, ids: list[str]) -> None:
        self.stdout(f"{count} message{'' if count == 1 else 's'} {what}")
        if ids and count < len(ids):
            raise CommandError(
                f"{len(ids) - count} of {len(ids)} messages were not found, or a worker has them"
            )


def table_lines(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """Return a heading and a line for each row, the columns under each other."""
    cells = [list(columns), *([_text(row[name]) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = ([*map(str.ljust, line, widths)] for line in cells)
    return ["  ".join(line).rstrip() for line in padded]


def _text(value: Any) -> str:
    return "-" if value is None or value == "" else str(value)


def _moment(seconds: float) -> str | None:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else None


def _queue(queue: QueueInfo) -> dict[str, Any]:
    return {
        "queue": queue.name,
        "ready": queue.ready,
        "running": queue.running,
        "delayed": queue.delayed,
        "dead": queue.dead,
        "oldest": None if queue.oldest is None else f"{queue.oldest:.1f} s",
    }


def _message(message: MessageInfo) -> dict[str, Any]:
    return {
        "id": message.message_id,
        "actor": message.actor_name,
        "queue": message.queue_name,
        "state": message.state,
        "attempts": message.attempts,
        "sent": _moment(message.sent_at),
        "due": _moment(message.due),
        "error": message.error,
    }
