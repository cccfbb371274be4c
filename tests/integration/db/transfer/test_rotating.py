"""Values of SensitiveFields get the newest key while others write, on every database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import get_connection
from openviper.db.fields import CharField, SensitiveField, UUIDField
from openviper.db.fields.sensitive import SensitiveField as Sensitive
from openviper.db.models import Manager, Model, QuerySet
from openviper.db.transfer import rotating
from openviper.db.transfer.rotating import FieldRotation, rotate_model, sensitive_models
from openviper.testing import override_openviper_settings as override
from openviper.utils import fernet
from tests.integration.db.support import database

EVERY_DATABASE = True
OLD, NEW = "o" * 60, "n" * 60


class FewManager(Manager["Customer"]):
    """Leaves rows out."""

    def get_queryset(self) -> QuerySet[Customer]:
        return super().get_queryset().filter(name="nobody")


class Customer(Model):
    _app_name = "rotating"

    name = CharField(max_length=50)
    iban = SensitiveField()
    pin = SensitiveField(null=True)

    objects = FewManager()
    all_rows: Manager[Customer] = Manager()


class Device(Model):
    _app_name = "rotating"

    id = UUIDField(primary_key=True, auto=True)
    secret = SensitiveField()


FIELDS: list[Sensitive[Any]] = [Customer._meta.field("iban"), Customer._meta.field("pin")]  # type: ignore[list-item]  # fields of that class


@asynccontextmanager
async def customers(folder: Path, count: int) -> AsyncIterator[None]:
    """Store customers with the old key, and have the new one after that."""
    async with database(folder, Customer, Device):
        with override(SECRET_KEY=OLD):
            await Customer.all_rows.bulk_create(
                [
                    Customer(name=f"c{n}", iban=f"DE{n}", pin=None if n % 3 else str(n))
                    for n in range(count)
                ]
            )
        with override(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=(OLD,)):
            yield


async def rotate(**options: Any) -> list[tuple[str, int, int, int, int]]:
    done: list[FieldRotation] = []
    async for so_far in rotate_model(Customer, FIELDS, **options):
        done = so_far
    return [(each.field, each.seen, each.rotated, each.changed, each.failures) for each in done]


async def plain() -> list[tuple[str | None, str | None]]:
    rows = await Customer.all_rows.order_by("pk")
    return [(row.get_sensitive("iban"), row.get_sensitive("pin")) for row in rows]


def test_the_models_are_found() -> None:
    found = dict(sensitive_models())
    assert [field.name for field in found[Customer]] == ["iban", "pin"]
    assert [field.name for field in found[Device]] == ["secret"]


async def test_every_value_gets_the_new_key_in_batches(tmp_path: Path) -> None:
    async with customers(tmp_path, 23):
        before = await plain()
        assert await rotate(batch=5, writes=False) == [("iban", 23, 23, 0, 0), ("pin", 8, 8, 0, 0)]
        assert await rotate(batch=5, writes=False) == [("iban", 23, 23, 0, 0), ("pin", 8, 8, 0, 0)]
        assert await rotate(batch=5) == [("iban", 23, 23, 0, 0), ("pin", 8, 8, 0, 0)]
        assert await rotate(batch=5) == [("iban", 23, 0, 0, 0), ("pin", 8, 0, 0, 0)]
        with override(SECRET_KEY=NEW):
            assert await plain() == before


async def test_a_run_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    async with customers(tmp_path, 12):
        async for _ in rotate_model(Customer, FIELDS, batch=5):
            break
        assert await rotate(batch=5) == [("iban", 12, 7, 0, 0), ("pin", 4, 2, 0, 0)]


async def test_what_others_write_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with customers(tmp_path, 6):
        judged = rotating._judged
        theirs: list[Any] = []

        def note(key: Any, *arguments: Any) -> Any:
            theirs.append(key)
            return judged(key, *arguments)

        monkeypatch.setattr(rotating, "_judged", note)
        write = rotating._write

        async def late(*arguments: Any) -> None:
            # Between reading and writing somebody changes a row and deletes another.
            monkeypatch.setattr(rotating, "_write", write)
            await Customer.all_rows.filter(pk=theirs[0]).update(iban="theirs")
            await Customer.all_rows.filter(name="c1").delete()
            await write(*arguments)

        monkeypatch.setattr(rotating, "_write", late)
        assert await rotate(batch=100) == [("iban", 6, 4, 2, 0), ("pin", 2, 2, 0, 0)]
        assert [iban for iban, _ in await plain()] == ["theirs", "DE2", "DE3", "DE4", "DE5"]
        assert (await rotate())[0] == ("iban", 5, 0, 0, 0)


async def test_writers_go_on_while_it_runs(tmp_path: Path) -> None:
    async with customers(tmp_path, 40):
        is_over = False

        async def write() -> int:
            written = 0
            while not is_over:
                number = written % 40
                await Customer.all_rows.filter(name=f"c{number}").update(iban=f"new {number}")
                written += 1
                await asyncio.sleep(0)
            return written

        writer = asyncio.ensure_future(write())
        await rotate(batch=4)
        is_over = True
        written = await writer
        await rotate()
        assert written > 0
        assert [iban for iban, _ in await plain()] == [
            f"new {number}" if number < written else f"DE{number}" for number in range(40)
        ]
        assert [line[2:] for line in await rotate()] == [(0, 0, 0), (0, 0, 0)]


async def test_values_of_earlier_times_are_bound_and_lost_ones_are_named(tmp_path: Path) -> None:
    async with customers(tmp_path, 4):
        former = f"enc${fernet.encrypt(fernet.derive_key(OLD), b'former')}"
        lost = f"enc${fernet.encrypt(fernet.derive_key('lost'), b'x')}"
        async with get_connection() as connection:
            table = "rotating_customer"
            for number, text in ((0, former), (1, "plain text"), (2, lost), (3, "enc2$nonsense")):
                await connection.execute(
                    f"UPDATE {table} SET iban = '{text}' WHERE name = 'c{number}'"
                )
        done: list[FieldRotation] = []
        async for so_far in rotate_model(Customer, FIELDS):
            done = so_far
        assert (done[0].seen, done[0].rotated, done[0].failures) == (4, 2, 2)
        keys = (
            await Customer.all_rows.filter(name__in=["c2", "c3"])
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        assert done[0].unreadable == keys
        with override(SECRET_KEY=NEW, SENSITIVE_FIELDS_STRICT=True):
            rows = await Customer.all_rows.order_by("pk").limit(2)
            assert [row.get_sensitive("iban") for row in rows] == ["former", "plain text"]
        stored = await Customer.all_rows.order_by("pk").values_list("iban", flat=True)
        assert stored[2:] == [lost, "enc2$nonsense"]  # As they were.


async def test_rows_with_keys_of_another_kind_are_found_one_after_the_other(tmp_path: Path) -> None:
    async with customers(tmp_path, 0):
        with override(SECRET_KEY=OLD):
            await Device.objects.bulk_create([Device(secret=f"s{n}") for n in range(7)])
        done: list[FieldRotation] = []
        field: Any = Device._meta.field("secret")
        async for so_far in rotate_model(Device, [field], batch=2):
            done = so_far
        assert (done[0].seen, done[0].rotated) == (7, 7)
        with override(SECRET_KEY=NEW):
            assert sorted(
                [str(row.get_sensitive("secret")) for row in await Device.objects.all()]
            ) == [f"s{n}" for n in range(7)]
