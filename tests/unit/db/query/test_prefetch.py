"""The tree of what is prefetched, and queries that are carried behind a foreign key."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.fields import CharField, ForeignKey, OneToOneField
from openviper.db.models import F, Model, Q, QuerySet
from openviper.db.models.many_to_many import ManyToManyField
from openviper.db.query.prefetch import (
    Node,
    Prefetch,
    find_relation,
    loading_fields,
    with_keys,
)
from openviper.db.query.prefixes import behind
from openviper.db.sql.description import EVERYTHING
from openviper.db.sql.selects import select_instances
from openviper.exceptions import FieldError
from tests.unit.db.sql.kinds import plan


class Land(Model):
    _app_name = "trees"

    name = CharField(max_length=9)


class Author(Model):
    _app_name = "trees"

    name = CharField(max_length=9)
    land = ForeignKey(Land, related_name="authors", null=True)

    class Meta:
        ordering = ["name"]


class Genre(Model):
    _app_name = "trees"

    name = CharField(max_length=9)


class Book(Model):
    _app_name = "trees"

    title = CharField(max_length=9)
    author = ForeignKey(Author, related_name="books")
    genres = ManyToManyField(Genre, related_name="books")


class Cover(Model):
    _app_name = "trees"

    book = OneToOneField(Book, related_name="cover")


Shape = dict[str, Any]


def tree(nodes: tuple[Node, ...]) -> Shape:
    """Return the names of a tree, each with what is below it."""
    return {node.to_attr or node.name: tree(node.children) for node in nodes}


@pytest.mark.parametrize(
    ("model", "name", "target", "reverse", "single"),
    [
        (Book, "author", Author, False, True),
        (Author, "books", Book, True, False),
        (Book, "genres", Genre, False, False),
        (Genre, "books", Book, True, False),
        (Cover, "book", Book, False, True),
        (Book, "cover", Cover, True, True),
    ],
)
def test_relations_on_both_sides(
    model: type[Model], name: str, target: type[Model], reverse: bool, single: bool
) -> None:
    found = find_relation(model._meta, name)
    assert (found.model, found.reverse, found.single) == (target, reverse, single)


@pytest.mark.parametrize(
    ("model", "name", "known"),
    [
        (Book, "title", "author, genres, cover"),
        (Book, "author_id", "author, genres, cover"),
        (Genre, "x", "books"),
        (Cover, "", "book"),
    ],
)
def test_what_is_no_relation_is_told_with_those_there_are(
    model: type[Model], name: str, known: str
) -> None:
    with pytest.raises(FieldError, match=f"no relation {name!r} to prefetch; relations: {known}$"):
        find_relation(model._meta, name)


@pytest.mark.parametrize(
    ("wishes", "shape"),
    [
        (["author"], {"author": {}}),
        (["author", "author"], {"author": {}}),
        (["author__land", "author"], {"author": {"land": {}}}),
        (["author__land", "author__books"], {"author": {"land": {}, "books": {}}}),
        (["genres", "author__books__genres"], {"genres": {}, "author": {"books": {"genres": {}}}}),
        ([Prefetch("genres", to_attr="liked"), "genres"], {"liked": {}, "genres": {}}),
        ([Prefetch("genres", to_attr="liked"), "liked__books"], {"liked": {"books": {}}}),
        (
            [Prefetch("author__books", queryset=Book.objects.limit(2), to_attr="newest")],
            {"author": {"newest": {}}},
        ),
    ],
)
def test_paths_that_begin_alike_are_one(wishes: list[Any], shape: Shape) -> None:
    assert tree(Book.objects.prefetch_related(*wishes).query.prefetch) == shape


def test_the_same_attribute_is_not_used_twice() -> None:
    twice = Prefetch("genres", to_attr="liked"), Prefetch("author", to_attr="liked")
    with pytest.raises(FieldError, match="to_attr='liked' is used twice"):
        Book.objects.prefetch_related(*twice)


def test_the_query_is_that_of_the_wish() -> None:
    asked = Genre.objects.filter(name="x")
    (node,) = Book.objects.prefetch_related(Prefetch("genres", queryset=asked)).query.prefetch
    assert node.query is asked.query
    (plain,) = Book.objects.prefetch_related(
        "genres", Prefetch("genres", queryset=asked)
    ).query.prefetch
    assert plain.query is asked.query, "a plain wish has none that could differ"


@pytest.mark.parametrize(
    ("query", "only", "defer"),
    [
        (Book.objects.only("title").prefetch_related("author"), ("title", "author"), ()),
        (Book.objects.only("title").prefetch_related("genres", "cover"), ("title",), ()),
        (Book.objects.defer("author", "title").prefetch_related("author"), None, ("title",)),
        (Book.objects.prefetch_related("author"), None, ()),
    ],
)
def test_keys_that_are_needed_are_loaded(
    query: QuerySet[Book], only: tuple[str, ...] | None, defer: tuple[str, ...]
) -> None:
    made = with_keys(Book._meta, query.query)
    assert (made.only, made.defer) == (only, defer)


def test_nothing_needed_changes_nothing() -> None:
    query = Book.objects.only("title").query
    assert loading_fields(Book._meta, query, ()) is query
    assert loading_fields(Book._meta, EVERYTHING, ("author",)) is EVERYTHING


# A query seen from the model with the key

KEY: Any = Book._meta.field("author")


@pytest.mark.parametrize(
    ("query", "tail", "bound"),
    [
        (Author.objects.order_by(), "", []),
        (Author.objects.all(), ' ORDER BY "__0"."name"', []),
        (Author.objects.order_by("-pk"), ' ORDER BY "trees_book"."author_id" DESC', []),
        (Author.objects.filter(name="a").order_by(), ' WHERE "__0"."name" = ?', ["a"]),
        (Author.objects.filter(name__in=["a", "b"]).order_by(), ' WHERE "__0"."name" IN (?, ?)', ["a", "b"]),
        (
            Author.objects.exclude(Q(name="a") | Q(land=None)).order_by(),
            ' WHERE NOT (("__0"."name" = ? OR "__0"."land_id" IS NULL))',
            ["a"],
        ),
        (Author.objects.filter(pk=5).order_by()[1:3], ' WHERE "trees_book"."author_id" = ? LIMIT ? OFFSET ?', [5, 2, 1]),
    ],
)  # fmt: skip
def test_every_name_gets_the_key_in_front(
    query: QuerySet[Author], tail: str, bound: list[Any]
) -> None:
    moved = behind(Book._meta, KEY, query.query)
    assert moved is not None and moved.related == ("author",)
    select = select_instances(plan("sqlite", Book), moved)
    joined = '"__0" ON "__0"."id" = "trees_book"."author_id"'
    assert select.sql.partition(joined)[2] == tail and select.parameters == bound


def test_what_is_loaded_with_the_target_is_loaded_behind_the_key() -> None:
    moved = behind(Book._meta, KEY, Author.objects.select_related("land").query)
    assert moved is not None and moved.related == ("author", "author__land")


@pytest.mark.parametrize(
    "query",
    [
        Author.objects.only("name"),
        Author.objects.defer("name"),
        Author.objects.distinct(),
        Author.objects.annotate(x=F("name")),
        Author.objects.select_for_update(),
        Author.objects.none(),
    ],
)
def test_what_is_about_the_targets_own_rows_cannot_be_carried(query: QuerySet[Author]) -> None:
    assert behind(Book._meta, KEY, query.query) is None
