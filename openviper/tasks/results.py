"""What tasks returned."""

from __future__ import annotations

import json
import time
from typing import Any

from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import split_error
from openviper.tasks.exceptions import (
    ResultFailure,
    ResultMissing,
    ResultsBackendDisabledError,
    ResultTimeout,
)

DEFAULT_TIMEOUT = 10_000.0
"""Milliseconds to wait when the caller does not say."""
_INTERVAL = 0.01


def get_result(message_id: str, *, block: bool = True, timeout: float | None = None) -> Any:
    """Return what a task returned.

    Args:
        message_id: The message.
        block: Wait for it.
        timeout: Longest wait, in milliseconds.

    Raises:
        ResultsBackendDisabledError: If results are not kept.
        ResultMissing: If there is none yet and `block` is not set.
        ResultTimeout: If it does not arrive in time.
        ResultFailure: If the task failed for good.
    """
    if not tasks_config()["backend_url"]:
        raise ResultsBackendDisabledError
    limit = DEFAULT_TIMEOUT if timeout is None else timeout
    deadline = time.monotonic() + limit / 1000
    broker = get_broker()
    while True:
        stored = broker.result(message_id)
        if stored is not None:
            if stored.error:
                raise ResultFailure(message_id, *split_error(stored.error))
            return json.loads(stored.value)
        if not block:
            raise ResultMissing(message_id)
        if time.monotonic() >= deadline:
            raise ResultTimeout(message_id, limit)
        time.sleep(_INTERVAL)
