"""Reading JSON of others: one meaning, or one error."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from openviper.utils import json_reading
from openviper.utils.json_pieces import parse_long_json
from openviper.utils.json_reading import parse_json

READERS = [parse_json, parse_long_json]


@pytest.mark.parametrize("read", READERS)
def test_json_is_read(read: Callable[[str], Any]) -> None:
    value = {"a": [1, 1.5, None, True, "\0"], "b": {"a": {}}}
    assert read(json.dumps(value)) == value


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "b": 2, "a": 1}', "the name 'a' is there twice in one object"),
        ('[{"x": {"\\u00e9": 1, "é": 2}}]', r"the name '\xe9' is there twice in one object"),
        ("[NaN]", "NaN is not a number"),
        ("-Infinity", "-Infinity is not a number"),
        ('\ufeff{"a": 1}', "a byte order mark stands before it"),
        (f"[{'9' * 5000}]", "Exceeds the limit"),
        ("{'a': 1}", "Expecting property name"),
    ],
)
def test_what_has_no_meaning_or_two_is_an_error(
    read: Callable[[str], Any], text: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=r"^") as caught:
        read(text)
    assert reason in str(caught.value)


def test_a_long_name_is_cut_in_the_error() -> None:
    name = "x" * 100_000
    with pytest.raises(ValueError, match="twice") as caught:
        parse_json(f'{{"{name}": 1, "{name}": 2}}')
    assert len(str(caught.value)) < 200


def test_what_is_nested_too_deeply_is_an_error() -> None:
    with pytest.raises(RecursionError):
        parse_json("[" * 200_000)


@pytest.mark.parametrize("text", ['{"a": [1]}', "\t{}\r\n", '\n\n "x"', " 1 ", "[] "])
def test_space_may_stand_around_a_value(text: str) -> None:
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("", 1, 1), ("\n\n  ", 3, 3), ("\n {,}", 2, 3), ('\n{"a": 1} x', 2, 10), ("{}\xa0", 1, 3)],
)
def test_an_error_says_where_it_is_in_the_whole_text(text: str, line: int, column: int) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        parse_json(text)
    assert (caught.value.lineno, caught.value.colno) == (line, column)
    assert caught.value.__context__ is None or isinstance(caught.value.__context__, StopIteration)


def test_names_of_a_text_that_is_refused_do_not_count_for_the_next_one() -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="Expecting"):
            parse_json('[{"a": 1, "b": {"c": 1}}, ')
        with pytest.raises(ValueError, match="there twice"):
            parse_json('{"a": {"b": 1}, "a": 2}')
        assert parse_json('{"a": {"b": ":"}}') == {"a": {"b": ":"}}


NAMES = ['"a"', '"b"', '":a"', '" :"', '"\\""', '"\\u0061"', '"\\\\"', '":"']
SPACES = ["", "", " ", "\n\t"]


def _some_json(chance: random.Random, depth: int) -> str:
    kind = chance.randrange(5) if depth else 0
    if kind < 2:
        return chance.choice([*NAMES, "1", "-2.5e3", "null", '"a:b"', '"\\":"', '"x\\" :"'])
    members = [_some_json(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind == 2:
        return f"[{','.join(members)}]"
    named = [
        f"{chance.choice(NAMES)}{chance.choice(SPACES)}:{chance.choice(SPACES)}{member}"
        for member in members
    ]
    return "{" + ", ".join(named) + "}"


def _told(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        return str(error)


def test_names_are_found_to_be_there_twice_wherever_quotes_and_colons_stand() -> None:
    chance = random.Random(8259)
    doubled = 0
    for _ in range(4000):
        text = _some_json(chance, 4)
        told = _told(json_reading._reader.decode, text)
        assert _told(parse_json, text) == told, text
        doubled += isinstance(told, str) and "twice" in told
    assert 200 < doubled < 3800
