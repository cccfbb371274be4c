"""JSON from clients: bounded, and away from the event loop where it is long."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from openviper.exceptions import HTTPException
from openviper.utils.json_pieces import parse_long_json
from openviper.utils.json_reading import parse_json

FROZEN_BY_PYTHON = 1000
"""Fewer objects than this have been frozen by Python itself: 375 of them by 3.12, and none by others."""
LONG = 256 * 1024
"""A longer text is parsed in a thread; in characters."""


async def read_json(body: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; in a thread if it is long.

    Raises:
        HTTPException: 400 if it is none; the detail says where.
    """
    return read_short_json(body) if len(body) <= LONG else await _read_long(body)


def read_short_json(body: bytes) -> Any:
    """Do what `read_json` does with a body of at most `LONG` bytes; plain, as each coroutine costs a small request something."""
    try:
        return parse_json(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refusal_of(error) from None


async def _read_long(body: bytes) -> Any:
    try:
        return await parsed(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refusal_of(error) from None


async def parsed(text: str) -> Any:
    """Return the value of a JSON text, in a thread if it is long; raises as `openviper.utils.json_reading.parse_json` does."""
    return parse_json(text) if len(text) <= LONG else await asyncio.to_thread(_parse_long, text)


def _refusal_of(error: Exception) -> HTTPException:
    if isinstance(error, json.JSONDecodeError):
        return _refusal(error.msg, error.lineno, error.colno)
    if isinstance(error, UnicodeDecodeError):
        return _refusal("not UTF-8")
    # Another ValueError is NaN, a name that is there twice, or a number of more than 4,300 digits, which Python does not convert.
    return _refusal("nested too deeply" if isinstance(error, RecursionError) else str(error))


def _parse_long(text: str) -> Any:
    with _without_collection():
        return parse_long_json(text)


_lock = threading.Lock()
_parsing = 0


@contextmanager
def _without_collection() -> Iterator[None]:
    """Switch the garbage collector off: it would look at each of a million new lists again and again, and stop all threads."""
    mine = _pause()
    try:
        yield
    finally:
        if mine:
            _resume()


def _pause() -> bool:
    """Return whether the collector is to be switched on again; somebody else may have switched it off for good."""
    global _parsing
    with _lock:
        if _parsing == 0 and not gc.isenabled():
            return False
        _parsing += 1
        gc.disable()
        return True


def _resume() -> None:
    global _parsing
    with _lock:
        _parsing -= 1
        if _parsing == 0:
            _age()
            gc.enable()


def _age() -> None:
    """Have the collector take all that is new for old, which it looks at seldom, without a look at it now.

    At a million new lists it would look at once when it is switched on, for a quarter of a second in which no thread runs.
    """
    # What somebody has frozen for good must not be thawed; Python 3.12 has frozen a few hundred objects of its own.
    if gc.get_freeze_count() < FROZEN_BY_PYTHON:
        gc.freeze()
        gc.unfreeze()


def _refusal(reason: str, line: int = 1, column: int = 1) -> HTTPException:
    message = "The body is not valid JSON."
    return HTTPException(
        400, {"message": message, "reason": reason, "line": line, "column": column}
    )
