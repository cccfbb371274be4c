"""JSON of a server that is not trusted."""

from __future__ import annotations

import pytest

from openviper.ai.providers.json_data import INLINE, at, list_at, parse_json, read_json, text_at


async def test_long_texts_are_read_too() -> None:
    assert await read_json(b'"' + b"x" * INLINE + b'"') == "x" * INLINE


@pytest.mark.parametrize(
    "text",
    ["", "{", "NaN", "-Infinity", "9" * 41, "-" + "9" * 41, "[" * 100_000, "{'a': 1}", '"\x00"'],
)
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


def test_numbers_that_anybody_writes_are_read() -> None:
    assert parse_json("[1, -123456789012345678901234567890, 1.5e300]") == [
        1,
        -123456789012345678901234567890,
        1.5e300,
    ]


def test_what_is_not_there_is_nothing() -> None:
    value = {"a": [{"b": "c"}, 7], "n": None}
    assert at(value, "a", 0, "b") == "c"
    for path in (("x",), ("a", 2), ("a", -2), ("a", "b"), ("a", 0, "b", 0), ("n", "x"), (0,)):
        assert at(value, *path) is None
    assert text_at(value, "a", 1) == "" and list_at(value, "n") == []


def test_a_long_text_of_nothing_but_structure_is_refused() -> None:
    for text in ("[" + "{}," * 200_000 + "{}]", "[" + "1," * 700_000 + "1]"):
        with pytest.raises(ValueError, match="it holds more than"):
            parse_json(text)
    # Braces and commas of a text that people write are no reason.
    assert parse_json('"' + "{a, b} " * 50_000 + '"') == "{a, b} " * 50_000
