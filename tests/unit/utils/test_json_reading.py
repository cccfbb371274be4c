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
