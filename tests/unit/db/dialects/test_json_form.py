"""Members of arrays as JSON: each value comes back as it was."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openviper.db.dialects.json_form import JSON_FORM

MOMENT = datetime(2025, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def there_and_back(value: Any, neutral_type: str, **options: bool) -> Any:
    """Return a value after it was written into a JSON text and read from it."""
    write, read = JSON_FORM.writer(neutral_type), JSON_FORM.reader(neutral_type, **options)
    text = json.dumps(value if write is None else write(value), allow_nan=False)
    stored = json.loads(text)
    return stored if read is None else read(stored)


@pytest.mark.parametrize(
    ("value", "neutral_type"),
    [
        (MOMENT, "DATETIME"),
        (datetime.max.replace(tzinfo=UTC), "DATETIME"),
        (datetime.min.replace(tzinfo=UTC), "DATETIME"),
        (date(2024, 2, 29), "DATE"),
        (time(0, 0, 0, 1), "TIME"),
        (time(23, 59, 59), "TIME"),
        (UUID(int=0), "UUID"),
        (Decimal("1.50"), "NUMERIC(8,2)"),
        (Decimal("-0.000001"), "NUMERIC"),
        (Decimal("1E+20"), "NUMERIC(30,0)"),
        (0.1 + 0.2, "REAL"),
        (math.inf, "REAL"),
        (-math.inf, "REAL"),
        (b"\x00\xff", "BINARY"),
        (b"", "BINARY"),
        ("ä☃\0", "TEXT"),
        (2**63 - 1, "BIGINT"),
        (True, "BOOLEAN"),
        ([[1], []], "INTEGER[]"),
    ],
)
def test_a_value_comes_back_as_it_was(value: Any, neutral_type: str) -> None:
    back = there_and_back(value, neutral_type)
    assert back == value
    assert type(back) is type(value)


def test_what_is_no_number_stays_none() -> None:
    assert math.isnan(there_and_back(math.nan, "REAL"))


@pytest.mark.parametrize("hours", [-11, 0, 14])
def test_a_moment_is_stored_in_utc_whatever_its_zone(hours: int) -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=hours)))
    assert there_and_back(there, "DATETIME") == MOMENT
    write = JSON_FORM.writer("DATETIME")
    assert write is not None and write(there) == "2025-01-31 23:59:59.999999"


def test_a_naive_moment_comes_back_naive_where_that_is_wanted() -> None:
    naive = MOMENT.replace(tzinfo=None)
    assert there_and_back(naive, "DATETIME", aware=False) == naive
    assert there_and_back(naive, "DATETIME") == MOMENT


def test_decimals_keep_their_places_and_are_written_without_exponent() -> None:
    assert str(there_and_back(Decimal("2.00"), "NUMERIC(8,2)")) == "2.00"
    write = JSON_FORM.writer("NUMERIC(30,0)")
    assert write is not None and write(Decimal("1E+20")) == "1" + "0" * 20


@pytest.mark.parametrize(
    "neutral_type", ["TEXT", "INTEGER", "VARCHAR(9)", "JSON", "DATETIME[]", "NUMERIC(8,2)[]"]
)
def test_what_json_has_itself_and_arrays_in_arrays_need_nothing(neutral_type: str) -> None:
    assert JSON_FORM.writer(neutral_type) is JSON_FORM.reader(neutral_type) is None
