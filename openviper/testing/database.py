"""A database for one test: in memory, with the tables of the project's models."""

from __future__ import annotations

import importlib
from typing import Any

from openviper.conf import settings
from openviper.db.connection import close_db, connections
from openviper.db.connections.options import NOT_ALIASES
from openviper.db.schemas.create import create_tables
from openviper.utils.importing import is_missing

MEMORY = "sqlite:///:memory:"


class TestDatabase:
    """Stands in for every configured database, so that a test never touches the project's own.

    Each alias gets an SQLite database in memory of its own. Nothing that a test writes outlives it.
    """

    __test__ = False  # Not a test class, whatever its name says to pytest.
    url = MEMORY
    """The address of the databases."""

    async def setup(self) -> None:
        """Put empty databases in place of the configured ones and create the tables of the installed apps' models."""
        await close_db()
        aliases = {"default", *settings.DATABASES} - set(NOT_ALIASES)
        options: dict[str, Any] = {
            name: value for name, value in settings.DATABASES.items() if name in NOT_ALIASES
        }
        connections.configure(
            options | {alias: {"OPTIONS": {"URL": MEMORY}} for alias in sorted(aliases)}
        )
        import_models(settings.INSTALLED_APPS)
        for alias in connections.aliases:
            await create_tables(using=alias)

    async def reset(self) -> None:
        """Throw everything away and begin with empty tables."""
        await self.setup()

    async def teardown(self) -> None:
        """Throw the databases away; the configured ones are back in place."""
        await close_db()
        connections.reset()


def import_models(apps: tuple[str, ...]) -> None:
    """Import the `models` modules of apps; one that does not exist is no error, one that cannot be imported is."""
    for app in apps:
        name = f"{app}.models"
        try:
            importlib.import_module(name)
        except ImportError as error:
            if not is_missing(error, name):
                raise
