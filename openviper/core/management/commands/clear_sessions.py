"""`clear-sessions`: throw away sessions that have expired."""

from __future__ import annotations

from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.core.management.running import run_async_command


class Command(BaseCommand):
    """Throw away sessions that have expired, and counts of failed logins that hold nobody up any more.

    A worker does the same once an hour.
    """

    help = "Throw away expired sessions and old counts of failed logins."

    def handle(self, **options: Any) -> None:
        """Throw them away and say how many there were."""
        sessions, attempts = run_async_command(_clear())
        self.stdout(f"Cleared {sessions} expired sessions and {attempts} counts of failed logins.")


async def _clear() -> tuple[int, int]:
    # Late: `--help` needs neither.
    from openviper.auth.throttle import clear_login_attempts
    from openviper.sessions.stores.configured import session_store

    return await session_store().clear_expired(), await clear_login_attempts()
