"""The type of NULL: that of what stands beside it, as PostgreSQL takes no text in place of a number."""

from __future__ import annotations

from collections.abc import Sequence

from openviper.db.sql.nodes import Literal, Node
from openviper.db.sql.types import NULL, PLAIN_TYPES, Family, ResultType


def with_type(node: Node, result: ResultType) -> Node:
    """Return a value; what is always NULL as the NULL of a type. A name of a query around is of no type yet, and stays."""
    return Literal(None, result) if node.type is NULL and not node.is_awaited else node


def all_with_types(
    nodes: tuple[Node, ...], accepted: Sequence[frozenset[Family]]
) -> tuple[Node, ...]:
    """Return the arguments of a function, a NULL with the type of another one, or with the one that it would have there.

    Args:
        nodes: The arguments.
        accepted: What each may be.
    """
    known = [node.type for node in nodes if node.type is not NULL]
    if len(known) == len(nodes):
        return nodes
    return tuple(
        [with_type(node, _fitting(known, each)) for node, each in zip(nodes, accepted, strict=True)]
    )


def _fitting(known: Sequence[ResultType], accepted: frozenset[Family]) -> ResultType:
    possible = [result for result in (*known, *PLAIN_TYPES.values()) if result.family in accepted]
    return possible[0] if possible else NULL
