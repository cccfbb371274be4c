"""What a client would like to have: the ``Accept`` headers with their weights (RFC 9110, 12.5)."""

from __future__ import annotations

import re

MAX_CHOICES = 50
"""Most alternatives of a header that are looked at."""
_WEIGHT = re.compile(
    r"(?:^|;)\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE
)


def parse_choices(header: str) -> dict[str, float]:
    """Return the alternatives of a header in lower case, each with its weight from 0 to 1."""
    choices: dict[str, float] = {}
    for part in header.split(",", MAX_CHOICES)[:MAX_CHOICES]:
        name, _, options = part.partition(";")
        weight = _WEIGHT.search(options[:64])
        if name.strip():
            choices[name.strip().lower()] = float(weight.group(1)) if weight is not None else 1.0
    return choices


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
