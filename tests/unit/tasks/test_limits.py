"""Limits across workers: how a rate is written, and what it lets through."""

from __future__ import annotations

import random

import pytest

from openviper.tasks.limits import Allowance, Rate, check_key, parse_rate, take_call, within_key

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/s", Rate(10, 1)),
        ("100/m", Rate(100, 60)),
        ("1/h", Rate(1, 3600)),
        ("5/30s", Rate(5, 30)),
        ("7/2d", Rate(7, 172_800)),
        ("9999999/9999d", Rate(9_999_999, 9999 * 86_400)),
        ("3/07s", Rate(3, 7)),
    ],
)
def test_a_rate_is_so_many_calls_in_a_while(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text",
    ["", "10", "10/", "/s", "0/s", "01/s", "10/0s", "10/00s", "10/0000d", "10/x", "10/S", "10 /s", "10/ s", "10/s\n",
     "-1/s", "1.5/s", "10/1.5s", "12345678/s", "1/12345s", "\u0661/s", "10/s 5/m", None, 10, b"10/s"],
)  # fmt: skip
def test_what_is_no_rate_is_named(text: object) -> None:
    with pytest.raises(
        ValueError, match="is not a text such as '10/s', '100/m', '5/30s'"
    ) as caught:
        parse_rate(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("key", ["a", "ä" * 200, "a b/c:d", "\n"])
def test_a_key_is_taken_as_it_is(key: str) -> None:
    assert check_key("limit", key) is key


@pytest.mark.parametrize("key", ["", "x" * 201, "a\0b", "\ud800", None, 5, b"x"])
def test_a_key_that_no_store_takes_is_refused(key: object) -> None:
    with pytest.raises(ValueError, match="^limit="):
        check_key("limit", key)


# What a rate lets through


def test_a_whole_allowance_passes_at_once_and_the_next_one_waits_for_its_turn() -> None:
    rate, stored = Rate(3, 30), None
    waits = []
    for _ in range(5):
        stored, again_at = take_call(rate, stored, NOW)
        waits.append(again_at and again_at - NOW)
    assert waits == [0, 0, 0, 10, 20]


def test_those_who_wait_are_given_moments_one_behind_the_other_and_may_run_then() -> None:
    rate, stored = Rate(2, 10), None
    moments = []
    for _ in range(6):
        stored, again_at = take_call(rate, stored, NOW)
        moments.append(again_at or NOW)
    assert moments == [NOW, NOW, NOW + 5, NOW + 10, NOW + 15, NOW + 20]
    for moment in moments[2:]:
        stored, again_at = take_call(rate, stored, moment)
        assert again_at == 0


def test_a_rate_that_was_not_used_gives_no_more_than_one_allowance() -> None:
    stored, _ = take_call(Rate(2, 10), None, NOW)
    later = NOW + 1_000_000
    ran = 0
    for _ in range(5):
        stored, again_at = take_call(Rate(2, 10), stored, later)
        ran += not again_at
    assert ran == 2


def test_a_clock_that_goes_back_lets_no_more_through() -> None:
    stored, _ = take_call(Rate(1, 10), None, NOW)
    stored, again_at = take_call(Rate(1, 10), stored, NOW - 100)
    assert again_at == NOW + 10


def test_a_call_that_may_not_run_takes_nothing_from_the_allowance() -> None:
    before, _ = take_call(Rate(1, 10), None, NOW)
    refused, again_at = take_call(Rate(1, 10), before, NOW)
    assert refused.free_at == before.free_at
    assert refused.tail_at == again_at == NOW + 10


def test_a_rate_that_was_changed_goes_on_from_where_it_stood() -> None:
    stored: Allowance | None = None
    for _ in range(3):
        stored, _ = take_call(Rate(3, 30), stored, NOW)
    _, again_at = take_call(Rate(30, 30), stored, NOW)
    assert NOW < again_at <= NOW + 30


@pytest.mark.parametrize("seed", range(8))
def test_no_while_ever_sees_more_than_twice_the_allowance_and_on_average_not_more_than_one(
    seed: int,
) -> None:
    chance = random.Random(seed)
    rate = Rate(chance.randint(1, 20), float(chance.randint(1, 60)))
    stored: Allowance | None = None
    now, ran = NOW, list[float]()
    for _ in range(600):
        now += chance.choice([0, 0, rate.interval / 3, rate.interval, rate.seconds])
        stored, again_at = take_call(rate, stored, now)
        if not again_at:
            ran.append(now)
        else:
            assert again_at > now
    for position, start in enumerate(ran):
        within = [moment for moment in ran[position:] if moment < start + rate.seconds]
        assert len(within) < 2 * rate.calls + 1
    assert len(ran) <= rate.calls + (now - NOW) / rate.interval + 1


def test_long_texts_that_differ_at_the_end_are_two_keys() -> None:
    keys = {within_key("n" * 195 + end) for end in ("", "1", "12345", "12346", "12345 ")}
    assert len(keys) == 5 and all(len(check_key("key", key)) <= 200 for key in keys)
