"""What a client would like to have: the ``Accept`` headers with their weights (RFC 9110, 12.5)."""

from __future__ import annotations

import re

MAX_CHOICES = 50
"""Most alternatives of a header that are looked at."""
_WEIGHT = re.compile(
    r"(?:^|;)\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE
)


def parse_choices(header: str) -> dict[str, float]:
    """Return the alternatives of a header in lower case, each with its weight from 0 to 1.

    Of one that is there several times the plain one counts, before such as ``text/html;level=1``, and of those the greatest.
    """
    ranks: dict[str, tuple[bool, float]] = {}
    for part in header.split(",", MAX_CHOICES)[:MAX_CHOICES]:
        name, _, options = part.partition(";")
        name = name.strip().lower()
        rank = _rank(options[:64])
        if name and rank > ranks.get(name, _NONE):
            ranks[name] = rank
    return {name: weight for name, (_, weight) in ranks.items()}


_NONE = (False, -1.0)
_ONLY_WEIGHT = re.compile(r"\s*(?:;\s*)?(?:q\s*=[^;]*)?;?\s*", re.IGNORECASE)


def _rank(options: str) -> tuple[bool, float]:
    """Return whether there is nothing but a weight, and the weight."""
    weight = _WEIGHT.search(options)
    is_plain = _ONLY_WEIGHT.fullmatch(options) is not None
    return is_plain, float(weight.group(1)) if weight is not None else 1.0


def media_weight(choices: dict[str, float], media_type: str) -> float:
    """Return how much a client wants a media type; the most precise of its alternatives counts."""
    general = f"{media_type.partition('/')[0]}/*"
    for name in (media_type, general, "*/*"):
        if name in choices:
            return choices[name]
    return 0.0


def coding_weight(choices: dict[str, float], coding: str) -> float:
    """Return how much a client wants a content coding, such as ``gzip``; ``x-gzip`` is the same (RFC 9110, 8.4.1.3)."""
    for name in (coding, f"x-{coding}", "*"):
        if name in choices:
            return choices[name]
    return 0.0
