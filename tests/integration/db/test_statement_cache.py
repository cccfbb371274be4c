"""Statements are kept by their shape: a query means the same whatever was asked before it.

Random queries are compiled and run with everything in the cache that the others have left there, and again with an empty
one. Values are such as Python takes for equal or for the same text: 1, True, 1.0, Decimal("1"), "1", b"1".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from openviper.db import (
    Case,
    Cast,
    Coalesce,
    Concat,
    Count,
    DenseRank,
    Exists,
    Extract,
    Greatest,
    Least,
    Length,
    Lower,
    Max,
    NullIf,
    OuterRef,
    Rank,
    Round,
    Substr,
    Sum,
    Trunc,
    Upper,
    Value,
    When,
    Window,
)
from openviper.db.fields import (
    BooleanField,
    CharField,
    DateTimeField,
    DecimalField,
    FloatField,
    ForeignKey,
    IntegerField,
    JSONField,
)
from openviper.db.models import F, Model, ModelMeta, Q, QuerySet
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import database, seeds

ROUNDS = 200


class Shelf(Model):
    _app_name = "cache_keys"

    label = CharField(max_length=20)
    height = IntegerField(default=0)


class Tome(Model):
    _app_name = "cache_keys"

    title = CharField(max_length=20, null=True)
    pages = IntegerField(null=True)
    price = DecimalField(max_digits=8, decimal_places=2, null=True)
    weight = FloatField(null=True)
    lent = BooleanField(null=True)
    seen = DateTimeField(null=True)
    data = JSONField(null=True)
    shelf = ForeignKey(Shelf, null=True, related_name="tomes")


VALUES: list[Any] = [
    0, 1, -1, 2, True, False, 0.0, 1.0, 1.5, Decimal("1"), Decimal("1.00"), Decimal("1.5"), "1", "1.0", "True", "", "a",
    "A", "a%", "_", None, b"1", date(2025, 1, 1), datetime(2025, 1, 1, tzinfo=UTC), "2025-01-01", timedelta(seconds=1),
    [1], ["1"], [], [1, 2], [True], {"a": 1}, {"a": True}, 10**30,
]  # fmt: skip
COLUMNS = [
    "id",
    "title",
    "pages",
    "price",
    "weight",
    "lent",
    "seen",
    "data",
    "shelf",
    "shelf__label",
]
LOOKUPS = [
    "", "__exact", "__ne", "__lt", "__gte", "__in", "__isnull", "__contains", "__icontains", "__startswith", "__range",
    "__iexact", "__not_in",
]  # fmt: skip


class Chance:
    """Makes random queries.

    Args:
        seed: The same one makes the same queries.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def condition(self, depth: int = 2) -> Q:
        chosen = self.random.randrange(6) if depth else 0
        if chosen == 1:
            return ~self.condition(depth - 1)
        if chosen == 2:
            return self.condition(depth - 1) & self.condition(depth - 1)
        if chosen == 3:
            return self.condition(depth - 1) | self.condition(depth - 1)
        if chosen == 4:
            return Q(Exists(Tome.objects.filter(shelf=OuterRef("shelf"), pages=self.value())))
        name = self.random.choice(COLUMNS) + self.random.choice(LOOKUPS)
        value = self.expression(1) if self.random.random() < 0.3 else self.value()
        return Q(**{name: value})

    def value(self) -> Any:
        return self.random.choice(VALUES)

    def expression(self, depth: int = 2) -> Any:
        if not depth or self.random.random() < 0.3:
            if self.random.random() < 0.5:
                return F(self.random.choice(COLUMNS))
            return Value(self.value())
        inner = self.expression(depth - 1)
        made: list[Callable[[], Any]] = [
            lambda: inner + self.value(),
            lambda: inner - self.expression(depth - 1),
            lambda: inner * 2,
            lambda: inner / self.random.choice([2, 2.0, Decimal("2")]),
            lambda: Coalesce(inner, Value(self.value())),
            lambda: NullIf(inner, Value(self.value())),
            lambda: Lower(inner),
            lambda: Length(inner),
            lambda: Concat(inner, Value("1")),
            lambda: Substr(inner, self.random.choice([1, 2]), self.random.choice([1, 2])),
            lambda: Cast(inner, self.random.choice([int, float, str])),
            lambda: Round(inner, self.random.choice([0, 1, 2])),
        ]
        return self.random.choice(made)()

    def query(self) -> QuerySet[Tome]:
        query = Tome.objects.all()
        for _ in range(self.random.randrange(1, 4)):
            query = self.step(query)
        return (
            query.order_by("id") if self.random.random() < 0.7 else query.order_by("-pages", "id")
        )

    def step(self, query: QuerySet[Tome]) -> QuerySet[Tome]:
        name = f"x{self.random.randrange(3)}"
        made: list[Callable[[], QuerySet[Tome]]] = [
            lambda: query.filter(self.condition()),
            lambda: query.exclude(self.condition()),
            lambda: query.annotate(**{name: self.expression()}),
            lambda: query.alias(**{name: self.expression()}),
            lambda: query.only("id", self.random.choice(["title", "pages"])),
            lambda: query.defer(self.random.choice(["title", "pages"])),
            lambda: query.select_related("shelf"),
            lambda: query.distinct(),
        ]
        return self.random.choice(made)()

    def answer(self) -> Any:
        """Return something to await that asks a random query."""
        query = self.query()
        least = self.random.choice([0, 1, 2])
        made: list[Callable[[], Any]] = [
            lambda: query.values_list("id", "title", "pages"),
            lambda: query.values("id", "shelf__label"),
            lambda: query.count(),
            lambda: query.exists(),
            lambda: query.aggregate(n=Count("id"), most=Max("pages")),
            lambda: query.aggregate(n=Count("pages", distinct=self.random.random() < 0.5)),
            lambda: query[least : least + 2].values_list("id", flat=True),
            lambda: (
                Shelf.objects.annotate(n=Sum("tomes__pages", filter=Q(pages=self.value())))
                .order_by("id")
                .values_list("id", "n")
            ),
            lambda: Tome.objects.filter(self.condition()).update(title=F("title")),
        ]
        return self.random.choice(made)()


def forget_statements() -> None:
    for model in (Shelf, Tome):
        for plan in model._meta.plans.values():
            plan.cache.clear()
        model._meta.lookups.clear()


async def outcome(seed: int) -> str:
    """Return what a query answers, or how it is refused; with the types, as 1 == True."""
    try:
        return repr(await Chance(seed).answer())
    except (FieldError, QueryError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


def compiled(seed: int) -> str:
    """Return the SQL of a query."""
    try:
        return Chance(seed).query().raw_sql()
    except (FieldError, QueryError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


async def fill() -> None:
    low, high = [await Shelf.objects.create(label=str(n), height=n) for n in (1, 2)]
    for number in range(6):
        await Tome.objects.create(
            title=[None, "1", "a", "A", "", "True"][number],
            pages=[None, 0, 1, 2, 1, -1][number],
            price=[None, Decimal(1), Decimal("1.5"), None, Decimal(0), Decimal(2)][number],
            weight=[None, 1.0, 1.5, 0.0, 2.0, -1.0][number],
            lent=[None, True, False, True, False, None][number],
            seen=None if number % 2 else datetime(2025, 1, 1, number, tzinfo=UTC),
            data=[None, 1, True, "1", [1], {"a": 1}][number],
            shelf=[None, low, high][number % 3],
        )


@pytest.mark.parametrize("seed", seeds(6))
async def test_no_query_is_answered_by_the_statement_of_another(tmp_path: Path, seed: int) -> None:
    numbers = [seed * ROUNDS + step for step in range(ROUNDS)]
    async with database(tmp_path, Shelf, Tome):
        await fill()
        alone = {}
        for number in numbers:
            forget_statements()
            alone[number] = (compiled(number), await outcome(number))
        forget_statements()
        for turn in range(2):
            random.Random(turn).shuffle(numbers)
            for number in numbers:
                assert (compiled(number), await outcome(number)) == alone[number], number
        answered = [answer for _, answer in alone.values() if "Error" not in answer]
        assert len(answered) > ROUNDS / 8, "nearly all were refused, so this says nothing"
        assert len(set(answered)) > 20


EXPRESSIONS: list[Callable[[], Any]] = [
    *[lambda value=value: Value(value) for value in (1, True, 1.0, Decimal("1"), Decimal("1.00"), "1", None)],
    *[lambda name=name: F(name) for name in ("pages", "price", "weight", "title", "lent", "shelf__height")],
    lambda: F("pages") + 1, lambda: F("pages") - 1, lambda: F("pages") * 1, lambda: F("pages") / 1, lambda: F("pages") % 1,
    lambda: F("pages") + 1.0, lambda: F("pages") + Decimal(1), lambda: 1 - F("pages"), lambda: F("price") - F("pages"),
    lambda: F("pages") - F("price"), lambda: F("seen") + timedelta(1), lambda: F("seen") - timedelta(1),
    *[lambda kind=kind: Cast("pages", kind) for kind in (int, float, str)],
    *[lambda places=places: Round("weight", places) for places in (0, 1, 2)],
    *[lambda start=start: Substr("title", start, 1) for start in (1, 2)],
    *[lambda unit=unit: Extract("seen", unit) for unit in ("year", "month", "day", "hour")],
    *[lambda unit=unit: Trunc("seen", unit) for unit in ("year", "month", "day", "hour")],
    lambda: Lower("title"), lambda: Upper("title"), lambda: Length("title"), lambda: Coalesce("pages", Value(1)),
    lambda: NullIf("pages", Value(1)), lambda: Greatest("pages", Value(1)), lambda: Least("pages", Value(1)),
    lambda: Case(When(pages=1, then=Value(1)), default=Value(2)), lambda: Case(When(pages=1, then=Value(1))),
    lambda: Case(When(pages__gt=1, then=Value(1)), default=Value(2)), lambda: Case(When(pages=1, then=F("id")), default=F("pages")),
    lambda: Exists(Tome.objects.filter(shelf=OuterRef("shelf"))), lambda: Exists(Tome.objects.filter(pages=OuterRef("pages"))),
    lambda: Window(Rank(), order_by="pages"), lambda: Window(Rank(), order_by="-pages"), lambda: Window(DenseRank(), order_by="pages"),
    lambda: Window(Rank(), partition_by="shelf", order_by="pages"), lambda: Window(Sum("pages"), order_by="id"),
]  # fmt: skip
"""Such as differ in one thing: an operator, an option, the type of a value."""


def lookup_of(name: str, value: Any) -> Any:
    asked: dict[str, Any] = {name: value}
    return Tome.objects.filter(**asked)


def found_by(name: str, expression: Any) -> Any:
    asked: dict[str, Any] = {f"x{name}": 1}
    return Tome.objects.annotate(x=expression).filter(**asked)


WAYS: list[Callable[[Any], Any]] = [
    *[partial(found_by, name) for name in ("", "__gt", "__lte", "__ne")],
    lambda e: Tome.objects.annotate(x=e).filter(x__in=[1, 2]), lambda e: Tome.objects.annotate(x=e).filter(x__in=[1, 2, 3]),
    lambda e: Tome.objects.annotate(x=e).filter(x__isnull=True), lambda e: Tome.objects.annotate(x=e).filter(x__isnull=False),
    lambda e: Tome.objects.annotate(x=e).exclude(x=1), lambda e: Tome.objects.annotate(x=e), lambda e: Tome.objects.alias(x=e),
    lambda e: Tome.objects.annotate(x=e).order_by("x"), lambda e: Tome.objects.annotate(x=e).order_by("-x"),
    lambda e: Tome.objects.annotate(x=e).order_by(F("x").desc(nulls_last=False)), lambda e: Tome.objects.annotate(x=e).distinct(),
    lambda e: Tome.objects.annotate(x=e)[:1], lambda e: Tome.objects.annotate(x=e)[1:2], lambda e: Tome.objects.annotate(x=e)[1:],
    lambda e: Tome.objects.filter(pages=e), lambda e: Tome.objects.filter(pages__lt=e), lambda e: Tome.objects.filter(title=e),
    lambda e: Tome.objects.annotate(x=e).only("id"), lambda e: Tome.objects.annotate(x=e).defer("title"),
    lambda e: Tome.objects.annotate(x=e).select_related("shelf"), lambda e: Tome.objects.annotate(y=e),
]  # fmt: skip


def small_queries() -> Iterator[Callable[[], Any]]:
    """Yield makers of queries any two of which differ in little."""
    for make in EXPRESSIONS:
        for way in WAYS:
            yield partial(_in_a_way, way, make)
    for name in COLUMNS:
        for lookup in LOOKUPS:
            for value in VALUES:
                yield partial(lookup_of, name + lookup, value)


def _in_a_way(way: Callable[[Any], Any], make: Callable[[], Any]) -> Any:
    return way(make())


def text_of(make: Callable[[], Any]) -> str:
    """Return the SQL of a query, or how it is refused."""
    try:
        return str(make().raw_sql())
    except (FieldError, QueryError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


async def test_queries_that_differ_in_little_have_statements_of_their_own(tmp_path: Path) -> None:
    async with database(tmp_path, Shelf, Tome):
        queries = list(small_queries())
        alone = []
        for make in queries:
            forget_statements()
            alone.append(text_of(make))
        forget_statements()
        order = list(range(len(queries)))
        random.Random(0).shuffle(order)
        wrong = [n for n in order if text_of(queries[n]) != alone[n]]
        assert not wrong, (len(wrong), alone[wrong[0]], text_of(queries[wrong[0]]))
        statements = [text for text in alone if text.startswith("SELECT")]
        assert len(statements) > len(queries) / 4
        assert len(set(statements)) > 1000


async def test_values_that_python_takes_for_equal_keep_their_types(tmp_path: Path) -> None:
    async with database(tmp_path, Shelf, Tome):
        await fill()
        for _ in range(2):
            for value in (1, True, 1.0, Decimal(1), "1"):
                query = Shelf.objects.annotate(given=Value(value)).order_by("id")
                (given, _) = await query.values_list("given", flat=True)
                assert (given, type(given)) == (value, type(value))


def shape_of(class_name: str, /, **fields: Any) -> Any:
    body = {"__module__": __name__, "_app_name": "cache_keys", **fields}
    made: Any = ModelMeta(class_name, (Model,), body)
    return made


async def test_a_class_that_is_made_anew_has_statements_of_its_own(tmp_path: Path) -> None:
    first = shape_of("Leaflet", title=CharField(max_length=20))
    async with database(tmp_path, first):
        await first.objects.create(title="a")
        assert await first.objects.filter(title="a").count() == 1
        assert '"title"' in first.objects.all().raw_sql()
    second = shape_of("Leaflet", heading=CharField(max_length=20, db_column="h"))
    async with database(_other(tmp_path), second):
        await second.objects.create(heading="b")
        assert [leaflet.heading for leaflet in await second.objects.filter(heading="b")] == ["b"]
        assert '"title"' not in second.objects.all().raw_sql()
        with pytest.raises(FieldError, match="title"):
            second.objects.filter(title="a")


async def test_a_relation_that_comes_later_is_known_to_queries(tmp_path: Path) -> None:
    house = shape_of("Press", name=CharField(max_length=20))
    with pytest.raises(FieldError, match="leaves"):
        house.objects.filter(leaves__n=1)
    with pytest.raises(FieldError, match="leaves"):
        house.objects.order_by("leaves__n")
    leaf = shape_of("PressLeaf", n=IntegerField(), press=ForeignKey(house, related_name="leaves"))
    async with database(tmp_path, house, leaf):
        made = await house.objects.create(name="a")
        assert await house.objects.filter(leaves__n=1).count() == 0
        await leaf.objects.create(n=1, press=made)
        assert await house.objects.filter(leaves__n=1).count() == 1
        (total,) = await house.objects.annotate(s=Sum("leaves__n")).values_list("s", flat=True)
        assert total == 1


def _other(folder: Path) -> Path:
    other = folder / "other"
    other.mkdir()
    return other
