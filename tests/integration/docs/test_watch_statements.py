"""The how-to about watching statements is true, on every database."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest

from openviper.db.connection import atomic, close_db, connections
from openviper.db.schemas import create_tables
from tests.integration.db.support import current
from tests.integration.db.watched_shop import Product
from tests.integration.docs.pages import check_examples, page

EVERY_DATABASE = True
TEXT = page("how-to/watch-statements.md")


@asynccontextmanager
async def documented(folder: Path) -> AsyncIterator[ModuleType]:
    """Configure the backend of the page for the database of the test."""
    (source,) = re.findall(
        r'^```python title="shop/watching.py"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL
    )
    (settings,) = re.findall(
        r'^```python title="settings.py"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL
    )
    module = ModuleType("shop.watching")
    exec(compile(source, "watching.py", "exec"), module.__dict__)
    names: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    exec(compile(settings, "settings.py", "exec"), names)
    options = names["DATABASES"]["default"]["OPTIONS"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "shop", ModuleType("shop"))
        patch.setitem(sys.modules, "shop.watching", module)
        connections.configure(
            {"default": {**options, "URL": current.url or f"sqlite:///{folder / 'a.db'}"}}
        )
        try:
            await create_tables([Product])
            module.sent.clear()
            yield module
        finally:
            await close_db()
            connections.reset()


async def test_every_example_answers_what_the_page_shows(tmp_path: Path) -> None:
    async with documented(tmp_path) as module:
        assert (
            await check_examples(TEXT, {**module.__dict__, "Product": Product, "atomic": atomic})
            == 4
        )
