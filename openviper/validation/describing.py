"""From annotations to nodes: the one place that reads types."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import (
    Annotated,
    Any,
    ForwardRef,
    Literal,
    NewType,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
)
from uuid import UUID

from openviper.validation.checks import check_constraints, check_enum, has_hash
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
    Notes,
    NullableNode,
    RecordNode,
    ScalarNode,
    TupleNode,
    UnionNode,
)
from openviper.validation.notes import replaced, with_marks
from openviper.validation.slots import SLOTS, Form, Slot, form_of
from openviper.validation.type_variables import bound, substituted, type_variables
from openviper.validation.unions import check_union, make_union

SCALARS = frozenset(
    {str, int, float, bool, bytes, Decimal, date, time, datetime, timedelta, UUID, type(None)}
)
_ARRAYS: dict[Any, type[Any]] = {
    list: list,
    Sequence: list,
    MutableSequence: list,
    Collection: list,
    Iterable: list,
    set: set,
    AbstractSet: set,
    MutableSet: set,
    frozenset: frozenset,
}
_MAPS = {dict, Mapping, MutableMapping}
_CONTAINERS = {tuple, *_ARRAYS, *_MAPS}
_ANYTHING = (Any, object)
_PLAIN = Notes()
# From Python 3.12 on (PEP 695).
_ALIAS_TYPE: Any = getattr(typing, "TypeAliasType", None)
_custom: dict[type[Any], tuple[Callable[[Any], Any], Callable[[Any], Any], Mapping[str, Any]]] = {}


class UnknownNameError(UnsupportedTypeError):
    """An annotation names what is not there, or not yet."""


def register_type(
    cls: type[Any],
    *,
    read: Callable[[Any], Any],
    write: Callable[[Any], Any] = str,
    schema: Mapping[str, Any] | None = None,
) -> None:
    """Teach validation a type, such as an address of the network.

    Args:
        cls: The class.
        read: Makes an instance of a value from data; raises `ValueError` with what is wrong. An instance is taken as it is.
        write: Makes plain data of an instance.
        schema: How JSON Schema describes the plain data; text when not given.
    """
    _custom[cls] = (read, write, {"type": "string"} if schema is None else schema)
    _described.cache_clear()


RecordOf: TypeAlias = Callable[[Any, Notes], RecordNode | None]
"""Describes a class that validation does not know; `None` for one that it does not know either."""


def describe(
    annotation: Any, names: Mapping[str, Any] | None = None, record_of: RecordOf | None = None
) -> Node:
    """Return the description of a type, which is made once per type.

    Args:
        annotation: A type as it stands in an annotation.
        names: What names in annotations mean that are given as text, beside the names of the module of each class.
        record_of: Describes further classes.

    Raises:
        UnsupportedTypeError: If it, or something in it, cannot be read from data; names what.
    """
    around = _Around(names or {})
    if _has_text(annotation):
        return _Describer(around.names, record_of).whole(annotation)
    try:
        return _described(annotation, record_of, around)
    except TypeError as error:
        if isinstance(error, UnsupportedTypeError):
            raise
        # Something in it has no hash.
        return _Describer(around.names, record_of).whole(annotation)


@dataclass(frozen=True)
class _Around:
    """Names that are equal whatever they are: which of them a class means depends on where it stands, and not on who asks."""

    names: Mapping[str, Any] = field(compare=False)


def _has_text(annotation: Any) -> bool:
    """Return whether an annotation is, or holds, the text of one, which means something else in each place."""
    if isinstance(annotation, str | ForwardRef):
        return True
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return False
    # Marks are no types.
    return any(map(_has_text, arguments[:1] if get_origin(annotation) is Annotated else arguments))


@lru_cache(maxsize=4096)
def _described(annotation: Any, record_of: RecordOf | None, around: _Around) -> Node:
    return _Describer(around.names, record_of).whole(annotation)


class _Describer:
    """Describes one type, and whatever it is made of once each."""

    def __init__(self, names: Mapping[str, Any], record_of: RecordOf | None = None) -> None:
        self._names = names
        self._record_of_class = record_of
        self._known: dict[Any, Node] = {}
        self._unions: list[UnionNode] = []

    def whole(self, annotation: Any) -> Node:
        """Return the node of an annotation, with everything in it complete."""
        node = self.node(annotation)
        for union in self._unions:
            check_union(union)
        return node

    def node(
        self, annotation: Any, notes: Notes = _PLAIN, variables: Mapping[Any, Any] | None = None
    ) -> Node:
        """Return the node of an annotation."""
        variables = variables or {}
        if isinstance(annotation, ForwardRef):
            annotation = annotation.__forward_arg__
        if isinstance(annotation, str):
            annotation = self._named(annotation)
        origin = get_origin(annotation)
        if origin is Annotated:
            inner, *marks = get_args(annotation)
            return self.node(inner, with_marks(notes, marks), variables)
        if origin in (Union, types.UnionType):
            return self._union(get_args(annotation), notes, variables)
        named = self._with_a_name(annotation, origin, notes, variables)
        if named is not None:
            return named
        node = self._of_class(annotation, origin, notes, variables)
        check_constraints(node, _shown(annotation))
        return node

    def _with_a_name(
        self, annotation: Any, origin: Any, notes: Notes, variables: Mapping[Any, Any]
    ) -> Node | None:
        """Return the node of what only names another type; `None` for every other annotation."""
        if isinstance(annotation, TypeVar):
            return self.node(bound(annotation, variables), notes, variables)
        if isinstance(annotation, NewType):
            titled = notes if notes.title else replaced(notes, title=annotation.__name__)
            return self.node(annotation.__supertype__, titled, variables)
        if _ALIAS_TYPE is not None and isinstance(origin or annotation, _ALIAS_TYPE):
            return self._alias(annotation, notes, variables)
        return None

    def _named(self, name: str) -> Any:
        try:
            return eval(name, {**vars(typing)}, dict(self._names))  # noqa: S307 - an annotation of the program
        except Exception as error:
            raise UnsupportedTypeError(f"the annotation {name!r} means nothing: {error}") from None

    def _of_class(
        self, annotation: Any, origin: Any, notes: Notes, variables: Mapping[Any, Any]
    ) -> Node:
        cls = annotation if origin is None else origin
        if not isinstance(cls, Hashable):
            raise UnsupportedTypeError(f"{annotation!r} is not a type")
        if cls in _CONTAINERS:
            arguments = get_args(annotation)
            if origin is tuple and not arguments:
                return TupleNode(notes, ())
            return self._container(cls, arguments, notes, variables)
        single = _single(cls, get_args(annotation), notes)
        return self._record_of(annotation, cls, notes, variables) if single is None else single

    def _container(
        self, cls: Any, arguments: tuple[Any, ...], notes: Notes, variables: Mapping[Any, Any]
    ) -> Node:
        if cls is tuple:
            return self._tuple(arguments, notes, variables)
        if cls in _ARRAYS:
            item = arguments[0] if arguments else Any
            return _array(_ARRAYS[cls], self.node(item, variables=variables), notes)
        key, value = arguments or (str, Any)
        keys = _key_node(self.node(key, variables=variables))
        return MapNode(notes, keys, self.node(value, variables=variables))

    def _record_of(
        self, annotation: Any, cls: Any, notes: Notes, variables: Mapping[Any, Any]
    ) -> Node:
        form = form_of(cls)
        if form is None:
            return self._foreign_record(annotation, cls, notes)
        arguments = get_args(annotation)
        if arguments and variables:
            arguments = tuple(substituted(argument, variables) for argument in arguments)
            annotation = cls[arguments]
        if isinstance(annotation, type):
            # A class that is made for its arguments.
            cls, arguments = annotation, get_args(annotation)
        return self._record(annotation, cls, form, arguments, notes)

    def _foreign_record(self, annotation: Any, cls: Any, notes: Notes) -> Node:
        record = None if self._record_of_class is None else self._record_of_class(cls, notes)
        if record is None:
            raise UnsupportedTypeError(f"{_shown(annotation)} cannot be read from data")
        return record

    def _tuple(
        self, arguments: tuple[Any, ...], notes: Notes, variables: Mapping[Any, Any]
    ) -> Node:
        if not arguments:
            return ArrayNode(notes, tuple, AnyNode(_PLAIN))
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return ArrayNode(notes, tuple, self.node(arguments[0], variables=variables))
        if any(map(_is_unpacked, arguments)):
            raise UnsupportedTypeError("a tuple of a varying number of items has items of one type")
        return TupleNode(notes, tuple(self.node(item, variables=variables) for item in arguments))

    def _union(
        self, arguments: tuple[Any, ...], notes: Notes, variables: Mapping[Any, Any]
    ) -> Node:
        options = [argument for argument in arguments if argument is not type(None)]
        if len(options) == len(arguments):
            return self._options(options, notes, variables)
        # What is demanded, is demanded of what is not None.
        demands = replaced(_PLAIN, constraints=notes.constraints, allows_nan=notes.allows_nan)
        node = self._options(options, demands, variables)
        return NullableNode(replaced(notes, constraints=()), node)

    def _options(self, options: Sequence[Any], notes: Notes, variables: Mapping[Any, Any]) -> Node:
        """Return the node of one type or of several."""
        if len(options) == 1:
            return self.node(options[0], notes, variables)
        nodes = [self.node(option, variables=variables) for option in options]
        union = make_union(nodes, notes)
        check_constraints(union, " | ".join(map(_shown, options)))
        if isinstance(union, UnionNode):
            self._unions.append(union)
        return union

    def _alias(self, annotation: Any, notes: Notes, variables: Mapping[Any, Any]) -> Node:
        known = self._known.get(annotation)
        if isinstance(known, AliasNode):
            return AliasNode(notes, known.key, known.name, known.targets)
        alias = get_origin(annotation) or annotation
        arguments = [substituted(each, variables) for each in get_args(annotation)]
        own = dict(zip(alias.__type_params__, arguments, strict=True))
        if notes.constraints:
            # What is demanded is demanded of what the name stands for.
            return self.node(alias.__value__, notes, own)
        node = AliasNode(notes, annotation, _name(annotation, alias), [])
        self._known[annotation] = node
        node.targets.append(self.node(alias.__value__, variables=own))
        return node

    def _record(self, key: Any, cls: Any, form: Form, arguments: Any, notes: Notes) -> Node:
        known = self._known.get(key)
        if isinstance(known, RecordNode):
            shared = known
            return _noted(shared, notes)
        hooks = cls.record_hooks() if form == "own" else None
        node = RecordNode(notes, key, cls, form, _name(key, cls), _docstring(cls), [], hooks)
        self._known[key] = node
        node.fields.extend(self._fields(cls, form, type_variables(cls, arguments)))
        _check_keys(node)
        return node

    def _fields(self, cls: Any, form: Form, variables: Mapping[Any, Any]) -> Iterator[FieldNode]:
        hints = self._hints(cls)
        for name, slot in SLOTS[form](cls, hints):
            where = f"{cls.__qualname__}.{name}"
            try:
                node = self.node(slot.annotation, _transformed(slot), variables)
                sent = self._sent(slot, variables)
            except UnknownNameError:
                raise
            except UnsupportedTypeError as error:
                raise UnsupportedTypeError(f"{where}: {error}") from None
            yield _field(where, name, node, sent, slot)

    def _sent(self, slot: Slot, variables: Mapping[Any, Any]) -> Node | None:
        if slot.sent_annotation is MISSING:
            return None
        return self.node(slot.sent_annotation, variables=variables)

    def _hints(self, cls: Any) -> dict[str, Any]:
        # A class of a module does not know the variables of a function.
        names = dict(self._names) if "<locals>" in cls.__qualname__ else None
        try:
            return typing.get_type_hints(cls, localns=names or None, include_extras=True)
        except NameError as error:
            raise UnknownNameError(
                f"{cls.__qualname__}: its annotations name {error.name!r}, which its module does not have; "
                "types of fields are declared outside functions"
            ) from None


def _noted(record: RecordNode, notes: Notes) -> RecordNode:
    """Return a record that is known already, with the notes of another place."""
    return RecordNode(
        notes,
        record.key,
        record.type,
        record.form,
        record.name,
        record.description,
        record.fields,
        record.hooks,
    )


def _transformed(slot: Slot) -> Notes:
    if not (slot.before or slot.after):
        return _PLAIN
    return replaced(_PLAIN, before=slot.before, after=slot.after)


def _field(where: str, name: str, node: Node, sent: Node | None, slot: Slot) -> FieldNode:
    notes = node.notes
    if notes.is_read_only and slot.is_required:
        raise UnsupportedTypeError(f"{where} is read-only, so it needs a default")
    return FieldNode(
        name=name,
        key=notes.alias or name,
        node=node,
        is_required=slot.is_required,
        default=slot.default,
        default_factory=slot.default_factory,
        is_received=slot.is_received and not notes.is_read_only,
        is_sent=slot.is_sent and not notes.is_write_only,
        by_keyword=slot.by_keyword,
        sent_node=sent,
        is_sure=slot.is_sure,
    )


def _check_keys(node: RecordNode) -> None:
    keys = [field.key for field in node.fields]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise UnsupportedTypeError(f"{node.name} has two fields with the key {twice!r}")


def _single(cls: Any, arguments: tuple[Any, ...], notes: Notes) -> Node | None:
    """Return the node of a class whose values are not made of others; `None` if it is none."""
    if cls in _ANYTHING:
        return AnyNode(notes)
    if cls is Literal:
        return LiteralNode(notes, arguments)
    if cls is None or cls in SCALARS:
        return ScalarNode(notes, cls or type(None))
    return _of_own_class(cls, notes)


def _of_own_class(cls: Any, notes: Notes) -> Node | None:
    if cls in _custom:
        read, write, schema = _custom[cls]
        return CustomNode(notes, cls, read, write, schema)
    if isinstance(cls, type) and issubclass(cls, Enum):
        check_enum(cls)
        return EnumNode(notes, cls)
    return None


def _array(container: type[Any], item: Node, notes: Notes) -> Node:
    if container in (set, frozenset) and not has_hash(item):
        raise UnsupportedTypeError(
            "the items of a set need a hash; lists, maps and dicts have none"
        )
    return ArrayNode(notes, container, item)


def _is_unpacked(argument: Any) -> bool:
    return get_origin(argument) is typing.Unpack or bool(getattr(argument, "__unpacked__", False))


def _key_node(node: Node) -> Node:
    """Check the type of a map's keys, which are text in JSON."""
    is_single = isinstance(node, (ScalarNode, EnumNode, LiteralNode, CustomNode))
    if not is_single or (isinstance(node, ScalarNode) and node.type is type(None)):
        raise UnsupportedTypeError("the keys of a map are single values")
    return node


def _docstring(cls: Any) -> str:
    text = inspect.cleandoc(cls.__doc__ or "")
    # What dataclasses and named tuples write by themselves says nothing.
    made = text.startswith(f"{cls.__name__}(") and text.endswith(")")
    return "" if made else text


def _name(annotation: Any, cls: Any) -> str:
    arguments = get_args(annotation)
    name = str(cls.__name__)
    return f"{name}[{', '.join(map(_shown, arguments))}]" if arguments else name


def _shown(annotation: Any) -> str:
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__qualname__
    origin = get_origin(annotation)
    return _name(annotation, origin) if isinstance(origin, type) else repr(annotation)
