"""What may stand on the right of a lookup: computed values work or are refused, and nothing is silently text."""

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
    UUIDField,
)
from openviper.db.models import Avg, F, Max, Model, Q, Sum
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import database

EVERY_DATABASE = True
START = datetime(2025, 3, 4, 5, 6, 7, 8, UTC)


class Owner(Model):
    _app_name = "operands"

    name = CharField(max_length=20)


class Other(Model):
    _app_name = "operands"

    name = CharField(max_length=20)


class Thing(Model):
    _app_name = "operands"

    name = CharField(max_length=20)
    part = CharField(max_length=20)
    n = IntegerField(default=0)
    m = IntegerField(default=0)
    price = DecimalField(max_digits=8, decimal_places=2, default=Decimal(0))
    ratio = FloatField(default=0.0)
    good = BooleanField(default=True)
    start = DateTimeField(default=START)
    end = DateTimeField(default=START)
    day = DateField(default=date(2025, 3, 4))
    span = DurationField(default=timedelta(0))
    key = UUIDField(default=UUID(int=1))
    data = JSONField(default=dict)
    tags = ArrayField(CharField(max_length=9), default=list)
    numbers = ArrayField(IntegerField(), default=list)
    owner = ForeignKey(Owner, null=True)


@asynccontextmanager
async def things(folder: Path, **values: list[Any]) -> AsyncIterator[None]:
    """Store one thing per value, each list giving one field of all of them."""
    async with database(folder, Owner, Other, Thing):
        count = max(map(len, values.values())) if values else 1
        for place in range(count):
            given = {name: column[place] for name, column in values.items()}
            await Thing.objects.create(**{"name": "a", "part": "b", **given})
        yield


async def keys(query: Any) -> list[int]:
    """Return the keys of what a query finds."""
    found: list[int] = await query.order_by("pk").values_list("pk", flat=True)
    return found


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("contains", [1, 2]),
        ("icontains", [1, 2, 3]),
        ("startswith", [2]),
        ("istartswith", [2, 3]),
        ("endswith", [2]),
        ("iendswith", [2, 3]),
        ("iexact", [2, 3]),
        ("exact", [2]),
    ],
)
async def test_text_lookups_take_columns(tmp_path: Path, word: str, expected: list[int]) -> None:
    names = ["anna", "b%t", "Éa", "xy"]
    async with things(tmp_path, name=names, part=["nn", "b%t", "éA", "%"]):
        query: dict[str, Any] = {f"name__{word}": F("part")}
        assert await keys(Thing.objects.filter(**query)) == expected
        assert await keys(Thing.objects.exclude(**query)) == [
            pk for pk in (1, 2, 3, 4) if pk not in expected
        ]


async def test_excluding_by_a_column_deletes_the_others_only(tmp_path: Path) -> None:
    async with things(tmp_path, name=["anna", "bert"], part=["nn", "xx"]):
        assert await Thing.objects.exclude(name__contains=F("part")).delete() == 1
        assert await Thing.objects.exclude(name__in=[F("name")]).delete() == 0
        assert await Thing.objects.filter(name__in=["x", F("name")]).count() == 1
        assert await Thing.objects.filter(n__not_in=[5, F("m") + 1]).count() == 1


async def test_ranges_take_columns(tmp_path: Path) -> None:
    async with things(tmp_path, n=[1, 2, 3], m=[1, 1, 4]):
        assert await keys(Thing.objects.filter(n__range=(F("m"), 2))) == [1, 2]
        assert await keys(Thing.objects.filter(n__range=(0, F("m") + 0))) == [1, 3]
        assert await keys(Thing.objects.exclude(n__range=(F("m"), F("m") + 1))) == [3]


async def test_arithmetic_without_a_meaning_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    async with things(tmp_path):
        for wrong in (
            F("day") + 1,
            F("start") + 1,
            F("name") + F("part"),
            F("data") + 1,
            F("tags") + 1,
            F("key") + 1,
            F("start") * 2,
            F("start") + F("end"),
            F("day") - F("start"),
            F("span") / 2,
            F("name") % 2,
        ):
            with pytest.raises(FieldError):
                Thing.objects.annotate(x=wrong)
            with pytest.raises(FieldError):
                await Thing.objects.aggregate(x=Sum(wrong))
        for refused in (
            {"day": F("start")},
            {"n": F("name")},
            {"n": F("n") * Decimal("1.9")},
            {"n": F("n") / 2},
            {"name": F("n")},
            {"start": F("day")},
            {"good": F("n")},
            {"data": F("name")},
        ):
            with pytest.raises(FieldError, match="cannot be set to"):
                await Thing.objects.all().update(**refused)
        for aggregate in (
            Sum("day"),
            Sum("name"),
            Avg("name"),
            Avg("start"),
            Sum("start"),
            Sum("data"),
            Max("data"),
            Max("tags"),
            Avg("key"),
        ):
            with pytest.raises(FieldError):
                await Thing.objects.aggregate(x=aggregate)
        assert (await Thing.objects.get()).name == "a"


async def test_moments_and_durations_have_arithmetic(tmp_path: Path) -> None:
    day = timedelta(days=1)
    ends = [START + 3 * day, START - timedelta(microseconds=5)]
    async with things(tmp_path, end=ends, span=[2 * day, timedelta(seconds=1)]):
        query = Thing.objects.annotate(
            length=F("end") - F("start"),
            later=F("start") + F("span"),
            earlier=F("start") - timedelta(hours=2, microseconds=3),
            tomorrow=F("day") + day,
            days=F("day") - date(2025, 3, 1),
            double=F("span") * 2,
            both=F("span") + timedelta(seconds=1),
        ).order_by("pk")
        names = ("length", "later", "earlier", "tomorrow", "days", "double", "both")
        assert await query.values_list(*names) == [
            (
                end - START,
                START + span,
                START - timedelta(hours=2, microseconds=3),
                date(2025, 3, 5),
                timedelta(days=3),
                span * 2,
                span + timedelta(seconds=1),
            )
            for end, span in zip(ends, [2 * day, timedelta(seconds=1)], strict=True)
        ]
        assert await keys(Thing.objects.filter(end__gt=F("start") + F("span"))) == [1]
        assert await keys(query.filter(length__gte=day)) == [1]
        await Thing.objects.filter(pk=1).update(start=F("start") + day, day=F("day") - day)
        first = await Thing.objects.get(pk=1)
        assert (first.start, first.day) == (START + day, date(2025, 3, 3))


async def test_decimals_are_exact_and_found_by_their_own_value(tmp_path: Path) -> None:
    async with things(tmp_path, price=[Decimal("2.00"), Decimal("0.10"), Decimal("1.10")]):
        thirds = Thing.objects.annotate(
            x=F("price") / 3, y=F("price") * 3, z=F("price") - Decimal("0.1")
        )
        assert await thirds.order_by("pk").values_list("x", "y", "z") == [
            (Decimal("0.666667"), Decimal("6.00"), Decimal("1.90")),
            (Decimal("0.033333"), Decimal("0.30"), Decimal("0.00")),
            (Decimal("0.366667"), Decimal("3.30"), Decimal("1.00")),
        ]
        assert await keys(thirds.filter(y=Decimal("0.30"))) == [2]
        assert await keys(Thing.objects.filter(price=F("price") * 3 - F("price") * 2)) == [1, 2, 3]
        await Thing.objects.filter(pk=1).update(price=F("price") / 3)
        await Thing.objects.filter(pk=3).update(price=F("price") * Decimal("1.15"))
        await Thing.objects.filter(pk=2).update(price=Decimal("1.005"))
        stored = await Thing.objects.order_by("pk").values_list("price", flat=True)
        assert stored == [Decimal("0.67"), Decimal("1.01"), Decimal("1.27")]
        for value in stored:
            assert await Thing.objects.filter(price=value).count() == 1
        assert await Thing.objects.aggregate(s=Sum("price"), a=Avg("price")) == {
            "s": Decimal("2.95"), "a": Decimal("0.983333"),
        }  # fmt: skip
        assert await Thing.objects.filter(price__gt=Decimal("0.3333333333333333333")).count() == 3


async def test_the_type_of_a_computed_value_does_not_depend_on_what_was_asked_before(
    tmp_path: Path,
) -> None:
    async with things(tmp_path, n=[2]):
        for factor, expected in ((2, 4), (Decimal("1.5"), Decimal("3.0")), (1.5, 3.0), (2, 4)):
            (found,) = await Thing.objects.annotate(x=F("n") * factor).values_list("x", flat=True)
            assert found == expected and type(found) is type(expected)


async def test_numbers_beyond_a_column_compare_as_numbers(tmp_path: Path) -> None:
    async with things(tmp_path, n=[1, -1]):
        everything, first = [1, 2], [1]
        none: list[int] = []
        for lookups, expected in (
            ({"n__gt": 0.5}, first),
            ({"n__gte": Decimal("0.5")}, first),
            ({"n__lt": 1.5}, everything),
            ({"n__lt": 0.5}, [2]),
            ({"n__range": (0.5, 1.5)}, first),
            ({"n__range": (-(10**40), 10**40)}, everything),
            ({"n__lte": 10**30}, everything),
            ({"n__gt": 10**30}, none),
            ({"n__gte": -(10**30)}, everything),
            ({"n__lt": float("inf")}, everything),
            ({"n__lt": float("-inf")}, none),
            ({"n__ne": 10**30}, everything),
            ({"n": 10**30}, none),
            ({"n": 0.5}, none),
            ({"n": 1.0}, first),
            ({"n__in": [1, 10**30, 0.5]}, first),
            ({"n__in": [10**30]}, none),
            ({"n__not_in": [10**30, 1]}, [2]),
            ({"n__lte": Decimal("1E+999999")}, everything),
            ({"n__gt": Decimal("1E-999999")}, first),
            ({"price__lte": 10**30}, everything),
            ({"ratio__lt": 10**30}, everything),
        ):
            assert await keys(Thing.objects.filter(**lookups)) == expected, lookups
            left = [pk for pk in everything if pk not in expected]
            assert await keys(Thing.objects.exclude(**lookups)) == left, lookups


async def test_json_and_arrays_compare_by_value_and_have_no_order(tmp_path: Path) -> None:
    data = [{"b": 2, "a": 1}, {"a": 1.0}, [1, 2]]
    async with things(
        tmp_path, data=data, numbers=[[1, 2], [2], []], tags=[["ab", "c"], ["b"], []]
    ):
        assert await keys(Thing.objects.filter(data={"a": 1, "b": 2})) == [1]
        assert await keys(Thing.objects.filter(data={"a": 1})) == [2]
        assert await keys(Thing.objects.filter(data__in=[[1, 2], {"a": 1}])) == [2, 3]
        assert await keys(Thing.objects.exclude(data={"a": 1})) == [1, 3]
        assert await keys(Thing.objects.filter(numbers=[1, 2])) == [1]
        assert await keys(Thing.objects.filter(numbers__ne=[1, 2])) == [2, 3]
        assert await keys(Thing.objects.filter(numbers__in=[[2], []])) == [2, 3]
        assert await keys(Thing.objects.filter(tags__contains="b")) == [2]
        assert await keys(Thing.objects.exclude(tags__contains="b")) == [1, 3]
        assert await keys(Thing.objects.filter(numbers__contains=2)) == [1, 2]
        for key, value in (
            ("data__gt", 1),
            ("data__range", (1, 2)),
            ("data__icontains", {"a": 1}),
            ("data__startswith", "a"),
            ("data__regex", "a"),
            ("tags__gt", ["a"]),
            ("tags__startswith", "a"),
            ("data", F("name")),
            ("data", F("data")),
        ):
            with pytest.raises(FieldError):
                Thing.objects.filter(Q(**{key: value}))
        with pytest.raises(QueryError, match="one element"):
            Thing.objects.filter(tags__contains=["a"])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("name", [f"k{number}" for number in range(250)]),
        ("key", [UUID(int=number) for number in range(250)]),
        ("day", [date(2025, 3, 4) + timedelta(days=number) for number in range(250)]),
        ("start", [START + timedelta(days=number) for number in range(250)]),
        ("price", [Decimal(number) / 4 for number in range(250)]),
        ("n", list(range(250))),
        ("ratio", [number / 2 for number in range(250)]),
        ("span", [timedelta(seconds=number) for number in range(250)]),
    ],
)
async def test_long_lists_of_every_type(tmp_path: Path, name: str, values: list[Any]) -> None:
    async with things(tmp_path, **{name: [values[3], values[7]]}):
        assert await keys(Thing.objects.filter(Q(**{f"{name}__in": values}))) == [1, 2]
        assert await keys(Thing.objects.filter(Q(**{f"{name}__not_in": values}))) == []
        assert await Thing.objects.filter(Q(**{f"{name}__in": values[5:]})).update(part="x") == 1


async def test_case_is_ignored_alike_on_every_database(tmp_path: Path) -> None:
    names = ["José", "JOSÉ", "jose", "mike", "m\u0131ke", "m\u0130ke", "\u212aim", "ς", "Σ"]
    async with things(tmp_path, name=names):
        for text, expected in (
            ("josé", [1, 2]),
            ("JOSE", [3]),
            ("MIKE", [4]),
            ("mıke", [5]),
            ("m\u0130ke", [6]),
            ("kim", [7]),
            ("\u212aIM", [7]),
            ("σ", [9]),
        ):
            assert await keys(Thing.objects.filter(name__iexact=text)) == expected, text
            assert await keys(Thing.objects.filter(name__icontains=text)) == expected, text
            assert (
                await keys(Thing.objects.filter(name__istartswith=F("name"), name__iendswith=text))
                == expected
            )


async def test_instances_and_querysets_are_taken_only_where_they_have_a_meaning(
    tmp_path: Path,
) -> None:
    async with things(tmp_path):
        owner, other = await Owner.objects.create(name="o"), await Other.objects.create(name="x")
        await Thing.objects.all().update(owner=owner)
        assert await Thing.objects.filter(owner=owner).count() == 1
        for lookups in (
            {"owner": other},
            {"owner__in": [other]},
            {"owner": Owner(name="new")},
            {"owner": Owner.objects.all()},
            {"pk": Owner.objects.all()},
            {"pk": owner},
            {"n": owner},
            {"pk__in": Thing.objects.values("n", "m")},
            {"pk__range": Thing.objects.all()},
        ):
            with pytest.raises(QueryError):
                Thing.objects.filter(**lookups)
        with pytest.raises(FieldError):
            Thing.objects.filter(name__regex=F("part"))
        with pytest.raises(FieldError):
            Thing.objects.filter(name__contains=F("n"))
        with pytest.raises(FieldError):
            Thing.objects.filter(start=F("day"))
        oldest = Thing.objects.order_by("start").limit(1)
        assert await Thing.objects.filter(pk__in=oldest).count() == 1
        assert await Thing.objects.filter(pk__in=oldest).delete() == 1


async def test_a_generator_is_read_once_and_kept(tmp_path: Path) -> None:
    async with things(tmp_path, n=[1, 2]):
        query = Thing.objects.filter(n__in=(number for number in (1, 2)))
        assert await query.count() == 2 and len(await query) == 2
        assert (await query.paginate()).total_count == len((await query.paginate()).items) == 2


async def test_a_queryset_is_not_a_list(tmp_path: Path) -> None:
    query: Any = Thing.objects.all()
    tries: tuple[Any, ...] = (bool, len, list, iter)
    for wrong in tries:
        with pytest.raises(TypeError, match="await"):
            wrong(query)
    for sliced in (
        lambda: query.limit(1).filter(n=1),
        lambda: query.limit(1).exclude(n=1),
        lambda: query.offset(1).order_by("n"),
        lambda: query.limit(1).distinct(),
    ):
        with pytest.raises(QueryError, match="before limit"):
            sliced()  # type: ignore[no-untyped-call]  # of a query that is `Any`


async def test_huge_pages_are_empty(tmp_path: Path) -> None:
    async with things(tmp_path, n=[1, 2]):
        page = await Thing.objects.order_by("pk").paginate(page_number=10**19)
        assert (page.items, page.total_count) == ([], 2)
        assert len(await Thing.objects.limit(2**70)) == 2
        assert await Thing.objects.offset(2**70) == []
        assert len((await Thing.objects.paginate(page_size=10**30)).items) == 2


async def test_many_conditions_are_no_deeper_than_few(tmp_path: Path) -> None:
    async with things(tmp_path, name=["w7", "none"]):
        either, both = Q(), Q()
        for number in range(900):
            either |= Q(name__icontains=f"w{number}")
            both &= ~Q(name=f"x{number}")
        assert await keys(Thing.objects.filter(either)) == [1]
        assert await keys(Thing.objects.filter(both)) == [1, 2]
        deep = Q(n=0)
        for number in range(100):
            deep = ~(deep | Q(n=number)) if number % 2 else ~(deep & Q(m=0))
        with pytest.raises(QueryError, match="nested more than"):
            Thing.objects.filter(deep)
        query = Thing.objects.all()
        for number in range(1200):
            query = query.filter(n__lt=number + 1)
        assert await query.count() == 2


async def test_distinct_values_are_ordered_by_what_they_are(tmp_path: Path) -> None:
    async with things(tmp_path, n=[1, 1, 2], m=[3, 2, 1]):
        assert await Thing.objects.distinct().order_by("-n").values_list("n", flat=True) == [2, 1]
        with pytest.raises(QueryError, match="not among them"):
            await Thing.objects.distinct().order_by("m").values_list("n", flat=True)


async def test_assignments_see_the_old_values(tmp_path: Path) -> None:
    async with things(tmp_path, n=[1], m=[2]):
        await Thing.objects.all().update(n=F("m"), m=F("n"))
        assert await Thing.objects.values_list("n", "m") == [(2, 1)]


async def test_whole_numbers_do_not_leave_their_column(tmp_path: Path) -> None:
    async with things(tmp_path, n=[5]):
        with pytest.raises(Exception, match="(?i)range|exception"):
            await Thing.objects.all().update(n=F("n") + 2**40)
        assert (await Thing.objects.get()).n == 5


async def test_time_of_day_has_parts(tmp_path: Path) -> None:
    async with things(tmp_path):
        assert await Thing.objects.filter(start__time=time(5, 6, 7)).count() == 1
        assert await Thing.objects.filter(start__hour__lt=5.5).count() == 1
