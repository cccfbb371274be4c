"""Types of queries that are written with columns; read by the type checker only.

A line that must be an error carries a ``type: ignore`` with the code of that error, and the checker complains when it is
not needed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, assert_type
from uuid import UUID

from openviper.db import (
    Case,
    Coalesce,
    Concat,
    Exists,
    Extract,
    Lag,
    Lower,
    OuterRef,
    Prefetch,
    RowNumber,
    StringAgg,
    Value,
    When,
    Window,
)
from openviper.db.fields import (
    ArrayField,
    AutoField,
    BinaryField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    Field,
    FloatField,
    ForeignKey,
    IntegerField,
    JSONField,
    ManyToManyField,
    OneToOneField,
    TextField,
    TimeField,
    UUIDField,
)
from openviper.db.fields.column_types import (
    ArrayColumn,
    BooleanColumn,
    DateColumn,
    DurationColumn,
    JSONColumn,
    JSONPathColumn,
    MomentColumn,
    NumberColumn,
    PartColumn,
    TextColumn,
    TimeColumn,
)
from openviper.db.fields.columns import ColumnCondition, Order, OrderedColumn
from openviper.db.fields.computed_columns import (
    ComputedDate,
    ComputedDuration,
    ComputedMoment,
    ComputedNumber,
)
from openviper.db.models import Count, Max, Model, ReverseRows, Sum
from openviper.db.query import QuerySet
from openviper.db.sql.expressions import F, Q


class Country(Model):
    code = CharField(max_length=2)


class Author(Model):
    id = AutoField()
    name = CharField(max_length=20)
    country = ForeignKey(Country)
    mentor = ForeignKey("Author", null=True)
    posts: ReverseRows[Post]


class Tag(Model):
    label = CharField(max_length=20)


class Post(Model):
    id = AutoField()
    title = CharField(max_length=20)
    summary = TextField(null=True)
    rank = IntegerField()
    score = FloatField(null=True)
    price = DecimalField()
    published = BooleanField()
    published_at = DateTimeField(null=False)
    day = DateField()
    at = TimeField()
    length = DurationField()
    key = UUIDField()
    content = BinaryField()
    data = JSONField()
    words = ArrayField(CharField())
    author = ForeignKey(Author, related_name="posts")
    editor = ForeignKey(Author, null=True)
    twin = OneToOneField(Author)
    tags = ManyToManyField(Tag)


class Point:
    """A value of a project's own field."""


class PointField(Field[Point]):
    """A field of a project's own."""


class Place(Model):
    point = PointField()


def columns_have_the_type_of_their_field() -> None:
    assert_type(Post.title, TextColumn[str])
    assert_type(Post.summary, TextColumn[str | None])
    assert_type(Post.rank, NumberColumn[int])
    assert_type(Post.score, NumberColumn[float | None])
    assert_type(Post.price, NumberColumn[Decimal])
    assert_type(Post.published, BooleanColumn[bool])
    assert_type(Post.published_at, MomentColumn[datetime])
    assert_type(Post.day, DateColumn[date])
    assert_type(Post.at, TimeColumn[time])
    assert_type(Post.length, DurationColumn[timedelta])
    assert_type(Post.key, OrderedColumn[UUID, UUID])
    assert_type(Post.content, OrderedColumn[bytes, bytes])
    assert_type(Post.data, JSONColumn[Any])
    assert_type(Post.words, ArrayColumn[list[str], Any])
    assert_type(Post.id, NumberColumn[int])
    assert_type(Country.id, OrderedColumn[Any, Any])
    assert_type(Country.pk, OrderedColumn[Any, Any])
    assert_type(Place.point, OrderedColumn[Point, Any])


def relations_lead_to_the_columns_of_their_target() -> None:
    assert_type(Post.author, type[Author])
    assert_type(Post.editor, type[Author])
    assert_type(Post.twin, type[Author])
    assert_type(Post.tags, type[Tag])
    assert_type(Author.posts, type[Post])
    assert_type(Post.author.name, TextColumn[str])
    assert_type(Post.author.country.code, TextColumn[str])
    assert_type(Post.tags.label, TextColumn[str])
    assert_type(Author.posts.title, TextColumn[str])
    assert_type(Post.published_at.date, DateColumn[date])
    assert_type(Post.published_at.date.year, PartColumn)


def instances_have_values(author: Author, post: Post) -> None:
    assert_type(post.title, str)
    assert_type(post.summary, str | None)
    assert_type(post.data, Any)
    assert_type(post.words, list[str])
    assert_type(author.posts, QuerySet[Post])


async def conditions_and_orders_are_taken_by_position() -> None:
    assert_type(Post.title == "x", ColumnCondition)
    assert_type((Post.rank > 3) & ~(Post.title == "x") | Post.published, ColumnCondition)
    assert_type(Post.rank.desc(), Order)
    query = Post.objects.filter(
        Post.title.startswith("A"),
        Post.author.name == "Ada",
        Post.author.country.code.in_(["de", "fr"]),
        Post.rank > 3,
        Post.price.between(Decimal(1), Decimal(2)),
        Post.published,
        Post.published_at < datetime.now(UTC),
        Post.published_at.year == 2024,
        Post.day >= date(2024, 1, 1),
        Post.at < time(12),
        Post.length > timedelta(hours=1),
        Post.key == UUID(int=1),
        Post.content != b"",
        Post.data["tags"][0] == "x",
        Post.data.has_key("tags"),
        Post.words.contains("x"),
        Post.summary.is_null(),
        Post.summary == None,  # noqa: E711  # a condition
        Post.editor.name.icontains("b"),
        Post.editor.id.in_(Author.objects.filter(Author.name == "Ada").values_list(Author.id)),
        Q(rank=1) | (Post.rank == 2),
        (Post.rank == 2) | Q(rank=1),
        Post.rank > Post.score,
        Post.rank > Post.rank * 2 + 1,
        Post.rank > F("score"),
        Post.title == Post.author.name,
        title__startswith="B",
    ).order_by(Post.rank.desc(), Post.author.name, "title")
    assert_type(query, QuerySet[Post])
    assert_type(await query.exclude(Post.rank == 1).get(Post.rank == 3), Post)
    await query.update(rank=Post.rank + 1, price=2 * Post.price - 1)
    assert_type(
        query.annotate(double=Post.rank * 2, sum=Sum("rank"), n=Count("tags")), QuerySet[Post]
    )


async def lists_of_values_have_the_types_of_their_columns(query: QuerySet[Post]) -> None:
    assert_type(await Post.objects.values_list(Post.id, Post.title), list[tuple[int, str]])
    assert_type(await query.values_list(Post.summary), list[tuple[str | None]])
    assert_type(await query.values_list(Post.summary, flat=True), list[str | None])
    assert_type(
        await query.values_list(Post.author.name, Post.price, Post.day),
        list[tuple[str, Decimal, date]],
    )
    assert_type(
        await query.values_list(Post.rank, Post.rank, Post.rank, Post.rank),
        list[tuple[int, int, int, int]],
    )
    assert_type(
        await query.values_list(Post.rank, Post.rank, Post.rank, Post.rank, Post.title),
        list[tuple[int, int, int, int, str]],
    )
    assert_type(await query.values_list("id", "title"), list[tuple[Any, ...]])
    assert_type(await query.values_list(Post.id, "title"), list[tuple[Any, ...]])
    assert_type(await query.values_list("id", flat=True), list[Any])


def relations_are_compared_with_instances_and_keys(ada: Author, query: QuerySet[Post]) -> None:
    assert_type(Post.author == ada, ColumnCondition)
    assert_type(Post.author != ada, ColumnCondition)
    assert_type(Post.author == 7, ColumnCondition)
    assert_type(Post.author.country == 7, ColumnCondition)
    assert_type(Post.author.in_([ada, 7]), ColumnCondition)
    assert_type(Post.author.not_in(Author.objects.filter(Author.name == "Ada")), ColumnCondition)
    assert_type(Post.editor.is_null(), ColumnCondition)
    assert_type(Author.posts.is_null(False), ColumnCondition)
    assert_type(Post.tags == Tag(), ColumnCondition)
    assert_type(query.filter(Post.author == ada, Post.editor.is_null()), QuerySet[Post])
    assert_type(query.exclude((Post.author == ada) | ~(Post.editor == None)), QuerySet[Post])  # noqa: E711  # a condition
    assert_type(query.order_by(Post.author, Post.author.name), QuerySet[Post])
    assert_type(query.annotate(who=Post.author), QuerySet[Post])


def paths_into_json_are_values() -> None:
    assert_type(Post.data["tags"], JSONPathColumn)
    assert_type(Post.data["tags"][0]["name"], JSONPathColumn)
    assert_type(Post.data["tags"][0] == "x", ColumnCondition)
    assert_type(Post.data["size"]["kg"] > 10, ColumnCondition)
    assert_type(Post.data["size"].between(1, 10), ColumnCondition)
    assert_type(Post.data["name"].istartswith("a"), ColumnCondition)
    assert_type(Post.data["size"].contains({"kg": 1}), ColumnCondition)
    assert_type(Post.data.has_keys(["size", "tags"]), ColumnCondition)
    assert_type(Post.data["size"].has_any_keys(["kg", "lb"]), ColumnCondition)
    assert_type(Post.objects.order_by(Post.data["size"]["kg"].desc()), QuerySet[Post])
    assert_type(Post.objects.annotate(kg=Post.data["size"]["kg"]), QuerySet[Post])


async def expressions_take_columns(query: QuerySet[Post]) -> None:
    assert_type(
        query.annotate(
            place=Window(RowNumber(), partition_by=Post.author, order_by=Post.rank.desc()),
            before=Window(Lag(Post.rank), partition_by=[Post.author], order_by=[Post.day, "id"]),
            running=Window(Sum(Post.price), order_by=Post.day),
            n=Count(Post.tags),
            best=Max(Post.author.posts.rank, filter=Post.published),
            names=StringAgg(Post.title, ","),
            small=Lower(Post.title),
            full=Concat(Post.title, Value(" "), Post.author.name),
            kind=Case(When(Post.rank > 3, then=Post.title), default=Value("-")),
            year=Extract(Post.day, "year"),
            some=Coalesce(Post.summary, Post.title),
        ),
        QuerySet[Post],
    )
    assert_type(
        await query.aggregate(n=Count(Post.id), total=Sum(Post.rank, filter=Post.author == 1)),
        dict[str, Any],
    )
    posts = Post.objects.filter(Post.author == OuterRef(Author.id))
    assert_type(Author.objects.filter(Exists(posts)), QuerySet[Author])


async def fields_are_named_by_columns(post: Post, query: QuerySet[Post]) -> None:
    assert_type(query.only(Post.title, Post.author), QuerySet[Post])
    assert_type(Post.objects.defer(Post.summary, "data"), QuerySet[Post])
    assert_type(query.select_related(Post.author, Post.author.country), QuerySet[Post])
    assert_type(Post.objects.prefetch_related(Post.tags, Post.author.posts), QuerySet[Post])
    wanted = Prefetch(Author.posts, queryset=Post.objects.filter(Post.rank > 3))
    assert_type(Author.objects.prefetch_related(wanted, "mentor"), QuerySet[Author])
    assert_type(await query.in_bulk(["x"], field_name=Post.title), dict[Any, Post])
    assert_type(await query.bulk_update([post], [Post.title, "rank"]), int)
    await post.save(update_fields=[Post.title, "rank"])
    await query.dates(Post.day, "year")
    await query.datetimes(Post.published_at, "hour")


def mistakes_are_errors() -> None:
    Post.objects.only(Post.rank > 3)  # type: ignore[arg-type]  # a condition names no field
    Post.objects.only(3)  # type: ignore[arg-type]  # nor does a number
    _ = Post.data["a"].year  # type: ignore[attr-defined]  # JSON has no dates
    Post.objects.filter(Post.author)  # type: ignore[arg-type]  # a relation is no condition
    Post.titel  # type: ignore[attr-defined]  # no such field
    Post.author.nam  # type: ignore[attr-defined]  # no such field of the target
    Post.tags.titel  # type: ignore[attr-defined]  # no such field of the target
    Author.posts.titel  # type: ignore[attr-defined]  # no such field behind the reverse relation
    Post.rank.startswith("1")  # type: ignore[attr-defined]  # a number has no beginning
    Post.title.year  # type: ignore[attr-defined]  # nor has a text a year
    Post.day.hour  # type: ignore[attr-defined]  # nor has a date an hour
    _ = Post.title < 3  # type: ignore[operator]  # texts are compared with texts
    _ = Post.rank >= "3"  # type: ignore[operator]  # numbers with numbers
    _ = Post.published_at < date(2024, 1, 1)  # type: ignore[operator]  # moments with moments
    _ = Post.data < 3  # type: ignore[operator]  # JSON values have no order
    _ = Post.words > ["a"]  # type: ignore[operator]  # nor have lists
    Post.title + "x"  # type: ignore[operator]  # arithmetic is for numbers
    _ = Post.rank < Post.title  # type: ignore[operator]  # two columns of different kinds
    Post.rank.in_(["a"])  # type: ignore[list-item]  # a list of other values
    Post.title.contains(3)  # type: ignore[arg-type]  # a part of a text is a text
    Post.rank.between("a", "b")  # type: ignore[arg-type]  # limits are of the column's kind
    Post.objects.filter(Post.rank == "x")  # type: ignore[arg-type]  # a number is no text
    Post.objects.filter(Post.rank)  # type: ignore[arg-type]  # a number is no condition
    _ = Post.objects.order_by(Post.rank > 3)  # type: ignore[arg-type]  # nor is a condition an order


async def what_is_computed_has_a_kind(query: QuerySet[Post], now: datetime) -> None:
    assert_type(Post.rank + 1, ComputedNumber)
    assert_type(2 * Post.price - Post.rank, ComputedNumber)
    assert_type(Post.published_at - Post.published_at, ComputedDuration)
    assert_type(Post.published_at - timedelta(days=1), ComputedMoment)
    assert_type(now - Post.published_at, ComputedDuration)
    assert_type(now + Post.length, ComputedMoment)
    assert_type(Post.day + timedelta(days=1), ComputedDate)
    assert_type(Post.day - date(2024, 1, 1), ComputedDuration)
    assert_type(Post.length * 2 + timedelta(hours=1), ComputedDuration)
    assert_type(2 * Post.length, ComputedDuration)
    assert_type(Post.rank * Post.length, ComputedDuration)
    assert_type(Post.rank + 1 > 3, ColumnCondition)
    query = query.filter(
        Post.rank + 1 > Post.score,
        Post.rank % 2 == 0,
        -Post.rank <= Post.rank * 2,
        (Post.price * Post.rank).between(1, Decimal("2.5")),
        (Post.rank + 1).in_([1, 2]),
        (Post.length * 2).is_null(False),
        Post.published_at + Post.length < now,
        Post.published_at - Post.published_at > timedelta(days=1),
        Post.rank + 1 == F("score"),
        ~(Post.rank / 2 >= 0.5) | Post.published,
        Post.title.startswith(F("summary")),
    ).order_by((Post.rank + 1).desc(nulls_last=True), -Post.rank, Post.day - Post.day)
    await query.aggregate(total=Sum(Post.price * Post.rank))
    await query.values_list(Post.rank + 1, flat=True)
    _ = Post.rank + 1 > "x"  # type: ignore[operator]  # numbers with numbers
    _ = Post.rank + 1 < Post.title  # type: ignore[operator]  # numbers with numbers
    _ = Post.rank + "x"  # type: ignore[operator]  # nothing is added to a text
    _ = Post.rank + timedelta(1)  # type: ignore[operator]  # nor a duration to a number
    _ = Post.rank + Post.title  # type: ignore[operator]  # nor a text to a number
    _ = Post.rank - Post.length  # type: ignore[operator]  # nor a duration taken from it
    _ = Post.published_at + 1  # type: ignore[operator]  # nor a number to a moment
    _ = Post.published_at + Post.published_at  # type: ignore[operator]  # moments are not added
    _ = Post.published_at - Post.day  # type: ignore[operator]  # nor is a date taken from a moment
    _ = Post.published_at - Post.published_at > 3  # type: ignore[operator]  # durations with durations
    _ = Post.published_at - timedelta(1) > date(2024, 1, 1)  # type: ignore[operator]  # moments with moments
    _ = Post.day + timedelta(1) > Post.published_at  # type: ignore[operator]  # dates with dates
    _ = Post.day * 2  # type: ignore[operator]  # a date is no number
    _ = Post.length / 2  # type: ignore[operator]  # durations are multiplied only
    _ = Post.length > Post.rank + 1  # type: ignore[operator]  # durations with durations
    _ = Post.rank > Post.published_at - Post.published_at  # type: ignore[operator]  # numbers with numbers
    query.filter(Post.rank + 1)  # type: ignore[arg-type]  # a number is no condition
    (Post.rank + 1).startswith("1")  # type: ignore[attr-defined]  # nor a text
    (Post.rank + 1).in_(["a"])  # type: ignore[list-item]  # a list of other values
