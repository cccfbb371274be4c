"""Sending: the options of one message, and what is refused before anything is stored."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openviper.tasks import Actor, actor, enqueue_task
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.limits import Allowance, Rate, parse_rate, take_call
from openviper.tasks.message import Message, clean_text, describe_error
from openviper.tasks.units import to_count, to_moment, to_ms
from tests.unit.tasks.conftest import Configure


@pytest.fixture
def work() -> Actor[Any, Any]:
    """Return an actor with two arguments, one of them needed."""

    @actor
    def work(number: int, *, text: str = "") -> None:
        """Do nothing."""

    return work


def only(memory: MemoryBroker) -> Message:
    """Return the message that is stored."""
    (entry,) = memory.entries.values()
    return entry.message


def test_each_option_is_for_one_message(memory: MemoryBroker, work: Actor[Any, Any]) -> None:
    now = time.time()
    proxy = work.send_with_options(
        args=(1,),
        kwargs={"text": "x"},
        delay=timedelta(minutes=1),
        queue="slow",
        priority=-7,
        max_retries=9,
        expires=timedelta(hours=1),
        unique="key",
        unique_for=timedelta(days=1),
    )
    message = only(memory)
    assert (message.queue_name, message.priority, proxy.queue_name) == ("slow", -7, "slow")
    assert abs(message.due - now - 60) < 5
    assert message.option("max_retries") == 9 and abs(message.option("expires") - now - 3600) < 5
    key, scope, until = message.option("unique")
    assert (key, scope) == ("key", "time") and abs(until - now - 86_400) < 5


def test_a_moment_may_be_given_instead_of_a_delay(
    memory: MemoryBroker, work: Actor[Any, Any]
) -> None:
    eta = datetime.now(UTC) + timedelta(hours=2)
    work.send_with_options(args=(1,), eta=eta, expires=eta + timedelta(hours=1))
    assert only(memory).due == eta.timestamp()
    with pytest.raises(ValueError, match="two ways to say when"):
        work.send_with_options(args=(1,), eta=eta, delay=1)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"delay": math.inf}, "delay=inf must be from 0 ms to ten years"),
        ({"delay": math.nan}, "delay=nan must be from 0 ms to ten years"),
        ({"delay": 1e300}, "must be from 0 ms to ten years"),
        ({"delay": 10**400}, "delay=a number of more than 30 digits must be"),
        ({"delay": -(10**400)}, "delay=a number of more than 30 digits is negative"),
        ({"delay": -1}, "delay=-1 is negative"),
        ({"delay": timedelta(seconds=-1)}, "is negative"),
        ({"delay": "5"}, "delay='5' must be milliseconds or a timedelta"),
        ({"delay": True}, "must be milliseconds or a timedelta"),
        ({"eta": datetime(2030, 1, 1)}, "has no time zone"),
        ({"eta": "tomorrow"}, "must be a datetime"),
        ({"eta": datetime(9999, 1, 1, tzinfo=UTC)}, "more than ten years away"),
        ({"queue": ""}, "queue='' must be a text of 1 to 200 characters"),
        ({"queue": "a\nb"}, "cannot be printed"),
        ({"queue": "half \ud800"}, "not valid Unicode"),
        ({"queue": "x" * 201}, "must be a text of 1 to 200"),
        ({"priority": 1.5}, "priority=1.5 must be a whole number"),
        ({"priority": 10**12}, "must be a whole number"),
        ({"max_retries": -1}, "max_retries=-1 must be a whole number of at least 0"),
        ({"expires": 0}, "expires=0 must be from 1 ms"),
        ({"unique": "a\0"}, "unique="),
        ({"unique": "k", "unique_for": "ever"}, "unique_for='ever' must be 'queued'"),
        ({"unique": "k", "unique_for": timedelta(0)}, "unique_for"),
    ],
)
def test_options_that_cannot_be_are_refused_and_nothing_is_stored(
    memory: MemoryBroker, work: Actor[Any, Any], options: dict[str, Any], error: str
) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        work.send_with_options(args=(1,), **options)
    assert error in str(caught.value) and len(str(caught.value)) < 400
    assert memory.messages() == []


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1, 2), {}), ((1,), {"test": "x"}), ((1,), {"number": 2}), ((), {"text": "x"})],
)
def test_a_call_that_does_not_fit_is_refused_where_it_is_made(
    memory: MemoryBroker, work: Actor[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    sends: tuple[Callable[[], object], ...] = (
        lambda: work.send(*args, **kwargs),
        lambda: work.send_with_options(args=args, kwargs=kwargs),
        lambda: enqueue_task(work.actor_name, args, kwargs),
    )
    for send in sends:
        with pytest.raises(TypeError, match="cannot be called so"):
            send()
    assert memory.messages() == []


@pytest.mark.parametrize(
    "value", [{1: "a", "1": "b"}, [{"x": {2: 3}}], {True: 1}, {None: 1}, {1.5: 1}]
)
def test_keys_that_json_would_change_are_refused(memory: MemoryBroker, value: Any) -> None:
    @actor
    def take(anything: Any) -> None:
        """Do nothing."""

    with pytest.raises(TypeError, match="which is not a text"):
        take.send(value)


def test_half_surrogates_are_arguments_like_any_other(
    memory: MemoryBroker, work: Actor[Any, Any]
) -> None:
    work.send(1, text="a\ud800b\0")
    assert only(memory).payload.isascii()
    assert only(memory).arguments() == ([1], {"text": "a\ud800b\0"})


def test_arguments_that_are_too_long_are_refused(
    memory: MemoryBroker, work: Actor[Any, Any], configure: Configure
) -> None:
    configure(max_message_bytes=2048)
    work.send(1, text="x" * 1900)
    with pytest.raises(ValueError, match="more than TASKS\\['max_message_bytes'\\] = 2048"):
        work.send(1, text="x" * 2100)


def test_a_unique_message_is_sent_once_and_says_which_one_is_there(
    memory: MemoryBroker, work: Actor[Any, Any]
) -> None:
    first = work.send_with_options(args=(1,), unique=True)
    second = work.send_with_options(args=(1,), unique=True)
    other = work.send_with_options(args=(2,), unique=True)
    assert (first.is_duplicate, second.is_duplicate, other.is_duplicate) == (False, True, False)
    assert second.message_id == first.message_id != other.message_id
    assert len(memory.messages()) == 2


def test_numbers_are_checked_alike_everywhere() -> None:
    assert to_ms("x", timedelta(seconds=1.5)) == to_ms("x", 1500) == 1500
    assert to_count("x", 5, least=0) == 5
    for value in (True, "5", 5.0, None, -1):
        with pytest.raises(ValueError, match="whole number"):
            to_count("x", value, least=0)
    assert to_moment("x", datetime(2026, 1, 1, tzinfo=UTC)) == 1767225600.0


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/s", Rate(10, 1)),
        ("100/m", Rate(100, 60)),
        ("5/30s", Rate(5, 30)),
        ("1/2d", Rate(1, 172_800)),
    ],
)
def test_rates(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate
    assert rate.interval == rate.seconds / rate.calls


@pytest.mark.parametrize(
    "text", ["", "5", "0/s", "5/0s", "-1/s", "5/w", "5/1.5s", "5 / s", 5, None]
)
def test_rates_that_cannot_be(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a text such as"):
        parse_rate(text)


def test_a_rate_lets_a_burst_pass_and_spaces_the_rest() -> None:
    allowance: Allowance | None = None
    waits = []
    for _ in range(8):
        allowance, again_at = take_call(Rate(3, 3.0), allowance, 100.0)
        waits.append(again_at)
    assert waits == [0, 0, 0, 101, 102, 103, 104, 105]
    # Whoever comes at the moment it was given may run, and a rest makes a burst again.
    allowance, again_at = take_call(Rate(3, 3.0), allowance, 101.0)
    assert again_at == 0
    allowance, again_at = take_call(Rate(3, 3.0), allowance, 110.0)
    assert again_at == 0 and allowance.free_at == 111.0


def test_texts_of_errors_are_cleaned_and_cut() -> None:
    assert clean_text("a\0b\ud800ü") == "a\\0b\\ud800ü"
    assert len(clean_text("x" * 100_000)) == 8192
    assert describe_error(ValueError("x")) == "ValueError: x"


@pytest.mark.parametrize("name", ["", "a\0b", "half \ud800", "n" * 201])
def test_names_that_no_store_holds_are_refused_where_they_are_used(
    memory: MemoryBroker, name: str
) -> None:
    with pytest.raises(ValueError, match="actor_name="):
        enqueue_task(name)
    assert memory.messages() == []


def test_in_a_transaction_it_is_decided_later_whether_a_message_is_there_already(
    memory: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    @actor
    def work() -> None:
        """Do nothing."""

    monkeypatch.setattr(memory, "send", lambda messages, group=None: None)
    assert work.send_with_options(unique="key").is_duplicate is None
    assert work.send_with_options().is_duplicate is False
