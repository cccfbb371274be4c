"""Reading `DATABASES`: every option checked, with its default and range."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from openviper.db.connections.url import DatabaseURL
from openviper.db.exceptions import DatabaseBackendNotFoundError, DatabaseConfigurationError

logger = logging.getLogger("openviper.db")

NOT_ALIASES = ("ROUTERS", "ROUTING")
JOURNAL_MODES = ("WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY")

PARAMETERS: dict[str, frozenset[str]] = {
    "sqlite": frozenset({"mode", "cache", "timeout"}),
    # https://www.postgresql.org/docs/current/libpq-connect.html, section "Parameter Key Words".
    "postgresql": frozenset(
        {
            "application_name", "channel_binding", "client_encoding", "connect_timeout", "fallback_application_name",
            "gssdelegation", "gssencmode", "gsslib", "host", "hostaddr", "keepalives", "keepalives_count",
            "keepalives_idle", "keepalives_interval", "krbsrvname", "load_balance_hosts", "options", "passfile",
            "require_auth", "requirepeer", "service", "sslcert", "sslcertmode", "sslcompression", "sslcrl", "sslcrldir",
            "sslkey", "ssl_max_protocol_version", "ssl_min_protocol_version", "sslmode", "sslnegotiation", "sslpassword",
            "sslrootcert", "sslsni", "target_session_attrs", "tcp_user_timeout",
        }
    ),
    "mysql": frozenset({"charset", "connect_timeout", "ssl_ca", "ssl_cert", "ssl_key", "unix_socket"}),
}  # fmt: skip
"""The URL parameters that each vendor's driver understands."""


class DatabaseOptions(NamedTuple):
    """The options of one database.

    Attributes:
        pool_size: Connections kept open; for SQLite, connections for long reads.
        max_overflow: Connections beyond them, closed after use; PostgreSQL and MariaDB.
        pool_timeout: Longest wait for a connection, in seconds.
        pool_recycle: Age at which a connection is replaced, in seconds; PostgreSQL and MariaDB.
        statement_timeout: Longest time of one statement, in seconds; `None` for no limit.
        prepared_statements: Most statements kept prepared per connection; PostgreSQL.
        role: ``primary`` or ``replica``.
        busy_timeout: Longest wait for another process's lock, in seconds; SQLite.
        inline: Whether short statements may run on the event loop; SQLite.
        backend: Names what watches the statements; see `openviper.db.connections.observers`.
    """

    url: str
    echo: bool = False
    pool_size: int = 5
    pool_timeout: int = 30
    read_only: bool = False
    journal_mode: str = "WAL"
    busy_timeout: float = 5.0
    inline: bool = True
    max_overflow: int = 10
    pool_recycle: int = 3600
    statement_timeout: float | None = None
    prepared_statements: int = 256
    role: str = "primary"
    backend: str | None = None


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
    return {
        alias: _read(alias, config)
        for alias, config in databases.items()
        if alias not in NOT_ALIASES
    }


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
    if backend is not None and (not isinstance(backend, str) or not backend):
        raise DatabaseConfigurationError(
            f"DATABASES[{alias!r}]['BACKEND'] must be a registered name or a dotted path, not {backend!r}"
        )
    journal_mode = str(options.get("JOURNAL_MODE", "WAL")).upper()
    if journal_mode not in JOURNAL_MODES:
        raise DatabaseConfigurationError(
            f"DATABASES[{alias!r}]['JOURNAL_MODE'] must be one of {', '.join(JOURNAL_MODES)}, not {journal_mode!r}"
        )
    try:
        busy_timeout = float(options.get("BUSY_TIMEOUT", 5.0))
    except (TypeError, ValueError):
        raise DatabaseConfigurationError(
            f"DATABASES[{alias!r}]['BUSY_TIMEOUT'] must be a number of seconds"
        ) from None
    return DatabaseOptions(
        url=url,
        echo=bool(options.get("ECHO", False)),
        pool_size=validate_pool_config(options.get("POOL_SIZE"), "POOL_SIZE", 1, 100, 5),
        pool_timeout=validate_pool_config(options.get("POOL_TIMEOUT"), "POOL_TIMEOUT", 1, 300, 30),
        read_only=bool(options.get("READ_ONLY", False)),
        journal_mode=journal_mode,
        busy_timeout=busy_timeout,
        inline=bool(options.get("INLINE", True)),
        max_overflow=validate_pool_config(options.get("MAX_OVERFLOW"), "MAX_OVERFLOW", 0, 200, 10),
        pool_recycle=validate_pool_config(
            options.get("POOL_RECYCLE"), "POOL_RECYCLE", 60, 86400, 3600
        ),
        statement_timeout=_statement_timeout(alias, options.get("STATEMENT_TIMEOUT")),
        prepared_statements=validate_pool_config(
            options.get("PREPARED_STMT_CACHE"), "PREPARED_STMT_CACHE", 0, 2048, 256
        ),
        role=_role(alias, options.get("ROLE", "primary")),
        backend=backend,
    )


def _role(alias: str, value: Any) -> str:
    if value not in ("primary", "replica"):
        raise DatabaseConfigurationError(
            f"DATABASES[{alias!r}]['ROLE'] must be primary or replica, not {value!r}"
        )
    return str(value)


def _statement_timeout(alias: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not seconds > 0:
        raise DatabaseConfigurationError(
            f"DATABASES[{alias!r}]['STATEMENT_TIMEOUT'] must be a positive number of seconds, not {value!r}"
        )
    return seconds


def check_url(alias: str, url: DatabaseURL) -> None:
    """Check that a URL can be served, as far as that can be told without connecting.

    Raises:
        DatabaseBackendNotFoundError: If no driver serves its scheme.
        DatabaseConfigurationError: If it has no database name, or a parameter that its driver does not know.
    """
    known = PARAMETERS.get(url.vendor)
    if known is None:
        raise DatabaseBackendNotFoundError(
            f"database {alias!r}: no driver for {url.scheme!r}; supported: sqlite, postgresql, mysql, mariadb"
        )
    if not url.database:
        raise DatabaseConfigurationError(
            f"database {alias!r}: the URL {url.redacted()!r} names no database"
        )
    unknown = sorted(set(url.query) - known)
    if unknown:
        raise DatabaseConfigurationError(
            f"database {alias!r}: unknown URL parameters {', '.join(map(repr, unknown))}; "
            f"{url.vendor} knows {', '.join(sorted(known))}"
        )
