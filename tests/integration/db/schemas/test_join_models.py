"""Generated join models get schema files and tables like any other."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.integration.db.schemas.test_commands import ROOT, SETTINGS

MODELS = """from openviper.db import CharField, ForeignKey, IntegerField, ManyToManyField, Model


class Book(Model):
    title = CharField(max_length=50)
    authors = ManyToManyField("Author", related_name="books")
    see_also = ManyToManyField("self")
    shelves = ManyToManyField(lambda: Shelf, through="Place", related_name="books")
    lists = ManyToManyField(lambda: List, related_name="books")


class Author(Model):
    name = CharField(max_length=50)


class Place(Model):
    book = ForeignKey(Book)
    shelf = ForeignKey(lambda: Shelf)
    position = IntegerField(default=0)


class Shelf(Model):
    pass


class List(Model):
    pass
"""
USE = """
import asyncio, openviper
openviper.setup()
from library.models import Author, Book, List

async def main():
    book = await Book.objects.create(title="x")
    await book.authors.add(await Author.objects.create(name="Anna"))
    await book.lists.create()
    await book.see_also.add(book)
    print([author.name for author in await book.authors], await (await List.objects.first()).books.count())

asyncio.run(main())
"""


def run(directory: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(directory)]),
        "OPENVIPER_SETTINGS_MODULE": "demo.settings",
    }
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def command(directory: Path, *arguments: str) -> str:
    start = "from openviper.core.management import execute_from_command_line; execute_from_command_line()"
    return run(directory, "-c", start, *arguments)


def test_makemigrations_and_migrate_know_the_generated_join_models(tmp_path: Path) -> None:
    for package in ("demo", "library"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "demo" / "settings.py").write_text(SETTINGS)
    models = tmp_path / "library" / "models.py"
    models.write_text(MODELS)
    command(tmp_path, "makemigrations")
    files = {path.stem for path in (tmp_path / "library" / "schemas").glob("*.json")}
    assert files == {
        "Author",
        "Book",
        "List",
        "Place",
        "Shelf",
        "BookAuthor",
        "BookBook",
        "BookList",
    }
    document = json.loads((tmp_path / "library" / "schemas" / "BookAuthor.json").read_text())
    assert document["table_name"] == "library_book_authors"
    assert document["unique_together"] == [["book_id", "author_id"]]
    command(tmp_path, "migrate", "library")
    with sqlite3.connect(tmp_path / "db.sqlite3") as connection:
        tables = {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
    connection.close()
    assert {
        "library_book_authors",
        "library_book_see_also",
        "library_book_lists",
        "library_place",
    } <= tables
    assert "library_book_shelves" not in tables
    assert run(tmp_path, "-c", USE) == "['Anna'] 1\n"

    models.write_text(MODELS.replace('    see_also = ManyToManyField("self")\n', ""))
    assert "BookBook" in command(tmp_path, "makemigrations")
    assert not (tmp_path / "library" / "schemas" / "BookBook.json").exists()
    assert "library_book_see_also" in command(tmp_path, "migrate", "--drop-orphans", "--no-input")
