"""The compiled routes: a tree by segments, in which finding costs the same however many routes there are.

A request descends by looking its segments up; only where parameters of several types stand at one place is more than one
branch followed, and no node is visited twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from openviper.routing.segments import Segment


class Placed(Protocol):
    """What is asked of a route here."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of its pattern."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it answers."""
        ...

    @property
    def specificity(self) -> tuple[Any, ...]:
        """Sorts routes; the most specific one goes first."""
        ...


R = TypeVar("R", bound=Placed)
Matcher = Callable[[str], "tuple[Any, ...] | None"]
"""Returns the values in a segment, or `None` if it does not fit."""


Match: TypeAlias = "tuple[dict[str, R], tuple[Any, ...]]"
"""The routes of a place in the tree that a path leads to, by method, and the values on the way."""


class Tail(NamedTuple, Generic[R]):
    """The end of a pattern from the parameter that may hold slashes on."""

    head: Segment
    after: tuple[Segment, ...]
    routes: dict[str, R]

    def match(self, segments: Sequence[str]) -> tuple[Any, ...] | None:
        """Return the values, or `None` if the rest of a path does not fit."""
        end = len(segments) - len(self.after)
        if end < 1:
            return None
        values = self.head.match("/".join(segments[:end]))
        for pattern, text in zip(self.after, segments[end:], strict=True):
            found = pattern.match(text)
            values = None if values is None or found is None else values + found
        return values


class Node(Generic[R]):
    """A place between two segments."""

    __slots__ = ("_shapes", "is_branching", "literals", "only", "parameters", "routes", "tails")

    def __init__(self) -> None:
        self.literals: dict[str, Node[R]] = {}
        self.parameters: list[tuple[Matcher, Node[R]]] = []
        self._shapes: list[Any] = []
        self.tails: list[Tail[R]] = []
        self.routes: dict[str, R] = {}
        self.is_branching = False
        self.only: tuple[Matcher, Node[R]] | None = None

    def add(self, route: R, depth: int = 0) -> None:
        """Put a route below this place; for each method the first route of a pattern wins."""
        segments = route.segments[depth:]
        self._place(route, segments, depth)
        is_single = len(self.parameters) == 1 and not self.tails
        self.only = self.parameters[0] if is_single else None

    def _place(self, route: R, segments: tuple[Segment, ...], depth: int) -> None:
        if not segments:
            _register(self.routes, route)
        elif segments[0].has_path:
            self.is_branching = True
            _register(self._tail(segments), route)
        else:
            self._child(segments[0]).add(route, depth + 1)

    def _child(self, segment: Segment) -> Node[R]:
        if segment.is_literal:
            return self.literals.setdefault(segment.literals[0], Node[R]())
        if segment.shape in self._shapes:
            return self.parameters[self._shapes.index(segment.shape)][1]
        node = Node[R]()
        self.is_branching = True
        self._shapes.append(segment.shape)
        self.parameters.append((segment.matcher(), node))
        return node

    def _tail(self, segments: tuple[Segment, ...]) -> dict[str, R]:
        head, *after = segments
        for tail in self.tails:
            shapes = [segment.shape for segment in (tail.head, *tail.after)]
            if shapes == [segment.shape for segment in segments]:
                return tail.routes
        tail = Tail(head, tuple(after), {})
        self.tails.append(tail)
        return tail.routes

    def find(
        self, segments: Sequence[str], depth: int = 0, values: tuple[Any, ...] = ()
    ) -> list[Match[R]]:
        """Return every place that a path leads to, the most specific one first.

        Args:
            segments: The segments of the path.
            depth: How many of them lead to this place.
            values: The values in those.
        """
        node = self
        # Where there is one way to go, it is gone here, which is nearly always.
        for text in segments[depth:] if depth else segments:
            child = node.literals.get(text)
            if child is None:
                only = node.only
                if only is None:
                    return node._branch(segments, depth, values) if node.is_branching else []
                found = only[0](text)
                if found is None:
                    return []
                values += found
                child = only[1]
            elif node.is_branching:
                return node._branch(segments, depth, values)
            node = child
            depth += 1
        return [(node.routes, values)] if node.routes else []

    def _branch(
        self, segments: Sequence[str], depth: int, values: tuple[Any, ...]
    ) -> list[Match[R]]:
        text = segments[depth]
        child = self.literals.get(text)
        matches = [] if child is None else child.find(segments, depth + 1, values)
        for match, node in self.parameters:
            found = match(text)
            if found is not None:
                matches += node.find(segments, depth + 1, values + found)
        if self.tails:
            matches += self._tail_matches(segments[depth:], values)
        if len(matches) > 1:
            matches.sort(key=_specificity)
        return matches

    def last_parameters(self, prefix: str = "") -> Iterator[tuple[str, Matcher, dict[str, R]]]:
        """Yield the places behind one parameter at the end of a path of literals, where no other pattern could match.

        Args:
            prefix: The path that leads to this place.
        """
        if self.only is not None and self.only[1].routes:
            yield prefix, self.only[0], self.only[1].routes
        if self.is_branching:
            return
        for text, child in self.literals.items():
            yield from child.last_parameters(f"{prefix}/{text}")

    def _tail_matches(self, rest: Sequence[str], values: tuple[Any, ...]) -> Iterator[Match[R]]:
        for tail in self.tails:
            found = tail.match(rest)
            if found is not None:
                yield tail.routes, values + found


def _register(routes: dict[str, R], route: R) -> None:
    for method in route.methods:
        routes.setdefault(method, route)


def _specificity(match: Match[R]) -> tuple[Any, ...]:
    return min(route.specificity for route in match[0].values())
