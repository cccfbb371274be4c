"""Foreign keys that wait for the commit: made, changed and taken away once, and refused where the database has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import SHELF, project
from tests.unit.db.schemas.builders import column, schema

EVERY_DATABASE = True


def book(**keys: Any) -> dict[str, Any]:
    key = column(
        "shelf_id", nullable=True, target_table="library_shelf", on_delete="CASCADE", **keys
    )
    return schema("library_book", column("title", "VARCHAR(50)"), key)


STATES = [{}, {"deferrable": "deferred"}, {"deferrable": "immediate"}]


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
async def test_each_state_follows_from_each(
    tmp_path: Path, vendor: str, old: dict[str, str], new: dict[str, str]
) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF)
        if vendor == "mysql":
            if new:
                with pytest.raises(
                    MigrationError, match="key 'shelf_id' is deferrable, which MariaDB"
                ):
                    await one.migrate(SHELF, book(**new))
            return
        await one.settled(SHELF, book(**old))
        one.sql("INSERT INTO library_book (title) VALUES ('one')")
        operations = (await one.settled(SHELF, book(**new))).operations
        assert bool(operations) is (old != new)
        assert one.sql("SELECT title FROM library_book") == [("one",)]
        one.check()
        key = next(
            each
            for each in (await one.schema())["library_book"]["columns"]
            if each["name"] == "shelf_id"
        )
        assert key.get("deferrable") == new.get("deferrable")


async def test_a_plan_says_when_the_key_is_checked(tmp_path: Path, vendor: str) -> None:
    if vendor == "mysql":
        return
    async with project(tmp_path) as one:
        await one.settled(SHELF, book())
        one.write(SHELF, book(deferrable="deferred"))
        (operation,) = (await one.sync.plan()).operations
        assert "checked at the end of the transaction" in str(operation)
