"""NULL beside each type, values looked at as texts, moments at the edges of the calendar: the same on every database."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from openviper.db import (
    ArrayField,
    Avg,
    BinaryField,
    BooleanField,
    Case,
    Cast,
    CharField,
    Coalesce,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    F,
    FloatField,
    Frame,
    Greatest,
    IntegerField,
    JSONField,
    Model,
    NullIf,
    Q,
    Replace,
    Round,
    StdDev,
    TimeField,
    UUIDField,
    Value,
    Variance,
    When,
    Window,
)
from openviper.db.exceptions import DatabaseError
from openviper.exceptions import FieldError
from tests.integration.db.support import current, database

EVERY_DATABASE = True
START = datetime(2024, 3, 31, 0, 30, 0, 5, UTC)


class Edge(Model):
    _app_name = "edges"

    n = IntegerField(null=True)
    price = DecimalField(max_digits=8, decimal_places=2, null=True)
    long = DecimalField(max_digits=20, decimal_places=5, null=True)
    ratio = FloatField(null=True)
    good = BooleanField(null=True)
    start = DateTimeField(null=True)
    day = DateField(null=True)
    at = TimeField(null=True)
    span = DurationField(null=True)
    text = CharField(max_length=20, null=True)
    key = UUIDField(null=True)
    blob = BinaryField(null=True)
    data = JSONField(null=True)
    numbers = ArrayField(IntegerField(), null=True)
    words = ArrayField(CharField(max_length=9), null=True)


FIELDS = [
    "n", "price", "ratio", "good", "start", "day", "at", "span", "text", "key", "blob", "data", "numbers"
]  # fmt: skip
ORDERED = ["n", "price", "ratio", "start", "day", "span", "text"]


@asynccontextmanager
async def rows(tmp_path: Path) -> AsyncIterator[None]:
    async with database(tmp_path, Edge):
        await Edge.objects.create(
            n=3,
            price=Decimal("0.50"),
            long=Decimal("12345678.5"),
            ratio=1.5,
            good=True,
            start=START,
            day=date(2024, 3, 1),
            at=time(4, 59, 0),
            span=timedelta(microseconds=3),
            text="anna",
            key=UUID(int=7),
            blob=b"\0\1",
            data={"a": 1, "big": 2.5},
            numbers=[1, 2],
            words=["x"],
        )
        await Edge.objects.create(n=4, good=False, at=time(1, 2, 3, 400_000), span=timedelta(-1))
        await Edge.objects.create()
        yield


async def of_first(expression: Any) -> Any:
    return await Edge.objects.annotate(x=expression).order_by("pk").values_list("x", flat=True)[:1]


async def keys(condition: Q) -> list[int]:
    return await Edge.objects.filter(condition).order_by("pk").values_list("pk", flat=True)


NOTHING = Value(None)


@pytest.mark.parametrize(
    "make",
    [
        lambda name: Coalesce(name, NOTHING),
        lambda name: Coalesce(NOTHING, name),
        lambda name: Case(When(n=99, then=NOTHING), default=name),
        lambda name: Case(When(n=3, then=name), default=NOTHING),
        lambda name: Coalesce(Coalesce(NOTHING, NOTHING), name),
    ],
)
async def test_null_beside_a_value_of_any_type(tmp_path: Path, make: Callable[[str], Any]) -> None:
    async with rows(tmp_path):
        for name in FIELDS:
            stored = await of_first(F(name))
            assert await of_first(make(name)) == stored, name
            assert await Edge.objects.update(**{name: make(name)}) == 3, name
            assert await of_first(F(name)) == stored, name


async def test_null_in_place_of_a_value_of_any_type(tmp_path: Path) -> None:
    async with rows(tmp_path):
        for name in ORDERED:
            assert await of_first(Greatest(name, NOTHING)) == [None], name
            assert await of_first(NullIf(NOTHING, name)) == [None], name
            assert (
                await keys(Q(**{name: NOTHING})) == await keys(Q(**{f"{name}__gt": NOTHING})) == []
            )
            assert await keys(Q(**{f"{name}__in": [F(name), NOTHING]})) == await keys(
                Q(**{f"{name}__isnull": False})
            )
        for name in FIELDS:
            assert await Edge.objects.update(**{name: NOTHING}) == 3, name
            assert await of_first(F(name)) == [None], name


async def test_null_is_the_result_of_null(tmp_path: Path) -> None:
    async with rows(tmp_path):
        for expression in (2 ** F("n"), F("n") ** NOTHING, F("n") % NOTHING, NOTHING ** F("ratio")):
            found = (
                await Edge.objects.annotate(x=expression)
                .order_by("-pk")
                .values_list("x", flat=True)
            )
            assert found[0] is None, expression
        assert await of_first(Replace("text", Value("zzz"), NOTHING)) == [None]


TEXTS = {
    ("price", "endswith"): [("0", [1]), (".5", []), ("0.50", [1])],
    ("price", "iexact"): [("0.50", [1]), ("0.5", [])],
    ("price", "regex"): [(r"^0\.50$", [1]), (r"^0\.5$", [])],
    ("long", "endswith"): [(".50000", [1])],
    ("start", "contains"): [("+00", []), ("00.000005", [1]), ("T", [])],
    ("start", "startswith"): [("2024-03-31 00:30", [1])],
    ("at", "endswith"): [(":59:00", [1]), (".400000", [2]), ("000000", [])],
    ("at", "iexact"): [("04:59:00", [1])],
    ("day", "contains"): [("-03-", [1])],
    ("n", "startswith"): [("3", [1])],
    ("start__date", "endswith"): [("-31", [1])],
}


@pytest.mark.parametrize(("name", "word"), TEXTS)
async def test_numbers_and_moments_are_the_same_texts(tmp_path: Path, name: str, word: str) -> None:
    async with rows(tmp_path):
        for text, wanted in TEXTS[name, word]:
            assert await keys(Q(**{f"{name}__{word}": text})) == wanted, text
            if word != "regex":
                assert await keys(Q(**{f"{name}__{word}": Value(text)})) == wanted, text
        assert await of_first(Cast("price", str)) == ["0.50"]
        assert await of_first(Cast(F("price") * 3, str)) == ["1.50"]
        mixed = Case(When(n=3, then=Value(3)), default=F("price"))
        assert await of_first(Cast(mixed, str)) == ["3.00"]


def test_floating_point_numbers_are_no_texts() -> None:
    for word in ("contains", "startswith", "iendswith", "iexact", "regex"):
        with pytest.raises(FieldError, match="ratio"):
            Edge.objects.filter(Q(**{f"ratio__{word}": "1"}))


async def test_lists_take_lists_of_their_own_elements(tmp_path: Path) -> None:
    async with rows(tmp_path):
        for values in (
            {"numbers": F("words")},
            {"words": F("numbers")},
            {"words": Coalesce("numbers", NOTHING)},
        ):
            with pytest.raises(FieldError, match="cannot be set to an array of"):
                await Edge.objects.update(**values)
        assert await Edge.objects.update(numbers=F("numbers")) == 3


async def test_dates_move_as_in_python(tmp_path: Path) -> None:
    async with rows(tmp_path):
        day = date(2024, 3, 1)
        for by in (
            timedelta(microseconds=3),
            timedelta(hours=-3),
            timedelta(hours=47),
            timedelta(days=-1, microseconds=-1),
            timedelta(days=300),
        ):
            assert await of_first(F("day") - by) == [day - by], by
            assert await of_first(F("day") + by) == [day + by], by
        assert await of_first(F("day") - F("span")) == [day]
        assert await of_first(F("start") - F("span")) == [START - timedelta(microseconds=3)]


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("lookups", "wanted"),
    [
        ({"data__a": Decimal("1.0")}, [1]),
        ({"data__big": Decimal("2.5")}, [1]),
        ({"data__big__in": [Decimal("2.5"), NAN]}, [1]),
        ({"data__a": NAN}, []),
        ({"data__a__ne": INF}, [1]),
        ({"data__a__lt": INF}, [1]),
        ({"data__a__gt": -INF}, [1]),
        ({"data__a__gt": NAN}, []),
        ({"data__a__range": (Decimal("0.5"), INF)}, [1]),
        ({"data": NAN}, []),
        ({"n__in": ["3.0", "4e0", "x"]}, [1, 2]),
        ({"n__in": ["3.5", "1e400"]}, []),
        ({"n__ne": "NaN"}, [1, 2]),
        ({"at": time(4, 59, tzinfo=UTC)}, []),
        ({"start__time": time(0, 30, tzinfo=UTC)}, []),
        ({"start__gt": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))}, [1]),
        ({"start__lte": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))}, [1]),
        ({"start__lt": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))}, []),
        ({"start__ne": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))}, [1]),
        ({"start__in": [START, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))]}, [1]),
    ],
)
async def test_bounds_beyond_what_is_stored(
    tmp_path: Path, lookups: dict[str, Any], wanted: list[int]
) -> None:
    async with rows(tmp_path):
        assert await keys(Q(**lookups)) == wanted


async def test_computed_moments_have_bounds_too(tmp_path: Path) -> None:
    async with rows(tmp_path):
        later = Edge.objects.annotate(x=F("start") + timedelta(days=1))
        before = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
        assert await later.filter(x__gt=before).count() == 1
        assert await later.filter(x__lt=before).count() == 0


async def test_averages_and_spreads(tmp_path: Path) -> None:
    async with rows(tmp_path):
        await Edge.objects.bulk_create([Edge(n=n, good=n > 6, text="more") for n in (6, 7, 9)])
        mean = await Edge.objects.aggregate(x=Avg("good", filter=Q(text="more")))
        assert mean == {"x": pytest.approx(2 / 3, abs=1e-12)}
        numbers = [3, 4, None, 6, 7, 9]
        known = [number for number in numbers if number is not None]
        found = await (
            Edge.objects.annotate(
                all=Window(StdDev("n")),
                last=Window(Variance("n", sample=True), order_by="pk", frame=Frame(-1, 0)),
            )
            .order_by("pk")
            .values_list("all", "last")
        )
        assert [all_ for all_, _ in found] == pytest.approx([statistics.pstdev(known)] * 6)
        assert [last for _, last in found] == [None, pytest.approx(0.5), None, None, 0.5, 2.0]


async def test_decimals_of_many_digits_are_never_rounded_in_silence(tmp_path: Path) -> None:
    async with rows(tmp_path):
        million = F("long") * 1_000_000
        exact = Decimal("12345678500000.00000")
        if current.vendor == "sqlite":
            with pytest.raises(DatabaseError, match="^a computed value is out of range"):
                await of_first(million)
            with pytest.raises(DatabaseError):
                await Edge.objects.update(long=million)
        else:
            assert await of_first(million) == [exact]
            assert await Edge.objects.update(long=million) == 3
        scale = 1 if current.vendor == "sqlite" else 1_000_000
        assert await of_first(Round(F("long") * 1_000, 2)) == [Decimal("12345678500.00") * scale]


async def test_the_last_moment_has_parts(tmp_path: Path) -> None:
    last = datetime.max.replace(tzinfo=UTC)
    async with rows(tmp_path):
        await Edge.objects.all().update(start=last)
        for part in ("year", "month", "day", "hour", "minute", "second"):
            name = f"start__{part}"
            wanted = getattr(last, part)
            assert await Edge.objects.filter(Q(**{name: wanted})).count() == 3, part
            assert await Edge.objects.values_list(name, flat=True).distinct() == [wanted], part
        assert await Edge.objects.filter(start__date=last.date()).count() == 3
        assert await Edge.objects.dates("start", "year") == [date(9999, 1, 1)]
        later = Edge.objects.annotate(x=F("start") + timedelta(days=1))
        assert await later.filter(x=None).count() == 3


def test_lookups_of_others_are_no_keys_of_json() -> None:
    for word in ("contained_by", "has_any_key"):
        with pytest.raises(FieldError, match=f"JSON has no lookup '{word}'"):
            Edge.objects.filter(Q(**{f"data__a__{word}": {}}))
    Edge.objects.filter(data__contained_by__a=1)
