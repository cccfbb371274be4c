"""An iterator whose rows are fetched as they are needed ends with the transaction that it was begun in."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.db.connection import atomic
from openviper.db.exceptions import OperationalError
from openviper.db.fields import CharField
from openviper.db.models import Model
from tests.integration.db.support import database

EVERY_DATABASE = True


class Note(Model):
    _app_name = "iterators"

    text = CharField(max_length=20)


async def test_it_says_so_and_leaves_the_connection_usable(tmp_path: Path) -> None:
    async with database(tmp_path, Note):
        await Note.objects.bulk_create([Note(text=text) for text in "abcde"])
        async with atomic():
            notes = Note.objects.order_by("-text").iterator(2)
            assert (await anext(notes)).text == "e"
        async with atomic():
            await Note.objects.create(text="f")
            assert (await anext(notes)).text == "d"  # It is here already.
            with pytest.raises(OperationalError, match="begun in has ended; read all of its rows"):
                await anext(notes)
            await Note.objects.create(text="g")
        async with atomic():
            async with atomic():
                notes = Note.objects.order_by("text").iterator(1)
                await anext(notes)
            with pytest.raises(OperationalError, match="transaction or savepoint"):
                await anext(notes)
            assert await Note.objects.count() == 7


async def test_within_the_block_and_without_an_order_it_gives_all_rows(tmp_path: Path) -> None:
    async with database(tmp_path, Note):
        await Note.objects.bulk_create([Note(text=text) for text in "abc"])
        async with atomic():
            ordered = Note.objects.order_by("-text").iterator(1)
            assert [note.text async for note in ordered] == ["c", "b", "a"]
            by_key = Note.objects.iterator(1)
            assert (await anext(by_key)).text == "a"
        assert [note.text async for note in by_key] == ["b", "c"]
