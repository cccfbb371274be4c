"""Slices, combinations, dates, raw SQL, upserts: what querysets do beyond filters, alike on every database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Coalesce, Q, Upper, Value, atomic
from openviper.db.exceptions import DatabaseOperationNotSupportedError
from openviper.db.fields import (
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    ForeignKey,
    IntegerField,
    UniqueConstraint,
)
from openviper.db.models import Count, F, Model
from openviper.db.query import QuerySet
from openviper.exceptions import (
    DoesNotExist,
    FieldError,
    IntegrityError,
    InvalidPage,
    QueryError,
)
from openviper.testing import captured_queries
from tests.integration.db.support import current, database, stored

EVERY_DATABASE = True


class Shelf(Model):
    _app_name = "querysets"

    name = CharField(max_length=20)
    books: QuerySet[Book]


class Book(Model):
    _app_name = "querysets"

    title = CharField(max_length=20)
    n = IntegerField(default=0)
    price = DecimalField(max_digits=8, decimal_places=2, null=True)
    day = DateField(null=True)
    start = DateTimeField(null=True)
    shelf = ForeignKey(Shelf, null=True, related_name="books")

    class Meta:
        ordering = ["n"]


class Stock(Model):
    _app_name = "querysets"

    code = CharField(max_length=20, unique=True)
    other = CharField(max_length=20, null=True, unique=True)
    place = IntegerField(default=0)
    size = IntegerField(default=0)
    changed = DateTimeField(auto_now=True)
    made = DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [UniqueConstraint(fields=["place", "size"], name="stock_place_size")]


class Plain(Model):
    _app_name = "querysets"

    code = CharField(max_length=20, unique=True)
    hits = IntegerField(default=0)


@asynccontextmanager
async def books(folder: Path) -> AsyncIterator[list[Book]]:
    """Store ten books, the first five on one shelf."""
    async with database(folder, Shelf, Book, Stock, Plain):
        shelf = await Shelf.objects.create(name="a")
        made = [
            Book(
                title=f"t{n}",
                n=n,
                price=Decimal(n) / 4,
                day=date(2024, 1 + n // 4, 1 + n),
                start=datetime(2024, 1, 1 + n // 5, n, 30, tzinfo=UTC),
                shelf=shelf if n < 5 else None,
            )
            for n in range(10)
        ]
        yield await Book.objects.bulk_create(made)


def numbers(found: list[Book]) -> list[int]:
    return [book.n for book in found]


async def test_a_query_shows_its_sql_and_none_of_its_values(tmp_path: Path) -> None:
    async with books(tmp_path):
        shown = repr(Book.objects.filter(title="secret").order_by("n")[:3])
        assert shown.startswith("<QuerySet of querysets.Book, to be awaited: SELECT ")
        assert "WHERE" in shown
        assert "secret" not in shown
    query = Book.objects.using("nowhere").filter(title="secret")
    assert repr(query) == "<QuerySet of querysets.Book>"


async def test_a_slice_is_a_part_of_the_rows(tmp_path: Path) -> None:
    async with books(tmp_path):
        for start, stop in [
            (0, 3),
            (2, 5),
            (8, 20),
            (3, 3),
            (5, 2),
            (None, 4),
            (6, None),
            (12, 15),
        ]:
            wanted = list(range(10))[start:stop]
            assert numbers(await Book.objects.all()[start:stop]) == wanted
            assert await Book.objects.values_list("n", flat=True)[start:stop] == wanted
            assert await Book.objects.all()[start:stop].count() == len(wanted)
        assert numbers(await Book.objects[2:9][1:4]) == [3, 4, 5]
        assert numbers(await Book.objects[2:4][1:9]) == [3]
        assert numbers(await Book.objects.offset(2)[3:]) == [5, 6, 7, 8, 9]
        assert numbers(await Book.objects[: 10**30]) == list(range(10))
        assert await Book.objects[10**30 :] == []


async def test_what_is_no_slice_says_what_to_write(tmp_path: Path) -> None:
    query: Any
    for query in (
        Book.objects.all(),
        Book.objects.values("n"),
        Book.objects.values("n").annotate(x=Count("*")),
        Book.objects.all().union(Book.objects.all()),
    ):
        with pytest.raises(TypeError, match=r"no single items.*offset\(3\)"):
            query[3]
        with pytest.raises(ValueError, match="from its beginning"):
            query[-3:]
        with pytest.raises(ValueError, match="from its beginning"):
            query[:-1]
        with pytest.raises(ValueError, match="no step"):
            query[::2]
        for misuse in (bool, len, list):
            with pytest.raises(TypeError, match="await"):
                misuse(query)
    with pytest.raises(QueryError, match="before limit"):
        Book.objects.all()[:3].filter(n=1)
    with pytest.raises(QueryError, match="before limit"):
        Book.objects.values("n")[:3].filter(n=1)


async def test_none_is_no_rows(tmp_path: Path) -> None:
    async with books(tmp_path):
        none = Book.objects.filter(n__gt=2).none()
        assert await none == [] and await none.filter(n=3) == [] and await none.values("n") == []
        assert await none.count() == 0 and not await none.exists() and await none.first() is None
        assert await none.aggregate(n=Count("*")) == {"n": 0}
        assert await none.update(n=0) == 0 and await none.delete() == 0
        assert [book async for book in none.iterator()] == []
        assert await Book.objects.filter(pk__in=none).count() == 0
        assert await Book.objects.exclude(pk__in=none).count() == 10
        assert await Book.objects.values("n").none() == []
        assert numbers(await none.union(Book.objects.filter(n=1))) == [1]


async def test_latest_and_earliest(tmp_path: Path) -> None:
    async with books(tmp_path):
        assert (await Book.objects.latest("day")).n == 9
        assert (await Book.objects.filter(n__lt=5).latest("start")).n == 4
        assert (await Book.objects.earliest("-n")).n == 9
        assert (await Book.objects.latest()).n == 9
        assert (await Book.objects.earliest(Book.price)).n == 0
        with pytest.raises(DoesNotExist):
            await Book.objects.filter(n=77).latest("n")
        with pytest.raises(FieldError):
            await Book.objects.latest("nope")
        with pytest.raises(QueryError, match="name of a field"):
            await Plain.objects.latest()
        with pytest.raises(QueryError, match="before limit"):
            await Book.objects.limit(3).latest("n")


async def test_an_order_by_chance_has_all_rows(tmp_path: Path) -> None:
    async with books(tmp_path):
        orders = {tuple(numbers(await Book.objects.order_by("?"))) for _ in range(6)}
        assert len(orders) > 1 and all(sorted(order) == list(range(10)) for order in orders)
        assert len(await Book.objects.order_by("?")[:3]) == 3
        first = await Book.objects.order_by("shelf", "?").values_list("shelf", flat=True)
        assert first[:5] == [None] * 5
        with pytest.raises(FieldError, match="no direction"):
            Book.objects.order_by("-?")
        with pytest.raises(QueryError, match="stays"):
            await Book.objects.order_by("?").paginate()
        with pytest.raises(QueryError, match="stays"):
            [batch async for batch in Book.objects.order_by("?").batch()]


async def test_an_alias_is_no_part_of_the_result(tmp_path: Path) -> None:
    async with books(tmp_path):
        query = Book.objects.alias(double=F("n") * 2).filter(double__gt=14).order_by("-double")
        found = await query
        assert numbers(found) == [9, 8] and not hasattr(found[0], "double")
        assert "double" not in (await query.values())[0]
        assert (await query.annotate(double=F("double")))[0].double == 18  # type: ignore[attr-defined]  # computed
        assert await query.values_list("double", flat=True) == [18, 16]
        assert await query.count() == 2
        both = Book.objects.alias(a=F("n") + 1).annotate(b=F("a") + 1)
        assert vars((await both)[0])["b"] == 2
        with pytest.raises(FieldError, match=r"alias\(title"):
            Book.objects.alias(title=F("n"))


async def test_a_computed_value_in_two_places_keeps_its_own_constants(tmp_path: Path) -> None:
    async with books(tmp_path):
        query = Book.objects.annotate(x=F("n") + 1, y=F("n") + 2)
        for _ in range(2):
            assert [(b.n, b.x, b.y) for b in await query.filter(x=5)] == [(4, 5, 6)]  # type: ignore[attr-defined]  # computed
            assert [(b.n, b.x, b.y) for b in await query.filter(y=5)] == [(3, 4, 5)]  # type: ignore[attr-defined]  # computed
        same = Book.objects.filter(n=1)
        assert numbers(await same.union(same, all=True)) == [1, 1]
        other = Book.objects.filter(n=2)
        assert numbers(await same.union(other, all=True)) == [1, 2]


async def test_unions(tmp_path: Path) -> None:
    async with books(tmp_path):
        low, high = Book.objects.filter(n__lt=4), Book.objects.filter(n__gte=3)
        odd = Book.objects.filter(n__in=[1, 3, 5])
        assert numbers(await low.union(high)) == list(range(10))
        assert sorted(numbers(await low.union(high, all=True))) == sorted(
            [*range(4), *range(3, 10)]
        )
        assert numbers(await low.intersection(high)) == [3]
        assert numbers(await low.difference(odd)) == [0, 2]
        assert numbers(await low.difference(odd, Book.objects.filter(n=0))) == [2]
        assert numbers(await low.union(odd).intersection(high)) == [3, 5]
        assert numbers(await low.union(odd).order_by("-n")[1:3]) == [3, 2]
        assert numbers(await low.union(odd).order_by(Book.n.desc()).limit(1)) == [5]
        assert numbers(await low.order_by("-n")[:1].union(high.order_by("-n")[:1])) == [3, 9]
        assert await low.union(high).count() == 10
        assert await low.union(high, all=True).offset(1).count() == 10
        assert (await low.union(high).first() or low).n == 0  # type: ignore[union-attr]  # there is one
        assert await low.intersection(high).exists()
        assert not await low.intersection(Book.objects.filter(n=8)).exists()
        assert [book.n async for book in low.union(odd)] == [0, 1, 2, 3, 5]
        assert await Book.objects.filter(pk__in=low.intersection(odd)).count() == 2
        assert await Book.objects.exclude(pk__in=low.union(odd)[:2]).count() == 8
        loaded = await low.prefetch_related("shelf").union(high.prefetch_related("shelf"))
        assert (await loaded[0].shelf).name == "a"  # type: ignore[union-attr]  # it has one
        loaded[0].title = "new"
        await loaded[0].save()
        assert await Book.objects.filter(title="new").count() == 1


async def test_combined_values(tmp_path: Path) -> None:
    async with books(tmp_path):
        titles = Book.objects.filter(n__lt=2).values_list("title", "n")
        shelves = Shelf.objects.values_list("name", "pk")
        assert await titles.union(shelves).order_by("-title") == [("t1", 1), ("t0", 0), ("a", 1)]
        kinds = Book.objects.filter(n__lt=2).annotate(kind=Value("low"))
        others = Book.objects.filter(n__lt=2).annotate(kind=Upper(Value("all")))
        both = kinds.values("n", "kind").union(others.values("n", "kind")).order_by("n", "kind")
        assert [row["kind"] for row in await both] == ["ALL", "low"] * 2
        flat = Book.objects.values_list("shelf", flat=True)
        assert sorted(await flat.union(flat), key=str) == [1, None]
        half = Book.objects.filter(n__lt=3).values_list("shelf", flat=True)
        assert await flat.intersection(half, all=True) == [1, 1, 1]
        assert sorted(await flat.difference(half, all=True), key=str) == [1, 1, *[None] * 5]
        assert await flat.difference(half) == [None]
        assert await Book.objects.filter(n__in=Book.objects.filter(n=1).values_list("n").union(Book.objects.filter(n=2).values_list("n"))).count() == 2  # fmt: skip
        prices = Book.objects.filter(n=1).values_list("price", flat=True)
        thirds = Book.objects.filter(n=1).annotate(x=F("price") / 8).values_list("x", flat=True)
        assert sorted(await prices.union(thirds)) == [Decimal("0.03125"), Decimal("0.25")]


async def test_what_cannot_be_combined_is_refused(tmp_path: Path) -> None:
    query = Book.objects.all()
    wrong: list[Any] = [
        lambda: query.union(),
        lambda: query.union(Book.objects.values("n")),
        lambda: query.union(Shelf.objects.all()),
        lambda: query.union([1]),  # type: ignore[arg-type]  # what is under test
        lambda: query.values_list("n").union(query.values_list("title")),
        lambda: query.values_list("n").union(query.values_list("n", "title")),
        lambda: query.select_related("shelf").union(query),
        lambda: query.union(query).filter(n=1),
        lambda: query.union(query)[:2].order_by("n"),
        lambda: Book.objects.filter(n__in=query.values("n", "title").union(query.values("n", "title"))),
    ]  # fmt: skip
    for make in wrong:
        with pytest.raises(QueryError):
            make()
    for term in ("shelf__name", "-nope", F("n") + 1):
        with pytest.raises(FieldError, match="known"):
            query.union(query).order_by(term)


async def test_conditions_behind_values(tmp_path: Path) -> None:
    async with books(tmp_path):
        query = Book.objects.values_list("n", flat=True)
        assert await query.filter(shelf__name="a").exclude(n=1).order_by("-n") == [4, 3, 2, 0]
        assert await query.filter(Q(n=1) | Q(n=2), title="t1").get() == 1
        assert await query.filter(n__gt=7).count() == 2
        assert await query.filter(n__gt=7).exists() and not await query.filter(n=77).exists()
        assert await query.order_by().first() == 0 and await query.filter(n=77).first() is None
        assert [n async for n in query.offset(8)] == [8, 9]
        assert await Book.objects.values_list("shelf__name").distinct().count() == 2
        with pytest.raises(DoesNotExist):
            await query.get(n=77)
        with pytest.raises(FieldError):
            query.filter(nope=1)
        groups = Book.objects.values("shelf__name").annotate(k=Count("*"))
        assert await groups.order_by("name")[1:] == [{"name": "a", "k": 5}]
        assert await groups.count() == 2 and await groups.exclude(k=5).count() == 0
        assert await groups.order_by("-name").first() == {"name": "a", "k": 5}
        assert len([group async for group in groups.offset(1)]) == 1


async def test_dates(tmp_path: Path) -> None:
    async with books(tmp_path):
        await Book.objects.create(title="none", n=99)
        assert await Book.objects.dates("day", "month") == [date(2024, m, 1) for m in (1, 2, 3)]
        assert await Book.objects.dates("day", "year") == [date(2024, 1, 1)]
        assert (await Book.objects.dates("day", "day", descending=True))[0] == date(2024, 3, 10)
        assert await Book.objects.dates("start", "day") == [date(2024, 1, 1), date(2024, 1, 2)]
        moments = await Book.objects.filter(n__lt=2).datetimes("start", "hour")
        assert moments == [datetime(2024, 1, 1, h, tzinfo=UTC) for h in (0, 1)]
        assert await Book.objects.dates("day", "month").count() == 3
        with pytest.raises(FieldError, match="neither"):
            Book.objects.dates("n", "day")
        with pytest.raises(FieldError, match="use dates"):
            Book.objects.datetimes("day", "day")
        with pytest.raises(ValueError, match="unit|hour"):
            Book.objects.dates("start", "hour")  # type: ignore[arg-type]  # what is under test


async def test_raw_sql_gives_instances(tmp_path: Path) -> None:
    async with books(tmp_path):
        mark = "?" if current.vendor.startswith("sqlite") else "%s"
        sql = f"SELECT title, id, n, n * 2 AS twice FROM querysets_book WHERE n > {mark} ORDER BY n DESC"
        found = await Book.objects.raw(sql, [6])
        assert [(b.n, b.title, b.twice) for b in found] == [(9, "t9", 18), (8, "t8", 16), (7, "t7", 14)]  # type: ignore[attr-defined]  # fmt: skip
        assert "price" in found[0].get_deferred_fields()
        found[0].title = "changed"
        await found[0].save()
        everything = [book async for book in Book.objects.raw("SELECT * FROM querysets_book")]
        assert len(everything) == 10 and everything[0].start == datetime(
            2024, 1, 1, 0, 30, tzinfo=UTC
        )
        assert {book.title for book in everything} >= {"changed", "t0"}
        for wrong in (
            "SELECT title FROM querysets_book",
            "SELECT id, n AS title, title FROM querysets_book",
        ):
            with pytest.raises(QueryError):
                await Book.objects.raw(wrong)
        with pytest.raises(FieldError, match="save"):
            await Book.objects.raw("SELECT id, n AS save FROM querysets_book")
        with pytest.raises(QueryError, match="a SELECT"):
            Book.objects.raw("DELETE FROM querysets_book")
        with pytest.raises(QueryError, match="filter"):
            Book.objects.filter(n=1).raw("SELECT 1")


async def test_explain_may_run_the_query(tmp_path: Path) -> None:
    async with books(tmp_path):
        query = Book.objects.filter(n__gt=3)
        if current.vendor.startswith("sqlite"):
            with pytest.raises(DatabaseOperationNotSupportedError):
                await query.explain(analyze=True)
        else:
            assert len(await query.explain(analyze=True)) > 20
        assert await query.explain()


async def test_a_slice_is_deleted_as_it_is_shown(tmp_path: Path) -> None:
    async with books(tmp_path):
        assert await Book.objects.order_by("-n")[:3].delete() == 3
        assert numbers(await Book.objects.all()) == list(range(7))
        assert await Book.objects.all()[5:].delete() == 2
        assert await Book.objects.filter(shelf__name="a").order_by("title").offset(4).delete() == 1
        assert numbers(await Book.objects.all()) == [0, 1, 2, 3]
        assert await Book.objects.limit(0).delete() == 0
        with pytest.raises(QueryError, match="update"):
            await Book.objects.all()[:3].update(n=1)


async def test_expressions_are_saved_and_read_back(tmp_path: Path) -> None:
    async with books(tmp_path) as made:
        book = await Book.objects.get(pk=made[3].pk)
        other = await Book.objects.get(pk=made[3].pk)
        book.n, book.title = F("n") + 10, "new"  # type: ignore[assignment]  # an expression
        book.price = F("price") * 2  # type: ignore[assignment]  # an expression
        await book.save()
        assert (book.n, book.price, book.title) == (13, Decimal("1.50"), "new")
        assert not book.has_changed
        other.n = F("n") + 1  # type: ignore[assignment]  # an expression
        await other.save(update_fields=["n"])
        assert other.n == 14 and (await Book.objects.get(pk=book.pk)).n == 14
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                other.n = F("n") + 100  # type: ignore[assignment]  # an expression
                await other.save()
                raise ZeroDivisionError
        assert (await Book.objects.get(pk=book.pk)).n == 14
        await other.save()
        assert other.n == 114
        with pytest.raises(ValueError, match="stored already"):
            await Book(title="x", n=F("n") + 1).save()
        book.n = F("nope")  # type: ignore[assignment]  # an expression
        with pytest.raises(FieldError):
            await book.save()
        book.n = Upper("title")  # type: ignore[assignment]  # an expression
        with pytest.raises(FieldError, match="cannot be set"):
            await book.save()


async def test_expressions_in_bulk_update(tmp_path: Path) -> None:
    async with books(tmp_path) as made:
        made[1].n = F("n") + 50  # type: ignore[assignment]  # an expression
        made[2].n = 70
        assert await Book.objects.bulk_update(made[:3], ["n"]) == 3
        assert [made[0].n, made[1].n, made[2].n] == [0, 51, 70]
        assert sorted(numbers(await Book.objects.all()))[-2:] == [51, 70]


async def test_counters_of_many_tasks_add_up(tmp_path: Path) -> None:
    async with books(tmp_path) as made:

        async def add() -> None:
            book = await Book.objects.get(pk=made[0].pk)
            book.n = F("n") + 1  # type: ignore[assignment]  # an expression
            await book.save()

        await asyncio.gather(*(add() for _ in range(8)))
        assert (await Book.objects.get(pk=made[0].pk)).n == 8


async def test_rows_that_are_there_are_kept_or_updated(tmp_path: Path) -> None:
    async with books(tmp_path):
        first = await Plain.objects.create(code="a", hits=1)
        made = await Plain.objects.bulk_create(
            [Plain(code="a", hits=5), Plain(code="b", hits=6), Plain(code="b", hits=7)],
            on_conflict="ignore",
        )
        assert [(row.code, row.hits) for row in made] == [("a", 1), ("b", 6), ("b", 6)]
        assert made[0].pk == first.pk and made[1].pk == made[2].pk and made[1].pk is not None
        made = await Plain.objects.bulk_create(
            [Plain(code="b", hits=9), Plain(code="c", hits=2)], 1, on_conflict="update"
        )
        assert sorted(await Plain.objects.values_list("code", "hits")) == [
            ("a", 1),
            ("b", 9),
            ("c", 2),
        ]
        assert [row.pk for row in made] == [row.pk for row in await Plain.objects.filter(code__in=["b", "c"]).order_by("code")]  # fmt: skip
        made[0].hits = 10
        await made[0].save()
        assert (await Plain.objects.get(code="b")).hits == 10
        assert await Plain.objects.bulk_create([], on_conflict="ignore") == []


async def test_the_unique_fields_decide_which_row_is_meant(tmp_path: Path) -> None:
    async with books(tmp_path):
        old = await Stock.objects.create(code="a", other="x", place=1, size=1)
        (new,) = await Stock.objects.bulk_create(
            [Stock(code="a", other="z", place=5, size=1)],
            on_conflict="update",
            unique_fields=["code"],
            update_fields=["place", "changed"],
        )
        assert (new.pk, new.place, new.other, new.made) == (old.pk, 5, "x", old.made)
        pairs = [Stock(code="n", place=5, size=1), Stock(code="m", place=6, size=1)]
        await Stock.objects.bulk_create(
            pairs, on_conflict="ignore", unique_fields=["size", "place"]
        )
        assert [(row.code, row.pk == old.pk) for row in pairs] == [("a", True), ("m", False)]
        for how in ("ignore", "update"):
            # The code is new, but another unique constraint is in the way.
            blocked = Stock(code="q", other="x", place=9, size=9)
            with pytest.raises(IntegrityError):
                await Stock.objects.bulk_create(
                    [Stock(code="fresh", place=11), blocked],
                    on_conflict=how,
                    unique_fields=["code"],
                )
            assert blocked.pk is None
        assert sorted(await Stock.objects.values_list("code", "place")) == [("a", 5), ("m", 6)]


async def test_conflicts_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    async with books(tmp_path):
        wrong: list[dict[str, Any]] = [
            {"on_conflict": "ignore"},
            {"on_conflict": "explode", "unique_fields": ["code"]},
            {"on_conflict": "ignore", "unique_fields": ["place"]},
            {"on_conflict": "ignore", "unique_fields": ["code"], "update_fields": ["size"]},
            {"on_conflict": "update", "unique_fields": ["code"], "update_fields": ["code"]},
            {"on_conflict": "update", "unique_fields": ["code"], "update_fields": []},
            {"on_conflict": "ignore", "unique_fields": ["other"]},
            {"unique_fields": ["code"]},
        ]
        for options in wrong:
            with pytest.raises(QueryError):
                await Stock.objects.bulk_create([Stock(code="a")], **options)
        with pytest.raises(FieldError):
            await Stock.objects.bulk_create(
                [Stock(code="a")], on_conflict="ignore", unique_fields=["nope"]
            )
        assert await Stock.objects.count() == 0


async def test_a_rollback_takes_upserts_back(tmp_path: Path) -> None:
    async with books(tmp_path) as _:
        row = Plain(code="a", hits=3)
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                await Plain.objects.bulk_create([row], on_conflict="update")
                assert row.pk is not None
                raise ZeroDivisionError
        assert row.pk is None
        await row.save()
        assert stored(tmp_path / "test.db", "SELECT code, hits FROM querysets_plain") == [("a", 3)]


@pytest.mark.parametrize(
    "terms",
    [
        ["n"],
        ["-n"],
        ["shelf_id"],
        ["-shelf_id", "title"],
        ["shelf__name", "-n"],
        [],
        ["-price"],
    ],
)
async def test_pages_by_cursor_lead_forth_and_back(tmp_path: Path, terms: list[str]) -> None:
    async with books(tmp_path):
        query = Book.objects.order_by(*terms) if terms else Book.objects.all()
        wanted = numbers(await query.order_by(*terms, *([] if terms else ["n"]), "pk"))
        page = await query.cursor_page(page_size=3)
        assert page.previous_cursor is None
        forth = [numbers(page.items)]
        while page.next_cursor is not None:
            page = await query.cursor_page(page.next_cursor, 3)
            forth.append(numbers(page.items))
        assert forth == [wanted[start : start + 3] for start in (0, 3, 6, 9)]
        back = [numbers(list(page))]
        while page.previous_cursor is not None:
            page = await query.cursor_page(page.previous_cursor, 3)
            back.append(numbers(page.items))
        assert back == forth[::-1]
        assert page.next_cursor is not None
        assert numbers((await query.cursor_page(page.next_cursor, 3)).items) == forth[1]


async def test_a_page_by_cursor_is_one_statement_and_knows_where_it_ends(tmp_path: Path) -> None:
    async with books(tmp_path):
        with captured_queries() as statements:
            page = await Book.objects.cursor_page(page_size=10)
        assert len(statements) == 1
        assert len(page) == 10 and page.next_cursor is None and page.previous_cursor is None
        assert repr(page) == "<CursorPage of 10>"
        none = await Book.objects.filter(n=99).cursor_page()
        assert (none.items, none.next_cursor, none.previous_cursor) == ([], None, None)
        with pytest.raises(QueryError, match="comes before limit"):
            await Book.objects.limit(3).cursor_page()
        with pytest.raises(QueryError, match="no cursor can hold"):
            at = Coalesce("day", Value(date(2024, 1, 1)))
            await Book.objects.annotate(at=at).order_by("at").cursor_page(page_size=2)
        with pytest.raises(QueryError, match="stays"):
            await Book.objects.order_by("?").cursor_page()


async def test_a_cursor_leads_one_way(tmp_path: Path) -> None:
    async with books(tmp_path):
        second = await Book.objects.cursor_page(
            (await Book.objects.cursor_page(page_size=3)).next_cursor, 3
        )
        forth, back = second.next_cursor, second.previous_cursor
        assert forth is not None and back is not None and back.startswith("~")
        for wrong in (f"~{forth}", back[1:], "~", f"~~{back}", "", "~\x00"):
            with pytest.raises(InvalidPage, match="does not belong"):
                await Book.objects.cursor_page(wrong)
        with pytest.raises(InvalidPage, match="page_size=0"):
            await Book.objects.cursor_page(page_size=0)
