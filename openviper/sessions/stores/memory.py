"""Sessions in this process, for tests; they are gone when it ends, and other workers do not see them."""

from __future__ import annotations

import dataclasses

from openviper.sessions.keys import is_key, new_key, stored_key
from openviper.sessions.record import Changes, SessionRecord, decode_data, encode_data
from openviper.sessions.stores.base import BaseSessionStore
from openviper.utils.clock import now


class MemorySessionStore(BaseSessionStore):
    """Keeps sessions in a mapping, by what stands for their key."""

    def __init__(self) -> None:
        self._records: dict[str, SessionRecord] = {}

    async def create(self, record: SessionRecord) -> str:
        """Keep a new session; see `BaseSessionStore.create`."""
        key = new_key()
        record.id = stored_key(key)
        self._records[record.id] = _copy(record)
        return key

    async def load(self, key: str) -> SessionRecord | None:
        """Return the session of a key; see `BaseSessionStore.load`."""
        record = self._records.get(stored_key(key)) if is_key(key) else None
        return _copy(record) if record is not None and record.is_alive(now()) else None

    async def save(self, key: str, changes: Changes, base: SessionRecord) -> str | None:
        """Merge changes; see `BaseSessionStore.save`."""
        record = self._records.get(stored_key(key))
        if record is None:
            return None
        self._records[record.id] = _copy(changes.applied_to(record))
        return key

    async def delete(self, key: str) -> bool:
        """End a session."""
        return self._records.pop(stored_key(key), None) is not None

    async def sessions_of(self, user_id: str) -> list[SessionRecord]:
        """Return the living sessions of a user; see `BaseSessionStore.sessions_of`."""
        living = [record for record in self._of(user_id) if record.is_alive(now())]
        found = [dataclasses.replace(record, data={}) for record in living]
        return sorted(found, key=lambda record: record.used_at, reverse=True)

    def _of(self, user_id: str) -> list[SessionRecord]:
        return [record for record in self._records.values() if record.user_id == user_id]

    async def delete_by_id(self, user_id: str, session_id: str) -> bool:
        """End a session that a list has named."""
        record = self._records.get(session_id)
        if record is None or record.user_id != user_id:
            return False
        del self._records[session_id]
        return True

    async def delete_user_sessions(self, user_id: str, keep: str | None = None) -> int:
        """End the sessions of a user."""
        ended = [record.id for record in self._of(user_id) if record.id != keep]
        for name in ended:
            del self._records[name]
        return len(ended)

    async def move_fingerprint(self, user_id: str, old: str, new: str) -> None:
        """Write another fingerprint; see `BaseSessionStore.move_fingerprint`."""
        for record in self._of(user_id):
            if record.fingerprint == old:
                record.fingerprint = new

    async def clear_expired(self) -> int:
        """Throw away what has expired."""
        expired = [record.id for record in self._records.values() if not record.is_alive(now())]
        for name in expired:
            del self._records[name]
        return len(expired)


def _copy(record: SessionRecord) -> SessionRecord:
    # Through JSON: what two requests have of one session shares nothing, as with any other store.
    return dataclasses.replace(record, data=decode_data(encode_data(record.data)))
