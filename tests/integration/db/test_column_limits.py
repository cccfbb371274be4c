"""What a column cannot hold is refused, or rounded, in the same way on every database and by every way to write.

`save` validates first, and refuses more than `bulk_create`, `bulk_update` and `update` do: decimal places among it. These
round, as the servers do, and refuse what has no place in the column; SQLite by itself would keep anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Concat, F, Value
from openviper.db.exceptions import DatabaseError
from openviper.db.fields import (
    ArrayField,
    CharField,
    DecimalField,
    FloatField,
    ForeignKey,
    IntegerField,
    PositiveIntegerField,
    SlugField,
    SmallIntegerField,
    TimeField,
)
from openviper.db.models import Model
from openviper.exceptions import FieldError
from tests.integration.db.support import database, stored

EVERY_DATABASE = True


class Code(Model):
    _app_name = "limits"

    id = CharField(max_length=3, primary_key=True)


class Ware(Model):
    _app_name = "limits"

    name = CharField(max_length=3, default="")
    slug = SlugField(null=True, max_length=4)
    n = IntegerField(default=0)
    small = SmallIntegerField(default=0)
    count = PositiveIntegerField(default=0)
    ratio = FloatField(default=0.0)
    price = DecimalField(max_digits=5, decimal_places=2, default=Decimal(0))
    exact = DecimalField(max_digits=30, decimal_places=0, default=Decimal(0))
    opens = TimeField(null=True)
    numbers = ArrayField(SmallIntegerField(), null=True)
    prices = ArrayField(DecimalField(max_digits=5, decimal_places=2), null=True)
    code = ForeignKey(Code, null=True)


Write = Callable[[Ware, str, Any], Awaitable[object]]


async def by_bulk_create(_ware: Ware, name: str, value: Any) -> object:
    return await Ware.objects.bulk_create([Ware(**{name: value})])


async def by_bulk_update(ware: Ware, name: str, value: Any) -> object:
    setattr(ware, name, value)
    return await Ware.objects.bulk_update([ware], [name])


async def by_update(ware: Ware, name: str, value: Any) -> object:
    return await Ware.objects.filter(pk=ware.pk).update(**{name: value})


async def by_save(ware: Ware, name: str, value: Any) -> object:
    setattr(ware, name, value)
    await ware.save()
    return ware


BULK: list[Write] = [by_bulk_create, by_bulk_update, by_update]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "four"),
        ("slug", "fives"),
        ("n", 2**31),
        ("n", -(2**31) - 1),
        ("small", 2**15),
        ("count", -1),
        ("ratio", float("inf")),
        ("ratio", float("nan")),
        ("ratio", Decimal("1e400")),
        ("price", Decimal("1000.00")),
        ("price", Decimal("999.995")),
        ("price", Decimal("-1e999999")),
        ("exact", Decimal(10**30)),
        ("opens", time(1, 2, tzinfo=UTC)),
        ("numbers", [1, 2**15]),
        ("prices", [Decimal(1), Decimal(1000)]),
        ("code_id", "four"),
    ],
)
async def test_what_does_not_fit_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    async with database(tmp_path, Code, Ware):
        for write in [*BULK, by_save]:
            ware = await Ware.objects.create()
            with pytest.raises(
                (ValueError, FieldError), match="4 characters" if name == "code_id" else name
            ):
                await write(ware, name, value)
            assert await Ware.objects.values_list(name) == [(getattr(Ware(), name),)]
            await Ware.objects.all().delete()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Decimal("1.005"), "1.01"),
        (Decimal("-1.005"), "-1.01"),
        (Decimal("2.675"), "2.68"),
        (Decimal("999.994"), "999.99"),
        (Decimal("1.00499999999999999999999999999999999"), "1.00"),
        (Decimal("-0.004"), "0.00"),
        (Decimal("1e-999999"), "0.00"),
        (0.1, "0.10"),
        ("7", "7.00"),
    ],
)
async def test_decimals_are_rounded_to_the_places_of_their_column_and_found_again(
    tmp_path: Path, value: Any, kept: str
) -> None:
    async with database(tmp_path, Code, Ware) as path:
        for write in BULK:
            ware = await Ware.objects.create()
            await write(ware, "price", value)
            if write is by_bulk_create:
                await ware.delete()
            assert [
                Decimal(str(raw)) for (raw,) in stored(path, "SELECT price FROM limits_ware")
            ] == [Decimal(kept)]
            (found,) = await Ware.objects.all()
            assert str(found.price) == kept
            assert await Ware.objects.filter(price=found.price).count() == 1
            await found.delete()


async def test_instances_have_what_was_stored(tmp_path: Path) -> None:
    async with database(tmp_path, Code, Ware):
        made = Ware(price=Decimal("1.005"), prices=[Decimal("2.675"), None])
        await Ware.objects.bulk_create([made])
        assert (str(made.price), made.prices) == ("1.01", [Decimal("2.68"), None])
        assert not made.has_changed
        made.price = Decimal("0.125")
        await Ware.objects.bulk_update([made], ["price"])
        assert (str(made.price), made.has_changed) == ("0.13", False)
        again = await Ware.objects.get(price=made.price)
        assert (again.price, again.prices) == (made.price, made.prices)


async def test_saving_refuses_further_places(tmp_path: Path) -> None:
    async with database(tmp_path, Code, Ware):
        with pytest.raises(ValueError, match="1.005 has more than 2 decimal places"):
            await Ware.objects.create(price=Decimal("1.005"))
        assert await Ware.objects.count() == 0


async def test_a_column_is_compared_with_what_it_cannot_hold(tmp_path: Path) -> None:
    async with database(tmp_path, Code, Ware):
        await Ware.objects.create(price=Decimal("1.01"), n=5, name="abc")
        for nothing in (
            {"price": Decimal("1.005")},
            {"n": 2**40},
            {"name": "four"},
            {"name__in": ["four"]},
        ):
            assert await Ware.objects.filter(**nothing).count() == 0, nothing
        for everything in (
            {"price__gt": Decimal("1.005")},
            {"n__lt": 2**40},
            {"price__lt": Decimal("1e40")},
        ):
            assert await Ware.objects.filter(**everything).count() == 1, everything


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", Concat("name", Value("cd"))),
        ("n", F("n") * 2),
        ("small", F("n")),
        ("price", F("price") + 1),
        ("price", F("n")),
        ("ratio", F("ratio") * 10),
    ],
)
async def test_computed_values_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, value: Any
) -> None:
    async with database(tmp_path, Code, Ware):
        ware = await Ware.objects.create(name="ab", n=2**30, price=Decimal("999.99"), ratio=1e308)
        before = await Ware.objects.values_list(name, flat=True)
        with pytest.raises(DatabaseError):
            await Ware.objects.filter(pk=ware.pk).update(**{name: value})
        assert await Ware.objects.values_list(name, flat=True) == before


async def test_computed_values_at_the_limit_are_kept(tmp_path: Path) -> None:
    async with database(tmp_path, Code, Ware):
        await Ware.objects.create(name="ab", n=2**15 - 2, price=Decimal("999.98"), ratio=1e307)
        changes = {
            "name": Concat("name", Value("c")),
            "small": F("n") + 1,
            "price": F("price") + Decimal("0.014"),
            "ratio": F("ratio") * 10,
            "exact": F("n"),
        }
        assert await Ware.objects.update(**changes) == 1
        (ware,) = await Ware.objects.all()
        assert (ware.name, ware.small, ware.price) == ("abc", 2**15 - 1, Decimal("999.99"))
        assert (ware.ratio, ware.exact) == (1e308, Decimal(2**15 - 2))
