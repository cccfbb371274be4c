"""The options of a message as they are stored: a sender of another version, or somebody else, may have written them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from openviper.tasks.exceptions import BadMessageError

Options = dict[str, Any]
"""What is particular to one message, as JSON can hold it; see `openviper.tasks.message.Message` for the keys."""


def read_options(text: str | None) -> Options | None:
    """Return the options of a stored text.

    Raises:
        BadMessageError: If the text does not hold them.
    """
    if not text:
        return None
    try:
        options = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("the options are not JSON") from error
    return checked_options(options)


def checked_options(options: object) -> Options:
    """Return options that are of the types they have to be; others that are not known are left alone.

    Raises:
        BadMessageError: If one is not.
    """
    if not isinstance(options, dict):
        raise BadMessageError("the options are not a JSON object")
    for name, value in options.items():
        check = _CHECKS.get(name)
        if check is not None and not check(value):
            raise BadMessageError(f"the option {name!r} is not what it has to be")
    return options


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_unique(value: object) -> bool:
    return _is_list_of(value, _is_text, _is_text, _is_number)


def _is_limit(value: object) -> bool:
    return _is_list_of(value, _is_text, _is_count)


def _is_list_of(value: object, *checks: Callable[[object], bool]) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != len(checks):
        return False
    return all(check(item) for check, item in zip(checks, value, strict=True))


def _are_steps(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(step, dict) for step in value)


_CHECKS: dict[str, Callable[[object], bool]] = {
    "delay": _is_number,
    "expires": _is_number,
    "group": _is_text,
    "lifetime": _is_number,
    "limit": _is_limit,
    "max_retries": _is_count,
    "pass": lambda value: isinstance(value, bool),
    "signature": _is_text,
    "since": _is_number,
    "state": lambda value: isinstance(value, dict),
    "then": _are_steps,
    "unique": _is_unique,
}
