"""What fields make of values, and which they refuse."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from openviper.db.dialects import SQLiteDialect
from openviper.db.dialects.lookup import dialect_for
from openviper.db.fields import (
    ArrayField,
    AutoField,
    BigAutoField,
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
    FileField,
    FloatField,
    ForeignKey,
    GenericIPAddressField,
    HTMLField,
    ImageField,
    IntegerField,
    IPAddressField,
    JSONField,
    NullBooleanField,
    PasswordField,
    PositiveIntegerField,
    SensitiveField,
    SlugField,
    SmallIntegerField,
    TextField,
    TimeField,
    URLField,
    UUIDField,
)
from openviper.db.schemas.state import literal_default
from openviper.db.sql.rows.to_rows import names_for


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def named(field: Field[Any]) -> Field[Any]:
    """Return the field as a model would hold it."""
    field.contribute_to_class(type("Holder", (), {}), "value")
    return field


CONVERTED: list[tuple[Field[Any], Any, Any]] = [
    (IntegerField(), "12", 12),
    (IntegerField(), 3.0, 3),
    (IntegerField(), True, 1),
    (FloatField(), "1.5", 1.5),
    (FloatField(), 2, 2.0),
    (DecimalField(), "1.20", Decimal("1.20")),
    (DecimalField(), 0.1, Decimal("0.1")),
    (BooleanField(), "Yes", True),
    (BooleanField(), "off", False),
    (BooleanField(), "false", False),
    (BooleanField(), 1, True),
    (CharField(), 5, "5"),
    (CharField(), Colour.RED, "red"),
    (TextField(), "ü", "ü"),
    (DateField(), "2026-01-02", date(2026, 1, 2)),
    (DateField(), datetime(2026, 1, 2, 23, 0), date(2026, 1, 2)),
    (DateField(), "2026-01-02T10:00:00", date(2026, 1, 2)),
    (TimeField(), "10:20:30.5", time(10, 20, 30, 500000)),
    (DateTimeField(), "2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
    (DateTimeField(), date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)),
    (
        DateTimeField(),
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 1, 1, 23, tzinfo=UTC),
    ),
    (UUIDField(), "00000000000000000000000000000007", UUID(int=7)),
    (UUIDField(), str(UUID(int=7)), UUID(int=7)),
    (NullBooleanField(), "no", False),
    (BinaryField(), "ü", b"\xc3\xbc"),
    (BinaryField(), bytearray(b"x"), b"x"),
    (BinaryField(), memoryview(b"x"), b"x"),
    (DurationField(), 1_500_000, timedelta(seconds=1, microseconds=500000)),
    (DurationField(), "1 day, 2:03:04.5", timedelta(1, 7384, 500000)),
    (DurationField(), "-1 day, 23:59:59.999999", timedelta(microseconds=-1)),
    (DurationField(), "-0:00:01", timedelta(seconds=-1)),
    (IPAddressField(), ip_address("192.0.2.1"), "192.0.2.1"),
    (IPAddressField(), "2001:DB8::01", "2001:DB8::01"),
    (GenericIPAddressField(), "2001:0DB8:0::01", "2001:db8::1"),
    (GenericIPAddressField(), " 192.0.2.1 ", "192.0.2.1"),
    (GenericIPAddressField(), "::FFFF:192.0.2.1", "::ffff:192.0.2.1"),
    (GenericIPAddressField(), "::ffff:c000:201", "::ffff:192.0.2.1"),
    (GenericIPAddressField(unpack_ipv4=True), "::ffff:192.0.2.1", "192.0.2.1"),
    (GenericIPAddressField(unpack_ipv4=True, protocol="IPv4"), "::ffff:192.0.2.1", "192.0.2.1"),
    (GenericIPAddressField(protocol="IPv6"), "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    (HTMLField(), "<b onclick=x>y", "<b>y</b>"),
    (FileField(), "uploads/x.pdf", "uploads/x.pdf"),
    (ArrayField(IntegerField()), ("1", 2.0), [1, 2]),
    (ArrayField(ArrayField(IntegerField)), [["1"], []], [[1], []]),
    (ArrayField(CharField(choices=Colour)), [Colour.RED], ["red"]),
]


@pytest.mark.parametrize(("field", "value", "expected"), CONVERTED)
def test_values_are_converted(field: Field[Any], value: Any, expected: Any) -> None:
    converted = named(field).to_db(value)
    assert converted == expected and type(converted) is type(expected)
    assert field.to_db(None) is None


REFUSED: list[tuple[Field[Any], Any]] = [
    (IntegerField(), "x"),
    (IntegerField(), 1.5),
    (IntegerField(), float("inf")),
    (IntegerField(), 2**31),
    (IntegerField(), -(2**31) - 1),
    (IntegerField(), 2**64),
    (IntegerField(), []),
    (AutoField(), 2**31),
    (SmallIntegerField(), 2**15),
    (PositiveIntegerField(), -1),
    (BigIntegerField(), 2**63),
    (FloatField(), "x"),
    (FloatField(), float("nan")),
    (FloatField(), float("-inf")),
    (DecimalField(), "x"),
    (DecimalField(), Decimal("NaN")),
    (DecimalField(max_digits=4), Decimal("123.4")),
    (DecimalField(), Decimal("1.234")),
    (BooleanField(), "perhaps"),
    (BooleanField(), 2),
    (CharField(max_length=3), "abcd"),
    (CharField(), b"bytes"),
    (CharField(), None),
    (CharField(choices=[("a", "A")]), "b"),
    (CharField(choices=Colour), "green"),
    (TextField(), "\ud800"),
    (EmailField(), "no at sign"),
    (EmailField(), "two@at@signs"),
    (EmailField(), "a@-bad-.com"),
    (EmailField(), "a\n@b.com"),
    (EmailField(), "@b.com"),
    (EmailField(), "a@"),
    (SlugField(), "not a slug"),
    (SlugField(), "-x"),
    (URLField(), "ftp://host"),
    (URLField(), "http://"),
    (URLField(), "http://host:99999"),
    (URLField(), "javascript:alert(1)"),
    (PasswordField(), "abc"),
    (PasswordField(), "x" * 129),
    (DateField(), "2026-13-01"),
    (TimeField(), "25:00"),
    (TimeField(), time(1, tzinfo=UTC)),
    (DateTimeField(), "yesterday"),
    (DateTimeField(), 5),
    (UUIDField(), "x"),
    (UUIDField(), 5),
    (DecimalField(max_digits=40, decimal_places=2), Decimal("1." + "0" * 30 + "1")),
    (DecimalField(max_digits=40, decimal_places=2), Decimal("1" + "0" * 38)),
    (DecimalField(), Decimal("1E+999999999")),
    (DecimalField(), Decimal("1E-999999999")),
    (CharField(), "\ud800"),
    (NullBooleanField(), "perhaps"),
    (BinaryField(), 5),
    (BinaryField(), "\ud800"),
    (BinaryField(), None),
    (DurationField(), "1:2:3:4"),
    (DurationField(), "1 day"),
    (DurationField(), True),
    (DurationField(), 1.5),
    (DurationField(), 2**63),
    (DurationField(), 10**30),
    (DurationField(), "999999999 days, 0:00:00"),
    (DurationField(), timedelta.max),
    (IPAddressField(), "192.0.2"),
    (IPAddressField(), "192.0.2.256"),
    (IPAddressField(), ""),
    (GenericIPAddressField(), "x"),
    (GenericIPAddressField(), "::1%lo"),
    (GenericIPAddressField(protocol="IPv4"), "::1"),
    (GenericIPAddressField(protocol="IPv4"), "::ffff:192.0.2.1"),
    (GenericIPAddressField(protocol="IPv6"), "192.0.2.1"),
    (GenericIPAddressField(protocol="IPv6", unpack_ipv4=True), "::ffff:192.0.2.1"),
    (HTMLField(), b"<b>"),
    (FileField(), "/x"),
    (ImageField(), "x.svg"),
    (SensitiveField(), "x" * 320),
    (SensitiveField(), "\ud800"),
    (SensitiveField(null=False), None),
    (ArrayField(IntegerField()), None),
    (ArrayField(IntegerField()), "12"),
    (ArrayField(IntegerField()), {1, 2}),
    (ArrayField(IntegerField()), [1, None]),
    (ArrayField(IntegerField()), [1, "x"]),
    (ArrayField(IntegerField(), 2), [1, 2, 3]),
    (ArrayField(IntegerField(), choices=[(1, "One")]), [1, 2]),
    (ArrayField(CharField(max_length=2)), ["abc"]),
]


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_wrong_values_are_refused(field: Field[Any], value: Any) -> None:
    with pytest.raises(ValueError, match="value|utf-8"):
        named(field).validate(value)


ACCEPTED: list[tuple[Field[Any], Any]] = [
    (IntegerField(), 2**31 - 1),
    (BigAutoField(), 2**62),
    (FloatField(allow_inf=True), float("inf")),
    (FloatField(allow_nan=True), float("nan")),
    (DecimalField(max_digits=4), Decimal("12.34")),
    (DecimalField(max_digits=4, decimal_places=2), Decimal("1E+1")),
    (CharField(choices=Colour), Colour.RED),
    (CharField(choices=Colour), "blue"),
    (CharField(null=True), None),
    (EmailField(), "a.b+c@example.co.uk"),
    (EmailField(blank=True), ""),
    (SlugField(), "a-b_c9"),
    (URLField(), "https://example.com:8443/x?y#z"),
    (PasswordField(), None),
    (PasswordField(), "scrypt$" + "x" * 200),
    (PasswordField(), "long enough"),
    (DateTimeField(), None),
    (DecimalField(max_digits=40, decimal_places=2), Decimal("1" + "0" * 37 + ".25")),
    (DecimalField(max_digits=4), Decimal("0E+10")),
    (NullBooleanField(), None),
    (GenericIPAddressField(blank=True), ""),
    (IPAddressField(blank=True), ""),
    (SensitiveField(), "x" * 319),
    (SensitiveField(), None),
    (ArrayField(IntegerField(null=True), 3), [1, None, 3]),
    (ArrayField(IntegerField(), choices=[(1, "One")]), [1, 1]),
]


@pytest.mark.parametrize(("field", "value"), ACCEPTED)
def test_good_values_pass(field: Field[Any], value: Any) -> None:
    named(field).validate(value)


def test_a_password_never_stands_in_the_message() -> None:
    with pytest.raises(ValueError) as caught:
        named(PasswordField(min_length=12)).validate("hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("field", [one for one, *_ in CONVERTED])
def test_the_quick_tests_agree_with_the_full_checks(field: Field[Any]) -> None:
    named(field)
    exact, valid = field.exact_test(aware=True), field.valid_test()
    candidates: list[Any] = [
        0,
        1,
        -1,
        2**40,
        2**70,
        1.5,
        float("nan"),
        "x",
        "\ud800",
        "y" * 300,
        True,
        False,
    ]
    candidates += [
        Decimal("1.5"),
        Decimal("1.50"),
        Decimal("1.500"),
        Decimal("123456789.00"),
        Decimal("0e9"),
        Decimal("NaN"),
        UUID(int=1),
        date(2026, 1, 1),
        time(1),
        datetime(2026, 1, 1),
    ]
    candidates += [datetime(2026, 1, 1, tzinfo=UTC), b"", []]
    names = names_for("UUID")
    for candidate in candidates:
        if exact is not None and eval(exact.format("candidate"), {**names, "candidate": candidate}):
            assert field.to_column(candidate) == candidate
            assert repr(field.to_column(candidate)) == repr(candidate)
        if valid is not None and eval(valid.format("candidate"), {**names, "candidate": candidate}):
            if isinstance(candidate, str) and not candidate.isprintable() or candidate == "\ud800":
                continue  # Encoding is checked when the value is stored.
            field.validate(candidate)


def test_neutral_types() -> None:
    types: dict[str, Field[Any]] = {
        "INTEGER": IntegerField(),
        "BIGINT": BigAutoField(),
        "SMALLINT": SmallIntegerField(),
        "REAL": FloatField(),
        "NUMERIC(8,3)": DecimalField(max_digits=8, decimal_places=3),
        "VARCHAR(20)": CharField(max_length=20),
        "VARCHAR(254)": EmailField(),
        "VARCHAR(50)": SlugField(),
        "VARCHAR(2048)": URLField(),
        "VARCHAR(255)": PasswordField(max_length=64),
        "TEXT": TextField(),
        "BOOLEAN": BooleanField(),
        "DATETIME": DateTimeField(),
        "DATE": DateField(),
        "TIME": TimeField(),
        "UUID": UUIDField(),
        "JSON": JSONField(),
        "BINARY": BinaryField(),
        "VARCHAR(45)": IPAddressField(),
        "VARCHAR(39)": GenericIPAddressField(),
        "VARCHAR(512)": FileField(),
        "VARCHAR(100)": ImageField(max_length=100),
        "VARCHAR(700)": SensitiveField(max_length=700),
        "INTEGER[]": ArrayField(IntegerField),
        "VARCHAR(9)[]": ArrayField(CharField(max_length=9)),
        "NUMERIC(5,1)[]": ArrayField(DecimalField(max_digits=5, decimal_places=1)),
        "BIGINT[]": ArrayField(DurationField()),
        "BOOLEAN[][]": ArrayField(ArrayField(BooleanField())),
    }
    assert DurationField().db_type() == "BIGINT" and HTMLField().db_type() == "TEXT"
    assert (
        NullBooleanField().db_type() == "BOOLEAN" and SensitiveField().db_type() == "VARCHAR(512)"
    )
    assert {field.column_type for field in types.values()} == set(types)
    assert all(field.db_type() == name for name, field in types.items())


def test_json_is_limited_in_size_and_kind() -> None:
    write = named(JSONField(max_size=10)).writer(SQLiteDialect())
    assert write is not None
    assert write({"a": 1}) == '{"a":1}'
    with pytest.raises(ValueError, match="bytes"):
        write("x" * 20)
    with pytest.raises(ValueError, match="ü|bytes"):
        write("ü" * 5)
    with pytest.raises(ValueError, match="not a JSON value"):
        write(object())


def test_decimals_are_written_without_exponent_and_read_with_all_places() -> None:
    field = named(DecimalField(max_digits=30, decimal_places=2))
    write, read = field.writer(SQLiteDialect()), field.reader(SQLiteDialect(), aware=True)
    assert write is not None and read is not None
    assert write(Decimal("1E+3")) == "1000"
    assert str(read(1.5)) == "1.50" and str(read("7")) == "7.00"


def test_arguments_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError):
        CharField(max_length=0)
    with pytest.raises(ValueError):
        DecimalField(max_digits=2, decimal_places=3)
    for name in ("_x", "a__b", "a_", "pk"):
        with pytest.raises(ValueError):
            IntegerField().contribute_to_class(type("Holder", (), {}), name)
    with pytest.raises(ValueError):
        IntegerField(db_column="no column").contribute_to_class(type("Holder", (), {}), "x")
    with pytest.raises(ValueError, match="protocol='IPv5'"):
        GenericIPAddressField(protocol="IPv5")  # type: ignore[call-overload]  # what is tested
    with pytest.raises(ValueError, match="cannot be unique"):
        SensitiveField(unique=True)
    with pytest.raises(ValueError, match="size=0"):
        ArrayField(IntegerField, 0)


@pytest.mark.parametrize(
    "base", [5, int, None, JSONField(), SensitiveField(), FileField(), ForeignKey("self")]
)
def test_what_cannot_be_an_element_is_refused(base: Any) -> None:
    with pytest.raises(TypeError, match="described by a field|cannot be the element"):
        ArrayField(base)


def test_a_decimal_of_many_digits_is_read_with_all_of_them() -> None:
    read = named(DecimalField(max_digits=40, decimal_places=2)).reader(SQLiteDialect(), aware=True)
    assert read is not None
    assert str(read("1" + "0" * 37)) == "1" + "0" * 37 + ".00"


def test_the_element_of_an_array_is_at_hand() -> None:
    field = ArrayField(IntegerField(), 3)
    named(field)
    assert isinstance(field.base_field, IntegerField) and field.size == 3
    write = field.element_writer(SQLiteDialect())
    assert write is None
    write = ArrayField(UUIDField()).element_writer(SQLiteDialect())
    assert write is not None and write(UUID(int=1)) == str(UUID(int=1))


def test_an_array_is_json_where_there_are_no_arrays() -> None:
    field = named(ArrayField(DecimalField(max_digits=30, decimal_places=2)))
    write, read = field.writer(SQLiteDialect()), field.reader(SQLiteDialect(), aware=True)
    assert write is not None and read is not None
    assert write([Decimal("1.5"), None]) == '["1.5",null]'
    assert [str(one) for one in read('["1.5",2]')] == ["1.50", "2.00"]


def test_infinities_survive_in_an_array_of_json() -> None:
    field = named(ArrayField(FloatField(allow_inf=True)))
    write, read = field.writer(SQLiteDialect()), field.reader(SQLiteDialect(), aware=True)
    assert write is not None and read is not None
    assert read(write([1.5, float("-inf")])) == [1.5, float("-inf")]


def test_nested_arrays_come_back() -> None:
    field = named(ArrayField(ArrayField(DurationField())))
    write, read = field.writer(SQLiteDialect()), field.reader(SQLiteDialect(), aware=True)
    assert write is not None and read is not None
    assert write([[timedelta(seconds=1)], []]) == "[[1000000],[]]"
    assert read("[[1000000],[]]") == [[timedelta(seconds=1)], []]


def test_time_stamps_in_arrays_follow_the_settings(override_settings: Any) -> None:
    override_settings(USE_TZ=False, TIME_ZONE="UTC")
    field = named(ArrayField(DateTimeField()))
    write, read = field.writer(SQLiteDialect()), field.reader(SQLiteDialect(), aware=True)
    assert write is not None and read is not None
    assert read(write(field.to_db(["2026-01-02T03:04:05+01:00"]))) == [
        datetime(2026, 1, 2, 2, 4, 5)
    ]


def test_a_null_boolean_allows_null_whatever_is_said() -> None:
    assert NullBooleanField(null=False).null


def test_defaults_stand_in_schema_files_as_they_are_stored() -> None:
    assert literal_default(DurationField(default=timedelta(hours=1))) == 3_600_000_000
    assert literal_default(BinaryField(default=b"\x00\xff")) == "00ff"
    assert literal_default(ArrayField(DecimalField(), default=[Decimal("1.5")])) == ["1.5"]
    assert literal_default(ArrayField(IntegerField, default=list)) is None
    secret = SensitiveField(default="hidden")
    assert literal_default(secret) is None and secret.get_default() == "hidden"


def test_json_has_no_nan_and_no_infinities() -> None:
    field = named(JSONField())
    for vendor in ("sqlite", "postgresql", "mysql"):
        write = field.writer(dialect_for(vendor))
        assert write is not None
        for value in (float("nan"), {"a": [float("inf")]}, [-float("inf")]):
            with pytest.raises(ValueError, match="neither NaN nor infinities"):
                write(value)
        assert write({"text": "NaN or Infinity"})
        with pytest.raises(ValueError, match="not a JSON value"):
            write({"set": {1}})


def test_text_fields_refuse_what_has_no_text_of_its_own() -> None:
    class Thing:
        pass

    for field in (CharField(), TextField(), EmailField(), SlugField(), URLField(), PasswordField()):
        for value in (Thing(), Thing, b"x", [], (), {}, {1}, print, object()):
            with pytest.raises(ValueError, match="is not text"):
                named(field).to_db(value)
    plain = named(TextField())
    for value, text in (
        (3, "3"),
        (1.5, "1.5"),
        (Decimal("1.50"), "1.50"),
        (date(2024, 2, 29), "2024-02-29"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("a/b"), "a/b"),
    ):
        assert plain.to_db(value) == text
