"""The periodic jobs of accounts: throwing away what has expired."""

from __future__ import annotations

from openviper.auth.audit import clear_account_events
from openviper.auth.devices import clear_remembered_devices
from openviper.auth.mailed_codes import clear_mailed_codes
from openviper.auth.throttle import clear_login_attempts
from openviper.auth.token_blocklist import clear_revoked_tokens
from openviper.auth.tokens import clear_expired_tokens
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


@periodic(every="1h")
async def clear_ended_tokens() -> None:
    """Throw away tokens, mailed codes and devices that have ended, and what is remembered of revoked tokens that would have."""
    await clear_expired_tokens()
    await clear_revoked_tokens()
    await clear_mailed_codes()
    await clear_remembered_devices()


@periodic(every="24h")
async def clear_old_account_events() -> None:
    """Throw away events of accounts that are older than `AUTH_AUDIT_KEEP`."""
    await clear_account_events()
