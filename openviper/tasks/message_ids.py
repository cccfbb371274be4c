"""What tells messages apart: random ids, and keys that grow with time."""

from __future__ import annotations

import os
import threading
import time

_ids: list[str] = []
"""Ids that nobody has yet: the system is asked for many at a time. A forked child forgets those of its parent."""
IDS_AT_ONCE = 128
_LENGTH = 37
"""Characters of an id, and of the space behind it."""
_PLACES = [place for place in range(36) if place not in (8, 13, 18, 23)]
"""Where the digits of an id stand; the others are hyphens."""
_VERSION, _VARIANT = 14, 19
"""Where the digits stand that tell the version and the variant."""
_VARIANTS = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)
"""The digit that tells the variant, by a random one."""


def new_id() -> str:
    """Return a random UUID (RFC 9562, version 4) as text; `uuid.uuid4` makes an object first, and takes ten times as long."""
    try:
        return _ids.pop()
    except IndexError:
        ids = new_ids(IDS_AT_ONCE)
        _ids.extend(ids[1:])
        return ids[0]


def new_ids(count: int) -> list[str]:
    """Return so many of what `new_id` returns; the system is asked once, and each place is written in all of them at once."""
    digits = os.urandom(16 * count).hex().encode()
    text = bytearray(b"-" * (_LENGTH * count))
    for number, place in enumerate(_PLACES):
        text[place::_LENGTH] = digits[number::32]
    text[_VERSION::_LENGTH] = b"4" * count
    text[_VARIANT::_LENGTH] = text[_VARIANT::_LENGTH].translate(_VARIANTS)
    text[_LENGTH - 1 :: _LENGTH] = b" " * count
    return text.decode().split()


class KeyMaker:
    """Makes numbers that grow with time and that no two processes are likely to make.

    Microseconds since the epoch, shifted by ten bits that tell processes apart: they fit a BIGINT until the
    year 2255. Databases refuse the rare duplicate, and it is made anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tag = 0
        self._last = 0
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be another process's: a forked child must not make the numbers of its parent."""
        self._lock = threading.Lock()
        self._tag = int.from_bytes(os.urandom(2), "big") & 0x3FF

    def __call__(self) -> int:
        """Return the next number."""
        with self._lock:
            number = time.time_ns() // 1000 << 10
            if number <= self._last:
                number = self._last + 1024
            self._last = number
            return number | self._tag

    def many(self, count: int) -> range:
        """Return the next `count` numbers."""
        with self._lock:
            first = max(time.time_ns() // 1000 << 10, self._last + 1024)
            behind = first + count * 1024
            self._last = max(self._last, behind - 1024)
            return range(first | self._tag, behind, 1024)


next_key = KeyMaker()


def _after_fork() -> None:
    _ids.clear()
    next_key.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
