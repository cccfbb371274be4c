"""The one way in which OpenViper writes JSON for others: the values that applications return, not only those that `json` knows.

By default the standard library's encoder does it. The setting ``JSON = "orjson"`` has a faster package do so, which writes the
same values; what it cannot write, or would write otherwise, it hands over.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import json.encoder
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from openviper.exceptions import ImproperlyConfigured


def encode_json(value: Any, *, indent: int | None = None) -> bytes:
    """Return a value as JSON in UTF-8.

    Times become ISO 8601, durations seconds, decimals and UUIDs text, sets lists, enumerations their value, data classes objects; NaN and
    infinity, which JSON has no word for, become null.

    Raises:
        TypeError: If something in it has no form in JSON.
        ValueError: If it contains itself, or is nested too deeply.
    """
    try:
        text = _encoded(value, _encoder(indent).encode)
    except RecursionError:
        raise ValueError(ENDLESS) from None
    # Half a surrogate pair has no form in UTF-8; as an escape, which is what this makes of it, it is valid JSON.
    return text.encode("utf-8", "backslashreplace")


ENDLESS = "what contains itself, or is nested too deeply, has no form in JSON"


def _encoded(value: Any, encode: Callable[[Any], str]) -> str:
    try:
        return encode(value)
    except ValueError:
        pass
    # Not in the handler above: what is raised here is the one mistake, and not one while handling another.
    return encode(_finite(value))


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
            pass
        return encode_json(value)

    return compact


_standard_bytes = _make_compact()
compact_bytes: Callable[[Any], bytes] = _standard_bytes
"""Does what `encode_json` does without an indent, in less time; looked up here each time, as `use_json_library` changes it."""


def use_json_library(name: str) -> None:
    """Have answers written by another package from now on.

    Args:
        name: ``"json"`` for the standard library, or ``"orjson"``.

    Raises:
        ImproperlyConfigured: If the package is not installed.
    """
    global compact_bytes
    compact_bytes = _standard_bytes if name == "json" else _orjson_bytes()


def _orjson_bytes() -> Callable[[Any], bytes]:
    try:
        orjson: Any = importlib.import_module("orjson")
    except ImportError as error:
        raise ImproperlyConfigured(
            "JSON is 'orjson', and the package 'orjson' is not installed; run: pip install orjson, or set JSON to 'json'"
        ) from error
    # What it would write otherwise than the standard library does is left to `_default`.
    options = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
    dumps = orjson.dumps

    def compact(value: Any) -> bytes:
        try:
            encoded: bytes = dumps(value, _default_or_list, options)
            return encoded
        except (
            TypeError
        ):  # Numbers of more than 64 bits, halves of characters, depth, keys that are no texts.
            return _standard_bytes(value)

    return compact


def _default_or_list(value: Any) -> Any:
    # Tuples that have names are none to that package.
    return list(value) if isinstance(value, tuple) else _default(value)


def _finite(value: Any) -> Any:
    """Return a value with `None` for numbers that are none, in whatever it is made of."""
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
