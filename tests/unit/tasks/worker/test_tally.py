"""What a worker process tells of its calls, and when it reaches the store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from openviper.tasks import hooks
from openviper.tasks.brokers.base import CallCount, Progress
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import CANCELLED_ERROR, Finished, Message, Outcome
from openviper.tasks.worker.tally import Tally, status_of


class Store:
    """The part of a consumer that takes reports; it may be away."""

    def __init__(self, *errors: BrokerError | None) -> None:
        self.errors = list(errors)
        self.reports: list[tuple[list[Progress], list[CallCount]]] = []

    def report(self, progress: list[Progress], counts: list[CallCount]) -> None:
        """Keep a report, or raise the next error."""
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.reports.append((list(progress), list(counts)))

    @property
    def calls(self) -> dict[tuple[str, str], tuple[int, float]]:
        """Calls and seconds by actor and outcome, over all reports."""
        total: dict[tuple[str, str], tuple[int, float]] = {}
        for _, counts in self.reports:
            for each in counts:
                calls, seconds = total.get((each.actor_name, each.outcome), (0, 0.0))
                total[each.actor_name, each.outcome] = (calls + each.calls, seconds + each.seconds)
        return total


def finished(outcome: Outcome = Outcome.DONE, actor: str = "work", error: str = "") -> Finished:
    return Finished(Message(actor, "q", "{}"), outcome, error=error)


def send(tally: Tally, store: Any, at_once: bool = True) -> None:
    tally.report(store, at_once=at_once)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.DONE, "success"),
        (Outcome.RETRY, "failure"),
        (Outcome.DEAD, "dead"),
        (Outcome.RELEASED, None),
    ],
)
def test_each_end_has_its_name_and_what_was_given_back_is_none(
    outcome: Outcome, status: str | None
) -> None:
    assert status_of(finished(outcome)) == status


def test_a_call_that_was_cancelled_is_no_success() -> None:
    assert status_of(finished(error=CANCELLED_ERROR)) == "cancelled"
    # A result that cannot be kept is none the less.
    assert status_of(finished(error="TypeError: the result cannot be written as JSON")) == "success"


def test_calls_are_added_up_by_actor_and_outcome() -> None:
    tally, store = Tally(), Store()
    for end, seconds in (
        (finished(), 1.0),
        (finished(), 0.5),
        (finished(Outcome.RETRY), 2.0),
        (finished(Outcome.DEAD, "other"), 4.0),
        (finished(Outcome.RELEASED), 8.0),
    ):
        tally.ended(end, seconds, None)
    tally.ended(finished(), 16.0, "skipped")
    send(tally, store)
    assert store.calls == {
        ("work", "success"): (2, 1.5),
        ("work", "failure"): (1, 2.0),
        ("other", "dead"): (1, 4.0),
        ("work", "skipped"): (1, 16.0),
    }
    (counts,) = [counts for _, counts in store.reports]
    assert all(count.minute % 60 == 0 and count.minute > 0 for count in counts)


def test_what_was_reported_is_not_reported_again() -> None:
    tally, store = Tally(), Store()
    tally.ended(finished(), 1.0, None)
    send(tally, store)
    send(tally, store)
    assert len(store.reports) == 1
    tally.ended(finished(), 1.0, None)
    send(tally, store)
    assert store.calls == {("work", "success"): (2, 2.0)}


def test_a_report_waits_for_its_time_unless_it_is_wanted_at_once() -> None:
    tally, store = Tally(), Store()
    tally.ended(finished(), 1.0, None)
    tally.progressed(finished().message, 0.5, "")
    send(tally, store, at_once=False)
    assert store.reports == []
    assert tally.has_progress
    send(tally, store)
    assert len(store.reports) == 1 and not tally.has_progress


def test_only_the_latest_progress_of_a_message_is_told() -> None:
    tally, store = Tally(), Store()
    one, other = finished().message, finished().message
    for share in (0.1, 0.2, 0.3):
        tally.progressed(one, share, f"at {share}")
    tally.progressed(other, 0.9, "")
    send(tally, store)
    ((progress, counts),) = store.reports
    assert {(each.message_id, each.share, each.note) for each in progress} == {
        (one.message_id, 0.3, "at 0.3"), (other.message_id, 0.9, ""),
    }  # fmt: skip
    assert counts == []


def test_nothing_is_lost_while_the_store_is_away() -> None:
    tally, store = Tally(), Store(BrokerError("away"), BrokerError("away"))
    tally.ended(finished(), 1.0, None)
    message = finished().message
    tally.progressed(message, 0.1, "")
    for _ in range(2):
        with pytest.raises(BrokerError, match="away"):
            send(tally, store)
        tally.ended(finished(), 2.0, None)
    tally.progressed(message, 0.7, "")
    send(tally, store)
    assert store.calls == {("work", "success"): (3, 5.0)}
    ((progress, _),) = store.reports
    assert [each.share for each in progress] == [0.7]


def test_progress_that_was_put_back_does_not_hide_a_later_one_of_the_meantime() -> None:
    tally = Tally()
    message = finished().message

    class Meanwhile(Store):
        def report(self, progress: list[Progress], counts: list[CallCount]) -> None:
            if not self.reports:
                tally.progressed(message, 0.9, "later")
            super().report(progress, counts)

    store = Meanwhile(BrokerError("away"))
    tally.progressed(message, 0.1, "earlier")
    with pytest.raises(BrokerError):
        send(tally, store)
    send(tally, store)
    assert [each.note for each in store.reports[0][0]] == ["later"]


def test_what_the_store_refuses_is_dropped_so_that_the_next_report_goes_through(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tally, store = Tally(), Store(BrokerError("too long", refused=True))
    tally.progressed(finished().message, 0.5, "x" * 10**6)
    with caplog.at_level("WARNING"):
        send(tally, store)
    assert "does not take how far tasks are: too long" in caplog.text
    tally.progressed(finished().message, 0.6, "y")
    send(tally, store)
    assert [each.note for each in store.reports[0][0]] == ["y"]


def test_ends_that_many_threads_tell_are_all_counted() -> None:
    tally, store = Tally(), Store()

    def work() -> None:
        for _ in range(200):
            tally.ended(finished(), 0.0, None)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        send(tally, store)
        thread.join()
    send(tally, store)
    assert store.calls == {("work", "success"): (800, 0.0)}


# Who is told


@pytest.fixture
def told() -> Iterator[list[tuple[str, ...]]]:
    """What the hooks of a project were told: event, and the error where there is one."""
    calls: list[tuple[str, ...]] = []
    made = []
    for event in ("before", "after", "failed", "dead"):

        def hook(message: Message, *error: str, event: str = event) -> None:
            calls.append((event, *error))

        made.append(hooks.on(event)(hook))
    yield calls
    for hook in made:
        hooks.remove(hook)


def test_hooks_are_told_of_beginnings_and_ends_that_have_an_event(
    told: list[tuple[str, ...]],
) -> None:
    tally = Tally()
    tally.began(Message("work", "q", "{}"))
    tally.ended(finished(), 0.0, None)
    tally.ended(finished(Outcome.RETRY, error="E: x"), 0.0, None)
    tally.ended(finished(Outcome.DEAD, error="E: y"), 0.0, None)
    tally.ended(finished(Outcome.RELEASED), 0.0, None)
    tally.ended(finished(), 0.0, "skipped")
    assert told == [("before",), ("after",), ("failed", "E: x"), ("dead", "E: y")]


def test_an_observer_is_told_of_each_transition_and_may_fail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[tuple[str, float]] = []

    def observe(message: Message, status: str, end: Finished | None, seconds: float) -> None:
        seen.append((status, seconds))
        raise RuntimeError("no record")

    tally, store = Tally(observe), Store()
    with caplog.at_level("ERROR"):
        tally.began(Message("work", "q", "{}"))
        tally.ended(finished(), 1.5, None)
        tally.ended(finished(Outcome.RELEASED), 1.0, None)
    assert seen == [("running", 0.0), ("success", 1.5)]
    assert caplog.text.count("could not be made") == 2
    send(tally, store)
    assert store.calls == {("work", "success"): (1, 1.5)}
