"""The periodic job that throws away sessions that have expired."""

from __future__ import annotations

from openviper.sessions.stores.configured import session_store
from openviper.tasks import periodic


@periodic(every="1h")
async def clear_expired_sessions() -> None:
    """Throw away sessions that have expired."""
    await session_store().clear_expired()
