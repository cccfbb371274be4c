"""The pages about the web are true: their examples are put together and tried."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from openviper import OpenViper
from openviper.db.models import model_registry
from openviper.testing import override_openviper_settings as override
from tests.integration.docs.pages import DOCS, page

PAGES = (
    "routing",
    "typed-handlers",
    "validation",
    "requests",
    "responses",
    "streaming",
    "middleware",
    "templates",
    "errors",
    "internationalisation",
    "security-headers",
    "forms",
    "api",
    "cache",
    "content-negotiation",
)


USED: dict[str, Any] = {
    "asyncio": asyncio,
    "dataclass": dataclass,
    "datetime": datetime,
    "timedelta": timedelta,
    "UTC": UTC,
    "Decimal": Decimal,
    "pytest": pytest,
}
"""What the examples use and readers know."""


def blocks(text: str) -> list[tuple[str, str, str]]:
    """Return language, title and content of the titled blocks of a page."""
    return re.findall(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)


async def run(source: str, names: dict[str, Any]) -> None:
    """Run statements that may ``await``."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    # As in a file of its own, without what this module imports from the future.
    code = compile(textwrap.dedent(source), "<page>", "exec", flags, dont_inherit=True)
    result = eval(code, names)
    if result is not None:
        await result


@contextmanager
def a_module(name: str) -> Iterator[dict[str, Any]]:
    """Give the names of a module that can be imported; its models are forgotten afterwards."""
    module = sys.modules[name] = ModuleType(name)
    before = model_registry.all()
    try:
        yield module.__dict__
    finally:
        for model in [model for model in model_registry.all() if model not in before]:
            model_registry.unregister(model)
        del sys.modules[name]


@pytest.mark.parametrize("name", PAGES)
async def test_every_example_does_what_the_page_says(name: str, tmp_path: Path) -> None:
    tried = 0
    with override(TEMPLATES_DIR=str(tmp_path)), a_module(f"docs_{name.replace('-', '_')}") as names:
        names |= {**USED, "directory": tmp_path, "settings": override}
        for language, title, source in blocks(page(f"how-to/{name}.md")):
            if language == "html":
                (tmp_path / title).write_text(source, "utf-8")
            elif title == "try":
                if "app" in names:
                    names["client"] = names["app"].test_client(base_url="https://testserver")
                await run(source, names)
                tried += 1
            elif title != "settings.py":
                await run(source, names)
    assert tried


@pytest.mark.parametrize("name", ["middleware", "internationalisation"])
async def test_the_order_of_the_middleware_can_be_built(name: str, tmp_path: Path) -> None:
    (source,) = (
        source for _, title, source in blocks(page(f"how-to/{name}.md")) if title == "settings.py"
    )
    given: dict[str, Any] = {}
    exec(source, given)
    values = {key: value for key, value in given.items() if key.isupper()}
    url = f"sqlite:///{tmp_path}/db.sqlite3"
    with override(
        **values, RATE_LIMIT_REQUESTS=100, DATABASES={"default": {"OPTIONS": {"URL": url}}}
    ):
        assert (await OpenViper(debug=False).test_client().get("/")).status_code == 404


def test_every_page_is_linked() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    for name in PAGES:
        assert f"(how-to/{name}.md)" in index
