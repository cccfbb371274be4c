"""The rows that the benchmarks of the ORM share: as models, and built by hand."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median

from openviper.db.fields import (
    BooleanField,
    CharField,
    DateTimeField,
    FloatField,
    ForeignKey,
    IntegerField,
    TextField,
)
from openviper.db.models import Model

COLUMNS = "id, title, body, views, price, active, created, shelf_id"
SHELVES = 50
"""Rows that the others refer to."""
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
TEXT = MOMENT.replace(tzinfo=None).isoformat(" ", "microseconds")

Measure = Callable[[], Awaitable[float]]


class Shelf(Model):
    """What rows of the benchmark refer to."""

    _app_name = "bench"

    label = CharField(max_length=40)


class Item(Model):
    """A row of the benchmark, as a model."""

    _app_name = "bench"

    title = CharField(max_length=200)
    body = TextField()
    views = IntegerField()
    price = FloatField()
    active = BooleanField()
    created = DateTimeField()
    shelf = ForeignKey(Shelf, null=True, on_delete="SET NULL")


class PlainShelf:
    """What rows refer to, built by hand."""

    def __init__(self, id: int, label: str) -> None:
        self.id = id
        self.label = label


class Plain:
    """A row of the benchmark, built by hand."""

    def __init__(
        self,
        id: int,
        title: str,
        body: str,
        views: int,
        price: float,
        active: int | bool,
        created: str | datetime,
        shelf_id: int | None,
    ) -> None:
        self.id = id
        self.title = title
        self.body = body
        self.views = views
        self.price = price
        self.active = bool(active)
        self.created = (
            datetime.fromisoformat(f"{created}+00:00") if isinstance(created, str) else created
        )
        self.shelf_id = shelf_id
        self.shelf: PlainShelf | None = None

    def as_row(self) -> tuple[str, str, int, float, int, str, int | None]:
        """Return what `sqlite3` takes, without the key."""
        created = self.created.replace(tzinfo=None).isoformat(" ", "microseconds")
        return (
            self.title,
            self.body,
            self.views,
            self.price,
            int(self.active),
            created,
            self.shelf_id,
        )

    def as_typed_row(self) -> tuple[str, str, int, float, bool, datetime, int | None]:
        """Return what a driver with types takes, without the key."""
        return (
            self.title,
            self.body,
            self.views,
            self.price,
            self.active,
            self.created,
            self.shelf_id,
        )


def plain(number: int) -> Plain:
    """Return the row of a number as an instance built by hand."""
    return Plain(0, *values(number))


def values(number: int) -> tuple[str, str, int, float, int, str, int]:
    """Return the row of a number, as `sqlite3` takes it."""
    return (
        f"title {number:06d}",
        "some text " * 3,
        number % 100,
        number / 7,
        number % 2,
        TEXT,
        number % SHELVES + 1,
    )


def item(number: int) -> Item:
    """Return the same row as an instance."""
    title, body, views, price, active, _, shelf = values(number)
    return Item(
        title=title,
        body=body,
        views=views,
        price=price,
        active=bool(active),
        created=MOMENT,
        shelf_id=shelf,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the garbage of one measurement out of the next one."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def compare(
    label: str, unit: float, raw: Measure, orm: Measure, rounds: int, goal: float | None = None
) -> None:
    """Print one line: both medians, their ratio, and the ratio that is the goal."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for measure, into in zip((raw, orm), times, strict=True):
            with quiet():
                into.append(await measure())
            await asyncio.sleep(0)  # The loop's own work belongs to neither.
    direct, ours = median(times[0]), median(times[1])
    name = {1e6: "us", 1e3: "ms"}[unit]
    print(
        f"{label:<34}{direct * unit:>10.2f} {name}{ours * unit:>10.2f} {name}{ours / direct:>8.2f}{goal or '-':>8}"
    )
