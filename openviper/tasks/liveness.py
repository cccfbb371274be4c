"""Whether workers are alive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from openviper.tasks.identity import is_lost

if TYPE_CHECKING:
    from openviper.tasks.brokers.base import Broker, WorkerInfo


def live_workers(broker: Broker, lease: float) -> list[WorkerInfo]:
    """Return the workers that have given a sign of life within the lease and, on this host, still run.

    Args:
        broker: Where they are registered.
        lease: Seconds after which one is taken for lost.

    Raises:
        BrokerError: If the store does not answer.
    """
    now = time.time()
    return [one for one in broker.workers() if now - one.seen_at <= lease and not is_lost(one.worker_id)]
