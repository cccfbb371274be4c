"""Finding every fault of data that was refused, and its place.

This walks the nodes and is slower than the generated code; it runs for data that does not fit only. Each value is looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from openviper.validation.constraints import run_check
from openviper.validation.faults import (
    Faults,
    Message,
    Place,
    Refusal,
    TooManyFaultsError,
    shown_key,
    shown_value,
)
from openviper.validation.nodes import (
    MISSING,
    AliasNode,
    ArrayNode,
    FieldNode,
    Hooks,
    MapNode,
    Node,
    NullableNode,
    RecordNode,
    TupleNode,
    UnionNode,
)
from openviper.validation.reading import SINGLE, Reader, builder, takes_empty_text
from openviper.validation.shapes import (
    MAX_DEPTH,
    array_of,
    object_of,
    refuse_depth,
    refuse_double,
    refuse_whole,
    tuple_of,
)

BAD: Any = object()
"""Stands for a value that has faults."""


class Collector:
    """Reads one value and collects its faults.

    Args:
        reader: The functions of the type.
        partial: Whether no field of the outermost record is required.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._rules = reader.rules
        self.faults = Faults()

    def collect(self, node: Node, value: Any) -> Any:
        """Return what a value is read as; `BAD` if it has faults, which are then in `faults`."""
        try:
            return self._read(node, value, (), 0, is_secret=node.notes.is_secret)
        except TooManyFaultsError:
            return BAD

    def collect_fields(
        self, node: RecordNode, value: Any, *, partial: bool = False
    ) -> dict[str, Any]:
        """Return the values of a record's fields by name; with `partial` of those only that data has."""
        try:
            before = () if node.hooks is None else node.hooks.before
            return self._fields_of(node, _through(before, value), (), 0, partial=partial) or {}
        except Refusal as refusal:
            self._add((), refusal, value, is_secret=node.notes.is_secret)
        except TooManyFaultsError:
            pass
        return {}

    def _read(self, node: Node, value: Any, place: Place, depth: int, *, is_secret: bool) -> Any:
        is_secret = is_secret or node.notes.is_secret
        try:
            if isinstance(node, SINGLE):
                return self._reader.single(node)(value)
            return self._made_of_others(node, value, place, depth, is_secret)
        except Refusal as refusal:
            self._add(place, refusal, value, is_secret=is_secret)
            return BAD

    def _add(self, place: Place, refusal: Refusal, value: Any, *, is_secret: bool) -> None:
        # A refusal with a place of its own is about a part of the value.
        shown = None if refusal.place else shown_value(value, is_secret=is_secret)
        self.faults.add(place, refusal, shown)

    def _made_of_others(
        self, node: Node, value: Any, place: Place, depth: int, is_secret: bool
    ) -> Any:
        if isinstance(node, (RecordNode, AliasNode)) and depth > MAX_DEPTH:
            refuse_depth()
        value = _through(node.notes.before, value)
        self._reader.check_size(node, value)
        result = self._CONTAINERS[type(node)](self, node, value, place, depth, is_secret)
        if result is BAD:
            return BAD
        self._reader.check(node, result)
        return _through(node.notes.after, result)

    def _nullable(
        self, node: NullableNode, value: Any, place: Place, depth: int, is_secret: bool
    ) -> Any:
        is_empty = value == "" and not self._rules.strict and not takes_empty_text(node.item)
        if value is None or is_empty:
            return None
        return self._read(node.item, value, place, depth, is_secret=is_secret)

    def _alias(self, node: AliasNode, value: Any, place: Place, depth: int, is_secret: bool) -> Any:
        return self._read(node.target, value, place, depth + 1, is_secret=is_secret)

    def _union(self, node: UnionNode, value: Any, place: Place, depth: int, is_secret: bool) -> Any:
        chosen = self._reader.chooser(node).choose(value)
        return self._read(chosen, value, place, depth, is_secret=is_secret)

    def _array(self, node: ArrayNode, value: Any, place: Place, depth: int, is_secret: bool) -> Any:
        items = [
            self._read(node.item, item, (*place, index), depth, is_secret=is_secret)
            for index, item in enumerate(array_of(value))
        ]
        return _whole(items, node.container)

    def _tuple(self, node: TupleNode, value: Any, place: Place, depth: int, is_secret: bool) -> Any:
        given = tuple_of(value, len(node.items))
        items = [
            self._read(item, each, (*place, index), depth, is_secret=is_secret)
            for index, (item, each) in enumerate(zip(node.items, given, strict=True))
        ]
        return _whole(items, tuple)

    def _map(self, node: MapNode, value: Any, place: Place, depth: int, is_secret: bool) -> Any:
        read_key = self._reader.key_reader(node)
        keys: list[Any] = []
        items: list[Any] = []
        for key, item in object_of(value).items():
            below = (*place, shown_key(key))
            items.append(self._read(node.value, item, below, depth, is_secret=is_secret))
            keys.append(self._key(read_key, key, below))
        if _whole([*keys, *items], list) is BAD:
            return BAD
        _whole(keys, set)
        return dict(zip(keys, items, strict=True))

    def _key(self, read: Callable[[Any], Any], key: Any, place: Place) -> Any:
        try:
            return read(key)
        except Refusal as refusal:
            self.faults.add(place, _of_key(refusal), None)
            return BAD

    def _record(
        self, node: RecordNode, value: Any, place: Place, depth: int, is_secret: bool
    ) -> Any:
        if node.form != "typeddict" and type(value) is node.type:
            return value
        if node.hooks is not None:
            return self._own_record(node, node.hooks, value, place, depth, is_secret)
        values = self._fields_of(node, value, place, depth, is_secret=is_secret)
        if values is None:
            return BAD
        return values if node.form == "typeddict" else builder(node)(**values)

    def _own_record(
        self,
        node: RecordNode,
        hooks: Hooks,
        value: Any,
        place: Place,
        depth: int,
        is_secret: bool,
    ) -> Any:
        data = object_of(_through(hooks.before, value))
        values = self._fields_of(node, data, place, depth, is_secret=is_secret)
        if values is None:
            return BAD
        try:
            return hooks.build(tuple(data), values)
        except ValueError as error:
            refuse_whole(error)

    def _fields_of(
        self,
        node: RecordNode,
        value: Any,
        place: Place,
        depth: int,
        *,
        partial: bool = False,
        is_secret: bool = False,
    ) -> dict[str, Any] | None:
        """Return the values of a record's fields by name; `None` if there is a fault."""
        data = object_of(value)
        received = [field for field in node.fields if field.is_received]
        values: dict[str, Any] = {}
        before = len(self.faults.found)
        for field in received:
            if field.key in data:
                below = (*place, field.key)
                values[field.name] = self._read(
                    field.node, data[field.key], below, depth + 1, is_secret=is_secret
                )
            elif not partial and not self._fill(field, values):
                self.faults.add((*place, field.key), _MISSING, None)
        if not self._reader.ignores_unknown(node):
            self._refuse_unknown(node, received, value, place)
        return values if len(self.faults.found) == before else None

    def _fill(self, field: FieldNode, values: dict[str, Any]) -> bool:
        """Give a field that is not there its default; return whether that was possible."""
        if field.default_factory is not None:
            values[field.name] = field.default_factory()
        elif field.default is not MISSING:
            values[field.name] = field.default
        return not field.is_required

    def _refuse_unknown(
        self, node: RecordNode, received: list[FieldNode], value: Mapping[Any, Any], place: Place
    ) -> None:
        known = {field.key for field in received}
        read_only = {field.key for field in node.fields} - known
        for key in value:
            if key not in known:
                refusal = _READ_ONLY if key in read_only else _UNKNOWN
                self.faults.add((*place, shown_key(key)), refusal, None)

    _CONTAINERS: Mapping[type[Node], Callable[..., Any]] = {
        NullableNode: _nullable,
        AliasNode: _alias,
        UnionNode: _union,
        ArrayNode: _array,
        TupleNode: _tuple,
        MapNode: _map,
        RecordNode: _record,
    }


def _whole(items: list[Any], container: type[Any]) -> Any:
    """Return items in a container; `BAD` if one of them is.

    Raises:
        Refusal: If the container holds each item once, and one is there twice.
    """
    if any(item is BAD for item in items):
        return BAD
    result = container(items)
    if len(result) != len(items):
        refuse_double()
    return result


def _through(functions: Iterable[Callable[[Any], Any]], value: Any) -> Any:
    """Return what functions of the program make of a value."""
    for function in functions:
        value = run_check(function, value, "invalid")
    return value


_MISSING = Refusal("missing", "is missing")
_UNKNOWN = Refusal("unknown", "is unknown")
_READ_ONLY = Refusal("read_only", "is read-only")


def _of_key(refusal: Refusal) -> Refusal:
    message = Message(refusal.template.format_map(refusal.params))
    return Refusal("key", "has a key that {message}", {"message": message})
