"""What a type checker knows about relations; never run."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, assert_type

from openviper.db import (
    CharField,
    ForeignKey,
    ManyToManyField,
    ManyToManyManager,
    Model,
    OneToOneField,
    Prefetch,
    QuerySet,
)


class Writer(Model):
    name = CharField(max_length=50)
    articles: QuerySet[Article]
    profile: Awaitable[Profile | None]


class Profile(Model):
    writer = OneToOneField(Writer, related_name="profile")
    backup = OneToOneField(Writer, null=True)


class Tag(Model):
    name = CharField(max_length=20)
    articles: ManyToManyManager[Article]


class Article(Model):
    title = CharField(max_length=100)
    writer = ForeignKey(Writer, related_name="articles")
    writer_id: int
    editor = ForeignKey(Writer, null=True)
    late = ForeignKey("Late")
    tags = ManyToManyField(Tag, related_name="articles")
    writers = ManyToManyField(Writer, through="Signature", through_fields=("article", "writer"))
    see = ManyToManyField("self")


async def relations_give_their_models(
    article: Article, profile: Profile, tag: Tag, writer: Writer
) -> None:
    assert_type(Article.tags, type[Tag])
    assert_type(await article.writer, Writer)
    assert_type((await article.writer).name, str)
    assert_type(await article.editor, Writer | None)
    assert_type(await article.late, Any)
    assert_type(await profile.writer, Writer)
    assert_type(await profile.backup, Writer | None)
    assert_type(await writer.profile, Profile | None)
    assert_type(await writer.articles, list[Article])
    assert_type(await writer.articles.filter(title="x").first(), Article | None)
    assert_type(await tag.articles, list[Article])


async def managers_keep_the_model(article: Article, tag: Tag) -> None:
    assert_type(article.tags, ManyToManyManager[Tag])
    assert_type(article.writers, ManyToManyManager[Writer])
    assert_type(article.see, ManyToManyManager[Any])
    assert_type(await article.tags, list[Tag])
    assert_type(await article.tags.all(), list[Tag])
    assert_type(article.tags.filter(name="x"), QuerySet[Tag])
    assert_type(await article.tags.count(), int)
    assert_type(await article.tags.exists(), bool)
    assert_type(await article.tags.get(name="x"), Tag)
    assert_type(await article.tags.create(name="x"), Tag)
    assert_type(await article.tags.get_or_create(name="x"), tuple[Tag, bool])
    assert_type(await article.tags.bulk_create([Tag(name="x")]), list[Tag])
    assert_type(await article.tags.add(tag, 3), None)
    assert_type(await article.tags.set([tag], through_defaults={"rank": 1}), None)
    assert_type(await article.tags.remove(tag), None)
    assert_type(await article.tags.clear(), None)
    async for one in article.tags:
        assert_type(one, Tag)


def a_manager_cannot_be_assigned(article: Article, tag: Tag) -> None:
    article.tags = [tag]  # type: ignore[assignment]  # that would need a query
    ManyToManyField(5)  # type: ignore[call-overload]  # no model


async def prefetching_keeps_the_model() -> None:
    assert_type(Article.objects.prefetch_related("tags", "writer__profile"), QuerySet[Article])
    wish = Prefetch("tags", queryset=Tag.objects.filter(name="x"), to_attr="some")
    assert_type(await Article.objects.filter(title="x").prefetch_related(wish), list[Article])
    assert_type(await Article.objects.prefetch_related(wish).first(), Article | None)
    Article.objects.prefetch_related(5)  # type: ignore[arg-type]  # neither a name nor a Prefetch
    Prefetch("tags", Tag.objects.values("name"))  # type: ignore[arg-type]  # no instances
