"""Expressions and conditions become nodes: every name is looked up here, once, when a method of a queryset is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from openviper.db.fields.columns import ColumnName
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql import operands
from openviper.db.sql.awaited import Awaited, OuterNeeded, placing
from openviper.db.sql.chance import RANDOM, random_order
from openviper.db.sql.conditions import Group, NullTest, Related, Truth
from openviper.db.sql.expressions import Q, Value
from openviper.db.sql.lookups import PLAIN, Compare, Lookup, Operator
from openviper.db.sql.names import (
    column_of,
    order_named,
    parts_behind,
    remember,
    single_value,
    value_named,
    with_order,
)
from openviper.db.sql.nodes import Column, Node, Order, Scope
from openviper.db.sql.operators import OPERATORS
from openviper.db.sql.parts import PARTS, part_of
from openviper.db.sql.paths import Path, Steps, no_lookup, walk
from openviper.db.sql.sizes import MAX_PARTS, check_number
from openviper.db.sql.spreading import one_of, speaks_of_many, spread
from openviper.db.sql.types import BOOLEAN, NULL, ResultType
from openviper.exceptions import FieldError, QueryError

MAX_DEPTH = 40
"""Most levels of conditions within conditions; SQLite's parser has room for 100 parentheses."""
MAX_CONDITIONS = 100_000
"""Most conditions of one call; a `Q` that holds another one twice doubles them with each level."""


class QueryScope:
    """The names of one query: the fields of its model, paths, computed values.

    Args:
        meta: The model.
        computed: The values that `annotate` has added, by name.
        is_grouped: Whether aggregates are over the rows of the query; else over those that belong to each row.
        takes_many: Whether a path may lead to many rows.
        outer: The names of the query around, once it is known.
    """

    __slots__ = (
        "_tests",
        "_values",
        "computed",
        "depth",
        "is_grouped",
        "meta",
        "outer",
        "takes_many",
    )

    def __init__(
        self,
        meta: ModelOptions,
        computed: Mapping[str, Node] | None = None,
        *,
        is_grouped: bool = False,
        takes_many: bool = False,
        depth: int = 0,
        outer: Scope | None = None,
    ) -> None:
        self.meta = meta
        self.outer = outer
        self.depth = depth
        self._tests = self._values = 0
        self.computed = computed or {}
        self.is_grouped = is_grouped
        self.takes_many = takes_many

    def over_many(self) -> QueryScope:
        """Return the scope for what an aggregate is computed of."""
        return QueryScope(
            self.meta,
            self.computed,
            is_grouped=self.is_grouped,
            takes_many=True,
            depth=self.depth,
            outer=self.outer,
        )

    def within(self, outer: Scope) -> QueryScope:
        """Return the scope of the same names, within another query."""
        place = placing(outer)
        return type(self)(
            self.meta,
            {name: node.changed(place) for name, node in self.computed.items()},
            is_grouped=self.is_grouped,
            takes_many=self.takes_many,
            outer=outer,
        )

    def outer_name(self, name: str) -> Node:
        """Return the value of a name of the query around.

        Raises:
            QueryError: If there is none.
            FieldError: If that query has no such name.
        """
        if self.outer is None:
            raise OuterNeeded(name)
        return self.outer.name(name)

    def awaiting(self, make: Callable[[QueryScope], Node], result: ResultType = NULL) -> Node:
        """Return a node, or what becomes one when the query around is known.

        Args:
            make: Makes it of a scope.
            result: The type that it has, if that is known.
        """
        try:
            return make(self)
        except OuterNeeded as needed:
            if self.outer is not None:
                raise  # The query around is itself within one that is not known.
            return Awaited(needed.name, result, lambda outer: make(self.within(outer)))

    def _known(self, node: Node | None) -> Node | None:
        """Return a computed value, if it does not wait for the query around."""
        if isinstance(node, Awaited):
            raise OuterNeeded(node.name)
        return node

    def name(self, name: str) -> Node:
        """Return the value of a name."""
        node = self._known(self.computed.get(name))
        if node is not None:
            return node
        if self.takes_many:
            return value_named(self.meta, name)
        return single_value(self.meta, name, "this")

    def operand(self, value: object) -> Node:
        """Return the node of an expression, a column or a Python value."""
        if not operands.is_selectable(value):
            return Value(value).resolve(self)
        self._values = self._values + 1 if self.depth else 1
        self.depth += 1
        try:
            _check_depth("computed values", self.depth)
            check_number("values", self._values, MAX_PARTS)
            return value.as_expression().resolve(self)
        finally:
            self.depth -= 1

    def field_or_operand(self, value: object) -> Node:
        """Return the node of what a function takes: a text is the name of a field."""
        return self.name(value) if isinstance(value, str) else self.operand(value)

    # Conditions

    def condition(self, condition: object) -> Node:
        """Return the node of one condition."""
        return self.all_of((condition,), {})

    def all_of(self, conditions: Sequence[object], lookups: Mapping[str, Any]) -> Node:
        """Return the node of conditions that all have to hold; an empty one holds always."""
        nodes = self.conditions(conditions, lookups)
        return one_of(nodes) if nodes else Truth(True)

    def conditions(
        self, conditions: Sequence[object], lookups: Mapping[str, Any]
    ) -> tuple[Node, ...]:
        """Return the nodes of the conditions of one call, which all have to hold.

        Conditions on one relation to many rows speak of the same row.

        Raises:
            FieldError: If a name is unknown, or an operand does not go with its lookup.
            QueryError: If an operand has the wrong shape.
        """
        lookups = operands.kept(lookups)
        try:
            return self._conditions(conditions, lookups)
        except OuterNeeded:
            return (self.awaiting(lambda scope: scope.together(conditions, lookups), BOOLEAN),)

    def together(self, conditions: Sequence[object], lookups: Mapping[str, Any]) -> Node:
        """Return the node of the conditions of one call."""
        return one_of(self._conditions(conditions, lookups))

    def _conditions(
        self, conditions: Sequence[object], lookups: Mapping[str, Any]
    ) -> tuple[Node, ...]:
        if not self.depth:
            self._tests = 0
        nodes = [node for condition in conditions for node in self._node(condition, 0)]
        nodes += [self.lookup(key, value) for key, value in lookups.items()]
        if self.takes_many or not any(map(speaks_of_many, nodes)):
            return tuple(nodes)
        return spread(nodes)

    def spread(self, condition: Node, known: Steps) -> Node:
        """Return a condition on the rows of a relation, with those on further relations put into EXISTS."""
        return one_of(spread((condition,), (known,)))

    def _node(self, condition: object, depth: int) -> Sequence[Node]:
        _check_depth("conditions", depth)
        self._tests += 1
        check_number("conditions", self._tests, MAX_CONDITIONS)
        if isinstance(condition, tuple):
            return (self.lookup(*condition),)
        if not operands.is_condition(condition):
            raise FieldError(f"{condition!r} is not a condition")
        condition = condition.as_condition()
        if not isinstance(condition, Q):
            return (self._truth_value(condition),)
        return self._group(condition, depth)

    def _group(self, condition: Q, depth: int) -> Sequence[Node]:
        is_alternative = condition.connector != "AND"
        items: list[Node] = []
        for child in condition.children:
            nodes = tuple(self._node(child, depth + 1))
            # What has to hold together stays together among alternatives.
            items += [one_of(nodes)] if is_alternative and nodes else nodes
        if not items or not (is_alternative or condition.negated):
            return items
        return (Group(condition.connector, tuple(items), condition.negated),)

    def _truth_value(self, condition: object) -> Node:
        node = self.operand(condition)
        if node.type is not BOOLEAN:
            raise FieldError(f"{condition!r} is not a condition but a {node.type}")
        return node

    def lookup(self, key: str, value: object) -> Node:
        """Return the node of one lookup with its value."""
        if isinstance(key, ColumnName):
            key.check(self.meta)
        lookup = self._computed_lookup(key) if self.computed else None
        if lookup is None:
            lookup = find_lookup(self.meta, key)
        if lookup.is_relation and lookup.operator is OPERATORS["isnull"]:
            return _missing(lookup, value, self)
        return lookup.operator.condition(lookup, value, self)

    def _computed_lookup(self, key: str) -> Lookup | None:
        name, _, rest = key.partition("__")
        node = self._known(self.computed.get(name))
        return None if node is None else self.lookup_for(key, node, rest)

    @staticmethod
    def lookup_for(key: str, node: Node, rest: str) -> Lookup:
        """Return the lookup of a computed value.

        Args:
            key: What the filter said.
            node: The value.
            rest: What stands behind its name: a part, a word, both or nothing.

        Raises:
            FieldError: If the value cannot be asked that.
        """
        words = rest.split("__") if rest else []
        if words and words[0] in PARTS.get(node.type.family, ()):
            node = part_of(node, words.pop(0))
        word = words[0] if words else "exact"
        if len(words) > 1 or word not in OPERATORS:
            raise FieldError(f"{key!r}: there is no lookup {rest!r} for a computed {node.type}")
        lookup = Lookup(key, node, OPERATORS[word])
        lookup.operator.check(lookup)
        return lookup

    # Order

    def order(self, term: object) -> Order:
        """Return a term of an order: a name, ``-`` before it to descend, or a value.

        Raises:
            FieldError: If it names nothing, or a value that has many per row.
        """
        if isinstance(term, str):
            return self._order_named(term)
        if not operands.is_ordering(term):
            raise FieldError(f"{term!r} is not a field name")
        order = term.as_order()
        name = getattr(order.expression, "name", "")
        node = self.awaiting(partial(_resolved, order.expression, name))
        return Order(node, order.descending, order.nulls_last, name)

    def _order_named(self, term: str) -> Order:
        name = term.removeprefix("-")
        if name == RANDOM:
            return random_order(term)
        if name in self.computed:
            return Order(with_order(self.computed[name], name), term.startswith("-"), name=name)
        return order_named(self.meta, term)


def _check_depth(what: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise QueryError(f"{what} are nested more than {MAX_DEPTH} deep")


def _resolved(expression: Any, name: str, scope: QueryScope) -> Node:
    """Return what is ordered by."""
    return with_order(expression.resolve(scope), name or repr(expression))


def plain_scope(meta: ModelOptions) -> QueryScope:
    """Return the scope of a query without computed values, the same object each time."""
    scope: QueryScope | None = meta.plain_scope
    if scope is None:
        scope = meta.plain_scope = QueryScope(meta)
    return scope


def plain_conditions(meta: ModelOptions, lookups: Mapping[str, Any]) -> tuple[Node, ...]:
    """Return the nodes of lookups on a query without computed values; the short way for most filters.

    Raises:
        FieldError: If a name is unknown, or an operand does not go with its lookup.
        QueryError: If an operand has the wrong shape.
    """
    known = meta.lookups
    scope = meta.plain_scope or plain_scope(meta)
    nodes: list[Node] = []
    for key, value in lookups.items():
        lookup: Lookup = known.get(key) or find_lookup(meta, key)
        if lookup.is_relation or value.__class__ not in PLAIN:
            return scope.conditions((), lookups)
        node = lookup.operator.condition(lookup, value, scope)
        if lookup.is_many:
            # Several speak of the same row.
            return _behind(node) if len(lookups) == 1 else scope.conditions((), lookups)
        nodes.append(node)
    return tuple(nodes)


def _behind(node: Node) -> tuple[Node, ...]:
    """Return a condition on rows behind relations, put into EXISTS: what `spread` does, with the ways known already."""
    if not isinstance(node, Compare):
        return spread((node,))
    lookup = node.lookup
    if lookup.ways is None:
        lookup.ways = _ways_to(node)
    for way in lookup.ways:
        node = Related(way, node)
    return (node,)


def _ways_to(node: Node) -> tuple[Steps, ...]:
    """Return the relations to many rows behind which a single condition stands, the innermost first."""
    ways: list[Steps] = []
    (node,) = spread((node,))
    while isinstance(node, Related) and node.condition is not None:
        ways.append(node.steps)
        node = node.condition
    return tuple(reversed(ways))


def order_term(meta: ModelOptions, term: object) -> Order:
    """Return a term of the order of a query without computed values."""
    known: Order | None = meta.orders.get(term) if isinstance(term, str) else None
    if known is not None:
        return known
    if isinstance(term, str) and RANDOM not in term:
        return order_named(meta, term)
    return QueryScope(meta).order(term)


def find_lookup(meta: ModelOptions, key: str) -> Lookup:
    """Return the lookup of a key, made once per model.

    Raises:
        FieldError: If the key names no field or lookup, or the field cannot be asked that.
    """
    found: Lookup | None = meta.lookups.get(key)
    if found is None:
        found = _find_lookup(meta, key)
        remember(meta.lookups, key, found)
    return found


def _find_lookup(meta: ModelOptions, key: str) -> Lookup:
    path, operator = _without_operator(walk(meta, key))
    if path.field is None and path.rest:
        raise no_lookup(meta, key, path)
    left = parts_behind(meta, key, path, column_of(meta, path))
    lookup = Lookup(key, left, operator, is_relation=path.field is None)
    operator.check(lookup)
    return lookup


def _without_operator(path: Path) -> tuple[Path, Operator]:
    """Return a path without the word for an operator at its end, and the operator; ``exact`` if there is none."""
    word = path.rest[-1] if path.rest else ""
    if word not in OPERATORS:
        return path, OPERATORS["exact"]
    return path._replace(rest=path.rest[:-1]), OPERATORS[word]


def _missing(lookup: Lookup, value: object, scope: QueryScope) -> Node:
    """Return whether there is no row behind a relation."""
    node = lookup.operator.condition(lookup, value, scope)
    assert isinstance(node, NullTest)
    assert isinstance(lookup.left, Column)
    steps = lookup.left.steps
    return Related(steps, None, not node.negated) if steps[-1].is_many else node
