"""Reading JSON text that did not come as the body of a request."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from openviper.utils.json_reading import parse_json
from openviper.validation.faults import Fault, ParseError

MAX_LENGTH = 1024 * 1024
"""Most bytes of a text."""


def read_json_text(text: str | bytes) -> Any:
    """Return what a JSON text says.

    Raises:
        ParseError: If it is longer than 1 MiB, or is no JSON (RFC 8259), which knows no NaN.
        TypeError: If it is no text.
    """
    if not isinstance(text, (str, bytes)):
        raise TypeError(f"JSON is text, not a {type(text).__name__}")
    encoded = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(encoded) > MAX_LENGTH:
        _refuse("max_length", f"is longer than {MAX_LENGTH} bytes")
    return _decoded(encoded)


def _decoded(encoded: bytes) -> Any:
    try:
        return parse_json(encoded.decode("utf-8"))
    except RecursionError:
        _refuse("depth", "is nested too deeply")
    except ValueError as error:
        _refuse("json", f"is not JSON: {error}")


def is_json(value: object) -> bool:
    """Return whether JSON can hold a value: NaN, infinity and half surrogates are none of it."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _refuse(code: str, message: str) -> NoReturn:
    raise ParseError([Fault((), code, "{message}", {"message": message})]) from None
