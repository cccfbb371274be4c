"""Headers and parameters that may occur several times."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

PIECE = 64 * 1024
"""How much percent-encoded text is decoded at a time, in bytes."""

RawHeaders: TypeAlias = "list[tuple[bytes, bytes]]"
"""Headers as ASGI has them: lower-case names, latin-1."""


def _name(name: str) -> bytes:
    """Return a name to look for; with a letter that no header has it is found nowhere."""
    return name.lower().encode("latin-1", "backslashreplace")


_first = operator.itemgetter(0)


class Headers(Mapping[str, str]):
    """The headers of a request; names are case-insensitive."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.raw: RawHeaders = raw if isinstance(raw, list) else list(raw)

    def __getitem__(self, name: str) -> str:
        key = _name(name)
        for other, value in self.raw:
            if other == key:
                return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("latin-1") for name, _ in self.raw))

    def __len__(self) -> int:
        return len({name for name, _ in self.raw})

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        key = _name(name)
        return any(other == key for other, _ in self.raw)

    def __eq__(self, other: object) -> bool:
        """Return whether there are the same headers with the same values, those of one name in the same order."""
        if not isinstance(other, Headers):
            return super().__eq__(other)
        return sorted(self.raw, key=_first) == sorted(other.raw, key=_first)

    __hash__ = None  # type: ignore[assignment]  # as of other mappings

    def getlist(self, name: str) -> list[str]:
        """Return every value of a header, in order."""
        key = _name(name)
        return [value.decode("latin-1") for other, value in self.raw if other == key]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"  # Values may be secret.


def encode_header(name: str, value: str) -> tuple[bytes, bytes]:
    """Return a header as bytes.

    Raises:
        TypeError: If one of them is no text.
        ValueError: If the name is not a token, or the value holds a control character other than the tab (RFC 9110, 5.5):
            it could forge further headers, or have the server drop the connection.
    """
    _check_texts(name, value)
    if _TOKEN.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not a valid header name")
    if _CONTROL.search(value) is not None:
        raise ValueError(
            f"the value of header {name!r} must not hold line breaks or other controls"
        )
    return name.lower().encode("latin-1"), _header_value(name, value)


def _check_texts(name: object, value: object) -> None:
    """Check that a name and a value are texts; the value, which may be secret, is not named."""
    if not isinstance(name, str) or not isinstance(value, str):
        kind = type(value).__name__
        raise TypeError(f"header {name!r} needs texts for its name and its value, not a {kind}")


def encode_headers(headers: Mapping[str, str]) -> RawHeaders:
    """Return headers as bytes.

    Raises:
        TypeError: If they are no mapping, or hold something else than texts.
        ValueError: See `encode_header`.
    """
    if not hasattr(headers, "items"):
        raise TypeError(f"headers are a mapping of names to values, not a {type(headers).__name__}")
    return [encode_header(*item) for item in headers.items()]


def _header_value(name: str, value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            f"the value of header {name!r} must be in latin-1, not {value!r}"
        ) from None


class MutableHeaders(Headers, MutableMapping[str, str]):
    """The headers of a response; setting one gives it one value, and removing one that is not there does nothing."""

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        self.delete(name)

    def set(self, name: str, value: str) -> None:
        """Give a header this value only."""
        pair = encode_header(name, value)
        self.delete(name)
        self.raw.append(pair)

    def setdefault(self, name: str, value: str) -> str:
        """Give a header this value unless it has one, and return the one that it has then."""
        if name not in self:
            self.raw.append(encode_header(name, value))
        return self[name]

    def append(self, name: str, value: str) -> None:
        """Add a value to a header."""
        self.raw.append(encode_header(name, value))

    def delete(self, name: str) -> None:
        """Remove every value of a header."""
        key = _name(name)
        self.raw[:] = [pair for pair in self.raw if pair[0] != key]


def add_vary(headers: RawHeaders, name: str) -> None:
    """Say that an answer depends on a header of the request, once."""
    for place, (other, value) in enumerate(headers):
        if other == b"vary":
            named = [word.strip().lower() for word in value.decode("latin-1").split(",")]
            if name.lower() not in named and "*" not in named:
                headers[place] = (b"vary", value + b", " + name.encode())
            return
    headers.append((b"vary", name.encode()))


class ImmutableMultiDict(Mapping[str, str]):
    """A mapping whose keys may have several values; ``[]`` and `get` give the first one."""

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items = list(items)
        self._first: dict[str, str] = {}
        for key, value in self._items:
            self._first.setdefault(key, value)

    def __getitem__(self, key: str) -> str:
        return self._first[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def __eq__(self, other: object) -> bool:
        """Return whether there are the same keys with the same values, those of one key in the same order."""
        if not isinstance(other, ImmutableMultiDict):
            return super().__eq__(other)
        return sorted(self._items, key=_first) == sorted(other._items, key=_first)

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._items, key=_first)))

    def getlist(self, key: str) -> list[str]:
        """Return every value of a key, in order."""
        return [value for other, value in self._items if other == key]

    def multi_items(self) -> list[tuple[str, str]]:
        """Return every pair, in order."""
        return list(self._items)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._items!r})"


class QueryParams(ImmutableMultiDict):
    """The parameters after ``?`` in an address."""

    def __init__(self, query_string: str | bytes = "") -> None:
        raw = query_string if isinstance(query_string, bytes) else query_string.encode("utf-8")
        super().__init__(decode_form(raw, "replace"))


def decode_form(raw: bytes, errors: str = "strict") -> list[tuple[str, str]]:
    """Return the fields of a query or a form (``a=1&b=2``) in order, in time linear in its length.

    Args:
        raw: The text as it was sent.
        errors: What happens to what is not UTF-8, as for `bytes.decode`.

    Raises:
        UnicodeDecodeError: If `errors` is ``"strict"`` and something is not UTF-8.
    """
    fields = []
    for pair in raw.replace(b"+", b" ").split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            fields.append((_unquoted(name, errors), _unquoted(value, errors)))
    return fields


def _unquoted(raw: bytes, errors: str) -> str:
    if b"%" in raw:
        raw = b"".join(map(unquote_to_bytes, _pieces(raw)))
    return raw.decode("utf-8", errors)


def _pieces(raw: bytes) -> Iterator[bytes]:
    """Yield a text in pieces between which no escape is cut.

    The standard library makes an object of each escape: as a whole, nine megabytes would take a hundred times as much memory,
    and other threads would wait until all of it is freed again.
    """
    start = 0
    while start < len(raw):
        end = start + PIECE
        begun = raw.rfind(b"%", end - 2, end)
        if begun >= 0:
            end = begun
        yield raw[start:end]
        start = end
