"""The dialect of SQLite, held against SQLite itself."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from openviper.db.connections.drivers.sqlite_open import regexp
from openviper.db.dialects.sqlite import SQLiteDialect
from openviper.db.dialects.sqlite_functions import register_functions

DIALECT = SQLiteDialect()


@pytest.mark.parametrize(
    ("neutral_type", "value"),
    [
        ("BOOLEAN", True),
        ("DATETIME", datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)),
        ("DATE", date(2026, 1, 2)),
        ("TIME", time(3, 4, 5, 6)),
        ("UUID", UUID(int=5)),
        ("JSON", {"a": [1, "ä", None]}),
        ("NUMERIC(8,2)", Decimal("12.50")),
        ("REAL", 1.5),
    ],
)
def test_a_value_comes_back_as_it_went_in(neutral_type: str, value: Any) -> None:
    writer, reader = DIALECT.writer(neutral_type), DIALECT.reader(neutral_type)
    raw = sqlite3.connect(":memory:")
    stored = raw.execute("SELECT ?", (writer(value) if writer else value,)).fetchone()[0]
    raw.close()
    assert (reader(stored) if reader else stored) == value


def test_a_time_stamp_is_stored_in_utc_without_offset() -> None:
    writer, reader, naive = (
        DIALECT.writer("DATETIME"),
        DIALECT.reader("DATETIME"),
        DIALECT.reader("DATETIME", aware=False),
    )
    assert writer and reader and naive
    moment = datetime(2026, 1, 2, 3, 0, tzinfo=timezone(timedelta(hours=2)))
    assert writer(moment) == "2026-01-02 01:00:00.000000"
    assert reader("2026-01-02T01:00:00+02:00") == datetime(2026, 1, 1, 23, 0, tzinfo=UTC)
    assert naive("2026-01-02 01:00:00") == datetime(2026, 1, 2, 1, 0)


@pytest.mark.parametrize(
    "nasty", ["50%", "a_b", "a*b", "what?", "[x]", "back\\slash", "it's", 'quo"te', "^$."]
)
@pytest.mark.parametrize(
    "lookup",
    ["contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "iexact"],
)
def test_wildcards_in_a_value_mean_themselves(lookup: str, nasty: str) -> None:
    raw = sqlite3.connect(":memory:")
    register_functions(raw)
    raw.execute("CREATE TABLE t (v TEXT)")
    raw.executemany(
        "INSERT INTO t VALUES (?)", [(nasty,), (f"x{nasty}x",), ("other",), ("5000",), ("aXb",)]
    )
    condition = DIALECT.text_lookup(lookup, "v", ":text", is_ascii=True)
    found = [
        row[0]
        for row in raw.execute(
            f"SELECT v FROM t WHERE {condition}", {"text": DIALECT.text_operand(lookup, nasty)}
        )
    ]
    raw.close()
    expected = [nasty, f"x{nasty}x"] if "contains" in lookup else [nasty]
    assert found == expected


@pytest.mark.parametrize(
    ("lookup", "found"),
    [
        ("contains", ["Abc"]),
        ("icontains", ["Abc", "aBC"]),
        ("regex", ["Abc"]),
        ("iregex", ["Abc", "aBC"]),
    ],
)
def test_case_counts_only_where_it_should(lookup: str, found: list[str]) -> None:
    raw = sqlite3.connect(":memory:")
    raw.create_function("regexp", 2, regexp)
    register_functions(raw)
    raw.execute("CREATE TABLE t (v TEXT)")
    raw.executemany("INSERT INTO t VALUES (?)", [("Abc",), ("aBC",), (None,)])
    rows = raw.execute(
        f"SELECT v FROM t WHERE {DIALECT.text_lookup(lookup, 'v', ':text', is_ascii=True)}",
        {"text": DIALECT.text_operand(lookup, "Ab")},
    )
    assert [row[0] for row in rows] == found
    raw.close()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("year", 2026),
        ("month", 1),
        ("day", 2),
        ("hour", 3),
        ("minute", 4),
        ("second", 5),
        ("date", "2026-01-02"),
        ("time", "03:04:05"),
    ],
)
def test_parts_of_a_time_stamp(part: str, value: object) -> None:
    raw = sqlite3.connect(":memory:")
    sql = DIALECT.date_part(part, "'2026-01-02 03:04:05.678000'")
    assert raw.execute(f"SELECT {sql}").fetchone() == (value,)
    raw.close()


def test_a_missing_table_is_recognised() -> None:
    raw = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as caught:
        raw.execute("SELECT 1 FROM blog_post")
    raw.close()
    assert DIALECT.missing_table(caught.value) == "blog_post"
    assert DIALECT.missing_table(ValueError("no")) is None


def test_an_old_library_is_not_asked_for_what_it_lacks() -> None:
    assert SQLiteDialect((3, 31, 0)).max_variables == 999


@pytest.mark.parametrize(
    "text",
    [
        "1234567890123456.7891",
        "12345678901234567890",
        "9223372036854775809",
        "0.12345678901234567",
        "9007199254740993.5",
        "-0.10000000000000000001",
    ],
)
def test_a_decimal_that_sqlite_would_change_is_refused(text: str) -> None:
    writer = DIALECT.writer("NUMERIC(20,4)")
    assert writer is not None
    with pytest.raises(ValueError, match="more digits than SQLite keeps"):
        writer(Decimal(text))


@pytest.mark.parametrize(
    "text",
    [
        "123456789012345",
        "-12345678901234.5",
        "0.000000000000015",
        "1234567890123456.5000",
        "9007199254740993",
        "9007199254740993.0000",
        "9223372036854775807",
        "-9223372036854775808",
        "1e300",
        "0.1234567890123456",
        "1000000000000000000000",
    ],
)
def test_a_decimal_that_is_kept_comes_back_equal(text: str) -> None:
    writer, reader = DIALECT.writer("NUMERIC(20,4)"), DIALECT.reader("NUMERIC(20,4)")
    assert writer is not None and reader is not None
    raw = sqlite3.connect(":memory:")
    raw.execute("CREATE TABLE t (v NUMERIC(20,4))")
    raw.execute("INSERT INTO t VALUES (?)", (writer(Decimal(text)),))
    assert reader(raw.execute("SELECT v FROM t").fetchone()[0]) == Decimal(text)
    raw.close()


@pytest.mark.parametrize("text", ["1E+999999999", "-1E-999999999"])
def test_a_decimal_is_not_written_out_in_gigabytes(text: str) -> None:
    writer = DIALECT.writer("NUMERIC(20,4)")
    assert writer is not None
    with pytest.raises(ValueError, match="outside of the numbers that SQLite knows"):
        writer(Decimal(text))


def test_every_decimal_is_either_kept_or_refused() -> None:
    writer, reader = DIALECT.writer("NUMERIC(25,9)"), DIALECT.reader("NUMERIC(25,9)")
    assert writer is not None and reader is not None
    random = Random(1)
    raw = sqlite3.connect(":memory:")
    raw.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v NUMERIC(25,9))")
    kept = refused = 0
    for digits in range(1, 22):
        for _ in range(100):
            value = Decimal(random.randrange(10 ** (digits - 1), 10**digits)).scaleb(
                -random.randrange(10)
            )
            try:
                raw.execute("REPLACE INTO t VALUES (1, ?)", (writer(value),))
            except ValueError:
                assert digits > 15
                refused += 1
            else:
                assert reader(raw.execute("SELECT v FROM t").fetchone()[0]) == value
                # What compares with it must find it.
                assert raw.execute("SELECT 1 FROM t WHERE v = ?", (writer(value),)).fetchone()
                kept += 1
    raw.close()
    assert kept > 1500 and refused > 100
