"""What a server says of the database at its start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.core.management import pending_tables
from openviper.core.management.pending_tables import MOST, find_pending_tables
from openviper.db.connection import connections
from openviper.db.exceptions import OperationalError
from openviper.testing.settings import override_openviper_settings as override_settings
from tests.projects import write

SCHEMA = """{{
  "format": 1, "model": "{name}", "app": "shop", "table_name": "shop_{name}",
  "last_modified": "2026-01-01T00:00:00+00:00",
  "columns": [{{"name": "id", "type": "INTEGER", "nullable": false, "default": null, "primary_key": true}}]
}}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of the default database, which is not there yet; one app has many schema files."""
    names = [f"T{number}" for number in range(MOST + 2)]
    write(tmp_path, {f"shop/schemas/{name}.json": SCHEMA.format(name=name) for name in names})
    app = {"shop": str(tmp_path / "shop")}
    monkeypatch.setattr(pending_tables, "find_installed_apps", lambda with_builtin: app)
    file = tmp_path / "db.sqlite3"
    databases = {"default": {"OPTIONS": {"URL": f"sqlite:///{file}"}}}
    with override_settings(DATABASES=databases):
        connections.reset()
        yield file
    connections.reset()


def test_a_file_that_is_not_there_is_said_and_not_made(path: Path) -> None:
    assert find_pending_tables() == ["no database yet"]
    assert not path.exists()


def test_some_of_what_is_to_be_done_is_named(path: Path) -> None:
    path.touch()
    found = find_pending_tables()
    assert len(found) == MOST and "shop_T0" in found[0]


def test_what_stands_in_the_way_of_the_look_is_an_error(path: Path) -> None:
    path.write_text("this is not a database, and longer than the head of one would be " * 9)
    with pytest.raises(OperationalError, match="file is not a database"):
        find_pending_tables()
