"""Models with every kind of relation, and the rows that the tests of relations share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import run_read
from openviper.db.connections.drivers.base import LATER
from openviper.db.fields import (
    BooleanField,
    CharField,
    ForeignKey,
    IntegerField,
    ManyToManyField,
    OneToOneField,
    UUIDField,
)
from openviper.db.models import ManyToManyManager, Model, QuerySet
from tests.integration.db.support import database


class Writer(Model):
    _app_name = "blog"

    name = CharField(max_length=50)
    articles: QuerySet[Article]
    profile: Awaitable[Profile | None]
    groups: ManyToManyManager[Group]


class Profile(Model):
    _app_name = "blog"

    writer = OneToOneField(Writer, related_name="profile")
    text = CharField(max_length=50)


class Tag(Model):
    _app_name = "blog"

    id = UUIDField(primary_key=True, auto=True)
    name = CharField(max_length=20, unique=True)
    articles: ManyToManyManager[Article]

    class Meta:
        ordering = ["name"]


class Article(Model):
    _app_name = "blog"

    title = CharField(max_length=100)
    public = BooleanField(default=True)
    writer = ForeignKey(Writer, related_name="articles")
    writer_id: int
    editor = ForeignKey(Writer, null=True, on_delete="SET NULL")
    tags = ManyToManyField(Tag, related_name="articles")
    see = ManyToManyField("self", related_name="seen_from")
    seen_from: ManyToManyManager[Article]
    notes: QuerySet[Note]


class Note(Model):
    _app_name = "blog"

    article = ForeignKey(Article, related_name="notes")
    text = CharField(max_length=50)


class Group(Model):
    _app_name = "blog"

    label = CharField(max_length=20, primary_key=True)
    members = ManyToManyField(
        Writer, through="Membership", through_fields=("group", "writer"), related_name="groups"
    )


class Membership(Model):
    _app_name = "blog"

    group = ForeignKey(Group)
    writer = ForeignKey(Writer)
    invited_by = ForeignKey(Writer, null=True)
    rank = IntegerField(default=1)

    class Meta:
        unique_together = ("group", "writer")


MODELS: tuple[type[Any], ...] = (Writer, Profile, Tag, Article, Note, Group, Membership)


@asynccontextmanager
async def blog(folder: Path) -> AsyncIterator[None]:
    """Two writers, four articles, three tags, some notes and a group."""
    async with database(folder, *MODELS):
        anna = await Writer.objects.create(name="Anna")
        bert = await Writer.objects.create(name="Bert")
        await Profile.objects.create(writer=anna, text="likes ducks")
        red, green, _ = [await Tag.objects.create(name=name) for name in ("red", "green", "blue")]
        one = await Article.objects.create(title="One", writer=anna, editor=bert)
        two = await Article.objects.create(title="Two", writer=anna, public=False)
        await Article.objects.create(title="Three", writer=bert)
        await Article.objects.create(title="Four", writer=bert)
        await one.tags.add(red, green)
        await two.tags.add(red)
        await one.see.add(two)
        for article, text in ((one, "first"), (one, "second"), (two, "third")):
            await Note.objects.create(article=article, text=text)
        group = await Group.objects.create(label="G")
        await group.members.add(anna, bert, through_defaults={"rank": 3})
        yield


@contextmanager
def counted_reads() -> Iterator[list[str]]:
    """Give the list of the statements that read, as they are run inside the block."""
    statements: list[str] = []

    async def counting(alias: str, sql: str, parameters: Any, convert: Any) -> Any:
        statements.append(sql)
        return await run_read(alias, sql, parameters, convert)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openviper.db.executor.read_at_once", lambda *_: LATER)
        patch.setattr("openviper.db.executor.run_read", counting)
        yield statements
