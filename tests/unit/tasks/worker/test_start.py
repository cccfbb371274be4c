"""What a worker says before it works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openviper.tasks import actor
from openviper.tasks.actors import Registry
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


def test_queues_of_actors_jobs_and_messages_are_taken_without_a_word() -> None:
    assert list(_about_unknown(["mail", "periodic", "urgent"], ["urgent"])) == []
    assert list(_about_unknown([], [])) == []


def test_a_queue_that_nothing_is_sent_to_is_named_with_the_one_that_was_meant() -> None:
    assert list(_about_unknown(["mial", "zzz"], [])) == [
        "Warning: no actor, periodic job or message has the queue 'mial'; did you mean 'mail'?",
        "Warning: no actor, periodic job or message has the queue 'zzz'",
    ]
