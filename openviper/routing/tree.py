"""The compiled routes: a tree by segments, in which finding costs the same however many routes there are.

A request descends by looking its segments up; only where parameters of several types stand at one place is more than one
branch followed, and no node is visited twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from openviper.routing.segments import Segment

if TYPE_CHECKING:
    from openviper.routing.route import Route


class Match(NamedTuple):
    """A place in the tree that a path leads to, with the values on the way."""

    routes: dict[str, Route]
    values: tuple[Any, ...]


class Tail(NamedTuple):
    """The end of a pattern from the parameter that may hold slashes on."""

    head: Segment
    after: tuple[Segment, ...]
    routes: dict[str, Route]

    def match(self, segments: Sequence[str]) -> tuple[Any, ...] | None:
        """Return the values, or `None` if the rest of a path does not fit."""
        end = len(segments) - len(self.after)
        if end < 1:
            return None
        values = self.head.match("/".join(segments[:end]))
        for segment, text in zip(self.after, segments[end:], strict=True):
            found = segment.match(text)
            if values is None or found is None:
                return None
            values += found
        return values


class Node:
    """A place between two segments."""

    __slots__ = ("literals", "parameters", "routes", "tails")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.parameters: list[tuple[Segment, Node]] = []
        self.tails: list[Tail] = []
        self.routes: dict[str, Route] = {}

    def add(self, route: Route, depth: int = 0) -> None:
        """Put a route below this place; for each method the first route of a pattern wins."""
        segments = route.segments[depth:]
        if not segments:
            _register(self.routes, route)
        elif segments[0].has_path:
            _register(self._tail(segments), route)
        else:
            self._child(segments[0]).add(route, depth + 1)

    def _child(self, segment: Segment) -> Node:
        if segment.is_literal:
            return self.literals.setdefault(segment.literals[0], Node())
        for other, node in self.parameters:
            if other.shape == segment.shape:
                return node
        node = Node()
        self.parameters.append((segment, node))
        return node

    def _tail(self, segments: tuple[Segment, ...]) -> dict[str, Route]:
        head, *after = segments
        for tail in self.tails:
            shapes = [segment.shape for segment in (tail.head, *tail.after)]
            if shapes == [segment.shape for segment in segments]:
                return tail.routes
        tail = Tail(head, tuple(after), {})
        self.tails.append(tail)
        return tail.routes

    def find(self, segments: Sequence[str]) -> list[Match]:
        """Return every place that a path leads to, the most specific one first."""
        matches: list[Match] = []
        self._find(segments, 0, (), matches)
        if len(matches) > 1:
            matches.sort(key=_specificity)
        return matches

    def _find(
        self, segments: Sequence[str], depth: int, values: tuple[Any, ...], matches: list[Match]
    ) -> None:
        if depth == len(segments):
            if self.routes:
                matches.append(Match(self.routes, values))
            return
        text = segments[depth]
        child = self.literals.get(text)
        if child is not None:
            child._find(segments, depth + 1, values, matches)
        for segment, node in self.parameters:
            found = segment.match(text)
            if found is not None:
                node._find(segments, depth + 1, values + found, matches)
        for tail in self.tails:
            found = tail.match(segments[depth:])
            if found is not None:
                matches.append(Match(tail.routes, values + found))


def _register(routes: dict[str, Route], route: Route) -> None:
    for method in route.methods:
        routes.setdefault(method, route)


def _specificity(match: Match) -> tuple[Any, ...]:
    return min(route.specificity for route in match.routes.values())
