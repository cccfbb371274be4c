"""The periodic job that forgets failed logins."""

from __future__ import annotations

from openviper.auth.throttle import clear_login_attempts
from openviper.tasks import periodic


@periodic(every="1h")
async def clear_failed_logins() -> None:
    """Throw away counts of failed logins that hold nobody up any more."""
    await clear_login_attempts()
