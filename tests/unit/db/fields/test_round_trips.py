"""A value that a field takes comes back from SQLite as it was, and taking it again changes nothing."""

from __future__ import annotations

import json
import math
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest

from openviper.db.dialects import SQLiteDialect
from openviper.db.fields import (
    ArrayField,
    BigIntegerField,
    BinaryField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    EmailField,
    Field,
    FloatField,
    GenericIPAddressField,
    IntegerField,
    JSONField,
    SlugField,
    SmallIntegerField,
    TextField,
    TimeField,
    URLField,
    UUIDField,
)
from openviper.db.schemas.state import literal_default

SQLITE = SQLiteDialect()
LETTERS = "abzABZ019 _-'\"\\%\n\t äßİ☃😀\u0301\u2028"


def named(field: Field[Any]) -> Field[Any]:
    """Return the field as a model would hold it."""
    field.contribute_to_class(type("Holder", (), {}), "value")
    return field


def stored_and_read(field: Field[Any], value: Any) -> Any:
    """Return a value after a trip through a column of its type."""
    write, read = field.writer(SQLITE), field.reader(SQLITE, aware=True)
    plain = field.to_db(value)
    column = SQLITE.column_type(field.db_type()) if hasattr(SQLITE, "column_type") else ""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t (v {column})")
        connection.execute("INSERT INTO t VALUES (?)", (plain if write is None else write(plain),))
        (raw,) = connection.execute("SELECT v FROM t").fetchone()
    return raw if read is None else read(raw)


def some_text(chance: random.Random, most: int = 20) -> str:
    return "".join(chance.choices(LETTERS, k=chance.randint(0, most)))


def some_json(chance: random.Random, depth: int = 3) -> Any:
    """Return any value that JSON has, lists and objects in each other."""
    kinds: list[Callable[[], Any]] = [
        lambda: chance.randint(-(2**70), 2**70),
        lambda: chance.uniform(-1e6, 1e6),
        lambda: some_text(chance),
        lambda: chance.choice([True, False, None]),
    ]
    if depth:
        kinds += [
            lambda: [some_json(chance, depth - 1) for _ in range(chance.randint(0, 3))],
            lambda: {
                some_text(chance, 4): some_json(chance, depth - 1)
                for _ in range(chance.randint(0, 3))
            },
        ]
    return chance.choice(kinds)()


def some_moment(chance: random.Random) -> datetime:
    start = datetime(1, 1, 2, tzinfo=UTC)
    return start + timedelta(microseconds=chance.randrange(9998 * 365 * 86_400 * 10**6))


def some_decimal(chance: random.Random, digits: int, places: int) -> Decimal:
    return Decimal(chance.randint(-(10**digits) + 1, 10**digits - 1)).scaleb(-places)


MAKERS: dict[str, tuple[Callable[[], Field[Any]], Callable[[random.Random], Any]]] = {
    "integer": (IntegerField, lambda chance: chance.choice([-(2**31), 2**31 - 1, chance.randint(-999, 999)])),
    "small": (SmallIntegerField, lambda chance: chance.randint(-(2**15), 2**15 - 1)),
    "big": (BigIntegerField, lambda chance: chance.choice([-(2**63), 2**63 - 1, chance.randint(-(2**62), 2**62)])),
    "float": (FloatField, lambda chance: chance.choice([0.0, -0.0, 5e-324, 1.7e308, chance.uniform(-1e9, 1e9), 0.1 + 0.2])),
    "decimal": (lambda: DecimalField(max_digits=12, decimal_places=4), lambda chance: some_decimal(chance, 12, 4)),
    "whole decimal": (lambda: DecimalField(max_digits=15, decimal_places=0), lambda chance: some_decimal(chance, 15, 0)),
    "fraction": (lambda: DecimalField(max_digits=6, decimal_places=6), lambda chance: some_decimal(chance, 6, 6)),
    "boolean": (BooleanField, lambda chance: chance.choice([True, False])),
    "text": (TextField, some_text),
    "char": (lambda: CharField(max_length=20), some_text),
    "moment": (DateTimeField, some_moment),
    "date": (DateField, lambda chance: some_moment(chance).date()),
    "time": (TimeField, lambda chance: some_moment(chance).time()),
    "duration": (DurationField, lambda chance: timedelta(microseconds=chance.randint(-(2**62), 2**62))),
    "uuid": (UUIDField, lambda chance: UUID(int=chance.getrandbits(128))),
    "json": (JSONField, lambda chance: [some_json(chance)]),
    "binary": (BinaryField, lambda chance: chance.randbytes(chance.randint(0, 30))),
    "ipv4": (GenericIPAddressField, lambda chance: str(ip_address(chance.getrandbits(32)))),
    "ipv6": (GenericIPAddressField, lambda chance: str(ip_address(2**64 + chance.getrandbits(100)))),
    "integers": (lambda: ArrayField(IntegerField()), lambda chance: [chance.randint(-9, 9) for _ in range(chance.randint(0, 4))]),
    "texts": (lambda: ArrayField(CharField()), lambda chance: [some_text(chance) for _ in range(chance.randint(0, 4))]),
    "decimals": (lambda: ArrayField(DecimalField(decimal_places=3)), lambda chance: [some_decimal(chance, 9, 3)]),
    "moments": (lambda: ArrayField(DateTimeField()), lambda chance: [some_moment(chance) for _ in range(2)]),
    "nested": (lambda: ArrayField(ArrayField(UUIDField())), lambda chance: [[UUID(int=chance.getrandbits(128))], []]),
    "durations": (lambda: ArrayField(DurationField()), lambda chance: [timedelta(microseconds=chance.randint(-(2**62), 2**62))]),
    "blobs": (lambda: ArrayField(BinaryField()), lambda chance: [chance.randbytes(5), b""]),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", MAKERS)
def test_a_value_comes_back_as_it_was_with_its_type(kind: str, seed: int) -> None:
    make, choose = MAKERS[kind]
    field, value = named(make()), choose(random.Random(seed))
    field.validate(value)
    back = stored_and_read(field, value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", MAKERS)
def test_converting_twice_is_converting_once(kind: str, seed: int) -> None:
    make, choose = MAKERS[kind]
    field = named(make())
    once = field.to_python(choose(random.Random(seed)))
    assert field.to_python(once) == once
    assert field.to_db(field.to_db(once)) == field.to_db(once)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "kind",
    [kind for kind in MAKERS if kind not in ("json", "binary", "duration", "blobs", "durations")],
)
def test_the_text_of_a_value_is_understood(kind: str, seed: int) -> None:
    make, choose = MAKERS[kind]
    field, value = named(make()), choose(random.Random(seed))
    if isinstance(value, list):
        return
    assert field.to_python(str(value)) == value


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", MAKERS)
def test_a_default_can_stand_in_a_schema_file(kind: str, seed: int) -> None:
    make, choose = MAKERS[kind]
    value = choose(random.Random(seed))
    field = named(make())
    field.default = value
    literal = literal_default(field)
    if kind == "blobs":
        assert literal == [each.hex() for each in value]
    assert json.loads(json.dumps(literal)) == literal


@pytest.mark.parametrize("seed", range(30))
def test_a_duration_is_read_from_what_python_writes(seed: int) -> None:
    chance = random.Random(seed)
    value = timedelta(microseconds=chance.randint(-(2**62), 2**62) >> chance.randint(0, 62))
    assert named(DurationField()).to_python(str(value)) == value


# What no column could keep


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (IntegerField(), Decimal("1E+1000000000")),
        (IntegerField(), Decimal("1E-1000000000")),
        (IntegerField(), Decimal("Infinity")),
        (IntegerField(), math.inf),
        (IntegerField(), math.nan),
        (IntegerField(), 1.5),
        (IntegerField(), "1.0"),
        (IntegerField(), "0x10"),
        (IntegerField(), b"5"),
        (IntegerField(), [5]),
        (BigIntegerField(), 2**63),
        (BigIntegerField(), -(2**63) - 1),
        (BigIntegerField(), 1e300),
        (BigIntegerField(), 10**5000),
        (BigIntegerField(), "9" * 5000),
        (DecimalField(), Decimal("1E+1000000000")),
        (DecimalField(), Decimal("NaN")),
        (DecimalField(), Decimal("sNaN")),
        (DecimalField(), math.inf),
        (DecimalField(), "1,5"),
        (DecimalField(), "1.005"),
        (DecimalField(max_digits=3, decimal_places=2), "10"),
        (DecimalField(), [1]),
        (FloatField(), "1,5"),
        (FloatField(), 10**400),
        (FloatField(), math.nan),
        (DurationField(), True),
        (DurationField(), 1.5),
        (DurationField(), timedelta.max),
        (DurationField(), "9" * 30 + ":00:00"),
        (DurationField(), "1:2:3"),
        (DurationField(), "1 days"),
        (TimeField(), time(1, tzinfo=UTC)),
        (TimeField(), "25:00"),
        (DateField(), "2025-02-29"),
        (DateField(), 20250101),
        (DateTimeField(), 1_700_000_000),
        (DateTimeField(), datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))),
        (DateTimeField(), datetime.min.replace(tzinfo=timezone(timedelta(hours=12)))),
        (UUIDField(), "0" * 31),
        (UUIDField(), b"0" * 16),
        (TextField(), "\ud800"),
        (TextField(), object()),
        (TextField(), b"x"),
        (CharField(max_length=3), "abcd"),
        (SlugField(), "-a"),
        (SlugField(), "a b"),
        (SlugField(), "ä"),
        (SlugField(), "a\n"),
        (EmailField(), "a@b@c"),
        (EmailField(), "a@-b.example"),
        (EmailField(), "a b@c.example"),
        (EmailField(), "a@b..example"),
        (EmailField(), "@b.example"),
        (EmailField(), "a@b.example\n"),
        (URLField(), "javascript:alert(1)"),
        (URLField(), "http://"),
        (URLField(), "http://[::1"),
        (URLField(), "http://h:99999/"),
        (URLField(), "http://h/\n"),
        (URLField(), "//h/"),
        (GenericIPAddressField(), "1.2.3"),
        (GenericIPAddressField(), "01.2.3.4"),
        (GenericIPAddressField(), "fe80::1%eth0"),
        (GenericIPAddressField(protocol="IPv4"), "::1"),
        (GenericIPAddressField(protocol="IPv6"), "192.0.2.1"),
        (ArrayField(IntegerField()), "12"),
        (ArrayField(IntegerField()), [1, None]),
        (ArrayField(IntegerField(), 1), [1, 2]),
        (ArrayField(ArrayField(IntegerField())), [[1], ["x"]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_no_column_keeps_is_refused_and_the_field_named(
    field: Field[Any], value: Any
) -> None:
    with pytest.raises(ValueError, match="^value") as caught:
        named(field).validate(value)
    assert len(str(caught.value)) < 6000
