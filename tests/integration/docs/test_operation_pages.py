"""The pages about running a project: units, settings and programs in them are real."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper
from openviper.conf.base import Settings
from openviper.db.connections.databases import connections
from openviper.documentation.pages import CodeBlock, read_pages
from openviper.testing import override_openviper_settings as override
from openviper.utils.importing import import_string

PAGES = read_pages()
BLOCKS = [(page.path, block) for page in PAGES.values() for block in page.blocks]
UNITS = [(path, block) for path, block in BLOCKS if block.title.endswith(".service")]


def named(path: str, title: str) -> CodeBlock:
    (found,) = [block for block in PAGES[path].blocks if block.title == title]
    return found


def test_there_are_units() -> None:
    assert len(UNITS) >= 3


@pytest.mark.parametrize(("path", "block"), UNITS, ids=lambda item: getattr(item, "title", item))
def test_a_unit_can_be_read_and_starts_one_of_our_commands(path: str, block: CodeBlock) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # Keys keep their capitals.
    unit.read_string(block.text)
    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    service = unit["Service"]
    assert re.search(r"viperctl\.py (start-server|start-worker)\b", service["ExecStart"])
    assert service["User"] != "root"
    limit = int(service.get("TimeoutStopSec", "90"))
    assert limit > (30 if "start-worker" in service["ExecStart"] else 10)


def test_apache_may_serve_the_directories_that_the_pages_give_it() -> None:
    sites = [block.text for _, block in BLOCKS if block.language == "apache"]
    assert sites
    for site in sites:
        granted = re.findall(r"<Directory (\S+)>\s+Require all granted\s+</Directory>", site)
        assert granted == re.findall(r"^ *Alias \S+ (\S+)$", site, re.MULTILINE)


def test_every_variable_of_the_environment_is_a_setting() -> None:
    known = set(Settings.__dataclass_fields__) | {"ENV", "SETTINGS_MODULE"}
    for path, block in BLOCKS:
        for name in re.findall(r"\bOPENVIPER_([A-Z_]+)=", block.text):
            assert name in known, f"{path}: OPENVIPER_{name}"


def test_every_middleware_that_a_page_names_can_be_imported() -> None:
    for _, block in BLOCKS:
        for name in re.findall(r'"(openviper\.[\w.]*Middleware)"', block.text):
            import_string(name)


def test_the_settings_of_the_pages_are_settings() -> None:
    for path in ("how-to/production.md", "how-to/observe.md", "how-to/deploy.md"):
        for block in PAGES[path].blocks:
            if block.title.startswith("settings"):
                values: dict[str, Any] = {}
                exec(block.text, values)
                given = {name: value for name, value in values.items() if name.isupper()}
                with override(**given):
                    pass


@pytest.mark.parametrize("path", ["how-to/production.md", "how-to/deploy.md", "how-to/observe.md"])
def test_every_setting_that_the_text_names_is_one(path: str) -> None:
    known = set(Settings.__dataclass_fields__)
    others = {"POOL_SIZE", "SLOW_QUERY", "OPTIONS", "INFO", "ERROR", "ENV"}
    words = re.findall(r"`([A-Z][A-Z_]+[A-Z])\b", PAGES[path].prose)
    assert words
    names = {word.removeprefix("OPENVIPER_") for word in words}
    assert sorted(names - known - others) == []


async def test_the_routes_for_a_load_balancer(tmp_path: Path) -> None:
    names: dict[str, Any] = {"__name__": "shop.health"}
    exec(compile(named("how-to/observe.md", "shop/health.py").text, "health.py", "exec"), names)
    app = OpenViper()
    app.include_router(names["router"])
    client = app.test_client(base_url="https://testserver")
    connections.configure({"default": {"URL": f"sqlite:///{tmp_path}/db.sqlite3"}})
    try:
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        await connections.disconnect_all()
        missing = {"URL": f"sqlite:///{tmp_path}/gone/db.sqlite3"}
        connections.configure({"default": missing})
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "no database"})
        assert (await client.get("/healthz")).status_code == 200
    finally:
        await connections.disconnect_all()
        connections.reset()
