"""What the benchmarks of the ORM share: the rows, as models and as objects by hand, the ORM's side, and the comparison.

The work is that of a peer benchmark: books with eight columns, among them a moment, and a foreign key to 500 authors. Both
sides give the rows as objects of classes, those of the raw side with slots. The moments are naive, as they come from a form
or a file; with `USE_TZ`, which is on, the ORM stores and returns them in UTC, and the raw side does not.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from statistics import median
from time import perf_counter
from typing import NamedTuple, Protocol

from openviper.db import (
    BooleanField,
    CharField,
    DateTimeField,
    FloatField,
    ForeignKey,
    IntegerField,
    Model,
    atomic,
)

AUTHORS = [(number, f"Author {number}", f"a{number}@example.com") for number in range(1, 501)]
COLUMNS = "id, title, author_id, pages, price, published, active"
BOTH = (
    "b.id, b.title, b.author_id, b.pages, b.price, b.published, b.active, a.id, a.name, a.email "
    "FROM book b JOIN author a ON a.id = b.author_id LIMIT 5000"
)
OF_LONG_BOOKS = (
    "SELECT id, name, email FROM author WHERE EXISTS "
    "(SELECT 1 FROM book b WHERE b.author_id = author.id AND b.pages >= {}) ORDER BY id"
)
START = datetime(2024, 1, 1, 12)

Row = tuple[str, int, int, float, datetime, bool]


def book_rows(count: int) -> list[Row]:
    """Return rows of books, less their keys."""
    return [
        (
            f"Book number {number}",
            number % 500 + 1,
            number % 1000,
            number * 0.25,
            START + timedelta(seconds=number),
            number % 2 == 0,
        )
        for number in range(count)
    ]


class Author(Model):
    """Who wrote books, as a model."""

    name = CharField(max_length=100)
    email = CharField(max_length=100)

    class Meta:
        """The options."""

        table_name = "author"


class Book(Model):
    """A row of the benchmark, as a model."""

    title = CharField(max_length=200)
    author = ForeignKey(Author, db_index=True, related_name="books")
    pages = IntegerField(db_index=True)
    price = FloatField()
    published = DateTimeField()
    active = BooleanField()

    class Meta:
        """The options."""

        table_name = "book"


class PlainAuthor:
    """Who wrote books, by hand."""

    __slots__ = ("email", "id", "name")

    def __init__(self, id: int, name: str, email: str) -> None:
        self.id, self.name, self.email = id, name, email


class PlainBook:
    """A row of the benchmark, by hand."""

    __slots__ = ("active", "author", "author_id", "id", "pages", "price", "published", "title")

    def __init__(
        self,
        id: int,
        title: str,
        author_id: int,
        pages: int,
        price: float,
        published: datetime,
        active: bool,
    ) -> None:
        self.id, self.title, self.author_id, self.pages = id, title, author_id, pages
        self.price, self.published, self.active = price, published, active
        self.author: PlainAuthor | None = None


class Side(Protocol):
    """One of the two that are compared; each method does a whole round of its work."""

    async def insert_committed(self, rows: Sequence[Row]) -> None:
        """Insert rows one by one, each with its commit."""
        ...

    async def insert_together(self, rows: Sequence[Row]) -> None:
        """Insert rows one by one in one transaction."""
        ...

    async def insert_bulk(self, rows: Sequence[Row]) -> None:
        """Insert all rows at once, from instances that are made of them."""
        ...

    async def select(self) -> int:
        """Read all books, and return their number."""
        ...

    async def get(self, keys: Sequence[int]) -> int:
        """Read one book by each key, and return their number."""
        ...

    async def filter(self, pages: Sequence[int]) -> int:
        """Read the first 20 books by a condition, in an order, for each value, and return their number."""
        ...

    async def update(self, pages: Sequence[int], price: float) -> int:
        """Update the books of each value, and return their number."""
        ...

    async def join(self) -> int:
        """Read 5,000 books with their authors, and return their number."""
        ...

    async def filter_many(self, pages: Sequence[int]) -> int:
        """Read the authors who have a book of so many pages, for each value, and return their number."""
        ...


class OrmSide:
    """The ORM."""

    async def insert_committed(self, rows: Sequence[Row]) -> None:
        """Insert rows one by one, each with its commit."""
        for title, author, pages, price, published, active in rows:
            await Book.objects.create(
                title=title,
                author_id=author,
                pages=pages,
                price=price,
                published=published,
                active=active,
            )

    async def insert_together(self, rows: Sequence[Row]) -> None:
        """Insert rows one by one in one transaction."""
        async with atomic():
            await self.insert_committed(rows)

    async def insert_bulk(self, rows: Sequence[Row]) -> None:
        """Insert all rows at once, from instances that are made of them."""
        await Book.objects.bulk_create(
            [
                Book(
                    title=title,
                    author_id=author,
                    pages=pages,
                    price=price,
                    published=published,
                    active=active,
                )
                for title, author, pages, price, published, active in rows
            ]
        )

    async def select(self) -> int:
        """Read all books, and return their number."""
        return len(await Book.objects.all())

    async def get(self, keys: Sequence[int]) -> int:
        """Read one book by each key, and return their number."""
        return len([await Book.objects.get(pk=key) for key in keys])

    async def filter(self, pages: Sequence[int]) -> int:
        """Read the first 20 books by a condition, in an order, for each value, and return their number."""
        found = [
            await Book.objects.filter(pages__gte=least).order_by("-pages").limit(20)
            for least in pages
        ]
        return sum(map(len, found))

    async def update(self, pages: Sequence[int], price: float) -> int:
        """Update the books of each value, and return their number."""
        counts = [await Book.objects.filter(pages=number).update(price=price) for number in pages]
        return sum(counts)

    async def join(self) -> int:
        """Read 5,000 books with their authors, and return their number."""
        return len(await Book.objects.select_related("author").limit(5000))

    async def filter_many(self, pages: Sequence[int]) -> int:
        """Read the authors who have a book of so many pages, for each value, and return their number."""
        found = [
            await Author.objects.filter(books__pages__gte=least).order_by("id") for least in pages
        ]
        return sum(map(len, found))


class Work(NamedTuple):
    """One row of the table.

    Attributes:
        title: What is done.
        per: By how much a round's time is divided.
        goal: The ratio that is wanted; 0 for none.
        run: Does a round on a side.
        writes: Whether it leaves rows, which are taken out before the next round.
    """

    title: str
    per: int
    goal: float
    run: Callable[[Side], Awaitable[object]]
    writes: bool = False


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the garbage of one measurement out of the next one."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Goals(NamedTuple):
    """The ratios that are wanted, in the order of the table; 0 for none."""

    insert_committed: float = 0
    insert_together: float = 0
    insert_bulk: float = 0
    select: float = 0
    get: float = 0
    filter: float = 0
    update: float = 0
    join: float = 0
    filter_many: float = 0


def works(rows: int, goals: Goals) -> list[Work]:
    """Return the rows of the table, for tables that hold `rows` books."""
    books = book_rows(rows)
    keys = [1 + number * 7 % rows for number in range(200)]
    pages = [number * 7 % 900 for number in range(100)]
    few = [number * 7 % 1000 for number in range(50)]
    prices = iter(range(1_000_000))
    return [
        Work("insert, each committed", 200, goals[0], lambda s: s.insert_committed(books[:200]), True),
        Work("insert, one transaction", 500, goals[1], lambda s: s.insert_together(books[:500]), True),
        Work(f"bulk insert of {rows:,}", rows, goals[2], lambda s: s.insert_bulk(books), True),
        Work(f"select of {rows:,}", rows, goals[3], lambda s: s.select()),
        Work("get by primary key", len(keys), goals[4], lambda s: s.get(keys)),
        Work("filter, order, limit 20", len(pages), goals[5], lambda s: s.filter(pages)),
        # Another price each time: a row that stays as it is is not written.
        Work("update by filter", len(few), goals[6], lambda s: s.update(few, float(next(prices)))),
        Work("foreign key join of 5,000", 5000, goals[7], lambda s: s.join()),
        Work("filter over many rows", 20, goals[8], lambda s: s.filter_many(pages[:20])),
    ]  # fmt: skip


async def compare(
    raw: Side,
    orm: Side,
    work: Work,
    rounds: int,
    clean: Callable[[], Awaitable[None]],
) -> None:
    """Print one row: the best times of both per row or query, the ratio of the best and of the medians, and the goal.

    The sides take turns within a round, as machines have other things to do.

    Args:
        raw: The statements by hand.
        orm: The ORM.
        work: What is done.
        rounds: How often.
        clean: Takes out the rows that both have left, after seeing from elsewhere that they are the same.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        results = []
        for side, into in zip((raw, orm), times, strict=True):
            with quiet():
                start = perf_counter()
                results.append(await work.run(side))
                into.append((perf_counter() - start) / work.per)
            await asyncio.sleep(0)  # The loop's own work belongs to neither.
        assert results[0] == results[1], (work.title, results)
        if work.writes:
            await clean()
    (raw_best, orm_best), (raw_median, orm_median) = map(min, times), map(median, times)
    print(
        f"{work.title:<28}{raw_best * 1e6:>10.2f} us{orm_best * 1e6:>10.2f} us"
        f"{orm_best / raw_best:>8.2f}{orm_median / raw_median:>9.2f}{work.goal or '-':>7}"
    )


HEAD = f"{'best times, per row or query':<28}{'by hand':>13}{'ORM':>13}{'ratio':>8}{'medians':>9}{'goal':>7}"
