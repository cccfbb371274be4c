"""Serializers of models, on every database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.api.library import (
    BIRTH,
    MODELS,
    Author,
    AuthorOut,
    AuthorWithBooks,
    Book,
    BookSerializer,
    Tag,
    TagWithBooks,
    faults,
    library,
)
from tests.integration.db.blog import counted_reads as counting
from tests.integration.db.support import database

EVERY_DATABASE = True


async def test_a_row_is_made_shown_and_changed(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        jane = await Author.objects.create(name="Jane", born=BIRTH)
        old, new = [await Tag.objects.create(word=word) for word in ("old", "new")]
        data = {"title": " Emma ", "author": jane.pk, "tags": [old.pk, new.pk], "model": "audio"}
        book = await BookSerializer.create_from(data)
        assert (book.title, book.pages, book.author_id, book.model) == ("Emma", 1, jane.pk, "audio")
        assert await BookSerializer.dump(book) == {
            "id": book.pk,
            "title": "Emma",
            "pages": 1,
            "author": {
                "id": jane.pk,
                "name": "Jane",
                "born": "1775-12-16",
                "label": "Jane (1775-12-16)",
            },
            "editor": None,
            "tags": [{"id": old.pk, "word": "old"}, {"id": new.pk, "word": "new"}],
            "model": "audio",
        }
        changed = await BookSerializer.update_from(book, {"pages": 7}, partial=True)
        assert changed is book
        stored = await Book.objects.get(pk=book.pk)
        assert (stored.title, stored.pages, len(await stored.tags)) == ("Emma", 7, 2)
        # What a PUT leaves out has its default again.
        await BookSerializer.update_from(
            stored, {"title": "Emma", "author": jane.pk, "tags": [new.pk]}
        )
        stored = await Book.objects.get(pk=book.pk)
        tags = [tag.word for tag in await stored.tags]
        assert (stored.pages, stored.model, tags) == (1, "paper", ["new"])
        assert await BookSerializer.validate({"title": "It", "author": jane.pk}).save() == {
            **(await BookSerializer.dump(await Book.objects.get(title="It"))),
            "tags": [],
        }
        assert (await BookSerializer.validate_data({"pages": 9}, partial=True).save(stored))[
            "pages"
        ] == 9


async def test_what_a_database_refuses_is_a_fault_of_a_field(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        assert await faults(BookSerializer.create_from({"title": "Emma", "author": 99})) == [
            "no_row author: there is no Author with this key, not 99"
        ]
        jane = await Author.objects.create(name="Jane")
        tag = await Tag.objects.create(word="old")
        good = {"title": "Emma", "author": jane.pk}
        linked = {**good, "tags": [tag.pk, 77]}
        assert await faults(BookSerializer.create_from(linked)) == [
            "no_row tags.1: there is no Tag with this key, not 77"
        ]
        assert await Book.objects.count() == 0
        assert await faults(AuthorOut.create_from({"name": "Jane"})) == [
            "unique name: there is one with this value already, not 'Jane'"
        ]
        joan = await Author.objects.create(name="Joan")
        assert await faults(AuthorOut.update_from(joan, {"name": "Jane"}, partial=True)) == [
            "unique name: there is one with this value already, not 'Jane'"
        ]
        assert (await AuthorOut.update_from(jane, {"name": "Jane"})).pk == jane.pk
        await BookSerializer.create_from(good)
        assert await faults(BookSerializer.create_from(good)) == [
            "unique there is one with the same title and author already"
        ]


async def test_what_only_the_database_sees_is_a_fault_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def blind(*_: object) -> None:
        """See nothing, as when somebody else is faster."""

    async with database(tmp_path, *MODELS):
        jane = await Author.objects.create(name="Jane")
        data = {"title": "Emma", "author": jane.pk}
        await BookSerializer.create_from(data)
        monkeypatch.setattr("openviper.db.models.validation._check_group", blind)
        assert await faults(BookSerializer.create_from(data)) == [
            "unique there is one with the same title and author already"
        ]


async def test_what_is_refused_spoils_no_transaction_around_it(tmp_path: Path) -> None:
    from openviper.db.connection import atomic

    async with database(tmp_path, *MODELS):
        async with atomic():
            await Author.objects.create(name="Jane")
            await faults(AuthorOut.create_from({"name": "Jane"}))
            await Author.objects.create(name="Joan")
        assert await Author.objects.count() == 2


async def test_the_number_of_statements_does_not_grow(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        counts = []
        for count in (1, 20):
            jane = await library(count)
            authors = Author.objects.filter(pk=jane.pk)
            with counting() as statements:
                shown = await AuthorWithBooks.serialize_many(authors)
            assert [len(book["tags"]) for book in shown[0]["books"]] == [2] * count
            counts.append(len(statements))
            with counting() as prepared:
                rows = await AuthorWithBooks.prepare(authors)
                assert await AuthorWithBooks.dump_many(rows) == shown
            counts.append(len(prepared))
        assert counts == [3, 3, 3, 3], counts
        with counting() as statements:
            await BookSerializer.dump_many(await BookSerializer.prepare(Book.objects.all()))
        assert len(statements) == 2
        with counting() as statements:
            books = await BookSerializer.prepare(Book.objects.all(), ["title", "author"])
            shown = await BookSerializer.dump_many(books, ["title", "author"])
        assert len(statements) == 1 and list(shown[0]) == ["title", "author"]
        with counting() as statements:
            await BookSerializer.dump_many(await Book.objects.all(), ["title"])
        assert len(statements) == 1
        with counting() as statements:
            shown = await TagWithBooks.serialize_many(Tag.objects.all())
        assert len(statements) == 3 and len(shown[0]["books"]) in (1, 20)
