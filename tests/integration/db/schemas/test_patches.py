"""Data patches: in order, once per database, each with its row or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.db.connection import connections
from openviper.db.patches import db_patch, get_applied_patches, get_registry, reset_registry
from openviper.db.patches.authorship import author
from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import Project, project
from tests.unit.db.schemas.builders import column, schema

BOOK = schema("library_book", column("title", "TEXT"), column("state", "TEXT", default=""))
HEAD = """from openviper.db.connection import connections, run_write
from openviper.db.patches import db_patch


async def add(text):
    await run_write("default", "INSERT INTO library_book (title, state) VALUES (?, '')", (text,))

"""


@pytest.fixture(autouse=True)
def _fresh_registry() -> Iterator[None]:
    reset_registry()
    yield
    reset_registry()


def patch(name: str, *, text: str | None = None, options: str = "", then: str = "pass") -> str:
    """Return the source of a patch that adds a book."""
    return (
        f'@db_patch{options}\nasync def {name}():\n    await add("{text or name}")\n    {then}\n\n'
    )


def patch_file(one: Project, name: str, body: str) -> None:
    folder = one.directory / "patches"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(HEAD + body)


async def test_patches_run_once_in_order_with_their_rows(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        patch_file(
            one, "2_second.py", '@db_patch\nasync def b():\n    """Do b."""\n    await add("b")\n'
        )
        patch_file(one, "1_first.py", patch("c", options="(order=5)") + patch("a"))
        patch_file(one, "_skipped.py", "raise RuntimeError\n")
        result = await one.migrate(BOOK)
        assert result.patches == ["library.1_first.a", "library.2_second.b", "library.1_first.c"]
        assert (await one.migrate()).patches == []
        assert one.sql("SELECT title FROM library_book ORDER BY id") == [("a",), ("b",), ("c",)]
        assert await get_applied_patches() == {
            ("library", "1_first.a", "post"), ("library", "2_second.b", "post"), ("library", "1_first.c", "post"),
        }  # fmt: skip


async def test_a_pre_patch_sees_the_old_schema_and_is_only_recorded_where_there_are_no_tables(
    tmp_path: Path,
) -> None:
    async with project(tmp_path) as one:
        patch_file(
            one, "p.py", '@db_patch(post_migrate=False)\nasync def a():\n    await add("early")\n'
        )
        assert (await one.migrate(BOOK)).patches == []
        assert one.sql("SELECT count(*) FROM library_book") == [(0,)]
        patch_file(
            one, "q.py", '@db_patch(post_migrate=False)\nasync def a():\n    await add("early")\n'
        )
        dropped = schema("library_book", column("title", "TEXT"))
        assert (await one.migrate(dropped)).patches == ["library.q.a"]
        assert one.sql("SELECT id, title FROM library_book") == [(1, "early")]


async def test_a_failing_patch_is_undone_and_the_rest_waits(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        patch_file(one, "p.py", patch("a") + patch("b", then='raise ValueError("no")'))
        with pytest.raises(
            MigrationError, match=r"patch 'library\.p\.b' failed and was undone: ValueError: no"
        ):
            await one.migrate(BOOK)
        assert one.sql("SELECT title FROM library_book") == [("a",)]
        reset_registry()
        patch_file(one, "p.py", patch("a") + patch("b"))
        assert (await one.migrate()).patches == ["library.p.b"]


async def test_a_patch_file_that_does_not_import_stops_before_anything(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        patch_file(one, "p.py", "import nothing_of_this_name\n")
        with pytest.raises(MigrationError, match=r"p\.py.*nothing_of_this_name"):
            await one.migrate(BOOK)
        assert not one.path.exists()


async def test_each_database_has_its_own_record(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        patch_file(one, "p.py", "@db_patch\nasync def a():\n    pass\n")
        connections.configure(
            {alias: {"URL": f"sqlite:///{tmp_path / alias}.db"} for alias in ("default", "other")}
        )
        assert (await one.migrate(BOOK, database="other")).patches == ["library.p.a"]
        assert (await one.sync.plan()).patches == ["library.p.a"]
        assert (await one.migrate()).patches == ["library.p.a"]
        assert (await one.sync.plan()).patches == []


async def test_a_row_of_version_0_1_counts(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.migrate(BOOK)
        patch_file(one, "p.py", "@db_patch\nasync def a():\n    pass\n")
        patch_file(one, "q.py", "@db_patch\nasync def z():\n    pass\n")
        await one.migrate()
        one.sql(
            "DELETE FROM openviper_patches",
            "INSERT INTO openviper_patches (app, name, phase, applied_at) VALUES ('library', 'z', 'post', '')",
        )
        assert (await one.migrate()).patches == ["library.p.a"]


async def test_who_ran_a_patch_is_remembered_also_in_a_table_of_an_earlier_version(
    tmp_path: Path,
) -> None:
    async with project(tmp_path) as one:
        await one.migrate(BOOK)
        patch_file(one, "p.py", "@db_patch\nasync def a():\n    pass\n")
        await one.migrate()
        for table in ("openviper_patches", "openviper_schema"):
            assert one.sql(f"SELECT DISTINCT applied_by FROM {table} WHERE app <> 'openviper'") == [
                (author(),)
            ]
            one.sql(f"ALTER TABLE {table} DROP COLUMN applied_by")
        patch_file(one, "q.py", "@db_patch\nasync def b():\n    pass\n")
        assert (await one.migrate()).patches == ["library.q.b"]
        assert one.sql("SELECT name, applied_by FROM openviper_patches ORDER BY name") == [
            ("p.a", None),
            ("q.b", author()),
        ]


def test_an_author_has_a_name_where_the_account_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)  # An account that no system lists.
    assert author().startswith("4000000@")


def test_a_patch_must_be_async_without_arguments_and_have_its_own_name() -> None:
    def plain() -> None: ...

    async def with_argument(value: int) -> None: ...

    for function in (plain, with_argument):
        with pytest.raises(MigrationError, match="must be an `async def` without arguments"):
            db_patch(function)  # type: ignore[type-var]  # the point of the test
    assert get_registry().entries() == []
