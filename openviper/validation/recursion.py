"""Which types contain themselves: the functions that read them count how deep they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from openviper.validation.nodes import (
    AliasNode,
    ArrayNode,
    FieldNode,
    MapNode,
    Node,
    NullableNode,
    RecordNode,
    TupleNode,
    UnionNode,
)


def recursive_keys(root: Node) -> set[Any]:
    """Return the keys of the records and aliases that contain themselves."""
    reached: dict[Any, set[Any]] = {}

    def named_below(node: Node, found: set[Any]) -> set[Any]:
        for child in children(node):
            if isinstance(child, (RecordNode, AliasNode)):
                found.add(child.key)
                visit(child)
            else:
                named_below(child, found)
        return found

    def visit(node: RecordNode | AliasNode) -> None:
        if node.key not in reached:
            reached[node.key] = set()
            reached[node.key] = named_below(node, set())

    if isinstance(root, (RecordNode, AliasNode)):
        visit(root)
    else:
        named_below(root, set())
    return {key for key in reached if key in _closure(key, reached)}


def _closure(key: Any, reached: Mapping[Any, set[Any]]) -> set[Any]:
    """Return everything that is reached from a key."""
    found: set[Any] = set()
    waiting = [*reached[key]]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(reached[each])
    return found


def children(node: Node) -> Iterable[Node]:
    """Return the nodes that a node is made of."""
    parts = _CHILDREN.get(type(node))
    return () if parts is None else parts(node)


def _parts(field: FieldNode) -> Iterable[Node]:
    return (field.node,) if field.sent_node is None else (field.node, field.sent_node)


_CHILDREN: dict[type[Node], Callable[[Any], Iterable[Node]]] = {
    NullableNode: lambda node: (node.item,),
    ArrayNode: lambda node: (node.item,),
    TupleNode: lambda node: node.items,
    MapNode: lambda node: (node.key_node, node.value),
    UnionNode: lambda node: node.options,
    RecordNode: lambda node: [part for field in node.fields for part in _parts(field)],
    AliasNode: lambda node: (node.target,),
}
