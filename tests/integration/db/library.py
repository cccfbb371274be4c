"""The models that the tests of queries and saving share."""

from __future__ import annotations

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
