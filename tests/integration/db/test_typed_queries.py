"""Queries written with columns find what the same queries written with names find."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from openviper.db.fields import (
    ArrayField,
    AutoField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    ForeignKey,
    IntegerField,
    JSONField,
    ManyToManyField,
    TextField,
    TimeField,
    UUIDField,
)
from openviper.db.models import AbstractModel, F, Model, Q, ReverseRows, Sum
from openviper.exceptions import FieldError
from tests.integration.db.support import database

EVERY_DATABASE = True


class Country(Model):
    _app_name = "typed"

    code = CharField(max_length=2)


class Author(Model):
    _app_name = "typed"

    id = AutoField()
    name = CharField(max_length=20)
    country = ForeignKey(Country, null=True)
    posts: ReverseRows[Post]


class Tag(Model):
    _app_name = "typed"

    label = CharField(max_length=20)
    posts: ReverseRows[Post]


class Dated(AbstractModel):
    published_at = DateTimeField(null=True)

    class Meta:
        abstract = True


class Post(Dated):
    _app_name = "typed"

    id = AutoField()
    title = CharField(max_length=20)
    summary = TextField(null=True)
    rank = IntegerField(default=0)
    limit = IntegerField(default=5, db_column="lim")
    price = DecimalField(default=Decimal("1.50"))
    open = BooleanField(default=True)
    day = DateField(default=date(2024, 2, 29))
    at = TimeField(default=time(10, 30))
    length = DurationField(default=timedelta(hours=1))
    key = UUIDField(auto=True)
    words = ArrayField(CharField(), default=[])
    author = ForeignKey(Author, related_name="posts")
    editor = ForeignKey(Author, null=True)
    tags = ManyToManyField(Tag, related_name="posts")
    data = JSONField(default={})


class Shown(Post):
    class Meta:
        proxy = True


MODELS = (Country, Author, Tag, Post)


@asynccontextmanager
async def posts(folder: Path) -> AsyncIterator[list[Post]]:
    """Have a database with three posts of two authors."""
    async with database(folder, *MODELS):
        germany = await Country.objects.create(code="de")
        ada = await Author.objects.create(name="Ada", country=germany)
        bob = await Author.objects.create(name="Bob")
        moment = datetime(2024, 5, 17, 12, 30, tzinfo=UTC)
        yield [
            await Post.objects.create(
                title="Apple", rank=1, author=ada, published_at=moment, words=["a", "ab"]
            ),
            await Post.objects.create(
                title="banana", rank=7, author=bob, editor=ada, summary="50% off", open=False
            ),
            await Post.objects.create(
                title="Avocado",
                rank=3,
                author=ada,
                price=Decimal("9.99"),
                day=date(2025, 1, 1),
                at=time(23),
                length=timedelta(days=2),
                key=UUID(int=7),
                words=["b"],
            ),
        ]


async def titles(*conditions: Any) -> list[str]:
    """Return the titles of the posts for which conditions hold, by title."""
    return await Post.objects.filter(*conditions).order_by("title").values_list("title", flat=True)


CONDITIONS: list[tuple[Any, list[str]]] = [
    (Post.title == "Apple", ["Apple"]),
    (Post.title != "Apple", ["Avocado", "banana"]),
    (Post.title.startswith("A"), ["Apple", "Avocado"]),
    (Post.title.istartswith("B"), ["banana"]),
    (Post.title.endswith("o"), ["Avocado"]),
    (Post.title.iendswith("A"), ["banana"]),
    (Post.title.contains("an"), ["banana"]),
    (Post.title.icontains("AV"), ["Avocado"]),
    (Post.title.iexact("APPLE"), ["Apple"]),
    (Post.title.regex("^A.o"), ["Avocado"]),
    (Post.title.iregex("^a.o"), ["Avocado"]),
    (Post.summary.contains("50%"), ["banana"]),
    (Post.summary.is_null(), ["Apple", "Avocado"]),
    (Post.summary.is_null(False), ["banana"]),
    (Post.summary == None, ["Apple", "Avocado"]),  # noqa: E711  # a condition
    (Post.rank < 3, ["Apple"]),
    (Post.rank <= 3, ["Apple", "Avocado"]),
    (Post.rank > 3, ["banana"]),
    (Post.rank >= 3, ["Avocado", "banana"]),
    (3 < Post.rank, ["banana"]),
    (Post.rank.between(2, 7), ["Avocado", "banana"]),
    (Post.rank.in_([1, 7]), ["Apple", "banana"]),
    (Post.rank.not_in([1, 7]), ["Avocado"]),
    (Post.rank.in_([]), []),
    (Post.rank > Post.limit, ["banana"]),
    (Post.rank > Post.limit - 4, ["Avocado", "banana"]),
    (Post.rank > F("limit"), ["banana"]),
    (Post.price == Decimal("9.99"), ["Avocado"]),
    (Post.open, ["Apple", "Avocado"]),
    (~Post.open, ["banana"]),
    (Post.open & (Post.rank > 1), ["Avocado"]),
    (Post.open | (Post.rank > 1), ["Apple", "Avocado", "banana"]),
    (Q(rank=7) | Post.open, ["Apple", "Avocado", "banana"]),
    (Q(rank=7) & Post.open, []),
    (Post.published_at > datetime(2024, 1, 1, tzinfo=UTC), ["Apple"]),
    (Post.published_at.year == 2024, ["Apple"]),
    (Post.published_at.month < 5, []),
    (Post.published_at.date == date(2024, 5, 17), ["Apple"]),
    (Post.published_at.time >= time(12), ["Apple"]),
    (Post.published_at.hour.in_([12]), ["Apple"]),
    (Post.day >= date(2024, 12, 31), ["Avocado"]),
    (Post.day.day == 29, ["Apple", "banana"]),
    (Post.at > time(12), ["Avocado"]),
    (Post.at.hour == 10, ["Apple", "banana"]),
    (Post.length > timedelta(hours=1), ["Avocado"]),
    (Post.key == UUID(int=7), ["Avocado"]),
    (Post.words.contains("a"), ["Apple"]),
    (Post.author.name == "Ada", ["Apple", "Avocado"]),
    (Post.author.country.code == "de", ["Apple", "Avocado"]),
    (Post.author.country.is_null(), ["banana"]),
    (Post.editor.is_null(), ["Apple", "Avocado"]),
    (Post.editor.name == "Ada", ["banana"]),
    (Post.title < Post.author.name, []),
    ((Post.title == "Apple") | (Post.rank == 7), ["Apple", "banana"]),
    ((Post.title == "Apple") & (Post.rank == 7), []),
    (~(Post.title == "Apple") & (Post.rank < 7), ["Avocado"]),
    ((Post.rank == 7) | Q(title="Apple"), ["Apple", "banana"]),
    (Q(title="Apple") | (Post.rank == 7), ["Apple", "banana"]),
]


async def test_every_comparison_of_every_kind_finds_its_rows(tmp_path: Path) -> None:
    async with posts(tmp_path):
        for condition, wanted in CONDITIONS:
            assert await titles(condition) == wanted, condition


async def test_keys_and_instances_are_compared_without_a_join(tmp_path: Path) -> None:
    async with posts(tmp_path) as (apple, banana, avocado):
        ada = await apple.author
        post: Any = Post
        for condition in (
            post.author == ada,
            post.author == ada.pk,
            Post.author.id == ada.id,
            Post.author.pk == ada.pk,
            post.author_id == ada.id,
            post.author_id.in_([ada.id]),
            post.author.in_([ada]),
            post.author.in_(Author.objects.filter(Author.name == "Ada")),
            Post.author.id.in_(Author.objects.filter(Author.name == "Ada").values_list(Author.id)),
        ):
            query = Post.objects.filter(condition)
            assert {row.pk for row in await query} == {apple.pk, avocado.pk}
            assert "JOIN" not in query.raw_sql()
        assert await Post.objects.get(Post.pk == banana.pk) == banana
        assert await Post.objects.get(post.author != ada) == banana
        assert await titles(post.author.not_in([ada])) == ["banana"]


async def test_orders_and_values_are_taken_from_columns(tmp_path: Path) -> None:
    async with posts(tmp_path) as (apple, banana, avocado):
        query = Post.objects.order_by(Post.author.name.desc(), Post.rank.asc())
        assert [post.title for post in await query] == ["banana", "Apple", "Avocado"]
        assert await query.values_list(Post.title, Post.author.name) == [
            ("banana", "Bob"),
            ("Apple", "Ada"),
            ("Avocado", "Ada"),
        ]
        assert await Post.objects.order_by(Post.rank).values_list(Post.rank, flat=True) == [1, 3, 7]
        post: Any = Post
        assert await query.values_list(post.author, post.author_id) == [
            (row.author_id, row.author_id)  # type: ignore[attr-defined]  # not declared
            for row in (banana, apple, avocado)
        ]
        assert (await query.values(Post.rank, "title"))[0] == {"rank": 7, "title": "banana"}


async def test_columns_change_rows_and_are_computed_with(tmp_path: Path) -> None:
    async with posts(tmp_path):
        assert await Post.objects.filter(Post.open).update(rank=Post.rank * 10 + 1) == 2
        assert await Post.objects.order_by(Post.rank).values_list(Post.rank, flat=True) == [
            7,
            11,
            31,
        ]
        assert await Post.objects.exclude(Post.open).update(rank=100 - Post.rank - 1) == 1
        assert await Post.objects.filter(Post.rank == 92).exists()
        doubled = await Post.objects.annotate(double=2 * Post.rank).order_by(Post.rank)
        assert [row.double for row in doubled] == [22, 62, 184]  # type: ignore[attr-defined]  # computed
        assert await Post.objects.aggregate(total=Sum("rank")) == {"total": 134}
        assert await Post.objects.filter(Post.title == "Apple").delete() == 1


async def test_columns_of_bases_and_proxies_belong_to_the_model(tmp_path: Path) -> None:
    async with posts(tmp_path):
        dated: Any = Dated
        assert len(await Post.objects.filter(dated.published_at.is_null())) == 2
        assert len(await Shown.objects.filter(Post.rank == 7)) == 1
        assert len(await Post.objects.filter(Shown.rank == 7)) == 1


async def test_columns_of_another_model_are_refused(tmp_path: Path) -> None:
    async with posts(tmp_path):
        for wrong in (
            lambda: Post.objects.filter(Author.name == "Ada"),
            lambda: Post.objects.filter(Author.id == 1),
            lambda: Post.objects.exclude(Author.id == 1),
            lambda: Post.objects.filter(Q(rank=1) | (Author.id == 1)),
            lambda: Post.objects.order_by(Author.id.desc()),
            lambda: Post.objects.values_list(Author.id),
        ):
            with pytest.raises(FieldError, match=r"Author\.(id|name)\S* is not a column of Post"):
                wrong()
        with pytest.raises(FieldError, match="not a column of Author"):
            await Author.objects.get(Post.id == 1)
        with pytest.raises(FieldError, match="not a column of Post"):
            await Post.objects.filter(Post.rank > Author.id)


async def test_many_rows_are_asked_whether_one_of_them_fits(tmp_path: Path) -> None:
    async with posts(tmp_path) as (apple, banana, avocado):
        fruit, long = await Tag.objects.bulk_create([Tag(label="fruit"), Tag(label="long")])
        for post in (apple, banana, avocado):
            await post.tags.add(fruit)
        await banana.tags.add(long)

        async def names(*conditions: Any) -> list[str]:
            return (
                await Author.objects.filter(*conditions)
                .order_by("name")
                .values_list("name", flat=True)
            )

        assert await names(Author.posts.title.startswith("A")) == ["Ada"]
        assert await names(Author.posts.rank > 0) == ["Ada", "Bob"]  # Ada once, with two posts.
        assert await names(Author.posts.title == "Apple", Author.posts.rank == 3) == []
        assert await names(Author.posts.title == "Avocado", Author.posts.rank == 3) == ["Ada"]
        assert await names(~(Author.posts.tags.label == "long")) == ["Ada"]
        assert await titles(Post.tags.label == "long") == ["banana"]
        assert await titles(Post.tags.label.in_(["long", "fruit"])) == [
            "Apple",
            "Avocado",
            "banana",
        ]
        assert await titles(Post.author.posts.rank == 1) == ["Apple", "Avocado"]
        tagged = await Tag.objects.filter(Tag.posts.author.name == "Ada")
        assert [tag.label for tag in tagged] == ["fruit"]
        with pytest.raises(FieldError, match="many"):
            Author.objects.order_by(Author.posts.title)


async def test_moments_and_spans_are_computed_with(tmp_path: Path) -> None:
    async with posts(tmp_path):
        day = timedelta(days=1)
        moment = datetime(2024, 5, 17, 12, 30, tzinfo=UTC)
        assert await titles(Post.published_at == moment) == ["Apple"]
        assert await Post.objects.filter(Post.open).update(
            published_at=Post.published_at + day, length=Post.length + day
        )
        assert await titles(Post.published_at == moment + day) == ["Apple"]
        assert await titles(Post.length == timedelta(days=1, hours=1)) == ["Apple"]
        assert await titles(Post.length > Post.length - day) == ["Apple", "Avocado", "banana"]
        rows = await Post.objects.annotate(less=Post.rank % 2, more=-(Post.rank**2)).order_by(
            Post.rank
        )
        assert [row.less for row in rows] == [1, 1, 1]  # type: ignore[attr-defined]  # computed


async def test_rows_without_a_value_come_where_the_order_says(tmp_path: Path) -> None:
    async with posts(tmp_path):
        for order, first in (
            (Post.summary.asc(nulls_last=True), "banana"),
            (Post.summary.desc(nulls_last=True), "banana"),
        ):
            assert (await Post.objects.order_by(order))[0].title == first
        last = Post.summary.desc(nulls_last=False)
        assert (await Post.objects.order_by(last, "title"))[-1].title == "banana"


async def test_computed_columns_are_compared_and_ordered_by(tmp_path: Path) -> None:
    moment = datetime(2024, 2, 29, 12, tzinfo=UTC)
    async with database(tmp_path, Country, Author, Tag, Post):
        author = await Author.objects.create(name="Ada")
        for rank in (1, 4, 6):
            await Post.objects.create(
                title=f"p{rank}",
                summary="p",
                rank=rank,
                author=author,
                published_at=moment + timedelta(hours=rank),
                length=timedelta(hours=rank),
                day=date(2024, 2, rank),
            )
        for condition, wanted in (
            (Post.rank + 1 > Post.limit, [6]),
            (Post.rank % 2 == 0, [4, 6]),
            (Post.rank % 2 != 0, [1]),
            (-Post.rank <= -4, [4, 6]),
            ((Post.price * Post.rank).between(2, 7), [4]),
            ((Post.rank * 2).in_([2, 12.0]), [1, 6]),
            ((Post.rank * 2).in_(rank for rank in [2, 12]), [1, 6]),
            ((Post.rank + 1).in_(Post.objects.values_list(Post.limit, flat=True)), [4]),
            ((Post.rank + 1).not_in([2]), [4, 6]),
            (Post.published_at - Post.length == moment, [1, 4, 6]),
            (moment + Post.length < Post.published_at + timedelta(1), [1, 4, 6]),
            (Post.published_at - moment >= timedelta(hours=4), [4, 6]),
            (Post.published_at - moment > Post.length * 2, []),
            (Post.day + timedelta(days=1) == date(2024, 2, 5), [4]),
            (Post.day - date(2024, 2, 1) > timedelta(days=3), [6]),
            (timedelta(hours=2) * Post.rank > Post.length + timedelta(hours=5), [6]),
            (~(Post.rank + 1 > 5) & Post.open, [1, 4]),
            (Q(rank=1) | (Post.rank + 1 == F("limit")), [1, 4]),
            ((Post.rank + 1).is_null(), []),
            (Post.title.startswith(F("summary")), [1, 4, 6]),
            (Post.author.id + Post.rank > 6, [6]),
        ):
            query = Post.objects.filter(condition).order_by(Post.rank)
            assert await query.values_list(Post.rank, flat=True) == wanted, condition
        order = Post.objects.order_by((Post.rank % 4).desc(), -Post.rank)
        assert await order.values_list(Post.rank + 1, flat=True) == [7, 2, 5]
        many = Author.objects.filter(Author.posts.rank + 1 > 6, Author.posts.rank * 2 < 13)
        assert await many.count() == 1
        assert await Author.objects.filter(Author.posts.rank + 1 > 9).count() == 0
        assert await Post.objects.filter(Post.rank + 1 > 6).update(rank=Post.rank * 2) == 1
        with pytest.raises(FieldError, match="not a column of Author"):
            Author.objects.filter(Post.rank + 1 > 3)
        with pytest.raises(TypeError, match="true nor false"):
            bool(Post.rank + 1 > 3)
        with pytest.raises(FieldError):
            Post.objects.filter(Post.rank + 1 == Post.title)  # type: ignore[operator]  # for this test
