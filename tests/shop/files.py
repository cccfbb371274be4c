"""Databases in files with the tables of the shop, made once and copied for each test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import close_db, connections
from openviper.db.connections.databases import Database
from openviper.db.schemas.create import create_tables
from tests.shop.models import Node, Part, Shelf, Tag, Thing

MODELS: list[type[Any]] = [Tag, Node, Shelf, Thing, Part]


@pytest.fixture(scope="session")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the shop without rows."""
    path = tmp_path_factory.mktemp("shop") / "made.db"

    async def make() -> None:
        connections.configure({"default": {"URL": f"sqlite:///{path}"}})
        try:
            await create_tables(MODELS)
        finally:
            await close_db()
            connections.reset()

    asyncio.run(make())
    return path


@pytest.fixture
async def shop(shop_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """The database ``default``, and a copy of it called ``other``."""
    urls = {}
    for alias in ("default", "other"):
        shutil.copy(shop_file, tmp_path / f"{alias}.db")
        urls[alias] = {"URL": f"sqlite:///{tmp_path / alias}.db"}
    urls["link"] = {"URL": f"sqlite:///{tmp_path / 'link.db'}"}
    (tmp_path / "link.db").symlink_to(tmp_path / "default.db")
    connections.configure(urls)
    try:
        yield connections.get("default")
    finally:
        await close_db()
        connections.reset()
