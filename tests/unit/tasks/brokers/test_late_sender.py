"""Storing what could not be stored at once: in order, again and again, and without letting one stop the others."""

from __future__ import annotations

import threading

import pytest

from openviper.tasks.brokers import late_sender
from openviper.tasks.brokers.late_sender import LateSender
from openviper.tasks.brokers.storing import Parcel
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import Message


def parcel(name: str) -> Parcel:
    """Return something to send."""
    return Parcel([Message(name, "default", "{}")])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(late_sender, "PAUSE", 0.001)


def test_parcels_are_stored_in_order_once_the_store_takes_them() -> None:
    stored: list[str] = []
    failures = iter([BrokerError("busy", busy=True), BrokerError("away")])

    def store(item: Parcel) -> None:
        error = next(failures, None)
        if error is not None:
            raise error
        stored.append(item.messages[0].actor_name)

    sender = LateSender(store)
    for name in "abc":
        sender.add(parcel(name))
    sender.flush()
    assert stored == ["a", "b", "c"] and not sender.is_busy
    sender.add(parcel("d"))
    sender.flush()
    assert stored[-1] == "d"


def test_what_the_store_refuses_is_given_up_and_the_others_follow() -> None:
    stored: list[str] = []

    def store(item: Parcel) -> None:
        if item.messages[0].actor_name == "bad":
            raise BrokerError("odd text", refused=True)
        stored.append(item.messages[0].actor_name)

    sender = LateSender(store)
    for name in ("a", "bad", "b"):
        sender.add(parcel(name))
    sender.flush()
    assert stored == ["a", "b"]


def test_a_flush_waits_no_longer_than_it_was_told() -> None:
    release = threading.Event()
    sender = LateSender(lambda _parcel: release.wait(60))
    sender.add(parcel("a"))
    sender.flush(timeout=0.01)
    assert sender.is_busy
    release.set()
    sender.flush()
    assert not sender.is_busy
