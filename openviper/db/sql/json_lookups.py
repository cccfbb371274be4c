"""Lookups of JSON: containment, keys, and comparisons of what stands at the end of a path."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.stored_json import may_be_key
from openviper.db.sql.conditions import UNKNOWN, Group, Settled
from openviper.db.sql.lookups import Compare, Lookup, Operator, is_expression, list_of, no_meaning
from openviper.db.sql.nodes import Node, Scope, Writer
from openviper.db.sql.types import FLOAT, TEXT, Family
from openviper.exceptions import FieldError, QueryError
from openviper.utils.importing import lazy_module
from openviper.utils.records import record

if TYPE_CHECKING:
    from openviper.db.sql import json_paths
else:
    json_paths = lazy_module("openviper.db.sql.json_paths")  # Few projects ask for parts of JSON.


MAX_PATHS = 200
"""Most places of one value that MariaDB is told not to look into lists at."""


def is_path(lookup: Lookup) -> bool:
    """Return whether a lookup looks at a value within JSON."""
    return lookup.left.is_json_path


def as_scalar(lookup: Lookup, value: object) -> Lookup:
    """Return the lookup of a value within JSON as a number or a text, whichever it is compared with.

    Raises:
        FieldError: If it is compared with neither.
    """
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if not is_number and not isinstance(value, str):
        raise FieldError(
            f"{lookup.key!r}: JSON has an order of numbers and texts, not of {value!r}"
        )
    return Lookup(
        lookup.key,
        json_paths.JSONScalar(lookup.left, FLOAT if is_number else TEXT),
        lookup.operator,
    )


def as_text(lookup: Lookup) -> Lookup:
    """Return the lookup of a value within JSON as a text."""
    return Lookup(lookup.key, json_paths.JSONScalar(lookup.left, TEXT), lookup.operator)


@record(frozen=True, slots=True, eq=False)
class JSONContains(Compare):
    """Whether JSON contains JSON: objects some of their keys, lists some of their members."""

    def sql(self, writer: Writer) -> str:
        """Return the test."""
        if not writer.has_value(self):
            return UNKNOWN
        left, value = self.lookup.left.sql(writer), writer.value(self)
        if writer.dialect.name == "postgresql":
            return f"{left} @> CAST({value} AS jsonb)"
        if writer.dialect.name == "mysql":
            return f"JSON_CONTAINS({left}, {value})"
        return f"openviper_json_contains({left}, {value})"


def contained(lookup: Lookup, value: object) -> Node:
    """Return whether JSON contains a value.

    Raises:
        FieldError: If the value is computed.
    """
    if is_expression(value):
        raise FieldError(f"{lookup.key!r} takes a JSON value, not an expression")
    paths = islice(json_paths.paths_of_no_lists(value), MAX_PATHS)
    tests = [json_paths.NoList(lookup.left, path) for path in paths]
    return (
        Group("AND", (JSONContains(lookup, value), *tests))
        if tests
        else JSONContains(lookup, value)
    )


class Keys(Operator):
    """``has_key``, ``has_keys`` and ``has_any_keys``.

    Args:
        name: The word.
        connector: ``AND`` if there have to be all keys, ``OR`` for one.
    """

    def __init__(self, name: str, connector: str) -> None:
        self.name = name
        self.connector = connector

    def check(self, lookup: Lookup) -> None:
        """Refuse what is not JSON."""
        if lookup.left.type.family is not Family.JSON:
            raise no_meaning(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the test."""
        keys: list[Any] = [value] if self.name == "has_key" else list_of(lookup, value, "keys")
        if not keys or not all(isinstance(key, str) for key in keys):
            raise QueryError(f"{lookup.key!r} takes keys, which are texts, not {value!r}")
        possible = tuple(filter(may_be_key, keys))
        if len(possible) < (len(keys) if self.connector == "AND" else 1):
            return Settled(lookup.left, False)
        return json_paths.HasKeys(lookup.left, possible, self.connector)
