"""What a query asks of a backend: its description turned into a `QuerySpec`, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from openviper.db.exceptions import UnsupportedVirtualQueryError
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.conditions import NullTest, Truth
from openviper.db.sql.description import Description
from openviper.db.sql.lookups import Compare, InList, Lookup
from openviper.db.sql.nodes import Column, Node, Order
from openviper.db.sql.statements import order_of
from openviper.db.virtual.backends import backend_registry
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
    clauses = tuple(
        _clause(meta, condition) for condition in query.where if not _is_true(condition)
    )
    order = order_of(meta, query)
    for capability in (*_needed_for(clauses), *_needed_by(query, order)):
        require(meta, capability)
    return QuerySpec(
        filters=_equalities(clauses),
        filter_clauses=clauses,
        limit=query.limit,
        offset=query.offset,
        order_by=tuple(_by_attname(meta, term) for term in order),
        distinct=query.distinct,
        only_fields=_attnames(meta, query.only or ()),
        defer_fields=_attnames(meta, query.defer),
    )


def _attnames(meta: ModelOptions, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(meta.field(name).attname for name in names)


def _refuse_joins(meta: ModelOptions, query: Description) -> None:
    for part in ("annotations", "related", "prefetch", "lock"):
        if getattr(query, part):
            refuse(meta, part)


def _equalities(clauses: tuple[FilterClause, ...]) -> dict[str, Any]:
    return {clause.field: clause.value for clause in clauses if clause.op is FilterOp.EQ}


def _needed_for(clauses: tuple[FilterClause, ...]) -> Iterator[Capability]:
    if clauses:
        yield Capability.FILTER
    # Of two values for one field `QuerySpec.filters` holds the last.
    if len(_equalities(clauses)) < len(clauses):
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


def _by_attname(meta: ModelOptions, term: Order) -> str:
    """Return a term of an order by the attribute instead of the field."""
    node = term.node
    if not isinstance(node, Column) or node.steps:
        refuse(meta, f"the order by {term.name!r}")
    return f"{'-' if term.descending else ''}{node.field.attname}"


def _is_true(condition: Node) -> bool:
    """Return whether a condition holds for everything, as not to be in an empty list does."""
    return isinstance(condition, Truth) and condition.value


def _clause(meta: ModelOptions, condition: Node) -> FilterClause:
    """Return a condition in the form that backends take."""
    if isinstance(condition, NullTest) and isinstance(condition.operand, Column):
        field = condition.operand.field
        return FilterClause(field.attname, FilterOp.IS_NULL, not condition.negated)
    if isinstance(condition, Truth):
        return FilterClause(meta.pk.attname, FilterOp.IN, [])  # No key is in an empty list.
    if not isinstance(condition, (Compare, InList)):
        refuse(meta, "Q objects, exclude(), expressions and lookups of several values")
    lookup = condition.lookup
    if not _is_plain(lookup):
        refuse(meta, f"the condition {lookup.key!r}")
    operator = _OPERATORS[lookup.operator.name]
    return FilterClause(lookup.field.attname, operator, _value(condition))


def _value(condition: Compare | InList) -> Any:
    """Return what a condition compares with, of the field's type."""
    field = condition.lookup.field
    if isinstance(condition, InList):
        return [field.to_python(element) for element in condition.values]
    return field.to_python(condition.value)


def _is_plain(lookup: Lookup) -> bool:
    """Return whether a lookup is about a field of the model itself, by an operator that backends know."""
    is_own = isinstance(lookup.left, Column) and not lookup.left.steps
    return is_own and lookup.operator.name in _OPERATORS
