"""What serializers of models receive, keep and show, which is the same on every database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.auth.hashers import check_password
from openviper.core.context import ignore_permissions
from openviper.db.executor import set_access_rule
from openviper.exceptions import InvalidPage, PermissionDenied
from openviper.serializers import NotThereError, SerializerError
from openviper.validation import ParseError
from tests.integration.api.library import (
    MODELS,
    Account,
    AccountSerializer,
    Author,
    AuthorOut,
    Book,
    BookKeys,
    BookSerializer,
    Country,
    CountrySerializer,
    Kind,
    Loan,
    LoanSerializer,
    Parcel,
    ParcelSerializer,
    Secrets,
    Size,
    Tag,
    faults,
    library,
)
from tests.integration.db.blog import counted_reads as counting
from tests.integration.db.support import database


async def test_a_program_adds_values_which_win(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        jane, joan = [await Author.objects.create(name=name) for name in ("Jane", "Joan")]
        tag = await Tag.objects.create(word="old")
        data = {"title": "Emma", "author": jane.pk}
        book = await BookSerializer.create_from(data, author=joan, pages=5, tags=[tag])
        stored = await Book.objects.get(pk=book.pk)
        assert (stored.author_id, stored.pages, len(await stored.tags)) == (joan.pk, 5, 1)
        await BookSerializer.update_from(stored, {}, partial=True, author_id=jane.pk)
        assert (await Book.objects.get(pk=book.pk)).author_id == jane.pk
        with pytest.raises(SerializerError, match="names 'pagse'.*did you mean 'pages'"):
            await BookSerializer.create_from(data, pagse=5)


async def test_what_a_model_refuses_is_a_fault(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        assert await faults(LoanSerializer.create_from({"days": 3, "code": "a"})) == [
            "invalid days: an odd number, not 3",
            "invalid never on Sunday",
        ]
        assert await faults(LoanSerializer.create_from({"days": 200, "code": "a"})) == [
            "integrity the database does not take these values"
        ]
        loan = await LoanSerializer.create_from({"days": 2, "code": "a"})
        assert (await Loan.objects.get(pk=loan.pk)).state == "new"
        assert await faults(LoanSerializer.create_from({"days": 4, "code": "a"})) == [
            "unique code: there is one with this value already, not 'a'"
        ]


async def test_a_key_in_what_is_received_picks_no_row(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        jane, joan = [await Author.objects.create(name=name) for name in ("Jane", "Joan")]
        sent = {"id": joan.pk, "name": "x"}
        expected = ["read_only id: is read-only"]
        assert await faults(AuthorOut.update_from(jane, sent, partial=True)) == expected
        assert await faults(AuthorOut.create_from(sent)) == expected
        # A key that clients choose is one of a new row only.
        await CountrySerializer.create_from({"code": "at", "name": "Austria"})
        country = await Country.objects.get(code="at")
        await CountrySerializer.create_from({"code": "de", "name": "Germany"})
        taken = await faults(CountrySerializer.create_from({"code": "de", "name": "x"}))
        assert taken == ["unique code: there is one with this value already, not 'de'"]
        changed = {"code": "de", "name": "x"}
        assert await faults(CountrySerializer.update_from(country, changed)) == [
            "read_only code: is read-only"
        ]
        await CountrySerializer.update_from(country, {"code": "at", "name": "Austria-Hungary"})
        assert (await Country.objects.get(code="de")).name == "Germany"
        with pytest.raises(SerializerError, match="is not a Author"):
            await AuthorOut.validate({"name": "x"}).update(country)  # type: ignore[arg-type]  # It is refused.


async def test_a_patch_is_judged_together_with_what_stays(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        jane = await Author.objects.create(name="Jane")
        book = await Book.objects.create(title="War", author=jane, pages=500)
        assert await faults(BookSerializer.update_from(book, {"pages": 5}, partial=True)) == [
            "invalid war is long"
        ]
        assert (await Book.objects.get(pk=book.pk)).pages == 500
        await BookSerializer.update_from(book, {"pages": 5, "title": "Peace"}, partial=True)
        staged = BookSerializer.staged({"title": "War"}, partial=True)
        assert staged.validate()
        assert await faults(staged.update(book)) == ["invalid war is long"]
        patch = BookSerializer.validate_data({"title": "x1", "tags": []}, partial=True)
        assert await faults(patch.create()) == ["missing author: is missing"]
        assert (await patch.create(author=jane)).title == "x1"


async def test_secrets_are_received_and_not_shown(
    tmp_path: Path, override_settings: Callable[..., Any]
) -> None:
    override_settings(SECRET_KEY="of these tests" * 4)
    async with database(tmp_path, *MODELS):
        assert await faults(AccountSerializer.create_from({"name": "a", "password": "abcde"})) == [
            "too_short password: the password must have at least 8 characters"
        ]
        phrase = "correct horse battery"
        account = await AccountSerializer.create_from(
            {"name": "ada", "password": phrase, "pin": "1234", "shown": "5678"}
        )
        stored = await Account.objects.get(pk=account.pk)
        assert await check_password(phrase, stored.password or "")
        assert stored.get_sensitive("pin") == "1234"
        assert await AccountSerializer.dump(stored) == {
            "id": stored.pk,
            "name": "ada",
            "shown": "5678",
        }
        hashed = stored.password
        await AccountSerializer.update_from(stored, {"pin": "9"}, partial=True)
        again = await Account.objects.get(pk=account.pk)
        assert (again.password, again.get_sensitive("pin")) == (hashed, "9")
        # A hash is a text like any other, so nobody chooses the hash that is stored.
        sent = {"password": "plain$" + "x" * 20}
        await AccountSerializer.update_from(again, sent, partial=True)
        assert await check_password(sent["password"], again.password or "")
        assert "password" not in Secrets.output_schema()["properties"]
        assert "correct" not in repr(AccountSerializer.validate({"name": "a", "password": phrase}))


async def test_relations_are_keys_unless_a_serializer_shows_them(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        jane = await library(2)
        book = await Book.objects.get(title="b0")
        keys = [tag.pk for tag in await Tag.objects.all()]
        assert await BookKeys.dump(book) == {"title": "b0", "author": jane.pk, "tags": keys}
        with pytest.raises(SerializerError, match="'tags' of .* is not loaded"):
            BookKeys.from_orm(await Book.objects.get(title="b0"))
        with pytest.raises(SerializerError, match=r"Book.title was left out by only\(\)"):
            await BookKeys.dump((await Book.objects.only("pages"))[0])
        received = BookSerializer.validate({"title": "xy", "author": jane.pk, "tags": keys})
        assert received.received_keys == {"author": jane.pk, "tags": keys}
        assert received.validated_data["author"] == jane.pk
        assert received.model_fields_set == {"title", "author", "tags"}
        with pytest.raises(NotThereError, match=r"received_keys\['author'\]"):
            _ = received.author
        nested = {"title": "xy", "author": {"name": "x"}}
        with pytest.raises(ParseError, match="author: must be an integer"):
            BookSerializer.validate(nested)


async def test_what_a_column_of_json_holds_may_have_a_type(tmp_path: Path) -> None:
    async with database(tmp_path, Parcel):
        data = {"size": {"width": 3, "unit": "cm"}, "kind": "box"}
        parcel = await ParcelSerializer.create_from(data)
        stored = await Parcel.objects.get(pk=parcel.pk)
        assert (stored.size, stored.kind) == ({"width": 3, "unit": "cm"}, "box")
        shown = await ParcelSerializer.load(stored)
        assert (shown.size, shown.kind) == (Size(width=3), Kind.BOX)
        assert shown.serialize() == data
        wrong = {"size": {"width": "3"}, "kind": "bag"}
        assert await faults(ParcelSerializer.update_from(stored, wrong, partial=True)) == [
            "type size.width: must be an integer, not '3'",
            "one_of kind: must be one of 'box', not 'bag'",
        ]
        stored.size = {"wide": 3}
        with pytest.raises(
            SerializerError, match="holds what its type does not: width: is missing"
        ):
            await ParcelSerializer.dump(stored)


class DenyingAuthors:
    """Lets everybody do everything, but nothing to `Author`."""

    async def check(self, model: type[Any], action: str) -> None:
        """Refuse `Author`."""
        if model is Author:
            raise PermissionDenied(f"{model.__name__}: {action}")


@pytest.fixture
def denied() -> Iterator[None]:
    """Have permissions decided by `DenyingAuthors`."""
    set_access_rule(DenyingAuthors())
    yield
    set_access_rule(None)


@pytest.mark.usefixtures("denied")
async def test_what_may_not_be_read_is_not_shown(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        with ignore_permissions():
            jane = await library(1)
        query = BookSerializer.prepare(Book.objects.all())
        shown = await BookSerializer.dump_many(await query)
        assert "author" not in shown[0] and len(shown[0]["tags"]) == 2
        # What was loaded by somebody who may read it is not shown either.
        with ignore_permissions():
            rows = await Book.objects.select_related("author")
        assert "author" not in (await BookSerializer.serialize_many(rows))[0]
        assert not hasattr(await BookSerializer.load(rows[0]), "author")
        assert "author" not in BookSerializer.output_schema()["required"]
        with pytest.raises(PermissionDenied):
            await AuthorOut.serialize_many(Author.objects.all())
        with pytest.raises(PermissionDenied):
            await AuthorOut.create_from({"name": "x"})
        with pytest.raises(PermissionDenied):
            await AuthorOut.update_from(jane, {"name": "x"})
        with ignore_permissions():
            assert "author" in (await BookSerializer.serialize_many(rows))[0]


async def test_pages(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        await library(5)
        books = Book.objects.order_by("title")
        page = await BookKeys.paginate(books, page=2, page_size=2, base_url="/books?q=b&page=9")
        assert (page.count, [row["title"] for row in page.results]) == (5, ["b2", "b3"])
        assert page.next == "/books?q=b&page=3&page_size=2"
        assert page.previous == "/books?q=b&page=1&page_size=2"
        behind = await BookKeys.paginate(
            books, page_size=2, cursor=page.next_cursor, base_url="/books", exclude=["tags"]
        )
        assert behind.results == [{"title": "b4", "author": 1}]
        assert (behind.next, behind.previous, behind.next_cursor) == (None, None, None)

        class Few(BookKeys):
            PAGE_SIZE = 2
            MAX_PAGE_SIZE = 3

        assert len((await Few.paginate(books)).results) == 2
        with pytest.raises(InvalidPage, match="more than 3"):
            await Few.paginate(books, page_size=4)
        first = await BookKeys.paginate(Book.objects, page_size=3)
        assert first.previous is None and first.next == "?page=2&page_size=3"
        for size in (0, 1001):
            with pytest.raises(InvalidPage):
                await BookKeys.paginate(books, page_size=size)


async def test_many_rows_are_written_in_batches(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        jane = await Author.objects.create(name="Jane")
        await Book.objects.bulk_create(
            [Book(title=f"b{number}", author=jane) for number in range(60)]
        )
        with counting() as statements:
            shown = await BookKeys.serialize_many(Book.objects.all())
        assert len(shown) == 60 and len(statements) <= 8
        assert await BookKeys.serialize_many(jane.books, exclude=["tags", "author"]) == [
            {"title": f"b{number}"} for number in range(60)
        ]
