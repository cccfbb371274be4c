"""Models as results of typed handlers: what `to_dict` shows, in answers and in the document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Generic, TypeVar

import pytest

from openviper import OpenViper
from openviper.api import Info, build_document, operation
from openviper.db.fields import (
    ArrayField,
    BinaryField,
    CharField,
    DateField,
    DecimalField,
    ForeignKey,
    JSONField,
    PasswordField,
    SensitiveField,
    TextChoice,
)
from openviper.db.models import Model
from openviper.routing.typed.results import describe_result
from openviper.validation import UnsupportedTypeError, describe
from openviper.validation.dumping import Dumper

T = TypeVar("T")


class Kind(TextChoice):
    NOVEL = "novel", "Novel"
    POEM = "poem", "Poem"


class ResultAuthor(Model):
    """Who wrote it."""

    name = CharField(max_length=50)
    password = PasswordField()
    ssn = SensitiveField(max_length=20, null=True)

    class Meta:
        table_name = "results_authors"


class ResultBook(Model):
    title = CharField(max_length=50, help_text="as printed")
    author = ForeignKey(ResultAuthor)
    kind = CharField(max_length=10, choices=Kind)
    price = DecimalField(max_digits=6, decimal_places=2, null=True)
    printed = DateField()
    tags = ArrayField(CharField(max_length=5))
    cover = BinaryField(null=True)
    extra = JSONField(null=True)

    class Meta:
        table_name = "results_books"


@dataclass
class Page(Generic[T]):
    items: list[T]
    next: int | None = None


def author() -> ResultAuthor:
    return ResultAuthor(id=3, name="Ada", password="plain$x", ssn="123")


def book(**values: Any) -> ResultBook:
    given: dict[str, Any] = {
        "id": 1,
        "title": "On Engines",
        "author_id": 3,
        "kind": Kind.POEM,
        "price": Decimal("1.50"),
        "printed": date(2026, 11, 30),
        "tags": ["a"],
        "cover": b"\0",
        "extra": {"a": [1]},
    }
    return ResultBook(**{**given, **values})


SHOWN = {
    "id": 1,
    "title": "On Engines",
    "author_id": 3,
    "kind": "poem",
    "price": "1.50",
    "printed": "2026-11-30",
    "tags": ["a"],
    "cover": "AA==",
    "extra": {"a": [1]},
}


def written(of: Any, value: Any) -> Any:
    return Dumper(describe_result(of)).write(value)


def test_a_model_is_written_as_to_dict_shows_it() -> None:
    assert written(ResultBook, book()) == SHOWN
    assert set(SHOWN) == set(book().to_dict())
    assert written(ResultAuthor, author()) == {"id": 3, "name": "Ada"}


def test_models_stand_in_other_types() -> None:
    assert written(list[ResultAuthor], [author()]) == [{"id": 3, "name": "Ada"}]
    assert written(ResultAuthor | None, None) is None
    assert written(Page[ResultAuthor], Page([author()]))["items"] == [{"id": 3, "name": "Ada"}]
    assert written(ResultAuthor | ResultBook, author()) == {"id": 3, "name": "Ada"}


def test_null_columns_are_null() -> None:
    none = written(ResultBook, book(price=None, cover=None, extra=None))
    assert (none["price"], none["cover"], none["extra"]) == (None, None, None)


def test_nothing_is_read_into_a_model() -> None:
    with pytest.raises(UnsupportedTypeError, match="ResultBook cannot be read from data"):
        describe(ResultBook)
    with pytest.raises(UnsupportedTypeError, match="socket"):
        describe_result(__import__("socket").socket)


def application() -> OpenViper:
    app = OpenViper(debug=False)

    @app.get("/author")
    async def one() -> ResultAuthor:
        return author()

    @app.get("/books")
    @operation(answers={404: ("There are none.", ResultAuthor)})
    async def several() -> Page[ResultBook]:
        return Page([book()])

    @app.get("/wrong")
    async def wrong() -> ResultAuthor:
        return book()  # type: ignore[return-value]  # the mistake that is meant

    return app


async def test_answers_have_no_password_and_nothing_encrypted() -> None:
    client = application().test_client()
    assert (await client.get("/author")).json() == {"id": 3, "name": "Ada"}
    assert (await client.get("/books")).json() == {"items": [SHOWN], "next": None}
    assert (await client.get("/wrong")).status_code == 500


def test_the_document_tells_the_same() -> None:
    document = build_document(application().router.routes, Info())
    schemas = document["components"]["schemas"]
    assert schemas["ResultAuthor"] == {
        "description": "Who wrote it.",
        "type": "object",
        "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
        "required": ["id", "name"],
        "additionalProperties": False,
    }
    fields = schemas["ResultBook"]["properties"]
    assert fields["title"] == {"type": "string", "description": "as printed"}
    assert fields["kind"] == {"type": "string", "enum": ["novel", "poem"]}
    assert fields["author_id"] == {"type": "integer"}
    assert fields["tags"] == {"type": "array", "items": {"type": "string"}}
    assert fields["price"]["anyOf"][1] == {"type": "null"}
    answers = document["paths"]["/books"]["get"]["responses"]
    assert answers["404"]["content"]["application/json"]["schema"]["$ref"].endswith("ResultAuthor")
