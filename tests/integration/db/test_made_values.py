"""Defaults that the database knows, and columns it works out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import atomic, get_connection
from openviper.db.fields import (
    BinaryField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    FloatField,
    IntegerField,
    TextField,
)
from openviper.db.models import SQL, F, Model, ModelValidationError
from openviper.exceptions import FieldError, IntegrityError
from tests.integration.db.support import database, stored

EVERY_DATABASE = True


class Item(Model):
    _app_name = "made"

    name = CharField(max_length=20)
    price = IntegerField(default=2)
    pieces = IntegerField(db_default=3)
    code = CharField(max_length=20, db_default=SQL("lower('ABC')"))
    total = IntegerField(generated=SQL("price * pieces"), null=True)
    loud = CharField(max_length=40, generated=SQL("upper(name)"), null=True)


class Literal(Model):
    _app_name = "made"

    text = CharField(max_length=40, db_default='it\'s \\ %s "x"')
    number = IntegerField(db_default=-7)
    fraction = FloatField(db_default=1.5)
    amount = DecimalField(db_default=Decimal("9.90"))
    truth = BooleanField(db_default=True)
    lie = BooleanField(db_default=False)
    day = DateField(db_default=date(2024, 2, 29))
    moment = DateTimeField(db_default=datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC))
    content = BinaryField(null=True)
    note = TextField(null=True)


MODELS = (Item, Literal)


async def test_an_insert_leaves_to_the_database_what_it_works_out(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS) as path:
        item: Any = Item(name="ink")
        assert (item.pieces, item.code, item.total) == (3, None, None)
        await item.save()
        assert (item.pieces, item.code, item.total, item.loud) == (3, "abc", 6, "INK")
        assert not item.has_changed and not item.get_deferred_fields()
        given = await Item.objects.create(name="pen", code="own", pieces=10)
        assert (given.code, given.total) == ("own", 20)
        rows = stored(path, "SELECT name, pieces, code, total, loud FROM made_item ORDER BY name")
        assert [tuple(row) for row in rows] == [
            ("ink", 3, "abc", 6, "INK"),
            ("pen", 10, "own", 20, "PEN"),
        ]
        assert await Item.objects.get(pk=item.pk) == item


async def test_the_formula_is_worked_out_again_by_every_update(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        item = await Item.objects.create(name="ink")
        item.price = 5
        await item.save()
        assert (item.total, item.has_changed) == (15, False)
        await Item.objects.filter(total=15).update(price=F("price") + 1)
        await item.refresh_from_db()
        assert item.total == 18
        assert await Item.objects.filter(loud="INK").order_by("-total").count() == 1
        item.code = "other"
        await item.save(update_fields=["code"])
        assert await Item.objects.values_list("code", "total") == [("other", 18)]


async def test_a_generated_value_cannot_be_given(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        item = await Item.objects.create(name="ink")
        with pytest.raises(TypeError, match="the database works the value out"):
            Item(name="x", total=3)
        item.total = 99
        with pytest.raises(FieldError, match=r"Item\.total cannot be assigned"):
            await item.save()
        with pytest.raises(FieldError, match=r"Item\.total cannot be assigned"):
            await Item.objects.bulk_update([item], ["total"])
        await item.refresh_from_db()
        assert item.total == 6


async def test_many_at_once_have_what_the_database_works_out(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        items = [Item(name="a"), Item(name="b", code="own"), Item(name="c")]
        assert await Item.objects.bulk_create(items) == items
        assert [item.code for item in items] == ["abc", "own", "abc"]
        assert [item.total for item in items] == [6, 6, 6]
        assert not any(item.has_changed for item in items)
        for item in items:
            item.price = 7
        assert await Item.objects.bulk_update(items, ["price"]) == 3
        assert await Item.objects.values_list("total", flat=True) == [21, 21, 21]
        with pytest.raises(IntegrityError):
            await Item.objects.bulk_create([Item(id=90, name="x"), Item(id=90, name="y")])
        assert await Item.objects.count() == 3


async def test_a_missing_value_is_allowed_only_where_the_database_makes_one(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        item = await Item.objects.create(name="ink")
        loose: Any = item
        loose.code = None
        with pytest.raises(ModelValidationError, match="code cannot be null"):
            await item.save()
        loose.code, loose.name = "x", None
        with pytest.raises(ModelValidationError, match="name cannot be null"):
            await item.save()


async def test_rows_of_others_have_the_defaults_too(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        async with get_connection() as connection:
            await connection.execute("INSERT INTO made_item (name, price) VALUES ('raw', 4)")
            await connection.execute("INSERT INTO made_literal (note) VALUES ('raw')")
        item = await Item.objects.get(name="raw")
        assert (item.pieces, item.code, item.total) == (3, "abc", 12)
        raw, made = await Literal.objects.get(), Literal(note="raw", id=1)
        assert raw.to_dict() == made.to_dict()
        assert (raw.text, raw.amount, raw.truth, raw.lie) == (
            'it\'s \\ %s "x"',
            Decimal("9.90"),
            True,
            False,
        )
        assert raw.moment == datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)


async def test_a_rollback_takes_back_what_the_database_worked_out(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        item: Any = Item(name="ink")
        bulk: list[Any] = [Item(name="a"), Item(name="b")]
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                await item.save()
                await Item.objects.bulk_create(bulk)
                raise ZeroDivisionError
        for instance in (item, *bulk):
            assert (instance.pk, instance.code, instance.total) == (None, None, None)
            await instance.save()
            assert (instance.code, instance.total) == ("abc", 6)
        assert await Item.objects.count() == 3
