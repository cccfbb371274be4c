"""Reading `DATABASES` once into one record per database: every option known, checked, with its default and range."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

from openviper.conf.lazy import settings
from openviper.db.connections.url import DatabaseURL
from openviper.db.exceptions import DatabaseBackendNotFoundError, DatabaseConfigurationError
from openviper.utils.records import record

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
    "mysql": frozenset({"charset", "connect_timeout", "ssl_ca", "ssl_cert", "ssl_key", "tls", "unix_socket"}),
}  # fmt: skip
"""The URL parameters that each vendor's driver understands."""


@record(frozen=True, slots=True, eq=False)
class DatabaseOptions:
    """The options of one database.

    Attributes:
        alias: Its name in `DATABASES`.
        url: Where it is.
        echo: Whether the text of each statement is logged.
        slow_query: Statements that take longer are logged, in seconds; `None` for none.
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

    alias: str
    url: DatabaseURL
    echo: bool = False
    slow_query: float | None = None
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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatabaseOptions) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self.alias, self.url))

    def _values(self) -> list[object]:
        return [getattr(self, name) for name in self.__match_args__]


# What each option may be. A reader takes where the value stands and the value, and returns what it means.

Reader = Callable[[str, Any], Any]


def _flag(where: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise DatabaseConfigurationError(f"{where} must be True or False, not {value!r}")


def _within(least: int, most: int) -> Reader:
    def read(where: str, value: Any) -> int:
        return validate_pool_config(value, where, least, most, least)

    return read


def validate_pool_config(value: Any, name: str, min_val: int, max_val: int, default: int) -> int:
    """Return a pool option within its range; a value outside is moved to the border with a warning.

    Raises:
        ValueError: If it is not a whole number.
    """
    if value is None:
        return default
    number = _whole(name, value)
    clamped = min(max(number, min_val), max_val)
    if clamped != number:
        logger.warning("%s=%d is outside %d..%d; using %d", name, number, min_val, max_val, clamped)
    return clamped


def _whole(name: str, value: Any) -> int:
    """Return a whole number, also one that is written as text; a fraction and a switch are none."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    is_other = isinstance(value, bool) or (isinstance(value, float) and value != number)
    if number is None or is_other:
        raise DatabaseConfigurationError(f"{name} must be a whole number, not {value!r}")
    return number


def _seconds(where: str, value: Any) -> float:
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    raise DatabaseConfigurationError(f"{where} must be a number of seconds, not {value!r}")


def _limit(where: str, value: Any) -> float:
    seconds = _seconds(where, value)
    if seconds > 0:
        return seconds
    raise DatabaseConfigurationError(f"{where} must be a positive number of seconds, not {value!r}")


def _one_of(*known: str) -> Reader:
    def read(where: str, value: Any) -> str:
        if value in known:
            return str(value)
        raise DatabaseConfigurationError(
            f"{where} must be one of {', '.join(known)}, not {value!r}"
        )

    return read


def _journal_mode(where: str, value: Any) -> str:
    return str(_one_of(*JOURNAL_MODES)(where, str(value).upper()))


def _backend(where: str, value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise DatabaseConfigurationError(
        f"{where} must be a registered name or a dotted path, not {value!r}"
    )


_READERS: dict[str, tuple[str, Reader]] = {
    "ECHO": ("echo", _flag),
    "SLOW_QUERY": ("slow_query", _seconds),
    "POOL_SIZE": ("pool_size", _within(1, 100)),
    "MAX_OVERFLOW": ("max_overflow", _within(0, 200)),
    "POOL_TIMEOUT": ("pool_timeout", _within(1, 300)),
    "POOL_RECYCLE": ("pool_recycle", _within(60, 86400)),
    "PREPARED_STMT_CACHE": ("prepared_statements", _within(0, 2048)),
    "STATEMENT_TIMEOUT": ("statement_timeout", _limit),
    "BUSY_TIMEOUT": ("busy_timeout", _seconds),
    "JOURNAL_MODE": ("journal_mode", _journal_mode),
    "READ_ONLY": ("read_only", _flag),
    "INLINE": ("inline", _flag),
    "ROLE": ("role", _one_of("primary", "replica")),
    "BACKEND": ("backend", _backend),
}
"""The options by key: the attribute of `DatabaseOptions`, and what reads the value."""
KEYS = frozenset({"URL", *_READERS})


def _defaults() -> dict[str, Any]:
    """Return the options whose default is a setting of its own, ``DATABASE_<option>``."""
    defaults: dict[str, Any] = {
        "ECHO": settings.DATABASE_ECHO,
        "POOL_SIZE": settings.DATABASE_POOL_SIZE,
        "MAX_OVERFLOW": settings.DATABASE_MAX_OVERFLOW,
        "POOL_RECYCLE": settings.DATABASE_POOL_RECYCLE,
    }
    if settings.DATABASE_SLOW_QUERY is not None:
        defaults["SLOW_QUERY"] = settings.DATABASE_SLOW_QUERY
    return defaults


def read_databases(databases: Mapping[str, Any]) -> dict[str, DatabaseOptions]:
    """Return the options per alias of a mapping of the form of `DATABASES`.

    Raises:
        TypeError: If the value of an alias is not a mapping.
        DatabaseConfigurationError: If there is no such option, or one has a value that cannot work.
    """
    return {
        alias: _read(alias, config)
        for alias, config in databases.items()
        if alias not in NOT_ALIASES
    }


def _read(alias: str, config: Any) -> DatabaseOptions:
    given = _given(alias, config)
    url = given.pop("URL", None)
    if not isinstance(url, str) or not url:
        raise DatabaseConfigurationError(
            f"DATABASES[{alias!r}]['OPTIONS']['URL'] is empty; set it, for example to 'sqlite:///db.sqlite3'"
        )
    values = {f"DATABASES[{alias!r}][{key!r}]": (key, value) for key, value in given.items()}
    for key, value in _defaults().items():
        if key not in given:
            values[f"DATABASE_{key}"] = (key, value)
    read: dict[str, Any] = {}
    for where, (key, value) in values.items():
        name, reader = _READERS[key]
        read[name] = reader(where, value)
    address = DatabaseURL.parse(url)
    if address.vendor == "sqlite" and "timeout" in address.query:
        read.setdefault("busy_timeout", _seconds("URL parameter timeout", address.query["timeout"]))
    return DatabaseOptions(alias=alias, url=address, **read)


def _given(alias: str, config: Any) -> dict[str, Any]:
    """Return the options that an alias states, those of `OPTIONS` first; `None` states nothing."""
    if not isinstance(config, Mapping):
        raise TypeError(f"DATABASES[{alias!r}] must be a mapping, not {type(config).__name__}")
    inner = config.get("OPTIONS") or {}
    if not isinstance(inner, Mapping):
        raise TypeError(
            f"DATABASES[{alias!r}]['OPTIONS'] must be a mapping, not {type(inner).__name__}"
        )
    _check_keys(f"DATABASES[{alias!r}]", config, KEYS | {"OPTIONS"})
    _check_keys(f"DATABASES[{alias!r}]['OPTIONS']", inner, KEYS)
    stated = {key: value for key, value in {**config, **inner}.items() if key != "OPTIONS"}
    return {key: value for key, value in stated.items() if value is not None}


def _check_keys(where: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    if given.keys() <= known:
        return
    # Late: what looks for the nearest name, and the settings around it, take 40 ms that only an error is worth.
    from openviper.conf.sections import unknown_key_errors

    raise DatabaseConfigurationError("; ".join(unknown_key_errors(where, given, known)))


def check_url(alias: str, url: DatabaseURL) -> None:
    """Check that a URL can be served, as far as that can be told without connecting.

    Raises:
        DatabaseBackendNotFoundError: If no driver serves its scheme.
        DatabaseConfigurationError: If it has no database name, a parameter that its driver does not know or cannot use, or
            its password would cross a network unencrypted.
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
    _check_values(alias, url)
    if url.vendor == "mysql" and not _may_send_password(url):
        raise DatabaseConfigurationError(
            f"database {alias!r}: the password would cross the network to {url.host!r} unencrypted; "
            "give ?ssl_ca=FILE, or ?tls=on for a certificate of a well-known authority, or ?tls=off where the network is "
            "trusted"
        )


_VALUES: dict[tuple[str, str], tuple[str, ...]] = {
    ("mysql", "tls"): ("on", "off"),
    ("sqlite", "mode"): ("ro", "rw", "rwc", "memory"),
    ("sqlite", "cache"): ("private", "shared"),
}
_NUMBERS = ("connect_timeout", "timeout")


def _check_values(alias: str, url: DatabaseURL) -> None:
    for name, value in url.query.items():
        known = _VALUES.get((url.vendor, name))
        if known is not None and value not in known:
            raise DatabaseConfigurationError(
                f"database {alias!r}: URL parameter {name}={value!r} must be one of {', '.join(known)}"
            )
        if name in _NUMBERS and not value.isdecimal():
            raise DatabaseConfigurationError(
                f"database {alias!r}: URL parameter {name}={value!r} must be a whole number of seconds"
            )


def _may_send_password(url: DatabaseURL) -> bool:
    """Return whether nobody on the way can read the password, or whoever wrote the URL has said that none is there."""
    if not url.password or url.is_local:
        return True
    return "tls" in url.query or "ssl_ca" in url.query
