"""How PyMySQL connects: address, TLS, what sends a password, and how long a statement may take."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openviper.db.connections.url import DatabaseURL
from openviper.db.exceptions import OperationalError

if TYPE_CHECKING:
    import ssl

CONNECT_TIMEOUT = 10
"""Seconds to wait for the server when the URL does not say."""
CLEAR_PASSWORD = 2059
"""CR_AUTH_PLUGIN_CANNOT_LOAD of the protocol."""


def import_driver() -> Any:
    """Return the pymysql package.

    Raises:
        ModuleNotFoundError: If it is not installed.
    """
    try:
        import pymysql
    except ImportError as error:
        raise ModuleNotFoundError(
            f"MariaDB and MySQL need the package PyMySQL: pip install 'openviper[mariadb]' ({error})"
        ) from error
    return pymysql


def connect_arguments(url: DatabaseURL) -> dict[str, Any]:
    """Return PyMySQL's arguments for a URL.

    Raises:
        OperationalError: If a file of its TLS parameters cannot be used.
    """
    query = url.query
    wants_tls = "ssl_ca" in query or query.get("tls") == "on"
    return {
        "host": url.host or "localhost",
        "port": url.port or 3306,
        "user": url.username,
        "password": url.password or "",
        "database": url.database,
        "unix_socket": query.get("unix_socket"),
        "charset": query.get("charset", "utf8mb4"),
        "connect_timeout": int(query.get("connect_timeout", CONNECT_TIMEOUT)),
        "ssl": _tls_context(url) if wants_tls else None,
        "ssl_disabled": query.get("tls") == "off",
        "auth_plugin_map": plugins_in_clear(),
    }


def _tls_context(url: DatabaseURL) -> ssl.SSLContext:
    """Return what verifies the server: with the authority that the URL names, or those that the system trusts."""
    files = [url.query.get(name) for name in ("ssl_ca", "ssl_cert", "ssl_key")]
    try:
        changed = [file and Path(file).stat().st_mtime_ns for file in files]
        return _loaded_context(*files, tuple(changed))
    except OSError as error:
        raise OperationalError(
            f"cannot connect to {url.redacted()}: the files of ssl_ca, ssl_cert and ssl_key cannot be used: {error}"
        ) from error


@lru_cache
def _loaded_context(
    authority: str | None, certificate: str | None, key: str | None, _changed: tuple[object, ...]
) -> ssl.SSLContext:
    """Return a context, read anew when a file has changed: to read what the system trusts takes 35 ms."""
    import ssl  # Late: connections without TLS need none of it.

    context = ssl.create_default_context(cafile=authority)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


class _InClear:
    """Stands for an authentication plugin that sends the password as it is, which happens over TLS only.

    Args:
        connection: The connection that the server asked on.

    Raises:
        pymysql.err.OperationalError: If it has no TLS; whoever stands in for the server would be told the password.
    """

    def __init__(self, connection: Any) -> None:
        if not connection._secure:
            from pymysql.err import OperationalError as Refused

            raise Refused(
                CLEAR_PASSWORD,
                "the server asks for the password in clear (mysql_clear_password or dialog) on a connection without TLS; "
                "give ?ssl_ca=FILE or ?tls=on",
            )
        self._connection = connection


class _ClearPassword(_InClear):
    def authenticate(self, _packet: Any) -> Any:
        """Send the password, and return the server's answer."""
        self._connection.write_packet(self._connection.password + b"\0")
        answer = self._connection._read_packet()
        answer.check_error()
        return answer


class _Dialog(_InClear):
    """PyMySQL itself answers the question for the password."""


def plugins_in_clear() -> dict[str, type[_InClear]]:
    """Return the plugins that send a password as it is, by name, each with what refuses to do so without TLS."""
    return {"mysql_clear_password": _ClearPassword, "dialog": _Dialog}


def time_limit(seconds: float, *, is_mariadb: bool) -> str:
    """Return the setting of a session that ends statements which take longer."""
    if is_mariadb:
        return f"max_statement_time = {seconds:g}"
    # MySQL limits reads only, and counts milliseconds.
    return f"max_execution_time = {max(1, round(seconds * 1000))}"
