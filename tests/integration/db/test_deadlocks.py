"""Transactions that wait for each other: one goes on, the other is told so, and nothing of it is stored."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest

from openviper.db import executor
from openviper.db.connection import atomic, connections
from openviper.db.exceptions import OperationalError
from openviper.db.fields import CharField, IntegerField
from openviper.db.fields.model_options import ModelOptions
from openviper.db.models import F, Model
from openviper.db.query import bulk
from openviper.exceptions import IntegrityError
from tests.integration.db.support import database
from tests.servers import VENDORS


class Counter(Model):
    _app_name = "deadlocks"

    name = CharField(max_length=20, unique=True)
    n = IntegerField(default=0)


async def deadlock(swallow: bool, outcomes: list[str]) -> None:
    """Have two transactions, each with a savepoint, lock two rows crosswise."""
    locked = asyncio.Barrier(2)

    async def cross(first: str, second: str) -> None:
        async with atomic():
            await Counter.objects.filter(name=first).update(n=F("n") + 1)
            await locked.wait()
            try:
                async with atomic():
                    await Counter.objects.filter(name=second).update(n=F("n") + 10)
            except OperationalError as error:
                outcomes.append(f"retryable={error.retryable} undone={error.undone}")
                if not swallow:
                    raise
                await Counter.objects.create(name="after")
        outcomes.append("committed")

    results = await asyncio.gather(cross("a", "b"), cross("b", "a"), return_exceptions=True)
    outcomes += [type(result).__name__ for result in results if result is not None]


@pytest.mark.parametrize("vendor", ["postgresql", "mysql"], indirect=True)
@pytest.mark.parametrize("swallow", [False, True])
async def test_a_deadlock_in_a_savepoint_is_told_as_one(
    tmp_path: Path, vendor: str, swallow: bool
) -> None:
    async with database(tmp_path, Counter):
        await Counter.objects.bulk_create([Counter(name="a"), Counter(name="b")])
        outcomes: list[str] = []
        await deadlock(swallow, outcomes)
        assert "retryable=True undone=True" in outcomes and "committed" in outcomes
        # PostgreSQL has undone the savepoint only, so a transaction that lives on may write.
        lives_on = swallow and vendor == "postgresql"
        assert outcomes.count("OperationalError") == (0 if lives_on else 1)
        assert await Counter.objects.filter(name="after").exists() is lives_on


ENDED = "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213"
"""What InnoDB says of a statement that it ends in favour of another one."""


@pytest.mark.parametrize("vendor", ["mysql"], indirect=True)
async def test_a_statement_of_its_own_is_sent_again_and_a_procedure_is_not(
    tmp_path: Path, vendor: str
) -> None:
    async with database(tmp_path, Counter):
        async with connections.get("default").connection() as connection:
            await connection.execute(
                "CREATE TRIGGER ended BEFORE INSERT ON deadlocks_counter FOR EACH ROW BEGIN "
                f"SET @sent = COALESCE(@sent, 0) + 1; IF @sent < NEW.n THEN {ENDED}; END IF; END"
            )
            insert = "INSERT INTO deadlocks_counter (name, n) VALUES (%s, %s)"
            assert await connection.execute(insert, ("again", 3)) == 1
            await connection.execute("SET @sent = 0")
            with pytest.raises(OperationalError) as caught:
                await connection.execute(insert, ("never", 99))
            assert caught.value.undone
            await connection.execute(
                "CREATE PROCEDURE twice() BEGIN "
                f"INSERT INTO deadlocks_counter (name, n) VALUES ('once', 0); {ENDED}; END"
            )
            # Sent again, it would fail for the name.
            with pytest.raises(OperationalError):
                await connection.execute("CALL twice()")
            await connection.execute("SET @sent = 0")
        # The pool gives the same connection again, and its variable with it.
        part = [Counter(name="first", n=2), Counter(name="second", n=2)]
        await Counter.objects.bulk_create(part)
        assert await Counter.objects.filter(n=2).count() == 2
        assert await Counter.objects.filter(name="again").count() == 1
        assert await Counter.objects.filter(name="once").count() == 1


class Watched(Model):
    _app_name = "deadlocks"
    seen: ClassVar[list[str]] = []
    failing: ClassVar[list[bool]] = []

    name = CharField(max_length=20, unique=True)

    async def after_insert(self) -> None:
        self.seen.append(self.name)
        if self.failing:
            self.failing.pop()
            raise OperationalError("ended", retryable=True, undone=True)


@pytest.mark.parametrize("vendor", VENDORS, indirect=True)
async def test_of_many_with_hooks_who_store_one_name_the_others_are_told_so(
    tmp_path: Path, vendor: str
) -> None:
    async with database(tmp_path, Watched):
        Watched.seen.clear()
        made = await asyncio.gather(
            *[Watched.objects.create(name="ann") for _ in range(8)], return_exceptions=True
        )
        assert sum(isinstance(one, Watched) for one in made) == 1
        assert [one for one in made if not isinstance(one, Watched | IntegrityError)] == []
        assert Watched.seen == ["ann"]


async def test_hooks_that_have_begun_do_not_run_again(tmp_path: Path) -> None:
    async with database(tmp_path, Watched):
        Watched.seen.clear()
        Watched.failing.append(True)
        with pytest.raises(OperationalError, match="ended"):
            await Watched.objects.create(name="ann")
        assert Watched.seen == ["ann"]
        assert not await Watched.objects.exists()


@pytest.mark.parametrize("vendor", VENDORS, indirect=True)
async def test_of_many_who_store_one_name_with_others_the_others_are_told_so(
    tmp_path: Path, vendor: str
) -> None:
    async with database(tmp_path, Counter):
        parts = [[Counter(name="ann"), Counter(name=f"n{number}")] for number in range(8)]
        made = await asyncio.gather(
            *[Counter.objects.bulk_create(part) for part in parts], return_exceptions=True
        )
        stored = [part for part, one in zip(parts, made, strict=True) if isinstance(one, list)]
        assert len(stored) == 1
        assert [one for one in made if not isinstance(one, list | IntegrityError)] == []
        keys = await Counter.objects.order_by("id").values_list("id", flat=True)
        assert sorted(one.pk for one in stored[0]) == keys
        assert all(one.pk is None for part in parts if part is not stored[0] for one in part)


class Made(Model):
    _app_name = "deadlocks"

    name = CharField(max_length=20, unique=True)
    n = IntegerField(db_default=7)


@pytest.mark.parametrize("vendor", VENDORS, indirect=True)
async def test_instances_of_a_bulk_that_failed_are_not_stored(tmp_path: Path, vendor: str) -> None:
    async with database(tmp_path, Made):
        part = [Made(name="a"), Made(name="b"), Made(name="a")]
        with pytest.raises(IntegrityError):
            await Made.objects.bulk_create(part)
        assert [one.pk for one in part] == [None, None, None]
        part[2].name = "c"
        await Made.objects.bulk_create(part)
        assert [one.n for one in part] == [7, 7, 7]
        assert await Made.objects.count() == 3


@pytest.mark.parametrize("vendor", ["mysql"], indirect=True)
async def test_a_bulk_update_that_the_database_ends_is_begun_again(
    tmp_path: Path, vendor: str
) -> None:
    async with database(tmp_path, Counter):
        part = [Counter(name="a", n=1), Counter(name="b", n=1), Counter(name="c", n=1)]
        await Counter.objects.bulk_create(part)
        async with connections.get("default").connection() as connection:
            await connection.execute(
                "CREATE TRIGGER ended BEFORE UPDATE ON deadlocks_counter FOR EACH ROW BEGIN "
                "IF NEW.name = 'b' THEN SET @sent = COALESCE(@sent, 0) + 1; "
                f"IF @sent < NEW.n THEN {ENDED}; END IF; END IF; END"
            )
            part[0].n, part[1].n = 5, 3
            part[2].n = F("n") + 1  # type: ignore[assignment]  # the database works it out
            # Ended twice, each time behind the row before it.
            assert await Counter.objects.bulk_update(part, ["n"]) == 3
            assert [one.n for one in part] == [5, 3, 2]
            assert not any(one.has_changed for one in part)
            rows = Counter.objects.order_by("name").values_list("n", flat=True)
            assert await rows == [5, 3, 2]
            await connection.execute("SET @sent = 0")
            part[0].n, part[1].n = 8, 99
            with pytest.raises(OperationalError) as caught:
                await Counter.objects.bulk_update(part[:2], ["n"])
            assert caught.value.undone
            assert await rows == [5, 3, 2]
            # What could not be stored is still a change.
            assert part[0].get_changed_fields() == {"n": 5}


async def test_only_who_began_a_transaction_begins_a_bulk_update_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database(tmp_path, Counter):
        part = [Counter(name="a", n=1), Counter(name="b", n=1)]
        await Counter.objects.bulk_create(part)
        sent: list[str] = []
        send = executor.write_many

        async def ended(meta: ModelOptions, alias: str, sql: str, rows: Any) -> int:
            await send(meta, alias, sql, rows)
            sent.append(sql)
            if len(sent) == 1:
                raise OperationalError("ended", retryable=True, undone=True)
            return len(part)

        monkeypatch.setattr(bulk, "write_many", ended)
        part[0].n = 2
        with pytest.raises(OperationalError, match="ended"):
            async with atomic():
                await Counter.objects.bulk_update(part, ["n"])
        assert len(sent) == 1 and part[0].get_changed_fields() == {"n": 1}
        sent.clear()
        assert await Counter.objects.bulk_update(part, ["n"]) == 2
        assert len(sent) == 2 and not part[0].has_changed
        assert (await Counter.objects.get(name="a")).n == 2
