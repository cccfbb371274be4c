"""Odd values are refused with a fault of their field, or come back as they were, on every database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openviper.db import (
    BigIntegerField,
    BinaryField,
    CharField,
    DateTimeField,
    DecimalField,
    DurationField,
    EmailField,
    FloatField,
    IPAddressField,
    JSONField,
    Model,
    SlugField,
    TextField,
    TimeField,
    URLField,
    UUIDField,
)
from openviper.serializers import model_serializer
from openviper.validation import ParseError
from tests.integration.db.support import database

EVERY_DATABASE = True


class Odd(Model):
    _app_name = "odd_values"

    word = CharField(max_length=10, default="")
    long = TextField(null=True)
    number = DecimalField(max_digits=5, decimal_places=2, null=True)
    facts = JSONField(null=True)
    at = DateTimeField(null=True)
    time = TimeField(null=True)
    span = DurationField(null=True)
    key = UUIDField(null=True)
    raw = BinaryField(null=True)
    real = FloatField(null=True)
    big = BigIntegerField(null=True)
    slug = SlugField(null=True)
    url = URLField(null=True)
    mail = EmailField(null=True)
    ip = IPAddressField(null=True)


OddSerializer = model_serializer(Odd)
REFUSED: list[tuple[str, Any]] = [
    ("word", "a\0b"),
    ("word", "\ud800"),
    ("word", "x" * 11),
    ("long", "x\0"),
    ("number", "1.234"),
    ("number", "123456"),
    ("number", "1e999999999"),
    ("number", "NaN"),
    ("facts", float("nan")),
    ("facts", ["\ud800"]),
    ("at", "0001-01-01T00:00:00+05:00"),
    ("at", "9999-12-31T23:59:59-12:00"),
    ("time", "10:00+02:00"),
    ("span", 10**18),
    ("span", "P999999999D"),
    ("key", "x"),
    ("raw", "%"),
    ("real", 1e400),
    ("big", 2**63),
    ("slug", "a b"),
    ("url", "javascript:x"),
    ("mail", "a@b.c\n"),
    ("ip", "1.2.3"),
]
KEPT: list[tuple[str, Any]] = [
    ("word", "\N{PILE OF POO}" * 10),
    ("word", "\N{ARABIC LETTER ALEF}"),
    ("word", " a "),
    ("number", "-999.99"),
    ("facts", {"a": [1, None, "\N{PILE OF POO}"], "": 10**400}),
    ("span", -1.0),
    ("raw", "YQ=="),
    ("real", 1e308),
    ("big", -(2**63)),
]


async def test_odd_values_are_refused_or_come_back(tmp_path: Path) -> None:
    async with database(tmp_path, Odd):
        taken = []
        for name, value in REFUSED:
            try:
                taken.append(await OddSerializer.create_from({name: value}))
            except ParseError as error:
                assert [fault.place[0] for fault in error.faults] == [name], error
        assert taken == []
        for name, value in KEPT:
            row = await OddSerializer.create_from({name: value})
            stored = await Odd.objects.get(pk=row.pk)
            assert await OddSerializer.dump(stored, [name]) == {name: value}
            await OddSerializer.update_from(stored, {name: value}, partial=True)
