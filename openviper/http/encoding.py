"""JSON for responses: the values that applications return, not only those that `json` knows."""

from __future__ import annotations

import dataclasses
import json
import math
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
    encode = _compact if indent is None else _encoder(indent).encode
    try:
        text = encode(value)
    except ValueError:
        text = encode(_finite(value))
    # Half a surrogate pair has no form in UTF-8; as an escape, which is what this makes of it, it is valid JSON.
    return text.encode("utf-8", "backslashreplace")


def _default(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    # Not `to_dict`: a model has it, and a handler that returns a user by mistake must not send the password's hash.
    for method in ("model_dump", "serialize"):
        if hasattr(value, method):
            return getattr(value, method)()
    if hasattr(value, "fk_id"):  # An unloaded foreign key stands for its raw id.
        return value.fk_id
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _encoder(indent: int | None) -> json.JSONEncoder:
    separators = (",", ":") if indent is None else None
    return json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=separators, default=_default, indent=indent
    )


# Made once: `json.dumps` makes an encoder for every call that has options.
_compact = _encoder(None).encode


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_finite(item) for item in value]
    return value
