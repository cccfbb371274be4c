"""What a worker says before it works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openviper.tasks import actor
from openviper.tasks.actors import Registry
from openviper.tasks.brokers.base import QueueInfo
from openviper.tasks.schedule.periodic import make_entry
from openviper.tasks.worker.start import _about_unknown


@pytest.fixture(autouse=True)
def actors() -> Iterator[None]:
    """Register an actor and a periodic job with queues of their own."""

    @actor(actor_name="start.mail", queue_name="mail")
    def mail() -> None: ...

    Registry.add_schedule(
        make_entry("start.nightly", "start.mail", every=60, queue_name="periodic")
    )
    yield
    Registry.forget(["start.mail", "start.nightly"])


def nothing_is_asked() -> list[QueueInfo]:
    """Stand for a store with so many messages that a look at all of them takes long."""
    raise AssertionError("the start of a worker looks at all messages")


def test_queues_of_actors_jobs_and_messages_are_taken_without_a_word() -> None:
    held = [QueueInfo("urgent", 1, 0, 0, 0, None)]
    assert list(_about_unknown(["mail", "periodic", "urgent"], lambda: held)) == []


def test_messages_are_looked_at_only_for_a_queue_that_is_not_known_otherwise() -> None:
    assert list(_about_unknown(["mail", "periodic"], nothing_is_asked)) == []
    assert list(_about_unknown([], nothing_is_asked)) == []


def test_a_queue_that_nothing_is_sent_to_is_named_with_the_one_that_was_meant() -> None:
    assert list(_about_unknown(["mial", "zzz"], list)) == [
        "Warning: no actor, periodic job or message has the queue 'mial'; did you mean 'mail'?",
        "Warning: no actor, periodic job or message has the queue 'zzz'",
    ]
