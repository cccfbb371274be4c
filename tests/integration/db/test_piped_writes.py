"""PostgreSQL: a write in a transaction travels with its savepoint, and fails and is cancelled as any other statement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import Connection, atomic, get_connection
from openviper.db.exceptions import DatabaseError, OperationalError
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import F, Model
from openviper.exceptions import IntegrityError
from tests.integration.db.support import database
from tests.servers import run_on_server

pytestmark = pytest.mark.parametrize("vendor", ["postgresql"], indirect=True)
DRIVER: Any = import_module("openviper.db.connections.drivers.postgresql")


class Note(Model):
    _app_name = "piped"

    text = CharField(max_length=20, unique=True)
    n = IntegerField(default=0)


@pytest.fixture(autouse=True)
async def tables(vendor: str, tmp_path: Path) -> AsyncIterator[None]:
    assert vendor == "postgresql"
    async with database(tmp_path, Note):
        yield


async def texts() -> list[str]:
    return await Note.objects.order_by("id").values_list("text", flat=True)


async def test_every_kind_of_write_tells_what_it_did() -> None:
    async with atomic() as connection:
        note = await Note.objects.create(text="50% %s $1")
        assert await Note.objects.filter(pk=note.pk).update(n=F("n") + 2) == 1
        assert await Note.objects.filter(n=7).update(n=1) == 0
        note.n = 5
        await note.save()
        await Note.objects.create(text="b")
        assert await Note.objects.filter(text="b").delete() == 1
        sql = "UPDATE piped_note SET text = text || '%%' WHERE n = %s"
        assert await connection.execute(sql, [5]) == 1
    assert await texts() == ["50% %s $1%"]


async def test_a_refusal_takes_back_its_statement_alone() -> None:
    async with atomic():
        await Note.objects.create(text="a")
        again = Note(text="a")
        with pytest.raises(IntegrityError, match="duplicate key value"):
            await again.save()
        assert again.pk is None
        with pytest.raises(DatabaseError, match="out of range"):
            await Note.objects.update(n=F("n") + 2**31 - 1 + F("id"))
        await Note.objects.create(text="b")
    assert await texts() == ["a", "b"]


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("UPDATE piped_note SET n = %(n)s", {"n": 3}),
        ("UPDATE piped_note SET n = %b", [3]),
        ("UPDATE piped_note SET n = 3", []),
        ("WITH new AS (SELECT 3 AS n) UPDATE piped_note SET n = new.n FROM new", []),
    ],
)
async def test_what_the_short_way_does_not_take_goes_the_long_one(sql: str, values: Any) -> None:
    async with atomic() as connection:
        await Note.objects.create(text="a")
        assert await connection.execute(sql, values) == 1
    assert await Note.objects.filter(n=3).count() == 1


async def test_too_few_and_too_many_values_are_refused() -> None:
    async with atomic() as connection:
        for values in ([], [1, 2]):
            with pytest.raises(DatabaseError):
                await connection.execute("UPDATE piped_note SET n = %s", values)
        await Note.objects.create(text="a")
    assert await texts() == ["a"]


async def slow(connection: Connection) -> None:
    await connection.execute("UPDATE piped_note SET n = %s FROM (SELECT pg_sleep(30)) AS s", [1])


async def test_a_cancelled_write_leaves_the_transaction_usable() -> None:
    async with atomic() as connection:
        await Note.objects.create(text="a")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await slow(connection)
        await Note.objects.create(text="b")
    assert await Note.objects.order_by("id").values_list("text", "n") == [("a", 0), ("b", 0)]


async def test_a_connection_that_ends_meanwhile_is_told_as_such() -> None:
    async def ended() -> None:
        async with atomic() as connection:
            pid = await connection.fetch_all("SELECT pg_backend_pid() AS pid")
            await Note.objects.create(text="a")
            task = asyncio.ensure_future(slow(connection))
            async with asyncio.timeout(5):
                await asyncio.get_running_loop().run_in_executor(None, terminate, pid[0][0])
                await task

    with pytest.raises(OperationalError, match="terminating connection|closed the connection"):
        await ended()
    assert await texts() == []


def terminate(pid: int) -> None:
    run_on_server("postgresql", f"SELECT pg_terminate_backend({pid})")


async def test_notices_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with get_connection() as connection:
        await connection.execute(
            "CREATE FUNCTION piped_notice(n INTEGER) RETURNS INTEGER LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE NOTICE 'noticed'; RETURN n; END $$"
        )
    with caplog.at_level(logging.DEBUG, "openviper.db"):
        async with atomic() as connection:
            await Note.objects.create(text="a")
            await connection.execute("UPDATE piped_note SET n = piped_notice(%s)", [1])
    assert "noticed" in caplog.text


async def test_a_write_that_was_done_before_it_was_cancelled_is_not_lost_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = DRIVER.write_in_savepoint

    async def cancelled_late(*arguments: Any) -> None:
        await real(*arguments)
        raise asyncio.CancelledError

    note = Note(text="late")

    async def work() -> None:
        async with atomic():
            await Note.objects.create(text="first")
            with monkeypatch.context() as patch, pytest.raises(asyncio.CancelledError):
                patch.setattr(DRIVER, "write_in_savepoint", cancelled_late)
                await note.save()

    with pytest.raises(OperationalError, match="nothing of the transaction was stored") as caught:
        await work()
    assert caught.value.retryable
    assert (await texts(), note.pk) == ([], None)
    await note.save()
    assert await texts() == ["late"]


async def test_a_cursor_that_fails_in_a_transaction_does_not_end_it_in_silence() -> None:
    async def work() -> None:
        async with atomic():
            await Note.objects.create(text="first")
            with pytest.raises(DatabaseError, match="out of range"):
                async for _ in Note.objects.annotate(more=F("id") + (2**63 - 1)).iterator():
                    pass

    with pytest.raises(OperationalError, match="nothing of the transaction was stored"):
        await work()
    assert await texts() == []


async def prepared(connection: Connection) -> int:
    sql = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'openviper%'"
    ((count,),) = await connection.fetch_all(sql)
    return int(count)


async def test_a_write_that_comes_again_and_again_is_prepared_once() -> None:
    async with atomic() as connection:
        for number in range(5):
            await Note.objects.create(text=f"{number}")
        assert await prepared(connection) == 0
        for number in range(5, 9):
            await Note.objects.create(text=f"{number}", n=number)
        assert await prepared(connection) == 1
        for number in range(9):
            assert await Note.objects.filter(text=f"{number}").update(n=7) == 1
        assert await prepared(connection) == 2
    assert await texts() == [f"{number}" for number in range(9)]


async def test_what_is_refused_while_it_is_prepared_is_refused_alone() -> None:
    async with atomic() as connection:
        await Note.objects.create(text="a")
        for _ in range(12):
            with pytest.raises(IntegrityError):
                await Note.objects.create(text="a")
        assert await prepared(connection) == 1
        await Note.objects.create(text="b")
    assert await texts() == ["a", "b"]


async def test_a_prepared_write_that_the_server_has_forgotten_is_sent_as_it_is() -> None:
    async with get_connection() as connection:
        async with atomic():
            for number in range(9):
                await Note.objects.create(text=f"{number}")
            await connection.execute("DEALLOCATE ALL")
            await Note.objects.create(text="9")
        async with atomic():
            for number in range(10, 20):
                await Note.objects.create(text=f"{number}")
            assert await prepared(connection) == 0
    assert await texts() == [f"{number}" for number in range(20)]


async def test_a_prepared_write_goes_on_when_its_table_has_changed(vendor: str) -> None:
    async with get_connection() as connection:
        for change in ("id TYPE bigint", "text TYPE text", "n TYPE bigint"):
            async with atomic():
                for number in range(9):
                    await Note.objects.create(text=f"{change[:9]} {number}")
            await connection.execute(f"ALTER TABLE piped_note ALTER {change}")
            async with atomic():
                await Note.objects.create(text=f"behind {change}"[:20])
    assert len(await texts()) == 30
