"""Functions give on every database what Python gives, or are refused on all of them."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db import (
    Abs,
    Case,
    Cast,
    Ceil,
    Coalesce,
    Concat,
    Exists,
    Extract,
    Floor,
    Func,
    Greatest,
    Least,
    Length,
    Lower,
    Mod,
    Now,
    NullIf,
    OuterRef,
    Power,
    Replace,
    Round,
    StrIndex,
    Subquery,
    Substr,
    Trim,
    Trunc,
    Upper,
    Value,
    When,
    sqlite_function,
)
from openviper.db.dialects import SQLiteDialect
from openviper.db.fields import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    FloatField,
    ForeignKey,
    IntegerField,
    JSONField,
)
from openviper.db.models import Count, F, Max, Model, Q, Sum
from openviper.db.sql.prepared import plan_for
from openviper.db.sql.selects import select_instances
from openviper.db.sql.types import TEXT, Family
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import database

EVERY_DATABASE = True
START = datetime(2024, 2, 29, 23, 59, 58, 999_999, UTC)


class Kind(Model):
    _app_name = "functions"

    name = CharField(max_length=20)


class Row(Model):
    _app_name = "functions"

    text = CharField(max_length=40, null=True)
    n = IntegerField(null=True)
    price = DecimalField(max_digits=8, decimal_places=2, null=True)
    ratio = FloatField(null=True)
    good = BooleanField(null=True)
    start = DateTimeField(null=True)
    day = DateField(null=True)
    span = DurationField(null=True)
    data = JSONField(null=True)
    kind = ForeignKey(Kind, null=True, related_name="rows")


@sqlite_function("reverse", 1)
def reverse(text: str) -> str:
    return text[::-1]


class Reverse(Func):
    """The text from its end to its beginning."""

    accepts = (Family.TEXT,)
    gives = TEXT
    template = "REVERSE({0})"


ROWS: list[dict[str, Any]] = [
    {
        "text": "  Ünïcode Text ",
        "n": -7,
        "price": Decimal("-2.50"),
        "ratio": -2.5,
        "good": True,
        "start": START,
        "day": date(2024, 2, 29),
        "span": timedelta(days=1, seconds=1),
        "data": {"a": 1},
    },
    {
        "text": "",
        "n": 3,
        "price": Decimal("1.25"),
        "ratio": 0.125,
        "good": False,
        "start": START.replace(year=1999, day=28),
        "day": date(1999, 12, 31),
        "span": -timedelta(microseconds=1),
        "data": [],
    },
    {},
]


@asynccontextmanager
async def rows(folder: Path) -> AsyncIterator[None]:
    """Store the rows."""
    async with database(folder, Kind, Row):
        kind = await Kind.objects.create(name="k")
        await Kind.objects.create(name="empty")
        for values in ROWS:
            await Row.objects.create(**values, kind=kind)
        yield


def lowered(text: str, mapping: Any) -> str:
    """Return a text mapped character by character."""
    return "".join(mapping(letter) if len(mapping(letter)) == 1 else letter for letter in text)


def half_up(number: Any, places: int) -> Decimal:
    """Return a number rounded away from zero."""
    return Decimal(str(number)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "lower": (Lower("text"), lambda row: lowered(row["text"], str.lower)),
    "upper": (Upper("text"), lambda row: lowered(row["text"], str.upper)),
    "length": (Length("text"), lambda row: len(row["text"])),
    "trim": (Trim("text"), lambda row: row["text"].strip(" ")),
    "substr": (Substr("text", 3, 4), lambda row: row["text"][2:6]),
    "rest": (Substr("text", 4), lambda row: row["text"][3:]),
    "replace": (Replace("text", Value("e"), Value("3%")), lambda row: row["text"].replace("e", "3%")),
    "index": (StrIndex("text", Value("Text")), lambda row: row["text"].find("Text") + 1),
    "concat": (Concat("text", Value("/"), Lower("text")), None),
    "abs": (Abs("n"), lambda row: abs(row["n"])),
    "abs_decimal": (Abs("price"), lambda row: abs(row["price"])),
    "abs_float": (Abs(F("ratio") * 2), lambda row: abs(row["ratio"] * 2)),
    "round": (Round("price"), lambda row: int(half_up(row["price"], 0))),
    "round_one": (Round("price", 1), lambda row: half_up(row["price"], 1)),
    "round_float": (Round("ratio", 2), lambda row: float(half_up(row["ratio"], 2))),
    "floor": (Floor("price"), lambda row: math.floor(row["price"])),
    "ceil": (Ceil("ratio"), lambda row: math.ceil(row["ratio"])),
    "mod": (Mod("n", 4), lambda row: int(math.fmod(row["n"], 4))),
    "mod_operator": (F("n") % 4, lambda row: int(math.fmod(row["n"], 4))),
    "power": (Power("n", 2), lambda row: float(row["n"] ** 2)),
    "power_operator": (F("n") ** 2, lambda row: float(row["n"] ** 2)),
    "negative": (-F("price"), lambda row: -row["price"]),
    "quotient": (F("n") / 2, lambda row: row["n"] / 2),
    "zero": (F("n") / (F("n") - F("n")), lambda row: None),
    "cast_int": (Cast("price", int), lambda row: int(row["price"])),
    "cast_float": (Cast("price", float), lambda row: float(row["price"])),
    "cast_text": (Cast("n", str), lambda row: str(row["n"])),
    "year": (Extract("start", "year"), lambda row: row["start"].year),
    "minute": (Extract("start", "minute"), lambda row: row["start"].minute),
    "date_of": (Extract("start", "date"), lambda row: row["start"].date()),
    "time_of": (Extract("start", "time"), lambda row: row["start"].time().replace(microsecond=0)),
    "month_of_sum": (Extract(F("day") + timedelta(days=1), "month"), lambda row: (row["day"] + timedelta(days=1)).month),
    "trunc_year": (Trunc("start", "year"), lambda row: datetime(row["start"].year, 1, 1, tzinfo=UTC)),
    "trunc_hour": (Trunc("start", "hour"), lambda row: row["start"].replace(minute=0, second=0, microsecond=0)),
    "trunc_day": (Trunc("day", "month"), lambda row: row["day"].replace(day=1)),
    "greatest": (Greatest("n", 0, 2), lambda row: max(row["n"], 0, 2)),
    "least": (Least("price", "n"), lambda row: min(row["price"], Decimal(row["n"]))),
    "nullif": (NullIf("n", 3), lambda row: None if row["n"] == 3 else row["n"]),
    "own": (Reverse("text"), lambda row: row["text"][::-1]),
}  # fmt: skip


async def test_functions_give_what_python_gives(tmp_path: Path) -> None:
    async with rows(tmp_path):
        for name, (expression, expected) in FUNCTIONS.items():
            query = Row.objects.annotate(x=expression).order_by("pk")
            found = await query.values_list("x", flat=True)
            if name == "concat":
                assert found == ["  Ünïcode Text /  ünïcode text ", "/", "/"]
                continue
            wanted = [expected(row) if row else None for row in ROWS]
            assert found == wanted, name
            assert [type(value) for value in found] == [type(value) for value in wanted], name
            # Every function filters, orders and counts as it is read; NULL stands where no value is.
            for place, value in enumerate(wanted, 1):
                known = value is not None and not isinstance(value, float)
                if known:
                    assert place in await query.filter(x=value).values_list("pk", flat=True), name
            assert await query.filter(x__isnull=True).count() == wanted.count(None), name


async def test_choices(tmp_path: Path) -> None:
    async with rows(tmp_path):
        size = Case(
            When(n__lt=0, then=Value("negative")),
            When(Q(n__gt=2) & ~Q(good=True), then=Lower(Value("BIG"))),
            default=Value("none"),
        )
        query = Row.objects.annotate(size=size, m=Coalesce("n", "price", 0)).order_by("pk")
        assert await query.values_list("size", "m") == [
            ("negative", Decimal("-7.00")), ("big", Decimal("3.00")), ("none", Decimal("0.00")),
        ]  # fmt: skip
        assert await query.filter(size__startswith="n").count() == 2
        assert await query.order_by("-size", "pk").values_list("pk", flat=True) == [3, 1, 2]
        assert await Row.objects.aggregate(s=Sum(Case(When(n__gt=0, then="n"), default=1))) == {
            "s": 5
        }
        await Row.objects.all().update(n=Case(When(n=None, then=0), default=F("n") + 1))
        assert await Row.objects.order_by("pk").values_list("n", flat=True) == [-6, 4, 0]
        without = await Row.objects.annotate(x=Case(When(n=4, then="day"))).order_by("pk")
        assert [row.x for row in without] == [None, date(1999, 12, 31), None]  # type: ignore[attr-defined]  # computed


async def test_subqueries(tmp_path: Path) -> None:
    async with rows(tmp_path):
        mine = Row.objects.filter(kind=OuterRef("pk"))
        assert await Kind.objects.filter(Exists(mine)).values_list("name", flat=True) == ["k"]
        assert await Kind.objects.exclude(Exists(mine)).values_list("name", flat=True) == ["empty"]
        assert await Kind.objects.filter(~Exists(mine.filter(n__gt=5)) & Q(name="k")).count() == 1
        last = mine.order_by("-pk").values_list("pk", flat=True)
        query = Kind.objects.annotate(last=Subquery(last), has=Exists(mine)).order_by("pk")
        assert await query.values_list("last", "has") == [(3, True), (None, False)]
        assert await query.filter(last__gte=3, has=True).count() == 1
        most = Row.objects.filter(
            n=Subquery(Row.objects.order_by("-n").values_list("n", flat=True))
        )
        assert await most.count() in (0, 1)
        await Row.objects.filter(kind__in=Kind.objects.filter(Exists(mine))).update(n=1)
        assert await Row.objects.filter(n=1).count() == 3
        with pytest.raises(QueryError, match="within another"):
            await mine
        with pytest.raises(QueryError, match="one column"):
            Kind.objects.annotate(x=Subquery(Row.objects.values("pk", "n")))


async def test_now_is_now(tmp_path: Path) -> None:
    async with rows(tmp_path):
        now = await Row.objects.annotate(now=Now()).values_list("now", flat=True)
        assert abs(now[0] - datetime.now(UTC)) < timedelta(minutes=10)
        assert await Row.objects.filter(start__lt=Now() - timedelta(days=30)).count() == 2
        await Row.objects.filter(pk=3).update(start=Now())
        assert await Row.objects.filter(start__gt=Now() - timedelta(hours=1)).count() == 1


async def test_groups_by_computed_values(tmp_path: Path) -> None:
    async with rows(tmp_path):
        by_year = Row.objects.exclude(day=None).values("day__year").annotate(n=Count("*"))
        assert await by_year.order_by("day__year") == [
            {"year": 1999, "n": 1},
            {"year": 2024, "n": 1},
        ]
        sign = Row.objects.annotate(sign=Case(When(n__lt=0, then=-1), default=1))
        groups = sign.values("sign").annotate(n=Count("*"), top=Max("n"))
        assert await groups.filter(n__gt=1) == [{"sign": 1, "n": 2, "top": 3}]
        share = await Row.objects.aggregate(x=Sum("n") * 2 / Count("*"))
        assert share["x"] == pytest.approx(-8 / 3)


async def test_what_a_function_cannot_take_is_refused(tmp_path: Path) -> None:
    wrong: list[Any] = [
        lambda: Lower("n"),
        lambda: Length("data"),
        lambda: Abs("text"),
        lambda: Round("day"),
        lambda: Floor("span"),
        lambda: Trunc("text", "day"),
        lambda: Trunc("day", "hour"),
        lambda: Extract("text", "year"),
        lambda: Extract("day", "hour"),
        lambda: Concat("text", "n"),
        lambda: Coalesce("text", "n"),
        lambda: Greatest("text", "day"),
        lambda: Greatest("data", "data"),
        lambda: Mod("price", 2),
        lambda: Cast("ratio", str),
        lambda: Cast("day", int),
        lambda: Case(When(n=1, then="text"), default="n"),
        lambda: Lower("nope"),
        lambda: Value(object()),
        lambda: Value(2**70),
        lambda: F("nope") + 1,
    ]
    plan = plan_for(Row._meta, SQLiteDialect())
    for make in wrong:
        with pytest.raises(FieldError):
            select_instances(plan, Row.objects.annotate(x=make()).query)
    with pytest.raises(FieldError, match="not a condition"):
        Row.objects.filter(Lower("text"))
    for bad in (lambda: Substr("text", 0), lambda: Round("n", -1), lambda: Trunc("day", "week")):  # type: ignore[arg-type]  # what is under test
        with pytest.raises(ValueError):
            bad()
    for few in (lambda: Lower(), lambda: Concat("text"), lambda: Case(), lambda: When(then=1)):
        with pytest.raises(TypeError):
            few()
