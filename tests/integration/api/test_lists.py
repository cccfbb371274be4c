"""Lists of resources on every database: filters, orders, searches, pages, fields, formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openviper.testing import OpenViperTestClient, assert_queries
from tests.integration.api.bookshop import Author, Book, Tag, library

EVERY_DATABASE = True


async def titles(client: OpenViperTestClient, query: str) -> list[str]:
    answer = await client.get(f"/books?{query}")
    assert answer.status_code == 200, answer.text
    return [row["title"] for row in answer.json()["results"]]


async def faults(client: OpenViperTestClient, address: str) -> list[tuple[str, str, Any]]:
    """Return the pointer, the code and the value of everything that is wrong with an address."""
    answer = await client.get(address)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [
        (fault["pointer"], fault["code"], fault.get("value")) for fault in answer.json()["errors"]
    ]


async def test_a_page_is_followed_by_others_forth_and_back(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        page = (await client.get("/books?ordering=-title")).json()
        assert [row["title"] for row in page["results"]] == ["Book 6", "Book 5", "Book 4"]
        assert (page["count"], page["previous"]) == (7, None)
        second = await client.get(page["next"])
        assert [row["title"] for row in second.json()["results"]] == ["Book 3", "Book 2", "Book 1"]
        address = second.json()
        assert second.headers["link"] == (
            f'<{address["next"]}>; rel="next", <{address["previous"]}>; rel="prev"'
        )
        last = (await client.get(address["next"])).json()
        assert (len(last["results"]), last["next"]) == (1, None)
        assert (await client.get(address["previous"])).json()["results"] == page["results"]
        assert list(page) == ["results", "next", "previous", "count"]


NARROWED = [
    ("author=1&page_size=9", "135"),
    ("author__in=1&author__in=2&page_size=9", "0123456"),
    ("author__country=fr&page_size=9", "0246"),
    ("author__country__ne=fr&page_size=9", "135"),
    ("price__gte=4.5", "5"),
    ("price__gte=2&price__lte=3", "23"),
    ("price__isnull=true", "6"),
    ("title__icontains=OOK%202", "2"),
    ("title__startswith=Book&pages=100&page_size=2", "01"),
    ("search=ann%20%205", "5"),
    ("search=%20&page_size=2", "01"),
    ("search=%25", ""),
    ("title__icontains=_", ""),
    ("title__icontains=", "012"),
    ("tags__word=red", "4"),
    ("created__gte=2020-01-01T00:00:00Z", ""),
    ("created__year=2020", ""),
    ("ordering=-author__name,title&page_size=5", "02461"),
    ("ordering=-price&page_size=2", "54"),
    ("price__gte=99999999999999999999", ""),
    ("pages=99999999999", ""),
    ("title__icontains=%F0%9F%98%80", ""),
    ("title__startswith=%D7%A9%00", ""),
]


async def test_a_list_is_narrowed_and_ordered(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        ids = {author.name: author.pk for author in await Author.objects.all()}
        assert ids == {"Ann": 1, "Bob": 2}
        red = await Tag.objects.create(word="red")
        await (await Book.objects.get(title="Book 4")).tags.add(red)
        for query, numbers in NARROWED:
            assert "".join(title[-1] for title in await titles(client, query)) == numbers, query


WRONG = [
    ("price__gte=cheap", ("/query/price__gte", "number", "'cheap'")),
    ("price__gte=", ("/query/price__gte", "number", "''")),
    ("price__gte=NaN", ("/query/price__gte", "number", "'NaN'")),
    ("author=x", ("/query/author", "integer", "'x'")),
    ("author=1&author=2", ("/query/author", "multiple", "'2'")),
    ("author__in=1&author__in=x", ("/query/author__in/1", "integer", "'x'")),
    ("author__country=xx", ("/query/author__country", "one_of", "'xx'")),
    ("titel=x", ("/query/titel", "unknown", "'x'")),
    ("title=x", ("/query/title", "unknown", "'x'")),
    ("Price__gte=1", ("/query/Price__gte", "unknown", "'1'")),
    ("ordering=pages", ("/query/ordering", "unknown", "'pages'")),
    ("ordering=price,", ("/query/ordering", "unknown", "''")),
    ("ordering=price,-price", ("/query/ordering", "multiple", "'-price'")),
    ("ordering=--price", ("/query/ordering", "unknown", "'--price'")),
    ("ordering=?", ("/query/ordering", "unknown", "'?'")),
    ("search=a+b+c+d+e+f+g+h+i+j+k", ("/query/search", "max_length", "'a b c d e f g h i j k'")),
    ("fields=titel", ("/query/fields", "unknown", "'titel'")),
    ("fields=", ("/query/fields", "unknown", "''")),
    ("fields=author.name", ("/query/fields", "unknown", "'author.name'")),
    ("page_size=0", ("/query/page_size", "between", "'0'")),
    ("page_size=11", ("/query/page_size", "between", "'11'")),
    ("page_size=1.5", ("/query/page_size", "integer", "'1.5'")),
    ("cursor=", ("/query/cursor", "cursor", "''")),
    ("cursor=abc", ("/query/cursor", "cursor", "'abc'")),
    ("cursor=~abc%00", ("/query/cursor", "cursor", "'~abc\\x00'")),
    ("price__isnull=perhaps", ("/query/price__isnull", "type", "'perhaps'")),
    ("%00=1", ("/query/\\x00", "unknown", "'1'")),
]


async def test_what_cannot_be_asked_is_told_with_its_place(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        for query, fault in WRONG:
            assert await faults(client, f"/books?{query}") == [fault], query


async def test_everything_that_is_wrong_is_told_at_once_with_what_may_be_meant(
    tmp_path: Path,
) -> None:
    async with library(tmp_path) as client:
        answer = await client.get("/books?titel=x")
        assert "did you mean 'title__icontains'" in answer.json()["errors"][0]["message"]
        answer = await client.get("/books?zzzz=x")
        assert "is unknown; there are author, author__in" in answer.json()["errors"][0]["message"]
        answer = await client.get("/books?titel__icontains=x&price__lte=dear&ordering=titel")
        messages = [fault["message"] for fault in answer.json()["errors"]]
        assert messages[0] == "is unknown; did you mean 'title__icontains'?"
        assert messages[2] == "is no order of this list; did you mean 'title'?"
        wrong = "&".join(f"x{number}=1" for number in range(500))
        assert len((await client.get(f"/books?{wrong}")).json()["errors"]) == 100


async def test_a_cursor_is_good_for_the_order_it_was_made_in(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        cursor = (await client.get("/books?ordering=title")).json()["next"].partition("cursor=")[2]
        assert await titles(client, f"ordering=title&cursor={cursor}") == [
            "Book 3",
            "Book 4",
            "Book 5",
        ]
        found = await faults(client, f"/books?ordering=price&cursor={cursor}")
        assert found[0][:2] == ("/query/cursor", "cursor")


async def test_the_number_of_statements_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        with assert_queries(2):
            await client.get("/books?page_size=2&ordering=title&search=book")
        with assert_queries(2):
            assert len((await client.get("/books?page_size=10")).json()["results"]) == 7
        red = await Tag.objects.create(word="red")
        for book in await Book.objects.all():
            await book.tags.add(red)
        with assert_queries(2):
            few = await client.get("/nested?page_size=2")
        with assert_queries(2):
            many = await client.get("/nested?page_size=8")
        assert (len(few.json()["results"]), len(many.json()["results"])) == (2, 8)
        with assert_queries(1):
            await client.get("/nested?page_size=8&fields=id,title")


async def test_only_the_fields_that_are_asked_for_are_sent(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        rows = (await client.get("/nested?fields=title,author.name&page_size=1")).json()["results"]
        assert rows == [{"title": "Book 0", "author": {"name": "Bob"}}]
        row = (await client.get("/nested/1?fields=author")).json()
        assert row == {"author": {"id": 2, "name": "Bob"}}
        for wrong, message in {
            "author.nam": "asks for 'nam', which is no field here; did you mean 'name'?",
            "author,author.name": "asks for a part of what is asked for as a whole",
            "title.x": "asks for 'x', which is no field here; there is none",
            "author.": "asks for '', which is no field here; there are id, name",
        }.items():
            answer = await client.get(f"/nested/1?fields={wrong}")
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["message"] == message


async def test_rows_come_as_csv_and_as_lines_of_json(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        answer = await client.get(
            "/books?fields=title,price&ordering=title&page_size=2", headers={"accept": "text/csv"}
        )
        assert answer.text == "title,price\r\nBook 0,0.00\r\nBook 1,1.00\r\n"
        assert 'rel="next"' in answer.headers["link"]
        assert answer.headers["vary"] == "Accept"
        assert answer.headers["content-type"].startswith("text/csv")
        empty = await client.get("/books?fields=title&pages=1", headers={"accept": "text/csv"})
        assert empty.text == "title\r\n"
        lines = await client.get(
            "/books?fields=title&page_size=2", headers={"accept": "application/x-ndjson"}
        )
        assert lines.text == '{"title":"Book 0"}\n{"title":"Book 1"}\n'
        refused = await client.get("/books", headers={"accept": "image/png"})
        assert refused.status_code == 406


async def test_a_row_and_a_list_that_the_client_has_are_not_sent_again(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        for address in ("/books/1", "/books?ordering=title", "/books/1?fields=title"):
            answer = await client.get(address)
            tag = answer.headers["etag"]
            assert tag.startswith('"')
            again = await client.get(address, headers={"if-none-match": tag})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            weak = await client.get(address, headers={"if-none-match": f'"x", W/{tag}'})
            assert weak.status_code == 304
            other = await client.get(address, headers={"if-match": '"other"'})
            assert other.status_code == 412
        await Book.objects.filter(id=1).update(title="Changed")
        changed = await client.get("/books/1", headers={"if-none-match": tag})
        assert changed.status_code == 200 and changed.headers["etag"] != tag


async def test_a_row_is_read(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        answer = await client.get("/books/2")
        assert answer.json() == {
            "id": 2,
            "title": "Book 1",
            "isbn": "978000001",
            "price": "1.00",
            "pages": 100,
            "author": 1,
            "notes": {},
            "created": None,
        }
        head = await client.head("/books/2")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == answer.headers["etag"]
        assert (await client.get("/authors/ann")).json()["name"] == "Ann"
        for missing in ("/books/99", "/books/8", "/books/x", "/books/-1", "/authors/nobody"):
            assert (await client.get(missing)).status_code == 404
        unknown = await client.get("/books/2?field=title")
        assert unknown.json()["errors"][0]["message"] == "is unknown; did you mean 'fields'?"


async def test_what_there_is_no_action_for_is_not_allowed(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        answer = await client.post("/nested", json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        answer = await client.options("/books/1")
        assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
        assert (await client.options("/books")).headers[
            "allow"
        ] == "GET, HEAD, OPTIONS, PATCH, POST"


async def test_rows_lie_below_those_of_a_parent(tmp_path: Path) -> None:
    async with library(tmp_path) as client:
        answer = await client.get("/authors/ann/books?ordering=-title")
        assert [row["title"] for row in answer.json()["results"]] == [
            "Hidden one",
            "Book 5",
            "Book 3",
            "Book 1",
        ]
        assert (await client.get("/authors/nobody/books")).status_code == 404
        assert (await client.get("/authors/ann/books/2")).status_code == 200
        assert (await client.get("/authors/ann/books/1")).status_code == 404
