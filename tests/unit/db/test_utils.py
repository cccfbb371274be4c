"""The helpers of the data layer."""

from __future__ import annotations

import pytest

from openviper.db.utils import (
    BoundedDict,
    assert_safe_table_name,
    cast_to_pk_type,
    escape_like,
    sql_literal,
    validate_on_delete,
    validate_regex_pattern,
)
from openviper.exceptions import FieldError
from tests.integration.db.library import Book, Country


def test_a_full_dictionary_drops_the_oldest_quarter_and_keeps_what_was_read() -> None:
    cache: BoundedDict[int, str] = BoundedDict(8)
    for number in range(8):
        cache[number] = str(number)
    assert cache.get(0) == "0"
    cache[8] = "8"
    assert len(cache) == 7
    assert [number in cache for number in (0, 1, 2, 3, 8)] == [True, False, False, True, True]
    assert list(cache) == [3, 4, 5, 6, 7, 0, 8]
    assert cache.pop(3) == "3" and cache.get(3) is None
    cache.clear()
    assert len(cache) == 0
    with pytest.raises(ValueError, match="less than 1"):
        BoundedDict(0)


def test_on_delete_is_normalised_or_refused() -> None:
    assert validate_on_delete("set_null", "x") == "SET NULL"
    with pytest.raises(ValueError, match="Post.author: on_delete='drop'"):
        validate_on_delete("drop", "Post.author")


def test_wildcards_are_escaped() -> None:
    assert escape_like("100%_a\\b") == "100\\%\\_a\\\\b"


def test_table_names_are_plain_identifiers() -> None:
    assert_safe_table_name("blog_post")
    with pytest.raises(ValueError, match="table name"):
        assert_safe_table_name("a; drop table b")


@pytest.mark.parametrize("pattern", ["^a+b*$", r"(ab)+c", r"[a-z]{2,3}", "(a|b)c", r"\(a+\)+"])
def test_ordinary_patterns_are_taken(pattern: str) -> None:
    assert validate_regex_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", [5, "x" * 501, "(a+)+", "(a|b)*", "(a{2,})+", "a\nb", "a\x00", "(", "(?P<n>"])
def test_patterns_that_may_take_for_ever_or_cannot_be_read_are_refused(pattern: object) -> None:
    with pytest.raises(FieldError):
        validate_regex_pattern(pattern)


def test_values_become_literals() -> None:
    assert [sql_literal(value) for value in (None, True, 3, 1.5, "it's")] == ["NULL", "TRUE", "3", "1.5", "'it''s'"]
    assert sql_literal("a\\b", "mysql") == "'a\\\\b'"
    assert sql_literal("a\\b") == "'a\\b'"


def test_keys_are_converted_where_they_can_be() -> None:
    assert cast_to_pk_type(Book, "7") == 7
    assert cast_to_pk_type(Book, "x") == "x"
    assert cast_to_pk_type(Country, "AT") == "AT"
    assert cast_to_pk_type(Book, None) is None
