"""Names: checked, quoted, kept within length."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from openviper.db.dialects.identifiers import (
    MAX_LENGTH,
    quote_identifier,
    shorten,
    validate_identifier,
)
from openviper.db.dialects.sql_text import unquote


@pytest.mark.parametrize("name", ["a", "_", "A1_b", "select", "x" * 500])
def test_a_plain_name_is_taken_as_it_is(name: str) -> None:
    assert validate_identifier(name) is name


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "a-b", "a.b", 'a"b', "a;b", "ä", "a\n", "a\0", " a", "\u0131d", "a'"]
)
def test_another_one_is_refused_with_what_it_would_be(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid column") as caught:
        validate_identifier(name, "column")
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a", "a b", 'a"b', '"', "a`b", "``", "ä☃", "select", "a.b", "a'b", "a]b"]
)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql"])
def test_a_quoted_name_is_one_name_whatever_is_in_it(name: str, dialect: str) -> None:
    quoted = quote_identifier(name, dialect)
    assert unquote(quoted) == name
    with closing(sqlite3.connect(":memory:")) as connection:  # Which knows both kinds of marks.
        cursor = connection.execute(f"SELECT 1 AS {quoted}")
    assert cursor.description[0][0] == name


@pytest.mark.parametrize("name", ["", "a", "x" * MAX_LENGTH, "ä" * 31, "☃" * 21])
def test_a_name_that_fits_stays(name: str) -> None:
    assert shorten(name) == name


@pytest.mark.parametrize(
    "name", ["x" * (MAX_LENGTH + 1), "x" * 5000, "ä" * 32, "☃" * 22, "a" + "ä" * 40]
)
def test_a_longer_one_is_cut_at_a_letter_and_still_its_own(name: str) -> None:
    short = shorten(name)
    assert len(short.encode()) <= MAX_LENGTH
    assert name.startswith(short[:-9])
    assert shorten(name) == short
    assert shorten(f"{name}x") != short
    assert shorten(short) == short
