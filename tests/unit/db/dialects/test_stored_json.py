"""What JSON every database can store."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openviper.db.dialects.stored_json import check_stored, may_be_key


def encoded(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("value", ["\0", ["a\0"], {"\0": 1}, "\\\0", {"a": [{"b": "\\\\\0"}]}])
def test_no_nul_character(value: Any) -> None:
    with pytest.raises(ValueError, match="the JSON has a NUL character"):
        check_stored(encoded(value))


@pytest.mark.parametrize("value", ["\ud800", {"a\udc00": 1}])
def test_no_half_of_a_surrogate_pair(value: Any) -> None:
    with pytest.raises(ValueError, match="the JSON has no UTF-8 form"):
        check_stored(encoded(value))


@pytest.mark.parametrize(
    "value", ["\\u0000", "\\\\u0000", "u0000", "é😀", {"\\u0000": [None, 1.5]}, "\1"]
)
def test_all_else(value: Any) -> None:
    check_stored(encoded(value))


def test_a_long_row_of_backslashes_is_read_once() -> None:
    check_stored(encoded("\\" * 200_000 + "u0000"))


@pytest.mark.parametrize(
    ("key", "may"), [("a", True), ("é😀", True), ("\0", False), ("\ud800", False)]
)
def test_keys(key: str, may: bool) -> None:
    assert may_be_key(key) is may
