"""Models and serializers of the tests."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date
from enum import Enum
from typing import Any

import pytest

from openviper.db import (
    CharField,
    CheckConstraint,
    DateField,
    ForeignKey,
    IntegerField,
    JSONField,
    ManyToManyField,
    Model,
    PasswordField,
    ReverseRows,
    SensitiveField,
    UniqueConstraint,
)
from openviper.db.models.validation import ModelValidationError
from openviper.serializers import (
    ModelSerializer,
    Serializer,
    computed_field,
    field_validator,
    model_validator,
)
from openviper.validation import ParseError


class Author(Model):
    _app_name = "serialised"

    name = CharField(max_length=30, unique=True)
    born = DateField(null=True)
    books: ReverseRows[Book]


class Tag(Model):
    _app_name = "serialised"

    word = CharField(max_length=20)


class Book(Model):
    _app_name = "serialised"

    title = CharField(max_length=30)
    pages = IntegerField(default=1)
    author = ForeignKey(Author, related_name="books")
    author_id: int
    editor = ForeignKey(Author, null=True)
    tags = ManyToManyField(Tag, related_name="books", blank=True)
    model = CharField(max_length=10, default="paper")

    class Meta:
        unique_together = [("title", "author")]


class Country(Model):
    _app_name = "serialised"

    code = CharField(max_length=2, primary_key=True)
    name = CharField(max_length=30)


class Loan(Model):
    _app_name = "serialised"

    days = IntegerField()
    code = CharField(max_length=5)
    state = CharField(max_length=5, db_default="new")

    class Meta:
        constraints = [
            UniqueConstraint(fields=["code"], name="uq_loan"),
            CheckConstraint(check="days < 100", name="ck_days"),
        ]

    async def validate(self) -> None:
        await super().validate()
        if self.days == 3:
            errors = {"days": ["an odd number"], "__all__": ["never on Sunday"]}
            raise ModelValidationError("Loan", errors)


class Account(Model):
    _app_name = "serialised"

    name = CharField(max_length=30)
    password = PasswordField(null=True)
    pin = SensitiveField()
    shown = SensitiveField()


class Parcel(Model):
    _app_name = "serialised"

    size = JSONField()
    kind = CharField(max_length=5)


MODELS = (Author, Tag, Book, Country, Loan, Account)


class TagOut(ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["id", "word"]


class AuthorOut(ModelSerializer[Author]):
    class Meta:
        model = Author
        fields = "__all__"

    @computed_field
    def label(self) -> str:
        return f"{self.name} ({self.born or '?'})"


class BookSerializer(ModelSerializer[Book]):
    """A book."""

    author: AuthorOut
    tags: list[TagOut]

    class Meta:
        model = Book
        fields = ["id", "title", "pages", "author", "editor", "tags", "model"]
        extra_kwargs = {"title": {"min_length": 2}}

    @field_validator("title")
    @classmethod
    def bare(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value.strip()

    @model_validator()
    def long_enough(self) -> None:
        if self.title == "War" and self.pages < 100:
            raise ValueError("war is long")


class AuthorWithBooks(ModelSerializer[Author]):
    books: list[BookSerializer]

    class Meta:
        model = Author
        fields = ["id", "name", "books"]


class Kind(Enum):
    BOX = "box"


class Size(Serializer):
    width: int
    unit: str = "cm"


class ParcelSerializer(ModelSerializer[Parcel]):
    size: Size
    kind: Kind

    class Meta:
        model = Parcel
        fields = ["size", "kind"]


class BookKeys(ModelSerializer[Book]):
    class Meta:
        model = Book
        fields = ["title", "author", "tags"]


class TagWithBooks(ModelSerializer[Tag]):
    books: list[BookKeys]

    class Meta:
        model = Tag
        fields = ["word", "books"]


class CountrySerializer(ModelSerializer[Country]):
    class Meta:
        model = Country
        fields = "__all__"


class LoanSerializer(ModelSerializer[Loan]):
    class Meta:
        model = Loan
        exclude = ["id"]


class AccountSerializer(ModelSerializer[Account]):
    class Meta:
        model = Account
        fields = ["id", "name", "password", "pin", "shown"]
        extra_kwargs = {"shown": {"write_only": False}}


class Secrets(ModelSerializer[Account]):
    class Meta:
        model = Account
        fields = "__all__"


BIRTH = date(1775, 12, 16)


async def faults(check: Awaitable[Any]) -> list[str]:
    """Return what is wrong with data."""
    with pytest.raises(ParseError) as refused:
        await check
    return [f"{fault.code} {fault}" for fault in refused.value.faults]


async def library(count: int) -> Author:
    """Store an author with so many books, each with two tags."""
    jane = await Author.objects.create(name=f"Jane {count}", born=BIRTH)
    tags = [await Tag.objects.create(word=word) for word in ("old", "new")]
    for number in range(count):
        book = await Book.objects.create(title=f"b{number}", author=jane)
        await book.tags.add(*tags)
    return jane
