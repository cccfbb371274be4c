"""What Redis keeps of messages: why one is tried again, and nothing without end."""

from __future__ import annotations

import json
import time

import pytest

from openviper.tasks.brokers.base import Broker
from openviper.tasks.brokers.redis import RedisBroker
from openviper.tasks.brokers.redis_messages import NOTED_ERROR, noted_error
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome
from tests.integration.tasks.test_broker_contract import claim
from tests.servers import REDIS, redis_prefix


def test_a_wish_to_cancel_does_not_outlive_what_has_ended_meanwhile() -> None:
    with redis_prefix() as prefix:
        broker = RedisBroker(REDIS, prefix=prefix)
        broker.enqueue([Message("actor", "default", "{}")])
        consumer = broker.consumer(new_worker_id(), None)
        (claimed,) = claim(consumer)
        assert broker.cancel([claimed.message_id]) == 0
        assert consumer.cancelled() == {claimed.message_id}
        # What ends meanwhile does not take it away. -1 would be for ever.
        assert broker.client.ttl(f"{prefix}cancel") > 24 * 3600
        consumer.close()
        broker.close()


def test_why_a_message_is_tried_again_is_shown_until_it_is_settled_otherwise() -> None:
    with redis_prefix() as prefix:
        broker = RedisBroker(REDIS, prefix=prefix)
        broker.enqueue([Message("actor", "default", "{}")])
        consumer = broker.consumer(new_worker_id(), None)
        (claimed,) = claim(consumer)
        error = "ValueError: 'é' \U0001f40d"
        soon = time.time() - 1
        consumer.exchange([Finished(claimed, Outcome.RETRY, due=soon, error=error)], 0)
        assert shown(broker) == [("delayed", error)]
        (again,) = claim(consumer)
        assert shown(broker) == [("running", error)]
        consumer.exchange([Finished(again, Outcome.RETRY, due=soon + 3600, error="")], 0)
        assert shown(broker) == [("delayed", "")]
        consumer.close()
        broker.close()


def shown(broker: Broker) -> list[tuple[str, str]]:
    """Return state and error of each message."""
    return [(one.state, one.error) for one in broker.messages()]


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100_000, json.dumps({NOTED_ERROR: 5}), "{}"]
)
def test_what_is_no_message_has_no_error(text: str) -> None:
    assert noted_error(text) == ""


def test_a_dead_message_takes_the_room_of_its_text_and_many_are_not_read_at_once() -> None:
    with redis_prefix() as prefix:
        broker = RedisBroker(REDIS, prefix=prefix)
        broker.enqueue([Message("actor", "default", "{}") for _ in range(3)])
        consumer = broker.consumer(new_worker_id(), None)
        error = "E: " + "\U0001f40d" * 1000
        ends = [Finished(each, Outcome.DEAD, error=error) for each in claim(consumer)]
        consumer.exchange(ends, 0)
        (first, *_) = broker.client.hgetall(f"{prefix}dead").values()
        assert len(str(first).encode()) < 4 * 1000 + 1000
        assert shown(broker) == [("dead", error)] * 3
        assert len(broker.messages(limit=2)) == 2
        broker.client.hgetall = None  # type: ignore[assignment]  # all of them at once
        assert [queue.dead for queue in broker.queues()] == [3]
        consumer.close()
        broker.close()
