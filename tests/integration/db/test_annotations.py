"""Values computed per row, pages, streams and locks, on every database."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import atomic, connections
from openviper.db.exceptions import DatabaseTransactionRoutingError, OperationalError
from openviper.db.fields import ArrayField, CharField, IntegerField, ManyToManyField
from openviper.db.models import Avg, Count, F, Manager, Max, Min, Model, Q, QuerySet, Sum
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.library import Author, Book, Country, library, titles
from tests.integration.db.support import current, database

EVERY_DATABASE = True


class Tag(Model):
    _app_name = "annotations"

    name = CharField(max_length=20)
    weight = IntegerField(default=1)


class Article(Model):
    _app_name = "annotations"

    title = CharField(max_length=20)
    tags = ManyToManyField(Tag, related_name="articles")
    labels = ArrayField(CharField(max_length=10), null=True)


class CheapQuerySet(QuerySet["Priced"]):
    def cheap(self) -> CheapQuerySet:
        return self.filter(price__lt=10)

    async def total(self) -> int:
        found = await self.aggregate(total=Sum("price"))
        return int(found["total"] or 0)


class Priced(Model):
    _app_name = "annotations"

    price = IntegerField(null=True)
    objects = Manager.from_queryset(CheapQuerySet)()


async def by_name(query: Any, name: str) -> dict[str, Any]:
    """Return a computed value per author."""
    return {author.name: getattr(author, name) for author in await query}


async def test_related_rows_are_counted_and_added_up_without_multiplying_each_other(
    tmp_path: Path,
) -> None:
    async with library(tmp_path):
        query = Author.objects.annotate(
            books_count=Count("books"),
            copies=Sum("books__copies"),
            editors=Count("books__editor", distinct=True),
        ).order_by("pk")
        found = [(one.name, one.books_count, one.copies, one.editors) for one in await query]  # type: ignore[attr-defined]  # computed
        assert found == [("Anna", 3, 6, 1), ("Bert", 2, 9, 0), ("Änne", 0, None, 0)]
        assert all(type(one[1]) is int and (one[2] is None or type(one[2]) is int) for one in found)


async def test_computed_values_filter_order_and_are_columns(tmp_path: Path) -> None:
    async with library(tmp_path):
        query = Author.objects.annotate(n=Count("books"))
        assert await query.filter(n__gte=2).order_by("-n").values_list("name", "n") == [
            ("Anna", 3),
            ("Bert", 2),
        ]
        assert await query.filter(Q(n=0) | Q(name="Bert")).order_by("n").values_list(
            "name", flat=True
        ) == ["Änne", "Bert"]
        assert await query.exclude(n=0).count() == 2
        assert await query.filter(n__in=[2, 3]).exists()
        assert await query.filter(n__range=(1, 2)).count() == 1
        assert (await query.order_by("-n").first()).name == "Anna"  # type: ignore[union-attr]  # there is one
        assert await query.order_by("n", "name").values("name", "n") == [
            {"name": "Änne", "n": 0}, {"name": "Bert", "n": 2}, {"name": "Anna", "n": 3},
        ]  # fmt: skip
        assert await query.aggregate(most=Max("n"), least=Min("n"), all=Sum("n")) == {
            "most": 3,
            "least": 0,
            "all": 5,
        }
        assert [one.n async for one in query.order_by("-n").iterator(1)] == [3, 2, 0]  # type: ignore[attr-defined]  # computed


async def test_arithmetic_is_computed_and_may_use_other_computed_values(tmp_path: Path) -> None:
    async with library(tmp_path):
        query = Book.objects.annotate(
            double=F("copies") * 2, more=F("double") + 1, worth=F("price") * F("copies")
        )
        found = (
            await query.filter(more__gt=7).order_by("pk").values_list("copies", "double", "more")
        )
        assert found == [(4, 8, 9), (5, 10, 11)]
        worth = {book.title: book.worth for book in await query.exclude(price=None)}  # type: ignore[attr-defined]  # computed
        assert worth == {"Alpha": Decimal("9.90"), "Gamma": Decimal("50.00")}
        assert await titles(Book.objects.annotate(n=F("author__id") + 2).filter(n=F("copies"))) == [
            "Beta_1",
            "Beta*[x]?",
        ]


async def test_paths_over_foreign_keys_and_back(tmp_path: Path) -> None:
    async with library(tmp_path):
        books: list[Any] = list(await Book.objects.annotate(siblings=Count("author__books")))
        siblings = {book.title: book.siblings for book in books}
        assert siblings == {"Alpha": 3, "alphabet": 3, "Beta_1": 3, "Beta*[x]?": 2, "Gamma": 2}
        own = {book.title: book.has for book in await Book.objects.annotate(has=Count("editor"))}  # type: ignore[attr-defined]  # computed
        assert own == {"Alpha": 1, "alphabet": 0, "Beta_1": 0, "Beta*[x]?": 0, "Gamma": 0}


async def test_many_to_many_both_ways(tmp_path: Path) -> None:
    async with database(tmp_path, Tag, Article):
        red, blue = (
            await Tag.objects.create(name="red", weight=2),
            await Tag.objects.create(name="blue", weight=5),
        )
        first, second = (
            await Article.objects.create(title="a"),
            await Article.objects.create(title="b"),
        )
        await first.tags.add(red, blue)
        await second.tags.add(red)
        counted = Article.objects.annotate(n=Count("tags"), weight=Sum("tags__weight")).order_by(
            "pk"
        )
        assert await counted.values_list("n", "weight") == [(2, 7), (1, 2)]
        assert await Tag.objects.annotate(n=Count("articles")).order_by("pk").values_list(
            "n", flat=True
        ) == [2, 1]
        deep = Tag.objects.annotate(n=Count("articles__tags")).order_by("pk")
        assert await deep.values_list("n", flat=True) == [3, 2]


async def test_rows_chosen_by_computed_values_are_updated_and_deleted(tmp_path: Path) -> None:
    async with library(tmp_path):
        lonely = Author.objects.annotate(n=Count("books")).filter(n=0)
        assert await lonely.update(name="Nobody") == 1
        assert await lonely.delete() == 1
        assert await Author.objects.count() == 2


async def test_groups_have_aggregates_of_their_own(tmp_path: Path) -> None:
    async with library(tmp_path):
        groups = Book.objects.values("author__name").annotate(
            n=Count("*"), copies=Sum("copies"), mean=Avg("copies")
        )
        assert await groups.order_by("-n") == [
            {"name": "Anna", "n": 3, "copies": 6, "mean": 2.0},
            {"name": "Bert", "n": 2, "copies": 9, "mean": 4.5},
        ]
        assert await Book.objects.filter(lent=False).values("lent").annotate(n=Count("*")) == [
            {"lent": False, "n": 4}
        ]
        assert await groups.order_by("author__name").limit(1) == [
            {"name": "Anna", "n": 3, "copies": 6, "mean": 2.0}
        ]
        with pytest.raises(QueryError):
            Book.objects.values().annotate(n=Count("*"))
        with pytest.raises(FieldError):
            groups.order_by("title")


async def test_a_related_count_joined_by_select_related(tmp_path: Path) -> None:
    async with library(tmp_path):
        books = (
            await Book.objects.select_related("author")
            .annotate(n=Count("author__books"))
            .order_by("pk")
            .limit(1)
        )
        assert (await books[0].author).name == "Anna"
        assert books[0].n == 3  # type: ignore[attr-defined]  # computed


async def test_pages_by_number(tmp_path: Path) -> None:
    async with library(tmp_path):
        page = await Book.objects.order_by("title").paginate(page_number=2, page_size=2)
        assert [len(page.items), page.total_count, page.num_pages, page.number] == [2, 5, 3, 2]
        assert page.has_next and page.has_previous
        assert (page.next_page_number, page.previous_page_number) == (3, 1)
        last = await Book.objects.paginate(3, 2)
        assert (len(last), last.has_next, last.next_cursor, last.next_page_number) == (
            1,
            False,
            None,
            None,
        )
        for number, size in ((0, 1), (1, 0)):
            with pytest.raises(ValueError, match="at least 1"):
                await Book.objects.paginate(number, size)


@pytest.mark.parametrize(
    "order", [("price", "title"), ("-price",), ("day", "-copies"), ("-lent", "price"), ()]
)
async def test_cursors_visit_every_row_once_whatever_is_null(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    async with library(tmp_path):
        everything = [book.pk for book in await Book.objects.order_by(*order, "pk")]
        seen, cursor = [], None
        for _ in range(6):
            page = await Book.objects.order_by(*order).paginate(page_size=1, cursor=cursor)
            seen += [book.pk for book in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == everything


@pytest.mark.parametrize(
    "order", [("editor__name", "-title"), ("-editor__name",), ("-copies", "author__name")]
)
async def test_cursors_over_foreign_keys_and_over_fields_that_were_not_loaded(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    async with library(tmp_path):
        everything = [book.pk for book in await Book.objects.order_by(*order, "pk")]
        seen, cursor = [], None
        for _ in range(6):
            page = (
                await Book.objects.only("day").order_by(*order).paginate(page_size=1, cursor=cursor)
            )
            seen += [book.pk for book in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == everything


async def test_cursors_in_the_order_of_a_computed_value(tmp_path: Path) -> None:
    async with library(tmp_path):
        authors = Author.objects.annotate(n=Count("books"), shelf=Sum("books__price")).order_by(
            "-n"
        )
        everything = [author.pk for author in await authors.order_by("-n", "pk")]
        seen, cursor = [], None
        for _ in range(len(everything) + 1):
            page = await authors.paginate(page_size=1, cursor=cursor)
            seen += [author.pk for author in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == everything
        assert (await authors.order_by("-shelf").paginate(page_size=1)).next_cursor is None


@pytest.mark.parametrize("cursor", ["nonsense", "e30", "WzFd", "x" * 20_000, "eyJ0aXRsZSI6MX0"])
async def test_a_cursor_of_another_query_is_refused(tmp_path: Path, cursor: str) -> None:
    async with library(tmp_path):
        with pytest.raises(QueryError, match="does not belong"):
            await Book.objects.order_by("printed").paginate(cursor=cursor)


async def test_batches_come_in_order_or_by_key(tmp_path: Path) -> None:
    async with library(tmp_path):
        sizes = [
            [book.copies for book in batch]
            async for batch in Book.objects.order_by("-copies").batch(2)
        ]
        assert sizes == [[5, 4], [3, 2], [1]]
        by_key = [
            [book.copies for book in batch]
            async for batch in Book.objects.order_by("-copies").id_batch(2)
        ]
        assert by_key == [[1, 2], [3, 4], [5]]
        assert [
            [book.copies for book in batch] async for batch in Book.objects.limit(3).batch(2)
        ] == [[1, 2], [3]]
        assert [[one.code for one in batch] async for batch in Country.objects.id_batch(5)] == [
            ["AT"]
        ]


async def test_an_ordered_stream_can_be_left_early_and_written_beside(tmp_path: Path) -> None:
    async with library(tmp_path):
        async for book in Book.objects.order_by("-copies").iterator(chunk_size=1):
            book.notes = "seen"
            await book.save()
            if book.copies == 4:
                break
        assert await Book.objects.filter(notes="seen").count() == 2
        async with atomic():
            seen = [
                book.copies
                async for book in Book.objects.order_by("-copies").iterator(chunk_size=2)
            ]
            assert seen == [5, 4, 3, 2, 1]
            await Book.objects.all().update(notes="again")
        await Book.objects.all().delete()


async def test_locked_rows_are_waited_for_skipped_or_refused(tmp_path: Path, vendor: str) -> None:
    async with library(tmp_path):
        with pytest.raises(DatabaseTransactionRoutingError, match="needs a transaction"):
            await Book.objects.select_for_update().get(pk=1)
        with pytest.raises(DatabaseTransactionRoutingError, match="needs a transaction"):
            await Book.objects.select_for_update().values("pk")
        with pytest.raises(ValueError, match="not both"):
            Book.objects.select_for_update(nowait=True, skip_locked=True)
        async with atomic():
            assert (
                len(
                    await Book.objects.select_related("author")
                    .select_for_update()
                    .filter(copies__lt=3)
                )
                == 2
            )
        if vendor == "sqlite":
            return
        assert current.url is not None
        connections.setup_alias("second", {"URL": current.url})
        held, done = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with atomic():
                await Book.objects.select_for_update().get(pk=1)
                held.set()
                await done.wait()

        task = asyncio.create_task(hold())
        await held.wait()
        async with atomic(using="second"):
            others = (
                await Book.objects.using("second")
                .select_for_update(skip_locked=True)
                .order_by("pk")
            )
            assert [book.pk for book in others] == [2, 3, 4, 5]
            free = Book.objects.using("second").select_for_update(skip_locked=True).order_by("pk")
            assert await free.values_list("pk", flat=True) == [2, 3, 4, 5]
            # Within another query it locks nothing.
            assert (
                await Book.objects.using("second")
                .filter(pk__in=free.values_list("pk", flat=True))
                .count()
                == 5
            )
        with pytest.raises(OperationalError):
            async with atomic(using="second"):
                await Book.objects.using("second").select_for_update(nowait=True).get(pk=1)
        done.set()
        await task
        await connections.get("second").close()


async def test_a_manager_made_from_a_queryset_has_its_methods(tmp_path: Path) -> None:
    async with database(tmp_path, Priced):
        await Priced.objects.bulk_create([Priced(price=price) for price in (5, 8, 20, None)])
        assert await Priced.objects.cheap().count() == 2
        assert await Priced.objects.filter(price__gt=5).cheap().total() == 8
        assert await Priced.objects.total() == 33


async def test_nulls_come_first_and_last_when_descending(tmp_path: Path) -> None:
    async with database(tmp_path, Priced):
        await Priced.objects.bulk_create([Priced(price=price) for price in (5, None, 1)])
        assert await Priced.objects.order_by("price").values_list("price", flat=True) == [
            None,
            1,
            5,
        ]
        assert await Priced.objects.order_by("-price").values_list("price", flat=True) == [
            5,
            1,
            None,
        ]


async def test_members_of_arrays_are_found(tmp_path: Path) -> None:
    async with database(tmp_path, Tag, Article):
        await Article.objects.bulk_create(
            [
                Article(title="a", labels=["x", "y"]),
                Article(title="b", labels=["z"]),
                Article(title="c"),
            ]
        )
        assert await Article.objects.filter(labels__contains="y").values_list(
            "title", flat=True
        ) == ["a"]
        assert await Article.objects.exclude(labels__contains="y").values_list(
            "title", flat=True
        ) == ["b"]
        assert await Article.objects.filter(labels__contains="w").count() == 0


async def test_aggregates_of_arithmetic(tmp_path: Path) -> None:
    async with library(tmp_path):
        found = await Book.objects.aggregate(
            worth=Sum(F("price") * F("copies")),
            twice=Sum(F("copies") * 2 + 1),
            mean=Avg(F("copies") * 2),
            top=Max(F("price") * Decimal("1.5")),
            priced=Count(F("price") * F("copies")),
            plain=Sum(F("copies")),
            half=Sum(F("copies") * 0.5),
            keys=Sum(F("author__id") * F("copies")),
        )
        keys = sum(book.author_id * book.copies for book in await Book.objects.all())
        assert found == {
            "worth": Decimal("59.90"), "twice": 35, "mean": 6.0, "top": Decimal("15"), "priced": 2, "plain": 15, "half": 7.5,
            "keys": keys,
        }  # fmt: skip
        assert [type(value) for value in found.values()] == [
            Decimal,
            int,
            float,
            Decimal,
            int,
            int,
            float,
            int,
        ]
        named = Book.objects.annotate(worth=F("price") * F("copies"), thrice=F("copies") * 3)
        totals = await named.aggregate(a=Sum("worth"), b=Sum(F("worth") + 1), c=Sum("thrice"))
        assert totals == {"a": Decimal("59.90"), "b": Decimal("61.90"), "c": 45}
        assert type(totals["c"]) is int
        assert await Book.objects.order_by("pk").limit(2).aggregate(n=Sum(F("copies") * 10)) == {
            "n": 30
        }
        groups = (
            Book.objects.filter(copies__gt=1).values("lent").annotate(n=Sum(F("copies") * 10 + 1))
        )
        assert await groups.order_by("-n") == [{"lent": False, "n": 123}, {"lent": True, "n": 21}]


async def test_aggregates_of_arithmetic_over_related_rows(tmp_path: Path) -> None:
    async with library(tmp_path):
        authors = Author.objects.annotate(
            worth=Sum(F("books__price") * F("books__copies")), n=Count("books")
        )
        assert await authors.order_by("pk").values_list("worth", "n") == [
            (Decimal("9.90"), 3),
            (Decimal("50.00"), 2),
            (None, 0),
        ]
        assert await authors.filter(worth__gt=10).values_list("name", flat=True) == ["Bert"]
        assert [one.name for one in await authors.order_by("-worth").limit(1)] == ["Bert"]
        mine = await Book.objects.annotate(
            double=Sum(F("copies") * 2), known=Count(F("price") * 2)
        ).order_by("pk")
        assert [(one.double, one.known) for one in mine] == [  # type: ignore[attr-defined]  # computed
            (2, 1), (4, 0), (6, 0), (8, 0), (10, 1),
        ]  # fmt: skip


async def test_aggregates_of_what_is_no_number_are_refused(tmp_path: Path) -> None:
    async with library(tmp_path):
        for wrong, message in (
            (Sum(F("copies") * F("title")), "'title' is not a number"),
            (Sum(F("nope") * 2), "no field 'nope'"),
            (Sum(Count("copies") * 2), "annotate\\(\\) the inner one first"),
            (Sum(Sum("copies")), "of a field, or of arithmetic"),
            (Sum(5), "of a field, or of arithmetic"),  # type: ignore[arg-type]  # what is under test
            (Sum(F("author__books__copies") * F("copies")), "follow the same relation"),
        ):
            with pytest.raises(FieldError, match=message):
                await Book.objects.aggregate(x=wrong)
        with pytest.raises(FieldError, match="follow the same relation"):
            Author.objects.annotate(x=Sum(F("books__copies") * F("id")))
        with pytest.raises(QueryError, match="relation to many rows"):
            await Author.objects.aggregate(x=Sum(F("books__copies") * 2))
