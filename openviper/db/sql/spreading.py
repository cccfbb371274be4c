"""Conditions on rows of which there may be many: put into EXISTS, those of one call on one relation into the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from openviper.db.sql.conditions import Group, Related
from openviper.db.sql.lookups import Compare, InList
from openviper.db.sql.nodes import Node, open_columns
from openviper.db.sql.paths import Steps, first_many

Known: TypeAlias = tuple[Steps, ...]
"""The relations whose rows are being looked at, where one EXISTS stands in another."""


def speaks_of_many(node: Node) -> bool:
    """Return whether a condition follows a relation to many rows."""
    if isinstance(node, (Compare, InList)):
        return node.lookup.is_many
    if isinstance(node, Related):
        return first_many(node.steps[:-1]) is not None
    if isinstance(node, Group):
        return any(map(speaks_of_many, node.items))
    return any(column.many for column in open_columns(node))


def relations_of(node: Node, known: Known) -> list[Steps]:
    """Return the relations to many rows, behind those already entered, that a condition speaks of."""
    if isinstance(node, Related):
        way = _next_many(node.steps[:-1], known)
        return [way] if way else []
    if isinstance(node, Group):
        if node.negated or node.connector == "XOR":
            return []
        return list(dict.fromkeys(way for item in node.items for way in relations_of(item, known)))
    ways = dict.fromkeys(_next_many(column.steps, known) for column in open_columns(node))
    return [way for way in ways if way]


def _next_many(steps: Steps, known: Known) -> Steps:
    """Return the steps up to the next one to many rows behind those already entered; empty if there is none."""
    start = max((_in_common(steps, way) for way in known), default=0)
    for place in range(start, len(steps)):
        if steps[place].is_many:
            return steps[: place + 1]
    return ()


def _in_common(steps: Steps, way: Steps) -> int:
    """Return the number of steps with which both begin."""
    for place, (first, second) in enumerate(zip(steps, way, strict=False)):
        if first != second:
            return place
    return min(len(steps), len(way))


def spread(nodes: Sequence[Node], known: Known = ()) -> tuple[Node, ...]:
    """Return conditions that all have to hold, with those on relations to many rows put into EXISTS.

    Conditions on one relation share one EXISTS, so that they speak of the same row. A group joined by OR that speaks of
    other things as well goes along if some other condition demands a row of that relation; else each of its parts asks for
    itself, and so do the parts of a negated group and of one joined by XOR.

    Args:
        nodes: The conditions.
        known: The relations whose rows are being looked at.
    """
    spoken_of = [(node, relations_of(node, known)) for node in nodes]
    demanded = {way for node, ways in spoken_of for way in ways if _demands(node, way, known)}
    result: list[Node] = []
    shared: dict[Steps, list[Node]] = {}
    for node, ways in spoken_of:
        common = _first_of(ways, demanded)
        if common:
            shared.setdefault(common, []).append(node)
        else:
            result.append(_spread_within(node, known))
    return (*result, *_related(shared, known))


def _first_of(ways: Sequence[Steps], demanded: set[Steps]) -> Steps:
    return next((way for way in ways if way in demanded), ())


def _related(shared: Mapping[Steps, Sequence[Node]], known: Known) -> list[Node]:
    """Return one EXISTS per relation, with the conditions on its rows."""
    return [Related(way, one_of(spread(items, (*known, way)))) for way, items in shared.items()]


def _spread_within(node: Node, known: Known) -> Node:
    if not isinstance(node, Group):
        return node
    inner = spread(node.items, known) if node.connector == "AND" else spread_each(node.items, known)
    return Group(node.connector, inner, node.negated)


def spread_each(nodes: Sequence[Node], known: Known = ()) -> tuple[Node, ...]:
    """Return conditions of which one has to hold, each with an EXISTS of its own."""
    return tuple(one_of(spread((node,), known)) for node in nodes)


def one_of(nodes: tuple[Node, ...]) -> Node:
    return nodes[0] if len(nodes) == 1 else Group("AND", nodes)


def _demands(node: Node, way: Steps, known: Known) -> bool:
    """Return whether a condition can only hold if there is a row of a relation."""
    if not isinstance(node, Group):
        return way in relations_of(node, known)
    if node.negated or node.connector == "XOR":
        return False
    chosen = [_demands(item, way, known) for item in node.items]
    return all(chosen) if node.connector == "OR" else any(chosen)
