"""The digest that spares a run: it changes with everything that `migrate` would look at, and with nothing else."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from openviper.db.schemas.fingerprint import (
    BOOKKEEPING_KEY,
    LIVE_QUERIES,
    digest,
    has_nothing_to_do,
    is_up_to_date,
    stamp,
)
from openviper.testing import override_openviper_settings
from openviper.utils import resources

LIVE: list[list[Any]] = [
    [("table", "shop_a", "CREATE TABLE shop_a (id)")],
    [("shop", "fill", "post")],
]
BOOKKEEPING = "CREATE TABLE openviper_schema (table_name TEXT PRIMARY KEY, applied TEXT)"
PATCHES = "CREATE TABLE openviper_patches (app TEXT, name TEXT, phase TEXT)"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app with a schema file and a patch."""
    folder = tmp_path / "shop"
    (folder / "schemas").mkdir(parents=True)
    (folder / "schemas" / "A.json").write_text("{}")
    (folder / "patches").mkdir()
    (folder / "patches" / "fill.py").write_text("x = 1\n")
    return folder


def of(*folders: Path, live: Any = LIVE) -> str:
    return digest({folder.name: str(folder) for folder in folders}, live)


def renamed(app: Path) -> None:
    (app / "schemas" / "A.json").rename(app / "schemas" / "B.json")


def moved(app: Path) -> None:
    (app / "schemas" / "A.json").rename(app / "patches" / "A.json")


def split(app: Path) -> None:
    """Have the same bytes in two files."""
    (app / "patches" / "fill.py").write_text("x =")
    (app / "patches" / "fill2.py").write_text(" 1\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda app: (app / "schemas" / "A.json").write_text("{} "),
        lambda app: (app / "schemas" / "B.json").write_text("{}"),
        lambda app: (app / "schemas" / "A.json").unlink(),
        lambda app: (app / "patches" / "fill.py").write_text("x = 2\n"),
        lambda app: (app / "patches" / "more.py").write_text(""),
        lambda app: (app / "patches" / "fill.py").unlink(),
        renamed,
        moved,
        split,
    ],
)
def test_every_change_of_the_files_changes_the_digest(
    app: Path, change: Callable[[Path], object]
) -> None:
    before = of(app)
    change(app)
    assert of(app) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda app: (app / "schemas" / "A.json").write_text("{} "),
        lambda app: (app / "schemas" / "B.json").write_text("{}"),
        lambda app: (app / "patches" / "fill.py").unlink(),
        lambda app: (app / "schemas").rename(app / "elsewhere"),
        renamed,
        moved,
        split,
    ],
)
def test_every_change_of_the_files_changes_the_stamp(
    app: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "SETTLED_NANOSECONDS", -1)
    before = stamp({"shop": str(app)})
    assert before is not None and stamp({"shop": str(app)}) == before
    change(app)
    assert stamp({"shop": str(app)}) != before
    with override_openviper_settings(USER_MODEL="shop.Person"):
        assert stamp({"shop": str(app)}) != before


def test_files_that_were_written_just_now_are_read(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One more change within a tick of the file system's clock would not be seen.
    monkeypatch.setattr(resources, "SETTLED_NANOSECONDS", 10**18)
    assert stamp({"shop": str(app)}) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda app: (app / "models.py").write_text("x = 1"),
        lambda app: (app / "schemas" / "notes.txt").write_text("x"),
        lambda app: (app / "patches" / "fill.pyc").write_bytes(b"\0"),
        lambda app: (app / "patches" / "__pycache__").mkdir(),
        lambda app: os.utime(app / "schemas" / "A.json", (1, 1)),
    ],
)
def test_what_migrate_does_not_read_leaves_it(app: Path, change: Callable[[Path], object]) -> None:
    before = of(app)
    change(app)
    assert of(app) == before


@pytest.mark.parametrize(
    "live",
    [
        [[], LIVE[1]],
        [LIVE[0], []],
        [[("table", "shop_a", "CREATE TABLE shop_a (id, n)")], LIVE[1]],
        [[*LIVE[0], ("index", "i", "CREATE INDEX i ON shop_a (id)")], LIVE[1]],
        [LIVE[0], [("shop", "fill", "pre")]],
        [[], [*LIVE[0], *LIVE[1]]],
    ],
)
def test_every_change_of_the_database_changes_the_digest(app: Path, live: Any) -> None:
    assert of(app, live=live) != of(app)


def test_rows_are_compared_whatever_their_class(app: Path) -> None:
    assert of(app, live=[[list(row) for row in rows] for rows in LIVE]) == of(app)


def test_the_user_model_the_name_and_the_number_of_apps_count(app: Path, tmp_path: Path) -> None:
    before = of(app)
    with override_openviper_settings(USER_MODEL="shop.models.Customer"):
        assert of(app) != before
    assert digest({"store": str(app)}, LIVE) != before
    assert digest({"shop": str(app), "store": str(app)}, LIVE) != before
    assert of(app) == before


def test_the_order_of_apps_does_not_count(app: Path, tmp_path: Path) -> None:
    other = tmp_path / "bar"
    other.mkdir()
    assert of(app, other) == of(other, app)


# Whether a database is known to need nothing


def stored(path: Path, *statements: str, value: str | None = None) -> str:
    """Make a database file that remembers a digest, its own when none is given, and return its path."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        queries = LIVE_QUERIES if PATCHES in statements else LIVE_QUERIES[:1]
        live: list[Any] = [connection.execute(query).fetchall() for query in queries]
        apps = {"shop": str(path.parent / "shop")}
        connection.execute(
            "INSERT INTO openviper_schema VALUES (?, ?)",
            (BOOKKEEPING_KEY, value or digest(apps, [*live, []][:2])),
        )
        connection.commit()
    return str(path)


@pytest.mark.parametrize("statements", [(BOOKKEEPING,), (BOOKKEEPING, PATCHES)])
def test_a_database_that_remembers_what_is_there_needs_nothing(
    app: Path, tmp_path: Path, statements: tuple[str, ...]
) -> None:
    path = stored(tmp_path / "db.sqlite3", *statements)
    assert is_up_to_date(path, {"shop": str(app)})
    (app / "schemas" / "A.json").write_text("[]")
    assert not is_up_to_date(path, {"shop": str(app)})


def test_only_a_file_can_be_known_to_need_nothing(app: Path, tmp_path: Path) -> None:
    path = stored(tmp_path / "db.sqlite3", BOOKKEEPING)
    apps = {"shop": str(app)}
    assert has_nothing_to_do(f"sqlite:///{path}", apps)
    for url in ("sqlite:///:memory:", f"postgresql://localhost/{path}", "mysql://localhost/shop"):
        assert not has_nothing_to_do(url, apps)


def test_a_patch_that_has_run_since_means_looking_again(app: Path, tmp_path: Path) -> None:
    path = stored(tmp_path / "db.sqlite3", BOOKKEEPING, PATCHES)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO openviper_patches VALUES ('shop', 'fill', 'post')")
    assert not is_up_to_date(path, {"shop": str(app)})


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_an_empty_and_a_foreign_file_mean_looking(
    app: Path, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "db.sqlite3"
    path.write_bytes(content)
    assert not is_up_to_date(str(path), {"shop": str(app)})
    assert path.read_bytes() == content


def test_a_missing_file_is_not_made(app: Path, tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    assert not is_up_to_date(str(path), {"shop": str(app)})
    assert not path.exists()
    assert not is_up_to_date(str(tmp_path), {"shop": str(app)})


def test_a_database_without_the_row_means_looking(app: Path, tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(BOOKKEEPING)
    assert not is_up_to_date(str(path), {"shop": str(app)})


def test_a_file_that_cannot_be_read_means_looking(app: Path, tmp_path: Path) -> None:
    path = stored(tmp_path / "db.sqlite3", BOOKKEEPING)
    (app / "schemas" / "B.json").symlink_to(tmp_path / "nowhere")
    assert not is_up_to_date(path, {"shop": str(app)})
