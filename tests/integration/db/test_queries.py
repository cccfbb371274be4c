"""What queries find, on a real SQLite file."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import atomic
from openviper.db.exceptions import DatabaseAliasNotFoundError
from openviper.db.models import Avg, Count, F, Max, Min, Q, Sum
from openviper.exceptions import DoesNotExist, MultipleObjectsReturned, QueryError, TableNotFound
from tests.integration.db.library import CODE, MOMENT, Author, Book, Country, Cover, library, titles
from tests.integration.db.support import database

EVERY_DATABASE = True


LOOKUPS: list[tuple[dict[str, Any], list[int]]] = [
    ({"title": "Alpha"}, [1]),
    ({"title__exact": "alpha"}, []),
    ({"title__iexact": "ALPHA"}, [1]),
    ({"title__ne": "Alpha"}, [2, 3, 4, 5]),
    ({"title__contains": "lpha"}, [1, 2]),
    ({"title__contains": "Alpha"}, [1]),
    ({"title__icontains": "Alpha"}, [1, 2]),
    ({"title__startswith": "alp"}, [2]),
    ({"title__istartswith": "alp"}, [1, 2]),
    ({"title__endswith": "a"}, [1, 5]),
    ({"title__iendswith": "A"}, [1, 5]),
    ({"title__contains": "*["}, [4]),
    ({"title__contains": "?"}, [4]),
    ({"title__icontains": "_"}, [3]),
    ({"notes__contains": "%"}, [2]),
    ({"notes__icontains": "%"}, [2]),
    ({"notes__icontains": "a_b"}, [3]),
    ({"title__regex": "^[Aa]lpha"}, [1, 2]),
    ({"title__regex": "^alpha"}, [2]),
    ({"title__iregex": "^ALPHA$"}, [1]),
    ({"copies__gt": 3}, [4, 5]),
    ({"copies__gte": "3"}, [3, 4, 5]),
    ({"copies__lt": 2}, [1]),
    ({"copies__lte": 2}, [1, 2]),
    ({"copies__in": [1, 5, 9]}, [1, 5]),
    ({"copies__in": {1: "a", 2: "b"}.keys()}, [1, 2]),
    ({"copies__in": []}, []),
    ({"copies__not_in": []}, [1, 2, 3, 4, 5]),
    ({"copies__not_in": [1, 2]}, [3, 4, 5]),
    ({"copies__in": list(range(3, 2000))}, [3, 4, 5]),
    ({"copies__not_in": list(range(3, 2000))}, [1, 2]),
    ({"copies__range": (2, 4)}, [2, 3, 4]),
    ({"notes": None}, [1, 4, 5]),
    ({"notes__ne": None}, [2, 3]),
    ({"notes__isnull": True}, [1, 4, 5]),
    ({"notes__isnull": False}, [2, 3]),
    ({"lent": "yes"}, [2]),
    ({"lent": False}, [1, 3, 4, 5]),
    ({"price": "9.9"}, [1]),
    ({"price__gt": 9.95}, [5]),
    ({"price__in": [Decimal("9.90"), 10]}, [1, 5]),
    ({"code": str(CODE)}, [1]),
    ({"code": CODE.hex}, [1]),
    ({"day": "2025-12-31"}, [3]),
    ({"day__year": 2025}, [3]),
    ({"day__month__gte": 12}, [3]),
    ({"hour__hour": 23}, [3]),
    ({"printed": MOMENT}, [1]),
    ({"printed": "2026-03-04T06:06:07.000089+01:00"}, [1]),
    ({"printed__gt": MOMENT}, [4]),
    ({"printed__date": date(2026, 3, 4)}, [1]),
    ({"printed__time": time(5, 6, 7)}, [1, 4]),
    ({"printed__year": 2026}, [1]),
    ({"printed__year__gte": 2026}, [1, 4]),
    ({"printed__year__in": [2027]}, [4]),
    ({"printed__day": 4, "printed__hour": 5, "printed__minute": 6, "printed__second": 7}, [1]),
    ({"author": 1}, [1, 2, 3]),
    ({"author_id": 2}, [4, 5]),
    ({"author__in": [2]}, [4, 5]),
    ({"author__name": "Bert"}, [4, 5]),
    ({"author__name__startswith": "A"}, [1, 2, 3]),
    ({"author__pk": 2}, [4, 5]),
    ({"author__country": "AT"}, [1, 2, 3]),
    ({"author__country__label__icontains": "aus"}, [1, 2, 3]),
    ({"author__country__isnull": True}, [4, 5]),
    ({"editor__name": "Bert"}, [1]),
    ({"editor": None}, [2, 3, 4, 5]),
    ({"pk": 3}, [3]),
    ({"id__in": [3, 4]}, [3, 4]),
    ({"copies": F("author_id")}, [1]),
    ({"copies__gt": F("author__id") * 2}, [3, 5]),
    ({"extra": {"a": [1, None]}}, [4]),
    # What a field cannot convert matches nothing.
    ({"copies": "many"}, []),
    ({"copies__in": [1, "many"]}, [1]),
    ({"copies__not_in": [1, "many"]}, []),
    ({"code": "no uuid"}, []),
    ({"printed": "no date"}, []),
    ({"printed__year": "no year"}, []),
    ({"copies": 2**70}, []),
    ({"title": "\ud800"}, []),
    ({"title__contains": "\ud800"}, []),
]


async def test_lookups_find_what_they_say(tmp_path: Path) -> None:
    async with library(tmp_path):
        everything = await titles(Book.objects.all())
        for lookups, keys in LOOKUPS:
            assert await titles(Book.objects.filter(**lookups)) == [
                everything[key - 1] for key in keys
            ], lookups


async def test_repeated_queries_reuse_sql_but_not_values(tmp_path: Path) -> None:
    async with library(tmp_path):
        for copies in (1, 2, 3):
            assert await Book.objects.filter(copies=copies).count() == 1
            assert (await Book.objects.get(copies=copies)).copies == copies
        assert await Book.objects.filter(copies=None).count() == 0


async def test_exclude_negates_the_conditions_of_one_call_together(tmp_path: Path) -> None:
    async with library(tmp_path):
        assert await titles(Book.objects.exclude(author=1, copies__gt=1)) == [
            "Alpha",
            "Beta*[x]?",
            "Gamma",
        ]
        assert await titles(Book.objects.exclude(author=1).exclude(copies=4)) == ["Gamma"]
        assert await titles(Book.objects.exclude(author__name="Anna")) == ["Beta*[x]?", "Gamma"]
        assert await Book.objects.exclude(author__name="Anna").exists()


async def test_exclude_drops_rows_with_null_in_the_column(tmp_path: Path) -> None:
    async with library(tmp_path):
        assert await titles(Book.objects.exclude(notes="a_b")) == ["alphabet"]


async def test_a_value_that_cannot_be_converted_matches_nothing_even_negated(
    tmp_path: Path,
) -> None:
    async with library(tmp_path):
        assert await Book.objects.exclude(copies="many").count() == 0
        assert await Book.objects.filter(~Q(copies="many")).count() == 0
        assert await Book.objects.filter(Q(copies="many") | Q(copies=1)).count() == 1
        assert await Book.objects.get_or_none(pk="many") is None
        with pytest.raises(DoesNotExist):
            await Book.objects.get(pk="many")


async def test_q_objects_combine(tmp_path: Path) -> None:
    async with library(tmp_path):
        assert await titles(
            Book.objects.filter(Q(copies=1) | Q(author__name="Bert"), title__ne="Gamma")
        ) == [
            "Alpha",
            "Beta*[x]?",
        ]
        assert await titles(Book.objects.filter(~(Q(copies=1) | Q(copies=2)) & Q(author=1))) == [
            "Beta_1"
        ]
        assert await Book.objects.filter(Q()).count() == 5
        assert await Book.objects.filter(Q() & Q(copies=1)).count() == 1
        assert await Book.objects.filter(~Q()).count() == 5
        assert await Book.objects.exclude(Q()).count() == 5
        assert await Book.objects.filter(Q(Q(copies=1), lent=False)).count() == 1


async def test_order_limit_and_offset(tmp_path: Path) -> None:
    async with library(tmp_path):
        ordered = Book.objects.order_by("author__name", "-copies")
        assert [book.copies for book in await ordered] == [3, 2, 1, 5, 4]
        assert [book.copies for book in await ordered.limit(2).offset(1)] == [2, 1]
        assert [book.copies for book in await ordered.offset(3)] == [5, 4]
        assert await ordered.limit(0) == []
        assert [book.pk for book in await ordered.order_by("-pk").limit(1)] == [5]


async def test_first_and_last(tmp_path: Path) -> None:
    async with library(tmp_path):
        ordered = Book.objects.order_by("-title")
        first, last = await ordered.first(), await ordered.last()
        assert first is not None and first.title == "alphabet"
        assert last is not None and last.title == "Alpha"
        first, last = await Book.objects.first(), await Book.objects.last()
        assert first is not None and last is not None
        assert (first.pk, last.pk) == (1, 5)
        assert await Book.objects.filter(copies=99).first() is None
        assert await Book.objects.filter(copies=99).last() is None
        assert await Book.objects.limit(0).first() is None


async def test_get_wants_exactly_one(tmp_path: Path) -> None:
    async with library(tmp_path):
        assert (await Book.objects.get(title="Gamma")).copies == 5
        assert (await Book.objects.get(pk=5)).title == "Gamma"
        assert (await Book.objects.get(id="5")).title == "Gamma"
        assert (await Book.objects.filter(author=1).get(copies=2)).title == "alphabet"
        with pytest.raises(DoesNotExist):
            await Book.objects.get(title="none")
        with pytest.raises(DoesNotExist):
            await Book.objects.get(pk=99)
        with pytest.raises(MultipleObjectsReturned):
            await Book.objects.get(author=1)
        with pytest.raises(MultipleObjectsReturned):
            await Book.objects.get_or_none(author=1)
        assert await Book.objects.get_or_none(pk=99) is None


async def test_count_and_exists_honour_slices(tmp_path: Path) -> None:
    async with library(tmp_path):
        assert await Book.objects.count() == 5
        assert await Book.objects.limit(3).count() == 3
        assert await Book.objects.offset(4).count() == 1
        assert await Book.objects.distinct().only("author").count() == 5
        assert await Book.objects.filter(author__name="Bert").exists()
        assert not await Book.objects.filter(author__name="Nobody").exists()
        assert not await Book.objects.offset(5).exists()
        assert not await Book.objects.limit(0).exists()


async def test_values_come_back_converted(tmp_path: Path) -> None:
    async with library(tmp_path):
        first = (await Book.objects.order_by("pk").limit(1).values())[0]
        assert first["author_id"] == 1
        assert first["price"] == Decimal("9.90") and str(first["price"]) == "9.90"
        assert first["printed"] == MOMENT
        assert first["lent"] is False
        assert first["code"] == CODE
        assert list(first) == [field.attname for field in Book._fields.values()]
        rows = Book.objects.filter(copies=4).values(
            "title", "author__name", "author__country__label", "extra"
        )
        assert await rows == [
            {"title": "Beta*[x]?", "name": "Bert", "label": None, "extra": {"a": [1, None]}}
        ]
        clash = Book.objects.filter(copies=1).values("author__name", "editor__name")
        assert await clash == [{"author__name": "Anna", "editor__name": "Bert"}]
        assert await Book.objects.filter(copies=1).values("author") == [{"author": 1}]
        few = Book.objects.filter(copies__lt=3).order_by("pk")
        assert await few.values_list("pk", "lent") == [(1, False), (2, True)]
        assert await Book.objects.distinct().order_by("author").values_list(
            "author", flat=True
        ) == [1, 2]
        assert set((await Book.objects.only("title").values())[0]) == {"id", "title"}


async def test_querysets_serve_as_subqueries(tmp_path: Path) -> None:
    async with library(tmp_path):
        cheap = Author.objects.filter(name="Bert")
        assert await titles(Book.objects.filter(author__in=cheap)) == ["Beta*[x]?", "Gamma"]
        lent = Book.objects.filter(lent=True).values_list("author_id", flat=True)
        assert [one.name for one in await Author.objects.filter(pk__in=lent)] == ["Anna"]
        assert [
            one.name for one in await Author.objects.filter(pk__not_in=lent, name__startswith="B")
        ] == ["Bert"]


async def test_aggregates(tmp_path: Path) -> None:
    async with library(tmp_path):
        found = await Book.objects.aggregate(
            n=Count(),
            notes=Count("notes"),
            authors=Count("author", distinct=True),
            total=Sum("copies"),
            mean=Avg("copies"),
            top=Max("printed"),
            low=Min("title"),
            worth=Sum("price"),
            price=Avg("price"),
            name=Max("author__name"),
        )
        assert found == {
            "n": 5,
            "notes": 2,
            "authors": 2,
            "total": 15,
            "mean": 3.0,
            "top": MOMENT + timedelta(days=400),
            "low": "Alpha",
            "worth": Decimal("19.90"),
            "price": Decimal("9.95"),
            "name": "Bert",
        }
        assert await Book.objects.filter(author=2).aggregate(total=Sum("copies")) == {"total": 9}
        assert await Book.objects.order_by("-copies").limit(2).aggregate(total=Sum("copies")) == {
            "total": 9
        }
        assert await Book.objects.distinct().aggregate(total=Sum("lent")) == {"total": 1}
        assert await Book.objects.filter(pk=99).aggregate(total=Sum("copies"), n=Count()) == {
            "total": None,
            "n": 0,
        }


async def test_select_related_takes_one_query_and_keeps_rows_without_target(tmp_path: Path) -> None:
    async with library(tmp_path):
        query = Book.objects.select_related("author__country", "editor").order_by("pk")
        assert query.raw_sql().count("JOIN") == 3
        books = await query
        assert [book.title for book in books] == await titles(Book.objects.all())
        author = books[0].author
        assert isinstance(author, Author) and author.name == "Anna"
        assert isinstance(author.country, Country) and author.country.label == "Austria"
        assert isinstance(books[0].editor, Author) and books[0].editor.name == "Bert"
        assert await books[1].editor is None
        bert = await books[4].author
        assert bert.name == "Bert" and await bert.country is None
        assert not author.has_changed


async def test_only_and_defer_leave_columns_out(tmp_path: Path) -> None:
    async with library(tmp_path):
        book = await Book.objects.only("title").get(pk=1)
        values: list[Any] = [book.pk, book.title, book.copies, book.author_id]
        assert values == [1, "Alpha", None, None]
        assert "copies" in book.get_deferred_fields() and "title" not in book.get_deferred_fields()
        book = await Book.objects.only("title").defer("notes", "author").get(pk=1)
        assert book.copies == 1
        assert book.get_deferred_fields() == {"notes", "author"}


async def test_select_related_brings_the_key_it_needs(tmp_path: Path) -> None:
    async with library(tmp_path):
        book = await Book.objects.only("title").select_related("author").get(pk=1)
        assert isinstance(book.author, Author) and book.author.name == "Anna"
        assert "author" not in book.get_deferred_fields()
        book = await Book.objects.defer("author").select_related("author").get(pk=1)
        assert isinstance(book.author, Author)


async def test_in_bulk(tmp_path: Path) -> None:
    async with library(tmp_path):
        found = await Book.objects.in_bulk([1, 3, 99])
        assert {key: book.title for key, book in found.items()} == {1: "Alpha", 3: "Beta_1"}
        assert list(await Book.objects.in_bulk([CODE], field_name="code")) == [CODE]
        assert len(await Book.objects.in_bulk()) == 5
        assert await Book.objects.in_bulk([]) == {}
        assert len(await Book.objects.in_bulk(range(3000))) == 5
        with pytest.raises(QueryError):
            await Book.objects.in_bulk([1], field_name="copies")


@pytest.mark.parametrize("size", [1, 2, 5, 100])
async def test_iterator_yields_every_row_once(tmp_path: Path, size: int) -> None:
    async with library(tmp_path):
        assert [book.pk async for book in Book.objects.iterator(size)] == [1, 2, 3, 4, 5]
        assert [book.copies async for book in Book.objects.order_by("-lent").iterator(size)] == [
            2,
            1,
            3,
            4,
            5,
        ]
        assert [book.pk async for book in Book.objects.limit(3).iterator(size)] == [1, 2, 3]
        assert [book.pk async for book in Book.objects.limit(2).offset(3).iterator(size)] == [4, 5]


async def test_async_for_yields_the_instances(tmp_path: Path) -> None:
    async with library(tmp_path):
        assert [
            book.copies async for book in Book.objects.filter(copies__lt=3).order_by("copies")
        ] == [1, 2]


async def test_explain_and_raw_sql_show_no_values(tmp_path: Path) -> None:
    async with library(tmp_path):
        query = Book.objects.filter(title="secret")
        assert "secret" not in query.raw_sql()
        assert query.raw_sql().endswith((" = ?", " = %s"))
        assert "library_book" in await query.explain()


async def test_relations_are_loaded_once_and_cached(tmp_path: Path) -> None:
    async with library(tmp_path):
        book = await Book.objects.get(pk=1)
        assert await book.author is await book.author
        assert (await book.author).name == "Anna"
        book.author_id = 2
        assert (await book.author).name == "Bert"
        other = await Book.objects.get(pk=2)
        assert await other.editor is None


async def test_reverse_accessors_query_the_referring_rows(tmp_path: Path) -> None:
    async with library(tmp_path):
        anna = await Author.objects.get(name="Anna")
        assert await anna.books.count() == 3
        book = await Book.objects.get(pk=1)
        accessor: Any = book
        assert await accessor.cover is None
        await Cover.objects.create(book=book, colour="red")
        assert (await accessor.cover).colour == "red"
        with pytest.raises(ValueError, match="not saved"):
            _ = Author(name="new").books


async def test_a_missing_table_is_named_with_the_way_out(tmp_path: Path) -> None:
    async with database(tmp_path):
        with pytest.raises(TableNotFound, match="library_book.*migrate"):
            await Book.objects.count()
        with pytest.raises(TableNotFound):
            await Country(code="AT", label="x").save()


async def test_using_asks_another_database(tmp_path: Path) -> None:
    async with library(tmp_path):
        with pytest.raises(DatabaseAliasNotFoundError):
            await Book.objects.using("other").count()
        assert await Book.objects.using("default").count() == 5


async def test_queries_join_the_open_transaction(tmp_path: Path) -> None:
    async with library(tmp_path):
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                await Book.objects.all().update(copies=0)
                assert await Book.objects.filter(copies=0).count() == 5
                raise ZeroDivisionError
        assert await Book.objects.filter(copies=0).count() == 0


async def test_update_takes_expressions_paths_and_instances(tmp_path: Path) -> None:
    async with library(tmp_path):
        anna = await Author.objects.get(name="Anna")
        assert (
            await Book.objects.filter(author__name="Bert").update(
                author=anna, copies=10 - F("copies") * 2
            )
            == 2
        )
        assert await Book.objects.filter(author=anna).count() == 5
        assert (await Book.objects.get(title="Gamma")).copies == 0
        assert await Book.objects.filter(author_id=anna.pk).update(author_id=2, price=None) == 5
        assert await Book.objects.filter(author__country__label="Austria").delete() == 0
        assert await Book.objects.filter(author__name="Bert").delete() == 5
