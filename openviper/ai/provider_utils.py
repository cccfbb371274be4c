"""Small helpers for authors of providers."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping

logger = logging.getLogger("openviper.ai")

MAX_LINE_BYTES = 1048576
"""Most bytes of one line of a stream."""
CHARS_PER_TOKEN = 4.0
"""Characters that make a token, where nobody has counted."""


def filter_kwargs(
    kwargs: Mapping[str, object], allowed: Collection[str], *, provider: str = "Provider"
) -> dict[str, object]:
    """Return the options that a provider knows, and log a warning that names the others."""
    unknown = sorted(set(kwargs) - set(allowed))
    if unknown:
        logger.warning("%s ignores unknown options: %s", provider, ", ".join(unknown))
    return {name: value for name, value in kwargs.items() if name in allowed}


def clamp_temperature(value: object, *, max_temp: float = 2.0) -> float | None:
    """Return a temperature between 0 and `max_temp`; `None` for what is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(number) else min(max(number, 0.0), max_temp)


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has; at least 1 unless it is empty."""
    return math.ceil(len(text) / CHARS_PER_TOKEN)
