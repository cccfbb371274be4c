"""Messages: what travels from the caller to a worker, and what became of it there."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple


class State(IntEnum):
    """Where a message is in its life; a finished one is no longer stored."""

    READY = 0
    RUNNING = 1
    DELAYED = 2
    DEAD = 3


class Message:
    """One call of an actor, on its way.

    Attributes:
        key: What a broker knows it by; for databases a number in the order of sending.
        message_id: A UUID4 as text.
        payload: Arguments as JSON text: ``{"args": [...], "kwargs": {...}}``.
        due: When it may run, in seconds since the epoch; 0 for at once.
        attempts: How many attempts have failed.
        sent_at: In seconds since the epoch.
    """

    __slots__ = (
        "actor_name",
        "attempts",
        "due",
        "key",
        "message_id",
        "payload",
        "priority",
        "queue_name",
        "sent_at",
    )

    def __init__(
        self,
        actor_name: str,
        queue_name: str,
        payload: str,
        *,
        priority: int = 0,
        due: float = 0.0,
        message_id: str | None = None,
        attempts: int = 0,
        sent_at: float | None = None,
        key: Any = None,
    ) -> None:
        self.actor_name = actor_name
        self.queue_name = queue_name
        self.payload = payload
        self.priority = priority
        self.due = due
        self.message_id = new_id() if message_id is None else message_id
        self.attempts = attempts
        self.sent_at = time.time() if sent_at is None else sent_at
        self.key = key

    def __repr__(self) -> str:
        return f"<Message {self.message_id} {self.actor_name}>"

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return positional and keyword arguments."""
        content = json.loads(self.payload)
        return content["args"], content["kwargs"]


# `json.dumps` would make an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def new_id() -> str:
    """Return a random UUID (RFC 9562, version 4) as text; `uuid.uuid4` makes an object first, and takes three times as long."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def encode_arguments(actor_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return arguments as JSON text.

    Raises:
        TypeError: If they are not JSON-serialisable.
    """
    if not args and not kwargs:
        return '{"args":[],"kwargs":{}}'
    try:
        return _encode({"args": args, "kwargs": kwargs})
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"the arguments of {actor_name!r} cannot be written as JSON: {error}"
        ) from None


class Outcome(IntEnum):
    """What became of an attempt."""

    DONE = 0
    RETRY = 1
    DEAD = 2
    RELEASED = 3
    """It never began; somebody else may have it."""


class Finished(NamedTuple):
    """A message that a worker is through with.

    Attributes:
        due: When a retry may run, in seconds since the epoch.
        error: What went wrong, as ``Type: text``.
        result: The return value as JSON text, if it is to be kept.
    """

    message: Message
    outcome: Outcome
    due: float = 0.0
    error: str = ""
    result: str | None = None


class KeyMaker:
    """Makes numbers that grow with time and that no two processes are likely to make.

    Microseconds since the epoch, shifted by ten bits that tell processes apart: they fit a BIGINT until the
    year 2255. Databases refuse the rare duplicate, and it is made anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._tag = 0
        self._last = 0

    def __call__(self) -> int:
        """Return the next number."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._tag = int.from_bytes(os.urandom(2), "big") & 0x3FF
            self._last = max((time.time_ns() // 1000) << 10, self._last + 1024) & ~0x3FF
            return self._last | self._tag


next_key = KeyMaker()
