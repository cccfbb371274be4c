"""The broker of this process, opened when it is first needed."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from openviper.conf import settings
from openviper.db.connection import connections
from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers.keeping import Keep
from openviper.tasks.conf import TaskSettings, resolve_tasks_config
from openviper.tasks.inline_calls import wait_for_inline

if TYPE_CHECKING:
    from openviper.tasks.brokers.base import Broker

_lock = threading.Lock()
_broker: Broker | None = None
_pinned: Broker | None = None
_config: TaskSettings | None = None


def tasks_config() -> TaskSettings:
    """Return the setting `TASKS` with its defaults, read once.

    Raises:
        OpenViperTasksConfigurationError: If a value cannot work.
    """
    global _config
    if _config is None:
        _config = resolve_tasks_config(settings.TASKS)
    return _config


def get_broker() -> Broker:
    """Return the broker that ``TASKS["broker"]`` names; the same one every time.

    Raises:
        OpenViperTasksConfigurationError: If `TASKS` has values that cannot work.
        BrokerError: If the store does not answer.
    """
    global _broker
    broker = _pinned or _broker
    if broker is None:
        with _lock:
            if _broker is None:
                _broker = make_broker(tasks_config())
            broker = _broker
    return broker


def set_broker(broker: Broker | None) -> None:
    """Use this broker from now on; for tests and for programs that make their own."""
    global _broker
    _broker = broker


@contextmanager
def pinned_broker(broker: Broker) -> Iterator[Broker]:
    """Use a broker inside a `with` statement, whatever `TASKS` says; for tests."""
    global _pinned
    before, _pinned = _pinned, broker
    try:
        yield broker
    finally:
        _pinned = before


def make_broker(config: TaskSettings) -> Broker:
    """Return a new broker for a resolved `TASKS`."""
    keep = Keep(config.keep_results, config.keep_dead)
    # Late, each of them: only one is needed, and a start of the application pays for it.
    if config.broker == "redis":
        from openviper.tasks.brokers.redis import RedisBroker

        return RedisBroker(
            config.broker_url, lease=config.lease, prefix=config.redis_prefix, keep=keep
        )
    url, alias = (None, None) if config.broker == "stub" else _database(config)
    if url is None or url.is_memory:
        # A database in memory belongs to one process, and so may its messages.
        from openviper.tasks.brokers.memory import MemoryBroker

        return MemoryBroker(keep)
    from openviper.tasks.brokers.database import DatabaseBroker

    return DatabaseBroker(url, alias=alias, lease=config.lease, keep=keep)


def _database(config: TaskSettings) -> tuple[DatabaseURL, str | None]:
    """Return the database of the messages, and its alias if it is one of the project's."""
    if config.broker_url:
        return DatabaseURL.parse(config.broker_url), None
    return connections.get().url, "default"


def reset_broker() -> None:
    """Close the broker and forget it and the configuration; the next call makes a new one."""
    global _broker, _config
    with _lock:
        broker, _broker, _config = _broker, None, None
    if broker is not None:
        broker.close()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    forget = getattr(_broker, "forget", None)
    if forget is not None:
        forget()


async def finish_sending() -> None:
    """Wait until the calls that run inline on this event loop have ended, and until what was sent is stored.

    For the end of an application: what was sent must not be lost with the process.
    """
    await wait_for_inline()
    if _broker is not None:
        await asyncio.to_thread(_broker.flush)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
