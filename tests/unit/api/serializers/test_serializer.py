"""Serializers of fields of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import pytest

from openviper.serializers import (
    NotThereError,
    Serializer,
    SerializerError,
    computed_field,
    field_validator,
    model_validator,
)
from openviper.validation import (
    Alias,
    Between,
    DumpError,
    MaxLength,
    ParseError,
    ReadOnly,
    Secret,
    UnsupportedTypeError,
    WriteOnly,
    describe,
    dump,
    parse,
)

T = TypeVar("T")


class Kind(Enum):
    PAPER = "paper"
    AUDIO = "audio"


class AuthorOut(Serializer):
    name: str


class BookIn(Serializer):
    """A book that is received."""

    places: ClassVar[int] = 3
    title: Annotated[str, MaxLength(20)]
    tags: list[str] = []
    price: Decimal | None = None
    kind: Kind = Kind.PAPER
    author: AuthorOut | None = None
    id: Annotated[int, ReadOnly()]
    code: Annotated[str, Secret(), WriteOnly()] = "s3cret"

    @field_validator("title")
    @classmethod
    def bare(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value.strip()

    @field_validator("tags", mode="before")
    @classmethod
    def split(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value

    @model_validator()
    def priced(self) -> None:
        if self.kind is Kind.AUDIO and self.price is None:
            raise ValueError("audio has a price")

    @computed_field
    def label(self) -> str:
        """What is on the back."""
        return f"{self.title} ({self.kind.value})"


class BookPatch(BookIn, partial=True):
    pass


class Loose(Serializer, unknown="ignore"):
    word: str
    number: Annotated[int, ReadOnly()] = 7


class Span(Serializer):
    begin: date
    end: date

    @model_validator()
    def in_order(self) -> Span:
        if self.end < self.begin:
            raise ValueError("ends before it begins")
        return self


class Tree(Serializer):
    name: str
    children: list[Tree] = []


class Page(Serializer, Generic[T]):
    items: list[T]


class Outer(Serializer, Generic[T]):
    page: Page[T]


class Later(Serializer):
    item: ComesLater | None = None


class ComesLater(Serializer):
    word: str


def faults(check: Callable[[], object]) -> list[str]:
    """Return what is wrong with data."""
    with pytest.raises(ParseError) as refused:
        check()
    return [str(fault) for fault in refused.value.faults]


def test_data_becomes_an_instance() -> None:
    book = BookIn.validate(
        {"title": " Emma ", "tags": "a,b", "price": "1.50", "author": {"name": "Jane"}}
    )
    assert (book.title, book.tags, book.price) == ("Emma", ["a", "b"], Decimal("1.50"))
    assert book.author == AuthorOut(name="Jane") and book.kind is Kind.PAPER
    assert book.model_fields_set == {"title", "tags", "price", "author"}
    assert BookIn.validate({"title": "x"}).tags is not BookIn.validate({"title": "x"}).tags


def test_everything_that_is_wrong_is_told_at_its_place() -> None:
    data = {"title": "x" * 21, "tags": [1], "kind": "tape", "author": {"nam": "J"}, "id": 3}
    assert faults(lambda: BookIn.validate(data)) == [
        f"title: must have at most 20 characters or items, not '{'x' * 21}'",
        "tags.0: must be text, not 1",
        "kind: must be one of 'paper', 'audio', not 'tape'",
        "author.name: is missing",
        "author.nam: is unknown",
        "id: is read-only",
    ]
    assert faults(lambda: BookIn.validate({"title": "  "})) == [
        "title: must not be blank, not '  '"
    ]
    assert faults(lambda: BookIn.validate({"title": "x", "kind": "audio"})) == ["audio has a price"]
    assert faults(lambda: BookIn.validate([])) == ["must be an object"]
    assert faults(lambda: BookIn.validate(None)) == ["must be an object, not None"]
    assert faults(lambda: BookIn.validate({"title": True})) == ["title: must be text, not True"]
    assert faults(lambda: BookIn.validate({"title": "x", "code": 5})) == [
        "code: must be text, not ********"
    ]


def test_what_is_missing_of_a_patch_is_not_none() -> None:
    for patch in (
        BookIn.validate_data({"price": None}, partial=True),
        BookPatch.validate({"price": None}),
    ):
        assert isinstance(patch, BookIn)
        assert patch.model_fields_set == {"price"} and patch.price is None
        assert patch.model_dump() == {"price": None}
        with pytest.raises(NotThereError, match="BookIn.title was not sent|BookPatch.title"):
            _ = patch.title
        assert not hasattr(patch, "tags")
    # What cannot be judged without the row is not judged.
    assert BookPatch.validate({"kind": "audio"}).kind is Kind.AUDIO
    assert faults(lambda: BookPatch.validate({"kind": "audio", "price": None})) == [
        "audio has a price"
    ]
    assert BookPatch.input_schema()["required"] == []


def test_unknown_keys_can_be_passed_over() -> None:
    assert Loose.validate({"word": "x", "wort": 1, "number": 9}).number == 7
    assert "additionalProperties" not in Loose.input_schema()
    assert faults(lambda: AuthorOut.validate({"name": "J", "nam": 1})) == ["nam: is unknown"]


def test_a_call_is_checked_too() -> None:
    book = BookIn(title=" Emma ", id=3)
    assert (book.title, book.id, book.model_fields_set) == ("Emma", 3, {"title", "id"})
    with pytest.raises(TypeError, match=r"BookIn\(\): id: is missing; titel: is unknown"):
        BookIn(title="x", titel="y")  # type: ignore[call-arg]  # It is refused.
    with pytest.raises(ValueError, match=r"BookIn\(\): title: must be text, not 5"):
        BookIn(title=5, id=1)  # type: ignore[arg-type]  # It is refused.
    with pytest.raises(ValueError, match="ends before"):
        Span(begin=date(2026, 2, 1), end=date(2026, 1, 1))


def test_what_is_sent() -> None:
    book = BookIn(title="Emma", id=3, price=Decimal("1.50"), author=AuthorOut(name="Jane"))
    assert book.serialize() == {
        "title": "Emma",
        "tags": [],
        "price": "1.50",
        "kind": "paper",
        "author": {"name": "Jane"},
        "id": 3,
        "label": "Emma (paper)",
    }
    assert dump(book) == dump(book, BookIn) == book.serialize()
    assert book.serialize(exclude=["tags", "price", "kind", "author", "label"]) == {
        "title": "Emma",
        "id": 3,
    }
    assert json.loads(book.serialize_json(exclude={"kind"}))["id"] == 3
    with pytest.raises(SerializerError, match="exclude names 'tittle'.*did you mean 'title'"):
        book.serialize(exclude=["tittle"])
    with pytest.raises(SerializerError, match="exclude names 'code'"):
        book.serialize(exclude=["code"])
    book.title = 5  # type: ignore[assignment]  # It is refused when it is written.
    with pytest.raises(DumpError):
        book.serialize()


def test_what_was_not_received_cannot_be_sent() -> None:
    with pytest.raises(NotThereError, match="BookIn.id is read-only and was not received"):
        BookIn.validate({"title": "x"}).serialize()


def test_values_as_python_has_them() -> None:
    book = BookIn.validate({"title": "x", "author": {"name": "J"}})
    assert book.model_dump(exclude_unset=True) == {"title": "x", "author": {"name": "J"}}
    assert book.model_dump(exclude=["author", "tags"]) == {
        "title": "x",
        "price": None,
        "kind": Kind.PAPER,
        "code": "s3cret",
    }
    with pytest.raises(SerializerError, match="did you mean 'author'"):
        book.model_dump(exclude=["auther"])
    tree = Tree.validate({"name": "a", "children": [{"name": "b"}]})
    assert tree.model_dump()["children"] == [{"name": "b", "children": []}]


def test_secrets_are_not_shown() -> None:
    assert repr(BookIn.validate({"title": "x", "code": "abc"})) == (
        "BookIn(title='x', tags=[], price=None, kind=<Kind.PAPER: 'paper'>, author=None, code=********)"
    )


def test_instances_are_compared_by_their_values() -> None:
    assert AuthorOut(name="J") == AuthorOut.validate({"name": "J"})
    assert AuthorOut(name="J") != AuthorOut(name="K")
    assert AuthorOut(name="J") != "J"
    with pytest.raises(TypeError, match="unhashable"):
        hash(AuthorOut(name="J"))


def test_staged_data() -> None:
    for form in (BookIn(data={"title": ""}), BookIn.staged({"title": ""})):  # type: ignore[call-arg]  # See `staged`.
        with pytest.raises(RuntimeError, match="validated_data"):
            _ = form.validated_data
        with pytest.raises(RuntimeError, match="validate"):
            _ = form.errors
        with pytest.raises(NotThereError, match=r"call validate\(\) first"):
            _ = form.title
        assert form.validate() is False
        assert form.errors[0]["code"] == "invalid"
        with pytest.raises(RuntimeError, match="validated_data"):
            _ = form.validated_data
        with pytest.raises(ParseError):
            form.validate(raise_exception=True)
    good = BookIn.staged({"title": "x"}, partial=True)
    assert good.validate() and good.errors == [] and good.validated_data == {"title": "x"}
    assert good.title == "x"
    with pytest.raises(NotThereError, match="BookIn.tags was not sent"):
        _ = good.tags
    with pytest.raises(RuntimeError, match="not made with data"):
        AuthorOut(name="J").validate()
    with pytest.raises(TypeError, match="date"):
        BookIn(data={}, date=3)  # type: ignore[call-arg]  # It is refused.


class Sized(Serializer):
    size: int

    @field_validator("*")
    @classmethod
    def within(cls, value: Any, context: Mapping[str, Any]) -> Any:
        if value > context.get("most", 10):
            raise ValueError("is too large")
        return value

    @model_validator(mode="before")
    @classmethod
    def renamed(cls, data: Any) -> Any:
        if isinstance(data, dict) and "length" in data:
            data["size"] = data.pop("length")
        return data

    @model_validator()
    def even(self, context: Mapping[str, Any]) -> None:
        if context.get("even") and self.size % 2:
            raise ValueError("is odd")


def test_validators_are_given_a_context() -> None:
    assert faults(lambda: Sized.validate({"size": 11})) == ["size: is too large, not 11"]
    assert Sized.validate_data({"size": 11}, context={"most": 20}).size == 11
    assert faults(lambda: Sized.validate_data({"size": 3}, context={"even": True})) == ["is odd"]
    assert Sized.validate({"size": 3}).size == 3


def test_a_validator_before_is_given_a_copy() -> None:
    data = {"length": 3}
    assert Sized.validate(data).size == 3 and data == {"length": 3}
    assert faults(lambda: Sized.validate({"length": "3"})) == ["size: must be an integer, not '3'"]


def test_json_text() -> None:
    assert AuthorOut.validate_json_string('{"name": "J"}').name == "J"
    assert AuthorOut.validate_json_string(b'{"name": "J"}').name == "J"
    assert faults(lambda: AuthorOut.validate_json_string("{")) == [
        "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    ]
    assert faults(lambda: Sized.validate_json_string('{"size": NaN}')) == [
        "is not JSON: NaN is not a number"
    ]
    assert faults(lambda: AuthorOut.validate_json_string(" " * (1024 * 1024 + 1))) == [
        "is longer than 1048576 bytes"
    ]
    assert "is not JSON" in faults(lambda: AuthorOut.validate_json_string(b"\xff"))[0]
    assert "is not JSON" in faults(lambda: AuthorOut.validate_json_string('"\ud800'))[0]
    deep = "[" * 200_000 + "]" * 200_000
    assert faults(lambda: AuthorOut.validate_json_string(deep)) == ["is nested too deeply"]
    with pytest.raises(TypeError, match="JSON is text"):
        AuthorOut.validate_json_string(3)  # type: ignore[arg-type]  # It is refused.


def test_other_objects_are_read_by_their_attributes() -> None:
    @dataclass
    class Writer:
        name: str

    @dataclass
    class Book:
        title: str
        id: int = 1
        tags: list[str] = field(default_factory=list)
        price: Decimal | None = None
        kind: str = "audio"
        author: Writer | None = None

    shown = BookIn.from_orm(Book("Emma", author=Writer("Jane")))
    assert shown.serialize()["author"] == {"name": "Jane"}
    assert shown.kind is Kind.AUDIO
    assert [each.title for each in BookIn.from_orm_many([Book("a"), Book("b")])] == ["a", "b"]
    with pytest.raises(AttributeError, match="title"):
        BookIn.from_orm(Writer("x"))


def test_the_schemas_of_both_ways() -> None:
    received, sent = BookIn.input_schema(), BookIn.output_schema()
    assert list(received["properties"]) == ["title", "tags", "price", "kind", "author", "code"]
    assert received["required"] == ["title"]
    assert "label" in sent["properties"] and "code" not in sent["properties"]
    assert sent["required"] == ["title", "tags", "price", "kind", "author", "id", "label"]
    assert BookIn.model_json_schema() == received
    assert BookIn.model_json_schema(mode="serialization") == sent
    assert received["description"] == "A book that is received."
    assert Tree.input_schema()["$ref"] == "#/$defs/Tree"


def test_a_serializer_is_a_type_for_validation() -> None:
    assert parse(list[AuthorOut], [{"name": "J"}]) == [AuthorOut(name="J")]
    assert parse(Page[AuthorOut], {"items": [{"name": "J"}]}).items == [AuthorOut(name="J")]
    assert faults(lambda: parse(Page[int], {"items": ["x"]})) == [
        "items.0: must be an integer, not 'x'"
    ]
    assert describe(BookIn) is describe(BookIn)


def test_a_generic_serializer_is_a_class_for_each_type() -> None:
    pages = Page[int].validate({"items": [1]})
    assert type(pages).__mro__[1] is Page and type(pages) is Page[int] and pages.items == [1]
    assert Page[int].__name__ == "Page[int]" and Page[str].__name__ == "Page[str]"
    outer = Outer[date].validate({"page": {"items": ["2026-01-02"]}})
    assert outer.page.items == [date(2026, 1, 2)]
    assert outer.serialize() == {"page": {"items": ["2026-01-02"]}}
    with pytest.raises(UnsupportedTypeError, match="type variable T stands for no type"):
        Page.validate({"items": [1]})


def test_a_class_that_comes_later_is_found_when_it_is_needed() -> None:
    assert Later.validate({"item": {"word": "x"}}).item == ComesLater(word="x")


def test_fields_are_inherited_and_replaced() -> None:
    class Base(Serializer):
        a: int = 1
        b: Annotated[int, Between(0, 5)] = 2

    class More(Base):
        b: int = 50
        c: str = ""

    assert More.validate({}).model_dump() == {"a": 1, "b": 50, "c": ""}
    assert More.validate({"b": 60}).b == 60
    assert Base.validate({}).b == 2


def test_a_field_with_the_name_of_a_method_has_an_alias() -> None:
    class Named(Serializer):
        validate_: Annotated[int, Alias("validate")]
        data: dict[str, int] = {}

    named = Named.validate({"validate": 1, "data": {"a": 1}})
    assert (named.validate_, named.data) == (1, {"a": 1})
    assert Named(validate_=1, data={"a": 2}).serialize() == {"validate": 1, "data": {"a": 2}}
    assert named.model_fields_set == {"validate_", "data"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("validate: int", r"serializers have something of this name; write validate_: Annotated"),
        ("a: int = 1; readonly_fields = ['b']", "readonly_fields names 'b'"),
        ("name: int = 1; writeonly_fields = ['nam']", "did you mean 'name'"),
        ("a: int = 1; readonly_fields = 'a'", "is a list of names, not 'a'"),
        (
            "a: int = 1; readonly_fields = ['a']; writeonly_fields = ['a']",
            "'a' is both read-only and write-only",
        ),
        (
            "name: int\n    @field_validator('nam')\n    @classmethod\n    def f(cls, v): return v",
            r"f\(\) names 'nam', which is not there; did you mean 'name'",
        ),
        ("a: subprocess.Popen", "cannot be read from data"),
        ("a: int\n    @computed_field\n    def b(self): return 1", "does not say of which type"),
        ("a: int; read_only_fields = ['a']", "did you mean 'readonly_fields'"),
        ("a: int; b = 5", "Wrong.b has no type, so it is no field"),
        ("a: int\n    class Meta: fields = ['a']", "only a ModelSerializer has one"),
        ("a: int; readonly_fields = ['a', 'a']", "names 'a' twice"),
        ("a: int; permission_classes = ['x']", "Wrong.permission_classes is not asked"),
        ("a: Annotated[int, Alias('b')]; b: int", "two fields with the key 'b'"),
        (
            "a: int\n    @model_validator()\n    @classmethod\n    def f(cls, v): return v",
            "is a method of the instance",
        ),
        ("@field_validator()\n    def f(cls, v): return v", "needs the names of fields"),
        ("@field_validator('a', mode='wrap')\n    def f(cls, v): return v", "mode='wrap'"),
        ("@field_validator('a')\n    async def f(cls, v): return v", "is async"),
        ("@computed_field\n    async def f(self) -> int: return 1", "is async"),
    ],
)
def test_a_mistake_in_a_class_is_told_when_it_is_made(body: str, reason: str) -> None:
    names = {**globals(), "subprocess": subprocess}
    with pytest.raises(TypeError, match=reason):
        exec(f"class Wrong(Serializer):\n    {body}", names)


def test_a_default_without_a_type_is_refused() -> None:
    with pytest.raises(SerializerError, match="is a field of its base; write its type"):
        exec("class Wrong(AuthorOut):\n    name = 'x'", globals())
    with pytest.raises(SerializerError, match="unknown='x'"):
        exec("class Wrong(Serializer, unknown='x'):\n    name: str", globals())
    with pytest.raises(TypeError, match="partia"):
        exec("class Wrong(Serializer, partia=True):\n    name: str", globals())


def test_a_validator_without_classmethod_is_bound() -> None:
    class Plain(Serializer):
        word: str

        @field_validator("word")
        def upper(cls, value: str) -> str:
            return value.upper()

    assert Plain.validate({"word": "x"}).word == "X"


def test_a_validator_that_is_replaced_is_asked_no_more() -> None:
    class Lenient(BookIn):
        @field_validator("title")
        @classmethod
        def bare(cls, value: str) -> str:
            return value

    assert Lenient.validate({"title": " "}).title == " "


def test_a_validator_that_returns_something_else_is_a_mistake() -> None:
    class Odd(Serializer):
        a: int

        @model_validator()
        def check(self) -> int:
            return 5

    with pytest.raises(TypeError, match="returned 5; it returns self, or nothing"):
        Odd.validate({"a": 1})


def test_reads_in_linear_time_and_not_too_deep() -> None:
    data: dict[str, Any] = {"name": "x"}
    for _ in range(150):
        data = {"name": "x", "children": [data]}
    assert "nested deeper" in faults(lambda: Tree.validate(data))[0]


def test_odd_texts_are_refused_or_kept() -> None:
    assert "name" in faults(lambda: AuthorOut.validate({"name": "\ud800"}))[0]
    for text in ("\N{PILE OF POO}", "\N{ARABIC LETTER ALEF}"):
        assert AuthorOut.validate({"name": text}).serialize() == {"name": text}


async def test_objects_are_written_without_a_database() -> None:
    @dataclass
    class Writer:
        name: str

    assert await AuthorOut.dump(Writer("J")) == {"name": "J"}
    assert await AuthorOut.serialize_many([Writer("J")]) == [{"name": "J"}]
    assert await AuthorOut.serialize_many_json(iter([Writer("J")])) == b'[{"name":"J"}]'
    assert AuthorOut.output_names() == ["name"]


@dataclass
class Order:
    """An order."""

    name: Annotated[str, MaxLength(5)]
    author: AuthorOut
    lines: list[int] = field(default_factory=list)
    id: int = 0
    sum: int = field(init=False, default=7)


def test_a_serializer_of_a_dataclass() -> None:
    cls = Serializer.of(Order, readonly_fields=["id"], unknown="ignore")
    assert cls.__name__ == "Order" and cls.input_schema()["description"] == "An order."
    made = cls.validate({"name": "a", "author": {"name": "J"}, "more": 1})
    order = made.value()
    assert order == Order("a", AuthorOut(name="J"))
    assert cls.from_orm(order).serialize() == {
        "name": "a",
        "author": {"name": "J"},
        "lines": [],
        "id": 0,
        "sum": 7,
    }
    assert list(cls.input_schema()["properties"]) == ["name", "author", "lines"]
    short = Serializer.of(Order, fields=["name", "id"], exclude=["id"], name="Short", partial=True)
    assert short.output_names() == ["name"] and short.__name__ == "Short"
    with pytest.raises(TypeError, match="author"):
        short.validate({"name": "a"}).value()
    with pytest.raises(SerializerError, match="exclude names 'nam'.*did you mean 'name'"):
        Serializer.of(Order, exclude=["nam"])
    with pytest.raises(SerializerError, match="fields names 'x'"):
        Serializer.of(Order, fields=["x"])
    with pytest.raises(SerializerError, match="is not a dataclass"):
        Serializer.of(int)
