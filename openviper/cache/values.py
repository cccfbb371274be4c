"""Values as bytes and back: JSON with marks for what JSON has no word for. Nothing that is read can name code to run.

The first byte tells the form: a digit or ``-`` a whole number, which stores can count with; ``s`` text, ``b`` bytes, ``j``
JSON. In JSON, what JSON does not have is an object with the key ``$``: its kind, and under ``v`` its content.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar, overload
from uuid import UUID

from openviper.cache.exceptions import CacheContentError, CacheValueError

T = TypeVar("T", bound=type)
MARK, CONTENT = "$", "v"
MAX_NUMBER = 2**63 - 1
"""The largest number that stores count with."""
DIGITS = frozenset(b"-0123456789")
TEXT, BYTES, JSON = ord("s"), ord("b"), ord("j")

_registered: dict[str, type] = {}
_names: dict[type, str] = {}


@overload
def cacheable(cls: T, /) -> T: ...
@overload
def cacheable(*, name: str) -> Callable[[T], T]: ...
def cacheable(cls: T | None = None, /, *, name: str | None = None) -> T | Callable[[T], T]:
    """Let caches keep the instances of a dataclass, or the members of an enumeration.

    ``@cacheable`` above the class, or ``@cacheable(name="price")``. The name stands in the cache; a class that moves keeps
    its entries if it keeps its name. An entry whose class has other fields by now counts as missing.

    Args:
        cls: The class.
        name: What it is called in the cache; its module and name when not given.

    Raises:
        TypeError: If it is neither a dataclass nor an enumeration.
        ValueError: If another class has this name.
    """
    if cls is None:
        return lambda decorated: _register(decorated, name)
    return _register(cls, name)


def _register(cls: T, name: str | None) -> T:
    if not (dataclasses.is_dataclass(cls) or issubclass(cls, enum.Enum)):
        raise TypeError(f"@cacheable is for dataclasses and enumerations, not {cls.__name__!r}")
    known = name or _path(cls)
    other = _registered.get(known, cls)
    # A module that is imported again, as a reloading server does, brings its classes again.
    if _path(other) != _path(cls):
        raise ValueError(f"@cacheable: the name {known!r} belongs to {other!r} already")
    _registered[known] = cls
    _names[cls] = known
    return cls


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


# Writing


def encode_value(value: Any) -> bytes:
    """Return a value as bytes.

    Raises:
        CacheValueError: If it has no form in a cache; names the type and where it stands.
    """
    kind: type = value.__class__
    if kind is str:
        return _encoded_text(value)
    if kind is int and -MAX_NUMBER <= value <= MAX_NUMBER:
        return b"%d" % value
    if isinstance(value, bytes) and kind is bytes:
        return b"b" + value
    return b"j" + _json(value, _marked).encode("ascii")


def _encoded_text(text: str) -> bytes:
    try:
        return b"s" + text.encode()
    except UnicodeEncodeError:  # Half a surrogate pair; JSON has an escape for it.
        return b"j" + json.dumps(text).encode()


def canonical_text(value: Any) -> str:
    """Return a text that is the same for equal values, and another for others: numbers, texts and truth values differ.

    Raises:
        CacheValueError: See `encode_value`.
    """
    return _json(value, _ordered)


# Made once: `json.dumps` makes an encoder for each call that says something.
_write = json.JSONEncoder(separators=(",", ":")).encode


def _json(value: Any, convert: Callable[[Any], Any]) -> str:
    try:
        return _write(convert(value))
    except RecursionError:
        raise CacheValueError(
            "a cache cannot keep what contains itself, or is nested too deeply"
        ) from None
    except ValueError as error:  # A number of more digits than Python turns into text.
        raise CacheValueError(f"a cache cannot keep this value: {error}") from None


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _marked(value: Any) -> Any:
    kind = value.__class__
    if kind in _PLAIN:
        return value
    if kind is list:
        return [item if item.__class__ in _PLAIN else _marked(item) for item in value]
    if kind is dict:
        return _marked_dict(value)
    convert = _FORMS.get(kind)
    if convert is not None:
        return {MARK: _KINDS[kind], CONTENT: convert(value)}
    return _marked_instance(value, kind)


def _marked_dict(value: dict[Any, Any]) -> Any:
    if MARK not in value and all(key.__class__ is str for key in value):
        return {
            key: item if item.__class__ in _PLAIN else _marked(item) for key, item in value.items()
        }
    pairs = [[_marked(key), _marked(item)] for key, item in value.items()]
    return {MARK: "dict", CONTENT: pairs}


def _marked_instance(value: Any, kind: type) -> Any:
    name = _names.get(kind)
    if name is None:
        raise CacheValueError(_refusal(kind))
    if isinstance(value, enum.Enum):
        return {MARK: "enum", "c": name, CONTENT: value.name}
    fields = [field.name for field in dataclasses.fields(value) if field.init]
    return {
        MARK: "data",
        "c": name,
        CONTENT: {field: _marked(getattr(value, field)) for field in fields},
    }


def _refusal(kind: type) -> str:
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    if dataclasses.is_dataclass(kind) or issubclass(kind, enum.Enum):
        return f"a cache cannot keep a {name!r} unless its class is decorated with @cacheable"
    if hasattr(kind, "_meta") and hasattr(kind, "to_dict"):
        return f"a cache cannot keep a {name!r}; keep its key, or what to_dict() gives"
    return f"a cache cannot keep a {name!r}, only what docs/how-to/cache.md lists"


def _ordered(value: Any) -> Any:
    """Return what `_marked` does, with mappings and sets in an order that does not depend on how they were made."""
    kind = value.__class__
    if kind in (list, tuple):
        return {MARK: kind.__name__, CONTENT: [_ordered(item) for item in value]}
    if kind is dict:
        pairs = [[_ordered(key), _ordered(item)] for key, item in value.items()]
        return {MARK: "dict", CONTENT: sorted(pairs, key=json.dumps)}
    if kind in (set, frozenset):
        return {MARK: "set", CONTENT: sorted(map(_ordered, value), key=json.dumps)}
    return _marked(value)


_FORMS: dict[type, Callable[[Any], Any]] = {
    bytes: lambda value: base64.b64encode(value).decode(),
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: lambda value: [value.days, value.seconds, value.microseconds],
    Decimal: str,
    UUID: str,
    tuple: lambda value: [_marked(item) for item in value],
    set: lambda value: [_marked(item) for item in value],
    frozenset: lambda value: [_marked(item) for item in value],
}
_KINDS = {kind: kind.__name__ for kind in _FORMS}


# Reading


def decode_value(content: bytes) -> Any:
    """Return the value that `encode_value` has written.

    Raises:
        CacheContentError: If it has written nothing of the kind.
    """
    try:
        return _decoded(content)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as e:
        raise CacheContentError(f"the content of an entry makes no sense: {e}") from None


def _decoded(content: bytes) -> Any:
    first = content[0] if content else 0
    if first == TEXT:
        return content[1:].decode()
    if first == JSON:
        text = content[1:].decode()
        # Without a mark there is nothing to look for in each object.
        return json.loads(text, object_hook=_unmarked) if '"$"' in text else json.loads(text)
    if first == BYTES:
        return content[1:]
    if first in DIGITS and len(content) <= 20:
        return int(content)
    raise ValueError("it has no form of ours")


def _unmarked(found: dict[str, Any]) -> Any:
    kind = found.get(MARK)
    if kind is None:
        return found
    return _READERS[kind](found)


def _read_instance(found: dict[str, Any]) -> Any:
    cls: Any = _registered[found["c"]]
    return cls(**found[CONTENT])


def _read_member(found: dict[str, Any]) -> Any:
    cls: Any = _registered[found["c"]]
    return cls[found[CONTENT]]


def _reader(read: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda found: read(found[CONTENT])


_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bytes": _reader(lambda text: base64.b64decode(text, validate=True)),
    "datetime": _reader(datetime.fromisoformat),
    "date": _reader(date.fromisoformat),
    "time": _reader(time.fromisoformat),
    "timedelta": _reader(lambda parts: timedelta(*parts)),
    "Decimal": _reader(Decimal),
    "UUID": _reader(UUID),
    "tuple": _reader(tuple),
    "set": _reader(set),
    "frozenset": _reader(frozenset),
    "dict": _reader(dict),
    "enum": _read_member,
    "data": _read_instance,
}
