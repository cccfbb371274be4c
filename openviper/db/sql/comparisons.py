"""Lookups that compare: ``exact``, ``gt``, ``in``, ``range``, ``isnull``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openviper.db.sql.bounds import (
    beyond,
    can_hold,
    is_never,
    is_whole,
    whole_number,
    whole_of,
)
from openviper.db.sql.conditions import (
    Comparison,
    Group,
    InNodes,
    NullTest,
    Settled,
    Truth,
)
from openviper.db.sql.json_lookups import as_scalar, is_path
from openviper.db.sql.lookups import (
    PLAIN,
    UNORDERED,
    Compare,
    InList,
    Lookup,
    Operator,
    check_searchable,
    comparable,
    expression_of,
    is_expression,
    list_of,
    marked,
    no_meaning,
)
from openviper.db.sql.nodes import (
    Node,
    Scope,
    Writer,
)
from openviper.db.sql.operands import is_query
from openviper.db.sql.single_values import checked_value, operand_of
from openviper.db.sql.types import Family
from openviper.exceptions import QueryError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.sql import subqueries
else:
    subqueries = lazy_module("openviper.db.sql.subqueries")  # A query brings it along.

NOTHING: frozenset[Family] = frozenset()
_SMALL = 2**31


class Equality(Operator):
    """``exact`` and ``ne``, also of expressions, instances and `None`.

    Args:
        name: The word.
        symbol: The SQL operator.
    """

    def __init__(self, name: str, symbol: str) -> None:
        self.name = name
        self.symbol = symbol

    def check(self, lookup: Lookup) -> None:
        """Take everything; what is stored encrypted is refused when a value is given."""

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the comparison."""
        if value.__class__ not in PLAIN:
            return self._unusual(lookup, value, scope)
        if lookup.is_encrypted:
            check_searchable(lookup)
        return _compared(self.name, lookup, value)

    def _unusual(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        if value is None:
            return NullTest(lookup.left, negated=self.name == "ne")
        check_searchable(lookup)
        right = expression_of(lookup, value, scope)
        if right is not None:
            return Comparison(lookup.left, self.symbol, comparable(lookup, right, UNORDERED))
        if not can_hold(lookup, value):
            return Settled(lookup.left, self.name == "ne")
        return Compare(lookup, checked_value(lookup, value))

    def sql(self, left: Node, node: Compare, writer: Writer) -> str:
        """Return the comparison."""
        mark = marked(writer.value(node), left, writer.dialect)
        if left.type.family is Family.JSON:
            return writer.dialect.json_equals(left.sql(writer), mark, negated=self.name == "ne")
        return f"{left.sql(writer)} {self.symbol} {mark}"


class Ordering(Operator):
    """``gt``, ``gte``, ``lt`` and ``lte``.

    Args:
        name: The word.
        symbol: The SQL operator.
    """

    def __init__(self, name: str, symbol: str) -> None:
        self.name = name
        self.symbol = symbol

    def check(self, lookup: Lookup) -> None:
        """Refuse values without an order."""
        family = lookup.left.type.family
        if family in UNORDERED and not is_path(lookup):
            raise no_meaning(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the comparison; numbers are compared as numbers, however great they are."""
        if lookup.left.is_json_path:
            return _compared(self.name, as_scalar(lookup, value), value)
        if value.__class__ in PLAIN:
            return _compared(self.name, lookup, value)
        right = expression_of(lookup, value, scope)
        if right is None:
            return Compare(lookup, checked_value(lookup, value))
        return Comparison(lookup.left, self.symbol, comparable(lookup, right, UNORDERED))

    def sql(self, left: Node, node: Compare, writer: Writer) -> str:
        """Return the comparison."""
        return f"{left.sql(writer)} {self.symbol} {writer.value(node)}"


def _compared(name: str, lookup: Lookup, value: object) -> Node:
    """Return the comparison with a value of a plain class; numbers are compared as numbers, whatever the column holds."""
    if lookup.is_whole:
        # Nearly always it is small, which is found out in less time than a call takes.
        is_small = value.__class__ is int and -_SMALL < value < _SMALL
        return Compare(lookup, value) if is_small else _whole_compared(name, lookup, value)
    settled = beyond(name, lookup, value) if lookup.is_bounded else None
    return Compare(lookup, value) if settled is None else settled


def _whole_compared(name: str, lookup: Lookup, value: object) -> Node:
    return Compare(lookup, value) if is_whole(value) else whole_number(name, lookup, value)


class IsNull(Operator):
    """``isnull``: whether a value, or a related row, is missing."""

    name = "isnull"

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the test."""
        if not isinstance(value, (bool, int)) or value not in (0, 1):
            raise QueryError(f"{lookup.key!r} takes True or False, not {value!r}")
        return NullTest(lookup.left, negated=not value)


class Membership(Operator):
    """``in`` and ``not_in``: of a list, of expressions, of a queryset.

    Args:
        name: The word.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the test."""
        check_searchable(lookup)
        if is_query(value):
            query: Any = value
            subquery = query.as_subquery_of(lookup.key).placed(scope)
            comparable(lookup, subquery, NOTHING)
            return subqueries.InQuery(lookup.left, subquery, self.name == "not_in")
        return self._of_items(lookup, tuple(list_of(lookup, value)), scope)

    def _of_items(self, lookup: Lookup, items: tuple[Any, ...], scope: Scope) -> Node:
        is_negated = self.name == "not_in"
        if not items:
            return Truth(is_negated)
        if any(map(is_expression, items)):
            return self._of_expressions(lookup, items, scope)
        if lookup.left.type.family is Family.JSON:
            return _any_equal(lookup, items, is_negated)
        return self._of_values(lookup, items, is_negated)

    def _of_expressions(self, lookup: Lookup, items: tuple[Any, ...], scope: Scope) -> Node:
        nodes = (operand_of(lookup, item, scope) for item in items)
        choices = tuple([comparable(lookup, node, UNORDERED) for node in nodes])
        return InNodes(lookup.left, choices, self.name == "not_in")

    def _of_values(self, lookup: Lookup, items: tuple[Any, ...], is_negated: bool) -> Node:
        checked = tuple(
            item if item.__class__ in PLAIN or item is None else checked_value(lookup, item)
            for item in items
        )
        if lookup.is_whole:
            checked = tuple(map(whole_of, checked))
        kept = tuple(item for item in checked if _may_equal(lookup, item))
        return InList(lookup, kept) if kept else Settled(lookup.left, is_negated)


def _may_equal(lookup: Lookup, item: object) -> bool:
    """Return whether the left side may equal an item of a list."""
    if lookup.is_whole:
        return not is_never(item)
    if lookup.is_bounded:
        return beyond("exact", lookup, item) is None
    return can_hold(lookup, item)


def _any_equal(lookup: Lookup, items: tuple[Any, ...], is_negated: bool) -> Node:
    equal = Lookup(lookup.key, lookup.left, EXACT)
    return Group("OR", tuple(_compared("exact", equal, item) for item in items), is_negated)


class Range(Operator):
    """``range``: between two values, both included."""

    name = "range"

    def check(self, lookup: Lookup) -> None:
        """Refuse values without an order."""
        if lookup.left.type.family in UNORDERED and not is_path(lookup):
            raise no_meaning(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return two comparisons."""
        pair = [] if is_query(value) else list_of(lookup, value, "two values")
        if len(pair) != 2:
            raise QueryError(f"{lookup.key!r} takes two values, not {value!r}")
        least, greatest = pair
        ends = (_end(lookup, "gte", least, scope), _end(lookup, "lte", greatest, scope))
        return Group("AND", ends)


def _end(lookup: Lookup, name: str, value: object, scope: Scope) -> Node:
    """Return the comparison with one end of a range."""
    ordering = ORDERINGS[name]
    compared = Lookup(lookup.key, lookup.left, ordering)
    if value is None:
        return Compare(compared, None)
    return ordering.condition(compared, value, scope)


EXACT = Equality("exact", "=")
ORDERINGS = {
    "gt": Ordering("gt", ">"),
    "gte": Ordering("gte", ">="),
    "lt": Ordering("lt", "<"),
    "lte": Ordering("lte", "<="),
}
"""The orderings by name."""
