"""`check` on the databases: can they be used, and are they at the state of the schema files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from openviper.core.management.checks.databases import MOST_NAMED, check_databases
from openviper.core.management.checks.findings import Finding
from openviper.db.connection import connections
from openviper.db.patches import reset_registry
from openviper.db.schemas.sync import SchemaSync
from openviper.testing import override_openviper_settings
from tests.projects import write
from tests.unit.db.schemas.builders import column, schema


@pytest.fixture
async def apps(project: Path) -> AsyncIterator[dict[str, str]]:
    """One app, without schema files yet; the databases are closed afterwards."""
    (project / "shop" / "schemas").mkdir(parents=True)
    yield {"shop": str(project / "shop")}
    await connections.disconnect_all()
    connections.reset()


def wants(apps: dict[str, str], *tables: str) -> None:
    """Write a schema file for each table."""
    for table in tables:
        document = schema(table, column("n", nullable=True))
        (Path(apps["shop"]) / "schemas" / f"{document['model']}.json").write_text(
            json.dumps(document)
        )


async def found(apps: dict[str, str], *chosen: str, **databases: str) -> list[Finding]:
    urls: Any = {alias: {"URL": url} for alias, url in databases.items()}
    with override_openviper_settings(DATABASES=urls):
        return await check_databases(apps, chosen)


def here(name: str = "shop.sqlite3") -> str:
    return f"sqlite:///{Path.cwd() / name}"


async def test_a_database_that_nobody_has_made_yet_is_behind_and_is_not_made(
    apps: dict[str, str],
) -> None:
    assert await found(apps, default=here()) == []
    wants(apps, "shop_a")
    (finding,) = await found(apps, default=here())
    assert (finding.code, finding.where, finding.hint) == (
        "database.W001",
        "default",
        "Run migrate.",
    )
    assert finding.message == "default is behind the schema files: create table shop_a"
    assert not Path("shop.sqlite3").exists()


@pytest.mark.parametrize(("number", "more"), [(MOST_NAMED, False), (MOST_NAMED + 2, True)])
async def test_only_so_many_operations_are_named(
    apps: dict[str, str], number: int, more: bool
) -> None:
    wants(apps, *(f"shop_t{index}" for index in range(number)))
    (finding,) = await found(apps, default=here())
    assert finding.message.count("create table") == MOST_NAMED
    assert finding.message.endswith(" and 2 more") is more


async def test_a_database_that_was_brought_up_to_date_has_no_finding(apps: dict[str, str]) -> None:
    wants(apps, "shop_a")
    with override_openviper_settings(DATABASES={"default": {"URL": here()}}):
        await SchemaSync(apps).migrate()
    assert await found(apps, default=here()) == []


async def test_what_no_schema_file_describes_and_patches_that_have_not_run_are_told(
    apps: dict[str, str],
) -> None:
    wants(apps, "shop_a")
    with override_openviper_settings(DATABASES={"default": {"URL": here()}}):
        await SchemaSync(apps).migrate()
    with closing(sqlite3.connect("shop.sqlite3")) as connection, connection:
        connection.execute("ALTER TABLE shop_a ADD COLUMN hand TEXT")
    write(Path(apps["shop"]), {
        "patches/fill_tables.py": (
            "from openviper.db.patches import db_patch\n\n@db_patch\nasync def fill_tables():\n    pass\n"
        )
    })  # fmt: skip
    try:
        codes = [finding.code for finding in await found(apps, default=here())]
    finally:
        reset_registry()
    assert codes == ["database.W002", "database.W003"]


async def test_a_folder_that_is_not_there_is_an_error(apps: dict[str, str]) -> None:
    (finding,) = await found(apps, default=here("no/shop.sqlite3"))
    assert (finding.code, finding.where) == ("database.E001", "default")
    assert finding.message.startswith("directory ") and finding.message.endswith(
        "no' does not exist"
    )


async def test_a_file_that_is_no_database_is_an_error(apps: dict[str, str]) -> None:
    Path("shop.sqlite3").write_bytes(b"not a database " * 100)
    (finding,) = await found(apps, default=here())
    assert finding.code == "database.E001"
    assert finding.message.startswith("database 'default'")


async def test_a_schema_file_that_cannot_be_read_is_an_error(apps: dict[str, str]) -> None:
    (Path(apps["shop"]) / "schemas" / "A.json").write_text("{")
    (finding,) = await found(apps, default=here())
    assert (finding.code, finding.where) == ("database.E002", "default")
    assert "A.json" in finding.message


async def test_of_other_databases_only_the_access_is_looked_at_unless_they_are_named(
    apps: dict[str, str],
) -> None:
    wants(apps, "shop_a")
    both = {"default": here(), "other": here("other.sqlite3")}
    assert [finding.where for finding in await found(apps, **both)] == ["default"]
    assert [finding.where for finding in await found(apps, "other", **both)] == ["other"]
    broken = {**both, "other": here("no/other.sqlite3")}
    assert [finding.code for finding in await found(apps, **broken)] == [
        "database.W001", "database.E001",
    ]  # fmt: skip
    assert await found({}, "other", **both) == []
