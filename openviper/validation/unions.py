"""Which option of a union a value is for: decided by what can be seen without looking inside it.

Nothing is tried and taken back but single values, so that nested unions take no longer than what they hold.

1. An object is for the record that its tag names, where all records have a `Literal` field of one name with different values;
   without such a field, for the record whose keys it has; else for the map.
2. An array is for the one array among the options.
3. A text is for the first option that takes it: `Literal` and enumerations, then what has a narrower form than text, then text.
4. Any other value is for the option of exactly its type, else for the first that takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from openviper.utils.untranslated import gettext_noop
from openviper.validation.constraints import listed
from openviper.validation.faults import (
    Refusal,
    UnsupportedTypeError,
    Words,
    refuse,
)
from openviper.validation.nodes import (
    AliasNode,
    AnyNode,
    ArrayNode,
    CustomNode,
    EnumNode,
    LiteralNode,
    MapNode,
    Node,
    Notes,
    NullableNode,
    RecordNode,
    ScalarNode,
    TupleNode,
    UnionNode,
)

Read = Callable[[Any], Any]
_ORDER: tuple[type[Any], ...] = (
    type(None), bool, int, float, Decimal, UUID, datetime, date, time, timedelta, bytes, str,
)  # fmt: skip
_WORDS: dict[type[Any], str] = {
    type(None): gettext_noop("null"),
    bool: gettext_noop("true or false"),
    int: gettext_noop("an integer"),
    float: gettext_noop("a number"),
    Decimal: gettext_noop("a decimal number"),
    UUID: gettext_noop("a UUID"),
    datetime: gettext_noop("a date and time"),
    date: gettext_noop("a date"),
    time: gettext_noop("a time"),
    timedelta: gettext_noop("a duration"),
    bytes: gettext_noop("base64"),
    str: gettext_noop("text"),
}


def make_union(options: Sequence[Node], notes: Notes) -> Node:
    """Return the node of a union; `check_union` says whether its options can be told apart, when all of them are complete."""
    flat = [each for option in options for each in _flat(option)]
    if any(isinstance(option, AnyNode) for option in flat):
        return AnyNode(notes)
    return UnionNode(notes, tuple(sorted(flat, key=_rank)))


def _flat(option: Node) -> Iterator[Node]:
    target = behind(option)
    if isinstance(target, UnionNode) and not target.notes.constraints:
        yield from target.options
    elif isinstance(target, NullableNode):
        yield from _flat(target.item)
        yield ScalarNode(Notes(), type(None))
    else:
        yield option


def behind(node: Node) -> Node:
    """Return what an alias stands for, and any other node itself.

    Raises:
        UnsupportedTypeError: If the alias stands for nothing but itself.
    """
    if not isinstance(node, AliasNode):
        return node
    if not node.targets:
        raise UnsupportedTypeError(f"{node.name} is an option of itself")
    return behind(node.target)


def _rank(option: Node) -> tuple[int, int, str]:
    """Return the order in which options are tried; it does not depend on how the union is written, as `int | str == str | int`."""
    option = behind(option)
    place = _PLACES.get(type(option), len(_PLACES))
    if isinstance(option, ScalarNode):
        return place, _ORDER.index(option.type), ""
    if isinstance(option, RecordNode):
        return place, -len(option.fields), option.name
    return place, 0, str(getattr(option, "type", ""))


_PLACES: dict[type[Node], int] = {
    LiteralNode: 0,
    EnumNode: 0,
    CustomNode: 1,
    ScalarNode: 2,
    RecordNode: 3,
}


def check_union(union: UnionNode) -> None:
    """Check that the options of a union can be told apart.

    Raises:
        UnsupportedTypeError: If not; names the options.
    """
    options = [behind(option) for option in union.options]
    _check_single(options, (ArrayNode, TupleNode))
    _check_single(options, (MapNode,))
    _check_texts(options)
    if not union.tag:
        _check_keys(union.records)


def _check_texts(options: Sequence[Node]) -> None:
    scalars = {option.type for option in options if isinstance(option, ScalarNode)}
    if {str, bytes} <= scalars:
        raise UnsupportedTypeError(
            "str and bytes, which are both text in data, cannot be told apart"
        )


def _check_single(options: Sequence[Node], forms: tuple[type[Node], ...]) -> None:
    same = [option for option in options if isinstance(option, forms)]
    if len(same) > 1:
        raise UnsupportedTypeError(
            f"{word_for(same[0])} of the one and of the other sort cannot be told apart in a union"
        )


def _check_keys(records: Sequence[RecordNode]) -> None:
    for place, first in enumerate(records):
        for second in records[place + 1 :]:
            if _required(first) <= _keys(second) and _required(second) <= _keys(first):
                raise UnsupportedTypeError(
                    f"{first.name} and {second.name} cannot be told apart by their keys; "
                    "give both a field of one name and different Literal types"
                )


def _required(node: RecordNode) -> set[str]:
    return {field.key for field in node.fields if field.is_required}


def _keys(node: RecordNode) -> set[str]:
    return {field.key for field in node.fields if field.is_received}


def word_for(node: Node) -> str:
    """Return what a value of a type is called in a sentence."""
    node = behind(node)
    if isinstance(node, ScalarNode):
        return _WORDS[node.type]
    if isinstance(node, LiteralNode):
        return listed(node.values)
    if isinstance(node, EnumNode):
        return listed([member.value for member in node.type])
    return _word_for_others(node)


def _word_for_others(node: Node) -> str:
    if isinstance(node, (ArrayNode, TupleNode)):
        return gettext_noop("an array")
    if isinstance(node, CustomNode):
        return node.type.__name__
    return gettext_noop("an object")


class Chooser:
    """Finds the option for a value.

    Args:
        union: The union.
        reader_of: Gives the function that reads a single value of an option, or refuses it.
    """

    def __init__(self, union: UnionNode, reader_of: Callable[[Node], Read]) -> None:
        options = [(behind(option), option) for option in union.options]
        self.shapes = [(record, _required(record), _keys(record)) for record in union.records]
        self.tag = union.tag
        self.tagged = union.tagged
        self.map = _first(options, MapNode)
        self.array = _first(options, ArrayNode, TupleNode)
        self.scalars: list[tuple[Node, Read]] = [
            (option, reader_of(option))
            for target, option in options
            if isinstance(target, (ScalarNode, EnumNode, LiteralNode, CustomNode))
        ]
        self.exact: dict[type[Any], Node] = {
            target.type: option
            for target, option in options
            if isinstance(target, (ScalarNode, EnumNode, CustomNode, RecordNode))
            and target.type not in (str, dict)
        }
        self.words = Words(dict.fromkeys(word_for(option) for option in union.options))

    def choose(self, value: Any) -> Node:
        """Return the option for a value.

        Raises:
            Refusal: If there is none.
        """
        exact = self.exact.get(type(value))
        if exact is not None:
            return exact
        if isinstance(value, Mapping):
            return self._object(value)
        if self.array is not None and isinstance(value, (list, tuple, set, frozenset)):
            return self.array
        return self._scalar(value)

    def _scalar(self, value: Any) -> Node:
        for option, read in self.scalars:
            try:
                read(value)
            except Refusal as refusal:
                if len(self.scalars) == 1 and not isinstance(value, (list, tuple, set)):
                    raise refusal from None  # Only it can be meant, so what it says is told.
            else:
                return option
        refuse("type", "must be one of: {options}", options=self.words)

    def _object(self, value: Mapping[Any, Any]) -> Node:
        if self.tag and (self.tag in value or self.map is None):
            return self._tagged(value)
        for record, required, keys in self.shapes:
            if required <= value.keys() <= keys:
                return record
        if self.map is not None:
            return self.map
        return self._nearest(value)

    def _tagged(self, value: Mapping[Any, Any]) -> Node:
        told = value.get(self.tag)
        is_hashable = isinstance(told, Hashable) and not isinstance(told, tuple)
        record = self.tagged.get((type(told), told)) if is_hashable else None
        if record is not None:
            return record
        if self.tag not in value:
            raise Refusal("missing", "is missing", place=(self.tag,))
        choices = {"choices": listed([each for _, each in self.tagged])}
        raise Refusal("one_of", "must be one of {choices}", choices, place=(self.tag,))

    def _nearest(self, value: Mapping[Any, Any]) -> Node:
        """Return the record of which most keys are there, whose faults are told."""
        if not self.shapes:
            return self._scalar(value)
        return max(self.shapes, key=lambda shape: len(shape[2] & value.keys()))[0]


def _first(options: Iterable[tuple[Node, Node]], *forms: type[Node]) -> Node | None:
    return next((option for target, option in options if isinstance(target, forms)), None)
