"""A registry of its own for each test, and a broker in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openviper.tasks import broker as process_broker
from openviper.tasks.actors import Registry
from openviper.tasks.broker import pinned_broker
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.conf import resolve_tasks_config

Configure = Callable[..., None]


@pytest.fixture(autouse=True)
def clean_registry() -> Iterator[None]:
    """Begin without actors, and bring back those that were there."""
    actors, schedule = dict(Registry._actors), dict(Registry._schedule)
    Registry.forget()
    yield
    Registry._actors, Registry._schedule = actors, schedule


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Return a function that takes keys of `TASKS`."""

    def work(**keys: Any) -> None:
        monkeypatch.setattr(process_broker, "_config", resolve_tasks_config(keys))

    work()
    return work


@pytest.fixture
def memory(configure: Configure) -> Iterator[MemoryBroker]:
    """Return the broker that every message goes to."""
    with pinned_broker(MemoryBroker()) as broker:
        assert isinstance(broker, MemoryBroker)
        yield broker
