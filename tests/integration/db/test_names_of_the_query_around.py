"""`OuterRef` in queries within queries: computed with, in any place, and refused where it is of another type."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openviper.db import (
    Case,
    CharField,
    Coalesce,
    Count,
    DateField,
    DateTimeField,
    Exists,
    F,
    ForeignKey,
    IntegerField,
    JSONField,
    Lower,
    Model,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from openviper.db.connection import connections
from openviper.db.exceptions import DatabaseOperationNotSupportedError
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import current, database

EVERY_DATABASE = True
START = datetime(2025, 1, 1, tzinfo=UTC)


class Node(Model):
    _app_name = "outer_names"

    n = IntegerField(null=True)
    text = CharField(max_length=9)
    start = DateTimeField()
    day = DateField(null=True)
    data = JSONField(null=True)
    parent = ForeignKey("self", null=True, related_name="kids")


class Tag(Model):
    _app_name = "outer_names"

    n = IntegerField()


@asynccontextmanager
async def nodes(tmp_path: Path) -> AsyncIterator[None]:
    async with database(tmp_path, Node, Tag):
        before = None
        for n in range(4):
            before = await Node.objects.create(
                n=n,
                text="aBcD"[n],
                start=START + timedelta(hours=n),
                day=date(2025, 1, 1 + n),
                parent=before,
            )
        yield


def of(name: str) -> OuterRef:
    return OuterRef(name)


CONDITIONS: list[tuple[Callable[[], Any], list[int]]] = [
    (lambda: Exists(Node.objects.filter(n=of("n") + 1)), [0, 1, 2]),
    (lambda: Exists(Node.objects.filter(n=2 * of("n"))), [0, 1]),
    (lambda: ~Exists(Node.objects.filter(n__gt=of("n"))), [3]),
    (lambda: Exists(Node.objects.filter(start__lt=of("start") - timedelta(hours=1))), [2, 3]),
    (lambda: Exists(Node.objects.filter(text=Lower(of("text")))), [0, 2]),
    (lambda: Exists(Node.objects.annotate(d=F("n") - of("n")).filter(d__gte=2)), [0, 1]),
    (lambda: Exists(Node.objects.alias(m=of("n")).filter(m=2, n=F("m") + 1)), [2]),
    (lambda: Exists(Node.objects.filter(Q(n=of("n") + 3) | Q(kids__n=of("n") + 2))), [0, 1]),
    (lambda: Exists(Node.objects.exclude(kids__n=of("n")).filter(n=of("n") - 1)), []),
    (lambda: Exists(Node.objects.filter(kids__n=of("n"), kids__text="B")), [1]),
    (lambda: Exists(Node.objects.filter(n=Case(When(n=of("n"), then=Value(3))))), [3]),
    (lambda: Exists(Node.objects.filter(n__range=(of("n") + 1, of("n") + 1), pk__in=[1, 2])), [0]),
    (lambda: Exists(Node.objects.filter(pk__in=(pk for pk in (1, 2)), n=of("n"))), [0, 1]),
    (lambda: Exists(Node.objects.filter(Q(pk__in=(pk for pk in (1, 2))), n=of("n"))), [0, 1]),
    (lambda: Q(n__in=Node.objects.filter(parent__n=of("n") - 1).values("n")), [1, 2, 3]),
    (lambda: Exists(Node.objects.filter(Exists(Node.objects.filter(n=of("n") + 1)), n=of("n"))), [0, 1, 2]),
    (lambda: Exists(Node.objects.filter(Node.n == of("n") + 1)), [0, 1, 2]),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(CONDITIONS)))
async def test_conditions(tmp_path: Path, place: int) -> None:
    make, wanted = CONDITIONS[place]
    async with nodes(tmp_path):
        query = Node.objects.filter(make()).order_by("pk")
        assert await query.values_list("n", flat=True) == wanted


async def test_values(tmp_path: Path) -> None:
    async with nodes(tmp_path):
        later = Node.objects.filter(n__gt=of("n")).order_by("n")
        for query, wanted in (
            (later.annotate(d=F("n") - of("n")).values("d"), [1, 1, 1, None]),
            (later.values(d=F("start") - of("start")), [timedelta(hours=1)] * 3 + [None]),
            (later.values(c=Coalesce(of("n"), Value(9))), [0, 1, 2, None]),
        ):
            found = await Node.objects.order_by("pk").values_list(Subquery(query), flat=True)
            assert found == wanted
        farthest = Subquery(later.order_by((F("n") - of("n")).desc()).values("n"))
        if current.vendor == "sqlite":
            with pytest.raises(DatabaseOperationNotSupportedError, match="order"):
                await Node.objects.values_list(farthest, flat=True)
        else:
            found = await Node.objects.order_by("pk").values_list(farthest, flat=True)
            assert found == [3, 3, 3, None]


async def test_an_update_sees_the_rows_as_they_were(tmp_path: Path) -> None:
    async with nodes(tmp_path):
        await Tag.objects.create(n=5)
        assert await Node.objects.filter(n=3).update(n=Subquery(Tag.objects.values("n"))) == 1
        before = Node.objects.filter(n=of("n") - 1).values("n")
        if connections.get("default").dialect.update_source() is None:
            # A shape of its own: the text of another may be known from a newer version.
            with pytest.raises(DatabaseOperationNotSupportedError, match=r"SQLite before 3\.33"):
                await Node.objects.update(n=Coalesce(Subquery(before), Value(7)) + 1)
            return
        assert await Node.objects.update(n=Coalesce(Subquery(before), Value(7))) == 4
        assert await Node.objects.order_by("pk").values_list("n", flat=True) == [7, 0, 1, 7]


FIELDS = ("n", "text", "start", "day", "parent")


async def test_other_types_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with nodes(tmp_path):
        for one in FIELDS:
            for two in FIELDS:
                if one == two or {one, two} == {"n", "parent"}:
                    continue
                for word in ("exact", "gt", "ne"):
                    inner = Node.objects.filter(Q(**{f"{one}__{word}": of(two)}))
                    with pytest.raises(FieldError, match="cannot be compared with"):
                        Node.objects.filter(Exists(inner))
        for wrong in (
            Node.objects.filter(n=of("text") + 1),
            Node.objects.filter(text=Lower(of("n"))),
            Node.objects.annotate(x=F("start") - of("day")),
            Node.objects.annotate(x=of("n")).filter(x=F("text")),
            Node.objects.filter(n=of("nope")),
            Node.objects.order_by(of("data")),
        ):
            with pytest.raises(FieldError):
                Node.objects.filter(Exists(wrong))


async def test_it_needs_a_query_around(tmp_path: Path) -> None:
    async with nodes(tmp_path):
        for query in (
            Node.objects.filter(n=of("n")),
            Node.objects.annotate(x=of("n") + 1),
            Node.objects.order_by(of("n")),
            Node.objects.filter(Q(n=1) | Q(n=of("n"))),
        ):
            with pytest.raises(QueryError, match=r"OuterRef\('n'\) stands in a query"):
                await query
        with pytest.raises(QueryError, match=r"OuterRef\('n'\) stands in a query"):
            await Node.objects.update(n=of("n"))


async def test_values_are_computed_where_they_are_asked_for(tmp_path: Path) -> None:
    async with nodes(tmp_path):
        ordered = Node.objects.order_by("pk")
        assert await ordered.values("n", double=F("n") * 2)[:2] == [
            {"n": 0, "double": 0},
            {"n": 1, "double": 2},
        ]
        assert await ordered.values_list(Lower("text"), "n", F("n") + 1)[1:2] == [("b", 1, 2)]
        assert await ordered.values_list(Count("kids"), flat=True) == [1, 1, 1, 0]
        assert await Node.objects.values(day_of=F("start__day")).annotate(n=Count("*")) == [
            {"day_of": 1, "n": 4}
        ]
        with pytest.raises(FieldError, match="has 'n' already"):
            Node.objects.values(n=F("n") + 1)
        with pytest.raises(FieldError, match="not a field name"):
            Node.objects.values(Lower("text"))


async def test_an_iterator_is_read_once_and_kept_for_all_queries(tmp_path: Path) -> None:
    async with nodes(tmp_path):
        both = Q(pk__in=(pk for pk in (1, 2)))
        size = Case(When(pk__in=iter([1, 2]), then=Value(1)), default=Value(0))
        for _ in range(2):
            assert await Node.objects.filter(both).count() == 2
            assert await Node.objects.annotate(x=size).filter(x=1).count() == 2
