"""``tasks``: look at the queues, and retry, cancel or purge messages."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
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
            return
        if not rows:
            self.stdout(empty)
            return
        table = [columns, *(tuple(_text(row[name]) for name in columns) for row in rows)]
        widths = [max(len(line[place]) for line in table) for place in range(len(columns))]
        for line in table:
            self.stdout(
                "  ".join(
                    text.ljust(width) for text, width in zip(line, widths, strict=True)
                ).rstrip()
            )

    def _show(self, broker: Broker, options: dict[str, Any]) -> None:
        while True:
            chosen = [one for one in broker.queues() if options["queue"] in (None, one.name)]
            rows = [_queue(one) for one in chosen]
            self._write(rows, options["json"], ("queue", *STATES, "oldest"), "No tasks.")
            if not options["watch"]:
                return
            time.sleep(WATCH_SECONDS)
            self.stdout("")

    def _list(self, broker: Broker, options: dict[str, Any]) -> None:
        found = broker.messages(options["state"], options["queue"], options["limit"])
        rows = [_message(one) for one in found]
        columns = ("id", "actor", "queue", "state", "attempts", "sent", "due", "error")
        self._write(rows, options["json"], columns, "No tasks.")

    def _workers(self, broker: Broker, options: dict[str, Any]) -> None:
        now = time.time()
        rows = [
            {
                "pid": one.pid,
                "host": one.host.partition("/")[0],
                "started": _moment(one.started_at),
                "seen": f"{max(0.0, now - one.seen_at):.0f} s ago",
            }
            for one in broker.workers()
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


def _text(value: Any) -> str:
    return "-" if value is None or value == "" else str(value)


def _moment(seconds: float) -> str | None:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else None


def _queue(one: QueueInfo) -> dict[str, Any]:
    return {
        "queue": one.name,
        "ready": one.ready,
        "running": one.running,
        "delayed": one.delayed,
        "dead": one.dead,
        "oldest": None if one.oldest is None else f"{one.oldest:.1f} s",
    }


def _message(one: MessageInfo) -> dict[str, Any]:
    return {
        "id": one.message_id,
        "actor": one.actor_name,
        "queue": one.queue_name,
        "state": one.state,
        "attempts": one.attempts,
        "sent": _moment(one.sent_at),
        "due": _moment(one.due),
        "error": one.error,
    }
