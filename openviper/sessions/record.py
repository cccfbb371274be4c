"""What is kept of one session, and how two writers' changes to it become one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from openviper.sessions.exceptions import SessionDataError
from openviper.utils.clock import now

MAX_AGENT = 200
"""Characters of a browser's name that are kept."""


@dataclasses.dataclass(slots=True)
class SessionRecord:
    """One session as a store keeps it; every moment is in seconds since 1970.

    Attributes:
        data: What the application keeps, by name; values of JSON.
        user_id: The user's primary key as text; `None` for a session of nobody.
        fingerprint: Stands for the user's credentials; the session ends when they change.
        created_at: When it began; its longest life counts from here.
        authenticated_at: When the user last proved who it is; 0 if that never happened.
        used_at: When it was last prolonged.
        expires_at: When it ends unless it is used before.
        is_remembered: Whether it outlives the browser.
        address: Where the user logged in from.
        user_agent: The browser's name for itself then.
        id: What stands for the key in the store; also names the session in lists.
        version: Counts the changes, so that two writers notice each other.
    """

    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    user_id: str | None = None
    fingerprint: str = ""
    created_at: float = dataclasses.field(default_factory=now)
    authenticated_at: float = 0.0
    used_at: float = dataclasses.field(default_factory=now)
    expires_at: float = 0.0
    is_remembered: bool = False
    address: str = ""
    user_agent: str = ""
    id: str = ""
    version: int = 0

    def is_alive(self, now: float) -> bool:
        """Return whether it has not expired."""
        return self.expires_at > now


@dataclasses.dataclass(slots=True)
class Changes:
    """What one request has changed: merged by name with what others have changed meanwhile.

    Attributes:
        values: Names with their new values.
        removed: Names that are gone.
        is_cleared: Whether everything from before is gone.
        expires_at: A new end, or `None` for the old one.
        used_at: When it was prolonged, with a new end.
        authenticated_at: When the user has proved again who it is, or `None`.
        fingerprint: What stands for new credentials, or `None` for the old ones.
    """

    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    removed: set[str] = dataclasses.field(default_factory=set)
    is_cleared: bool = False
    expires_at: float | None = None
    used_at: float | None = None
    authenticated_at: float | None = None
    fingerprint: str | None = None

    def __bool__(self) -> bool:
        return self != NO_CHANGES

    def applied_to(self, record: SessionRecord) -> SessionRecord:
        """Return a record with the changes, and the next version."""
        changed = {
            name: getattr(self, name) for name in _MOMENTS if getattr(self, name) is not None
        }
        data = {} if self.is_cleared else _without(record.data, self.removed)
        return dataclasses.replace(
            record, data={**data, **self.values}, version=record.version + 1, **changed
        )


_MOMENTS = ("expires_at", "used_at", "authenticated_at", "fingerprint")
NO_CHANGES = Changes()
"""Nothing has changed."""


def _without(data: Mapping[str, Any], removed: set[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in removed}


def encode_data(data: Mapping[str, Any]) -> str:
    """Return session data as JSON.

    Raises:
        SessionDataError: If a value has no form in JSON; names the key, not the value. JSON would make ``"5"`` of a key 5.
    """
    try:
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise SessionDataError(_offender(data)) from None
    for name, value in data.items():
        other = _other_key({name: value})
        if other is not None:
            raise SessionDataError((name, f"mapping with the key {other[0]!r}"))
    return text


def _other_key(value: Any) -> tuple[Any] | None:
    """Return the first key in a value that is no text, alone in a tuple, as it may be `None`."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                return (key,)
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return None
    return next(filter(None, map(_other_key, value)), None)


def _offender(data: Mapping[str, Any]) -> tuple[str, str]:
    for name, value in data.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            return name, type(value).__name__
    return "", "mapping"


def decode_data(text: str) -> dict[str, Any]:
    """Return session data from JSON; nothing for what is no object, as if the session were new."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
