"""What a query asks of a backend: its description turned into a `QuerySpec`, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from openviper.db.exceptions import UnsupportedVirtualQueryError
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.description import Description
from openviper.db.sql.expressions import Expression, Q
from openviper.db.sql.lookups import Lookup, find_lookup
from openviper.db.virtual.backend_registry import backend_registry
from openviper.db.virtual.base import (
    Capability,
    FilterClause,
    FilterOp,
    QuerySpec,
    VirtualBackend,
)

_OPERATORS = {
    "exact": FilterOp.EQ,
    "ne": FilterOp.NE,
    "gt": FilterOp.GT,
    "gte": FilterOp.GTE,
    "lt": FilterOp.LT,
    "lte": FilterOp.LTE,
    "in": FilterOp.IN,
    "not_in": FilterOp.NOT_IN,
    "contains": FilterOp.CONTAINS,
    "icontains": FilterOp.ICONTAINS,
    "startswith": FilterOp.STARTSWITH,
    "endswith": FilterOp.ENDSWITH,
    "isnull": FilterOp.IS_NULL,
}


def backend_of(meta: ModelOptions) -> VirtualBackend:
    """Return the backend of a virtual model.

    Raises:
        VirtualBackendNotFoundError: If it is not registered.
    """
    return backend_registry.get(meta.backend)


def refuse(meta: ModelOptions, what: str) -> NoReturn:
    """Raise the error for what a virtual model cannot do."""
    raise UnsupportedVirtualQueryError(f"virtual model {meta.label!r} does not support {what}")


def require(meta: ModelOptions, capability: Capability) -> None:
    """Check that a model's backend can do something.

    Raises:
        UnsupportedVirtualQueryError: If it cannot.
    """
    if capability not in backend_of(meta).capabilities:
        refuse(meta, capability.value)


def make_spec(meta: ModelOptions, query: Description) -> QuerySpec:
    """Return what a query asks for, in the form that backends take.

    Raises:
        UnsupportedVirtualQueryError: If the backend cannot do a part of it.
        FieldError: If a name is unknown.
    """
    _refuse_joins(meta, query)
    clauses = tuple(_clause(meta, condition) for condition in query.where)
    order = meta.ordering if query.order is None else query.order
    for capability in (*_needed_for(clauses), *_needed_by(query, order)):
        require(meta, capability)
    return QuerySpec(
        filters=_equalities(clauses),
        filter_clauses=clauses,
        limit=query.limit,
        offset=query.offset,
        order_by=tuple(_by_attname(meta, term) for term in order),
        distinct=query.distinct,
        only_fields=query.only or (),
        defer_fields=query.defer,
    )


def _refuse_joins(meta: ModelOptions, query: Description) -> None:
    for part in ("annotations", "related", "prefetch", "lock"):
        if getattr(query, part):
            refuse(meta, part)


def _equalities(clauses: tuple[FilterClause, ...]) -> dict[str, Any]:
    return {clause.field: clause.value for clause in clauses if clause.op is FilterOp.EQ}


def _needed_for(clauses: tuple[FilterClause, ...]) -> Iterator[Capability]:
    if clauses:
        yield Capability.FILTER
    if any(clause.op is not FilterOp.EQ for clause in clauses):
        yield Capability.FILTER_OPS


def _needed_by(query: Description, order: tuple[Any, ...]) -> list[Capability]:
    asked_for = {
        Capability.LIMIT: query.limit is not None,
        Capability.OFFSET: query.offset > 0,
        Capability.ORDER_BY: bool(order),
        Capability.DISTINCT: query.distinct,
        Capability.ONLY: query.only is not None,
        Capability.DEFER: bool(query.defer),
    }
    return [capability for capability, is_asked_for in asked_for.items() if is_asked_for]


def _by_attname(meta: ModelOptions, term: str) -> str:
    """Return a term of an order by the attribute instead of the field."""
    sign = "-" if term.startswith("-") else ""
    return sign + meta.field(term.removeprefix("-")).attname


def _clause(meta: ModelOptions, condition: Any) -> FilterClause:
    if isinstance(condition, Q):
        refuse(meta, "Q objects and exclude()")
    key, value = condition
    lookup = find_lookup(meta, key)
    if not _is_plain(lookup) or isinstance(value, Expression):
        refuse(meta, f"the condition {key!r}")
    operator = _OPERATORS[lookup.operator]
    return FilterClause(lookup.field.attname, *_comparison(lookup.field, operator, value))


def _comparison(field: Field[Any], operator: FilterOp, value: Any) -> tuple[FilterOp, Any]:
    if operator is FilterOp.EQ and value is None:
        return FilterOp.IS_NULL, True
    if operator is FilterOp.IS_NULL:
        return operator, value
    if operator in (FilterOp.IN, FilterOp.NOT_IN):
        return operator, [field.to_python(element) for element in value]
    return operator, field.to_python(value)


def _is_plain(lookup: Lookup) -> bool:
    """Return whether a lookup is about a field of the model itself, by an operator that backends know."""
    return lookup.operator in _OPERATORS and not (lookup.hops or lookup.transform)
