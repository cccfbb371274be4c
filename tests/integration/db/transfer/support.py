"""Databases with the tables of the shop, and the rows of one of them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openviper.db.connection import close_db, connections
from openviper.db.connections.databases import Connection
from openviper.db.schemas.create import create_tables
from openviper.db.transfer.copying import CopiedTable, Copy, copy_data
from openviper.db.transfer.tables import transfer_tables
from openviper.db.transfer.target import target_transaction
from openviper.testing.settings import override_openviper_settings
from tests.projects import KEY
from tests.servers import empty
from tests.shop import models
from tests.shop.rows import fill

SHOP: list[type[Any]] = [
    models.Tag,
    models.Node,
    models.Shelf,
    models.Thing,
    models.Part,
    models.Code,
]


class Shops:
    """A database ``default`` with the rows of the shop, a file ``back`` without any, and ``other``, of one vendor.

    The files are copies of ones made once. A database on a server keeps its tables from one test to the next, without
    rows, unless a test has said that it changes them.
    """

    def __init__(self, vendor: str, folder: Path, url: str) -> None:
        self.vendor = vendor
        self._folder = folder
        self._url = url
        self._is_as_made = False

    @asynccontextmanager
    async def open(self, *, filled: bool = True, altered: bool = False) -> AsyncIterator[None]:
        """Configure the databases for the time of the block.

        Args:
            filled: Whether ``default`` has rows.
            altered: Whether the test changes more than rows.
        """
        with override_openviper_settings(SECRET_KEY=KEY):
            await self._make_files()
            connections.configure(self._databases())
            for alias in connections.aliases:
                self._restore(alias, "filled" if filled and alias == "default" else "made")
            try:
                if self._url:
                    await self._make_tables()
                yield
            finally:
                self._is_as_made = not altered
                await close_db()
                connections.reset()

    def path(self, alias: str) -> Path:
        """Return the path of a file."""
        return self._folder / f"{alias}.sqlite3"

    def _databases(self) -> dict[str, Any]:
        urls = {alias: f"sqlite:///{self.path(alias)}" for alias in ("default", "other", "back")}
        if self._url:
            urls["other"] = self._url
        return {alias: {"URL": url} for alias, url in urls.items()}

    async def _make_files(self) -> None:
        if self.path("filled").exists():
            return
        for name in ("made", "filled"):
            connections.configure({"default": {"URL": f"sqlite:///{self.path(name)}"}})
            await create_tables(SHOP)
            if name == "filled":
                await fill()
            await close_db()

    def _restore(self, alias: str, template: str) -> None:
        for leftover in self._folder.glob(f"{alias}.sqlite3*"):
            leftover.unlink()
        shutil.copy(self.path(template), self.path(alias))

    async def _make_tables(self) -> None:
        if self._is_as_made:
            async with target_transaction(
                connections.get("other"), transfer_tables(SHOP)
            ) as target:
                await target.clear()
            return
        empty(self.vendor, self._url)
        await create_tables(SHOP, using="other")


def quiet(_step: str, _table: str, _rows: int) -> None:
    """Observe nothing."""


async def copy(
    source: str, target: str, *chosen: type[Any], replace: bool = False
) -> list[CopiedTable]:
    """Copy the rows of the shop, or of some of its models."""
    tables = transfer_tables(chosen or SHOP)
    return await copy_data(
        Copy(source, target, tables, everything=not chosen, replace=replace), quiet
    )


@asynccontextmanager
async def connected(alias: str) -> AsyncIterator[Connection]:
    """Have a connection."""
    async with connections.get(alias).connection() as connection:
        yield connection


async def ask(alias: str, sql: str) -> Any:
    """Return the first value of a read."""
    async with connected(alias) as connection:
        row = await connection.fetch_one(sql)
    assert row is not None
    return row[0]


async def run(alias: str, *statements: str) -> None:
    """Run statements."""
    async with connected(alias) as connection:
        for statement in statements:
            await connection.execute(statement)
