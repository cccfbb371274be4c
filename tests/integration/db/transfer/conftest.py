"""The databases of these tests, made once for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.db.transfer.support import Shops
from tests.servers import VENDORS, fresh_database


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Shops]]:
    """The databases of each vendor that has been asked for."""
    managers = {vendor: fresh_database(vendor) for vendor in VENDORS if vendor != "sqlite"}
    opened = {}
    folder = tmp_path_factory.mktemp("shops")
    made: dict[str, Shops] = {}
    for vendor in VENDORS:
        url = ""
        if vendor in managers:
            url = opened[vendor] = managers[vendor].__enter__()
        (folder / vendor).mkdir()
        made[vendor] = Shops(vendor, folder / vendor, url)
    yield made
    for vendor in opened:
        managers[vendor].__exit__(None, None, None)


@pytest.fixture(params=VENDORS)
def shops(request: pytest.FixtureRequest, templates: dict[str, Shops]) -> Shops:
    """Databases called ``default`` and ``back`` in files, and ``other`` of each vendor."""
    return templates[request.param]


@pytest.fixture
def files(templates: dict[str, Shops]) -> Shops:
    """The same with ``other`` in a file, for what does not depend on the vendor."""
    return templates["sqlite"]
