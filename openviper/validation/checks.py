"""Mistakes in types that are found when a type is described, and not with the first data."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, Flag
from typing import Any

from openviper.validation.constraints import Check, Constraint, OneOf
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.nodes import (
    AliasNode,
    AnyNode,
    ArrayNode,
    CustomNode,
    MapNode,
    Node,
    RecordNode,
    ScalarNode,
    TupleNode,
)
from openviper.validation.recursion import children


def check_enum(cls: type[Enum]) -> None:
    """Check that the members of an enumeration can be told by their values.

    Raises:
        UnsupportedTypeError: If not.
    """
    if issubclass(cls, Flag):
        raise UnsupportedTypeError(
            f"{cls.__qualname__} is a Flag, whose members are combined; teach it with register_type"
        )
    if not len(cls):
        raise UnsupportedTypeError(f"{cls.__qualname__} has no members")
    for member in cls:
        _check_member(f"{cls.__qualname__}.{member.name}", member.value)


def _check_member(name: str, value: Any) -> None:
    if isinstance(value, (tuple, list, set, frozenset, dict)):
        raise UnsupportedTypeError(f"{name} is {value!r}, which is not a single value")


def has_hash(node: Node) -> bool:
    """Return whether all values of a type can be items of a set."""
    return _has_hash(node, set())


def _has_hash(node: Node, seen: set[Any]) -> bool:
    if isinstance(node, RecordNode):
        return _record_has_hash(node, seen)
    is_mutable = isinstance(node, ArrayNode) and node.container not in (tuple, frozenset)
    if is_mutable or isinstance(node, (AnyNode, MapNode)):
        return False
    return isinstance(node, AliasNode) or all(_has_hash(each, seen) for each in children(node))


def _record_has_hash(node: RecordNode, seen: set[Any]) -> bool:
    if node.form == "typeddict" or node.type.__hash__ is None:
        return False
    if node.key in seen or not _is_hashed_by_fields(node):
        return True
    seen.add(node.key)
    return all(_has_hash(field.node, seen) for field in node.fields)


def _is_hashed_by_fields(node: RecordNode) -> bool:
    """Return whether the hash of an instance is made of those of its fields; a class may have one of its own."""
    if node.form == "namedtuple":
        return True
    options: Any = getattr(node.type, "__dataclass_params__", None)
    return bool(options and options.eq and (options.frozen or options.unsafe_hash))


def check_constraints(node: Node, shown: str) -> None:
    """Check that what is demanded of a type can be demanded of it, and can be met.

    Args:
        node: The type.
        shown: How it is written.

    Raises:
        UnsupportedTypeError: If not.
    """
    kind = _kind(node)
    if node.notes.allows_nan and kind not in (None, float, Decimal):
        raise UnsupportedTypeError(f"AllowNaN says nothing about {shown}")
    for constraint in node.notes.constraints:
        if not _fits(constraint, kind):
            name = type(constraint).__name__
            raise UnsupportedTypeError(f"{name} says nothing about {shown}")
        if mistake := constraint.mistake():
            raise UnsupportedTypeError(mistake)


def _fits(constraint: Constraint, kind: type[Any] | None) -> bool:
    """Return whether a type can be asked, of which nothing is known if it has no kind."""
    return isinstance(constraint, (Check, OneOf)) if kind is None else constraint.applies_to(kind)


def _kind(node: Node) -> type[Any] | None:
    """Return the Python type that the constraints of a node are asked about."""
    if isinstance(node, (ScalarNode, CustomNode)):
        return node.type
    if isinstance(node, ArrayNode):
        return node.container
    if isinstance(node, MapNode):
        return dict
    return tuple if isinstance(node, TupleNode) else None
