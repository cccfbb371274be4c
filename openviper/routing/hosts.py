"""Patterns of hosts: ``{tenant}.example.org``, walked label by label as paths are segment by segment."""

from __future__ import annotations

import re
from typing import NamedTuple

from openviper.routing.converters import PARAMETER
from openviper.routing.segments import Segment, literal_first, parse_segment

_LABEL = re.compile(r"[A-Za-z0-9_-]*|\[[0-9A-Fa-f:]+\]")
"""What the labels of a host that is asked for are made of (RFC 9110, 7.2; a domain in ASCII), or an address of IPv6."""


class HostPattern(NamedTuple):
    """A pattern of hosts.

    Attributes:
        text: The pattern as it is compared: in lower case, without a dot at the end.
        segments: Its labels.
    """

    text: str
    segments: tuple[Segment, ...]

    @property
    def shape(self) -> tuple[object, ...]:
        """What it matches, whatever the parameters are called."""
        return tuple(segment.shape for segment in self.segments)

    @property
    def methods(self) -> tuple[str, ...]:
        """The one word under which the tree of hosts keeps it."""
        return ("GET",)

    @property
    def specificity(self) -> tuple[int, tuple[tuple[int, ...], ...], int]:
        """Sorts patterns; the most specific one goes first."""
        return literal_first(self.segments, len(self.text))


NO_HOST = HostPattern("", ())
"""Of routes that answer for every host."""


def parse_host(pattern: str) -> HostPattern:
    """Return a pattern of hosts; an empty one is that of every host.

    Raises:
        ValueError: If no host matches it, as with a port, or it could not be matched without trying several ways.
    """
    if not pattern:
        return NO_HOST
    text = _in_lower_case(pattern).removesuffix(".")
    segments = tuple(parse_segment(label, pattern) for label in text.split("."))
    for segment in segments:
        _check_label(segment, pattern)
    return HostPattern(text, segments)


def _in_lower_case(pattern: str) -> str:
    """Return a pattern with all but the names of its parameters in lower case."""
    literals = iter(PARAMETER.split(pattern))
    return "".join(
        f"{{{piece}}}" if place % 2 else piece.lower() for place, piece in enumerate(literals)
    )


def _check_label(segment: Segment, pattern: str) -> None:
    if segment.has_path:
        raise ValueError(f"a parameter of host {pattern!r} holds one label, so it is no path")
    if segment.literals == ("",):
        raise ValueError(f"host {pattern!r} has an empty label")
    for literal in segment.literals:
        if not _LABEL.fullmatch(literal):
            raise ValueError(
                f"{literal!r} in host {pattern!r} is in no host name; it is written without scheme and port, and in ASCII"
            )


def is_label(text: str) -> bool:
    """Return whether a text can be one label of a host."""
    return text != "" and _LABEL.fullmatch(text) is not None
