"""What tasks returned."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import StoredResult, split_error
from openviper.tasks.exceptions import (
    ResultFailure,
    ResultMissing,
    ResultsBackendDisabledError,
    ResultTimeout,
)
from openviper.tasks.units import Duration, to_ms

DEFAULT_TIMEOUT_MS = 10_000.0
"""How long to wait when the caller does not say."""
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.1
"""Seconds between two looks: each pause is half as long again as the one before."""


def _timeout_ms(timeout: Duration | None) -> float:
    if not tasks_config().backend_url:
        raise ResultsBackendDisabledError
    return DEFAULT_TIMEOUT_MS if timeout is None else to_ms("timeout", timeout)


def get_result(message_id: str, *, block: bool = True, timeout: Duration | None = None) -> Any:
    """Return what a task returned.

    Args:
        message_id: The message.
        block: Wait for it.
        timeout: Longest wait, in milliseconds or as a `timedelta`.

    Raises:
        ResultsBackendDisabledError: If results are not kept.
        ResultMissing: If there is none yet and `block` is not set.
        ResultTimeout: If it does not arrive in time.
        ResultFailure: If the task failed for good.
    """
    timeout_ms = _timeout_ms(timeout)
    deadline = time.monotonic() + timeout_ms / 1000
    pause = FIRST_PAUSE
    while (stored := get_broker().result(message_id)) is None:
        if not block:
            raise ResultMissing(message_id)
        if time.monotonic() >= deadline:
            raise ResultTimeout(message_id, timeout_ms)
        time.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 1.5)
    return _value(message_id, stored)


async def wait_for_result(message_id: str, *, timeout: Duration | None = None) -> Any:
    """Return what a task returned, and let the event loop go on meanwhile.

    Args:
        message_id: The message.
        timeout: Longest wait, in milliseconds or as a `timedelta`.

    Raises:
        OpenViperTasksError: As for `get_result`.
    """
    timeout_ms = _timeout_ms(timeout)
    deadline = time.monotonic() + timeout_ms / 1000
    pause = FIRST_PAUSE
    look = get_broker().result
    while (stored := await asyncio.to_thread(look, message_id)) is None:
        if time.monotonic() >= deadline:
            raise ResultTimeout(message_id, timeout_ms)
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 1.5)
    return _value(message_id, stored)


def _value(message_id: str, stored: StoredResult) -> Any:
    if stored.error:
        raise ResultFailure(message_id, *split_error(stored.error))
    return json.loads(stored.value)
