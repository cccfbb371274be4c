"""Windows and further aggregates give on every database what Python gives, or are refused on all of them."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db import (
    ArrayAgg,
    CumeDist,
    DenseRank,
    FirstValue,
    Frame,
    JSONAgg,
    Lag,
    LastValue,
    Lead,
    NthValue,
    NTile,
    PercentRank,
    Q,
    Rank,
    RowNumber,
    StdDev,
    StringAgg,
    Variance,
    Window,
)
from openviper.db.exceptions import DatabaseOperationNotSupportedError
from openviper.db.fields import CharField, DecimalField, ForeignKey, IntegerField, JSONField
from openviper.db.models import Avg, Count, F, Max, Model, Sum
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import current, database

EVERY_DATABASE = True


class Team(Model):
    _app_name = "windows"

    name = CharField(max_length=20)


class Score(Model):
    _app_name = "windows"

    team = ForeignKey(Team, related_name="scores")
    name = CharField(max_length=20, null=True)
    n = IntegerField(null=True)
    price = DecimalField(max_digits=8, decimal_places=2, default=Decimal("0.10"))
    data = JSONField(null=True)


ROWS = [
    ("a", "x", 3),
    ("a", "y", 1),
    ("a", "Z", 3),
    ("b", "ä", 5),
    ("b", "x", None),
    ("b", "it's", 7),
]


@asynccontextmanager
async def scores(folder: Path) -> AsyncIterator[None]:
    async with database(folder, Team, Score):
        teams = {name: await Team.objects.create(name=name) for name in "ab"}
        await Team.objects.create(name="empty")
        await Score.objects.bulk_create(
            [Score(team=teams[team], name=name, n=n) for team, name, n in ROWS]
        )
        yield


FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    # Over all rows in the order NULL, 1, 3, 3, 5, 7; given in the order of the rows.
    "number": (Window(RowNumber(), order_by=["n", "pk"]), [3, 2, 4, 5, 1, 6]),
    "rank": (Window(Rank(), order_by="n"), [3, 2, 3, 5, 1, 6]),
    "dense": (Window(DenseRank(), order_by="-n"), [3, 4, 3, 2, 5, 1]),
    "percent": (Window(PercentRank(), order_by="n"), [0.4, 0.2, 0.4, 0.8, 0.0, 1.0]),
    "cume": (Window(CumeDist(), order_by="n"), [4 / 6, 2 / 6, 4 / 6, 5 / 6, 1 / 6, 1.0]),
    "tile": (Window(NTile(2), order_by="pk"), [1, 1, 1, 2, 2, 2]),
    "lag": (Window(Lag("n"), order_by="pk"), [None, 3, 1, 3, 5, None]),
    "lag_two": (Window(Lag("n", 2), partition_by="team", order_by="pk"), [None, None, 3, None, None, 5]),
    "lead": (Window(Lead("name"), order_by=F("pk").asc()), ["y", "Z", "ä", "x", "it's", None]),
    "first": (Window(FirstValue("n"), partition_by=["team"], order_by="pk"), [3, 3, 3, 5, 5, 5]),
    "last": (Window(LastValue("n"), order_by="pk"), [3, 1, 3, 5, None, 7]),
    "last_of_all": (Window(LastValue("n"), order_by="pk", frame=Frame(None, None)), [7] * 6),
    "nth": (Window(NthValue("n", 2), order_by="pk"), [None, 1, 1, 1, 1, 1]),
    "sum": (Window(Sum("n"), partition_by="team"), [7, 7, 7, 12, 12, 12]),
    "running": (Window(Sum("n"), order_by="pk"), [3, 4, 7, 12, 12, 19]),
    "equals": (Window(Count("*"), order_by="team"), [3, 3, 3, 6, 6, 6]),
    "range": (Window(Count("*"), order_by="team", frame=Frame(0, None, "range")), [6, 6, 6, 3, 3, 3]),
    "moving": (Window(Sum("n"), order_by="pk", frame=Frame(-1, 1)), [4, 7, 9, 8, 12, 7]),
    "mean": (Window(Avg("n"), partition_by="team"), [7 / 3] * 3 + [6.0] * 3),
    "most": (Window(Max("name", filter=Q(name="x")), partition_by="team"), ["x"] * 6),
    "price": (Window(Sum("price"), order_by="pk"), [Decimal(n) / 10 for n in range(1, 7)]),
    "path": (Window(Count("*"), partition_by="team__name"), [3] * 6),
    "computed": (Window(RowNumber(), order_by=[(F("n") * -1).asc(nulls_last=True), "pk"]), [3, 5, 4, 2, 6, 1]),
    "arithmetic": (F("n") - Window(Lag("n"), order_by="pk"), [None, -2, 2, 2, None, None]),
}  # fmt: skip


async def test_windows_give_what_python_gives(tmp_path: Path) -> None:
    async with scores(tmp_path):
        for name, (window, wanted) in FUNCTIONS.items():
            query = Score.objects.annotate(x=window).order_by("pk")
            found = await query.values_list("x", flat=True)
            if isinstance(wanted[0], float):
                assert found == pytest.approx(wanted), name
            else:
                assert found == wanted, name
            assert [row.x for row in await query] == found, name  # type: ignore[attr-defined]  # computed
            assert await query.count() == 6


async def test_rows_are_chosen_by_a_window(tmp_path: Path) -> None:
    async with scores(tmp_path):
        rank = Window(RowNumber(), partition_by="team", order_by=["-n", "pk"])
        best = Score.objects.alias(rank=rank).filter(rank=1).order_by("pk")
        assert await best.values_list("name", flat=True) == ["x", "it's"]
        assert await best.filter(team__name="b").count() == 1
        assert await Score.objects.filter(team__name="b").alias(r=rank).exclude(r__lte=2).values_list("name", flat=True) == ["x"]  # fmt: skip
        assert await Score.objects.alias(r=rank).filter(Q(r=3) | Q(n=7)).count() == 3
        assert await Score.objects.values_list("n").filter(pk__in=best).count() == 2
        assert await Score.objects.annotate(r=rank).order_by("-r", "pk").values_list("r", flat=True) == [3, 3, 2, 2, 1, 1]  # fmt: skip
        assert await Score.objects.alias(r=rank).filter(r=3).delete() == 2
        assert await Score.objects.count() == 4


async def test_what_a_window_cannot_be_is_refused(tmp_path: Path) -> None:
    rank = Window(Rank(), order_by="n")
    field_errors: list[Any] = [
        lambda: Window(Rank()),
        lambda: Window("n", order_by="n"),  # type: ignore[arg-type]  # what is under test
        lambda: Window(Count("n", distinct=True)),
        lambda: Window(StringAgg("name")),
        lambda: Score.objects.annotate(x=Window(Sum("nope"))),
        lambda: Score.objects.annotate(x=Window(Lag("n"), order_by="nope")),
        lambda: Score.objects.annotate(x=rank, y=Window(Sum("x"))),
        lambda: Score.objects.annotate(x=rank, y=Window(Lag("x"), order_by="pk")),
        lambda: Team.objects.annotate(x=Window(Sum("scores__n"))),
        lambda: Team.objects.annotate(x=Window(Lag("scores__n"), order_by="pk")),
    ]
    for make in field_errors:
        with pytest.raises(FieldError):
            make()
    query_errors: list[Any] = [
        lambda: Score.objects.annotate(x=rank).filter(x=1),
        lambda: Score.objects.filter(n=rank),
        lambda: Score.objects.annotate(x=rank).values("x").annotate(k=Count("*")),
    ]
    for make in query_errors:
        with pytest.raises(QueryError):
            make()
    for wrong in (
        lambda: NTile(0),
        lambda: Lag("n", -1),
        lambda: NthValue("n", 0),
        lambda: Frame(2, 1),
        lambda: Frame(-1, 0, "range"),
        lambda: Frame(0, 0, "groups"),  # type: ignore[arg-type]  # what is under test
        lambda: Frame("1", 0),  # type: ignore[arg-type]  # what is under test
    ):
        with pytest.raises(ValueError):
            wrong()
    async with scores(tmp_path):
        with pytest.raises(FieldError, match="window"):
            await Score.objects.all().update(n=rank)
        with pytest.raises(FieldError, match="window"):
            await Score.objects.annotate(x=rank).aggregate(y=Sum("x"))


async def test_statistics(tmp_path: Path) -> None:
    async with scores(tmp_path):
        values = [3, 1, 3, 5, 7]
        found = await Score.objects.aggregate(
            a=StdDev("n"), b=StdDev("n", sample=True), c=Variance("n"), d=Variance("n", sample=True)
        )
        assert list(found.values()) == pytest.approx(
            [statistics.pstdev(values), statistics.stdev(values), statistics.pvariance(values), statistics.variance(values)]
        )  # fmt: skip
        one = await Score.objects.filter(n=7).aggregate(a=StdDev("n"), b=Variance("n", sample=True))
        assert one == {"a": 0.0, "b": None}
        assert await Score.objects.filter(n=77).aggregate(a=StdDev("n")) == {"a": None}
        price = await Score.objects.aggregate(
            a=Variance("price"), b=StdDev(F("n") * 2, filter=Q(n__gt=3))
        )
        assert price == {"a": pytest.approx(0), "b": pytest.approx(2)}
        teams = Team.objects.annotate(spread=StdDev("scores__n")).order_by("pk")
        assert await teams.values_list("spread", flat=True) == [pytest.approx(statistics.pstdev([3, 1, 3])), 1.0, None]  # fmt: skip


async def test_texts_are_joined(tmp_path: Path) -> None:
    async with scores(tmp_path):
        found = await Score.objects.aggregate(
            all=StringAgg("name"),
            once=StringAgg("name", " | ", distinct=True),
            quote=StringAgg("name", "'%\\", filter=Q(name__in=["y", "Z"])),
            none=StringAgg("name", filter=Q(n=77)),
        )
        assert found == {
            "all": "Z,it's,x,x,y,ä",
            "once": "Z | it's | x | y | ä",
            "quote": "Z'%\\y",
            "none": None,
        }
        groups = (
            Score.objects.values("team__name").annotate(names=StringAgg("name")).order_by("name")
        )
        assert [row["names"] for row in await groups] == ["Z,x,y", "it's,x,ä"]
        teams = Team.objects.annotate(names=StringAgg("scores__name", ";")).order_by("pk")
        assert await teams.values_list("names", flat=True) == ["Z;x;y", "it's;x;ä", None]
        sliced = await Score.objects.order_by("pk")[:2].aggregate(x=StringAgg("name"))
        assert sliced == {"x": "x,y"}


async def test_lists(tmp_path: Path) -> None:
    async with scores(tmp_path):
        found = await Score.objects.aggregate(n=JSONAgg("n"), names=JSONAgg("name"))
        assert sorted(found["n"], key=str) == [1, 3, 3, 5, 7, None] and len(found["names"]) == 6
        arrays = Score.objects.filter(team__name="a")
        if current.vendor == "postgresql":
            assert sorted((await arrays.aggregate(x=ArrayAgg("n")))["x"]) == [1, 3, 3]
        else:
            with pytest.raises(DatabaseOperationNotSupportedError, match="JSONAgg"):
                await arrays.aggregate(x=ArrayAgg("n"))
        wrong: list[Any] = [StringAgg("n"), StdDev("name"), JSONAgg("price"), ArrayAgg("data")]
        for aggregate in wrong:
            with pytest.raises(FieldError):
                await Score.objects.aggregate(x=aggregate)
        for bad in (lambda: StringAgg("name", "\n"), lambda: StdDev("n", distinct=True)):
            with pytest.raises(FieldError):
                bad()
