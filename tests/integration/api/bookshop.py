"""A library whose books, authors and loans are resources."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openviper import OpenViper, Request, Router
from openviper.api import Resource, resource
from openviper.db.fields import (
    CharField,
    DateTimeField,
    DecimalField,
    ForeignKey,
    IntegerField,
    JSONField,
    ManyToManyField,
    SlugField,
    UniqueConstraint,
    UUIDField,
)
from openviper.db.models import Model
from openviper.db.query import QuerySet
from openviper.http.asgi import AUTH, USER, ASGIApp, Receive, Scope, Send
from openviper.http.permissions import IsAuthenticated, IsAuthenticatedOrReadOnly, IsOwner
from openviper.serializers import ModelSerializer
from openviper.testing import OpenViperTestClient
from openviper.testing import override_openviper_settings as override
from tests.integration.db.support import database


class Author(Model):
    _app_name = "resourced"

    name = CharField(max_length=40)
    slug = SlugField(unique=True)
    country = CharField(max_length=2, default="de", choices=[("de", "Germany"), ("fr", "France")])
    books: QuerySet[Book]

    class Meta:
        verbose_name = "author"
        verbose_name_plural = "authors"


class Tag(Model):
    _app_name = "resourced"

    word = CharField(max_length=20)


class Book(Model):
    _app_name = "resourced"

    title = CharField(max_length=40)
    isbn = CharField(max_length=13, unique=True)
    price = DecimalField(max_digits=6, decimal_places=2, null=True)
    pages = IntegerField(default=100)
    author = ForeignKey(Author, "RESTRICT", related_name="books")
    author_id: int
    notes = JSONField(default=dict)
    created = DateTimeField(null=True)
    tags = ManyToManyField(Tag, related_name="books", blank=True)

    class Meta:
        verbose_name = "book"
        verbose_name_plural = "books"


class Loan(Model):
    _app_name = "resourced"

    book = ForeignKey(Book, "PROTECT", related_name="loans")
    book_id: int
    reader = CharField(max_length=20)
    day = IntegerField(default=0)

    class Meta:
        verbose_name = "loan"
        verbose_name_plural = "loans"
        constraints = [UniqueConstraint(fields=["reader", "day"], name="resourced_loan_day")]


class Note(Model):
    _app_name = "resourced"

    owner = CharField(max_length=20)
    text = CharField(max_length=40)
    code = UUIDField(null=True)

    class Meta:
        verbose_name = "note"
        verbose_name_plural = "notes"


class Remark(Model):
    _app_name = "resourced"

    note = ForeignKey(Note, related_name="remarks")
    word = CharField(max_length=20)

    class Meta:
        verbose_name = "remark"
        verbose_name_plural = "remarks"


MODELS = (Author, Tag, Book, Loan, Note, Remark)


class AuthorOut(ModelSerializer[Author]):
    class Meta:
        model = Author
        fields = ["id", "name"]


class BookWithAuthor(ModelSerializer[Book]):
    author: AuthorOut

    class Meta:
        model = Book
        fields = ["id", "title", "author", "tags"]


class Person:
    """A user with a name."""

    is_authenticated = True
    is_active = True

    def __init__(self, name: str) -> None:
        self.name = self.pk = name
        self.is_superuser = name == "root"


class Known:
    """Takes a header for who asks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = dict(scope["headers"]).get(b"x-person", b"").decode()
        scope[USER] = Person(name) if name else None
        scope[AUTH] = {}
        await self.app(scope, receive, send)


def cheap(request: Request) -> QuerySet[Book]:
    """Return the books that everybody may see."""
    return Book.objects.exclude(title__startswith="Hidden")


def owner_of(request: Request) -> Mapping[str, Any]:
    return {"owner": request.user.name}


authors: Resource[Author] = resource(Author, lookup="slug", search=["name"])
books: Resource[Book] = resource(
    Book,
    fields=["id", "title", "isbn", "price", "pages", "author", "notes", "created"],
    filters={
        "author": ["exact", "in"],
        "author__country": ["exact", "ne"],
        "price": ["gte", "lte", "isnull"],
        "pages": ["exact"],
        "title": ["icontains", "startswith"],
        "created": ["gte"],
        "created__year": ["exact"],
        "tags__word": ["exact"],
    },
    ordering=["price", "title", "author__name"],
    search=["title", "author__name"],
    queryset=cheap,
    page_size=3,
    max_page_size=10,
    count=True,
    bulk=4,
)


def make_app() -> OpenViper:
    """Return an application with all of the resources."""
    app = OpenViper(debug=False, middleware=[Known])
    app.include_router(authors)
    app.include_router(books)
    app.include_router(resource(Book, parent=authors, ordering=["title"]))
    app.include_router(resource(Book, "/strict", require_version=True))
    app.include_router(
        resource(Book, "/nested", serializer=BookWithAuthor, actions={"list", "read"})
    )
    app.include_router(resource(Loan, bulk=True, actions={"create", "update", "list"}))
    notes = resource(
        Note,
        exclude=["owner"],
        permission=IsAuthenticated & IsOwner("owner"),
        create_with=owner_of,
    )
    app.include_router(notes)
    app.include_router(resource(Remark, parent=notes))
    every = resource(Note, "/every-note", actions={"read"})
    app.include_router(every)
    app.include_router(resource(Remark, parent=every, permission=IsOwner("word")))
    app.include_router(resource(Note, "/owned-notes", create_with=owner_of, actions={"create"}))
    app.include_router(resource(Note, "/read-notes", permission=IsAuthenticatedOrReadOnly))
    inner = Router("/inner", permission=IsOwner("owner"), namespace="inner")
    inner.include_router(resource(Note))
    inner.include_router(resource(Note, "/kept", permission={"delete": IsAuthenticated}))
    app.include_router(inner)
    app.include_router(
        resource(
            Note,
            "/open-notes",
            permission={"delete": IsOwner("owner"), "create": IsAuthenticatedOrReadOnly},
        )
    )
    return app


@asynccontextmanager
async def library(folder: Path) -> AsyncIterator[OpenViperTestClient]:
    """Store two authors and seven books, and yield a client of the application."""
    async with database(folder, *MODELS):
        ann = await Author.objects.create(name="Ann", slug="ann")
        bob = await Author.objects.create(name="Bob", slug="bob", country="fr")
        for number in range(7):
            await Book.objects.create(
                title=f"Book {number}",
                isbn=f"97800000{number}",
                price=None if number == 6 else number,
                author=ann if number % 2 else bob,
            )
        await Book.objects.create(title="Hidden one", isbn="x", author=ann)
        with override(MIDDLEWARE=()):
            async with OpenViperTestClient(make_app()) as client:
                yield client
