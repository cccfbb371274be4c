"""What the type checker knows of serializers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, assert_type

from openviper import OpenViper
from openviper.db import CharField, Model
from openviper.serializers import (
    ModelSerializer,
    PaginatedSerializer,
    Serializer,
    computed_field,
    field_validator,
    model_serializer,
    model_validator,
)
from openviper.validation import MaxLength

T = TypeVar("T")
app = OpenViper()


class Book(Model):
    title = CharField()


@dataclass
class Order:
    name: str


class BookIn(Serializer):
    title: Annotated[str, MaxLength(20)]
    tags: list[str] = []

    @field_validator("title")
    @classmethod
    def bare(cls, value: str) -> str:
        return value.strip()

    @model_validator()
    def fits(self) -> None:
        assert_type(self.tags, list[str])

    @computed_field
    def label(self) -> str:
        return self.title


class BookPatch(BookIn, partial=True, unknown="ignore"):
    pass


class Page(Serializer, Generic[T]):
    items: list[T]


class BookOut(ModelSerializer[Book]):
    class Meta:
        model = Book
        fields = ["title"]


class Untyped(ModelSerializer):
    class Meta:
        model = Book
        fields = "__all__"


def validated() -> None:
    assert_type(BookIn.validate({}), BookIn)
    assert_type(BookIn.validate_data({}, partial=True), BookIn)
    assert_type(BookPatch.validate_json_string("{}"), BookPatch)
    book = BookIn(title="a", tags=["b"])
    assert_type(book.label, str)
    assert_type(book.serialize(), dict[str, Any])
    assert_type(book.serialize_json(), bytes)
    assert_type(book.model_fields_set, set[str])
    assert_type(BookIn.staged({}).validate(), bool)
    assert_type(Page[int](items=[1]).items, list[int])
    BookIn(titel="a")  # type: ignore[call-arg]  # There is no such field.
    BookIn(title=5)  # type: ignore[arg-type]  # It is text.
    book.tittle  # type: ignore[attr-defined]  # noqa: B018 - There is no such field.


async def stored(row: Book) -> None:
    body = BookOut.validate({})
    assert_type(body, BookOut)
    assert_type(await body.create(), Book)
    assert_type(await body.update(row), Book)
    assert_type(await body.save(), dict[str, Any])
    assert_type(await BookOut.create_from({}), Book)
    assert_type(await BookOut.update_from(row, {}, partial=True), Book)
    assert_type(await BookOut.load(row), BookOut)
    assert_type(await BookOut.dump_many([row]), list[dict[str, Any]])
    assert_type(BookOut.from_orm_many([row]), list[BookOut])
    assert_type(await BookOut.paginate(Book.objects), PaginatedSerializer)
    assert_type(await BookOut.prepare(Book.objects.filter(title="a")), list[Book])
    assert_type(model_serializer(Book, fields="__all__"), type[ModelSerializer[Book]])
    Untyped(title="a")
    await body.update(Order("a"))  # type: ignore[arg-type]  # It is no row of the model.


def of_a_dataclass() -> None:
    assert_type(Serializer.of(Order).validate({}).value(), Order)


@app.post("/books")
async def create(body: BookIn) -> BookIn:
    return body
