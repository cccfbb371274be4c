"""Calls that do not mean what is written are refused where they are made, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from openviper.tasks import Actor, actor, chain, enqueue_task, group, periodic
from openviper.tasks.actors import Registry
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.flows import send_many
from openviper.tasks.limits import MAX_KEY, check_key
from openviper.tasks.message import (
    MAX_ERROR,
    Message,
    clean_text,
    describe_error,
    encode_arguments,
    from_values,
    to_values,
)
from openviper.tasks.message_ids import KeyMaker, new_id
from openviper.tasks.message_options import checked_options, read_options
from openviper.tasks.sending import as_arguments, as_named_arguments, check_queue
from openviper.tasks.units import MAX_MS, short_repr, to_count, to_moment, to_ms


@pytest.fixture
def work() -> Actor[Any, Any]:
    """Return an actor of any arguments."""

    @actor
    def work(*args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    return work


def only(memory: MemoryBroker) -> Message:
    """Return the message that is stored."""
    (entry,) = memory.entries.values()
    return entry.message


# Arguments


@pytest.mark.parametrize("args", ["abc", "", b"ab", {"a": 1}, {1, 2}, 5, None, 1.5], ids=repr)
def test_one_value_is_not_taken_for_a_list_of_arguments(
    memory: MemoryBroker, work: Actor[Any, Any], args: Any
) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: work.send_with_options(args=args),
        lambda: work.send_many([(1,), args]),
        lambda: enqueue_task("unknown", args),
        lambda: periodic(every=60, args=args),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError) as caught:
            attempt()
        assert str(caught.value) == (
            f"the arguments of a call are several values, such as ({args!r},), not {args!r}"
        )
    assert memory.entries == {} and Registry.schedule() == []


@pytest.mark.parametrize("kwargs", ["ab", [("a", 1)], 5, {1: 2}, {None: 1}, {"a"}], ids=repr)
def test_named_arguments_are_a_mapping_of_names(
    memory: MemoryBroker, work: Actor[Any, Any], kwargs: Any
) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: work.send_with_options(kwargs=kwargs),
        lambda: enqueue_task("unknown", (), kwargs),
        lambda: periodic(every=60, kwargs=kwargs),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError) as caught:
            attempt()
        assert str(caught.value) == (
            f"the named arguments of a call are a mapping of names, not {kwargs!r}"
        )
    assert memory.entries == {}


@pytest.mark.parametrize("args", [(), [], [1, "a"], (None,), range(3), iter([1, 2])])
def test_whatever_has_an_order_is_a_list_of_arguments(args: Any) -> None:
    expected = list(args) if not hasattr(args, "__next__") else [1, 2]
    assert list(as_arguments(args)) == expected


def test_no_named_arguments_are_none() -> None:
    assert as_named_arguments(None) == {} and as_named_arguments({"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    "value",
    [{1: 2}, [{"a": {2: 3}}], float("nan"), float("inf"), object(), {1}, b"x", ({None: 1},)],
)
def test_what_json_has_not_is_named_by_the_actor(value: Any) -> None:
    for args, kwargs in (((value,), {}), ((), {"a": value})):
        with pytest.raises(TypeError, match="^the arguments of 'work' cannot be written as JSON: "):
            encode_arguments("work", args, kwargs)


# What follows is what Actor.message returns


def test_a_flow_takes_calls_and_not_actors(memory: MemoryBroker, work: Actor[Any, Any]) -> None:
    good = work.message(1)
    bad: list[Any] = [
        work,
        work.send,
        None,
        "work",
        {},
        {"actor_name": "x"},
        {**good, "delay": 5},
        5,
    ]
    for call in bad:
        attempts: list[Callable[[], object]] = [
            partial(send_many, [good, call]),
            partial(chain, good, call),
            partial(chain, call, good, pass_results=True),
            partial(group, good, call),
            partial(group, good, (good, call)),
        ]
        if call is not None:
            attempts.append(partial(group, good, then=call))
            attempts.append(partial(group, good, on_failure=call))
        for attempt in attempts:
            with pytest.raises(TypeError) as caught:
                attempt()
            assert str(caught.value) == f"a call is what Actor.message() returns, not {call!r}"
    assert memory.entries == {}


def test_a_list_of_calls_is_no_step_of_a_chain(memory: MemoryBroker, work: Actor[Any, Any]) -> None:
    calls: Any = [work.message(1), work.message(2)]
    with pytest.raises(TypeError, match=r"^a call is what Actor.message\(\) returns, not \["):
        chain(calls)
    with pytest.raises(TypeError, match="not 'actor_name'"):
        send_many(calls[0])
    assert memory.entries == {}


# Options that contradict each other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"unique_for": timedelta(hours=1)},
            "unique_for=datetime.timedelta(seconds=3600) says how long a key is taken, and no unique is given",
        ),
        ({"unique_for": "queued"}, "unique_for='queued' says how long a key is taken"),
        (
            {"unique": "k", "unique_for": "ever"},
            "unique_for='ever' must be 'queued', 'running' or a",
        ),
        ({"unique": "k", "unique_for": timedelta(0)}, "must be from 1 ms to ten years"),
        ({"unique": ""}, "unique='' must be a text of 1 to 200 characters"),
        ({"unique": 5}, "unique=5 must be a text of 1 to 200 characters"),
        ({"unique": b"k"}, "unique=b'k' must be a text of 1 to 200 characters"),
        ({"unique": "\ud800"}, "unique='\\ud800' is not valid Unicode"),
        (
            {"delay": 600_000, "expires": 300_000},
            "expires=300000 is not after the moment from which",
        ),
        ({"delay": timedelta(1), "expires": timedelta(1)}, "the message may run: it never would"),
        (
            lambda now: {"eta": now + timedelta(days=2), "expires": timedelta(days=1)},
            "expires=datetime.timedelta(days=1) is not after the moment from which the message may run",
        ),
        (
            lambda now: {"delay": 60_000, "expires": now},
            "is not after the moment from which the message may run: it never would",
        ),
        (lambda now: {"expires": now - timedelta(days=1)}, "it never would"),
        (lambda now: {"expires": now}, "it never would"),
        (
            lambda now: {"eta": now - timedelta(hours=2), "expires": now - timedelta(hours=1)},
            "it never would",
        ),
        ({"expires": 0}, "expires=0 must be from 1 ms to ten years"),
        (lambda now: {"delay": 5, "eta": now}, "delay and eta are two ways to say when"),
        ({"priority": True}, "priority=True must be a whole number of at least -1000000"),
        ({"max_retries": -1}, "max_retries=-1 must be a whole number of at least 0"),
        ({"queue": ""}, "queue='' must be a text of 1 to 200 characters"),
        ({"queue": "a\n"}, "queue='a\\n' has characters that cannot be printed"),
        ({"queue": "a\u202eb"}, "has characters that cannot be printed"),
    ],
)
def test_options_that_would_have_no_effect_or_no_run_are_refused(
    memory: MemoryBroker, work: Actor[Any, Any], options: Any, message: str
) -> None:
    given = options(datetime.now(UTC)) if callable(options) else options
    with pytest.raises(ValueError) as caught:
        work.send_with_options(args=(1,), **given)
    assert message in str(caught.value)
    assert memory.entries == {}


def test_a_message_may_end_right_after_it_may_run(
    memory: MemoryBroker, work: Actor[Any, Any]
) -> None:
    work.send_with_options(delay=1000, expires=1001)
    message = only(memory)
    assert 0 < message.option("expires") - message.due < 0.01


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"args": (1, "x")}, {"args": (1,), "kwargs": {"text": "x"}}),
        (
            {"kwargs": {"number": 1, "text": "x"}},
            {"kwargs": {"text": "x", "number": 1}},
        ),
        ({"args": ({"a": 1, "b": [2]},)}, {"args": ({"b": [2], "a": 1},)}),
    ],
)
def test_one_call_written_in_two_ways_has_one_unique_key(
    memory: MemoryBroker, first: dict[str, Any], second: dict[str, Any]
) -> None:
    call = Actor(_either_way)
    assert call.send_with_options(**first, unique=True).is_duplicate is False
    assert call.send_with_options(**second, unique=True).is_duplicate is True
    assert call.send_with_options(args=(2, "x"), unique=True).is_duplicate is False


def _either_way(number: object, text: str = "") -> None:
    """Take its arguments by place or by name."""


def test_a_unique_key_that_is_false_is_none(memory: MemoryBroker, work: Actor[Any, Any]) -> None:
    work.send_with_options(unique=False)
    assert only(memory).option("unique") is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_backoff": 2000, "max_backoff": 1000}, "min_backoff=2000 is above max_backoff=1000"),
        ({"min_backoff": timedelta(hours=1)}, "is above max_backoff=60000"),
        ({"limit_key": "k"}, "limit_key='k' limits nothing without rate_limit or concurrency"),
        ({"limit_key": len}, "limits nothing without rate_limit or concurrency"),
        ({"soft_time_limit": 600_000}, "soft_time_limit=600000 must be below time_limit"),
        ({"soft_time_limit": 10, "time_limit": 10}, "soft_time_limit=10 must be below time_limit"),
        ({"concurrency": 0}, "concurrency=0 must be a whole number of at least 1"),
        ({"concurrency": True}, "concurrency=True must be a whole number of at least 1"),
        ({"rate_limit": "10"}, "rate '10' is not a text such as '10/s', '100/m', '5/30s'"),
        ({"rate_limit": 10}, "rate 10 is not a text such as"),
        ({"queue_name": "a\0"}, "queue='a\\x00' must be a text of 1 to 200 characters"),
        ({"actor_name": "x" * 201}, "must be a text of 1 to 200 characters"),
    ],
)
def test_options_of_an_actor_that_contradict_each_other_are_an_error_where_they_are_written(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        actor(**options)
    assert message in str(caught.value)
    assert Registry.actors() == []


def test_the_least_and_the_longest_pause_may_be_equal() -> None:
    made = Actor(len, min_backoff=5, max_backoff=timedelta(milliseconds=5))
    assert (made.min_backoff_ms, made.max_backoff_ms) == (5, 5)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (lambda number: "", "limit_key='' must be a text"),
        (lambda number: number, "limit_key=5 must be a text"),
        (lambda number: "x" * 201, "must be a text of 1 to 200 characters"),
        (lambda number: None, "limit_key=None must be a text"),
    ],
)
def test_a_limit_key_that_is_none_is_named_when_it_is_made(key: Any, message: str) -> None:
    made = Actor(len, concurrency=1, limit_key=key)
    with pytest.raises(ValueError) as caught:
        made.limit((5,), {})
    assert message in str(caught.value)


# Numbers, moments and keys


@pytest.mark.parametrize(
    ("value", "ms"),
    [(0, 0), (1, 1), (1.5, 1.5), (timedelta(seconds=1), 1000), (MAX_MS, MAX_MS), (timedelta.resolution, 0.001)],
)  # fmt: skip
def test_durations(value: Any, ms: float) -> None:
    assert to_ms("delay", value) == ms


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (-1, ValueError, "delay=-1 is negative"),
        (timedelta(-1), ValueError, "is negative"),
        (float("nan"), ValueError, "delay=nan must be from 0 ms to ten years"),
        (float("inf"), ValueError, "delay=inf must be from 0 ms to ten years"),
        (MAX_MS + 1, ValueError, "must be from 0 ms to ten years"),
        (10**400, ValueError, "delay=a number of more than 30 digits must be"),
        (-(10**400), ValueError, "delay=a number of more than 30 digits is negative"),
        (timedelta.max, ValueError, "must be from 0 ms to ten years"),
        ("5", TypeError, "delay='5' must be milliseconds or a timedelta"),
        (True, TypeError, "delay=True must be milliseconds or a timedelta"),
        (None, TypeError, "delay=None must be milliseconds or a timedelta"),
        (1j, TypeError, "delay=1j must be milliseconds or a timedelta"),
    ],
)
def test_what_is_no_duration_is_named(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        to_ms("delay", value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (datetime(2024, 1, 1), ValueError, "has no time zone"),
        (datetime.max.replace(tzinfo=UTC), ValueError, "is more than ten years away"),
        (datetime.min.replace(tzinfo=UTC), ValueError, "is more than ten years away"),
        (5, TypeError, "eta=5 must be a datetime"),
        ("2024-01-01", TypeError, "eta='2024-01-01' must be a datetime"),
        (date(2024, 1, 1), TypeError, "must be a datetime"),
    ],
)
def test_what_is_no_moment_is_named(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        to_moment("eta", value)
    assert message in str(caught.value)


@pytest.mark.parametrize("value", [0, 11, True, 1.0, "1", None, 10**400])
def test_what_is_no_count_is_named(value: Any) -> None:
    with pytest.raises(ValueError) as caught:
        to_count("n", value, least=1, most=10)
    assert str(caught.value) == (
        f"n={short_repr(value)} must be a whole number of at least 1, at most 10"
    )


@pytest.mark.parametrize("key", ["a", "é", "\U0001f40d", "x" * MAX_KEY, " ", "\n", "\u202e"])
def test_keys_of_limits_are_any_text(key: str) -> None:
    assert check_key("k", key) == key


@pytest.mark.parametrize("key", ["", "x" * (MAX_KEY + 1), "a\0", "\ud800", None, 5, b"a"])
def test_what_no_store_takes_is_no_key(key: Any) -> None:
    with pytest.raises(ValueError, match="^k="):
        check_key("k", key)


@pytest.mark.parametrize("name", ["default", "a b", "é", "a.b-c:d"])
def test_names_of_queues(name: str) -> None:
    assert check_queue(name) == name


# What is stored, and read back


def test_a_message_comes_back_as_it_was_stored() -> None:
    message = Message(
        "work",
        "slow",
        '{"args":[1],"kwargs":{"a":"\\ud800"}}',
        priority=-5,
        due=1.5,
        attempts=3,
        deliveries=2,
        options={"max_retries": 2, "unique": ["k", "time", 5.0], "mine": {"x": 1}},
    )
    back = from_values(to_values(message), key=7)
    assert to_values(back) == to_values(message) and back.key == 7
    assert back.arguments() == ([1], {"a": "\ud800"})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": None}, "the message's 'id' is missing"),
        ({"actor": 5}, "the message's 'actor' is missing"),
        ({"queue": []}, "the message's 'queue' is missing"),
        ({"payload": {}}, "the message's 'payload' is missing"),
        ({"priority": "1"}, "the message's 'priority' is missing"),
        ({"sent_at": "now"}, "the message's 'sent_at' is missing"),
        ({"options": []}, "the message's 'options' is missing"),
        ({"options": {"expires": "soon"}}, "the option 'expires' is not what it has to be"),
        ({"options": {"then": [5]}}, "the option 'then' is not what it has to be"),
    ],
)
def test_what_somebody_else_has_stored_is_no_message(change: dict[str, Any], problem: str) -> None:
    values = {**to_values(Message("work", "q", "{}")), **change}
    with pytest.raises(BadMessageError, match=problem):
        from_values(values)
    others: list[Any] = [None, [], "x", 5]
    for other in others:
        with pytest.raises(BadMessageError, match="what is stored is not a message"):
            from_values(other)


@pytest.mark.parametrize(
    "payload",
    ["", "x", "[]", "null", "5", "{}", '{"args":[]}', '{"args":{},"kwargs":{}}', '{"args":[],"kwargs":[]}', "[" * 99_999],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_a_payload_that_holds_no_arguments_is_told(payload: str) -> None:
    with pytest.raises(BadMessageError, match="^the payload holds no "):
        Message("work", "q", payload).arguments()


@pytest.mark.parametrize(
    ("options", "is_good"),
    [
        ({}, True),
        ({"other": object()}, True),
        ({"expires": 1.5}, True),
        ({"expires": float("inf")}, False),
        ({"expires": True}, False),
        ({"group": 5}, False),
        ({"limit": ["k", 0]}, True),
        ({"limit": ["k"]}, False),
        ({"limit": ["k", -1]}, False),
        ({"limit": "k1"}, False),
        ({"max_retries": 0}, True),
        ({"max_retries": -1}, False),
        ({"max_retries": False}, False),
        ({"pass": 1}, False),
        ({"signature": None}, False),
        ({"state": []}, False),
        ({"then": []}, True),
        ({"then": {}}, False),
        ({"unique": ("k", "time", 1)}, True),
        ({"unique": ["k", "time", "1"]}, False),
        ({"unique": ["k", "time", 1, 2]}, False),
    ],
)
def test_options_are_of_the_types_they_have_to_be(options: dict[str, Any], is_good: bool) -> None:
    if is_good:
        assert checked_options(options) is options
        return
    (name,) = options
    with pytest.raises(BadMessageError) as caught:
        checked_options(options)
    assert str(caught.value) == f"the option {name!r} is not what it has to be"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x", "the options are not JSON"),
        ("[" * 99_999, "the options are not JSON"),
        ("[]", "the options are not a JSON object"),
        ("null", "the options are not a JSON object"),
        ('{"pass": 1}', "the option 'pass' is not what it has to be"),
    ],
    ids=lambda text: text[:12],
)
def test_stored_options_that_make_no_sense_are_told(text: str, problem: str) -> None:
    with pytest.raises(BadMessageError, match=problem):
        read_options(text)
    assert read_options("") is None and read_options(None) is None and read_options("{}") == {}


def test_setting_an_option_leaves_what_was_given_alone() -> None:
    given = {"a": 1}
    message = Message("work", "q", "{}", options=given)
    message.set_option("b", 2)
    message.set_option("a", None)
    after = message.options
    message.set_option("b", None)
    message.set_option("c", None)
    assert (given, after, message.options) == ({"a": 1}, {"b": 2}, None)
    assert message.option("c") is None


class Silent(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise LookupError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("x"), "ValueError: x"),
        (ValueError(), "ValueError: "),
        (ValueError("a\0b\ud800"), "ValueError: a\\0b\\ud800"),
        (Silent(), "Silent: <no text: LookupError in __str__>"),
        (KeyError("k"), "KeyError: 'k'"),
    ],
)
def test_texts_of_errors_can_be_stored_anywhere(error: BaseException, text: str) -> None:
    assert describe_error(error) == text


def test_a_long_text_is_cut_also_where_what_takes_its_place_is_longer() -> None:
    for text in ("x" * 10**6, "\0" * 10**6, "\ud800" * 10**6, "\U0001f40d" * 10**6):
        cut = clean_text(text)
        assert len(cut) == MAX_ERROR and cut.endswith("…") and cut.encode()
    assert clean_text("x" * MAX_ERROR) == "x" * MAX_ERROR
    assert clean_text("abc", 2) == "a…"


def test_ids_and_keys_never_come_twice() -> None:
    ids = {new_id() for _ in range(500)}
    assert len(ids) == 500 and all(each[14] == "4" and each[19] in "89ab" for each in ids)
    maker = KeyMaker()
    keys = [maker() for _ in range(500)]
    assert keys == sorted(set(keys)) and keys[-1] < 2**63
