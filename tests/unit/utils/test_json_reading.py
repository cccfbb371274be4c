"""Reading JSON of others: one meaning, or one error."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from openviper.utils.json_reading import parse_json, parse_long_json

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
