"""Sessions as rows of the default database."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from openviper.auth.models import StoredSession
from openviper.conf import settings
from openviper.db.fields.moments import local_zone, uses_time_zones
from openviper.exceptions import ImproperlyConfigured, TableNotFound
from openviper.sessions.exceptions import SessionError
from openviper.sessions.keys import is_key, new_key, stored_key
from openviper.sessions.record import Changes, SessionRecord, decode_data, encode_data
from openviper.sessions.stores.base import MAX_ATTEMPTS, BaseSessionStore
from openviper.utils.clock import now


class DatabaseSessionStore(BaseSessionStore):
    """Keeps each session in a row of the table ``openviper_sessions``.

    Nobody's permission is asked: the models of this app are exempt, see `openviper.auth.permission_core`.
    """

    async def create(self, record: SessionRecord) -> str:
        """Insert a row; see `BaseSessionStore.create`."""
        key = new_key()
        record.id = stored_key(key)
        row = StoredSession(
            session_key=record.id,
            user_id=record.user_id,
            is_remembered=record.is_remembered,
            address=record.address,
            user_agent=record.user_agent,
            created_at=_moment(record.created_at),
            **_columns(record),
        )
        try:
            await row.save()
        except TableNotFound:
            if "openviper.auth" in settings.INSTALLED_APPS:
                raise
            raise ImproperlyConfigured(
                "sessions are kept in the database, and INSTALLED_APPS lacks 'openviper.auth', which has the table; "
                "add it and run `python viperctl.py migrate`, or set SESSION_STORE to 'cookie'"
            ) from None
        return key

    async def load(self, key: str) -> SessionRecord | None:
        """Read the row of a key; see `BaseSessionStore.load`."""
        if not is_key(key):
            return None
        try:
            record = await self._read(stored_key(key))
        except (
            TableNotFound
        ):  # Another application of this host has a cookie of this name, and we have no sessions.
            return None
        return record if record is not None and record.is_alive(now()) else None

    async def _read(self, session_id: str) -> SessionRecord | None:
        row = await StoredSession.objects.get_or_none(session_key=session_id)
        return None if row is None else _record(row)

    async def save(self, key: str, changes: Changes, base: SessionRecord) -> str | None:
        """Update the row, as long as it is there; see `BaseSessionStore.save`."""
        record: SessionRecord | None = base
        for _ in range(MAX_ATTEMPTS):
            if record is None:
                return None
            if await self._replace(record, changes.applied_to(record)):
                return key
            # Another request was faster, or has ended the session.
            record = await self._read(base.id)
        raise SessionError("too many requests change one session at the same time")

    async def _replace(self, old: SessionRecord, new: SessionRecord) -> bool:
        """Write a row if nobody else has written it since it was read; return whether that was so."""
        rows = StoredSession.objects.filter(session_key=old.id, version=old.version)
        return await rows.update(**_columns(new)) == 1

    async def delete(self, key: str) -> bool:
        """Delete the row."""
        return await StoredSession.objects.filter(session_key=stored_key(key)).delete() > 0

    async def sessions_of(self, user_id: str) -> list[SessionRecord]:
        """Read the rows of a user; see `BaseSessionStore.sessions_of`."""
        rows = StoredSession.objects.filter(user_id=user_id, expires_at__gt=_moment(now()))
        return [_record(row, with_data=False) for row in await rows.order_by("-used_at", "pk")]

    async def delete_by_id(self, user_id: str, session_id: str) -> bool:
        """Delete one row of a user."""
        rows = StoredSession.objects.filter(user_id=user_id, session_key=session_id)
        return await rows.delete() > 0

    async def delete_user_sessions(self, user_id: str, keep: str | None = None) -> int:
        """Delete the rows of a user."""
        rows = StoredSession.objects.filter(user_id=user_id)
        if keep is not None:
            rows = rows.exclude(session_key=keep)
        with suppress(TableNotFound):  # Without a table there are none.
            return await rows.delete()
        return 0

    async def move_fingerprint(self, user_id: str, old: str, new: str) -> None:
        """Write another fingerprint into the rows of a user."""
        with suppress(TableNotFound):
            rows = StoredSession.objects.filter(user_id=user_id, fingerprint=old)
            await rows.update(fingerprint=new)

    async def clear_expired(self) -> int:
        """Delete the rows that have expired."""
        return await StoredSession.objects.filter(expires_at__lte=_moment(now())).delete()


def _columns(record: SessionRecord) -> dict[str, Any]:
    """Return the columns that a save may change."""
    return {
        "fingerprint": record.fingerprint,
        "data": encode_data(record.data),
        "used_at": _moment(record.used_at),
        "expires_at": _moment(record.expires_at),
        "authenticated_at": _moment(record.authenticated_at) if record.authenticated_at else None,
        "version": record.version,
    }


def _record(row: StoredSession, *, with_data: bool = True) -> SessionRecord:
    return SessionRecord(
        data=decode_data(row.data) if with_data else {},
        user_id=row.user_id,
        fingerprint=row.fingerprint,
        created_at=_seconds(row.created_at),
        authenticated_at=_seconds(row.authenticated_at),
        used_at=_seconds(row.used_at),
        expires_at=_seconds(row.expires_at),
        is_remembered=row.is_remembered,
        address=row.address,
        user_agent=row.user_agent,
        id=row.session_key,
        version=row.version,
    )


def _moment(seconds: float) -> datetime:
    """Return a moment as the ORM has it: aware and in UTC, or local time where `USE_TZ` is off."""
    if uses_time_zones():
        return datetime.fromtimestamp(seconds, UTC)
    return datetime.fromtimestamp(seconds, local_zone()).replace(tzinfo=None)


def _seconds(moment: datetime | None) -> float:
    if moment is None:
        return 0.0
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=local_zone())
    return aware.timestamp()
