"""Columns of every kind come to a table that has rows, with their defaults, on every database."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from openviper.db.fields import (
    ArrayField,
    BinaryField,
    BooleanField,
    CharField,
    DateField,
    DecimalField,
    DurationField,
    FloatField,
    GenericIPAddressField,
    HTMLField,
    IntegerField,
    JSONField,
    TextField,
    TimeField,
    UUIDField,
)
from openviper.db.models import Model
from openviper.db.schemas.state import model_table
from tests.integration.db.schemas.project import project

EVERY_DATABASE = True

DEFAULTS: dict[str, Any] = {
    "number": 7,
    "real": 0.5,
    "decimal": Decimal("1.50"),
    "char": "it's \\ 100%",
    "text": "ü\n'",
    "boolean": True,
    "day": date(2026, 1, 2),
    "hour": time(1, 2, 3),
    "code": UUID(int=7),
    "data": {"a": ["it's", None]},
    "binary": b"\x00'\\\xff",
    "duration": timedelta(days=-1, microseconds=5),
    "address": "2001:db8::1",
    "html": "<b>x</b>",
    "integers": [1, 2],
    "texts": ["it's", 'a "b", {c}\\', "", "NULL"],
    "decimals": [Decimal("1.5")],
    "durations": [timedelta(seconds=1)],
    "codes": [UUID(int=7)],
    "flags": [True, False],
    "blobs": [b"\x00'\\\xff"],
    "nothing": [],
}


class Widened(Model):
    _app_name = "widened"

    number = IntegerField(default=DEFAULTS["number"])
    real = FloatField(default=DEFAULTS["real"])
    decimal = DecimalField(default=DEFAULTS["decimal"])
    char = CharField(max_length=40, default=DEFAULTS["char"])
    text = TextField(default=DEFAULTS["text"])
    boolean = BooleanField(default=DEFAULTS["boolean"])
    day = DateField(default=DEFAULTS["day"])
    hour = TimeField(default=DEFAULTS["hour"])
    code = UUIDField(default=DEFAULTS["code"])
    data = JSONField(default=DEFAULTS["data"])
    binary = BinaryField(default=DEFAULTS["binary"])
    duration = DurationField(default=DEFAULTS["duration"])
    address = GenericIPAddressField(default=DEFAULTS["address"])
    html = HTMLField(default=DEFAULTS["html"])
    integers = ArrayField(IntegerField(), default=DEFAULTS["integers"])
    texts = ArrayField(CharField(max_length=30), default=DEFAULTS["texts"])
    decimals = ArrayField(DecimalField(), default=DEFAULTS["decimals"])
    durations = ArrayField(DurationField(), default=DEFAULTS["durations"])
    codes = ArrayField(UUIDField(), default=DEFAULTS["codes"])
    flags = ArrayField(BooleanField(), default=DEFAULTS["flags"])
    blobs = ArrayField(BinaryField(), default=DEFAULTS["blobs"])
    nothing = ArrayField(IntegerField(), default=DEFAULTS["nothing"])


def schema_file(*names: str) -> dict[str, Any]:
    """Return the schema file of the model, with some of its columns."""
    table: dict[str, Any] = {"table_name": Widened._meta.table_name, **model_table(Widened)}
    table["columns"] = [column for column in table["columns"] if column["name"] in names]
    return table


async def test_a_row_that_was_there_gets_the_default_of_every_new_column(tmp_path: Path) -> None:
    async with project(tmp_path) as made:
        await made.settled(schema_file("id", "number"))
        made.sql("INSERT INTO widened_widened (number) VALUES (7)")
        await made.settled(schema_file("id", *DEFAULTS))
        row = await Widened.objects.get()
        assert {name: getattr(row, name) for name in DEFAULTS} == DEFAULTS
        new = await Widened.objects.create()
        await new.refresh_from_db()
        assert {name: getattr(new, name) for name in DEFAULTS} == DEFAULTS
