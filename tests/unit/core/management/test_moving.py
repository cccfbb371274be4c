"""`copy-data`, `dump-data` and `load-data`: what is asked, refused and reported."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from openviper.backup.interruption import SIGNALS
from openviper.core.management import files_of_rows
from openviper.core.management.base import BaseCommand, CommandError, UsageError
from openviper.core.management.commands import copy_data, dump_data, load_data
from openviper.core.management.files_of_rows import (
    Dumping,
    Loading,
    chosen_tables,
    opened_rows,
)
from openviper.core.management.labels import all_named, named, names_of
from openviper.core.management.moving import Copying, Moving
from openviper.db.connections.databases import Database
from openviper.db.models import model_registry
from openviper.db.transfer.errors import TransferError
from openviper.testing import override_openviper_settings
from tests.projects import KEY
from tests.shop.models import Node, Tag
from tests.unit.core.management.speaking import Said, said, terminal

TAG = "Tag"


class _Loaded(Moving):
    """The models of the shop are imported already, and its tables have no schema files."""

    def load_models(self) -> None:
        return


@pytest.fixture(autouse=True)
def _other_tests_have_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {
        label: model
        for label, model in model_registry._models.items()
        if model.__module__ == Tag.__module__
    }
    monkeypatch.setattr(model_registry, "_models", own)


class Shop:
    """The registry of a project that has these two models only."""

    @staticmethod
    def all() -> list[type[Any]]:
        return [Tag, Node]


class QuietCopying(_Loaded, Copying):
    """`copy-data` with the shop."""


class QuietDumping(_Loaded, Dumping):
    """`dump-data` with the shop."""


class QuietLoading(_Loaded, Loading):
    """`load-data` with the shop."""


WORK: dict[type[BaseCommand], type[Any]] = {
    copy_data.Command: QuietCopying,
    dump_data.Command: QuietDumping,
    load_data.Command: QuietLoading,
}


async def run(command: type[BaseCommand], *arguments: str, answers: str | None = None) -> Said:
    """Parse a command line and do the work of its command."""
    where = terminal(answers)
    made = command(where)
    options = vars(made.create_parser("viperctl.py", "x").parse_args(arguments))
    return said(where, await WORK[command](made).run(options))


@pytest.fixture
async def tags(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Path]:
    """Three tags in ``default`` and none in ``other``."""
    monkeypatch.setattr(files_of_rows, "model_registry", Shop)
    urls = {alias: {"URL": f"sqlite:///{tmp_path / alias}.db"} for alias in ("default", "other")}
    execute(tmp_path, "default", "INSERT INTO shop_tag VALUES (1, 'a'), (2, 'b'), (3, 'é')")
    with override_openviper_settings(SECRET_KEY=KEY, DATABASES=urls):
        yield tmp_path


def execute(folder: Path, alias: str, statement: str) -> list[Any]:
    with closing(sqlite3.connect(folder / f"{alias}.db")) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
        return rows


def names(folder: Path, alias: str) -> list[str]:
    return [row[0] for row in execute(folder, alias, "SELECT name FROM shop_tag ORDER BY id")]


def copying(*more: str, answers: str | None = None) -> Any:
    return run(copy_data.Command, TAG, "--from", "default", "--to", "other", *more, answers=answers)


# copy-data


async def test_a_copy_is_reported_by_table_and_in_all(tags: Path) -> None:
    done = await copying()
    assert names(tags, "other") == ["a", "b", "é"]
    table, count, checksum = done.lines[0].split()
    assert (table, count) == ("shop_tag", "3") and len(checksum) >= 16
    assert done.lines[-1].startswith("Copied 3 rows of 1 tables from 'default' to 'other' in ")
    assert done.lines[-1].endswith("every table was read back and is equal.")


async def test_a_copy_as_json_says_the_same(tags: Path) -> None:
    document = json.loads((await copying("--json")).out)
    assert (document["from"], document["to"], document["dry_run"]) == ("default", "other", False)
    assert document["tables"]["shop_tag"]["rows"] == 3
    assert document["seconds"] >= 0


async def test_a_rehearsal_of_a_copy_writes_nothing(tags: Path) -> None:
    done = await copying("--dry-run")
    assert done.lines[-1] == "3 rows can be copied; nothing was written."
    assert names(tags, "other") == []


@pytest.mark.parametrize(
    ("arguments", "answers", "message"),
    [
        ([], None, r"database 'other' has rows already \(shop_tag: 1\); --replace deletes"),
        (["--replace"], None, "without a terminal to ask at, --no-input is needed"),
        (["--replace"], "n\n", "Aborted."),
        (["--replace"], "", "Aborted."),
    ],
)
async def test_rows_in_the_way_stay_without_agreement(
    tags: Path, arguments: list[str], answers: str | None, message: str
) -> None:
    execute(tags, "other", "INSERT INTO shop_tag VALUES (9, 'old')")
    with pytest.raises(CommandError, match=message):
        await copying(*arguments, answers=answers)
    assert names(tags, "other") == ["old"]


@pytest.mark.parametrize(
    ("arguments", "answers"), [(["--replace"], "y\n"), (["--replace", "--no-input"], None)]
)
async def test_rows_in_the_way_go_by_agreement(
    tags: Path, arguments: list[str], answers: str | None
) -> None:
    execute(tags, "other", "INSERT INTO shop_tag VALUES (9, 'old')")
    done = await copying(*arguments, answers=answers)
    assert "Rows of 'other': shop_tag: 1" in done.err
    assert names(tags, "other") == ["a", "b", "é"]


async def test_a_rehearsal_asks_nothing_and_says_what_would_go(tags: Path) -> None:
    execute(tags, "other", "INSERT INTO shop_tag VALUES (9, 'old')")
    done = await copying("--replace", "--dry-run")
    assert "Would delete 1 rows of 'other' first (shop_tag: 1)." in done.err
    assert names(tags, "other") == ["old"]


@pytest.mark.parametrize(
    ("source", "target", "error", "message"),
    [
        ("defualt", "other", CommandError, "'defualt'; did you mean 'default'?"),
        ("default", "nope", CommandError, r"'nope' \(configured: default, other\)"),
        ("default", "default", TransferError, "are the same database"),
    ],
)
async def test_databases_that_cannot_be_meant_are_refused(
    tags: Path, source: str, target: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message.replace("?", r"\?")):
        await run(copy_data.Command, TAG, "--from", source, "--to", target)


# dump-data and load-data


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
async def test_a_file_of_rows_is_private_and_can_be_loaded(tags: Path, name: str) -> None:
    file = tags / name
    done = await run(dump_data.Command, TAG, "--output", str(file))
    assert done.lines == [f"Wrote 3 rows to {str(file)!r}."]
    assert file.stat().st_mode & 0o777 == 0o600
    assert (file.read_bytes()[:2] == b"\x1f\x8b") is name.endswith(".gz")
    loaded = await run(load_data.Command, str(file), "--database", "other")
    assert loaded.lines == ["Loaded 3 rows in 'other'."]
    assert names(tags, "other") == ["a", "b", "é"]


async def test_the_same_rows_are_the_same_compressed_file(tags: Path) -> None:
    first, second = tags / "a.gz", tags / "b.gz"
    for file in (first, second):
        await run(dump_data.Command, TAG, "--output", str(file))
    assert first.read_bytes() == second.read_bytes()


async def test_rows_on_standard_output_are_nothing_but_rows(tags: Path) -> None:
    done = await run(dump_data.Command, TAG)
    assert [type(json.loads(line)) for line in done.lines]
    assert len(done.lines) >= 3 and "é" in done.out
    assert done.err == ""


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--overwrite"], UsageError, "--overwrite needs --output"),
        (["--output", "taken"], CommandError, "file 'taken' exists already; --overwrite"),
        (["--output", "no/such/file"], CommandError, "there is no directory 'no/such'"),
        (["--exclude", "Nope"], CommandError, "no model is called 'Nope'"),
        (["--database", "nope"], CommandError, "unknown database alias 'nope'"),
    ],
)
async def test_what_cannot_be_written_is_refused_before_a_row_is_read(
    tags: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.chdir(tags)
    (tags / "taken").write_text("mine")
    with pytest.raises(error, match=message):
        await run(dump_data.Command, TAG, *arguments)
    assert (tags / "taken").read_text() == "mine"


async def test_a_file_is_replaced_when_asked_for(tags: Path) -> None:
    file = tags / "rows"
    file.write_text("old")
    await run(dump_data.Command, TAG, "--output", str(file), "--overwrite")
    assert "old" not in file.read_text()


async def test_a_rehearsal_of_loading_stores_nothing(tags: Path) -> None:
    file = tags / "rows"
    await run(dump_data.Command, TAG, "--output", str(file))
    done = await run(load_data.Command, str(file), "--database", "other", "--dry-run")
    assert done.lines == ["3 rows can be loaded; nothing was stored."]
    assert names(tags, "other") == []


async def test_rows_that_exist_are_an_error_or_get_the_values(tags: Path) -> None:
    file = tags / "rows"
    await run(dump_data.Command, TAG, "--output", str(file))
    execute(tags, "other", "INSERT INTO shop_tag VALUES (2, 'old')")
    with pytest.raises(TransferError, match="line "):
        await run(load_data.Command, str(file), "--database", "other")
    assert names(tags, "other") == ["old"]
    done = await run(load_data.Command, str(file), "--database", "other", "--update")
    assert done.lines == ["Loaded 2 rows and updated 1 in 'other'."]
    assert names(tags, "other") == ["a", "b", "é"]


def test_rows_are_read_compressed_or_not(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"rows")
    (tmp_path / "packed").write_bytes(gzip.compress(b"rows"))
    (tmp_path / "empty").touch()
    for name, content in (("plain", b"rows"), ("packed", b"rows"), ("empty", b"")):
        with opened_rows(str(tmp_path / name)) as file:
            assert file.read() == content


def test_a_directory_or_nothing_is_no_file_of_rows(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is a directory, not a file of rows"):
        with opened_rows(str(tmp_path)):
            raise AssertionError("opened")
    with pytest.raises(FileNotFoundError):
        with opened_rows(str(tmp_path / "gone")):
            raise AssertionError("opened")


# Labels


@pytest.mark.parametrize("label", names_of(Tag)[:2])
def test_a_model_is_named_by_itself_or_with_its_app(label: str) -> None:
    assert named(label) == [Tag]


def test_an_app_names_all_its_models_and_each_counts_once() -> None:
    app = names_of(Tag)[2]
    models = all_named([app, "Tag"])
    assert {Tag, Node} <= set(models)
    assert len(models) == len(set(models))


@pytest.mark.parametrize(("label", "hint"), [("Tagg", "; did you mean 'Tag'?"), ("qqqqqq", "")])
def test_an_unknown_label_is_told_with_what_was_meant(label: str, hint: str) -> None:
    with pytest.raises(CommandError) as caught:
        named(label)
    assert str(caught.value) == f"no model is called {label!r}{hint}"


def test_what_is_excluded_is_left_out_also_where_its_app_was_named() -> None:
    app = names_of(Tag)[2]
    chosen = {table.model for table in chosen_tables([app], ["Tag"])}
    assert Tag not in chosen and Node in chosen


# Interruption


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put the handlers of the process back afterwards: a command that was stopped ignores further signals."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_a_signal_stops_the_work_and_says_what_is_so(handlers: None) -> None:
    where = terminal()

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    with pytest.raises(
        CommandError, match="^Interrupted by SIGTERM: nothing was written$"
    ) as error:
        await Moving(BaseCommand(where)).interruptible(work, "nothing was written")
    assert error.value.returncode == 128 + signal.SIGTERM


async def test_a_cancellation_of_others_goes_through() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Moving(BaseCommand(terminal())).interruptible(work, "x")


async def test_work_that_ends_gives_its_result() -> None:
    async def work() -> int:
        return 7

    assert await Moving(BaseCommand(terminal())).interruptible(work, "x") == 7
