"""Whether the work gets done: not only whether workers live, but whether what is due is settled."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from openviper.tasks.brokers.base import Broker, QueueInfo, WorkerInfo, live_workers

STALLED_SECONDS = 60.0
"""Seconds after which a message that is ready should have been taken."""


class Health(NamedTuple):
    """How the workers are.

    Attributes:
        workers: Those that live.
        problems: One sentence each; none when all is well.
    """

    workers: list[WorkerInfo]
    problems: list[str]


def look(
    broker: Broker,
    lease: float,
    *,
    stalled: float = STALLED_SECONDS,
    queues: Sequence[QueueInfo] | None = None,
) -> Health:
    """Look at the workers and at what waits for them.

    Args:
        broker: Where the messages are.
        lease: Seconds after which a worker that gives no sign of life is lost.
        stalled: Seconds that a message may be ready before somebody has to have settled something.
        queues: How the queues stand, where that is known already.

    Raises:
        BrokerError: If the store does not answer.
    """
    workers = live_workers(broker, lease)
    if not workers:
        return Health([], ["no worker is alive"])
    now = time.time()
    problems = [
        problem
        for queue in (broker.queues() if queues is None else queues)
        if (problem := _problem(queue, workers, now, stalled)) is not None
    ]
    return Health(workers, problems)


def _problem(
    queue: QueueInfo, workers: Sequence[WorkerInfo], now: float, stalled: float
) -> str | None:
    if queue.oldest is None or queue.oldest <= stalled:
        return None
    takers = [worker for worker in workers if worker.takes(queue.name)]
    if not takers:
        return f"no worker takes from queue {queue.name!r}, where {queue.ready} messages are ready"
    return None if _gets_on(takers, now - stalled) else _stall(queue, takers, now)


def _gets_on(workers: Sequence[WorkerInfo], since: float) -> bool:
    """Return whether at least one worker has settled something since a moment, or is busy."""
    return any(worker.is_busy or worker.settled_at >= since for worker in workers)


def _stall(queue: QueueInfo, workers: Sequence[WorkerInfo], now: float) -> str:
    last = now - max(worker.settled_at for worker in workers)
    return (
        f"nothing of queue {queue.name!r} has been settled for {last:.0f} s, "
        f"and {queue.ready} messages are ready"
    )
