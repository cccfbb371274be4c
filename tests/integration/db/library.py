"""The models and rows that the tests of queries and saving share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from openviper.db.fields import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    ForeignKey,
    IntegerField,
    JSONField,
    OneToOneField,
    TextField,
    TimeField,
    UUIDField,
)
from openviper.db.models import Model, QuerySet
from tests.integration.db.support import database

MOMENT = datetime(2026, 3, 4, 5, 6, 7, 89, UTC)
LATER = MOMENT + timedelta(days=400)
CODE = UUID(int=7)


class Country(Model):
    _app_name = "library"

    code = CharField(max_length=2, primary_key=True)
    label = CharField(max_length=40)


class Author(Model):
    _app_name = "library"

    name = CharField(max_length=50)
    country = ForeignKey(Country, null=True, on_delete="SET NULL")
    books: QuerySet[Book]


class Book(Model):
    _app_name = "library"

    title = CharField(max_length=100)
    author = ForeignKey(Author, related_name="books")
    author_id: int
    editor = ForeignKey(Author, null=True, on_delete="SET NULL")
    copies = IntegerField(default=1)
    price = DecimalField(max_digits=8, decimal_places=2, null=True)
    lent = BooleanField(default=False)
    notes = TextField(null=True)
    printed = DateTimeField()
    day = DateField(null=True)
    hour = TimeField(null=True)
    code = UUIDField(null=True, unique=True)
    extra = JSONField(null=True)


class Cover(Model):
    _app_name = "library"

    book = OneToOneField(Book, related_name="cover")
    colour = CharField(max_length=10)


MODELS = (Country, Author, Book, Cover)


@asynccontextmanager
async def library(folder: Path) -> AsyncIterator[None]:
    """A library of three authors and five books."""
    async with database(folder, *MODELS):
        austria = await Country.objects.create(code="AT", label="Austria")
        anna = await Author.objects.create(name="Anna", country=austria)
        bert = await Author.objects.create(name="Bert")
        await Author.objects.create(name="Änne")
        books = [
            Book(
                title="Alpha",
                author=anna,
                editor=bert,
                copies=1,
                price=Decimal("9.90"),
                printed=MOMENT,
                code=CODE,
            ),
            Book(title="alphabet", author=anna, copies=2, lent=True, notes="100% wool"),
            Book(
                title="Beta_1",
                author=anna,
                copies=3,
                notes="a_b",
                day=date(2025, 12, 31),
                hour=time(23, 59),
            ),
            Book(title="Beta*[x]?", author=bert, copies=4, printed=LATER, extra={"a": [1, None]}),
            Book(title="Gamma", author=bert, copies=5, price=Decimal("10.00")),
        ]
        await Book.objects.bulk_create(books)
        yield


async def titles(query: QuerySet[Book]) -> list[str]:
    """Return the titles a query finds, in the order of their keys."""
    return list(await query.order_by("pk").values_list("title", flat=True))
