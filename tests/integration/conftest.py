"""Running the contract suite on every database.

A module that says ``EVERY_DATABASE = True`` runs once per database; what its tests get from `support.database` is on the
one at hand. All others run on SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.db import support
from tests.servers import VENDORS, empty, fresh_database


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the contract suite once per database."""
    if getattr(metafunc.module, "EVERY_DATABASE", False):
        metafunc.parametrize("vendor", VENDORS, indirect=True, scope="function")


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
