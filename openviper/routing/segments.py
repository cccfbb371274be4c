"""The segments of a path pattern, compiled so that matching never tries a second way.

A text between two slashes is a literal, one parameter, or several parameters with literals between them
(``{year:int}-{month:int}.html``). The last kind is split at its literals: from the left as long as a parameter cannot
hold the literal behind it, and then from the right. Where that could miss a match that another split has, the pattern is
refused when it is registered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from openviper.routing.converters import CONVERTERS, PARAMETER, Converter, parse_parameter


@dataclass(frozen=True)
class Parameter:
    """A parameter of a pattern."""

    name: str
    kind: str

    @property
    def converter(self) -> Converter:
        """What it matches."""
        return CONVERTERS[self.kind]


@dataclass(frozen=True)
class Segment:
    """One segment of a pattern.

    Attributes:
        literals: The texts before, between and behind the parameters; one more than there are parameters.
        parameters: The parameters.
    """

    literals: tuple[str, ...]
    parameters: tuple[Parameter, ...]

    @property
    def is_literal(self) -> bool:
        """Whether it has no parameter."""
        return not self.parameters

    @property
    def has_path(self) -> bool:
        """Whether its parameter may hold slashes."""
        return any(parameter.kind == "path" for parameter in self.parameters)

    @property
    def shape(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What it matches, whatever the parameters are called."""
        return self.literals, tuple(parameter.kind for parameter in self.parameters)

    @property
    def looseness(self) -> tuple[int, ...]:
        """Sorts the segments at one place: the narrower one goes first."""
        literal = sum(map(len, self.literals))
        return (-literal, *(parameter.converter.looseness for parameter in self.parameters))

    def matcher(self) -> Callable[[str], tuple[Any, ...] | None]:
        """Return the fastest function that does what `match` does."""
        if self.literals == ("", ""):
            return self.parameters[0].converter.reader()
        return self.match

    def match(self, text: str) -> tuple[Any, ...] | None:
        """Return the values of the parameters, or `None` if the text does not fit."""
        if self.is_literal:
            return () if text == self.literals[0] else None
        parts = self.split(text)
        if parts is None:
            return None
        pairs = zip(self.parameters, parts, strict=True)
        values = tuple(parameter.converter.read(part) for parameter, part in pairs)
        return None if None in values else values

    def split(self, text: str) -> list[str] | None:
        """Return the texts of the parameters, or `None` if the literals are not there."""
        first, *separators, last = self.literals
        middle = _between(text, first, last)
        if middle is None:
            return None
        left = self._leading()
        front = _taken(middle, separators[:left], from_left=True)
        if front is None:
            return None
        back = _taken(front.pop(), separators[left:][::-1], from_left=False)
        return None if back is None else [*front, *reversed(back)]

    def _leading(self) -> int:
        """Return how many parameters at the beginning end at the first occurrence of the literal behind them."""
        count = 0
        for parameter, separator in zip(self.parameters, self.literals[1:-1], strict=False):
            if _can_hold(parameter.converter, separator):
                break
            count += 1
        return count


def _between(text: str, first: str, last: str) -> str | None:
    """Return what stands between a beginning and an end, which do not overlap; `None` if they are not there."""
    is_framed = text.startswith(first) and text.endswith(last)
    if not is_framed or len(text) < len(first) + len(last):
        return None
    return text[len(first) : len(text) - len(last)]


def _taken(text: str, separators: Sequence[str], *, from_left: bool) -> list[str] | None:
    """Return a text cut at the first, or from the right at the last, occurrence of each separator in turn.

    What is left over stands at the end; `None` if a separator is missing.
    """
    parts = []
    for separator in separators:
        if from_left:
            part, found, text = text.partition(separator)
        else:
            text, found, part = text.rpartition(separator)
        if not found:
            return None
        parts.append(part)
    return [*parts, text]


def parse_segment(text: str, path: str) -> Segment:
    """Return a segment of a pattern.

    Raises:
        ValueError: If it is malformed, or could not be matched without trying several ways.
    """
    literals: list[str] = []
    parameters: list[Parameter] = []
    position = 0
    for match in PARAMETER.finditer(text):
        parameters.append(Parameter(*parse_parameter(match.group(1), path)))
        literals.append(text[position : match.start()])
        position = match.end()
    literals.append(text[position:])
    if re.search(r"[{}]", "".join(literals)):
        raise ValueError(f"unbalanced braces in path {path!r}")
    segment = Segment(tuple(literals), tuple(parameters))
    _check_unambiguous(segment, path)
    return segment


def _check_unambiguous(segment: Segment, path: str) -> None:
    parameters = segment.parameters
    if segment.has_path and len(parameters) > 1:
        raise ValueError(f"in path {path!r} a path parameter shares its segment with another one")
    for separator, neighbours in zip(
        segment.literals[1:-1], zip(parameters, parameters[1:], strict=False), strict=True
    ):
        _check_separator(separator, neighbours, path)
    _check_tail(parameters[segment._leading() :], path)


def _check_separator(separator: str, neighbours: Sequence[Parameter], path: str) -> None:
    if not separator:
        first, second = (parameter.name for parameter in neighbours)
        raise ValueError(f"in path {path!r} nothing stands between {first!r} and {second!r}")
    for parameter in neighbours:
        if parameter.converter.is_shaped and _can_hold(parameter.converter, separator):
            raise ValueError(
                f"in path {path!r} {parameter.name!r} could hold the {separator!r} beside it"
            )


def _check_tail(parameters: Sequence[Parameter], path: str) -> None:
    """Check what is split from the right: there, an earlier parameter takes as much as it can.

    A narrower type before a wider one might have to leave something to it, which only a second try would find.
    """
    for earlier, later in zip(parameters, parameters[1:], strict=False):
        if earlier.converter.looseness < later.converter.looseness:
            raise ValueError(
                f"in path {path!r} it is not clear where {earlier.name!r} ends and {later.name!r} begins; "
                "give them the same type, or segments of their own"
            )


def _can_hold(converter: Converter, separator: str) -> bool:
    return all(converter.alphabet.match(character) for character in separator)


def parse_path(path: str) -> tuple[Segment, ...]:
    """Return the segments of a pattern that begins with a slash.

    Raises:
        ValueError: If it is malformed, names a parameter twice, has two parameters that may hold slashes, or if no request
            has such a path.
    """
    _check_reachable(path)
    segments = tuple(parse_segment(text, path) for text in path[1:].split("/"))
    names = [parameter.name for segment in segments for parameter in segment.parameters]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"parameter {name!r} occurs twice in path {path!r}")
    if sum(segment.has_path for segment in segments) > 1:
        raise ValueError(f"path {path!r} has two parameters that may hold slashes; one can be told")
    return segments


_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_NEVER_IN_PATHS = re.compile(r"[?#\0\ud800-\udfff]")


def _check_reachable(path: str) -> None:
    """Check that requests can have a path of such a pattern, after it was decoded and brought into its normal form."""
    odd = _NEVER_IN_PATHS.search(path)
    if odd is not None:
        raise ValueError(f"no request has the path {path!r}: {odd.group()!r} is in no path")
    if _ENCODED.search(path):
        raise ValueError(f"path {path!r} is percent-encoded; patterns are written decoded")
    for text in path[1:].split("/"):
        if path != "/" and text in ("", ".", ".."):
            raise ValueError(f"no request has the path {path!r}: it has the segment {text!r}")


def literal_first(
    segments: Sequence[Segment], length: int
) -> tuple[int, tuple[tuple[int, ...], ...], int]:
    """Return what sorts patterns: more literal segments first, then narrower types, then longer patterns.

    Args:
        segments: The segments of a pattern.
        length: How long its text is.
    """
    literal = sum(segment.is_literal for segment in segments if segment.literals[0])
    looseness = tuple(segment.looseness for segment in segments if segment.parameters)
    return -literal, looseness, -length
