"""Types as data: what OpenAPI, JSON Schema and forms walk."""

from __future__ import annotations

import sys
from dataclasses import InitVar, dataclass, field
from ipaddress import IPv4Address
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import pytest

from openviper.validation import (
    Between,
    Description,
    Example,
    ParseError,
    Title,
    UnsupportedTypeError,
    describe,
    dump,
    parse,
    register_type,
)
from openviper.validation.nodes import (
    MISSING,
    AliasNode,
    ArrayNode,
    CustomNode,
    NullableNode,
    RecordNode,
    ScalarNode,
    UnionNode,
)
from openviper.validation.parsers import parser_of
from tests.unit.validation.sample_types import Cat, Dog, LinePage, Order, Page, Total, Tree

T = TypeVar("T")


def record(of: Any) -> RecordNode:
    """Return the node of a class with fields."""
    node = describe(of)
    assert isinstance(node, RecordNode)
    return node


def test_a_record_says_everything_about_its_fields() -> None:
    node = record(Order)
    fields = {each.name: each for each in node.fields}
    assert (node.form, node.name) == ("dataclass", "Order")
    assert node.description == "An order with everything in it."
    assert (fields["id"].is_required, fields["id"].default) == (True, MISSING)
    assert fields["from_"].key == "from"
    assert fields["lines"].default_factory is list
    name = fields["name"].node
    assert isinstance(name, ScalarNode)
    assert name.notes.description == "Who ordered."
    assert [type(each).__name__ for each in name.notes.constraints] == ["MinLength", "MaxLength"]
    mail = fields["mail"].node
    assert isinstance(mail, NullableNode)
    assert [type(each).__name__ for each in mail.item.notes.constraints] == ["Email"]


def test_notes_hold_titles_examples_and_the_marks_of_others() -> None:
    mark = object()
    notes = describe(
        Annotated[int, Title("Count"), Description("How many."), Example(3), Example(4), mark]
    ).notes
    assert (notes.title, notes.description, notes.examples) == ("Count", "How many.", (3, 4))
    assert notes.markers == (mark,)


def test_a_type_is_described_once() -> None:
    assert describe(Order) is describe(Order)
    assert describe(list[int]) is describe(list[int])


def test_a_recursive_type_is_a_circle() -> None:
    node = record(Tree)
    children = node.fields[1].node
    assert isinstance(children, ArrayNode)
    inner = children.item
    assert isinstance(inner, RecordNode)
    assert inner.key is node.key
    assert inner.fields is node.fields


def test_generic_classes_have_the_types_of_their_arguments() -> None:
    assert record(Page[int]).name == "Page[int]"
    items = record(Page[int]).fields[0].node
    assert isinstance(items, ArrayNode)
    assert isinstance(items.item, ScalarNode)
    inherited = record(LinePage).fields[0].node
    assert isinstance(inherited, ArrayNode)
    assert isinstance(inherited.item, RecordNode)
    with pytest.raises(UnsupportedTypeError, match="T stands for no type"):
        describe(Page)


def test_unions_of_records_have_their_tag() -> None:
    node = describe(Dog | Cat)
    assert isinstance(node, UnionNode)
    assert node.tag == "kind"
    assert {value: each.name for (_, value), each in node.tagged.items()} == {
        "dog": "Dog",
        "cat": "Cat",
    }


def test_keys_of_typed_dicts_that_may_be_left_out_are_known_with_annotations_as_text() -> None:
    assert [each.is_required for each in record(Total).fields] == [True, False]


@dataclass
class Declared:
    """Fields of every kind."""

    shared: ClassVar[int] = 0
    given: InitVar[int] = 0
    made: int = field(default=7, init=False)
    named: int = field(default=1, kw_only=True)


def test_fields_that_the_constructor_does_not_take_are_not_received() -> None:
    fields = record(Declared).fields
    assert [(each.name, each.is_received, each.is_sent) for each in fields] == [
        ("given", True, False),
        ("made", False, True),
        ("named", True, True),
    ]
    assert parse(Declared, {"named": 2}) == Declared(named=2)
    with pytest.raises(ParseError, match="made: is read-only"):
        parse(Declared, {"made": 2})
    assert dump(Declared()) == {"made": 7, "named": 1}


@dataclass
class Checked:
    """Checks itself."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


def test_what_a_class_checks_itself_is_a_fault_of_the_data() -> None:
    with pytest.raises(ParseError, match=r"1: low is above high"):
        parse(list[Checked], [{"low": 1, "high": 2}, {"low": 3, "high": 2}])


@dataclass
class First:
    """One of two that have the same keys."""

    a: int


@dataclass
class Second:
    """The other one."""

    a: str


@dataclass
class Two(Generic[T]):
    """Has two types under one key."""

    value: First | Second


def test_options_that_look_alike_are_an_error_of_the_program() -> None:
    with pytest.raises(UnsupportedTypeError, match="First and Second cannot be told apart"):
        describe(Two[int])


def test_names_that_mean_nothing_are_told_with_the_class() -> None:
    @dataclass
    class Local:
        other: Hidden

    @dataclass
    class Hidden:
        value: int

    with pytest.raises(UnsupportedTypeError, match="'Hidden'"):
        describe(Local)
    assert isinstance(describe(Local, {"Hidden": Hidden}), RecordNode)


class Version:
    """A type that is taught."""

    def __init__(self, text: str) -> None:
        self.parts = tuple(map(int, str(text).split(".")))

    def __str__(self) -> str:
        return ".".join(map(str, self.parts))


def test_a_type_can_be_taught() -> None:
    with pytest.raises(UnsupportedTypeError):
        describe(Version)
    register_type(Version, read=Version, schema={"type": "string", "format": "version"})
    register_type(IPv4Address, read=IPv4Address)
    node = describe(Version)
    assert isinstance(node, CustomNode)
    assert node.schema["format"] == "version"
    assert parse(Version, "1.2").parts == (1, 2)
    assert dump(parse(list[Version], ["1.2"]), list[Version]) == ["1.2"]
    with pytest.raises(ParseError):
        parse(list[IPv4Address], ["1.2.3"])


if sys.version_info >= (3, 12):
    # PEP 695 came with Python 3.12.

    def test_named_types_may_contain_themselves() -> None:
        space: dict[str, Any] = {}
        exec("type Json = None | bool | int | str | list[Json] | dict[str, Json]", space)  # noqa: S102
        node = describe(space["Json"])
        assert isinstance(node, AliasNode)
        value = {"a": [1, None, {"b": "x"}]}
        assert parse(space["Json"], value, strict=True) == value
        with pytest.raises(ParseError, match=r"a\.0: must be one of"):
            parse(space["Json"], {"a": [1.5]}, strict=True)


def test_constraints_are_demanded_of_what_is_not_none() -> None:
    assert parse(Annotated[int | None, Between(1, 2)], None) is None
    with pytest.raises(ParseError):
        parse(Annotated[int | None, Between(1, 2)], 3)


@dataclass
class Outer:
    inner: list[Dog]


def test_a_class_of_a_module_does_not_know_the_variables_of_a_function() -> None:
    assert describe(Outer, {"Dog": int}) is describe(Outer)
    assert parse(Outer, {"inner": [{"kind": "dog", "bark": 3}]}).inner[0].bark == 3


def test_one_type_is_described_once_for_all_handlers_even_within_a_function() -> None:
    @dataclass
    class Item:
        number: int

    @dataclass
    class Basket:
        items: list[Item]

    first = describe(list[Basket], {"Item": Item, "first": 1})
    assert describe(list[Basket], {"Item": Item, "second": 2}) is first
    assert parser_of(first) is parser_of(first)
    # What stands as text means something else in each place.
    assert describe("Item", {"Item": Item}) is not describe("Item", {"Item": Item})
