"""Columns where a query takes more than conditions: fields, relations, expressions, windows, and paths into JSON."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

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
from openviper.db.models import Count, Max, Sum
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.test_typed_queries import Author, Country, Post, Tag, posts

EVERY_DATABASE = True
WRONG: Any = Post.rank > 3


async def test_fields_to_load_are_columns(tmp_path: Path) -> None:
    async with posts(tmp_path):
        some = await Post.objects.only(Post.title, Post.author).order_by(Post.title).first()
        assert some is not None and some.title == "Apple"
        assert {"rank", "summary"} <= some.get_deferred_fields()
        assert not some.get_deferred_fields() & {"id", "title", "author"}
        rest = await Post.objects.defer(Post.summary, "rank").first()
        assert rest is not None and rest.get_deferred_fields() == {"summary", "rank"}


async def test_relations_to_load_are_columns(tmp_path: Path) -> None:
    async with posts(tmp_path) as (apple, _banana, _avocado):
        await apple.tags.add(await Tag.objects.create(label="fruit"))
        joined = await Post.objects.select_related(Post.author.country, Post.editor).get(
            Post.title == "Apple"
        )
        author = joined.author
        assert isinstance(author, Author) and isinstance(author.country, Country)
        found = await Post.objects.prefetch_related(Post.tags, Post.author.posts).get(
            Post.title == "Apple"
        )
        assert [tag.label for tag in await found.tags] == ["fruit"]
        wanted = Prefetch(Author.posts, queryset=Post.objects.filter(Post.rank > 1), to_attr="best")
        (ada,) = await Author.objects.filter(Author.name == "Ada").prefetch_related(wanted)
        best: list[Post] = ada.__dict__["best"]
        assert [post.title for post in best] == ["Avocado"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: Post.objects.only(Author.name), "Author.name is not a column of Post"),
        (lambda: Post.objects.defer(Post.author.name), "author__name"),
        (lambda: Post.objects.only(WRONG), "neither a name nor a column"),
        (lambda: Post.objects.select_related(Post.title), "title is not a foreign key"),
        (lambda: Post.objects.select_related(Author.country), "is not a column of Post"),
        (lambda: Post.objects.prefetch_related(Post.title), "no relation 'title'"),
        (lambda: Post.objects.prefetch_related(Author.posts), "is not a column of Post"),
        (lambda: Post.objects.prefetch_related(WRONG), "neither"),
        (lambda: Post.objects.dates(Author.name, "year"), "is not a column of Post"),
        (lambda: OuterRef(WRONG), "neither"),
    ],
)
def test_what_names_nothing_of_the_model_is_refused(ask: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        ask()


async def test_fields_to_write_and_to_look_up_are_columns(tmp_path: Path) -> None:
    async with posts(tmp_path) as (apple, banana, _avocado):
        apple.title, apple.rank = "Apricot", 100
        await apple.save(update_fields=[Post.title])
        assert await Post.objects.filter(Post.title == "Apricot").values_list(Post.rank) == [(1,)]
        banana.rank = 8
        assert await Post.objects.bulk_update([banana], [Post.rank]) == 1
        assert list(await Post.objects.in_bulk([banana.pk], field_name=Post.id)) == [banana.pk]
        with pytest.raises(ValueError, match="no fields"):
            await apple.save(update_fields=[Post.author.name])
        with pytest.raises(QueryError, match="unique"):
            await Post.objects.in_bulk(["x"], field_name=Post.title)
        days = await Post.objects.dates(Post.day, "year")
        assert days == [date(2024, 1, 1), date(2025, 1, 1)]
        assert len(await Post.objects.datetimes(Post.published_at, "hour")) == 1


async def test_relations_are_compared_with_instances(tmp_path: Path) -> None:
    async with posts(tmp_path) as (apple, banana, avocado):
        ada = await apple.author
        same = Post.author == ada
        assert {post.pk for post in await Post.objects.filter(same)} == {apple.pk, avocado.pk}
        assert await Post.objects.get(~same) == banana
        assert await Post.objects.get(same & (Post.rank == 1)) == apple
        assert await Post.objects.exclude(Post.author != ada).count() == 2
        assert await Post.objects.filter(Post.editor == ada, Post.author != ada).get() == banana
        assert await Post.objects.filter(Post.author.country == await ada.country).count() == 2
        wrong: list[Any] = [Author(name="new"), Tag(label="x")]
        for instance in wrong:
            with pytest.raises(QueryError):
                await Post.objects.filter(Post.author == instance)


async def test_paths_into_json(tmp_path: Path) -> None:
    async with posts(tmp_path) as (apple, banana, avocado):
        for post, data in (
            (apple, {"size": {"kg": 2}, "name": "Red", "tags": ["a", "b"]}),
            (banana, {"size": {"kg": 10}, "name": "yellow"}),
            (avocado, {"name": "green", "tags": []}),
        ):
            post.data = data
            await post.save()
        kg = Post.data["size"]["kg"]
        for condition, wanted in (
            (kg > 2, ["banana"]),
            (kg <= 2, ["Apple"]),
            (kg.between(1, 100), ["Apple", "banana"]),
            (kg == 2, ["Apple"]),
            (kg.in_([2, 10]), ["Apple", "banana"]),
            (Post.data["name"].startswith("R"), ["Apple"]),
            (Post.data["name"].icontains("RE"), ["Apple", "Avocado"]),
            (Post.data["name"].iexact("YELLOW"), ["banana"]),
            (Post.data["name"].regex("^g"), ["Avocado"]),
            (Post.data["tags"][0] == "a", ["Apple"]),
            (Post.data["tags"].contains(["b"]), ["Apple"]),
            (Post.data["size"].has_key("kg"), ["Apple", "banana"]),
            (Post.data.has_keys(["size", "tags"]), ["Apple"]),
            (Post.data.has_any_keys(["size", "none"]), ["Apple", "banana"]),
            (Post.data["size"].is_null(), ["Avocado"]),
            (~(Post.data["name"] == "green"), ["Apple", "banana"]),
        ):
            found = await Post.objects.filter(condition).values_list(Post.title, flat=True)
            assert sorted(found) == wanted, condition
        ordered = Post.objects.exclude(kg.is_null()).order_by(kg.desc())
        assert await ordered.values_list(Post.title, kg) == [("banana", 10), ("Apple", 2)]
        assert await ordered.annotate(heavy=kg).values_list("heavy", flat=True) == [10, 2]


async def test_expressions(tmp_path: Path) -> None:
    async with posts(tmp_path) as (apple, banana, _avocado):
        await apple.tags.add(await Tag.objects.create(label="fruit"))
        query = Post.objects.order_by(Post.title.desc()).annotate(
            small=Lower(Post.title),
            full=Concat(Post.title, Value("/"), Post.author.name),
            kind=Case(When(Post.rank > 3, then=Post.title), default=Value("-")),
            year=Extract(Post.day, "year"),
            some=Coalesce(Post.summary, Post.title),
            n=Count(Post.tags),
        )
        columns = ("small", "full", "kind", "year", "some", "n")
        rows = {row[0]: row[1:] for row in await query.values_list(*columns)}
        assert rows == {
            "apple": ("Apple/Ada", "-", 2024, "Apple", 1),
            "banana": ("banana/Bob", "banana", 2024, "50% off", 0),
            "avocado": ("Avocado/Ada", "-", 2025, "Avocado", 0),
        }
        whole = await Post.objects.aggregate(
            total=Sum(Post.rank, filter=Post.author == await apple.author),
            names=StringAgg(Post.author.name, "+", distinct=True),
        )
        assert whole == {"total": 4, "names": "Ada+Bob"}
        authors = Author.objects.annotate(best=Max(Author.posts.rank)).order_by(Author.name)
        assert await authors.values_list(Author.name, "best") == [("Ada", 3), ("Bob", 7)]
        theirs = Post.objects.filter(Post.author == OuterRef(Author.id), Post.rank > 5)
        assert await Author.objects.filter(Exists(theirs)).values_list(Author.name) == [("Bob",)]
        grouped = Post.objects.values(Post.author).annotate(n=Count(Post.id))
        assert {row["n"] for row in await grouped} == {1, 2}
        with pytest.raises(FieldError, match="not a column of"):
            await Author.objects.filter(Exists(Post.objects.filter(Post.id == OuterRef(Tag.label))))


async def test_windows(tmp_path: Path) -> None:
    async with posts(tmp_path):
        query = Post.objects.order_by(Post.rank).annotate(
            place=Window(RowNumber(), partition_by=Post.author, order_by=Post.rank.desc()),
            before=Window(
                Lag(Post.rank), partition_by=[Post.author.name], order_by=[Post.rank, "id"]
            ),
            running=Window(Sum(Post.rank), order_by=Post.rank),
        )
        rows = await query.values_list(Post.title, "place", "before", "running")
        assert rows == [("Apple", 2, None, 1), ("Avocado", 1, 1, 4), ("banana", 1, None, 11)]
