"""`migrate`, `schema-status`, `sql-of` and `flush` on a database file, in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from openviper.core.management.base import CommandError, UsageError
from openviper.core.management.commands import flush, migrate, schema_status, sql_of
from openviper.db.connection import connections
from openviper.db.fields import CharField, ForeignKey, Index
from openviper.db.models import Model
from openviper.exceptions import MigrationError
from openviper.testing import override_openviper_settings
from tests.projects import forget_modules, write
from tests.unit.core.management.speaking import Said, arun, run
from tests.unit.db.schemas.builders import column, schema

MIGRATED = "Schema sync complete."
NOTHING = "No schema changes to apply."


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A project with an app, whose schema files the tests write, and an empty place for its database."""
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path, {"cmdshop/__init__.py": "", "cmdshop/models.py": ""})
    databases: Any = {
        "default": {"URL": f"sqlite:///{tmp_path}/db.sqlite3"},
        "other": {"URL": f"sqlite:///{tmp_path}/other.sqlite3"},
    }
    monkeypatch.setattr(
        "openviper.core.app_resolver.AppResolver.resolve_all_apps",
        lambda self, apps, include_builtin=False: {
            "found": {"cmdshop": str(tmp_path / "cmdshop")}, "not_found": [],
        },
    )  # fmt: skip
    with override_openviper_settings(INSTALLED_APPS=("cmdshop",), DATABASES=databases):
        yield tmp_path
        await connections.disconnect_all()
    connections.reset()
    forget_modules(tmp_path)


def wants(shop: Path, *documents: dict[str, Any]) -> None:
    """Make these the only schema files of the app."""
    folder = shop / "cmdshop" / "schemas"
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    for document in documents:
        (folder / f"{document['model']}.json").write_text(json.dumps(document))


def table(name: str, *columns: Any) -> dict[str, Any]:
    return schema(f"cmdshop_{name}", *columns)


async def migrated(*arguments: str, answers: str | None = None) -> Said:
    return await arun(migrate.Command, *arguments, answers=answers)


# migrate


async def test_the_first_run_applies_and_the_second_has_nothing_to_do(shop: Path) -> None:
    wants(shop, table("a", column("n")))
    said = await migrated()
    assert said.lines[-1] == MIGRATED
    assert said.err == ""
    assert (await migrated()).lines == [NOTHING]
    assert (await migrated("cmdshop")).lines == [NOTHING]


async def test_verbose_shows_apps_and_operations(shop: Path) -> None:
    wants(shop, table("a"))
    lines = (await migrated("--verbose")).lines
    assert lines[0] == f"cmdshop -> {shop / 'cmdshop'}"
    assert "  -> create table cmdshop_a" in lines
    assert "  -> create table cmdshop_a" not in (await migrated()).lines


async def test_a_plan_changes_nothing_and_is_the_same_as_json(shop: Path) -> None:
    wants(shop, table("a", column("n")))
    lines = (await migrated("--plan")).lines
    assert lines[0] == "-> create table cmdshop_a"
    assert lines[1].startswith("CREATE TABLE") and lines[-1].endswith(";")
    plan = json.loads((await migrated("--plan", "--json", "--verbose")).out)
    assert (plan["database"], plan["pending"]) == ("default", True)
    assert plan["operations"] == ["create table cmdshop_a"]
    assert not (shop / "db.sqlite3").exists()
    await migrated()
    assert (await migrated("--plan")).lines == [NOTHING]
    assert json.loads((await migrated("--plan", "--json")).out)["pending"] is False


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("--json",), UsageError, "--json needs --plan"),
        (("--no-input",), UsageError, "--no-input needs --drop-orphans"),
        (
            ("--database", "othr"),
            CommandError,
            "unknown database alias 'othr'; did you mean 'other'",
        ),
        (("cmdshopp",), CommandError, "App 'cmdshopp' not found; did you mean 'cmdshop'"),
        (("cmdshop", "--drop-orphans"), UsageError, "leave out the app label"),
    ],
)
async def test_what_does_not_go_together_or_is_not_there_is_refused(
    shop: Path, arguments: tuple[str, ...], error: type[CommandError], words: str
) -> None:
    wants(shop, table("a"))
    with pytest.raises(error, match=words):
        await migrated(*arguments)
    assert not (shop / "db.sqlite3").exists()


async def test_another_database_is_migrated_by_itself(shop: Path) -> None:
    wants(shop, table("a"))
    assert (await migrated("--database", "other")).lines[-1] == MIGRATED
    assert not (shop / "db.sqlite3").exists()
    assert (await migrated("--database", "other")).lines == [NOTHING]
    assert (await migrated()).lines[-1] == MIGRATED


async def test_a_broken_schema_file_is_named(shop: Path) -> None:
    wants(shop, table("a"))
    (shop / "cmdshop" / "schemas" / "B.json").write_text("[]")
    with pytest.raises(MigrationError, match=r"B\.json' must hold an object"):
        await migrated()


async def test_orphans_are_warned_about_and_go_only_with_somebodys_word(shop: Path) -> None:
    wants(shop, table("a"), table("b"))
    await migrated()
    wants(shop, table("a"))
    assert "table cmdshop_b has no schema file any more and was kept" in (await migrated()).err
    with pytest.raises(CommandError, match="without a terminal give --no-input"):
        await migrated("--drop-orphans")
    with pytest.raises(CommandError, match="Nothing was changed"):
        await migrated("--drop-orphans", answers="no\n")
    said = await migrated("--drop-orphans", answers="yes\n")
    assert "table cmdshop_b will be dropped with 0 rows" in said.err
    assert said.lines[-1] == MIGRATED
    assert (await migrated("--drop-orphans")).lines == [NOTHING]


async def test_without_asking_orphans_go_where_that_was_said(shop: Path) -> None:
    wants(shop, table("a"), table("b"))
    await migrated()
    wants(shop, table("a"))
    async with connections.get("default").connection() as connection:
        await connection.execute("INSERT INTO cmdshop_b (id) VALUES (1)")
    said = await migrated("--drop-orphans", "--no-input")
    assert "dropped with 1 row\n" in said.err and "Drop what" not in said.err


# schema-status


async def status(*arguments: str) -> Said:
    return await arun(schema_status.Command, *arguments)


async def test_the_state_is_told_before_and_after_and_no_file_is_made_for_it(shop: Path) -> None:
    wants(shop, table("a"), table("b"))
    assert (await status()).lines == [
        "[ ] create table cmdshop_a",
        "[ ] create table cmdshop_b",
        "Pending; run: python viperctl.py migrate",
    ]
    assert not (shop / "db.sqlite3").exists()
    await migrated()
    lines = (await status()).lines
    assert [line.split()[:2] for line in lines[:-1]] == [["[x]", "cmdshop.A"], ["[x]", "cmdshop.B"]]
    assert lines[-1] == "Everything is applied."


async def test_the_state_as_json_has_the_times(shop: Path) -> None:
    wants(shop, table("a"))
    await migrated()
    state = json.loads((await status("--json")).out)
    assert (state["database"], state["pending"], state["operations"]) == ("default", False, [])
    (entry,) = state["tables"]
    assert (entry["name"], entry["model"]) == ("cmdshop_a", "cmdshop.A")
    assert len(entry["applied_at"]) == len("2026-01-01 00:00:00")


async def test_what_is_kept_is_a_warning_and_an_unknown_database_an_error(shop: Path) -> None:
    wants(shop, table("a"), table("b"))
    await migrated()
    wants(shop, table("a"))
    assert "table cmdshop_b has no schema file any more" in (await status()).err
    with pytest.raises(CommandError, match="unknown database alias 'nope'"):
        await status("--database", "nope")


# sql-of


class Aisle(Model):
    _app_name = "cmdsql"

    name = CharField(max_length=10)


class Crate(Model):
    _app_name = "cmdsql"

    aisle = ForeignKey(Aisle, on_delete="CASCADE")
    state = CharField(max_length=10)

    class Meta:
        indexes = [Index(["state"], name="crate_open", condition="state = 'open'")]


def sql(*arguments: str) -> str:
    return run(sql_of.Command, *arguments).out


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("label", ["cmdsql.Aisle", "Aisle"])
async def test_a_model_is_named_by_its_name_with_or_without_its_app(label: str) -> None:
    text = sql(label)
    assert text.startswith('CREATE TABLE "cmdsql_aisle"') and text.endswith(";\n")
    assert sql(label, label) == text


@pytest.mark.usefixtures("shop")
async def test_all_models_of_an_app_come_with_those_they_refer_to_first() -> None:
    text = sql("cmdsql")
    assert text.index("cmdsql_aisle") < text.index('CREATE TABLE "cmdsql_crate"')
    assert "WHERE" in text


@pytest.mark.usefixtures("shop")
async def test_each_vendor_has_words_of_its_own() -> None:
    assert "AUTOINCREMENT" in sql("Aisle", "--vendor", "sqlite")
    assert "GENERATED" in sql("Aisle", "--vendor", "postgresql")
    assert "AUTO_INCREMENT" in sql("Aisle", "--vendor", "mysql")


@pytest.mark.usefixtures("shop")
async def test_what_a_vendor_cannot_have_is_refused_as_migrate_would() -> None:
    with pytest.raises(MigrationError, match="index 'crate_open' has a condition"):
        sql("Crate", "--vendor", "mysql")


@pytest.mark.usefixtures("shop")
async def test_a_label_that_nothing_has_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(CommandError, match="no model is called 'Aisel'; did you mean 'Aisle'"):
        sql("Aisel")


# flush


@pytest.mark.usefixtures("shop")
async def test_the_tables_of_models_that_are_not_there_have_no_rows() -> None:
    from openviper.core.management.rows import count_rows, model_tables

    assert {"cmdsql_aisle", "cmdsql_crate"} <= set(model_tables())
    assert await count_rows("default", ["cmdsql_aisle"]) == {}


def test_flushing_wants_somebodys_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    counts = {"cmdsql_aisle": 2, "cmdsql_crate": 0}
    deleted: list[list[str]] = []

    async def count(alias: str, tables: Any) -> dict[str, int]:
        return counts

    async def delete(alias: str, tables: list[str]) -> None:
        deleted.append(tables)

    monkeypatch.setattr(flush, "count_rows", count)
    monkeypatch.setattr(flush, "delete_rows", delete)
    monkeypatch.setattr(flush, "model_tables", lambda: list(counts))
    with override_openviper_settings(
        INSTALLED_APPS=(), DATABASES={"default": {"URL": "sqlite:///x.db"}}
    ):
        with pytest.raises(CommandError, match="--no-input is needed"):
            run(flush.Command)
        with pytest.raises(CommandError, match="Aborted"):
            run(flush.Command, answers="n\n")
        assert deleted == []
        said = run(flush.Command, answers="y\n")
        assert said.lines == ["cmdsql_aisle: 2", "Deleted 2 rows."]
        assert "Delete these 2 rows of 'default'?" in said.err
        run(flush.Command, "--no-input")
        assert deleted == [["cmdsql_aisle", "cmdsql_crate"]] * 2
        counts.clear()
        assert run(flush.Command).lines == ["There are no rows."]
