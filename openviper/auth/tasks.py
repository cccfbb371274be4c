"""The periodic jobs of accounts: throwing away what has expired."""

from __future__ import annotations

from openviper.auth.throttle import clear_login_attempts
from openviper.sessions.stores.configured import session_store
from openviper.tasks import periodic


@periodic(every="1h")
async def clear_expired_sessions() -> None:
    """Throw away sessions that have expired."""
    await session_store().clear_expired()


@periodic(every="1h")
async def clear_failed_logins() -> None:
    """Throw away counts of failed logins that hold nobody up any more."""
    await clear_login_attempts()
