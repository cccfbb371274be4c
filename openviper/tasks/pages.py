"""A page that shows the background tasks, and their numbers for Prometheus: a router to mount behind a permission.

This module is a room of the web floor: nothing of `openviper.tasks` imports it, and a worker runs without the web part.
Everything is drawn on the server, works without JavaScript, and only looks: repairs are the business of the command ``tasks``.

::

    guarded = Router(middlewares=[staff_only])
    guarded.include_router(openviper.tasks.pages.router, prefix="/tasks")
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

from openviper.http.request import Request
from openviper.http.responses import HTMLResponse, PlainTextResponse, Response
from openviper.routing.operations import operation
from openviper.routing.router import Router
from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import Broker, CallCount, Filter, QueueInfo
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.health import look
from openviper.tasks.metrics import CONTENT_TYPE, render_metrics
from openviper.tasks.schedule.catalog import list_schedules
from openviper.utils.printable import printable

SHOWN_ROWS = 500
"""Rows of each table."""
SHOWN_DEAD = 50
"""Dead messages that the page lists."""
MAX_TEXT = 200
"""Characters of an error that the page shows."""
HOUR = 3600
PRIVATE = {"Cache-Control": "no-store"}
STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
table { border-collapse: collapse; margin: 0 0 2rem }
th, td { text-align: left; padding: .25rem .75rem; border-bottom: 1px solid #ddd }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.problem { color: #a00; font-weight: 600 }
.well { color: #070 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } th, td { border-color: #444 } }
"""

router = Router(namespace="tasks")


class Table(NamedTuple):
    """A table of the page; a cell that is a number stands on the right, and `more` are left out."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    more: int = 0


@router.get("/", name="overview")
@operation(hidden=True)
async def overview(request: Request) -> Response:
    """Show queues, rates, failures, schedules and workers; ``?refresh=5`` loads the page again every five seconds."""
    try:
        body = await asyncio.to_thread(_body)
        status = 200
    except BrokerError as error:
        body, status = f'<p class="problem">{escape(str(error))}</p>', 503
    base = escape(request.path.rstrip("/"), quote=True)
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Background tasks</title>'
        f'<meta name="viewport" content="width=device-width">{_refresh(request)}'
        f'<link rel="stylesheet" href="{base}/style.css"></head><body><h1>Background tasks</h1>'
        f"{body}</body></html>"
    )
    return HTMLResponse(text, status, PRIVATE)


@router.get("/style.css", name="style")
@operation(hidden=True)
async def style(_request: Request) -> Response:
    """Send the style of the page, which a content security policy of one's own site lets pass."""
    return Response(STYLE, media_type="text/css")


@router.get("/metrics", name="metrics")
@operation(hidden=True)
async def metrics(_request: Request) -> Response:
    """Send the numbers in the text format of Prometheus."""
    try:
        text = await asyncio.to_thread(render_metrics)
    except BrokerError as error:
        return PlainTextResponse(f"{error}\n", 503, PRIVATE)
    return Response(text, headers={**PRIVATE, "Content-Type": CONTENT_TYPE})


def _refresh(request: Request) -> str:
    seconds = str(request.query_params.get("refresh", ""))
    if not seconds.isascii() or not seconds.isdigit() or len(seconds) > 4:
        return ""
    return f'<meta http-equiv="refresh" content="{max(1, int(seconds))}">'


def _body() -> str:
    broker = get_broker()
    queues = broker.queues()
    health = look(broker, tasks_config().lease, queues=queues)
    problems = "".join(f'<p class="problem">{escape(text)}</p>' for text in health.problems)
    tables = (
        _queues(queues),
        _calls(broker.counts()),
        _dead(broker),
        _schedules(broker),
        _workers(broker),
    )
    return (problems or '<p class="well">All is well.</p>') + "".join(map(_drawn, tables))


def _queues(queues: Sequence[QueueInfo]) -> Table:
    rows = [
        (
            queue.name,
            queue.ready,
            queue.running,
            queue.delayed,
            queue.dead,
            "" if queue.oldest is None else f"{queue.oldest:.1f} s",
        )
        for queue in queues
    ]
    columns = ("Queue", "Ready", "Running", "Delayed", "Dead", "Oldest ready")
    return Table("Queues", columns, rows)


def _calls(counts: Iterable[CallCount]) -> Table:
    """Draw how many calls there were in the last hour, by actor, and how many of them failed."""
    since = time.time() - HOUR
    calls: dict[str, dict[str, int]] = {}
    seconds: dict[str, float] = {}
    for count in counts:
        if count.minute > since:
            of_actor = calls.setdefault(count.actor_name, {})
            of_actor[count.outcome] = of_actor.get(count.outcome, 0) + count.calls
            seconds[count.actor_name] = seconds.get(count.actor_name, 0.0) + count.seconds
    rows = [
        (
            actor,
            f"{sum(outcomes.values()) / 60:.1f}",
            outcomes.get("success", 0),
            outcomes.get("failure", 0),
            outcomes.get("dead", 0),
            f"{seconds[actor] / sum(outcomes.values()):.3f} s",
        )
        for actor, outcomes in sorted(calls.items())
    ]
    columns = ("Actor", "Per minute", "Succeeded", "Failed", "Dead", "Mean time")
    return Table("The last hour", columns, rows)


def _dead(broker: Broker) -> Table:
    rows = [
        (info.message_id, info.actor_name, info.queue_name, info.attempts, info.error[:MAX_TEXT])
        for info in broker.messages(Filter(state="dead"), SHOWN_DEAD)
    ]
    return Table("Dead messages", ("Id", "Actor", "Queue", "Attempts", "Error"), rows)


def _schedules(broker: Broker) -> Table:
    rows = []
    jobs = list_schedules()
    for entry, is_paused in jobs[:SHOWN_ROWS]:
        slot = broker.slot(entry.name)
        last = "" if slot is None else _moment(slot.moment / 1000)
        rows.append((entry.name, entry.text, "paused" if is_paused else "active", last))
    columns = ("Job", "Schedule", "State", "Last firing")
    return Table("Periodic jobs", columns, rows, len(jobs) - len(rows))


def _workers(broker: Broker) -> Table:
    now = time.time()
    rows = [
        (
            worker.pid,
            worker.host.partition("/")[0],
            "all" if worker.queues is None else ", ".join(worker.queues),
            _moment(worker.started_at),
            f"{max(0.0, now - worker.seen_at):.0f} s ago",
            f"{max(0.0, now - worker.settled_at):.0f} s ago",
        )
        for worker in broker.workers()
    ]
    columns = ("Process", "Host", "Queues", "Started", "Seen", "Settled")
    return Table("Workers", columns, rows)


def _moment(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return repr(seconds)


def _drawn(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    shown = table.rows[:SHOWN_ROWS]
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in shown)
    more = table.more + len(table.rows) - len(shown)
    if more:
        rows += f'<tr><td colspan="{len(table.columns)}">And {more} more.</td></tr>'
    if not rows:
        rows = f'<tr><td colspan="{len(table.columns)}">None.</td></tr>'
    return f"<h2>{escape(table.title)}</h2><table><tr>{head}</tr>{rows}</table>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f'<td class="number">{value}</td>'
    # As in a terminal: nothing that turns the direction of writing, and no half surrogate.
    return f"<td>{escape(printable(str(value)))}</td>"
