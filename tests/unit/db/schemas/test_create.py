"""Tables made straight from models: what exists stays, joins come when both sides are there."""

from __future__ import annotations

import pytest

from openviper.db.connections.databases import Database, connections
from openviper.db.exceptions import DatabaseAliasNotFoundError
from openviper.db.fields import CharField, ForeignKey, ManyToManyField
from openviper.db.models import Model
from openviper.db.schemas import create_tables
from openviper.exceptions import MigrationError


class Shelf(Model):
    _app_name = "creation"

    name = CharField(max_length=10)


class Tag(Model):
    _app_name = "creation"

    word = CharField(max_length=10)


class Book(Model):
    _app_name = "creation"

    title = CharField(max_length=10)
    shelf = ForeignKey(Shelf, on_delete="CASCADE")
    tags = ManyToManyField(Tag)


class Draft(Model):
    _app_name = "creation"

    title = CharField(max_length=10)

    class Meta:
        abstract = True


JOIN = "creation_book_tags"


async def tables() -> set[str]:
    """Return the tables of these models that there are."""
    async with connections.get("default").connection() as connection:
        rows = await connection.fetch_all("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {row[0] for row in rows if row[0].startswith("creation_")}


async def test_tables_are_made_with_those_they_refer_to_first(memory: Database) -> None:
    made = await create_tables([Book, Shelf, Tag])
    assert set(made) == {"creation_book", "creation_shelf", "creation_tag", JOIN}
    assert made.index("creation_shelf") < made.index("creation_book") < made.index(JOIN)
    assert await tables() == set(made)


async def test_what_exists_is_left_alone_the_second_time(memory: Database) -> None:
    assert await create_tables([Shelf]) == ["creation_shelf"]
    await Shelf.objects.create(name="a")
    assert await create_tables([Shelf, Tag]) == ["creation_tag"]
    assert await create_tables([Shelf, Tag]) == []
    assert await Shelf.objects.count() == 1


async def test_dropping_first_takes_the_rows_of_the_given_tables_only(memory: Database) -> None:
    await create_tables([Shelf, Tag])
    await Shelf.objects.create(name="a")
    await Tag.objects.create(word="b")
    assert await create_tables([Shelf], drop_first=True) == ["creation_shelf"]
    assert (await Shelf.objects.count(), await Tag.objects.count()) == (0, 1)


async def test_dropping_first_where_nothing_is_there_makes_the_tables(memory: Database) -> None:
    assert await create_tables([Shelf], drop_first=True) == ["creation_shelf"]


async def test_tables_that_refer_to_each_other_are_dropped_together(memory: Database) -> None:
    first = await create_tables([Shelf, Tag, Book])
    shelf = await Shelf.objects.create(name="a")
    await Book.objects.create(title="t", shelf=shelf)
    assert sorted(await create_tables([Shelf, Tag, Book], drop_first=True)) == sorted(first)
    assert await Book.objects.count() == 0


async def test_the_join_table_waits_until_both_sides_have_one(memory: Database) -> None:
    assert set(await create_tables([Book, Shelf])) == {"creation_book", "creation_shelf"}
    assert set(await create_tables([Tag])) == {"creation_tag"}
    assert await create_tables([Book]) == [JOIN]


async def test_a_target_without_a_table_is_named_and_nothing_is_made(memory: Database) -> None:
    with pytest.raises(
        MigrationError, match=r"creation\.Book: .*shelf_id references .*creation_shelf"
    ):
        await create_tables([Tag, Book])
    assert await tables() == set()
    await create_tables([Shelf])
    assert "creation_book" in await create_tables([Tag, Book])


async def test_a_model_without_a_table_is_left_out(memory: Database) -> None:
    assert await create_tables([Draft]) == []
    assert await create_tables([]) == []


async def test_an_unknown_database_is_refused(memory: Database) -> None:
    with pytest.raises(DatabaseAliasNotFoundError, match="archive"):
        await create_tables([Shelf], using="archive")
