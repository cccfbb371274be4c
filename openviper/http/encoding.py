"""JSON for responses: the values that applications return, not only those that `json` knows."""

from __future__ import annotations

import dataclasses
import json
import json.encoder
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID


def encode_json(value: Any, *, indent: int | None = None) -> bytes:
    """Return a value as JSON in UTF-8.

    Times become ISO 8601, decimals and UUIDs text, sets lists, enumerations their value, data classes objects; NaN and
    infinity, which JSON has no word for, become null.

    Raises:
        TypeError: If something in it has no form in JSON.
        ValueError: If it contains itself.
    """
    encode = _encoder(indent).encode
    try:
        text = encode(value)
    except ValueError:
        text = encode(_plain(value))
    # Half a surrogate pair has no form in UTF-8; as an escape, which is what this makes of it, it is valid JSON.
    return text.encode("utf-8", "backslashreplace")


# The first type that fits decides. Not `to_dict` of models: a handler that returns a user by mistake must not send the
# password's hash.
_FORMS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Enum, lambda value: value.value),  # First: a member may be a date or a number too.
    ((datetime, date, time), lambda value: value.isoformat()),
    ((Decimal, UUID), str),
    (timedelta, timedelta.total_seconds),
    ((set, frozenset), list),
)


def _default(value: Any) -> Any:
    for types, convert in _FORMS:
        if isinstance(value, types):
            return convert(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return _by_what_it_has(value)


def _by_what_it_has(value: Any) -> Any:
    for method in ("model_dump", "serialize"):
        if hasattr(value, method):
            return getattr(value, method)()
    if hasattr(value, "fk_id"):  # An unloaded foreign key stands for its raw id.
        return value.fk_id
    # A translation, or another text that is made when it is looked at.
    if getattr(value, "is_lazy_text", False):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _encoder(indent: int | None) -> json.JSONEncoder:
    separators = (",", ":") if indent is None else None
    return json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=separators, default=_default, indent=indent
    )


def _make_compact() -> Callable[[Any], bytes]:
    """Return the encoder for answers.

    `JSONEncoder.encode` makes an encoder in C for every call, which for a small answer costs as much as the encoding.
    This one is made once; it keeps no list of the containers it is in, so what contains itself is found by the depth of
    the recursion. What it cannot do, or what is wrong, is left to `encode_json`, which knows what to say.
    """
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encode_json
    string = json.encoder.encode_basestring
    encode = make(None, _default, string, None, ":", ",", False, False, False)
    join = "".join

    def compact(value: Any) -> bytes:
        try:
            return join(encode(value, 0)).encode()
        except (ValueError, RecursionError):  # A UnicodeEncodeError is a ValueError.
            return encode_json(value)

    return compact


compact_bytes = _make_compact()
"""Does what `encode_json` does, in less time."""


def _plain(value: Any) -> Any:
    """Return a value with `None` for numbers that are none, in whatever it is made of.

    Raises:
        ValueError: If it contains itself.
    """
    try:
        return _finite(value)
    except RecursionError:
        raise ValueError(
            "what contains itself, or is nested too deeply, has no form in JSON"
        ) from None


def _finite(value: Any) -> Any:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_finite_key(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return _finite(_default(value))


def _finite_key(key: Any) -> Any:
    return _finite(key) if isinstance(key, float) else key
