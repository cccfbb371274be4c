"""Conditions, ordering and slices: bound first, turned into text only when their shape is new."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.description import Description
from openviper.db.sql.expressions import Condition, Q
from openviper.db.sql.lookups import (
    UNKNOWN,
    AnnotationLookup,
    Lookup,
    bind_expression,
    expression_sql,
    find_lookup,
    names_of,
    resolve_path,
)
from openviper.db.sql.paths import resolve_many
from openviper.db.sql.prepared import Plan
from openviper.db.sql.tables import Source
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
        elif isinstance(condition[0], str) and condition[0] not in lookups:
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
            lookup = meta.lookups.get(key) or _lookup(meta, key)
            kind = lookup.bind(value, parameters, plan.dialect, meta)
            if strict:
                _refuse_unknown(plan, lookup, kind[1] if lookup is key else kind, value)
            shape.append((key, kind))
        else:
            assert isinstance(condition, Q)
            inner = bind_where(plan, condition.children, parameters, strict=strict)
            if inner:
                shape.append((condition.connector, condition.negated, inner))
    return tuple(shape)


def _lookup(meta: ModelOptions, key: Any) -> Lookup:
    """Return the lookup of a condition's key, which for a computed value is one itself."""
    return find_lookup(meta, key) if isinstance(key, str) else key


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
        lookup = _lookup(plan.meta, item[0])
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
    computed = dict(query.annotations)
    for _, expression in query.annotations:
        _joined_by_expression(meta, expression, found)
    for name in (*(name.removeprefix("-") for name in order_of(meta, query)), *names):
        if name not in computed:
            found.update(dict.fromkeys(resolve_many(meta, name).models))
    for name in query.related:
        path = resolve_path(meta, name)
        keys = (*path.hops, path.field)
        found.update(dict.fromkeys(key.remote_model._meta for key in keys))
    _joined_by_conditions(meta, query.where, found)
    return found


def _joined_by_expression(
    meta: ModelOptions, expression: object, found: dict[ModelOptions, None]
) -> None:
    for name in names_of(expression):
        if name != "*":
            found.update(dict.fromkeys(resolve_many(meta, name).models))


def _joined_by_conditions(
    meta: ModelOptions, conditions: tuple[Condition, ...], found: dict[ModelOptions, None]
) -> None:
    for condition in conditions:
        if isinstance(condition, Q):
            _joined_by_conditions(meta, condition.children, found)
        elif isinstance(condition[0], AnnotationLookup):
            _joined_by_expression(meta, condition[0].expression, found)
        else:
            found.update(
                dict.fromkeys(
                    hop.remote_model._meta for hop in find_lookup(meta, condition[0]).hops
                )
            )
            _joined_by_expression(meta, condition[1], found)


def order_of(meta: ModelOptions, query: Description) -> tuple[str, ...]:
    """Return what a query is ordered by."""
    return meta.ordering if query.order is None else query.order


Order = tuple[tuple[str, bool, Any], ...]
"""Terms of an order: the name of a field, or nothing for a computed value; whether it descends; the kind of expression."""


def bind_order(plan: Plan, query: Description, parameters: list[Any]) -> Order:
    """Add the numbers of computed values in the order to `parameters` and return the order's shape."""
    order = order_of(plan.meta, query)
    if not query.annotations:
        return tuple((name.removeprefix("-"), name.startswith("-"), None) for name in order)
    computed = dict(query.annotations)
    terms: list[tuple[str, bool, Any]] = []
    for name in order:
        plain, descending = name.removeprefix("-"), name.startswith("-")
        if plain in computed:
            kind = bind_expression(computed[plain], parameters, plan.dialect, plan.meta)
            terms.append(("", descending, (kind,)))
        else:
            terms.append((plain, descending, None))
    return tuple(terms)


def order_sql(plan: Plan, order: Order, source: Source) -> str:
    """Return `` ORDER BY ...``, or nothing.

    Raises:
        FieldError: If a name is unknown.
    """
    if not order:
        return ""
    parts = []
    for name, descending, kind in order:
        if kind is not None:
            sql, nullable = expression_sql(kind[0], source, plan.dialect, plan.meta), True
        else:
            path = resolve_path(plan.meta, name)
            sql = source.column(path.hops, path.field)
            nullable = path.field.null or bool(path.hops)
        parts.append(plan.dialect.order_term(sql, descending=descending, nullable=nullable))
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
