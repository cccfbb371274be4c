"""What a type checker knows about every kind of field, with and without NULL; never run."""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, assert_type
from uuid import UUID

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
    FileField,
    FloatField,
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
from openviper.db.models import Model, TextChoice


class Colour(TextChoice):
    RED = "red", "Like a rose"
    BLUE = "blue"


class Filled(Model):
    id = BigAutoField()
    integer = IntegerField()
    big = BigIntegerField()
    small = SmallIntegerField()
    positive = PositiveIntegerField()
    real = FloatField(allow_inf=True)
    decimal = DecimalField(max_digits=8, decimal_places=3)
    char = CharField(max_length=5, choices=Colour)
    text = TextField()
    boolean = BooleanField()
    moment = DateTimeField(null=False)
    day = DateField()
    hour = TimeField()
    code = UUIDField()
    data = JSONField()
    binary = BinaryField()
    email = EmailField()
    slug = SlugField()
    link = URLField()
    address = IPAddressField()
    generic = GenericIPAddressField(protocol="IPv6")
    duration = DurationField()
    file = FileField(null=False)
    image = ImageField(null=False, allowed_extensions=["png"])
    password = PasswordField(null=False)
    html = HTMLField(allowed_tags=["b"])
    secret = SensitiveField(null=False)
    integers = ArrayField(IntegerField(), 5)
    texts = ArrayField(CharField(max_length=5))
    gaps = ArrayField(DateField(null=True))
    nested = ArrayField(ArrayField(DurationField()))


class Empty(Model):
    id = AutoField()
    integer = IntegerField(null=True)
    big = BigIntegerField(null=True)
    small = SmallIntegerField(null=True)
    positive = PositiveIntegerField(null=True)
    real = FloatField(null=True)
    decimal = DecimalField(null=True)
    char = CharField(null=True)
    text = TextField(null=True)
    boolean = BooleanField(null=True)
    perhaps = NullBooleanField()
    moment = DateTimeField()
    day = DateField(null=True)
    hour = TimeField(null=True)
    code = UUIDField(null=True)
    data = JSONField(null=True)
    binary = BinaryField(null=True)
    email = EmailField(null=True)
    slug = SlugField(null=True)
    link = URLField(null=True)
    address = IPAddressField(null=True)
    generic = GenericIPAddressField(null=True)
    duration = DurationField(null=True)
    file = FileField()
    image = ImageField(upload_to="x")
    password = PasswordField()
    html = HTMLField(null=True)
    secret = SensitiveField()
    integers = ArrayField(IntegerField(), null=True)


def values_are_never_none_unless_null_is_allowed(filled: Filled) -> None:
    assert_type(filled.id, int)
    assert_type(filled.integer, int)
    assert_type(filled.big, int)
    assert_type(filled.small, int)
    assert_type(filled.positive, int)
    assert_type(filled.real, float)
    assert_type(filled.decimal, Decimal)
    assert_type(filled.char, str)
    assert_type(filled.text, str)
    assert_type(filled.boolean, bool)
    assert_type(filled.moment, datetime)
    assert_type(filled.day, date)
    assert_type(filled.hour, time)
    assert_type(filled.code, UUID)
    assert_type(filled.data, Any)
    assert_type(filled.binary, bytes)
    assert_type(filled.email, str)
    assert_type(filled.slug, str)
    assert_type(filled.link, str)
    assert_type(filled.address, str)
    assert_type(filled.generic, str)
    assert_type(filled.duration, timedelta)
    assert_type(filled.file, str)
    assert_type(filled.image, str)
    assert_type(filled.password, str)
    assert_type(filled.html, str)
    assert_type(filled.secret, str)
    assert_type(filled.integers, list[int])
    assert_type(filled.texts, list[str])
    assert_type(filled.gaps, list[date | None])
    assert_type(filled.nested, list[list[timedelta]])


def values_may_be_none_where_null_is_allowed(empty: Empty) -> None:
    assert_type(empty.id, int)
    assert_type(empty.integer, int | None)
    assert_type(empty.big, int | None)
    assert_type(empty.small, int | None)
    assert_type(empty.positive, int | None)
    assert_type(empty.real, float | None)
    assert_type(empty.decimal, Decimal | None)
    assert_type(empty.char, str | None)
    assert_type(empty.text, str | None)
    assert_type(empty.boolean, bool | None)
    assert_type(empty.perhaps, bool | None)
    assert_type(empty.moment, datetime | None)
    assert_type(empty.day, date | None)
    assert_type(empty.hour, time | None)
    assert_type(empty.code, UUID | None)
    assert_type(empty.data, Any)
    assert_type(empty.binary, bytes | None)
    assert_type(empty.email, str | None)
    assert_type(empty.slug, str | None)
    assert_type(empty.link, str | None)
    assert_type(empty.address, str | None)
    assert_type(empty.generic, str | None)
    assert_type(empty.duration, timedelta | None)
    assert_type(empty.file, str | None)
    assert_type(empty.image, str | None)
    assert_type(empty.password, str | None)
    assert_type(empty.html, str | None)
    assert_type(empty.secret, str | None)
    assert_type(empty.integers, list[int] | None)
    assert_type(empty.get_sensitive("secret"), str | None)


def uploads_may_be_assigned_to_files(filled: Filled, empty: Empty) -> None:
    filled.file = b"content"
    filled.image = io.BytesIO()
    empty.file = None
    empty.file = "uploads/x"
    filled.file = None  # type: ignore[assignment]  # it does not allow NULL
    filled.file = 5  # type: ignore[assignment]  # it is neither a path nor an upload


def wrong_values_are_refused(filled: Filled) -> None:
    filled.integers = [1]
    filled.integers = ["1"]  # type: ignore[list-item]  # its elements are numbers
    filled.duration = 5  # type: ignore[assignment]  # it is a timedelta
    filled.binary = None  # type: ignore[assignment]  # it does not allow NULL


def choices_are_text() -> None:
    assert_type(Colour.RED.label, str)
    assert_type(Colour.RED.value, str)
    assert_type(Colour.choices, list[tuple[str, str]])
    assert_type(Colour.values, list[str])
    assert_type(Colour.from_value("red"), Colour)
    assert_type(Colour.from_label("Blue"), Colour)
