"""Options of a message as they come from the store, where anything may have been written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import Message, from_values, to_values
from openviper.tasks.message_options import checked_options, read_options

GOOD: dict[str, list[Any]] = {
    "expires": [0, 1.5],
    "group": ["g"],
    "limit": [["key", 2]],
    "max_retries": [0, 7],
    "pass": [True, False],
    "signature": ["abc"],
    "state": [{}, {"row": 1}],
    "then": [[], [{"id": "x"}]],
    "unique": [["key", "running", 0], ["key", "time", 1.5]],
    "of a later version": [5, None, [1]],
}
BAD: dict[str, list[Any]] = {
    "expires": ["z", None, True, [1]],
    "group": [["x"], 7, None],
    "limit": [{}, ["key"], ["key", -1], [1, 2], ["key", 2, 3], "ab"],
    "max_retries": ["x", -1, 1.5, True],
    "pass": [1, "yes"],
    "signature": [5],
    "state": [3, "x", []],
    "then": [7, {}, ["x"], "x"],
    "unique": [5, ["key"], ["key", "running", "0"], [1, "running", 0], "abc"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]]
)
def test_options_of_the_right_type_are_taken(name: str, value: Any) -> None:
    assert read_options(json.dumps({name: value})) == {name: value}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_options_of_another_type_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(BadMessageError, match=f"the option '{name}' is not what it has to be"):
        checked_options({name: value})
    values = {**to_values(Message("a", "q", "{}")), "options": {name: value}}
    with pytest.raises(BadMessageError, match=name):
        from_values(values)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(BadMessageError, match="expires"):
        read_options('{"expires": NaN}')


@pytest.mark.parametrize("text", ["{", "[]", "5", '"x"', "[" * 100_000])
def test_options_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(BadMessageError, match="options"):
        read_options(text)
    assert read_options(None) is read_options("") is None
