"""SQL text split into words, compared, renamed, and values written into it."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from openviper.db.dialects.sql_text import (
    default_clause,
    mentions,
    normalise_expression,
    quoted_text,
    rename_identifiers,
    sql_literal,
    tokens,
    unquote,
)

PIECES = (
    "a", "A", "price", "n1", "ä", "$1", "1.5", "'it''s'", "''", '"a b"', '"a""b"', "`x``y`", "[x y]", "(", ")", ",",
    "=", "==", "<>", "!=", "<=", "||", "+", "-", "--c\n", "/* c */", " ", "\n", "\t", "'", '"', "`", "[", "*/", "\\", "☃",
)  # fmt: skip


def random_text(seed: int) -> str:
    chance = random.Random(seed)
    return "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 25)))


@pytest.mark.parametrize("seed", range(60))
def test_the_words_of_a_text_are_all_of_it_in_their_order(seed: int) -> None:
    text = random_text(seed)
    found = tokens(text)
    assert "".join(word for _, word, _ in found) == text
    assert [position for _, _, position in found] == [
        sum(len(word) for _, word, _ in found[:number]) for number in range(len(found))
    ]
    assert {kind for kind, _, _ in found} <= {"space", "string", "quoted", "word", "other"}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", []),
        ("a1.b", ["word"]),
        ("'a--b'", ["string"]),
        ("'a''b'", ["string"]),
        ("'a", ["other", "word"]),
        ("-- c 'x'\na", ["space", "space", "word"]),
        ("/* 'x' */a", ["space", "word"]),
        ("/* open", ["other", "other", "space", "word"]),
        ('"a\'b"', ["quoted"]),
        ("[a'b]", ["quoted"]),
        ("`a``b`", ["quoted"]),
        ("a<=b", ["word", "other", "word"]),
        ("a<b", ["word", "other", "word"]),
    ],
)
def test_strings_comments_and_names_are_told_apart(text: str, kinds: list[str]) -> None:
    assert [kind for kind, _, _ in tokens(text)] == kinds


@pytest.mark.parametrize(
    ("token", "name"),
    [("a", "a"), ('"a""b"', 'a"b'), ("`a``b`", "a`b"), ("[a]b]", "a]b"), ('""', ""), ("", "")],
)
def test_a_name_loses_its_quotation_marks(token: str, name: str) -> None:
    assert unquote(token) == name


# Comparison


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a > 1", "A>1"),
        ('"a" > 1', "a > 1"),
        ("`a` > 1", "[a] > 1"),
        ("(a > 1)", "a > 1"),
        ("((a) > (1))", "(a) > (1)"),
        ("a == 1", "a = 1"),
        ("a != 1", "a <> 1"),
        ("a /* c */ > -- c\n 1", "a > 1"),
        ("lower(title)", "LOWER ( title )"),
        ("", " \n"),
        ("()", ""),
    ],
)
def test_what_means_the_same_is_equal(one: str, other: str) -> None:
    assert normalise_expression(one) == normalise_expression(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = 'X'", "a = 'x'"),
        ("a = ' '", "a = ''"),
        ("(a) or (b)", "a or b"),
        ("(a or b) and c", "a or b and c"),
        ("a - 1", "a -1 + 0"),
        ("ab", "a b"),
        ("a = 'b'", "a = b"),
        ("a < b", "a <= b"),
        ("a || b", "a | b"),
        ("f(a, b)", "f(a b)"),
        ("'a--b'", "'a'"),
    ],
)
def test_what_means_something_else_is_not(one: str, other: str) -> None:
    assert normalise_expression(one) != normalise_expression(other)


@pytest.mark.parametrize("seed", range(60))
def test_comparing_twice_changes_nothing_and_parentheses_around_it_neither(seed: int) -> None:
    text = random_text(seed)
    if any(mark in text for mark in ("--", "/*", '"', "`", "[", "'")) or "(" in text or ")" in text:
        text = "".join(letter for letter in text if letter.isalnum() or letter in " +=<>,")
    normal = normalise_expression(text)
    assert normalise_expression(normal) == normal
    assert normalise_expression(f"( ({text}) )") == normal


def test_deep_parentheses_are_taken_off_in_steps_that_grow_with_their_number() -> None:
    assert normalise_expression("(" * 400 + "a" + ")" * 400) == "a"
    assert normalise_expression("(" * 400 + "a" + ")" * 399).startswith("( (")


# Renaming and looking for names


@pytest.mark.parametrize(
    ("sql", "renamed"),
    [
        ("a > 1", '"b" > 1'),
        ('"a" > a', '"b" > "b"'),
        ("`a`+[a]", '"b"+"b"'),
        ("'a' = a", "'a' = \"b\""),
        ("a -- a\n", '"b" -- a\n'),
        ("/* a */ a", '/* a */ "b"'),
        ("aa + a1", "aa + a1"),
        ("A > 1", "A > 1"),
        ("", ""),
    ],
)
def test_names_are_replaced_and_nothing_else(sql: str, renamed: str) -> None:
    assert rename_identifiers(sql, {"a": "b"}) == renamed


def test_two_names_may_swap_and_a_new_name_is_quoted() -> None:
    assert rename_identifiers("a < b", {"a": "b", "b": "a"}) == '"b" < "a"'
    assert rename_identifiers("a", {"a": 'x"y z'}) == '"x""y z"'


@pytest.mark.parametrize("seed", range(30))
def test_without_names_a_text_stays_as_it_is(seed: int) -> None:
    text = random_text(seed)
    assert rename_identifiers(text, {}) == text
    assert rename_identifiers(text, {"not_there": "x"}) == text


@pytest.mark.parametrize(
    ("sql", "names", "found"),
    [
        ("a > 1", ["a"], True),
        ("A > 1", ["a"], True),
        ('"a" > 1', ["A"], True),
        ("'a' = 1", ["a"], False),
        ("-- a", ["a"], False),
        ("ab", ["a"], False),
        ("a", [], False),
        ("", ["a"], False),
        ("b + c", ["a", "c"], True),
    ],
)
def test_a_name_is_found_in_any_case_outside_of_strings(
    sql: str, names: list[str], found: bool
) -> None:
    assert mentions(sql, names) is found


# Values


@pytest.mark.parametrize(
    ("value", "neutral_type", "back"),
    [
        (None, "TEXT", None),
        (True, "BOOLEAN", 1),
        (False, "BOOLEAN", 0),
        (0, "INTEGER", 0),
        (-(2**63), "BIGINT", -(2**63)),
        (1.5, "REAL", 1.5),
        (1e300, "REAL", 1e300),
        ("1.50", "NUMERIC(8,2)", "1.50"),
        ("", "VARCHAR(9)", ""),
        ('it\'s "ä" \\ \n ☃ --', "TEXT", 'it\'s "ä" \\ \n ☃ --'),
        ("01ff", "BINARY", b"\x01\xff"),
        ("", "BINARY", b""),
        ({"a": "it's"}, "JSON", '{"a": "it\'s"}'),
        ([1, "x"], "INTEGER[]", '[1, "x"]'),
        ("x", "JSON", '"x"'),
        (5, "JSON", "5"),
        (True, "json", "true"),
        ("2025-01-01", "DATE", "2025-01-01"),
    ],
)
def test_a_literal_is_its_value_to_the_database(value: Any, neutral_type: str, back: Any) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        row = connection.execute(f"SELECT {sql_literal(value, neutral_type)}").fetchone()
    assert row == (back,)


@pytest.mark.parametrize("text", ["", "'", "''", "a'b''c", "\\'", "';--", "ä☃\n"])
def test_a_quoted_text_is_one_text_whatever_is_in_it(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute(f"SELECT {quoted_text(text)}").fetchone() == (text,)
    assert [kind for kind, _, _ in tokens(quoted_text(text))] == ["string"]


def test_a_default_of_the_database_stands_in_parentheses() -> None:
    assert default_clause("1 + 1") == "(1 + 1)"
