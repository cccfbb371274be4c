"""Copying rows between databases, each vendor as the target and as the source."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import atomic, connections
from openviper.db.exceptions import DatabaseError, DatabaseReadOnlyError
from openviper.db.models import Model
from openviper.db.transfer import reading, sessions
from openviper.db.transfer.copying import Copy, copy_data, rehearse
from openviper.db.transfer.errors import RowError, TransferError
from openviper.db.transfer.proof import refuse_same, refuse_unsafe_tables
from openviper.db.transfer.tables import transfer_tables
from openviper.db.transfer.target import STORED, target_transaction
from openviper.db.transfer.vendor_statements import vendor_of
from tests.integration.db.transfer.support import (
    SHOP,
    Shops,
    ask,
    connected,
    copy,
    quiet,
    run,
)
from tests.shop.models import Code, Node, Shelf, Tag, Thing
from tests.shop.rows import ODD, give_a_number_away


async def values_of(alias: str) -> list[Any]:
    """Return every value of the shop as the ORM reads it."""
    models: list[type[Model]] = [*SHOP, *(table.model for table in transfer_tables(SHOP))]
    return [sorted(await model.objects.using(alias).values(), key=repr) for model in models]


async def test_every_value_arrives_and_comes_back(shops: Shops) -> None:
    async with shops.open():
        there = await copy("default", "other")
        back = await copy("other", "back")
        assert there == back
        assert {table.name: table.rows for table in there}["shop_thing"] == 3
        assert await values_of("default") == await values_of("other") == await values_of("back")
        thing = await Thing.objects.using("other").get(short=ODD)
        assert thing.get_sensitive("secret") == "secret"


async def test_the_checksum_depends_on_every_value(shops: Shops) -> None:
    async with shops.open():
        before = await copy("default", "other")
        await Tag.objects.filter(name="tag").update(name="Tags")
        after = await copy("default", "other", replace=True)
        assert [one.name for one, two in zip(before, after, strict=True) if one != two] == [
            "shop_tag"
        ]


async def test_a_number_that_was_given_away_is_not_given_again(shops: Shops) -> None:
    async with shops.open():
        gone = await give_a_number_away()
        await copy("default", "other")
        async with atomic("other"):
            assert (await Thing.objects.create()).pk > gone
        await copy("other", "back")
        async with atomic("back"):
            assert (await Thing.objects.create()).pk > gone + 1


async def test_rows_that_are_there_are_kept_or_replaced(shops: Shops) -> None:
    async with shops.open():
        async with atomic("other"):
            await Tag.objects.create(name="old")
        with pytest.raises(TransferError, match="table shop_tag of database 'other' has 1 rows"):
            await copy("default", "other")
        assert await ask("other", "SELECT name FROM shop_tag") == "old"
        await copy("default", "other", replace=True)
        await copy("default", "other", replace=True)  # Circles included.
        assert await Tag.objects.using("other").count() == 2


async def test_rows_that_others_refer_to_are_not_replaced(shops: Shops) -> None:
    async with shops.open():
        await copy("default", "other")
        with pytest.raises(
            TransferError, match="which is not among the tables to replace, refer to them"
        ):
            await copy("default", "other", Tag, Thing, replace=True)
        await run("other", "DELETE FROM shop_thing_tags", "UPDATE shop_node SET tag_id = NULL")
        await copy("default", "other", Tag, replace=True)


async def test_some_models_are_copied_with_the_pairs_of_their_fields(shops: Shops) -> None:
    async with shops.open():
        copied = await copy("default", "other", Tag, Node)
        assert {table.name: table.rows for table in copied} == {"shop_tag": 2, "shop_node": 2}
        with pytest.raises(
            RowError,
            match="table shop_code_parts, key 1, column part_id: .*(?:refers to|foreign key)",
        ):
            await copy("default", "other", Code)
        assert await ask("other", "SELECT count(*) FROM shop_code") == 0


async def test_a_row_that_the_database_refuses_is_named_and_nothing_is_stored(shops: Shops) -> None:
    no_30 = "ALTER TABLE shop_tag ADD CONSTRAINT no_30 CHECK (name <> 'tag 30')"
    if shops.vendor == "sqlite":
        no_30 = (
            "CREATE TRIGGER no_30 BEFORE INSERT ON shop_tag WHEN NEW.name = 'tag 30' "
            "BEGIN SELECT RAISE(ABORT, 'not 30'); END"
        )
    async with shops.open(altered=True):
        for number in range(40):
            await Tag.objects.create(name=f"tag {number}")
        await run("other", no_30)
        with pytest.raises(
            RowError, match="table shop_tag, key 33: refused by the database: .*30"
        ) as caught:
            await copy("default", "other")
        assert caught.value.key == 33
        assert await ask("other", "SELECT count(*) FROM shop_code") == 0


async def test_the_column_of_a_refused_row_is_named_where_its_value_shows_it(shops: Shops) -> None:
    async with shops.open(filled=False):
        await run("default", f"INSERT INTO shop_tag (name) VALUES ('{'x' * 51}')")
        if shops.vendor == "sqlite":
            await copy("default", "other")
            return
        with pytest.raises(RowError, match="table shop_tag, key 1, column name: refused by the"):
            await copy("default", "other")


async def test_a_missing_row_is_named_by_who_refers_to_it(shops: Shops) -> None:
    async with shops.open():
        await run("default", "PRAGMA foreign_keys = OFF", "DELETE FROM shop_tag WHERE name = 'Tag'")
        with pytest.raises(TransferError) as caught:
            await copy("default", "other")
        assert "table shop_node, key 2" in str(caught.value)
        assert await ask("other", "SELECT count(*) FROM shop_tag") == 0


async def test_a_value_of_another_type_is_named(shops: Shops) -> None:
    async with shops.open():
        await run("default", "UPDATE shop_thing SET whole = 'many' WHERE id = 2")
        with pytest.raises(
            RowError,
            match="table shop_thing, key 2, column whole: holds a text and not a whole number",
        ):
            await copy("default", "other")
        await run("default", "UPDATE shop_thing SET whole = 1, at = 'once' WHERE id = 2")
        with pytest.raises(RowError, match="key 2, column at: Invalid isoformat string"):
            await copy("default", "other")


async def test_a_text_that_is_not_utf_8_is_named(shops: Shops) -> None:
    async with shops.open():
        await run("default", "UPDATE shop_thing SET text = CAST(x'eda080' AS TEXT) WHERE id = 3")
        with pytest.raises(RowError, match="key 3, column text: holds a text that is not UTF-8"):
            await copy("default", "other")


async def test_json_keeps_every_digit(shops: Shops) -> None:
    async with shops.open():
        digits = '{"n":12345678901234567890.123456789,"m":1e400}'
        await run("default", f"UPDATE shop_thing SET data = '{digits}'")
        await copy("default", "other")
        await copy("other", "back")
        text = await ask("back", "SELECT data FROM shop_thing WHERE id = 1")
        assert "12345678901234567890.123456789" in text


async def test_triggers_that_change_values_are_noticed(shops: Shops) -> None:
    change = {
        "sqlite": [
            "CREATE TRIGGER louder AFTER INSERT ON shop_tag BEGIN UPDATE shop_tag SET name = upper(name) || id; END"
        ],
        "postgresql": [
            "CREATE FUNCTION louder() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN NEW.name := upper(NEW.name) || NEW.id; RETURN NEW; END'",
            "CREATE TRIGGER louder BEFORE INSERT ON shop_tag FOR EACH ROW EXECUTE FUNCTION louder()",
        ],
        "mysql": [
            "CREATE TRIGGER louder BEFORE INSERT ON shop_tag FOR EACH ROW "
            "SET NEW.name = concat(upper(NEW.name), NEW.id)"
        ],
    }
    async with shops.open(altered=True):
        await run("other", *change[shops.vendor])
        with pytest.raises(TransferError, match="table shop_tag has other values in the target"):
            await copy("default", "other")
        assert await ask("other", "SELECT count(*) FROM shop_tag") == 0


async def test_rows_of_one_moment_are_copied(shops: Shops) -> None:
    async with shops.open():
        await copy("default", "other")

        def interfere(step: str, table: str, _rows: int) -> None:
            if step == "Copying" and table == "shop_tag":
                running.append(loop.create_task(add(), context=outside))

        async def add() -> None:
            async with atomic("other"):
                await Tag.objects.create(name="late")

        # A task that is started in the middle would else have the connection that reads.
        loop, outside = asyncio.get_running_loop(), copy_context()
        running: list[asyncio.Task[None]] = []
        copied = await copy_data(Copy("other", "back", transfer_tables(SHOP)), interfere)
        await asyncio.gather(*running)
        assert {table.name: table.rows for table in copied}["shop_tag"] == 2
        assert await Tag.objects.using("other").count() == 3


async def test_a_rehearsal_reads_everything_and_writes_nothing(shops: Shops) -> None:
    async with shops.open():
        todo = Copy("default", "other", transfer_tables(SHOP))
        rehearsed = await rehearse(todo, quiet)
        assert await ask("other", "SELECT count(*) FROM shop_thing") == 0
        assert rehearsed == await copy("default", "other")


async def test_a_cancelled_copy_leaves_nothing(shops: Shops) -> None:
    async with shops.open():

        def stop(step: str, table: str, _rows: int) -> None:
            if (step, table) == ("Comparing", "shop_thing"):
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await copy_data(Copy("default", "other", transfer_tables(SHOP)), stop)
        assert await ask("other", "SELECT count(*) FROM shop_thing") == 0
        await copy("default", "other")


async def test_a_cancellation_that_comes_too_late_says_that_everything_is_stored(
    shops: Shops,
) -> None:
    async with shops.open():
        task = asyncio.current_task()
        assert task is not None
        with pytest.raises(asyncio.CancelledError, match=STORED):
            async with target_transaction(
                connections.get("other"), transfer_tables([Tag])
            ) as target:
                await target.connection.execute("INSERT INTO shop_tag (name) VALUES ('stored')")
                task.get_loop().call_soon(task.cancel)
        task.uncancel()
        assert await ask("other", "SELECT count(*) FROM shop_tag") == 1


async def test_two_that_copy_into_one_database_take_turns(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openviper.db.transfer.target.LOCK_WAIT", 0.1)
    async with shops.open():
        async with target_transaction(connections.get("other"), transfer_tables([Tag])):
            with pytest.raises(TransferError, match="another copy-data, load-data or migrate has"):
                await copy("default", "other")


async def test_long_values_go_in_batches_of_bounded_size(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_BYTES", 100_000)
    async with shops.open(filled=False):
        for number in range(8):
            await Thing.objects.create(raw=bytes([number]) * 60_000, text="é" * number)
        batches: list[int] = []
        await copy_data(
            Copy("default", "other", transfer_tables([Thing])),
            lambda step, _table, rows: batches.append(rows) if step == "Copying" else None,
        )
        assert batches == [1] * 8


async def test_a_database_that_only_reads_is_no_target(files: Shops) -> None:
    async with files.open():
        connections.setup_alias(
            "other", {"URL": f"sqlite:///{files.path('other')}", "READ_ONLY": True}
        )
        with pytest.raises(DatabaseReadOnlyError):
            await copy("default", "other")


async def test_two_names_of_one_file_are_one_database(files: Shops, tmp_path: Path) -> None:
    async with files.open():
        (tmp_path / "link.sqlite3").symlink_to(files.path("default"))
        link = connections.setup_alias("link", {"URL": f"sqlite:///{tmp_path}/link.sqlite3"})
        with pytest.raises(TransferError, match="'default' and 'link' are the same database"):
            await refuse_same(connections.get("default"), link)
        await refuse_same(connections.get("default"), connections.get("other"))


async def test_two_names_of_one_database_on_a_server_are_one(shops: Shops) -> None:
    if shops.vendor == "sqlite":
        pytest.skip("another vendor: files are compared by the system")
    async with shops.open(filled=False):
        database = connections.get("other")
        url = database.options.url
        address = f"{url.scheme}://{url.username}@localhost:{url.port}/{url.database}"
        twin = connections.setup_alias("twin", {"URL": address})
        with pytest.raises(TransferError, match="are the same database"):
            await refuse_same(database, twin)
        await twin.close()


async def test_a_table_that_cannot_roll_back_is_refused(shops: Shops) -> None:
    if shops.vendor != "mysql":
        pytest.skip("another vendor: only MariaDB has such tables")
    async with shops.open(filled=False, altered=True):
        await run(
            "other",
            "ALTER TABLE shop_thing_tags DROP FOREIGN KEY fk_shop_thing_tags_tag_id",
            "ALTER TABLE shop_thing_tags DROP FOREIGN KEY fk_shop_thing_tags_thing_id",
            "ALTER TABLE shop_thing_tags ENGINE = MyISAM",
        )
        async with connected("other") as connection:
            with pytest.raises(TransferError, match="shop_thing_tags .* kept by the engine MyISAM"):
                await refuse_unsafe_tables(connection, transfer_tables(SHOP))


async def test_a_value_longer_than_a_packet_is_named_before_it_is_sent(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shops.vendor != "mysql":
        pytest.skip("another vendor: only MariaDB has packets")

    async def short(_connection: object) -> int:
        return 200_000

    monkeypatch.setattr("openviper.db.transfer.copying.longest_packet", short)
    async with shops.open(filled=False):
        await Thing.objects.create(raw=b"\x00" * 100_000)
        with pytest.raises(RowError, match="column raw: needs 200000 bytes .* max_allowed_packet"):
            await copy("default", "other")


async def test_text_with_nul_is_refused_by_postgresql_alone(shops: Shops) -> None:
    async with shops.open(filled=False):
        await Thing.objects.create(text="a b")
        async with connected("default") as connection:
            # The ORM does not write it; whoever wrote the source before did.
            await connection.execute("UPDATE shop_thing SET text = 'a' || char(0) || 'b'")
        shelf = await Shelf.objects.create(name="x")
        await Thing.objects.filter().update(shelf_id=shelf.pk)
        if shops.vendor == "postgresql":
            with pytest.raises(RowError, match="key 1, column text: text with a NUL character"):
                await copy("default", "other")
            with pytest.raises(RowError, match="key 1, column text: text with a NUL character"):
                await rehearse(Copy("default", "other", transfer_tables(SHOP)), quiet)
            assert await ask("other", "SELECT count(*) FROM shop_shelf") == 0
        else:
            await copy("default", "other")
            assert (await Thing.objects.using("other").get()).text == "a\x00b"


async def test_a_date_that_there_is_not_is_named(shops: Shops) -> None:
    if shops.vendor != "mysql":
        pytest.skip("another vendor: only MariaDB has such dates")
    async with shops.open():
        await copy("default", "other")
        async with connected("other") as connection:
            mode = (await connection.fetch_all("SELECT @@sql_mode"))[0][0]
            await connection.execute("SET SESSION sql_mode = ''")
            await connection.execute("UPDATE shop_thing SET day = '0000-00-00' WHERE id = 2")
            await connection.execute(f"SET SESSION sql_mode = '{mode}'")
        with pytest.raises(RowError, match="table shop_thing, key 2, column day: "):
            await copy("other", "back")
        assert await ask("back", "SELECT count(*) FROM shop_tag") == 0


@pytest.mark.parametrize(
    ("value", "column"), [("'infinity'", "at"), ("'0044-03-15 BC'", "at"), ("'infinity'", "day")]
)
async def test_a_moment_that_python_has_not_is_named(shops: Shops, value: str, column: str) -> None:
    if shops.vendor != "postgresql":
        pytest.skip("another vendor: only PostgreSQL has such moments")
    async with shops.open():
        await copy("default", "other")
        await run("other", f"UPDATE shop_thing SET {column} = {value} WHERE id = 2")
        with pytest.raises(RowError, match=f"key 2, column {column}: cannot be read: .* too "):
            await copy("other", "back")


@pytest.mark.parametrize(
    ("column", "value", "keeps"),
    [("real", "'NaN'", False), ("real", "'-Infinity'", True), ("amount", "'NaN'", False)],
)
async def test_a_number_that_is_none_is_kept_only_where_it_can_be(
    shops: Shops, column: str, value: str, keeps: bool
) -> None:
    if shops.vendor != "postgresql":
        pytest.skip("another vendor: only PostgreSQL has such numbers")
    async with shops.open():
        await copy("default", "other")
        await run("other", f"UPDATE shop_thing SET {column} = {value} WHERE id = 2")
        if keeps:
            await copy("other", "back")
            await copy("back", "other", replace=True)
        else:
            with pytest.raises(
                RowError, match=f"key 2, column {column}: (nan|NaN) cannot be stored"
            ):
                await copy("other", "back")


async def test_a_table_that_somebody_holds_is_not_waited_for_long(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shops.vendor == "sqlite":
        pytest.skip("another vendor: readers of a file wait for nobody")
    quick = {
        "postgresql": (
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            "SET LOCAL lock_timeout = '50ms'",
        ),
        "mysql": ("SET SESSION lock_wait_timeout = 1", "START TRANSACTION READ ONLY"),
    }
    hold = {
        "postgresql": ("BEGIN", "LOCK TABLE shop_tag IN ACCESS EXCLUSIVE MODE"),
        "mysql": ("LOCK TABLES shop_tag WRITE",),
    }
    monkeypatch.setitem(sessions.SNAPSHOTS, shops.vendor, quick[shops.vendor])
    async with shops.open():
        await copy("default", "other")
        other = connections.get("other")
        async with other.pool().hold() as holder:
            for statement in hold[shops.vendor]:
                await holder.control(statement)
            with pytest.raises(TransferError, match="others are using the tables of 'other'"):
                await copy("other", "back")
            await holder.control("ROLLBACK" if shops.vendor == "postgresql" else "UNLOCK TABLES")


SETTINGS = (
    "SELECT CONCAT(@@foreign_key_checks, ' ', @@lock_wait_timeout, ' ', @@innodb_lock_wait_timeout)"
)


@pytest.mark.parametrize("where", ["reading", "beginning", "writing"])
async def test_a_connection_goes_back_to_its_pool_as_it_was(shops: Shops, where: str) -> None:
    if shops.vendor != "mysql":
        pytest.skip("another vendor: settings end with a transaction, or there are none")
    async with shops.open():
        before = await ask("other", SETTINGS)
        other = connections.get("other")
        if where == "reading":
            async with sessions.snapshot(other):
                pass
        elif where == "beginning":
            statements = [*vendor_of(other.dialect).begin()[:-1], "NO STATEMENT"]
            with pytest.raises(DatabaseError):
                async with sessions.begun(other, statements, vendor_of(other.dialect).after()):
                    pass
        else:
            with pytest.raises(RowError):
                async with target_transaction(other, transfer_tables(SHOP)):
                    raise RowError("shop_tag", 1, "is odd")
        assert await ask("other", SETTINGS) == before
