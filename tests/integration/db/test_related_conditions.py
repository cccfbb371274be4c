"""Conditions, orders and values over many related rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Prefetch
from openviper.db.fields import (
    BooleanField,
    CharField,
    ForeignKey,
    IntegerField,
    ManyToManyField,
    OneToOneField,
)
from openviper.db.models import Count, F, Max, Model, Q, Sum
from openviper.exceptions import FieldError
from tests.integration.db.support import database

EVERY_DATABASE = True


class Tag(Model):
    _app_name = "related_conditions"

    name = CharField(max_length=20)
    weight = IntegerField(default=0)


class Post(Model):
    _app_name = "related_conditions"

    title = CharField(max_length=20)
    tags = ManyToManyField(Tag, related_name="posts")


class Comment(Model):
    _app_name = "related_conditions"

    post = ForeignKey(Post, related_name="comments")
    text = CharField(max_length=20)
    score = IntegerField(null=True)
    hidden = BooleanField(default=False)


class Summary(Model):
    _app_name = "related_conditions"

    post = OneToOneField(Post, related_name="summary")
    text = CharField(max_length=20)


TAGS = {"red": 1, "blue": 2, "green": 3}
POSTS = {"one": ["red", "blue"], "two": ["blue"], "three": [], "four": ["red", "green"]}
COMMENTS = [
    ("one", "good", 5, False),
    ("one", "bad", 1, True),
    ("two", "good", 1, True),
    ("four", "fine", None, False),
]


@asynccontextmanager
async def posts(folder: Path) -> AsyncIterator[None]:
    """Store posts with tags and comments."""
    async with database(folder, Tag, Post, Comment, Summary):
        tags = {
            name: await Tag.objects.create(name=name, weight=weight)
            for name, weight in TAGS.items()
        }
        made = {title: await Post.objects.create(title=title) for title in POSTS}
        for title, names in POSTS.items():
            if names:
                await made[title].tags.add(*(tags[name] for name in names))
        for title, text, score, hidden in COMMENTS:
            await Comment.objects.create(post=made[title], text=text, score=score, hidden=hidden)
        await Summary.objects.create(post=made["one"], text="short")
        yield


async def titles(query: Any) -> list[str]:
    """Return the titles of what a query finds."""
    found: list[str] = await query.order_by("pk").values_list("title", flat=True)
    return found


async def both(condition: dict[str, Any] | Q) -> tuple[list[str], list[str]]:
    """Return what a condition finds, and what is left when it is excluded."""
    q = condition if isinstance(condition, Q) else Q(**condition)
    return await titles(Post.objects.filter(q)), await titles(Post.objects.exclude(q))


async def test_conditions_follow_relations_to_many_rows_and_give_no_row_twice(
    tmp_path: Path,
) -> None:
    async with posts(tmp_path):
        assert await both({"tags__name": "blue"}) == (["one", "two"], ["three", "four"])
        assert await both({"tags__weight__gte": 1}) == (["one", "two", "four"], ["three"])
        assert await both({"comments__text": "good"}) == (["one", "two"], ["three", "four"])
        assert await both({"comments__score__gt": 0}) == (["one", "two"], ["three", "four"])
        assert await both({"tags__isnull": True}) == (["three"], ["one", "two", "four"])
        assert await both({"comments__score__isnull": True}) == (["four"], ["one", "two", "three"])
        assert await both({"comments__text__in": ["good", "fine"]}) == (
            ["one", "two", "four"],
            ["three"],
        )
        assert await titles(Post.objects.filter(summary__text="short")) == ["one"]
        assert await titles(Post.objects.filter(summary__isnull=True)) == ["two", "three", "four"]
        red = await Tag.objects.get(name="red")
        assert await both({"tags": red}) == (["one", "four"], ["two", "three"])
        assert await both({"tags__in": [red.pk]}) == (["one", "four"], ["two", "three"])
        assert await Post.objects.filter(tags__weight__gte=1).count() == 3
        assert await Tag.objects.filter(posts__comments__text="bad").order_by("pk").values_list(
            "name", flat=True
        ) == ["red", "blue"]


async def test_conditions_of_one_call_speak_of_the_same_row(tmp_path: Path) -> None:
    async with posts(tmp_path):
        same = {"comments__text": "good", "comments__hidden": True}
        assert await both(same) == (["two"], ["one", "three", "four"])
        one_by_one = Post.objects.filter(comments__text="good").filter(comments__hidden=True)
        assert await titles(one_by_one) == ["one", "two"]
        assert await titles(
            Post.objects.filter(Q(comments__text="good") & Q(comments__score=1))
        ) == ["two"]
        mixed = Q(comments__hidden=True) & (Q(comments__score=5) | Q(title="two"))
        assert await both(mixed) == (["two"], ["one", "three", "four"])
        either = Q(comments__text="fine") | Q(tags__name="blue") | Q(title="three")
        assert await both(either) == (["one", "two", "three", "four"], [])
        assert await titles(Post.objects.filter(~Q(tags__name="red"), tags__name="blue")) == ["two"]
        assert await titles(Post.objects.filter(tags__name="blue", comments__hidden=True)) == [
            "one",
            "two",
        ]
        deep = Tag.objects.filter(posts__comments__text="good", posts__comments__hidden=False)
        assert await deep.values_list("name", flat=True) == ["red", "blue"]
        # Both speak of the same post, though of different relations behind it.
        chain = Tag.objects.filter(posts__title="one", posts__comments__score=1)
        assert sorted(await chain.values_list("name", flat=True)) == ["blue", "red"]
        none = Tag.objects.filter(posts__title="two", posts__comments__score=5)
        assert await none.count() == 0


async def test_columns_of_the_same_row_can_be_compared(tmp_path: Path) -> None:
    async with posts(tmp_path):
        assert await titles(Post.objects.filter(comments__score=F("tags__weight"))) == ["one"]
        assert await titles(Post.objects.filter(comments__score__gt=F("pk"))) == ["one"]


async def test_rows_chosen_by_related_ones_are_updated_and_deleted(tmp_path: Path) -> None:
    async with posts(tmp_path):
        assert await Post.objects.filter(tags__name="blue").update(title="x") == 2
        assert await Comment.objects.filter(post__tags__name="green").delete() == 1
        assert (
            await Post.objects.exclude(comments__text__contains="o")
            .exclude(tags__name="red")
            .delete()
            == 1
        )
        with pytest.raises(FieldError, match="cannot take"):
            await Post.objects.exclude(comments__score="many").delete()
        with pytest.raises(FieldError, match="cannot take"):
            await Post.objects.exclude(comments__score="many")


async def test_an_order_over_many_rows_asks_for_an_aggregate(tmp_path: Path) -> None:
    async with posts(tmp_path):
        for wrong in (
            lambda: Post.objects.order_by("comments__score"),
            lambda: Post.objects.order_by(F("tags__name").desc()),
            lambda: Post.objects.values("comments__text"),
            lambda: Post.objects.annotate(x=F("comments__score")),
            lambda: Post.objects.annotate(x=F("comments__score") + 1),
        ):
            with pytest.raises(FieldError, match="aggregate"):
                wrong()
        ranked = Post.objects.annotate(best=Max("comments__score")).order_by("-best", "title")
        assert await ranked.values_list("title", "best") == [
            ("one", 5), ("two", 1), ("four", None), ("three", None),
        ]  # fmt: skip
        first = Post.objects.order_by(F("summary__text").asc(nulls_last=True), "-title")
        assert await first.values_list("title", flat=True) == ["one", "two", "three", "four"]
        last = Post.objects.order_by(F("summary__text").desc(nulls_last=False), "title")
        assert (await last.values_list("title", flat=True))[-1] == "one"


async def test_aggregates_take_a_condition_on_their_rows(tmp_path: Path) -> None:
    async with posts(tmp_path):
        query = Post.objects.annotate(
            shown=Count("comments", filter=Q(comments__hidden=False)),
            total=Sum("comments__score", filter=~Q(comments__text="bad")),
            heavy=Count("tags", filter=Q(tags__weight__gt=F("pk"))),
            kinds=Count("comments__text", distinct=True),
        ).order_by("pk")
        assert await query.values_list("title", "shown", "total", "heavy", "kinds") == [
            ("one", 1, 5, 1, 2), ("two", 0, 1, 0, 1), ("three", 0, None, 0, 0), ("four", 1, None, 0, 1),
        ]  # fmt: skip
        assert await Comment.objects.aggregate(
            shown=Count("*", filter=Q(hidden=False)), good=Sum("score", filter=Q(text="good"))
        ) == {"shown": 2, "good": 6}
        assert await titles(query.filter(shown__gt=0, tags__name="red")) == ["one", "four"]


async def test_groups_are_chosen_by_their_aggregates(tmp_path: Path) -> None:
    async with posts(tmp_path):
        groups = Comment.objects.values("text").annotate(n=Count("*"), total=Sum("score"))
        assert await groups.filter(n__gt=1) == [{"text": "good", "n": 2, "total": 6}]
        assert await groups.filter(Q(total__lt=2) | Q(text="good")).order_by("text") == [
            {"text": "bad", "n": 1, "total": 1}, {"text": "good", "n": 2, "total": 6},
        ]  # fmt: skip
        hidden = Count("*", filter=Q(hidden=True))
        per_post = Comment.objects.values("post__title").annotate(hidden=hidden)
        assert [
            row["title"] for row in await per_post.filter(hidden=1).order_by("post__title")
        ] == ["one", "two"]
        assert await per_post.filter(post__title="one") == [{"title": "one", "hidden": 1}]
        for wrong in ("score", "post__score"):
            with pytest.raises(FieldError):
                groups.filter(**{wrong: 1})


async def test_a_slice_is_prefetched_per_instance(tmp_path: Path) -> None:
    async with posts(tmp_path):
        newest = Comment.objects.order_by("-pk").limit(1)
        found: Any = await Post.objects.order_by("pk").prefetch_related(
            Prefetch("comments", newest, "last")
        )
        assert [[one.text for one in post.last] for post in found] == [
            ["bad"],
            ["good"],
            [],
            ["fine"],
        ]
        heaviest = Tag.objects.order_by("-weight").limit(1)
        found = await Post.objects.order_by("pk").prefetch_related(
            Prefetch("tags", heaviest, "top")
        )
        assert [[tag.name for tag in post.top] for post in found] == [
            ["blue"],
            ["blue"],
            [],
            ["green"],
        ]
        second = Tag.objects.order_by("-weight").offset(1)
        found = await Post.objects.order_by("pk").prefetch_related(Prefetch("tags", second, "rest"))
        assert [[tag.name for tag in post.rest] for post in found] == [["red"], [], [], ["red"]]
