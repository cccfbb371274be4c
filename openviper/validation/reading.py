"""From nodes to functions that read data: generated once per type, they stop at the first fault.

What they refuse is read again by `openviper.validation.collecting`, which finds every fault and its place. The rules of single
values are the same functions in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from openviper.validation.code import Code, indented
from openviper.validation.constraints import Between, Constraint, Max, Min, run_check
from openviper.validation.dumping import dump_any
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
from openviper.validation.recursion import recursive_keys
from openviper.validation.scalars import LEAST_INT, LENIENT, MOST_FLOAT, MOST_INT, STRICT
from openviper.validation.shapes import (
    MAX_DEPTH,
    array_of,
    checked_depth,
    is_of_time,
    object_of,
    offset_refuser,
    refuse_depth,
    refuse_double,
    refuse_nan,
    refuse_size,
    refuse_unknown,
    refuse_whole,
    tuple_of,
)
from openviper.validation.tables import custom_reader, table_reader, text_of, typed_key
from openviper.validation.unions import Chooser, behind, word_for

Read = Callable[..., Any]
Lines = list[str]
SINGLE = (ScalarNode, EnumNode, LiteralNode, CustomNode, AnyNode)
"""Nodes whose values are not made of others."""


@dataclass(frozen=True)
class Rules:
    """How data is read.

    Attributes:
        strict: Whether a number, a date and the like must be what JSON has for it, and not a text of a form or a query.
        ignore_unknown: Whether keys that no field has are passed over, and not refused.
    """

    strict: bool = True
    ignore_unknown: bool = False


class Reader:
    """Generates the functions that read one type.

    Args:
        root: The type.
        rules: How data is read.
    """

    def __init__(self, root: Node, rules: Rules) -> None:
        self.rules = rules
        self.code = Code()
        self._scalars = STRICT if rules.strict else LENIENT
        self._functions: dict[Any, str] = {}
        self._singles: dict[int, Read] = {}
        self._keys: dict[int, Read] = {}
        self._choosers: dict[tuple[Node, ...], Chooser] = {}
        self._kept: list[Node] = []
        self._recursive = recursive_keys(root)
        name = self.code.name("read")
        self.code.define(name, "v", [*self._lines(root, "v", "0"), "return v"])
        self.read: Read = self.code.namespace[name]

    def single(self, node: Node) -> Read:
        """Return the function that reads one value of a node that is not made of others."""
        known = self._singles.get(id(node))
        if known is None:
            name = self.code.name("single")
            self.code.define(name, "v", [*self._lines(behind(node), "v", "0"), "return v"])
            known = self._singles[id(node)] = self.code.namespace[name]
            self._kept.append(node)  # So that its id stays its own.
        return known

    def chooser(self, node: UnionNode) -> Chooser:
        """Return what finds the option of a union."""
        known = self._choosers.get(node.options)
        if known is None:
            known = self._choosers[node.options] = Chooser(node, self.single)
        return known

    def check_size(self, node: Node, value: Any) -> None:
        """Check what is demanded of the size of a value before its items are read.

        Raises:
            Refusal: If it does not fit.
        """
        if hasattr(value, "__len__"):
            for constraint in filter(_is_about_size, node.notes.constraints):
                self.constraint(constraint)(value)

    def check(self, node: Node, value: Any) -> None:
        """Check everything that is demanded of a value that is made of others.

        Raises:
            Refusal: If it does not fit.
        """
        for constraint in node.notes.constraints:
            self.constraint(constraint)(value)

    def constraint(self, constraint: Constraint) -> Read:
        """Return the function that checks one constraint."""
        known = self._singles.get(id(constraint))
        if known is None:
            name = self.code.name("check")
            self.code.define(name, "v", self._constraint(constraint, "v"))
            known = self._singles[id(constraint)] = self.code.namespace[name]
        return known

    def _lines(self, node: Node, variable: str, depth: str) -> Lines:
        """Return the code that replaces the value of a variable by what it is read as."""
        for form, write in self._FORMS.items():
            if isinstance(node, form):
                lines = write(self, node, variable, depth)
                checks = [self._constraint(each, variable) for each in node.notes.constraints]
                return [
                    *self._through(node.notes.before, variable),
                    *lines,
                    *(line for check in checks for line in check),
                    *self._through(node.notes.after, variable),
                ]
        raise UnsupportedTypeError(f"nothing reads a {type(node).__name__}")

    def _through(self, functions: Iterable[Read], variable: str) -> Lines:
        """Return the code that puts a variable through functions of the program."""
        return [
            f"{variable} = {self.code.bind(run_check)}({self.code.bind(function)}, {variable}, 'invalid')"
            for function in functions
        ]

    def _constraint(self, constraint: Constraint, variable: str) -> Lines:
        condition = constraint.condition(variable, self.code.bind)
        refusing = self.code.bind(_raiser(constraint))
        if not is_of_time(constraint):
            return [f"if not ({condition}): {refusing}()"]
        # A time with an offset and one without cannot be compared.
        return [
            "try:",
            f"    if not ({condition}): {refusing}()",
            f"except TypeError: {self.code.bind(offset_refuser(constraint))}()",
        ]

    def _any(self, node: AnyNode, variable: str, depth: str) -> Lines:
        return [f"{variable} = {self._unknown(variable)}"]

    def _unknown(self, variable: str) -> str:
        """Return the expression that reads a value of which no type is known."""
        checked = self.code.bind(checked_depth)
        return f"{checked}({variable}) if type({variable}) in {self.code.bind((dict, list))} else {variable}"

    def _scalar(self, node: ScalarNode, variable: str, depth: str) -> Lines:
        read = self.code.bind(self._scalars[node.type])
        convert = f"{variable} = {read}({variable})"
        if node.type is Decimal:
            return [convert]  # One that is a decimal already may be NaN.
        test = _NEEDS_READING.get(node.type, "type({v}) is not {type}")
        condition = test.format(v=variable, type=self.code.bind(node.type))
        return [f"if {condition}: {convert}", *self._bounds(node, variable)]

    def _bounds(self, node: ScalarNode, variable: str) -> Lines:
        """Return the code that keeps numbers within what they can be without bounds of their own."""
        if node.type is int and not _is_bounded(node.notes.constraints):
            refusing = self.code.bind(refuse_size)
            return [f"if not {LEAST_INT} <= {variable} <= {MOST_INT}: {refusing}()"]
        if node.type is float and not node.notes.allows_nan:
            refusing = self.code.bind(refuse_nan)
            return [f"if not -{MOST_FLOAT!r} <= {variable} <= {MOST_FLOAT!r}: {refusing}()"]
        return []

    def _enum(self, node: EnumNode, variable: str, depth: str) -> Lines:
        table = {typed_key(dump_any(member.value)): member for member in node.type}
        table |= {typed_key(member.value): member for member in node.type}
        table |= {(node.type, member): member for member in node.type}
        return self._looked_up(table, node, variable)

    def _literal(self, node: LiteralNode, variable: str, depth: str) -> Lines:
        table = {typed_key(dump_any(value)): value for value in node.values}
        table |= {typed_key(value): value for value in node.values}
        return self._looked_up(table, node, variable)

    def _looked_up(self, table: dict[Any, Any], node: Node, variable: str) -> Lines:
        if not self.rules.strict:
            # `1` of a form is a text; a text that is a value itself comes first.
            table = {typed_key(text_of(value)): value for value in table.values()} | table
        read = self.code.bind(table_reader(table, word_for(node)))
        return [f"{variable} = {read}({variable})"]

    def _custom(self, node: CustomNode, variable: str, depth: str) -> Lines:
        read = self.code.bind(custom_reader(node))
        return [
            f"if type({variable}) is not {self.code.bind(node.type)}: {variable} = {read}({variable})"
        ]

    def _nullable(self, node: NullableNode, variable: str, depth: str) -> Lines:
        lines = indented(self._lines(node.item, variable, depth) or ["pass"])
        if self.rules.strict or takes_empty_text(node.item):
            return [f"if {variable} is not None:", *lines]
        # An empty field of a form is no number, no date, nothing.
        return [f"if {variable} is None or {variable} == '': {variable} = None", "else:", *lines]

    def _array(self, node: ArrayNode, variable: str, depth: str) -> Lines:
        checked = self.code.bind(array_of)
        lines = [f"if type({variable}) is not list: {variable} = {checked}({variable})"]
        item = self._expression(node.item, depth)
        if node.container is list:
            return [*lines, f"{variable} = [{item} for i in {variable}]"]
        if node.container is tuple:
            return [*lines, f"{variable} = tuple([{item} for i in {variable}])"]
        size = self.code.name("n")
        return [
            *lines,
            f"{size} = len({variable})",
            f"{variable} = {node.container.__name__}([{item} for i in {variable}])",
            f"if len({variable}) != {size}: {self.code.bind(refuse_double)}()",
        ]

    def _expression(self, node: Node, depth: str) -> str:
        """Return the expression that reads `i`, an item."""
        if isinstance(node, AnyNode) and not has_demands(node):
            return self._unknown("i")
        if isinstance(node, ScalarNode) and node.type is str and not has_demands(node):
            return (
                f"i if type(i) is str and i.isascii() else {self.code.bind(self._scalars[str])}(i)"
            )
        return self._call(node, "i", depth)

    def _call(self, node: Node, argument: str, depth: str) -> str:
        """Return the call of a function that reads a node."""
        if isinstance(node, (RecordNode, AliasNode)) and not has_demands(node):
            return self._shared_call(node, argument, depth)
        name = self.code.name("item")
        parameters = "v" if depth == "0" else "v, depth"
        self.code.define(name, parameters, [*self._lines(node, "v", depth), "return v"])
        return f"{name}({argument})" if depth == "0" else f"{name}({argument}, depth)"

    def _shared_call(self, node: RecordNode | AliasNode, argument: str, depth: str) -> str:
        """Return the call of the one function that reads a record or an alias, which is made at its first mention."""
        is_recursive = node.key in self._recursive
        if node.key not in self._functions:
            self._functions[node.key] = self.code.name("read", node.name)
            self._define_shared(node, is_recursive=is_recursive)
        further = f", {depth} + 1" if is_recursive else ""
        return f"{self._functions[node.key]}({argument}{further})"

    def _define_shared(self, node: RecordNode | AliasNode, *, is_recursive: bool) -> None:
        own = "depth" if is_recursive else "0"
        if isinstance(node, RecordNode):
            lines = self._record_body(node, own)
        else:
            lines = [*self._lines(behind(node), "d", own), "return d"]
        if is_recursive:
            lines = [f"if depth > {MAX_DEPTH}: {self.code.bind(refuse_depth)}()", *lines]
        parameters = "d, depth" if is_recursive else "d"
        self.code.define(self._functions[node.key], parameters, lines)

    def _shared(self, node: RecordNode | AliasNode, variable: str, depth: str) -> Lines:
        return [f"{variable} = {self._shared_call(node, variable, depth)}"]

    def _tuple(self, node: TupleNode, variable: str, depth: str) -> Lines:
        checked = self.code.bind(tuple_of)
        names = [self.code.name("t") for _ in node.items]
        lines = [f"{variable} = {checked}({variable}, {len(names)})"]
        if names:
            lines.append(f"{', '.join(names)}, = {variable}")
        for name, item in zip(names, node.items, strict=True):
            lines += self._lines(item, name, depth)
        return [*lines, f"{variable} = ({''.join(f'{name}, ' for name in names)})"]

    def _map(self, node: MapNode, variable: str, depth: str) -> Lines:
        checked = self.code.bind(object_of)
        key = self.code.bind(self.key_reader(node))
        item = self._expression(node.value, depth)
        size = self.code.name("n")
        return [
            f"if type({variable}) is not dict: {variable} = {checked}({variable})",
            f"{size} = len({variable})",
            f"{variable} = {{{key}(k): {item} for k, i in {variable}.items()}}",
            f"if len({variable}) != {size}: {self.code.bind(refuse_double)}()",
        ]

    def key_reader(self, node: MapNode) -> Read:
        """Return the function that reads a key of a map, which is a text in JSON whatever it stands for."""
        if not self.rules.strict:
            return self.single(node.key_node)
        known = self._keys.get(id(node.key_node))
        if known is None:
            known = Reader(node.key_node, Rules(strict=False)).read
            self._keys[id(node.key_node)] = known
        return known

    def _union(self, node: UnionNode, variable: str, depth: str) -> Lines:
        chooser = self.chooser(node)
        choose = self.code.bind(chooser.choose)
        chosen = self.code.name("o")
        lines = [f"{chosen} = {choose}({variable})"]
        for place, option in enumerate(node.options):
            test = f"{'if' if place == 0 else 'elif'} {chosen} is {self.code.bind(option)}:"
            lines += [test, *indented([f"{variable} = {self._call(option, variable, depth)}"])]
        return [*lines, "else:", *indented(self._by_record(node, variable, chosen, depth))]

    def _by_record(self, node: UnionNode, variable: str, chosen: str, depth: str) -> Lines:
        # An alias of a record is chosen as the record itself.
        lines: Lines = []
        for record in node.records:
            test = f"if {chosen} is {self.code.bind(record)}:"
            lines += [test, *indented([f"{variable} = {self._call(record, variable, depth)}"])]
        return lines or ["pass"]

    def _record_body(self, node: RecordNode, depth: str) -> Lines:
        received = filter(_is_received, node.fields)
        pairs = [(self.code.name("f", field.name), field) for field in received]
        lines = [*self._record_head(node), "get = d.get", f"n = {len(pairs)}"]
        for name, field in pairs:
            lines += self._field(name, field, depth)
        if not self.ignores_unknown(node):
            lines.append(f"if len(d) != n: {self.code.bind(refuse_unknown)}()")
        return [*lines, *self._built(node, pairs)]

    def _record_head(self, node: RecordNode) -> Lines:
        lines = [f"if type(d) is not dict: d = {self.code.bind(object_of)}(d)"]
        if node.form == "typeddict":
            return lines
        before = () if node.hooks is None else node.hooks.before
        return [
            f"if type(d) is {self.code.bind(node.type)}: return d",
            *self._through(before, "d"),
            *lines,
        ]

    def ignores_unknown(self, node: RecordNode) -> bool:
        """Return whether keys that no field of a record has are passed over."""
        return self.rules.ignore_unknown or (node.hooks is not None and node.hooks.ignores_unknown)

    def _field(self, name: str, field: FieldNode, depth: str) -> Lines:
        key = repr(field.key)
        lines = self._lines(field.node, name, depth)
        if field.is_required:
            return [f"{name} = d[{key}]", *lines]
        missing = self.code.bind(MISSING)
        fallback = ["n -= 1", *self._default(name, field)]
        return [
            f"{name} = get({key}, {missing})",
            f"if {name} is {missing}:",
            *indented(fallback),
            *(["else:", *indented(lines)] if lines else []),
        ]

    def _default(self, name: str, field: FieldNode) -> Lines:
        if field.default_factory is not None:
            return [f"{name} = {self.code.bind(field.default_factory)}()"]
        return [] if field.default is MISSING else [f"{name} = {self.code.bind(field.default)}"]

    def _built(self, node: RecordNode, pairs: list[tuple[str, FieldNode]]) -> Lines:
        """Return the code that makes the value of a record out of those of its fields."""
        if node.form == "typeddict":
            return [*self._values(pairs), "return r"]
        if node.hooks is not None:
            hook, wrong = self.code.bind(node.hooks.build), self.code.bind(refuse_whole)
            return [
                *self._values(pairs),
                f"try: return {hook}(tuple(d), r)",
                f"except ValueError as error: {wrong}(error)",
            ]
        build = self.code.bind(builder(node))
        by_place = [name for name, field in pairs if not _by_keyword(node, field)]
        by_name = [f"{field.name}={name}" for name, field in pairs if _by_keyword(node, field)]
        return [f"return {build}({', '.join([*by_place, *by_name])})"]

    def _values(self, pairs: list[tuple[str, FieldNode]]) -> Lines:
        """Return the code that puts the values of fields into a dict, without those that are not there."""
        missing = self.code.bind(MISSING)
        sure = [f"{field.name!r}: {name}" for name, field in pairs if _has_value(field)]
        others = [
            f"if {name} is not {missing}: r[{field.name!r}] = {name}"
            for name, field in pairs
            if not _has_value(field)
        ]
        return [f"r = {{{', '.join(sure)}}}", *others]

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


_NEEDS_READING: dict[type[Any], str] = {
    str: "type({v}) is not str or not {v}.isascii()",
    bool: "{v} is not True and {v} is not False",
    type(None): "{v} is not None",
}
"""The conditions under which a value is not what it is read as already."""


def _is_about_size(constraint: Constraint) -> bool:
    return constraint.is_about_size()


def _is_received(field: FieldNode) -> bool:
    return field.is_received


def _by_keyword(node: RecordNode, field: FieldNode) -> bool:
    """Return whether a constructor is to get a field by name: where fields before it are not received, places shift."""
    return field.by_keyword or any(not each.is_received for each in node.fields)


def _has_value(field: FieldNode) -> bool:
    """Return whether there is a value whatever data has."""
    return field.is_required or field.has_default


def has_demands(node: Node) -> bool:
    """Return whether an annotation says more of a value than its type."""
    notes = node.notes
    return bool(notes.constraints or notes.before or notes.after)


def builder(node: RecordNode) -> Read:
    """Return what makes an instance; the `ValueError` of a `__post_init__` is a fault of the data."""
    cls = node.type
    if not hasattr(cls, "__post_init__"):
        return cls

    def build(*args: Any, **kwargs: Any) -> Any:
        return run_check(lambda _: cls(*args, **kwargs), None, "invalid")

    return build


def takes_empty_text(node: Node) -> bool:
    """Return whether an empty text is a value of a type."""
    node = behind(node)
    if isinstance(node, UnionNode):
        return any(map(takes_empty_text, node.options))
    if isinstance(node, LiteralNode):
        return "" in node.values
    return _takes_empty(node)


def _takes_empty(node: Node) -> bool:
    if isinstance(node, EnumNode):
        return "" in [member.value for member in node.type]
    if isinstance(node, ScalarNode):
        return node.type in (str, bytes)
    return isinstance(node, (AnyNode, CustomNode))


def _is_bounded(constraints: tuple[Constraint, ...]) -> bool:
    kinds = {type(constraint) for constraint in constraints}
    return Between in kinds or {Min, Max} <= kinds


def _raiser(constraint: Constraint) -> Callable[[], None]:
    def unfit() -> None:
        raise constraint.refusal()

    return unfit
