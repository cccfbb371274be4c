"""Headers and parameters that may occur several times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl

RawHeaders: TypeAlias = "list[tuple[bytes, bytes]]"
"""Headers as ASGI has them: lower-case names, latin-1."""


class Headers(Mapping[str, str]):
    """The headers of a request; names are case-insensitive."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.raw: RawHeaders = raw if isinstance(raw, list) else list(raw)

    def __getitem__(self, name: str) -> str:
        key = name.lower().encode("latin-1")
        for other, value in self.raw:
            if other == key:
                return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("latin-1") for name, _ in self.raw))

    def __len__(self) -> int:
        return len({name for name, _ in self.raw})

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(
            other == name.lower().encode("latin-1") for other, _ in self.raw
        )

    def getlist(self, name: str) -> list[str]:
        """Return every value of a header, in order."""
        key = name.lower().encode("latin-1")
        return [value.decode("latin-1") for other, value in self.raw if other == key]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"  # Values may be secret.


def encode_header(name: str, value: str) -> tuple[bytes, bytes]:
    """Return a header as bytes.

    Raises:
        ValueError: If it holds a line break or NUL, which would let a value forge further headers (RFC 9110, 5.5).
    """
    if any(mark in name or mark in value for mark in "\r\n\0"):
        raise ValueError(f"header {name!r} must not hold line breaks or NUL")
    return name.lower().encode("latin-1"), value.encode("latin-1")


class MutableHeaders(Headers):
    """The headers of a response."""

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        self.delete(name)

    def set(self, name: str, value: str) -> None:
        """Give a header this value only."""
        pair = encode_header(name, value)
        self.delete(name)
        self.raw.append(pair)

    def setdefault(self, name: str, value: str) -> None:
        """Give a header this value unless it has one."""
        if name not in self:
            self.raw.append(encode_header(name, value))

    def append(self, name: str, value: str) -> None:
        """Add a value to a header."""
        self.raw.append(encode_header(name, value))

    def delete(self, name: str) -> None:
        """Remove every value of a header."""
        key = name.lower().encode("latin-1")
        self.raw[:] = [pair for pair in self.raw if pair[0] != key]


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
        text = query_string.decode("latin-1") if isinstance(query_string, bytes) else query_string
        super().__init__(parse_qsl(text, keep_blank_values=True))
