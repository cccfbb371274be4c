"""What may stand on the right of a lookup in place of a value of a plain class: instances, lists of JSON, expressions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openviper.db.fields.relations import ForeignKey, LazyFK
from openviper.db.sql.arithmetic import describe
from openviper.db.sql.lookups import Lookup, expression_of
from openviper.db.sql.nodes import UNCONVERTIBLE, Literal, Node, Scope
from openviper.db.sql.types import NULL, Family
from openviper.exceptions import FieldError, QueryError


def operand_of(lookup: Lookup, value: object, scope: Scope) -> Node:
    """Return the node of one item of a list with expressions in it."""
    node = expression_of(lookup, value, scope)
    if node is not None:
        return node
    if value is None:
        return Literal(None, NULL)
    return Literal(_python_value(lookup, value), lookup.left.type)


def _python_value(lookup: Lookup, value: object) -> object:
    if lookup.field is None:
        return value
    try:
        converted: object = lookup.field.to_python(checked_value(lookup, value))
    except UNCONVERTIBLE:
        raise FieldError(f"{lookup.key!r} cannot take {value!r}") from None
    return converted


def checked_value(lookup: Lookup, value: object) -> object:
    """Return an operand that is not of a plain class, if it stands for a value.

    Raises:
        QueryError: If it is an instance of another model, one that is not stored, a class, a function or a list.
    """
    _check_one(lookup, value)
    if not isinstance(value, LazyFK) and hasattr(type(value), "_meta"):
        try:
            _check_instance(lookup, value)
        except ValueError as error:
            raise QueryError(f"{lookup.key!r}: {error}") from None
    return value


def _check_one(lookup: Lookup, value: object) -> None:
    if isinstance(value, type):
        raise QueryError(f"{lookup.key!r}: the class {value.__name__} is not a value")
    if callable(value):
        raise QueryError(f"{lookup.key!r}: {value!r} is not a value; call it")
    if isinstance(value, Iterable) and not _is_one(lookup, value):
        raise QueryError(f"{lookup.key!r} takes one value, not {value!r}; __in takes a list")


def _is_one(lookup: Lookup, value: object) -> bool:
    """Return whether what can be iterated over stands for one value."""
    is_text = isinstance(value, (str, bytes, bytearray, memoryview))
    return is_text or lookup.left.type.family in (Family.JSON, Family.ARRAY)


def _check_instance(lookup: Lookup, value: Any) -> None:
    """Refuse an instance that has no key to compare the left side with.

    Raises:
        ValueError: If so.
    """
    field = lookup.field
    if isinstance(field, ForeignKey):
        field.key_of(value)
        return
    is_key = field is not None and field.primary_key
    if not is_key or field.model._meta.table_name != type(value)._meta.table_name:
        raise ValueError(f"{value!r} is not a value of {describe(lookup.left)}")
    if value.pk is None:
        raise ValueError(f"{value!r} is not saved yet")
