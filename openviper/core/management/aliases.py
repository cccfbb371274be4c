"""The databases that commands can be pointed at."""

from __future__ import annotations

from typing import Any

from openviper.conf import settings
from openviper.core.management.base import CommandError
from openviper.core.management.errors import did_you_mean

NOT_ALIASES = ("ROUTERS", "ROUTING")
"""Keys of `DATABASES` that are not databases."""


def database_aliases() -> list[str]:
    """Return the aliases of the configured databases, sorted."""
    return sorted(name for name in settings.DATABASES if name not in NOT_ALIASES)


def check_alias(alias: str) -> str:
    """Return `alias` if there is a database of this name.

    Raises:
        CommandError: If not; lists those there are.
    """
    known = database_aliases()
    if alias not in known:
        hint = did_you_mean(alias, known)
        raise CommandError(
            f"unknown database alias {alias!r}{hint} (configured: {', '.join(known) or 'none'})"
        )
    return alias


def has_database(alias: str) -> bool:
    """Return whether a database is configured under an alias; a project may do without any."""
    return alias in database_aliases() and bool(_url(alias))


def _url(alias: str) -> Any:
    config = settings.DATABASES[alias]
    return (config.get("OPTIONS") or {}).get("URL") or config.get("URL")


def url_of(alias: str) -> str:
    """Return the URL of a configured database.

    Raises:
        CommandError: If there is no such alias, or it has no URL.
    """
    url = _url(check_alias(alias))
    if not url:
        raise CommandError(
            f"No database URL configured: set DATABASES['{alias}']['OPTIONS']['URL'] or give --db"
        )
    return str(url)


def chosen_url(given: str | None, alias: str | None = None) -> str:
    """Return the URL given with ``--db``, or that of a configured database.

    Args:
        given: What ``--db`` says.
        alias: The database without it; ``default`` when not given.

    Raises:
        CommandError: If there is neither.
    """
    return given or url_of(alias or "default")
