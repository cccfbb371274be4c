"""Values written into SQL text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openviper.db.dialects.inline import inline, literal
from tests.servers import VENDORS, run_on_server

HARD = [
    "it's",
    "a\\b",
    "50%",
    "%s",
    "?",
    'say "x"',
    "`",
    "",
    "ü",
    "'; DROP TABLE x; --",
    "line\nbreak",
]


@pytest.mark.parametrize("text", HARD)
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_text_comes_back_from_every_database_as_it_is(vendor: str, text: str) -> None:
    sql = f"SELECT {literal(text, vendor)}"
    if vendor == "sqlite":
        with closing(sqlite3.connect(":memory:")) as connection:
            rows: list[Any] = connection.execute(sql).fetchall()
    else:
        rows = run_on_server(vendor, sql)
    assert rows[0][0] == text


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (None, ("NULL", "NULL", "NULL")),
        (True, ("1", "TRUE", "1")),
        (-3, ("-3", "-3", "-3")),
        (1.5, ("1.5", "1.5", "1.5")),
        (Decimal("1E+3"), ("1000", "1000", "1000")),
        (b"\x00\xff", ("X'00ff'", "'\\x00ff'::bytea", "X'00ff'")),
        (date(2025, 1, 2), ("'2025-01-02'",) * 3),
        (time(3, 4), ("'03:04:00'",) * 3),
        (datetime(2025, 1, 2, tzinfo=UTC), ("'2025-01-02 00:00:00.000000+00:00'",) * 3),
        (UUID(int=1), ("'00000000-0000-0000-0000-000000000001'",) * 3),
    ],
)
def test_each_kind_of_value_has_its_literal(value: Any, texts: tuple[str, ...]) -> None:
    assert tuple(literal(value, vendor) for vendor in VENDORS) == texts


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Decimal("NaN"), "a\0b", [1], object()]
)
def test_what_has_no_literal_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="cannot stand in a schema"):
        literal(value, "postgresql")


def test_placeholders_are_replaced_outside_of_strings_and_names_only() -> None:
    assert inline("a = ? AND b = '?' AND \"?\" > ?", ("x?", 2), "sqlite") == (
        "a = 'x?' AND b = '?' AND \"?\" > 2"
    )
    assert inline("a LIKE %s AND b %% 2 = 0 AND c LIKE '%%x'", ("50%",), "postgresql") == (
        "a LIKE '50%' AND b % 2 = 0 AND c LIKE '%x'"
    )
    assert inline("`a?` = %s AND b ? 'k'", (1,), "mysql") == "`a?` = 1 AND b ? 'k'"


@pytest.mark.parametrize(("sql", "values"), [("a = ?", ()), ("a = 1", (1,)), ("? ?", (1, 2, 3))])
def test_values_and_placeholders_must_agree(sql: str, values: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="(more|fewer) values than placeholders"):
        inline(sql, values, "sqlite")
