"""From values to plain data, which JSON can write: the way back from `parse`."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, NoReturn
from uuid import UUID

from openviper.validation.code import Code, indented
from openviper.validation.describing import describe
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.nodes import (
    MISSING,
    AliasNode,
    AnyNode,
    ArrayNode,
    CustomNode,
    EnumNode,
    FieldNode,
    LiteralNode,
    MapNode,
    Node,
    NullableNode,
    RecordNode,
    ScalarNode,
    TupleNode,
    UnionNode,
)
from openviper.validation.unions import behind

Write = Callable[[Any], Any]
Lines = list[str]


class DumpError(TypeError):
    """A value is not of the type that it is dumped as: a mistake in the program."""


def _refuse_endless() -> NoReturn:
    """Raise the error of a value that has no end, or is nested deeper than Python goes."""
    reason = "what contains itself, or is nested too deeply, has no form as plain data"
    raise DumpError(reason) from None


def write_bytes(value: Any) -> str:
    """Return bytes as base64."""
    return base64.b64encode(value).decode("ascii")


def write_float(value: float) -> float | None:
    """Return a number; `None` for NaN and infinity, which JSON has no word for."""
    return value if math.isfinite(value) else None


_WRITERS: dict[type[Any], Write] = {
    bytes: write_bytes,
    Decimal: str,
    UUID: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: timedelta.total_seconds,
    float: write_float,
}
"""How values are written that are not plain data already; each matches what JSON answers are written with."""


class Dumper:
    """Generates the functions that write values of one type.

    Args:
        root: The type.
    """

    def __init__(self, root: Node) -> None:
        self.code = Code()
        self._functions: dict[Any, str] = {}
        name = self.code.name("write")
        self.code.define(name, "v", self._guarded([*self._lines(root, "v"), "return v"]))
        self.write: Write = self.code.namespace[name]

    def _guarded(self, lines: Lines) -> Lines:
        """Return code that says in its own words that a value has no end, or is too deep for the recursion."""
        refuse = self.code.bind(_refuse_endless)
        return ["try:", *indented(lines), "except RecursionError:", f"    {refuse}()"]

    def _lines(self, node: Node, variable: str) -> Lines:
        for form, write in self._FORMS.items():
            if isinstance(node, form):
                return write(self, node, variable)
        raise UnsupportedTypeError(f"nothing writes a {type(node).__name__}")

    def _any(self, node: AnyNode, variable: str) -> Lines:
        return [f"{variable} = {self.code.bind(dump_any)}({variable})"]

    def _scalar(self, node: ScalarNode, variable: str) -> Lines:
        cls = self.code.bind(node.type)
        wrong = self.code.bind(_raiser(node.type))
        if node.type is float:
            return [
                f"if type({variable}) is not float and type({variable}) is not int: {wrong}({variable})",
                f"if {variable} - {variable} != 0: {variable} = None",
            ]
        write = _WRITERS.get(node.type)
        if write is None:
            return [f"if type({variable}) is not {cls}: {variable} = {wrong}({variable})"]
        written = f"{variable} = {self.code.bind(write)}({variable})"
        return [f"if type({variable}) is not {cls}: {wrong}({variable})", written]

    def _enum(self, node: EnumNode, variable: str) -> Lines:
        wrong = self.code.bind(_raiser(node.type))
        cls = self.code.bind(node.type)
        values = self.code.bind({member: dump_any(member.value) for member in node.type})
        return [
            f"if type({variable}) is not {cls}: {wrong}({variable})",
            f"{variable} = {values}[{variable}]",
        ]

    def _literal(self, node: LiteralNode, variable: str) -> Lines:
        return [f"{variable} = {self.code.bind(_literal_writer(node))}({variable})"]

    def _custom(self, node: CustomNode, variable: str) -> Lines:
        return [
            f"if not isinstance({variable}, {self.code.bind(node.type)}): "
            f"{self.code.bind(_raiser(node.type))}({variable})",
            f"{variable} = {self.code.bind(node.write)}({variable})",
        ]

    def _nullable(self, node: NullableNode, variable: str) -> Lines:
        lines = self._lines(node.item, variable)
        return [f"if {variable} is not None:", *indented(lines)] if lines else []

    def _array(self, node: ArrayNode, variable: str) -> Lines:
        wrong = self.code.bind(_raiser(node.container))
        lines = [
            f"if not isinstance({variable}, {self.code.bind(_LIKE[node.container])}): {wrong}({variable})"
        ]
        items = f"[{self._call(node.item, 'i')} for i in {variable}]"
        # The order of a set is another one in each process.
        is_set = node.container in (set, frozenset)
        sort = self.code.bind(_in_order)
        return [*lines, f"{variable} = {f'{sort}({items})' if is_set else items}"]

    def _tuple(self, node: TupleNode, variable: str) -> Lines:
        wrong = self.code.bind(_raiser(tuple))
        size = len(node.items)
        calls = [self._call(item, f"{variable}[{place}]") for place, item in enumerate(node.items)]
        return [
            f"if not isinstance({variable}, (tuple, list)) or len({variable}) != {size}: {wrong}({variable})",
            f"{variable} = [{', '.join(calls)}]",
        ]

    def _map(self, node: MapNode, variable: str) -> Lines:
        wrong = self.code.bind(_raiser(dict))
        mapping = self.code.bind(Mapping)
        key = self.code.bind(key_text)
        return [
            f"if not isinstance({variable}, {mapping}): {wrong}({variable})",
            f"{variable} = {{{key}({self._call(node.key_node, 'k')}): {self._call(node.value, 'i')} "
            f"for k, i in {variable}.items()}}",
        ]

    def _union(self, node: UnionNode, variable: str) -> Lines:
        lines: Lines = []
        word = "if"
        for option in node.options:
            test = self._belongs(behind(option), variable)
            lines += [f"{word} {test}:", f"    {variable} = {self._call(option, variable)}"]
            word = "elif"
        names = tuple(dict.fromkeys(type(option).__name__ for option in node.options))
        return [*lines, f"else: {self.code.bind(_raiser(names))}({variable})"]

    def _belongs(self, option: Node, variable: str) -> str:
        """Return the expression that tells whether a value is one of an option."""
        if isinstance(option, (ScalarNode, EnumNode)):
            return f"type({variable}) is {self.code.bind(option.type)}"
        if isinstance(option, LiteralNode):
            return f"{self.code.bind(_is_literal(option))}({variable})"
        if isinstance(option, RecordNode) and option.form == "typeddict":
            return f"{self.code.bind(_has_keys_of(option))}({variable})"
        return f"isinstance({variable}, {self.code.bind(_classes_of(option))})"

    def _call(self, node: Node, argument: str) -> str:
        if isinstance(node, (RecordNode, AliasNode)):
            return self._shared_call(node, argument)
        lines = self._lines(node, "v")
        if not lines:
            return argument
        name = self.code.name("item")
        self.code.define(name, "v", [*lines, "return v"])
        return f"{name}({argument})"

    def _shared_call(self, node: RecordNode | AliasNode, argument: str) -> str:
        name = self._functions.get(node.key)
        if name is None:
            name = self._functions[node.key] = self.code.name("write", node.name)
            if isinstance(node, RecordNode):
                lines = self._record_body(node)
            else:
                lines = [*self._lines(behind(node), "v"), "return v"]
            self.code.define(name, "v", lines)
        return f"{name}({argument})"

    def _shared(self, node: RecordNode | AliasNode, variable: str) -> Lines:
        return [f"{variable} = {self._shared_call(node, variable)}"]

    def _record_body(self, node: RecordNode) -> Lines:
        sent = [field for field in node.fields if field.is_sent]
        if node.form == "typeddict":
            return self._typeddict_body(node, sent)
        wrong = self.code.bind(_raiser(node.type))
        lines = [f"if not isinstance(v, {self.code.bind(node.type)}): {wrong}(v)"]
        if node.form == "own":
            return [*lines, *self._own_body(sent)]
        pairs = []
        for field in sent:
            name = self.code.name("f", field.name)
            pairs.append(f"{field.key!r}: {name}")
            lines += [f"{name} = v.{field.name}", *self._lines(field.written, name)]
        return [*lines, f"return {{{', '.join(pairs)}}}"]

    def _own_body(self, sent: list[FieldNode]) -> Lines:
        """Return the code of a class that makes its own instances, which may lack some fields."""
        missing = self.code.bind(MISSING)
        lines, pairs, unsure = [], [], []
        for field in sent:
            name = self.code.name("f", field.name)
            writing = self._lines(field.written, name)
            if field.is_sure:
                lines += [f"{name} = v.{field.name}", *writing]
                pairs.append(f"{field.key!r}: {name}")
            else:
                put = [*writing, f"r[{field.key!r}] = {name}"]
                unsure += [f"{name} = getattr(v, {field.name!r}, {missing})"]
                unsure += [f"if {name} is not {missing}:", *indented(put)]
        return [*lines, f"r = {{{', '.join(pairs)}}}", *unsure, "return r"]

    def _typeddict_body(self, node: RecordNode, sent: list[FieldNode]) -> Lines:
        mapping, missing = self.code.bind(Mapping), self.code.bind(MISSING)
        wrong = self.code.bind(_raiser(node.type))
        lines = [f"if not isinstance(v, {mapping}): {wrong}(v)", "r = {}"]
        for field in sent:
            name = self.code.name("f", field.name)
            writing = [*self._lines(field.node, name), f"r[{field.key!r}] = {name}"]
            lines += [f"{name} = v.get({field.name!r}, {missing})"]
            if field.is_required:
                lines += [f"if {name} is {missing}: {wrong}(v)", *writing]
            else:
                lines += [f"if {name} is not {missing}:", *indented(writing)]
        return [*lines, "return r"]

    _FORMS: Mapping[Any, Callable[..., Lines]] = {
        AnyNode: _any,
        ScalarNode: _scalar,
        EnumNode: _enum,
        LiteralNode: _literal,
        CustomNode: _custom,
        NullableNode: _nullable,
        ArrayNode: _array,
        TupleNode: _tuple,
        MapNode: _map,
        UnionNode: _union,
        RecordNode: _shared,
        AliasNode: _shared,
    }


_LIKE: dict[type[Any], Any] = {
    list: (list, tuple),
    tuple: (tuple, list),
    set: (set, frozenset),
    frozenset: (frozenset, set),
}


def _raiser(expected: type[Any] | tuple[str, ...]) -> Write:
    """Return the function that takes a value of a class derived from a plain one, and refuses any other."""

    def wrong(value: Any) -> Any:
        # Text and numbers of a derived class are written like those they are derived from.
        if isinstance(expected, type) and isinstance(value, expected) and not _is_bool(value):
            return expected(value) if expected in (str, int) else value
        name = expected.__qualname__ if isinstance(expected, type) else "one of its types"
        raise DumpError(f"a {type(value).__qualname__} was given where {name} is to be written")

    return wrong


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_literal(node: LiteralNode) -> Callable[[Any], bool]:
    known = {(type(value), value) for value in node.values}

    def is_literal(value: Any) -> bool:
        return value.__hash__ is not None and (type(value), value) in known

    return is_literal


def _literal_writer(node: LiteralNode) -> Write:
    is_literal = _is_literal(node)

    def write(value: Any) -> Any:
        if not is_literal(value):
            raise DumpError(f"{value!r} was given where one of {node.values!r} is to be written")
        return dump_any(value)

    return write


def _has_keys_of(node: RecordNode) -> Callable[[Any], bool]:
    known = {field.name: field.is_required for field in node.fields}
    required = set(filter(known.__getitem__, known))
    literal = _literal_tests(node)

    def has_keys(value: Any) -> bool:
        has_form = isinstance(value, Mapping) and required <= value.keys() <= known.keys()
        return has_form and all(test(value.get(name)) for name, test in literal.items())

    return has_keys


def _literal_tests(node: RecordNode) -> dict[str, Callable[[Any], bool]]:
    return {
        field.name: _is_literal(field.node)
        for field in node.fields
        if isinstance(field.node, LiteralNode) and field.is_required
    }


def _classes_of(option: Node) -> Any:
    """Return the classes of the values of an option that is not a single value."""
    if isinstance(option, ArrayNode):
        return _LIKE[option.container]
    if isinstance(option, TupleNode):
        return (tuple, list)
    if isinstance(option, (CustomNode, RecordNode)):
        return option.type
    return Mapping


def _in_order(items: list[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return items


def key_text(key: Any) -> str:
    """Return plain data as a key of an object, which is a text."""
    if isinstance(key, bool):
        return "true" if key else "false"
    return key if isinstance(key, str) else str(key)


_PLAIN_TYPES = (str, int, bool, type(None))


def dump_any(value: Any) -> Any:
    """Return a value as plain data by what it is.

    Raises:
        DumpError: If it is of no known type, or contains itself, or is nested too deeply.
    """
    if isinstance(value, Enum):
        return dump_any(value.value)
    if type(value) in _PLAIN_TYPES:
        return value
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    try:
        return _dump_container(value)
    except RecursionError:
        _refuse_endless()


def _dump_container(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key_text(dump_any(key)): dump_any(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return _in_order([dump_any(item) for item in value])
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [dump_any(item) for item in value]
    return _dump_other(value)


def _dump_other(value: Any) -> Any:
    try:
        return dumper_of(type(value))(value)
    except UnsupportedTypeError:
        raise DumpError(f"a {type(value).__qualname__} has no form as plain data") from None


@lru_cache(maxsize=4096)
def _dumper_of(node: Node) -> Dumper:
    return Dumper(node)


def dumper_of(of: Any) -> Callable[[Any], Any]:
    """Return the function that writes values of a type as plain data, which is made once per type.

    Args:
        of: The type, or its description.

    Raises:
        UnsupportedTypeError: If the type has no form as data.
    """
    return _dumper_of(of if isinstance(of, Node) else describe(of)).write


def dump(value: object, of: Any = None) -> Any:
    """Return a value as plain data: dicts, lists, texts, numbers, `True`, `False` and `None`.

    Times become ISO 8601, durations seconds, decimals and UUIDs text, bytes base64, enumerations their value; `parse` reads all
    of it back.

    Args:
        value: The value.
        of: Its type, which is what its fields and items are written by; by what each is when not given.

    Raises:
        DumpError: If it is not of that type, or has no form as data, or contains itself, or is nested too deeply.
    """
    return dump_any(value) if of is None else dumper_of(of)(value)
