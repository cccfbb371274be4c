"""Values on their way: same forms, and what a target refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openviper.db.dialects.lookup import dialect_for
from openviper.db.fields import BinaryField, DecimalField, FloatField, JSONField, TextField
from openviper.db.fields.base import Field
from openviper.db.transfer.values import misfit, reader_of, same_form_of, writer_of

VENDORS = ("sqlite", "postgresql", "mysql")


@pytest.mark.parametrize(
    ("neutral_type", "one", "other"),
    [
        ("REAL", 0.0, -0.0),
        ("NUMERIC(8,2)", Decimal("1.10"), Decimal("1.1")),
        ("JSON", '{"a": 1, "b": 2}', '{"b":2.0,"a":1}'),
        ("NUMERIC(8,2)[]", [Decimal("1.10"), None], [Decimal("1.1"), None]),
    ],
)
def test_what_vendors_keep_differently_has_one_form(
    neutral_type: str, one: Any, other: Any
) -> None:
    assert same_form_of(neutral_type)(one) == same_form_of(neutral_type)(other)


@pytest.mark.parametrize(
    ("neutral_type", "one", "other"),
    [
        ("TEXT", "a", "A"),
        ("TEXT", "a" * 5000, "a" * 4999 + "b"),
        ("BINARY", b"\x00" * 5000, b"\x00" * 5001),
        ("DATETIME", datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 0, 0, 0, 1, UTC)),
        ("INTEGER[]", [1, 2], [2, 1]),
        ("NUMERIC(8,2)", Decimal("NaN"), Decimal(0)),
    ],
)
def test_what_differs_has_two_forms(neutral_type: str, one: Any, other: Any) -> None:
    assert same_form_of(neutral_type)(one) != same_form_of(neutral_type)(other)


@pytest.mark.parametrize(
    ("neutral_type", "value", "problem"),
    [
        ("INTEGER", "1", "holds a text and not a whole number"),
        ("INTEGER", 1.5, "holds a number and not a whole number"),
        ("TEXT", b"x", "holds bytes and not a text"),
        ("BINARY", "x", "holds a text and not bytes"),
        ("BOOLEAN", 2, "holds a whole number and not a truth value"),
        ("DATE", datetime(2024, 1, 1), "holds a datetime and not a date"),
        ("UUID", "x", "holds a text and not a UUID"),
        ("INTEGER[]", ["x"], "holds a text and not a whole number"),
        ("INTEGER[]", 1, "holds a whole number and not a list"),
        ("JSON", "{", "Expecting"),
    ],
)
def test_a_value_of_another_type_is_refused(neutral_type: str, value: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        same_form_of(neutral_type)(value)


def read(field: Field[Any], value: Any, vendor: str = "sqlite") -> Any:
    """Return a driver's value as it is read."""
    convert = reader_of(field, dialect_for(vendor), aware=True)
    return value if convert is None else convert(value)


def write(field: Field[Any], value: Any, vendor: str) -> Any:
    """Return a value as it is written."""
    convert = writer_of(field, dialect_for(vendor))
    return value if convert is None else convert(value)


def test_json_and_bytes_are_read_as_they_are() -> None:
    assert read(JSONField(), '{"n": 1.10}') == '{"n": 1.10}'
    assert read(JSONField(), b"[]") == "[]"
    assert read(JSONField(), 5) == "5"
    assert read(BinaryField(), memoryview(b"x")) == b"x"


@pytest.mark.parametrize(
    ("field", "value", "refusing"),
    [
        (FloatField(), float("nan"), {"sqlite", "mysql"}),
        (FloatField(), float("inf"), {"mysql"}),
        (DecimalField(max_digits=5, decimal_places=2), Decimal("NaN"), {"sqlite", "mysql"}),
        (TextField(), "a\x00b", {"postgresql"}),
        (JSONField(), '"a\\u0000b"', {"postgresql"}),
        (JSONField(), '["\\ud800"]', {"postgresql"}),
        (
            DecimalField(max_digits=30, decimal_places=10),
            Decimal("1234567890.1234567891"),
            {"sqlite"},
        ),
    ],
    # Sets have no order that two processes agree on, and pytest -n wants one name for a test.
    ids=lambda value: "-".join(sorted(value)) if isinstance(value, set) else repr(value),
)
def test_a_value_that_a_vendor_cannot_keep_is_refused(
    field: Field[Any], value: Any, refusing: set[str]
) -> None:
    refused = set()
    for vendor in VENDORS:
        try:
            write(field, value, vendor)
        except ValueError:
            refused.add(vendor)
    assert refused == refusing


@pytest.mark.parametrize(
    ("neutral_type", "good", "bad"),
    [
        ("VARCHAR(3)", "🐍🐍🐍", "🐍🐍🐍🐍"),
        ("TEXT", "x" * 9999, "x\udc80"),
        ("SMALLINT", -32768, 32768),
        ("INTEGER", 2**31 - 1, 2**31),
        ("BIGINT", -(2**63), 2**63),
        ("NUMERIC(5,2)", Decimal("999.99"), Decimal("1000")),
    ],
)
def test_a_value_that_does_not_fit_is_seen(neutral_type: str, good: Any, bad: Any) -> None:
    assert misfit(neutral_type, good) is None
    assert misfit(neutral_type, bad) is not None


@pytest.mark.parametrize(
    ("neutral_type", "value"),
    [
        ("NUMERIC(5,2)", Decimal(0)),
        ("UUID", UUID(int=1)),
        ("DATE", date(1, 1, 1)),
        ("NUMERIC", Decimal(10**9)),
    ],
)
def test_what_has_no_limit_fits(neutral_type: str, value: Any) -> None:
    assert misfit(neutral_type, value) is None
