"""The description of a type, as data: what reads values, JSON Schema, forms and OpenAPI walk in place of annotations.

A recursive type is a circle of nodes; who walks it keeps the records and aliases that were seen, by their `key`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Literal

from openviper.utils.records import record
from openviper.validation.constraints import Constraint


class Missing(Enum):
    """Stands for a value that is not there, where `None` is one."""

    MISSING = "missing"

    def __repr__(self) -> str:
        """Return the name."""
        return "MISSING"


MISSING = Missing.MISSING


@record(frozen=True, slots=True, eq=False)
class Notes:
    """What `Annotated` says of a value.

    Attributes:
        constraints: What the value must be beyond its type.
        title: A short heading.
        description: A sentence.
        examples: Values that fit.
        alias: The key in data in place of the field's name.
        is_secret: Whether the value is never shown.
        is_read_only: Whether it is sent only.
        is_write_only: Whether it is received only.
        allows_nan: Whether a number may be NaN or infinite.
        markers: Everything else that stands in the annotation, for whoever put it there.
        before: Functions that a value goes through before it is read.
        after: Functions that a value goes through when it has been read and fits.
    """

    constraints: tuple[Constraint, ...] = ()
    title: str = ""
    description: str = ""
    examples: tuple[Any, ...] = ()
    alias: str = ""
    is_secret: bool = False
    is_read_only: bool = False
    is_write_only: bool = False
    allows_nan: bool = False
    markers: tuple[Any, ...] = ()
    before: tuple[Callable[[Any], Any], ...] = ()
    after: tuple[Callable[[Any], Any], ...] = ()


@record(frozen=True, slots=True, eq=False)
class Node:
    """One type. See the classes below; each is told apart by its class."""

    notes: Notes


@record(frozen=True, slots=True, eq=False)
class AnyNode(Node):
    """Any value (`Any`, `object`)."""


@record(frozen=True, slots=True, eq=False)
class ScalarNode(Node):
    """A single value: text, a number, a time, ... (`type` is one of `SCALARS`)."""

    type: type[Any]


@record(frozen=True, slots=True, eq=False)
class CustomNode(Node):
    """A type that a program has taught validation with `register_type`.

    Attributes:
        type: The class.
        read: Makes an instance of a value, or raises `ValueError`.
        write: Makes plain data of an instance.
        schema: How JSON Schema describes the plain data.
    """

    type: type[Any]
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    schema: Mapping[str, Any]


@record(frozen=True, slots=True, eq=False)
class EnumNode(Node):
    """A member of an enumeration, given by its value."""

    type: type[Enum]


@record(frozen=True, slots=True, eq=False)
class LiteralNode(Node):
    """One of some values."""

    values: tuple[Any, ...]


@record(frozen=True, slots=True, eq=False)
class NullableNode(Node):
    """`None`, or what `item` describes."""

    item: Node


@record(frozen=True, slots=True, eq=False)
class ArrayNode(Node):
    """Any number of items of one type; `container` is `list`, `tuple`, `set` or `frozenset`."""

    container: type[Any]
    item: Node


@record(frozen=True, slots=True, eq=False)
class TupleNode(Node):
    """So many items, each of its own type."""

    items: tuple[Node, ...]


@record(frozen=True, slots=True, eq=False)
class MapNode(Node):
    """Keys and values of one type each."""

    key_node: Node
    value: Node


@record(frozen=True, slots=True, eq=False)
class UnionNode(Node):
    """One of several types.

    Attributes:
        options: They, in the order in which they are tried.
    """

    options: tuple[Node, ...]

    @property
    def records(self) -> list[RecordNode]:
        """The options that are records."""
        found = (_behind(option) for option in self.options)
        return [option for option in found if isinstance(option, RecordNode)]

    @property
    def tag(self) -> str:
        """The key whose value tells the records apart; empty if there is none."""
        records = self.records
        if len(records) < 2:
            return ""
        return next((key for key in _literal_keys(records[0]) if _tells_apart(key, records)), "")

    @property
    def tagged(self) -> dict[tuple[type[Any], Any], RecordNode]:
        """The record for each value of the tag; the type stands beside the value, as `True` equals `1`."""
        tag = self.tag
        if not tag:
            return {}
        return {
            (type(value), value): record
            for record in self.records
            for value in _literal_keys(record)[tag]
        }


def _behind(node: Node) -> Node:
    """Return what an alias stands for, and any other node itself."""
    return _behind(node.target) if isinstance(node, AliasNode) else node


def _literal_keys(node: RecordNode) -> dict[str, tuple[Any, ...]]:
    """Return the keys of a record whose values are literal, with the values."""
    return {
        field.key: field.node.values
        for field in node.fields
        if isinstance(field.node, LiteralNode) and field.is_received
    }


def _tells_apart(key: str, records: Sequence[RecordNode]) -> bool:
    """Return whether a key is literal in all records, with other values in each."""
    values = [_literal_keys(record).get(key) for record in records]
    told = [(type(value), value) for each in values if each is not None for value in each]
    return None not in values and len(set(told)) == len(told)


@record(frozen=True, slots=True, eq=False)
class FieldNode:
    """A field of a record.

    Attributes:
        name: In Python.
        key: In data.
        node: Its type; what `Annotated` says of it is in `node.notes`.
        is_required: Whether data must have it. Beside `TypedDict`, what is not has a default.
        default: The value when data does not have it; `MISSING` if there is none, or `default_factory` makes it.
        default_factory: Makes the default.
        is_received: Whether data may have it.
        is_sent: Whether `dump` writes it.
        by_keyword: Whether the constructor takes it by name only.
        sent_node: Its type in what `dump` writes, where it is another one than in what is received.
        is_sure: Whether every instance has it; what is not there is left out of what `dump` writes.
    """

    name: str
    key: str
    node: Node
    is_required: bool
    default: Any
    default_factory: Callable[[], Any] | None
    is_received: bool
    is_sent: bool
    by_keyword: bool
    sent_node: Node | None = None
    is_sure: bool = True

    @property
    def has_default(self) -> bool:
        """Whether there is a value when data does not have it."""
        return self.default is not MISSING or self.default_factory is not None

    @property
    def written(self) -> Node:
        """Its type in what `dump` writes."""
        return self.node if self.sent_node is None else self.sent_node


@record(frozen=True, slots=True, eq=False)
class Hooks:
    """How a class makes its own instances of data.

    Attributes:
        build: Makes an instance of the keys that data has, and of the values of the fields that were read, by name. A `ValueError`
            says what is wrong with the whole.
        before: Functions that data goes through before its fields are read.
        ignores_unknown: Whether keys that no field has are passed over, whatever the rules say.
    """

    build: Callable[[tuple[Any, ...], dict[str, Any]], Any]
    before: tuple[Callable[[Any], Any], ...] = ()
    ignores_unknown: bool = False


@record(frozen=True, slots=True, eq=False)
class RecordNode(Node):
    """A class with fields.

    Attributes:
        key: The annotation it was made of: the class, or the class with its arguments. One record, one key.
        type: The class.
        form: Which sort of class.
        name: The class's name, with its arguments: ``Page[Book]``.
        description: The class's docstring.
        fields: They, in order; complete when `describe` has returned.
        hooks: How instances are made, for a class that says so itself (`form` is ``own``).
    """

    key: Any
    type: type[Any]
    form: Literal["dataclass", "typeddict", "namedtuple", "own"]
    name: str
    description: str
    fields: list[FieldNode]
    hooks: Hooks | None = None


@record(frozen=True, slots=True, eq=False)
class AliasNode(Node):
    """A type with a name of its own (PEP 695), which may contain itself.

    Attributes:
        key: The alias, with its arguments.
        name: Its name.
        targets: What it stands for, one node; there when `describe` has returned.
    """

    key: Any
    name: str
    targets: list[Node]

    @property
    def target(self) -> Node:
        """What it stands for."""
        return self.targets[0]
