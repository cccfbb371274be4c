"""Somebody looks for what no store can hold: every broker gives the same answer, and touches nothing else."""

from __future__ import annotations

import pytest

from openviper.tasks.brokers.base import Broker, Filter, WorkerStatus
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome, clean_text

ERROR = "ValueError: a\0b\ud800c"


@pytest.fixture
def dead(broker: Broker) -> list[str]:
    """Return the ids of two dead messages, of which one has the error."""
    messages = [Message("work", "default", "{}") for _ in range(2)]
    broker.enqueue(messages)
    consumer = broker.consumer(new_worker_id(), None)
    consumer.heartbeat(WorkerStatus(0.0, False))
    ends = zip(consumer.exchange([], 2), (ERROR, "KeyError: x"), strict=True)
    consumer.exchange(
        [Finished(one, Outcome.DEAD, error=clean_text(error)) for one, error in ends], 0
    )
    consumer.close()
    return [message.message_id for message in messages]


def test_a_name_that_no_store_holds_is_not_found_and_an_error_as_it_was_stored(
    broker: Broker, dead: list[str]
) -> None:
    for name in ("\0", "\ud800", f"{dead[0]}\0", "x" * 10_000, ""):
        found = (broker.result(name), broker.progress(name), broker.group(name))
        assert found == (None, None, None)
        assert (broker.cancel([name]), broker.retry([name])) == (0, 0)
        for chosen in (Filter(actor=name), Filter(queue=name)):
            assert (broker.messages(chosen), broker.retry(chosen)) == ([], 0)
            assert broker.purge(chosen) == 0
    for error in ("\0", "A\0B", "\ud800C"):
        (found_one,) = broker.messages(Filter(error=error))
        assert found_one.error == "ValueError: a\\0b\\ud800c"
    assert broker.purge(Filter(error="\0\0")) == 0
    assert broker.purge(Filter(error="\0")) == 1
    assert len(broker.messages()) == 1


def test_errors_are_found_in_whatever_case_alike_everywhere(broker: Broker) -> None:
    stored = ("Über Straße", "ΟΔΟΣ zu", "İzmir", "100% a_b", "back\\slash", "😀 שלום")
    broker.enqueue([Message("work", "default", "{}") for _ in stored])
    consumer = broker.consumer(new_worker_id(), None)
    consumer.heartbeat(WorkerStatus(0.0, False))
    ends = zip(consumer.exchange([], len(stored)), stored, strict=True)
    consumer.exchange([Finished(one, Outcome.DEAD, error=f"E: {text}") for one, text in ends], 0)
    asked = ("über", "STRASSE", "οδοσ", "izmir", "İZMIR", "A_B", "a%b", "\\SLASH", "שלום", "e: ")
    found = [len(broker.messages(Filter(error=text))) for text in asked]
    assert found == [1, 0, 1, 0, 1, 1, 0, 1, 1, 6]
    assert len(broker.messages(Filter(error="e: "), limit=2)) == 2
    assert broker.retry(Filter(error="ÜBER")) == 1
    assert broker.purge(Filter(error="οδοΣ", state="dead")) == 1
    assert len(broker.messages(Filter(state="dead"))) == 4
    consumer.close()
