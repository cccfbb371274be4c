"""Where the test database of an alias lies, and what may be a test database at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from openviper.db.connections.options import NOT_ALIASES
from openviper.db.connections.url import DatabaseURL
from openviper.testing.config import ISOLATIONS, OpenViperTestingConfigError

MEMORY = "sqlite:///:memory:"
PREFIX = "test_"
WORKER_VARIABLE = "PYTEST_XDIST_WORKER"
"""Names the process among those of `pytest -n`."""
PRODUCTION = frozenset({"prod", "production", "main", "live"})
"""What databases and hosts are called that nobody tests on."""
MAX_BYTES = 60
"""Longest name of a database; PostgreSQL takes 63 bytes and cuts off what is beyond them, MariaDB 64 characters."""


@dataclass(frozen=True)
class Target:
    """A test database that is to be made.

    Attributes:
        alias: The database in `DATABASES` that it stands in for.
        url: Its address, with the password.
        configured: The address of the configured one; `None` where there is none.
        shared_url: The address of the database that several processes make theirs from; `None` if this is the only one.
    """

    alias: str
    url: str
    configured: str | None = None
    shared_url: str | None = None

    @property
    def parsed(self) -> DatabaseURL:
        """The address in parts."""
        return DatabaseURL.parse(self.url)

    def numbered(self, number: int) -> Target:
        """Return the one to take when `number` - 1 others are in use by other runs."""
        if number == 1 or self.parsed.is_memory:
            return self
        return replace(self, url=with_suffix(self.url, f"_{number}"))


def targets(
    databases: Mapping[str, Any], *, database_url: str | None = None, in_memory: bool = False
) -> list[Target]:
    """Return the test databases of a project, one per alias.

    Args:
        databases: The setting `DATABASES`.
        database_url: The address for ``default``, in place of one made from the configured address.
        in_memory: Have all of them in memory.
    """
    urls = _configured(databases)
    found = []
    for alias, configured in urls.items():
        own = database_url if alias == "default" else None
        url = MEMORY if in_memory else own or resolve_test_database_url(configured)
        found.append(_for_this_process(Target(alias, url, configured)))
    return found


def _for_this_process(target: Target) -> Target:
    """Return the database that is this process's own among those of `pytest -n`."""
    worker = os.environ.get(WORKER_VARIABLE)
    if not worker or target.parsed.is_memory:
        return target
    url = with_suffix(target.url, f"_{worker}")
    return replace(target, url=url, shared_url=with_suffix(target.url, "_shared"))


def _configured(databases: Mapping[str, Any]) -> dict[str, str]:
    urls = {"default": MEMORY}
    for alias, config in databases.items():
        if alias not in NOT_ALIASES:
            url = {**config, **(config.get("OPTIONS") or {})}.get("URL")
            urls[alias] = url if isinstance(url, str) and url else MEMORY
    return urls


def resolve_test_database_url(url: str, isolation: str = "transaction") -> str:
    """Return the address of the test database that belongs to a configured one, on the same server.

    Its name begins with ``test_``; a database in memory stands for itself.

    Args:
        url: The configured address.
        isolation: What keeps tests apart; with ``in_memory`` it is a database in memory whatever is configured.

    Raises:
        OpenViperTestingConfigError: If there is no such isolation.
    """
    if isolation not in ISOLATIONS:
        raise OpenViperTestingConfigError(
            f"isolation must be one of {', '.join(ISOLATIONS)}, not {isolation!r}"
        )
    if isolation == "in_memory":
        return MEMORY
    parsed = DatabaseURL.parse(url)
    return url if parsed.is_memory else _renamed(url, parsed, _prefixed)


def with_suffix(url: str, suffix: str) -> str:
    """Return the address of a database of the same name with a suffix; that of a file stands before its extension."""
    parsed = DatabaseURL.parse(url)
    return _renamed(url, parsed, lambda name: _suffixed(name, suffix, parsed.vendor == "sqlite"))


def with_name(url: str, name: str) -> str:
    """Return the address of another database of the same server."""
    return _renamed(url, DatabaseURL.parse(url), lambda _name: name)


def _suffixed(name: str, suffix: str, is_file: bool) -> str:
    stem, dot, extension = name.rpartition(".") if is_file else ("", "", "")
    return f"{stem}{suffix}{dot}{extension}" if stem else f"{name}{suffix}"


def _prefixed(name: str) -> str:
    return name if name.startswith(PREFIX) else f"{PREFIX}{name}"


def _renamed(url: str, parsed: DatabaseURL, rename: Callable[[str], str]) -> str:
    scheme, _, rest = url.partition("://")
    if parsed.vendor == "sqlite":
        folder, slash, name = parsed.database.rpartition("/")
        _, mark, query = rest.partition("?")
        return f"{scheme}:///{quote(f'{folder}{slash}{rename(name)}')}{mark}{query}"
    parts = urlsplit(f"//{rest}")
    name = _short(rename(parsed.database))
    return f"{scheme}:{parts._replace(path='/' + quote(name, safe='')).geturl()}"


def _short(name: str) -> str:
    """Return a name that a server does not cut off, so that two long ones stay two."""
    encoded = name.encode()
    if len(encoded) <= MAX_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    return f"{encoded[: MAX_BYTES - 9].decode(errors='ignore')}_{digest}"


# Safety


def assert_safe_database_url(url: str, hosts: Collection[str] = ()) -> None:
    """Check that a database may be made, emptied and dropped by tests.

    Args:
        url: Its address.
        hosts: Servers that tests may use besides those on this machine.

    Raises:
        OpenViperTestingConfigError: If the address is empty; if its database or host is called as production is; if the
            server is not on this machine and not in `hosts`; or if the name of a server's database does not say that it
            is for tests.
    """
    if not url:
        raise OpenViperTestingConfigError("the address of the test database is empty")
    parsed = DatabaseURL.parse(url)
    if parsed.vendor != "sqlite":  # What is in a file decides; see `SQLiteServer`.
        _check_host(parsed, hosts)
        _check_name(parsed)


def _check_name(parsed: DatabaseURL) -> None:
    name = parsed.database.lower()
    if name in PRODUCTION or "test" not in name:
        raise OpenViperTestingConfigError(
            f"{parsed.redacted()!r} is not used for tests: its name does not say that it is for tests"
        )


def _check_host(parsed: DatabaseURL, hosts: Collection[str]) -> None:
    if (parsed.host or "").lower().partition(".")[0] in PRODUCTION:
        raise OpenViperTestingConfigError(
            f"{parsed.redacted()!r} is not used for tests: the host {parsed.host!r} looks like production"
        )
    _check_allowed(parsed, hosts)


def _check_allowed(parsed: DatabaseURL, hosts: Collection[str]) -> None:
    if not _may_be_used(parsed, hosts):
        raise OpenViperTestingConfigError(
            f"{parsed.redacted()!r} is not used for tests: the host {parsed.host!r} is not this machine; if it is there "
            "for tests, name it in database_hosts in [tool.openviper.testing]"
        )


def _may_be_used(parsed: DatabaseURL, hosts: Collection[str]) -> bool:
    return parsed.is_local or (parsed.host or "").lower() in {name.lower() for name in hosts}


def check_target(target: Target, hosts: Collection[str]) -> None:
    """Check that a test database may be made; see `assert_safe_database_url`.

    Raises:
        OpenViperTestingConfigError: If not, if it is the configured database itself, or if that one is called as
            production is.
    """
    assert_safe_database_url(target.url, hosts)
    if target.configured is not None and not target.parsed.is_memory:
        configured = DatabaseURL.parse(target.configured)
        _check_different(target, configured)
        _check_neighbour(target.parsed, configured)


def _check_different(target: Target, configured: DatabaseURL) -> None:
    if target.parsed == configured and not _is_test_name(configured):
        raise OpenViperTestingConfigError(
            f"tests do not run on {configured.redacted()!r}, the configured database of {target.alias!r}"
        )


def _check_neighbour(parsed: DatabaseURL, configured: DatabaseURL) -> None:
    is_server = configured.vendor != "sqlite"
    is_beside = (configured.vendor, configured.host) == (parsed.vendor, parsed.host)
    if is_server and is_beside and configured.database.lower() in PRODUCTION:
        raise OpenViperTestingConfigError(
            f"tests do not run beside {configured.redacted()!r}: a database called {configured.database!r} looks like "
            "production; set database_url in [tool.openviper.testing]"
        )


def _is_test_name(url: DatabaseURL) -> bool:
    return url.database.rpartition("/")[2].startswith(PREFIX)
