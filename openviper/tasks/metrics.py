"""Numbers for Prometheus, in its text format (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import Broker, live_workers
from openviper.utils.printable import printable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


def render_metrics(broker: Broker | None = None) -> str:
    """Return the numbers of queues, calls and workers.

    Counters are of all workers together, from the first call on; they are up to 5 s old.

    Args:
        broker: Where the messages are; the process's own when not given.

    Raises:
        BrokerError: If the store does not answer.
    """
    store = broker or get_broker()
    return "".join(
        line
        for lines in (_queue_metrics(store), _call_metrics(store), _worker_metrics(store))
        for line in lines
    )


def _queue_metrics(broker: Broker) -> Iterator[str]:
    queues = broker.queues()
    yield from _metric(
        "openviper_tasks_messages",
        "gauge",
        "Messages in the store.",
        (
            ({"queue": queue.name, "state": state}, getattr(queue, state))
            for queue in queues
            for state in ("ready", "running", "delayed", "dead")
        ),
    )
    yield from _metric(
        "openviper_tasks_oldest_ready_seconds",
        "gauge",
        "How long the oldest message that is ready has waited.",
        (({"queue": queue.name}, queue.oldest or 0.0) for queue in queues),
    )


def _call_metrics(broker: Broker) -> Iterator[str]:
    totals = [count for count in broker.counts() if count.minute == 0]
    labels = [{"actor": count.actor_name, "outcome": count.outcome} for count in totals]
    yield from _metric(
        "openviper_tasks_calls_total",
        "counter",
        "Attempts that have ended.",
        zip(labels, (count.calls for count in totals), strict=True),
    )
    yield from _metric(
        "openviper_tasks_call_seconds_total",
        "counter",
        "How long they took together.",
        zip(labels, (count.seconds for count in totals), strict=True),
    )


def _worker_metrics(broker: Broker) -> Iterator[str]:
    workers = live_workers(broker, tasks_config().lease)
    now = time.time()
    yield from _metric(
        "openviper_tasks_workers", "gauge", "Worker processes that live.", [({}, len(workers))]
    )
    yield from _metric(
        "openviper_tasks_worker_settled_seconds",
        "gauge",
        "How long ago a worker process has last settled or claimed something.",
        (
            (
                {"host": worker.host.partition("/")[0], "pid": str(worker.pid)},
                max(0.0, now - worker.settled_at),
            )
            for worker in workers
        ),
    )


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        pairs = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        yield f"{name}{{{pairs}}} {value!r}\n" if pairs else f"{name} {value!r}\n"


def _escaped(label: str) -> str:
    # People see it in a terminal too.
    lines = [
        printable(line).replace("\\", "\\\\").replace('"', '\\"') for line in label.split("\n")
    ]
    return "\\n".join(lines)
