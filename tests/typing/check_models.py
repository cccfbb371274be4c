"""What a type checker knows about models; never run."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, assert_type
from uuid import UUID

from openviper.db.fields import (
    AutoField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    EmailField,
    Field,
    FloatField,
    ForeignKey,
    IntegerField,
    OneToOneField,
    PasswordField,
    SlugField,
    TextField,
    TimeField,
    URLField,
    UUIDField,
)
from openviper.db.fields.column_types import TextColumn
from openviper.db.models import Count, F, Manager, Model, Q, QuerySet


class Author(Model):
    name = CharField(max_length=50)
    email = EmailField(null=True)
    password = PasswordField()
    posts: QuerySet[Post]


class PublishedManager(Manager["Post"]):
    def get_queryset(self) -> QuerySet[Post]:
        return super().get_queryset().filter(published=True)


class Post(Model):
    id = AutoField()
    title = CharField(max_length=200)
    summary = TextField(null=True)
    slug = SlugField()
    link = URLField()
    views = IntegerField(default=0)
    score = FloatField(null=True)
    price = DecimalField(max_digits=8)
    published = BooleanField(default=False)
    day = DateField()
    hour = TimeField(null=True)
    created = DateTimeField(auto_now_add=True)
    edited = DateTimeField()
    code = UUIDField(auto=True)
    author = ForeignKey(Author, related_name="posts")
    author_id: int
    editor = ForeignKey(Author, on_delete="SET NULL", null=True)
    other = ForeignKey("Post", null=True)
    twin = OneToOneField(Author)

    live = PublishedManager()


class Keyed(Model):
    id = UUIDField(primary_key=True, auto=True)


class Named(Model):
    objects = PublishedManager()  # type: ignore[assignment]  # a manager of another model is refused


def attributes_have_the_type_of_their_field(post: Post, keyed: Keyed, author: Author) -> None:
    assert_type(post.id, int)
    assert_type(post.title, str)
    assert_type(post.summary, str | None)
    assert_type(post.slug, str)
    assert_type(post.link, str)
    assert_type(post.views, int)
    assert_type(post.score, float | None)
    assert_type(post.price, Decimal)
    assert_type(post.published, bool)
    assert_type(post.day, date)
    assert_type(post.hour, time | None)
    assert_type(post.created, datetime)
    assert_type(post.edited, datetime | None)
    assert_type(post.code, UUID)
    assert_type(post.author_id, int)
    assert_type(keyed.id, UUID)
    assert_type(author.email, str | None)
    assert_type(author.password, str | None)


def classes_show_columns() -> None:
    assert_type(Post.title, TextColumn[str])
    assert_type(Post.summary, TextColumn[str | None])
    assert_type(Post.author, type[Author])
    assert_type(Post._meta.field("title"), Field[Any])


def wrong_values_are_refused(post: Post, author: Author) -> None:
    post.title = "new"
    post.summary = None
    post.title = 5  # type: ignore[assignment]
    post.title = None  # type: ignore[assignment]
    post.author = author
    post.author = post.author
    post.author = post  # type: ignore[assignment]
    post.author = None  # type: ignore[assignment]
    post.editor = None
    post.titel = "typo"  # type: ignore[attr-defined]


async def foreign_keys_are_awaited(post: Post) -> None:
    assert_type(post.author, Awaitable[Author])
    assert_type(await post.author, Author)
    assert_type(await post.editor, Author | None)
    assert_type(await post.twin, Author)
    assert_type(await post.other, Any)


async def queries_keep_the_model(author: Author) -> None:
    assert_type(Post.objects, Manager[Post])
    assert_type(Post.objects.filter(Q(title="x") | Q(views__gt=1)), QuerySet[Post])
    assert_type(
        await Post.objects.filter(title="x").exclude(views=1).order_by("-id").limit(3), list[Post]
    )
    assert_type(await Post.objects.all(), list[Post])
    assert_type(await Post.objects.get(pk=1), Post)
    assert_type(await Post.objects.get_or_none(pk=1), Post | None)
    assert_type(await Post.objects.get_or_404(pk=1), Post)
    assert_type(await Post.objects.first(), Post | None)
    assert_type(await Post.objects.create(title="x"), Post)
    assert_type(await Post.objects.get_or_create(title="x"), tuple[Post, bool])
    assert_type(await Post.objects.select_related("author").last(), Post | None)
    assert_type(await Post.objects.bulk_create([Post(title="x")]), list[Post])
    assert_type(await Post.objects.in_bulk([1, 2]), dict[Any, Post])
    assert_type(await Post.objects.filter(views=F("score") + 1).update(views=2 * F("views")), int)
    assert_type(await Post.objects.count(), int)
    assert_type(await Post.objects.exists(), bool)
    assert_type(await Post.objects.values("title"), list[dict[str, Any]])
    assert_type(await Post.objects.values_list("title", "views"), list[tuple[Any, ...]])
    assert_type(await Post.objects.aggregate(n=Count()), dict[str, Any])
    assert_type(await Post.live.first(), Post | None)
    assert_type(await author.posts.first(), Post | None)
    async for post in Post.objects.filter(views=1):
        assert_type(post, Post)
    async for post in Post.objects.iterator():
        assert_type(post, Post)


async def hooks_are_async() -> None:
    class Hooked(Model):
        async def before_save(self) -> None:
            await super().before_save()

        async def on_change(self, values: dict[str, Any]) -> None:
            await super().on_change(values)

    assert_type(await Hooked().save(), None)
