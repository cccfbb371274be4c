"""Database URLs: parsed once, shown without their password."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from openviper.db.exceptions import DatabaseConfigurationError
from openviper.utils.records import record

VENDORS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306}


def _decoded(text: str | None) -> str | None:
    return None if text is None else unquote(text)


def _split(rest: str, scheme: str) -> SplitResult:
    try:
        return urlsplit(f"//{rest}")
    except ValueError:
        # Without its cause, whose text may hold the password.
        raise DatabaseConfigurationError(f"the host in the {scheme} URL is not one") from None


def _port(parts: SplitResult, scheme: str) -> int | None:
    try:
        return parts.port or DEFAULT_PORTS.get(VENDORS.get(scheme, ""))
    except ValueError:
        raise DatabaseConfigurationError(
            f"the port in the {scheme} URL is not a number up to 65535"
        ) from None


@record(frozen=True, slots=True, eq=False)
class DatabaseURL:
    """A parsed database URL.

    Attributes:
        scheme: The scheme in lower case, without a ``+driver`` suffix.
        database: The database name, or for SQLite the file path as written; ``:memory:`` for a memory database.
        username: Percent-decoded, `None` when absent; likewise `password`.
        port: `None` when absent and the vendor has no default.
        query: Parameters after ``?``, the last value of each.
    """

    scheme: str
    database: str
    username: str | None = None
    password: str | None = None
    host: str | None = None
    port: int | None = None
    query: Mapping[str, str] = MappingProxyType({})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatabaseURL) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self.scheme, self.host, self.port, self.database))

    def __repr__(self) -> str:
        # Neither the password nor the parameters, which may hold one.
        shown = ("scheme", "database", "username", "host", "port")
        return f"DatabaseURL({', '.join([f'{name}={getattr(self, name)!r}' for name in shown])})"

    def _values(self) -> list[object]:
        return [getattr(self, name) for name in self.__match_args__]

    @classmethod
    def parse(cls, url: str) -> DatabaseURL:
        """Parse a URL such as ``sqlite:///db.sqlite3`` or ``postgresql://user:secret@host/name``.

        Raises:
            DatabaseConfigurationError: If the URL is empty, has no scheme or an impossible host or port. The message
                never shows a password.
        """
        scheme, separator, rest = url.partition("://")
        if not separator or not scheme:
            raise DatabaseConfigurationError(
                "a database URL must look like 'sqlite:///db.sqlite3' or 'postgresql://user@host/name'"
            )
        scheme = scheme.partition("+")[0].lower()
        if scheme == "sqlite":
            path, _, query = rest.partition("?")
            name = unquote(path.removeprefix("/")) or ":memory:"
            return cls(scheme, name, query=dict(parse_qsl(query, keep_blank_values=True)))
        # urlsplit knows the authority part only; the scheme is ours.
        parts = _split(rest, scheme)
        return cls(
            scheme=scheme,
            database=unquote(parts.path.removeprefix("/")),
            username=_decoded(parts.username),
            password=_decoded(parts.password),
            host=parts.hostname,
            port=_port(parts, scheme),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        )

    @property
    def vendor(self) -> str:
        """``sqlite``, ``postgresql``, ``mysql``, or the scheme itself for a database the ORM does not know."""
        return VENDORS.get(self.scheme, self.scheme)

    @property
    def is_memory(self) -> bool:
        """Whether this is an SQLite database in memory."""
        return self.scheme == "sqlite" and (
            self.database == ":memory:" or self.query.get("mode") == "memory"
        )

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine: on a socket file, or on the loopback interface."""
        host = self.host
        if "unix_socket" in self.query or host is None or host == "localhost":
            return True
        from ipaddress import ip_address  # Late: SQLite, the default, never needs it.

        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host.startswith("/")

    @property
    def path(self) -> Path:
        """The absolute path of an SQLite file; a relative one is below the working directory."""
        return Path(self.database).absolute()

    def redacted(self) -> str:
        """Return the URL for people: with ``***`` in place of the password and without parameters."""
        if self.scheme == "sqlite":
            return f"sqlite:///{self.database}"
        user = "" if self.username is None else self.username
        secret = "" if self.password is None else ":***"
        at = "@" if user or secret else ""
        port = "" if self.port is None else f":{self.port}"
        host = self.host or ""
        host = f"[{host}]" if ":" in host else host  # RFC 3986, 3.2.2
        return f"{self.scheme}://{user}{secret}{at}{host}{port}/{self.database}"

    def __str__(self) -> str:
        return self.redacted()
