"""Conditions, ordering and slices: bound first, turned into text only when their shape is new."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openviper.db.compiler.description import Description
from openviper.db.compiler.plan import Plan
from openviper.db.compiler.source import Source
from openviper.db.expressions import Condition, Q
from openviper.db.fields.options import ModelOptions
from openviper.db.lookups import UNKNOWN, find_lookup, resolve_path
from openviper.exceptions import FieldError

Shape = tuple[Any, ...]


def check_conditions(meta: ModelOptions, conditions: tuple[Condition, ...]) -> None:
    """Check that every name in the conditions exists.

    Raises:
        FieldError: If one does not.
    """
    lookups = meta.lookups
    for condition in conditions:
        if isinstance(condition, Q):
            check_conditions(meta, condition.children)
        elif condition[0] not in lookups:
            find_lookup(meta, condition[0])


def bind_where(
    plan: Plan, conditions: tuple[Condition, ...], parameters: list[Any], *, strict: bool = False
) -> Shape:
    """Add the values of the conditions to `parameters` and return their shape.

    Args:
        plan: The model's plan.
        conditions: All of which have to hold.
        parameters: Extended in the order of the placeholders.
        strict: Refuse values that a field cannot convert instead of matching nothing.

    Raises:
        FieldError: If a name is unknown, or `strict` is set and a value cannot be converted.
        QueryError: If a value has the wrong shape for its operator.
    """
    shape: list[Any] = []
    meta = plan.meta
    for condition in conditions:
        if condition.__class__ is tuple:
            key, value = condition
            lookup = meta.lookups.get(key) or find_lookup(meta, key)
            kind = lookup.bind(value, parameters, plan.dialect, meta)
            if strict:
                _refuse_unknown(plan, lookup, kind, value)
            shape.append((key, kind))
        else:
            assert isinstance(condition, Q)
            inner = bind_where(plan, condition.children, parameters, strict=strict)
            if inner:
                shape.append((condition.connector, condition.negated, inner))
    return tuple(shape)


def _refuse_unknown(plan: Plan, lookup: Any, kind: Any, value: Any) -> None:
    unknown = kind == UNKNOWN
    if lookup.operator in ("in", "not_in") and kind[0] == "list" or kind == "long list":
        for one in value:
            try:
                lookup.convert(one, plan.dialect)
            except (ValueError, TypeError, OverflowError):
                unknown = True
    if unknown:
        raise FieldError(f"{lookup.key!r} cannot take {value!r}; nothing was changed")


def where_sql(plan: Plan, shape: Shape, source: Source) -> str:
    """Return `` WHERE ...`` for a shape, or nothing for an empty one."""
    return f" WHERE {_joined(plan, shape, source, 'AND')}" if shape else ""


def _joined(plan: Plan, shape: Shape, source: Source, connector: str) -> str:
    return f" {connector} ".join(_one(plan, item, source) for item in shape)


def _one(plan: Plan, item: Any, source: Source) -> str:
    if len(item) == 2:
        lookup = find_lookup(plan.meta, item[0])
        return lookup.sql(item[1], source, plan.dialect, plan.meta)
    connector, negated, inner = item
    while len(inner) == 1 and len(inner[0]) == 3 and not inner[0][1]:
        connector, _, inner = inner[0]
    text = _joined(plan, inner, source, connector)
    return text if len(inner) == 1 and not negated else f"{'NOT ' if negated else ''}({text})"


def joined_models(
    meta: ModelOptions, query: Description, names: Iterable[str] = ()
) -> dict[ModelOptions, None]:
    """Return the models that a query reads besides its own, in the order they are met.

    Args:
        meta: The model's options.
        query: What is asked for.
        names: Further paths that are read.
    """
    found: dict[ModelOptions, None] = {}
    order = meta.ordering if query.order is None else query.order
    for name in (*(name.removeprefix("-") for name in order), *names):
        found.update(dict.fromkeys(hop.remote_model._meta for hop in resolve_path(meta, name).hops))
    for name in query.related:
        path = resolve_path(meta, name)
        keys = (*path.hops, path.field)
        found.update(dict.fromkeys(key.remote_model._meta for key in keys))
    _joined_by_conditions(meta, query.where, found)
    return found


def _joined_by_conditions(
    meta: ModelOptions, conditions: tuple[Condition, ...], found: dict[ModelOptions, None]
) -> None:
    for condition in conditions:
        if isinstance(condition, Q):
            _joined_by_conditions(meta, condition.children, found)
        else:
            found.update(dict.fromkeys(hop.remote_model._meta for hop in find_lookup(meta, condition[0]).hops))


def order_of(plan: Plan, query: Description) -> tuple[str, ...]:
    """Return what a query is ordered by."""
    return plan.meta.ordering if query.order is None else query.order


def order_sql(plan: Plan, order: tuple[str, ...], source: Source) -> str:
    """Return `` ORDER BY ...``, or nothing.

    Raises:
        FieldError: If a name is unknown.
    """
    if not order:
        return ""
    parts = []
    for name in order:
        path = resolve_path(plan.meta, name.removeprefix("-"))
        parts.append(source.column(path.hops, path.field) + (" DESC" if name.startswith("-") else ""))
    return f" ORDER BY {', '.join(parts)}"


def bind_limits(query: Description, parameters: list[Any]) -> None:
    """Add limit and offset to `parameters`."""
    if query.limit is not None:
        parameters.append(query.limit)
    if query.offset:
        parameters.append(query.offset)


def limit_sql(plan: Plan, query: Description) -> str:
    """Return the clause for limit and offset."""
    return plan.dialect.limit_clause(query.limit is not None, query.offset > 0)
