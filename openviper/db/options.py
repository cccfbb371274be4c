"""Reading `DATABASES`: every option checked, with its default and range."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from openviper.db.exceptions import DatabaseBackendNotFoundError, DatabaseConfigurationError

logger = logging.getLogger("openviper.db")

NOT_ALIASES = ("ROUTERS", "ROUTING")
BUILT_IN_BACKENDS = (None, "sqlalchemy", "default", "openviper.db.backends.DefaultDatabaseBackend")
"""Names under which 0.1 knew the built-in backend."""
JOURNAL_MODES = ("WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY")


class DatabaseOptions(NamedTuple):
    """The options of one database.

    Attributes:
        pool_timeout: Longest wait for a connection, in seconds.
        busy_timeout: Longest wait for another process's lock, in seconds; SQLite.
        inline: Whether short statements may run on the event loop; SQLite.
    """

    url: str
    echo: bool = False
    pool_size: int = 5
    pool_timeout: int = 30
    read_only: bool = False
    journal_mode: str = "WAL"
    busy_timeout: float = 5.0
    inline: bool = True


def validate_pool_config(value: Any, name: str, min_val: int, max_val: int, default: int) -> int:
    """Return a pool option within its range; a value outside is moved to the border with a warning.

    Raises:
        ValueError: If it is not a number.
    """
    if value is None:
        return default
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise DatabaseConfigurationError(f"{name} must be a number, not {value!r}") from None
    clamped = min(max(number, min_val), max_val)
    if clamped != number:
        logger.warning("%s=%d is outside %d..%d; using %d", name, number, min_val, max_val, clamped)
    return clamped


def read_databases(databases: Mapping[str, Any]) -> dict[str, DatabaseOptions]:
    """Return the options per alias of a mapping of the form of `DATABASES`.

    Raises:
        TypeError: If the value of an alias is not a mapping.
        DatabaseConfigurationError: If an option has a value that cannot work.
    """
    return {alias: _read(alias, config) for alias, config in databases.items() if alias not in NOT_ALIASES}


def _read(alias: str, config: Any) -> DatabaseOptions:
    if not isinstance(config, Mapping):
        raise TypeError(f"DATABASES[{alias!r}] must be a mapping, not {type(config).__name__}")
    options: dict[str, Any] = {**config, **(config.get("OPTIONS") or {})}
    url = options.get("URL") or ""
    if not isinstance(url, str) or not url:
        raise DatabaseConfigurationError(
            f"DATABASES[{alias!r}]['OPTIONS']['URL'] is empty; set it, for example to 'sqlite:///db.sqlite3'"
        )
    backend = options.get("BACKEND")
    if backend not in BUILT_IN_BACKENDS:
        if not isinstance(backend, str) or not backend:
            raise DatabaseConfigurationError(f"DATABASES[{alias!r}]['BACKEND'] must be a dotted path, not {backend!r}")
        raise DatabaseBackendNotFoundError(f"DATABASES[{alias!r}]: unknown backend {backend!r}")
    journal_mode = str(options.get("JOURNAL_MODE", "WAL")).upper()
    if journal_mode not in JOURNAL_MODES:
        raise DatabaseConfigurationError(
            f"DATABASES[{alias!r}]['JOURNAL_MODE'] must be one of {', '.join(JOURNAL_MODES)}, not {journal_mode!r}"
        )
    try:
        busy_timeout = float(options.get("BUSY_TIMEOUT", 5.0))
    except (TypeError, ValueError):
        raise DatabaseConfigurationError(f"DATABASES[{alias!r}]['BUSY_TIMEOUT'] must be a number of seconds") from None
    return DatabaseOptions(
        url=url,
        echo=bool(options.get("ECHO", False)),
        pool_size=validate_pool_config(options.get("POOL_SIZE"), "POOL_SIZE", 1, 100, 5),
        pool_timeout=validate_pool_config(options.get("POOL_TIMEOUT"), "POOL_TIMEOUT", 1, 300, 30),
        read_only=bool(options.get("READ_ONLY", False)),
        journal_mode=journal_mode,
        busy_timeout=busy_timeout,
        inline=bool(options.get("INLINE", True)),
    )
