"""Names resolved against a model, once: what they mean is kept with the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openviper.db.fields.base import Field
from openviper.db.fields.columns import ColumnName
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.nodes import Column, Node, Order
from openviper.db.sql.parts import PARTS, part_of
from openviper.db.sql.paths import MAX_HOPS, Path, Step, Steps, no_lookup, walk
from openviper.db.sql.types import Family, type_of_field
from openviper.exceptions import FieldError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.sql import json_paths
else:
    json_paths = lazy_module("openviper.db.sql.json_paths")  # Few projects ask for parts of JSON.

MAX_CACHED = 1000
"""Entries of a cache at which it is emptied: names and shapes come from code, but code may come from users."""


def remember(cache: dict[str, Any], key: str, value: Any) -> None:
    """Put something into a cache of names, which is emptied when it has become too long."""
    if len(cache) >= MAX_CACHED:
        cache.clear()
    cache[key] = value


def column_at(meta: ModelOptions, steps: Steps, field: Field[Any]) -> Column:
    """Return the column at the end of a path, the same object each time.

    Raises:
        FieldError: If the path has too many relations.
    """
    if len(steps) > MAX_HOPS:
        raise FieldError(f"a path of {len(steps)} relations is longer than {MAX_HOPS}")
    key = "__".join([*(step.name for step in steps), field.attname])
    column: Column | None = meta.columns.get(key)
    if column is None:
        column = Column(steps, field, type_of_field(field))
        remember(meta.columns, key, column)
    return column


def column_of(meta: ModelOptions, path: Path) -> Column:
    """Return the column of a path; of one that ends at a relation, the key of the related rows."""
    return column_at(meta, path.steps, path.meta_of.pk if path.field is None else path.field)


def value_named(meta: ModelOptions, name: str) -> Node:
    """Return the column of a name or path, or a part of it such as ``created__year``; kept with the model.

    Raises:
        FieldError: If it leads to no value.
    """
    if isinstance(name, ColumnName):
        name.check(meta)
    node: Node | None = meta.values.get(name)
    if node is None:
        node = _value_named(meta, name)
        remember(meta.values, str(name), node)
    return node


def _value_named(meta: ModelOptions, name: str) -> Node:
    path = walk(meta, name)
    node: Node = column_of(meta, path)
    if path.field is None and not path.rest:
        return node
    return parts_behind(meta, name, path, node)


def parts_behind(meta: ModelOptions, name: str, path: Path, node: Node) -> Node:
    """Return the part of a value that the rest of its name asks for.

    Raises:
        FieldError: If there is no such part.
    """
    if not path.rest:
        return node
    if node.type.family is Family.JSON:
        return json_paths.json_path(node, path.rest)
    if len(path.rest) > 1 or path.rest[0] not in PARTS.get(node.type.family, ()):
        raise no_lookup(meta, name, path)
    return part_of(node, path.rest[0])


def single_value(meta: ModelOptions, name: str, purpose: str) -> Node:
    """Return the value of a name, of which each row has at most one.

    Raises:
        FieldError: If it leads to no value, or to many per row.
    """
    node = value_named(meta, name)
    column = node if isinstance(node, Column) else next(node.parts())
    if isinstance(column, Column) and column.many:
        raise FieldError(
            f"{name!r} leads to many rows of {column.many[-1].meta.model_name} for each {meta.model_name}; "
            f"{purpose} needs one value, such as an aggregate: annotate(x=Max({name!r}))"
        )
    return node


def with_order(node: Node, name: str) -> Node:
    """Return a value to order by.

    Raises:
        FieldError: If each database has an order of its own for such values, or none.
    """
    if node.type.family in (Family.ARRAY, Family.JSON) and not node.sort_keys():
        advice = "; a path into it has one" if node.type.family is Family.JSON else ""
        raise FieldError(f"{name!r}: values of type {node.type} have no order{advice}")
    return node


def order_named(meta: ModelOptions, term: str) -> Order:
    """Return the order by a name, ``-`` before it to descend; kept with the model.

    Raises:
        FieldError: If it leads to no value, or to many per row.
    """
    order: Order | None = meta.orders.get(term)
    if order is None:
        name = term.removeprefix("-")
        node = with_order(single_value(meta, name, "an order"), name)
        order = Order(node, term.startswith("-"), name=name)
        remember(meta.orders, str(term), order)
    return order


def behind_step(meta: ModelOptions, step: Step, column: Column) -> Column:
    """Return a column as it is seen from a model that a step leads from.

    Raises:
        FieldError: If the path becomes too long.
    """
    if column.field.primary_key and not column.steps and not step.reverse and not step.is_linked:
        return column_at(meta, (), step.field)  # type: ignore[arg-type]  # a foreign key
    return column_at(meta, (step, *column.steps), column.field)
