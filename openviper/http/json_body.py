"""JSON from clients: bounded, and away from the event loop where it is long."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from openviper.exceptions import HTTPException

LONG = 256 * 1024
"""A longer text is parsed in a thread; in bytes."""
T = TypeVar("T")


async def read_json(body: bytes) -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises:
        HTTPException: 400 if it is none; the detail says where.
    """
    try:
        if len(body) <= LONG:
            return json.loads(body.decode("utf-8"))
        return await asyncio.to_thread(_parse_long, body)
    except (ValueError, RecursionError) as error:
        raise _refusal_of(error) from None


def _refusal_of(error: Exception) -> HTTPException:
    if isinstance(error, json.JSONDecodeError):
        return _refusal(error.msg, error.lineno, error.colno)
    if isinstance(error, UnicodeDecodeError):
        return _refusal("not UTF-8")
    # A ValueError is a number of more than 4,300 digits, which Python does not convert.
    return _refusal("nested too deeply" if isinstance(error, RecursionError) else str(error))


def _parse_long(body: bytes) -> Any:
    with _without_collection():
        return _yielding.decode(body.decode("utf-8"))


def _whole_number(text: str) -> int:
    return int(text)


def _float(text: str) -> float:
    return float(text)


def _same(value: T) -> T:
    return value


# The scanner is one call in C, which no other thread can interrupt but where it calls back into Python.
_yielding = json.JSONDecoder(parse_int=_whole_number, parse_float=_float, object_hook=_same)

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
            gc.enable()


def _refusal(reason: str, line: int = 1, column: int = 1) -> HTTPException:
    message = "The body is not valid JSON."
    return HTTPException(
        400, {"message": message, "reason": reason, "line": line, "column": column}
    )
