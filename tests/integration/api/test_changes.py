"""Making, changing and deleting rows of resources on every database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from openviper.db.connection import transaction
from openviper.testing import TestResponse
from tests.integration.api.bookshop import Author, Book, Loan, Note, Remark, library

EVERY_DATABASE = True

NEW = {"title": "Emma", "isbn": "9780141439587", "author": 1, "price": "7.50"}


def faults(answer: TestResponse) -> list[tuple[str, str]]:
    """Return the pointer and the code of everything that is wrong with what was sent."""
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


async def test_a_row_is_made(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        answer = await client.post("/books?fields=id,title", json=NEW)
        assert (answer.status_code, answer.json()) == (201, {"id": 9, "title": "Emma"})
        assert answer.headers["location"] == "/books/9"
        book = await Book.objects.get(id=9)
        assert (book.title, str(book.price), book.pages, book.notes) == ("Emma", "7.50", 100, {})
        read = await client.get("/books/9?fields=id,title")
        assert read.headers["etag"] == answer.headers["etag"]
        await client.post("/authors", json={"name": "Zoë", "slug": "zoe"})
        assert (await client.get("/authors/zoe")).json()["country"] == "de"
        hidden = await client.post("/books", json={**NEW, "isbn": "1", "title": "Hidden too"})
        assert (hidden.status_code, hidden.content) == (201, b"")
        assert await Book.objects.filter(title="Hidden too").exists()


async def test_what_does_not_fit_is_told_with_its_place_and_nothing_is_stored(
    tmp_path: Path,
) -> None:
    async with library(tmp_path) as client:
        for sent, wanted in {
            ("title",): [("/body/title", "missing")],
            ("title", "isbn"): [("/body/title", "missing"), ("/body/isbn", "missing")],
        }.items():
            answer = await client.post(
                "/books", json={name: value for name, value in NEW.items() if name not in sent}
            )
            assert (answer.status_code, faults(answer)) == (422, wanted)
        wrong: list[tuple[dict[str, Any], int, tuple[str, str]]] = [
            ({"title": "x" * 41}, 422, ("/body/title", "max_length")),
            ({"title": None}, 422, ("/body/title", "type")),
            ({"titel": "x"}, 422, ("/body/titel", "unknown")),
            ({"id": 5}, 422, ("/body/id", "read_only")),
            ({"author": 99}, 422, ("/body/author", "no_row")),
            ({"author": "x"}, 422, ("/body/author", "type")),
            ({"isbn": "978000001"}, 409, ("/body/isbn", "unique")),
            ({"price": "12345.00"}, 422, ("/body/price", "invalid")),
        ]
        for change, status, fault in wrong:
            answer = await client.post("/books", json={**NEW, **change})
            assert (answer.status_code, faults(answer)) == (status, [fault]), change
        for body in (b"[1", b"\xff", b"", b'"' * 3):
            answer = await client.post("/books", content=body)
            assert answer.status_code == 400
        for value in (5, "x", True):
            assert (await client.post("/books", json=value)).status_code == 422
        form = await client.post("/books", data={"title": "x"})
        assert (form.status_code, form.headers["accept"]) == (415, "application/json")
        assert await Book.objects.count() == 8


async def test_a_patch_changes_what_it_has_and_leaves_the_rest(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        await Book.objects.filter(id=1).update(notes={"a": 1, "b": {"c": 2, "d": 3}})
        answer = await client.patch(
            "/books/1",
            content=b'{"price": null, "notes": {"a": null, "b": {"c": 5, "e": 6}}}',
            headers={"content-type": "application/merge-patch+json"},
        )
        assert (answer.status_code, answer.json()["title"]) == (200, "Book 0")
        book = await Book.objects.get(id=1)
        assert (book.price, book.notes) == (None, {"b": {"c": 5, "d": 3, "e": 6}})
        assert (await client.patch("/books/1", json={})).status_code == 200
        answer = await client.patch("/books/1", json={"title": None})
        assert (answer.status_code, faults(answer)) == (422, [("/body/title", "type")])
        answer = await client.patch("/books/1", json={"isbn": "978000001"})
        assert (answer.status_code, faults(answer)) == (409, [("/body/isbn", "unique")])
        answer = await client.patch("/books/1", json={"isbn": "978000000"})
        assert answer.status_code == 200
        steps = await client.patch(
            "/books/1", content=b"[]", headers={"content-type": "application/json-patch+json"}
        )
        assert steps.status_code == 415
        assert steps.headers["accept-patch"] == "application/json, application/merge-patch+json"
        assert (await client.patch("/books/99", json={})).status_code == 404
        assert (await client.patch("/books/8", json={"title": "x"})).status_code == 404
        gone = await client.patch("/books/1", json={"title": "Hidden now"})
        assert (gone.status_code, gone.content) == (204, b"")


async def test_a_put_replaces_the_row(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        await Book.objects.filter(id=1).update(pages=5, notes={"a": 1})
        answer = await client.put("/books/1", json=NEW)
        assert answer.status_code == 200
        book = await Book.objects.get(id=1)
        assert (book.title, book.pages, book.notes) == ("Emma", 100, {})
        assert answer.headers["etag"] == (await client.get("/books/1")).headers["etag"]
        answer = await client.put("/books/1", json={"title": "x"})
        assert faults(answer) == [("/body/isbn", "missing"), ("/body/author", "missing")]
        refused = await client.put(
            "/books/1", content=b"{}", headers={"content-type": "application/merge-patch+json"}
        )
        assert (refused.status_code, refused.headers["accept"]) == (415, "application/json")


async def test_what_was_read_may_be_sent_back_as_it_is(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        read = await client.get("/books/1")
        row = {**read.json(), "pages": 5}
        for call in (client.put, client.patch):
            answer = await call("/books/1", json=row)
            assert (answer.status_code, answer.json()) == (200, row)
        other = await client.put("/books/1", json={**row, "id": 2})
        assert (other.status_code, faults(other)) == (422, [("/body/id", "read_only")])
        made = await client.post("/books", json=row)
        assert faults(made) == [("/body/id", "read_only")]


async def test_a_row_is_deleted_unless_others_refer_to_it(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        await Loan.objects.create(book_id=1, reader="ann", day=1)
        await Loan.objects.create(book_id=1, reader="ann", day=2)
        answer = await client.delete("/books/1")
        assert answer.status_code == 409
        assert answer.json()["detail"] == (
            "This book cannot be deleted: 2 loans (book) refer to it."
        )
        await Loan.objects.filter(day=2).delete()
        assert "1 loan (book) refers to it." in (await client.delete("/books/1")).json()["detail"]
        await Loan.objects.all().delete()
        answer = await client.delete("/books/1")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await client.delete("/books/1")).status_code == 404
        assert (await client.delete("/books/8")).status_code == 404
        assert "4 books (author)" in (await client.delete("/authors/ann")).json()["detail"]


async def test_several_rows_are_made_or_none(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        several = [{**NEW, "isbn": f"n{number}"} for number in range(4)]
        answer = await client.post("/books?fields=isbn", json=several)
        assert answer.status_code == 201
        assert answer.json() == [{"isbn": f"n{number}"} for number in range(4)]
        for items, status, wanted in [
            ([NEW, {**NEW, "price": "x"}, {}], 422, "/body/1/price"),
            ([NEW, {**NEW, "title": "Again"}], 409, "/body/1/isbn"),
            ([NEW, {**NEW, "isbn": "y", "author": 99}], 422, "/body/1/author"),
            ([NEW, 5], 422, "/body/1"),
            ([NEW] * 5, 422, "/body"),
        ]:
            answer = await client.post("/books", json=items)
            assert (answer.status_code, faults(answer)[0][0]) == (status, wanted)
        assert await Book.objects.count() == 12
        assert (await client.post("/books", json=[])).json() == []
        refused = await client.post("/strict", json=[NEW])
        assert (refused.status_code, faults(refused)[0][0]) == (422, "/body")


async def test_several_rows_are_changed_or_none(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        answer = await client.patch(
            "/books?fields=id,title,pages", json=[{"id": 2, "pages": 5}, {"id": 1, "title": "Emma"}]
        )
        assert answer.json() == [
            {"id": 2, "title": "Book 1", "pages": 5},
            {"id": 1, "title": "Emma", "pages": 100},
        ]
        change = {"id": 3, "pages": 7}
        for items, status, wanted in [
            ([change, {"pages": 1}], 422, ("/body/1/id", "missing")),
            ([change, {"id": "x"}], 422, ("/body/1/id", "type")),
            ([change, {"id": 99}], 422, ("/body/1/id", "no_row")),
            ([change, {"id": 8, "pages": 1}], 422, ("/body/1/id", "no_row")),
            ([change, change], 422, ("/body/1/id", "multiple")),
            ([change, {"id": 1, "pages": "many"}], 422, ("/body/1/pages", "type")),
            ([change, {"id": 1, "isbn": "978000001"}], 409, ("/body/1/isbn", "unique")),
            ([change, 5], 422, ("/body/1", "type")),
            ({"id": 1}, 422, ("/body", "type")),
            ([change] * 5, 422, ("/body", "max_length")),
        ]:
            answer = await client.patch("/books", json=items)
            assert (answer.status_code, faults(answer)) == (status, [wanted]), items
        assert (await Book.objects.get(id=3)).pages == 100
        assert (await client.patch("/books", json=[])).json() == []


async def test_the_values_of_several_columns_are_told_to_be_taken(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        loan = {"book": 1, "reader": "ann", "day": 1}
        assert (await client.post("/loans", json=loan)).status_code == 201
        answer = await client.post("/loans", json=[{**loan, "day": 2}, loan])
        assert (answer.status_code, faults(answer)) == (409, [("/body/1", "unique")])
        assert await Loan.objects.count() == 1


async def test_a_row_below_a_parent_gets_it_and_keeps_it(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        sent = {"title": "Sanditon", "isbn": "5"}
        answer = await client.post("/authors/ann/books", json=sent)
        assert (answer.status_code, answer.headers["location"]) == (201, "/authors/ann/books/9")
        assert answer.json()["author"] == 1
        other = await client.post("/authors/ann/books", json={**sent, "author": 2})
        assert (other.status_code, faults(other)) == (422, [("/body/author", "read_only")])
        moved = await client.patch("/authors/ann/books/9", json={"author": 2})
        assert (moved.status_code, faults(moved)) == (422, [("/body/author", "read_only")])
        assert (await client.post("/authors/nobody/books", json=sent)).status_code == 404
        assert (await client.delete("/authors/bob/books/9")).status_code == 404
        assert (await client.delete("/authors/ann/books/9")).status_code == 204


async def test_what_the_resource_gives_is_not_to_be_sent(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        ann = {"x-person": "ann"}
        sent = {"text": "x", "owner": "bob"}
        answer = await client.post("/owned-notes", json=sent, headers=ann)
        assert (answer.status_code, faults(answer)) == (422, [("/body/owner", "read_only")])


async def test_odd_texts_are_stored_or_refused(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        for number, title in enumerate(["\U0001f600", "\u05e9\u202e", "a\tb", "'\"--"]):
            sent = {**NEW, "isbn": f"o{number}", "title": title}
            answer = await client.post("/books", json=sent)
            assert answer.json()["title"] == title
        for body in (b'"a\\u0000b"', b'"\\ud800"'):
            text = b'{"title": ' + body + b', "isbn": "z", "author": 1}'
            answer = await client.post("/books", content=text)
            assert answer.status_code in (201, 422), answer.text
            await Book.objects.filter(isbn="z").delete()
        for missing in ("9" * 18, "9" * 40, "%F0%9F%98%80", "x%20y"):
            assert (await client.get(f"/books/{missing}")).status_code == 404
            assert (await client.get(f"/authors/{missing}/books")).status_code == 404


async def test_what_is_nested_too_deep_to_be_shown_again_is_refused(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        for depth, status in ((30, 200), (101, 422), (900, 422), (100_000, 400)):
            text = b'{"notes":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
            answer = await client.patch("/books/1", content=text)
            assert answer.status_code == status
            if status == 422:
                assert faults(answer) == [("/body/notes", "depth")]


async def test_a_long_list_is_read_away_from_the_loop(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        several = [{"book": 1, "reader": "x" * 20, "day": day} for day in range(3)]
        text = json.dumps(several).encode() + b" " * 300_000
        answer = await client.post("/loans", content=text)
        assert (answer.status_code, len(answer.json())) == (201, 3)
        wrong = await client.post("/loans", content=text.replace(b'"day": 1', b'"day": "1"'))
        assert faults(wrong) == [("/body/1/day", "type")]


# Versions


async def test_a_change_of_another_version_is_refused(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        tag = (await client.get("/books/1")).headers["etag"]
        answer = await client.patch("/books/1", json={"pages": 1}, headers={"if-match": tag})
        newer = answer.headers["etag"]
        assert answer.status_code == 200 and newer != tag
        for call in (
            client.patch("/books/1", json={"pages": 2}, headers={"if-match": tag}),
            client.put("/books/1", json=NEW, headers={"if-match": f'{tag}, "other"'}),
            client.delete("/books/1", headers={"if-match": tag}),
            client.delete("/books/1", headers={"if-match": "nonsense"}),
            client.delete("/books/1", headers={"if-none-match": newer}),
        ):
            assert (await call).status_code == 412
        assert (await Book.objects.get(id=1)).pages == 1
        weak = await client.patch(
            "/books/1", json={"pages": 3}, headers={"if-match": f'"x", W/{newer}'}
        )
        assert weak.status_code == 200
        part = (await client.get("/books/1?fields=title")).headers["etag"]
        kept = await client.patch(
            "/books/1?fields=title", json={"pages": 4}, headers={"if-match": part}
        )
        assert (kept.status_code, kept.headers["etag"]) == (200, part)
        anything = await client.delete("/books/1", headers={"if-match": "*"})
        assert anything.status_code == 204
        assert (await client.delete("/books/1", headers={"if-match": "*"})).status_code == 404


async def test_a_version_may_be_demanded(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        for call in (
            client.patch("/strict/1", json={}),
            client.put("/strict/1", json=NEW),
            client.delete("/strict/1"),
        ):
            answer = await call
            assert answer.status_code == 428
            assert "If-Match" in answer.json()["detail"]
        tag = (await client.get("/strict/1")).headers["etag"]
        assert (await client.delete("/strict/1", headers={"if-match": tag})).status_code == 204
        for call in (
            client.post("/books", json=NEW, headers={"if-match": tag}),
            client.patch("/books", json=[], headers={"if-match": tag}),
        ):
            assert (await call).status_code == 400


async def test_of_two_writers_at_once_one_is_told_that_it_came_too_late(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        tag = (await client.get("/books/1")).headers["etag"]

        def change(number: int) -> Any:
            return client.patch("/books/1", json={"pages": number}, headers={"if-match": tag})

        answers = await asyncio.gather(*(change(number) for number in range(1, 7)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200, 412, 412, 412, 412, 412]
        [winner] = [answer for answer in answers if answer.status_code == 200]
        assert (await Book.objects.get(id=1)).pages == winner.json()["pages"]


async def test_a_writer_waits_for_another_and_sees_what_it_has_done(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        tag = (await client.get("/books/1")).headers["etag"]
        is_locked = asyncio.Event()

        async def change() -> TestResponse:
            await is_locked.wait()
            return await client.patch("/books/1", json={"pages": 1}, headers={"if-match": tag})

        # Begun before the transaction, so that it is not within it.
        waiting = asyncio.create_task(change())
        async with transaction():
            [book] = await Book.objects.select_for_update().filter(id=1)
            is_locked.set()
            await asyncio.sleep(0)
            book.pages = 77
            await book.save()
        assert (await waiting).status_code == 412
        assert (await Book.objects.get(id=1)).pages == 77


# Permissions


async def test_users_have_to_do_with_what_is_theirs(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        ann, bob, root = ({"x-person": name} for name in ("ann", "bob", "root"))
        assert (await client.get("/notes")).status_code == 401
        assert (await client.post("/notes", json={"text": "x"})).status_code == 401
        made = await client.post("/notes", json={"text": "mine"}, headers=ann)
        assert (made.status_code, made.json()) == (201, {"id": 1, "text": "mine", "code": None})
        assert (await Note.objects.get(id=1)).owner == "ann"
        assert len((await client.get("/notes", headers=ann)).json()["results"]) == 1
        assert (await client.get("/notes", headers=bob)).json()["results"] == []
        assert len((await client.get("/notes", headers=root)).json()["results"]) == 1
        for call in (client.get, client.delete):
            assert (await call("/notes/1", headers=bob)).status_code == 404
        assert (await client.patch("/notes/1", json={}, headers=bob)).status_code == 404
        forged = await client.post("/notes", json={"text": "x", "owner": "ann"}, headers=bob)
        assert faults(forged) == [("/body/owner", "unknown")]
        assert (await client.delete("/notes/1", headers=ann)).status_code == 204


async def test_who_may_see_a_row_and_not_change_it_is_told_so(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        await Note.objects.create(owner="ann", text="seen by all")
        assert (await client.get("/open-notes/1")).status_code == 200
        assert (await client.post("/open-notes", json={})).status_code == 401
        assert (await client.delete("/open-notes/1")).status_code == 401
        bob = await client.delete("/open-notes/1", headers={"x-person": "bob"})
        assert bob.status_code == 403
        ann = await client.delete("/open-notes/1", headers={"x-person": "ann"})
        assert ann.status_code == 204


async def test_what_everybody_may_read_is_shown_to_everybody(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        await Note.objects.create(owner="ann", text="seen by all")
        assert len((await client.get("/read-notes")).json()["results"]) == 1
        assert (await client.get("/read-notes/1")).status_code == 200
        assert (await client.patch("/read-notes/1", json={})).status_code == 401
        ann = {"x-person": "ann"}
        assert (await client.patch("/read-notes/1", json={}, headers=ann)).status_code == 200


async def test_a_permission_of_the_router_around_counts_for_rows_too(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        await Note.objects.create(owner="ann", text="hers")
        ann, bob = ({"x-person": name} for name in ("ann", "bob"))
        assert len((await client.get("/inner/notes", headers=ann)).json()["results"]) == 1
        assert (await client.get("/inner/notes", headers=bob)).json()["results"] == []
        assert (await client.get("/inner/notes/1", headers=bob)).status_code == 404
        assert (await client.delete("/inner/notes/1", headers=bob)).status_code == 404
        stolen = await client.post("/inner/notes", json={"owner": "ann", "text": "x"}, headers=bob)
        assert stolen.status_code == 403
        assert await Note.objects.count() == 1


async def test_rows_below_a_parent_are_closed_to_whom_it_is_closed(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        await Note.objects.create(owner="ann", text="hers")
        sent = {"word": "read"}
        assert (await client.get("/notes/1/remarks")).status_code == 401
        bob = await client.post("/notes/1/remarks", json=sent, headers={"x-person": "bob"})
        assert bob.status_code == 404
        ann = await client.post("/notes/1/remarks", json=sent, headers={"x-person": "ann"})
        assert (ann.status_code, ann.json()) == (201, {"id": 1, "note": 1, "word": "read"})


async def test_a_permission_around_narrows_what_has_none_of_its_own(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        await Note.objects.create(owner="ann", text="hers")
        ann, bob = ({"x-person": name} for name in ("ann", "bob"))
        assert (await client.get("/inner/kept", headers=bob)).json()["results"] == []
        assert (await client.get("/inner/kept/1", headers=bob)).status_code == 404
        assert len((await client.get("/inner/kept", headers=ann)).json()["results"]) == 1
        assert (await client.delete("/inner/kept/1", headers=bob)).status_code == 204


async def test_a_permission_on_rows_is_not_asked_of_those_of_the_parent(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        note = await Note.objects.create(owner="ann", text="hers")
        await Remark.objects.create(note=note, word="bob")
        bob = await client.get("/every-note/1/remarks", headers={"x-person": "bob"})
        assert len(bob.json()["results"]) == 1
        ann = await client.get("/every-note/1/remarks", headers={"x-person": "ann"})
        assert (ann.status_code, ann.json()["results"]) == (200, [])


async def test_names_in_addresses_are_quoted(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        author = await Author.objects.get(slug="ann")
        assert author.pk == 1
        answer = await client.get("/books?search=Book%20%26&page_size=1")
        assert answer.json()["next"] is None
        answer = await client.get("/books?title__icontains=b%6Fok%20&page_size=1&ordering=title")
        assert answer.json()["next"].startswith(
            "/books?title__icontains=book%20&page_size=1&ordering=title&cursor="
        )
        assert (await client.get(answer.json()["next"])).json()["results"][0]["title"] == "Book 1"
