"""How long what tasks leave behind is kept."""

from __future__ import annotations

import time

import pytest

from openviper.tasks.broker import make_broker
from openviper.tasks.brokers.base import EVERYTHING, Filter, WorkerStatus, info_row
from openviper.tasks.brokers.keeping import Keep, Ticker
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.conf import resolve_tasks_config
from openviper.tasks.message import Finished, Message, Outcome


def test_none_is_for_ever() -> None:
    assert Keep(None, 10).results_before(1000) == 0
    assert Keep(None, 10).dead_before(1000) == 990
    assert Keep().results_before(604_800) == 0


def test_it_is_time_at_once_and_then_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    ticker = Ticker(60)
    assert [ticker.is_due(), ticker.is_due()] == [True, False]
    now[0] = 159
    assert not ticker.is_due()
    now[0] = 160
    assert ticker.is_due()


def test_the_settings_reach_the_broker() -> None:
    broker = make_broker(
        resolve_tasks_config({"broker": "stub", "keep_results": 90, "keep_dead": None})
    )
    assert isinstance(broker, MemoryBroker) and broker.keep == Keep(90, None)


def test_a_worker_removes_what_is_too_old_by_itself() -> None:
    broker = MemoryBroker(Keep(results=1e-9, dead=None))
    broker.enqueue([Message("a", "q", "{}"), Message("b", "q", "{}")])
    consumer = broker.consumer("host:1:1:x", None)
    done, dead = consumer.exchange([], 2)
    ends = [Finished(done, Outcome.DONE, result="1"), Finished(dead, Outcome.DEAD, error="E: x")]
    consumer.exchange(ends, 0)
    assert broker.result(done.message_id) is not None
    consumer.heartbeat(WorkerStatus(0.0, False))
    assert broker.result(done.message_id) is None
    assert [info.state for info in broker.messages()] == ["dead"]
    consumer.close()


def test_messages_are_chosen_by_when_they_were_sent() -> None:
    info = info_row("ready", Message("a", "q", "{}", sent_at=100.0), "", "")
    assert Filter(before=100.1).matches(info) and EVERYTHING.matches(info)
    assert not Filter(before=100.0).matches(info)
