"""Running the contract suite on every database.

A module that says ``EVERY_DATABASE = True`` runs once per database; what its tests get from `support.database` is on the
one at hand. SQLite is there twice: as it is, and as its version 3.31, the oldest that is served. All others run on SQLite.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from openviper.db.dialects import lookup, sqlite_ddl
from openviper.db.dialects.sqlite import SQLiteDialect
from openviper.db.models import model_registry
from tests.integration.db import support
from tests.servers import VENDORS, empty, fresh_database

OLD_SQLITE = "sqlite-3.31"
OLD_VERSION = (3, 31, 0)
NEWER = re.compile(
    r"\bRETURNING\b|\bDROP\s+COLUMN\b|\)\s*STRICT\b|->>|\bMATERIALIZED\b|\b(?:RIGHT|FULL)\s+(?:OUTER\s+)?JOIN\b|\bIIF\s*\(",
    re.IGNORECASE,
)
"""What came to SQLite after 3.31 (https://sqlite.org/changes.html)."""


@contextmanager
def old_sqlite() -> Iterator[None]:
    """Have the dialect take SQLite for its version 3.31, and demand that nothing newer is sent to it."""
    newer: list[str] = []
    connect = sqlite3.connect

    def note(sql: str) -> None:
        # What stands in quotes is a value or a name.
        if NEWER.search(re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", sql)):
            newer.append(sql)

    def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(note)
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLiteDialect.__init__, "__defaults__", (OLD_VERSION,))
        patch.setattr(sqlite_ddl, "sqlite_version_info", OLD_VERSION)
        patch.setattr(sqlite3, "connect", watched)
        _forget_dialect()
        try:
            dialect = lookup.dialect_for("sqlite")
            assert isinstance(dialect, SQLiteDialect) and dialect.version == OLD_VERSION
            yield
        finally:
            _forget_dialect()
    assert newer == [], "SQLite 3.31 does not know this"


def _forget_dialect() -> None:
    """Have the dialect made anew, and statements put together for it: models keep those of the version before."""
    lookup.dialect_for.cache_clear()
    for model in model_registry.all():
        model._meta.plans.clear()


ABOUT_DRIVERS = {
    "test_ended_transactions",
    "test_fields",
    "test_races_for_a_row",
    "test_saving",
    "test_transactions",
}
"""Modules whose tests say more about a driver than about the SQL that it sends."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the contract suite once per database."""
    if getattr(metafunc.module, "EVERY_DATABASE", False):
        names = [*VENDORS, OLD_SQLITE]
        marked = [_on_one_version(name, metafunc.module.__name__) for name in names]
        metafunc.parametrize("vendor", marked, indirect=True, scope="function")


def _on_one_version(name: str, module: str) -> Any:
    """Mark what a further version of Python tells nothing new about: SQL for servers and for an old SQLite.

    What their drivers, threads and loops do with values, transactions and connections is tried on every version.
    """
    is_about_sql = name != "sqlite" and module.rpartition(".")[2] not in ABOUT_DRIVERS
    marks = [pytest.mark.one_version] if name == OLD_SQLITE or is_about_sql else []
    return pytest.param(name, marks=marks)


@pytest.fixture(scope="session")
def server_urls() -> Iterator[dict[str, str]]:
    """Keep one database per server for all tests of the session."""
    urls: dict[str, str] = {}
    managers = []
    try:
        yield urls
    finally:
        managers.extend(support.managers)
        support.managers.clear()
        for manager in managers:
            manager.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def vendor(request: pytest.FixtureRequest, server_urls: dict[str, str]) -> Iterator[str]:
    """Return the kind of database of this test, which `support.database` then uses."""
    name: str = getattr(request, "param", "sqlite")
    if name == OLD_SQLITE:
        with old_sqlite():
            yield "sqlite"
        return
    if name != "sqlite":
        if name not in server_urls:
            manager = fresh_database(name)
            server_urls[name] = manager.__enter__()
            support.managers.append(manager)
        else:
            empty(name, server_urls[name])
    support.current.url, support.current.vendor = server_urls.get(name), name
    yield name
    support.current.url, support.current.vendor = None, "sqlite"
