"""Serializers as the types of handlers, and in the document of an API."""

from __future__ import annotations

from typing import Annotated

from openviper import OpenViper
from openviper.api import Info, build_document
from openviper.http import Query
from openviper.serializers import PaginatedSerializer, Serializer, computed_field, field_validator
from openviper.testing import OpenViperTestClient
from openviper.validation import Between, ReadOnly, WriteOnly


class Author(Serializer):
    name: str


class Book(Serializer):
    """A book of the shop."""

    title: str
    author: Author | None = None
    id: Annotated[int, ReadOnly()]
    code: Annotated[str, WriteOnly()] = ""

    @field_validator("title")
    @classmethod
    def bare(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value.strip()

    @computed_field
    def shown(self) -> str:
        return self.title.upper()


class BookPatch(Book, partial=True):
    pass


class Filter(Serializer):
    page: Annotated[int, Between(1, 9)] = 1
    words: list[str] = []


app = OpenViper(title="Shop")


@app.post("/books")
async def create(book: Book) -> Book:
    return Book(id=7, title=book.title, author=book.author)


@app.patch("/books/{id:int}")
async def change(id: int, book: BookPatch) -> dict[str, list[str]]:
    return {"sent": sorted(book.model_fields_set)}


@app.get("/books")
async def search(filter: Annotated[Filter, Query()]) -> list[Book]:
    return [Book(id=filter.page, title=word) for word in filter.words]


@app.get("/pages")
async def pages() -> PaginatedSerializer:
    return PaginatedSerializer(count=0, next=None, previous=None, next_cursor=None, results=[])


@app.get("/wrong")
async def wrong() -> Book:
    return Book.validate({"title": "x"})


async def test_what_is_received_is_checked_and_what_is_sent_is_written() -> None:
    async with OpenViperTestClient(app) as client:
        answer = await client.post("/books", json={"title": " Emma ", "author": {"name": "Jane"}})
        assert answer.json() == {
            "title": "Emma",
            "author": {"name": "Jane"},
            "id": 7,
            "shown": "EMMA",
        }
        answer = await client.post("/books", json={"title": " ", "id": 3, "autor": 1})
        assert answer.status_code == 422
        assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
            ("/body/title", "invalid"),
            ("/body/id", "read_only"),
            ("/body/autor", "unknown"),
        ]
        answer = await client.patch("/books/3", json={"author": None})
        assert answer.json() == {"sent": ["author"]}
        answer = await client.get("/books?page=2&words=a&words=b")
        assert [book["id"] for book in answer.json()] == [2, 2]
        assert (await client.get("/books?page=0")).status_code == 422
        assert (await client.get("/pages")).json()["results"] == []


async def test_what_is_not_known_is_a_mistake_of_the_program() -> None:
    async with OpenViperTestClient(app) as client:
        assert (await client.get("/wrong")).status_code == 500


def test_the_document_has_what_is_received_and_what_is_sent() -> None:
    document = build_document(app.router.routes, Info())
    schemas = document["components"]["schemas"]
    assert list(schemas["Book"]["properties"]) == ["title", "author", "code"]
    assert schemas["Book"]["description"] == "A book of the shop."
    assert list(schemas["BookOut"]["properties"]) == ["title", "author", "id", "shown"]
    assert schemas["BookOut"]["required"] == ["title", "author", "id", "shown"]
    assert schemas["BookPatch"]["required"] == []
    paths = document["paths"]
    body = paths["/books"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Book"}
    sent = paths["/books"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert sent == {"$ref": "#/components/schemas/BookOut"}
    names = [each["name"] for each in paths["/books"]["get"]["parameters"]]
    assert names == ["page", "words"]
    assert "PaginatedSerializer" in schemas
