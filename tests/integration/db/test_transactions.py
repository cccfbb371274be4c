"""What transactions promise, on every database."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import (
    atomic,
    close_db,
    configure_db,
    connections,
    get_connection,
    on_commit,
    request_connection,
    transaction,
)
from openviper.db.exceptions import DatabaseReadOnlyError, OperationalError
from openviper.db.fields import CharField, ForeignKey, IntegerField
from openviper.db.models import F, Model
from openviper.exceptions import IntegrityError
from tests.integration.db.support import current, database, stored

EVERY_DATABASE = True

ACCOUNTS = 10
START = 1000


class Account(Model):
    _app_name = "transactions"

    name = CharField(max_length=20, unique=True)
    balance = IntegerField(default=0)


class Entry(Model):
    _app_name = "transactions"

    account = ForeignKey(Account)
    amount = IntegerField(default=0)


class Boom(Exception):
    """What the tests raise inside a block."""


def names(path: Path) -> list[str]:
    """Return what another connection sees."""
    return [row[0] for row in stored(path, "SELECT name FROM transactions_account ORDER BY name")]


@pytest.mark.parametrize("block", [atomic, transaction])
async def test_an_error_rolls_the_block_back(tmp_path: Path, block: type[object]) -> None:
    async with database(tmp_path, Account) as path:
        await Account.objects.create(name="before")
        with pytest.raises(Boom):
            async with block():  # type: ignore[attr-defined]  # both are functions that give a context manager
                await Account.objects.create(name="inside")
                raise Boom
        assert names(path) == ["before"]


async def test_a_block_is_seen_by_others_only_after_its_commit(tmp_path: Path) -> None:
    async with database(tmp_path, Account) as path:
        async with atomic():
            await Account.objects.create(name="a")
            assert await Account.objects.count() == 1
            assert names(path) == []
        assert names(path) == ["a"]


async def test_an_inner_failure_undoes_the_inner_part_only(tmp_path: Path) -> None:
    async with database(tmp_path, Account) as path:
        async with atomic():
            await Account.objects.create(name="outer")
            with pytest.raises(Boom):
                async with atomic():
                    await Account.objects.create(name="inner")
                    raise Boom
            async with atomic():
                await Account.objects.create(name="second")
        assert names(path) == ["outer", "second"]


async def test_an_outer_failure_undoes_everything(tmp_path: Path) -> None:
    async with database(tmp_path, Account) as path:
        with pytest.raises(Boom):
            async with atomic():
                async with atomic():
                    await Account.objects.create(name="inner")
                raise Boom
        assert names(path) == []


async def test_a_failed_statement_leaves_the_block_usable(tmp_path: Path) -> None:
    async with database(tmp_path, Account) as path:
        async with atomic():
            await Account.objects.create(name="a")
            with pytest.raises(IntegrityError):
                await Account.objects.create(name="a")
            with pytest.raises(IntegrityError):
                await Account.objects.bulk_create([Account(name="b"), Account(name="a")])
            await Account.objects.create(name="c")
        assert names(path) == ["a", "c"]


async def test_a_write_inside_a_pinned_connection_is_durable_at_once(tmp_path: Path) -> None:
    async with database(tmp_path, Account) as path:
        async with request_connection():
            await Account.objects.create(name="a")
            assert names(path) == ["a"]
        assert names(path) == ["a"]


async def test_cancelling_inside_a_block_rolls_it_back_and_frees_the_connection(
    tmp_path: Path,
) -> None:
    async with database(tmp_path, Account) as path:
        reached = asyncio.Event()

        async def work() -> None:
            async with atomic():
                await Account.objects.create(name="lost")
                reached.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await Account.objects.create(name="kept")
        assert names(path) == ["kept"]


async def test_a_statement_cancelled_by_a_timeout_leaves_the_block_usable(
    tmp_path: Path, vendor: str
) -> None:
    sleep = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "postgresql": "SELECT pg_sleep(30)",
        "mysql": "SELECT SLEEP(30)",
    }[vendor]
    async with database(tmp_path, Account) as path:
        async with request_connection() as connection:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await connection.fetch_all(sleep)
            await Account.objects.create(name="after")
        assert names(path) == ["after"]
        assert await Account.objects.count() == 1


async def test_callbacks_run_after_the_outermost_commit_and_never_after_a_rollback(
    tmp_path: Path,
) -> None:
    async with database(tmp_path, Account):
        calls: list[str] = []
        async with atomic():
            on_commit(lambda: calls.append("outer"))
            with pytest.raises(Boom):
                async with atomic():
                    on_commit(lambda: calls.append("undone"))
                    raise Boom
            async with atomic():
                on_commit(lambda: calls.append("inner"))
            assert calls == []
        assert calls == ["outer", "inner"]
        with pytest.raises(Boom):
            async with atomic():
                on_commit(lambda: calls.append("never"))
                raise Boom
        assert calls == ["outer", "inner"]


async def test_a_callback_that_fails_keeps_no_other_from_being_called(tmp_path: Path) -> None:
    async with database(tmp_path, Account):
        calls: list[str] = []

        def failing() -> None:
            calls.append("failing")
            raise Boom

        async def cancelled() -> None:
            raise asyncio.CancelledError

        for others, raised in (([failing], Boom), ([failing, cancelled], asyncio.CancelledError)):
            with pytest.raises(raised):
                async with atomic():
                    for each in (*others, lambda: calls.append("last")):
                        on_commit(each)
                    await Account.objects.create(name=raised.__name__, balance=1)
        # That its task is cancelled is passed over for nothing else.
        assert calls == ["failing", "last"] * 2
        assert await Account.objects.count() == 2


async def test_a_reading_transaction_refuses_writes(tmp_path: Path) -> None:
    async with database(tmp_path, Account):
        async with transaction(read_only=True):
            assert await Account.objects.count() == 0
            with pytest.raises(DatabaseReadOnlyError):
                await Account.objects.create(name="x")
        await Account.objects.create(name="y")


async def test_a_read_only_alias_refuses_writes_even_by_statement(tmp_path: Path) -> None:
    async with database(tmp_path, Account) as path:
        url = current.url or f"sqlite:///{path}"
        frozen = connections.setup_alias("frozen", {"URL": url, "READ_ONLY": True})
        with pytest.raises(DatabaseReadOnlyError):
            await Account(name="x").__class__.objects.using("frozen").create(name="x")
        with pytest.raises(DatabaseReadOnlyError):
            async with transaction(using="frozen"):
                pass
        async with frozen.connection() as connection:
            with pytest.raises(Exception, match="read.?only|READ ONLY"):
                await connection.execute(
                    "INSERT INTO transactions_account (name, balance) VALUES ('x', 0)"
                )
        await frozen.close()
        assert names(path) == []


async def test_a_transaction_that_the_database_ended_is_not_reported_as_stored(
    tmp_path: Path, vendor: str
) -> None:
    async with database(tmp_path, Account) as path:
        with pytest.raises(OperationalError, match="ended the transaction"):
            async with atomic() as connection:
                await Account.objects.create(name="x")
                await connection.execute("ROLLBACK")
                with pytest.raises(OperationalError, match="ended the transaction"):
                    await Account.objects.create(name="alone")
        assert names(path) == []


async def transfer(chance: random.Random) -> None:
    """Move money from one account to another; give up when the database says so."""
    source, target = chance.sample(range(1, ACCOUNTS + 1), 2)
    amount = chance.randint(1, 50)
    try:
        async with atomic():
            await Account.objects.filter(pk=source).update(balance=F("balance") - amount)
            if chance.random() < 0.3:
                await asyncio.sleep(0)
            await Account.objects.filter(pk=target).update(balance=F("balance") + amount)
            await Entry.objects.bulk_create(
                [Entry(account_id=source, amount=-amount), Entry(account_id=target, amount=amount)]
            )
    except OperationalError as error:
        assert error.retryable  # noqa: PT017 - anything else than a deadlock is a failure


async def test_money_is_never_made_or_lost_whatever_is_cancelled(tmp_path: Path) -> None:
    async with database(tmp_path, Account, Entry) as path:
        await Account.objects.bulk_create(
            [Account(name=f"a{n}", balance=START) for n in range(ACCOUNTS)]
        )
        chance = random.Random(20261123)

        async def attempts(seed: int) -> None:
            mine = random.Random(seed)
            for _ in range(3):
                task = asyncio.create_task(transfer(mine))
                if mine.random() < 0.4:
                    asyncio.get_running_loop().call_later(mine.random() * 0.05, task.cancel)
                await asyncio.wait([task])
                if not task.cancelled():
                    task.result()

        await asyncio.gather(*(attempts(chance.randrange(10**9)) for _ in range(200)))
        balances = [row[0] for row in stored(path, "SELECT balance FROM transactions_account")]
        assert sum(balances) == ACCOUNTS * START
        entries = stored(path, "SELECT account_id, amount FROM transactions_entry")
        assert len(entries) > 200
        for number, balance in stored(path, "SELECT id, balance FROM transactions_account"):
            assert balance == START + sum(
                amount for account, amount in entries if account == number
            )
        statistics = connections.get().pool().statistics()
        if "idle" in statistics:
            assert statistics["open"] == statistics["idle"] <= 5
            assert statistics["waiting"] == 0
        else:
            assert not statistics["primary_held"]


async def test_a_connection_is_free_again_when_its_block_ends(tmp_path: Path) -> None:
    async with database(tmp_path, Account):
        if current.url is not None:
            await configure_db(current.url)
        for _ in range(20):
            async with get_connection() as connection:
                assert not connection.in_transaction
        await close_db()


async def test_a_savepoint_that_was_not_made_is_not_gone_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database(tmp_path, Account) as path:
        async with atomic() as outer:
            await Account.objects.create(name="kept", balance=1)
            driver = outer._driver
            original = type(driver).control

            async def control(self: Any, sql: str) -> None:
                if sql.startswith("SAVEPOINT"):
                    raise OperationalError("the network is down", retryable=True)
                assert "SAVEPOINT" not in sql
                await original(self, sql)

            monkeypatch.setattr(type(driver), "control", control)
            with pytest.raises(OperationalError, match="the network is down"):
                async with atomic():
                    pytest.fail("it was entered")
            monkeypatch.undo()
        assert names(path) == ["kept"]


async def test_cancelling_while_a_savepoint_is_made_is_told_as_cancelling(tmp_path: Path) -> None:
    async with database(tmp_path, Account) as path:

        async def work() -> None:
            async with atomic():
                await Account.objects.create(name="x", balance=1)
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                async with atomic():
                    await Account.objects.create(name="y", balance=1)

        task = asyncio.create_task(work())
        await asyncio.wait([task])
        assert task.cancelled()
        assert names(path) == []
        await Account.objects.create(name="z", balance=1)
