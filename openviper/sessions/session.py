"""The session of one request: reads and writes like a mapping, and does nothing until somebody uses it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast, overload

from openviper.http.answer import Answer
from openviper.http.asgi import CSRF, Scope
from openviper.http.sessions import MISSING, SessionKey
from openviper.sessions.cookie import forgotten_cookie, session_cookie
from openviper.sessions.exceptions import SessionError
from openviper.sessions.lifetime import end_of, is_past_half
from openviper.sessions.record import (
    MAX_AGENT,
    NO_CHANGES,
    Changes,
    SessionRecord,
    encode_data,
)
from openviper.sessions.stores.base import BaseSessionStore
from openviper.utils.clock import now
from openviper.utils.datastructures import Headers, RawHeaders, add_vary

T = TypeVar("T")


class Session:
    """What is kept for one browser.

    Values are those of JSON. A list or mapping that is changed in place is noticed. Two requests that change different names
    at the same time both win; for the same name, the later one.

    Args:
        store: Where it is kept.
        scope: The ASGI scope of the request.
        answer: The answer to it; `None` where there is none, as for a WebSocket.

    Attributes:
        first_id: Its `id` when the request came.
    """

    __slots__ = (
        "_answer", "_assigned", "_cookie", "_data", "_is_noted", "_key", "_others", "_record", "_removed", "_seen",
        "_store", "first_id", "scope",
    )  # fmt: skip

    def __init__(self, store: BaseSessionStore, scope: Scope, answer: Answer | None = None) -> None:
        self._store = store
        self.scope = scope
        self._answer = answer
        self._record: SessionRecord | None = None
        self._key: str | None = None
        self._data: dict[str, Any] = {}
        self._is_noted = False
        self._cookie: bytes | None = None
        self.first_id: str | None = None
        self._forget_changes()

    def _forget_changes(self) -> None:
        self._assigned: set[str] = set()
        self._removed: set[str] = set()
        self._seen: dict[str, str] = {}
        self._others: Changes | None = None

    # What is known of it

    @property
    def key(self) -> str | None:
        """What the browser holds; `None` for a session that is not stored."""
        return self._key

    @property
    def id(self) -> str | None:
        """What names the session in lists and is no secret; `None` for one that is not stored."""
        return None if self._record is None else self._record.id

    @property
    def record(self) -> SessionRecord | None:
        """What the store knows of it, as it was when it was loaded or saved; `None` for one that is not stored."""
        return self._record

    @property
    def store(self) -> BaseSessionStore:
        """Where it is kept."""
        return self._store

    @property
    def user_id(self) -> str | None:
        """The primary key, as text, of the user who has logged in; `None` if nobody has."""
        self.note()
        return None if self._record is None else self._record.user_id

    @property
    def is_of_user(self) -> bool:
        """Whether a user has logged in; asking does not count as using the session."""
        return self._record is not None and self._record.user_id is not None

    @property
    def authenticated_at(self) -> float:
        """When the user last proved who it is, in seconds since 1970; 0 if nobody has."""
        self.note()
        return 0.0 if self._record is None else self._record.authenticated_at

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing."""
        self.note()
        return not self._data

    @property
    def is_modified(self) -> bool:
        """Whether something has changed that is not stored yet."""
        return bool(self._pending())

    # Like a mapping

    @overload
    def __getitem__(self, key: SessionKey[T], /) -> T: ...
    @overload
    def __getitem__(self, key: str, /) -> Any: ...
    def __getitem__(self, key: str | SessionKey[T], /) -> Any:
        self.note()
        name = _name(key)
        if name not in self._data and isinstance(key, SessionKey) and key.default is not None:
            self._data[name] = key.default()
            self._seen[name] = encode_data({name: self._data[name]})
        value = self._data[name]
        if isinstance(value, (list, dict)):
            self._seen.setdefault(name, encode_data({name: value}))
        return value

    @overload
    def __setitem__(self, key: SessionKey[T], value: T, /) -> None: ...
    @overload
    def __setitem__(self, key: str, value: Any, /) -> None: ...
    def __setitem__(self, key: str | SessionKey[T], value: Any, /) -> None:
        self._prepare_change()
        name = _name(key)
        self._data[name] = value
        self._assigned.add(name)
        self._removed.discard(name)

    def __delitem__(self, key: str | SessionKey[Any], /) -> None:
        self._prepare_change()
        name = _name(key)
        del self._data[name]
        self._assigned.discard(name)
        self._seen.pop(name, None)
        self._removed.add(name)

    def __contains__(self, key: object, /) -> bool:
        self.note()
        return (key.name if isinstance(key, SessionKey) else key) in self._data

    def __iter__(self) -> Iterator[str]:
        self.note()
        return iter(list(self._data))

    def __len__(self) -> int:
        self.note()
        return len(self._data)

    def __bool__(self) -> bool:
        return True  # There is one; whether it holds something says `is_empty`.

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self)

    def items(self) -> list[tuple[str, Any]]:
        """Return the names with their values."""
        return [(name, self[name]) for name in self]

    @overload
    def get(self, key: SessionKey[T], default: T, /) -> T: ...
    @overload
    def get(self, key: SessionKey[T], default: None = None, /) -> T | None: ...
    @overload
    def get(self, key: str, default: Any = None, /) -> Any: ...
    def get(self, key: str | SessionKey[T], default: Any = None, /) -> Any:
        """Return a value, or `default` if there is none."""
        return self[_name(key)] if key in self else default

    def set(self, key: str | SessionKey[Any], value: Any, /) -> None:
        """Set a value."""
        self[_name(key)] = value

    def pop(self, key: str | SessionKey[Any], default: Any = MISSING, /) -> Any:
        """Remove a value and return it, or `default` if there is none.

        Raises:
            KeyError: If there is neither.
        """
        if key not in self and default is not MISSING:
            return default
        value = self[_name(key)]
        del self[key]
        return value

    def setdefault(self, key: str | SessionKey[Any], default: Any = None, /) -> Any:
        """Return a value, which becomes `default` if there is none."""
        if key not in self:
            self[_name(key)] = default
        return self[_name(key)]

    def update(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        """Set several values."""
        for name, value in {**(values or {}), **named}.items():
            self[name] = value

    def clear(self) -> None:
        """Remove every value; the user stays logged in."""
        self._prepare_change()
        self._data = {}
        self._assigned, self._removed, self._seen = set(), set(), {}
        self._other_changes().is_cleared = True

    def __repr__(self) -> str:
        return f"<Session {self.id or 'not stored'}>"  # Values may be secret.

    # Storing

    async def load(self, key: str) -> None:
        """Read the session that belongs to a key; without one, this stays a new session."""
        record = await self._store.load(key)
        if record is not None:
            self._adopt(record, key)
            self.first_id = record.id
            self._prolong_if_due(record)

    def _adopt(self, record: SessionRecord, key: str) -> None:
        self._record, self._key = record, key
        self._data = dict(record.data)
        self._forget_changes()

    def _prolong_if_due(self, record: SessionRecord) -> None:
        at = now()
        if is_past_half(record, at):
            self._other_changes().expires_at = end_of(record, at)
            self._other_changes().used_at = at
            self.note()

    async def save(self) -> None:
        """Store what has changed now, and not only when the answer begins.

        A session that has ended meanwhile is not brought back; what was to be stored is dropped with it.

        Raises:
            SessionDataError: If a value has no form in JSON.
            SessionError: If a new session begins where no cookie can be sent any more.
        """
        changes = self._pending()
        if not changes:
            return
        if self._record is None:
            if changes.values:
                await self._create(SessionRecord(data=changes.values))
            return
        key = await self._store.save(cast(str, self._key), changes, self._record)
        if key is None:
            self._drop()
        else:
            self._take_saved(changes.applied_to(self._record), key, changes)

    def _take_saved(self, record: SessionRecord, key: str, changes: Changes) -> None:
        is_another = key != self._key
        if is_another:
            self._demand_open_answer()
        self._adopt(record, key)
        if is_another or changes.expires_at is not None:
            self._send_cookie()

    async def _create(self, record: SessionRecord) -> None:
        self._demand_open_answer()
        record.expires_at = end_of(record, now())
        key = await self._store.create(record)
        self._adopt(record, key)
        self._send_cookie()

    async def log_in(self, user_id: str, fingerprint: str, *, remember: bool = False) -> str:
        """Make this the session of a user, under a new key; what nobody's session held comes along.

        Args:
            user_id: The user's primary key as text.
            fingerprint: Stands for the credentials; see `SessionRecord`.
            remember: Whether the session outlives the browser.

        Returns:
            The new key.
        """
        is_same = self._record is None or self._record.user_id in (None, user_id)
        at = now()
        record = SessionRecord(
            data=dict(self._data) if is_same else {},
            user_id=user_id,
            fingerprint=fingerprint,
            authenticated_at=at,
            is_remembered=remember,
            address=_address(self.scope),
            user_agent=user_agent_of(self.scope),
        )
        old = self._key
        await self._replace(record)
        if old is not None:
            await self._store.delete(old)
        return cast(str, self._key)

    async def rotate(self) -> None:
        """Give the session another key, as whenever its rights grow; the old key opens nothing any more."""
        if self._record is None:
            return
        self._demand_open_answer()
        await self.save()
        await self._move()

    async def _move(self) -> None:
        if self._record is None:
            return
        # Only if it was there still: one that was ended meanwhile must not live on under another key.
        if await self._store.delete(cast(str, self._key)):
            await self._replace(dataclasses.replace(self._record, data=dict(self._data), version=0))
        else:
            self._drop()

    async def confirm(self) -> None:
        """Note that the user has just proved again who it is, and give the session another key."""
        self._other_changes().authenticated_at = now()
        await self.rotate()

    async def renew_fingerprint(self, fingerprint: str) -> None:
        """Let this session go on, under another key, when the user's credentials have changed."""
        self._other_changes().fingerprint = fingerprint
        await self.rotate()

    async def _replace(self, record: SessionRecord) -> None:
        await self._create(record)
        self._renew_forms()

    def _drop(self) -> None:
        """Be a new, empty session: the one this was has ended."""
        self._record = self._key = None
        self._data = {}
        self._forget_changes()

    async def end(self) -> None:
        """End the session: nothing of it is left, here or in the store, and the browser forgets its key."""
        old = self._key
        self._drop()
        self._renew_forms()
        self.note()
        if old is not None:
            self._cookie = forgotten_cookie(is_secure=self.is_secure)
            await self._store.delete(old)

    def _renew_forms(self) -> None:
        guard = self.scope.get(CSRF)
        if guard is not None:
            guard.renew(self.scope)

    def _other_changes(self) -> Changes:
        """Return where changes are noted that are not of a value."""
        if self._others is None:
            self._others = Changes()
        return self._others

    def _pending(self) -> Changes:
        """Return what has changed since the session was loaded or saved."""
        if not (self._assigned or self._removed or self._seen or self._others):
            return NO_CHANGES  # As in most requests.
        changed = self._assigned | {
            name
            for name, seen in self._seen.items()
            if encode_data({name: self._data[name]}) != seen
        }
        values = {name: self._data[name] for name in changed}
        # Each a value of its own: what is changed in place later on is a change again.
        return dataclasses.replace(self._other_changes(), values=values, removed=set(self._removed))

    # The answer

    def note(self) -> None:
        """Note that the answer depends on the session; from now on it will be saved when the answer begins."""
        if self._is_noted:
            return
        self._is_noted = True
        if self._answer is not None and not self._answer.is_started:
            self._answer.before_start(self._settle)

    @property
    def is_used(self) -> bool:
        """Whether the answer depends on the session."""
        return self._is_noted

    def _prepare_change(self) -> None:
        self.note()
        if self._record is None:
            self._demand_open_answer()

    def _demand_open_answer(self) -> None:
        """Check that a cookie can still be sent.

        Raises:
            SessionError: If not: the browser would never learn of a new session.
        """
        if self._answer is None or self._answer.is_started:
            raise SessionError(
                "a session cannot begin once the answer has begun, nor in a WebSocket"
            )

    async def _settle(self, status: int, own: RawHeaders) -> RawHeaders:
        """Store the session, and return the headers of the answer with its cookie and what caches must know."""
        if status < 500:
            await self.save()
        else:
            self._forget_changes()  # What a handler that failed has left half done is not kept.
        headers = list(own)
        guard = self.scope.get(CSRF)
        if guard is not None:
            guard.settle(self, headers)
        if self._cookie is not None:
            headers.append((b"set-cookie", self._cookie))
            self._cookie = None
            keep_private(headers)
        add_vary(headers, "Cookie")
        return headers

    def _send_cookie(self) -> None:
        record = cast(SessionRecord, self._record)
        max_age = math.ceil(record.expires_at - now()) if record.is_remembered else None
        self._cookie = session_cookie(
            cast(str, self._key), is_secure=self.is_secure, max_age=max_age
        )
        self.note()

    def take_cookie(self) -> bytes | None:
        """Return the ``Set-Cookie`` header that waits to be sent, for who sends it; it waits no longer."""
        cookie, self._cookie = self._cookie, None
        return cookie

    @property
    def is_secure(self) -> bool:
        """Whether the request came over TLS."""
        return self.scope.get("scheme") in ("https", "wss")


def keep_private(headers: RawHeaders) -> None:
    """Have no shared cache keep an answer that gives somebody a cookie."""
    for place, (name, value) in enumerate(headers):
        if name == b"cache-control":
            if b"private" not in value and b"no-store" not in value:
                headers[place] = (b"cache-control", b"private")
            return
    headers.append((b"cache-control", b"private"))


def _name(key: str | SessionKey[Any]) -> str:
    return key.name if isinstance(key, SessionKey) else key


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0])[:45] if client else ""


def user_agent_of(scope: Scope) -> str:
    """Return the browser's name for itself: its printable characters, and not too many."""
    agent = Headers(scope["headers"]).get("user-agent", "")
    return "".join(filter(str.isprintable, agent))[:MAX_AGENT]
