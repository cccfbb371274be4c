"""Sessions in Redis, through redis-py."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import math
from typing import Any

from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.sessions.exceptions import SessionError
from openviper.sessions.keys import is_key, new_key, stored_key
from openviper.sessions.record import Changes, SessionRecord, decode_data, encode_data
from openviper.sessions.stores.base import MAX_ATTEMPTS, BaseSessionStore
from openviper.utils.clock import now

PREFIX = "openviper:session:"
REPLACE = """
local present = redis.call('GET', KEYS[1])
if not present then return -1 end
if present ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
"""Writes a session if nobody else has written it; a session that is gone stays gone."""
GONE, BEATEN, WRITTEN = -1, 0, 1
"""What that script returns."""


class RedisSessionStore(BaseSessionStore):
    """Keeps each session under a key of its own, which Redis forgets when the session expires.

    Args:
        url: Address of the server; the setting `SESSION_REDIS_URL` when not given.
        prefix: What all keys begin with.

    Raises:
        ImproperlyConfigured: If the package `redis` is not installed.
    """

    def __init__(self, url: str | None = None, *, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        try:
            module: Any = importlib.import_module("redis")
        except ImportError as error:
            raise ImproperlyConfigured(
                "SESSION_STORE 'redis' needs the package 'redis'; run: pip install redis"
            ) from error
        self._client: Any = module.Redis.from_url(
            url or settings.SESSION_REDIS_URL, decode_responses=True, socket_connect_timeout=5
        )
        self._replace = self._client.register_script(REPLACE)

    def _list_of(self, user_id: str) -> str:
        return f"{self._prefix}user:{user_id}"

    async def create(self, record: SessionRecord) -> str:
        """Keep a new session; see `BaseSessionStore.create`."""
        key = new_key()
        record.id = stored_key(key)
        await asyncio.to_thread(self._create, record)
        return key

    def _create(self, record: SessionRecord) -> None:
        with self._client.pipeline() as pipeline:
            pipeline.set(self._prefix + record.id, _text(record), px=_milliseconds(record))
            if record.user_id is not None:
                pipeline.sadd(self._list_of(record.user_id), record.id)
            pipeline.execute()

    async def load(self, key: str) -> SessionRecord | None:
        """Return the session of a key; see `BaseSessionStore.load`."""
        if not is_key(key):
            return None
        text = await asyncio.to_thread(self._client.get, self._prefix + stored_key(key))
        record = _record(text)
        return record if record is not None and record.is_alive(now()) else None

    async def save(self, key: str, changes: Changes, base: SessionRecord) -> str | None:
        """Merge changes; see `BaseSessionStore.save`."""
        return await asyncio.to_thread(self._save, key, changes, base.id)

    def _save(self, key: str, changes: Changes, session_id: str) -> str | None:
        for _ in range(MAX_ATTEMPTS):
            written = self._try_to_save(changes, session_id)
            if written != BEATEN:
                return key if written == WRITTEN else None
        raise SessionError("too many requests change one session at the same time")

    def _try_to_save(self, changes: Changes, session_id: str) -> int:
        text = self._client.get(self._prefix + session_id)
        record = _record(text)
        if record is None:
            return GONE
        new = changes.applied_to(record)
        arguments = [text, _text(new), _milliseconds(new)]
        return int(self._replace(keys=[self._prefix + session_id], args=arguments))

    async def delete(self, key: str) -> bool:
        """End a session."""
        ended = await asyncio.to_thread(self._client.delete, self._prefix + stored_key(key))
        return int(ended) > 0

    async def sessions_of(self, user_id: str) -> list[SessionRecord]:
        """Return the living sessions of a user; see `BaseSessionStore.sessions_of`."""
        found = await asyncio.to_thread(self._of, user_id)
        without = [dataclasses.replace(record, data={}) for record in found]
        return sorted(without, key=lambda record: record.used_at, reverse=True)

    def _of(self, user_id: str) -> list[SessionRecord]:
        """Return the sessions of a user, and forget the names of those that are gone."""
        names = list(self._client.smembers(self._list_of(user_id)))
        texts = self._client.mget([self._prefix + name for name in names]) if names else []
        gone = [name for name, text in zip(names, texts, strict=True) if text is None]
        if gone:
            self._client.srem(self._list_of(user_id), *gone)
        return [record for record in map(_record, texts) if record is not None]

    async def delete_by_id(self, user_id: str, session_id: str) -> bool:
        """End a session that a list has named."""
        return await asyncio.to_thread(self._end, user_id, [session_id]) > 0

    async def delete_user_sessions(self, user_id: str, keep: str | None = None) -> int:
        """End the sessions of a user."""
        return await asyncio.to_thread(self._end_all, user_id, keep)

    def _end_all(self, user_id: str, keep: str | None) -> int:
        ended = [record.id for record in self._of(user_id) if record.id != keep]
        return self._end(user_id, ended)

    def _end(self, user_id: str, names: list[str]) -> int:
        own = [name for name in names if self._client.srem(self._list_of(user_id), name)]
        return int(self._client.delete(*(self._prefix + name for name in own))) if own else 0

    async def move_fingerprint(self, user_id: str, old: str, new: str) -> None:
        """Write another fingerprint into the sessions of a user."""
        await asyncio.to_thread(self._move, user_id, old, new)

    def _move(self, user_id: str, old: str, new: str) -> None:
        for record in self._of(user_id):
            if record.fingerprint == old:
                self._save("", Changes(fingerprint=new), record.id)


def _text(record: SessionRecord) -> str:
    encode_data(record.data)  # Names the key of what cannot be kept.
    return encode_data(dataclasses.asdict(record))


def _milliseconds(record: SessionRecord) -> int:
    return max(1, math.ceil((record.expires_at - now()) * 1000))


def _record(text: str | None) -> SessionRecord | None:
    try:
        return None if text is None else SessionRecord(**decode_data(text))
    except TypeError:  # Of a version with other fields.
        return None
