"""JSON from a server that is not trusted, and the pieces of it that are looked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import NoReturn

INLINE = 128 * 1024
"""Longer texts are read in a thread."""
MAX_STRUCTURE = 100_000
"""Most objects and lists of a long text."""
MAX_VALUES = 600_000
"""Most values of a long text: the vectors of `EMBED_BATCH` texts, and more."""
MAX_DIGITS = 40
"""Digits of a whole number; the time to read one grows with the square of its length."""


async def read_json(data: bytes) -> object:
    """Return the value of a JSON text.

    Raises:
        ValueError: If it is none.
    """
    if len(data) <= INLINE:
        return parse_json(data)
    return await asyncio.to_thread(parse_json, data)


def parse_json(data: bytes | str) -> object:
    """Return the value of a JSON text; strict, and of a depth that Python can bear.

    Raises:
        ValueError: If it is none.
    """
    text = data if isinstance(data, str) else data.decode("utf-8")
    if len(text) > INLINE:
        _check_structure(text)
    try:
        value: object = json.loads(text, parse_int=_whole, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def _check_structure(data: str) -> None:
    """Refuse a long text that is made of objects and lists more than of content; reading it would stop every thread."""
    if data.count("{") + data.count("[") > MAX_STRUCTURE:
        raise ValueError(f"it holds more than {MAX_STRUCTURE} objects and lists")
    if data.count(",") > MAX_VALUES:
        raise ValueError(f"it holds more than {MAX_VALUES} values")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"it holds a number of {len(digits)} digits")
    return int(digits)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}")


def at(value: object, *path: str | int) -> object:
    """Return what lies at a path of keys and positions, or `None` if nothing does."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and -1 <= step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def text_at(value: object, *path: str | int) -> str:
    """Return the text at a path; empty if there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def said_at(value: object, *path: str | int) -> str:
    """Return the text at a path; empty if there is nothing.

    Raises:
        ValueError: If something else is there.
    """
    found = at(value, *path)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ValueError(f"its {path[-1]!r} is not a text")
    return found


def items_at(value: object, *path: str | int) -> list[object]:
    """Return the list at a path; empty if there is nothing.

    Raises:
        ValueError: If something else is there.
    """
    found = at(value, *path)
    if found is None:
        return []
    if not isinstance(found, list):
        raise ValueError(f"its {path[-1]!r} is not a list")
    return found


def list_at(value: object, *path: str | int) -> list[object]:
    """Return the list at a path; empty if there is none."""
    found = at(value, *path)
    return found if isinstance(found, list) else []
