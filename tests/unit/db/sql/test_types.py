"""Types of values: one object each, found by column and by value, and how literals of them travel."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID as UUIDValue

import pytest

from openviper.db.dialects.lookup import dialect_for
from openviper.db.fields import CharField, DecimalField, DurationField, SensitiveField
from openviper.db.sql import types
from openviper.db.sql.types import (
    MAX_PLACES,
    ResultType,
    array_type,
    decimal_type,
    literal_reader,
    literal_writer,
    plain_decimal,
    type_of_field,
    type_of_value,
)
from openviper.exceptions import FieldError
from tests.unit.db.sql.kinds import VENDORS, Thing


class Level(IntEnum):
    LOW = 1


class Word(Enum):
    YES = "yes"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("id", types.INTEGER),
        ("n", types.INTEGER),
        ("price", decimal_type(2, 8)),
        ("weight", types.FLOAT),
        ("name", types.TEXT),
        ("made", types.DATETIME),
        ("day", types.DATE),
        ("at", types.TIME),
        ("took", types.DURATION),
        ("ok", types.BOOLEAN),
        ("data", types.JSON),
        ("code", types.UUID),
        ("blob", types.BYTES),
        ("maker", types.INTEGER),
    ],
)
def test_each_column_has_a_type(name: str, expected: ResultType) -> None:
    assert type_of_field(Thing._meta.field(name)) is expected


def test_arrays_know_their_elements_and_what_is_encrypted_is_opaque() -> None:
    tags = type_of_field(Thing._meta.field("tags"))
    assert tags.element is types.TEXT and str(tags) == "array of text"
    assert type_of_field(SensitiveField()) is types.OPAQUE
    assert type_of_field(DurationField()) is types.DURATION
    assert type_of_field(CharField(max_length=3)) is types.TEXT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, types.BOOLEAN),
        (1, types.INTEGER),
        (1.5, types.FLOAT),
        ("x", types.TEXT),
        (datetime(2020, 1, 1), types.DATETIME),
        (date(2020, 1, 1), types.DATE),
        (time(1), types.TIME),
        (timedelta(1), types.DURATION),
        (b"x", types.BYTES),
        ([1], types.JSON),
        ({}, types.JSON),
        (None, types.NULL),
        (UUIDValue(int=1), types.UUID),
        (Level.LOW, types.INTEGER),
        (Word.YES, types.TEXT),
        (Decimal("1.50"), decimal_type(2)),
        (Decimal(3), decimal_type(0)),
        (Decimal("1E+5"), decimal_type(0)),
        (Decimal("1e-50"), decimal_type(MAX_PLACES)),
    ],
)
def test_each_value_has_a_type(value: object, expected: ResultType) -> None:
    assert type_of_value(value) is expected


@pytest.mark.parametrize("value", [object(), {1}, (1,), int, Decimal("NaN"), Decimal("-Infinity")])
def test_what_no_database_computes_with_has_none(value: object) -> None:
    with pytest.raises(FieldError, match="a database can compute with"):
        type_of_value(value)


def test_equal_types_are_one_object() -> None:
    assert decimal_type(2) is decimal_type(2, None)
    assert decimal_type(MAX_PLACES) is decimal_type(MAX_PLACES + 12)
    assert decimal_type(2, 8) is not decimal_type(2)
    assert type_of_field(DecimalField(max_digits=8, decimal_places=2)) is decimal_type(2, 8)
    assert array_type(types.TEXT, "TEXT[]") is array_type(types.TEXT, "TEXT[]")
    assert array_type(types.TEXT, "TEXT[]") is not array_type(types.TEXT, "VARCHAR(5)[]")


def test_the_neutral_type_has_digits_where_they_are_known() -> None:
    assert decimal_type(2).neutral == "NUMERIC"
    assert decimal_type(2, 8).neutral == "NUMERIC(8,2)"


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        (types.INTEGER, 2**63 - 1, 2**63 - 1),
        (types.INTEGER, True, 1),
        (types.FLOAT, 1, 1.0),
        (types.DURATION, timedelta(milliseconds=1), 1000),
        (types.TEXT, "x", "x"),
        (types.BYTES, b"x", b"x"),
    ],
)
def test_what_is_written_alike_everywhere(
    vendor: str, kind: ResultType, value: Any, written: Any
) -> None:
    found = literal_writer(kind, dialect_for(vendor))(value)
    assert found == written and type(found) is type(written)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_whole_numbers_have_64_bits(number: int) -> None:
    with pytest.raises(ValueError, match="does not fit into 64 bits"):
        literal_writer(types.INTEGER, dialect_for("sqlite"))(number)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (Decimal("1.00"), 1),
        (Decimal("-0.5"), -0.5),
        (Decimal(2**63 - 1), 2**63 - 1),
        (Decimal(2**63), float(2**63)),
        (Decimal("1e30"), 1e30),
    ],
)
def test_sqlite_computes_with_whole_numbers_or_floating_points(
    number: Decimal, expected: float
) -> None:
    found = plain_decimal(number)
    assert found == expected and type(found) is type(expected)
    assert literal_writer(decimal_type(2), dialect_for("sqlite"))(number) == expected
    assert literal_writer(decimal_type(2), dialect_for("mysql"))(number) is number


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [
        (decimal_type(2), 0.305, Decimal("0.31")),
        (decimal_type(2), 1, Decimal("1.00")),
        (decimal_type(2), Decimal("-0.305"), Decimal("-0.31")),
        (decimal_type(0), "2.5", Decimal("3")),
        (decimal_type(30), Decimal("1e60"), Decimal("1e60")),
        (types.INTEGER, 1.0, 1),
        (types.FLOAT, 1, 1.0),
        (types.BOOLEAN, 0, False),
        (types.DURATION, Decimal("1500.0"), timedelta(microseconds=1500)),
        (types.DATETIME, "2020-01-01 00:00:00.000000", datetime(2020, 1, 1, tzinfo=UTC)),
        (types.DATE, "2020-01-01 00:00:00", date(2020, 1, 1)),
        (types.JSON, "[1]", [1]),
    ],
)
def test_computed_values_are_read_as_their_type(
    kind: ResultType, stored: Any, expected: Any
) -> None:
    read = literal_reader(kind, dialect_for("sqlite"), aware=True)
    assert read is not None
    found = read(stored)
    assert found == expected and type(found) is type(expected)


def test_a_text_needs_no_reader() -> None:
    assert literal_reader(types.TEXT, dialect_for("sqlite"), aware=True) is None
