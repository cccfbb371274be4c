"""Sessions in one of the caches of `CACHES`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from openviper.cache import MISSING, BaseCache, get_cache
from openviper.conf import settings
from openviper.sessions.keys import is_key, new_key, stored_key
from openviper.sessions.lifetime import idle_seconds
from openviper.sessions.record import Changes, SessionRecord, decode_data, encode_data
from openviper.sessions.stores.base import BaseSessionStore
from openviper.utils.clock import now


class CacheSessionStore(BaseSessionStore):
    """Keeps each session in an entry of a cache, which forgets it when the session expires.

    A cache may throw entries out for want of room: then their users have to log in again. A cache that does not answer is
    an error, `openviper.cache.CacheUnavailableError`, and not a visitor without a session. Every session of a user bears a
    tag, so that all of them end together even if the list of them was thrown out.

    Args:
        alias: The cache; the setting `SESSION_CACHE` when not given.

    Raises:
        ValueError: If `CACHES` has no such alias.
    """

    def __init__(self, alias: str | None = None) -> None:
        self._cache: BaseCache = get_cache(alias or settings.SESSION_CACHE).strict()

    async def create(self, record: SessionRecord) -> str:
        """Keep a new session; see `BaseSessionStore.create`."""
        key = new_key()
        record.id = stored_key(key)
        await self._store(record)
        return key

    async def _store(self, record: SessionRecord) -> None:
        ttl = record.expires_at - now()
        if ttl <= 0:
            return
        tags = [] if record.user_id is None else [_list_of(record.user_id)]
        await self._cache.set(_entry(record.id), _text(record), ttl, tags=tags)
        if record.user_id is not None:
            longest = settings.SESSION_MAX_AGE.total_seconds()
            await self._cache.update(
                _list_of(record.user_id),
                lambda ids: {**_living(ids), record.id: record.expires_at},
                max(longest, ttl),
                default={},
            )

    async def load(self, key: str) -> SessionRecord | None:
        """Return the session of a key; see `BaseSessionStore.load`."""
        if not is_key(key):
            return None
        record = _record(await self._cache.get(_entry(stored_key(key))))
        return record if record is not None and record.is_alive(now()) else None

    async def save(self, key: str, changes: Changes, base: SessionRecord) -> str | None:
        """Merge changes; see `BaseSessionStore.save`."""
        return key if await self._change(base, changes) else None

    async def _change(self, base: SessionRecord, changes: Changes) -> bool:
        """Merge changes into a session; return whether it is there still."""

        def change(text: object) -> object:
            record = _record(text)
            return text if record is None else _text(changes.applied_to(record))

        # Another request may have prolonged it since it was loaded, at most by the time it may be idle; the record itself
        # says when it ends.
        end = max(base.expires_at, changes.expires_at or 0.0)
        ttl = max(end - now(), idle_seconds(is_remembered=base.is_remembered))
        changed = await self._cache.update(_entry(base.id), change, ttl, default=MISSING)
        return changed is not MISSING

    async def delete(self, key: str) -> bool:
        """End a session."""
        return await self._cache.delete(_entry(stored_key(key)))

    async def sessions_of(self, user_id: str) -> list[SessionRecord]:
        """Return the living sessions of a user; see `BaseSessionStore.sessions_of`."""
        without = [dataclasses.replace(record, data={}) for record in await self._of(user_id)]
        return sorted(without, key=lambda record: record.used_at, reverse=True)

    async def _of(self, user_id: str) -> list[SessionRecord]:
        ids = await self._cache.get(_list_of(user_id), {})
        texts = await self._cache.get_many(map(_entry, ids))
        records = (_record(text) for text in texts.values())
        return [
            record
            for record in records
            if record is not None and record.user_id == user_id and record.is_alive(now())
        ]

    async def delete_by_id(self, user_id: str, session_id: str) -> bool:
        """End a session that a list has named."""
        record = _record(await self._cache.get(_entry(session_id)))
        if record is None or record.user_id != user_id:
            return False
        return await self._cache.delete(_entry(session_id))

    async def delete_user_sessions(self, user_id: str, keep: str | None = None) -> int:
        """End the sessions of a user, those too that the list has lost."""
        records = await self._of(user_id)
        ended = [record for record in records if record.id != keep]
        await self._cache.invalidate_tags(_list_of(user_id))
        await self._cache.delete_many([_entry(record.id) for record in ended])
        await self._cache.delete(_list_of(user_id))
        for record in records:
            if record.id == keep:
                await self._store(record)
        return len(ended)

    async def move_fingerprint(self, user_id: str, old: str, new: str) -> None:
        """Write another fingerprint into the sessions of a user."""
        for record in await self._of(user_id):
            if record.fingerprint == old:
                await self._change(record, Changes(fingerprint=new))


def _entry(session_id: str) -> str:
    return f"session:{session_id}"


def _list_of(user_id: str) -> str:
    return f"sessions-of:{user_id}"


def _living(ids: Any) -> dict[str, float]:
    """Return the sessions of a list that may be there still; it must not grow with each login."""
    pairs: Iterable[tuple[str, float]] = ids.items()
    # Those that were prolonged live longer than the list says, but never longer than a session may.
    latest = now() - settings.SESSION_MAX_AGE.total_seconds()
    return {session_id: end for session_id, end in pairs if end > latest}


def _text(record: SessionRecord) -> str:
    encode_data(record.data)  # Names the key of what cannot be kept.
    return encode_data(dataclasses.asdict(record))


def _record(text: object) -> SessionRecord | None:
    if not isinstance(text, str):
        return None
    try:
        return SessionRecord(**decode_data(text))
    except TypeError:  # Of a version with other fields.
        return None
