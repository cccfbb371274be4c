"""Schema files: read with care, written in one step, left alone when nothing differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openviper.db.schemas import (
    delete_json_schema,
    discover_json_schemas,
    read_json_schema,
    write_json_schema,
)
from openviper.db.schemas.schema_files import read_all_raw_schemas, schema_document, table_of
from openviper.exceptions import MigrationError
from tests.unit.db.schemas.builders import column, schema


def test_a_written_file_reads_back_and_ends_with_a_newline(tmp_path: Path) -> None:
    document = schema(
        "library_book", column("title", "VARCHAR(120)"), unique_together=[["id", "title"]]
    )
    path = write_json_schema(tmp_path / "schemas", document)
    assert path == tmp_path / "schemas" / "Book.json"
    assert read_json_schema(tmp_path / "schemas", "Book") == document
    assert path.read_text().endswith("}\n")
    assert [entry.name for entry in path.parent.iterdir()] == ["Book.json"]


def test_the_time_changes_only_with_the_content() -> None:
    before = schema("library_book", column("title", "TEXT"))
    table = table_of(before)
    assert schema_document("library_book", table, before) == before
    table["single"] = True
    assert (
        schema_document("library_book", table, before)["last_modified"] != before["last_modified"]
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "object"),
        ('{"model": "A"}', "no 'app'"),
        ('{"model": "A", "app": "a", "table_name": "t", "columns": []}', "no columns"),
        (
            '{"model": "A", "app": "a", "table_name": "t", "columns": [{"name": "x"}]}',
            "without name or type",
        ),
        ('{"format": 9}', "format 9"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "A.json").write_text(text)
    with pytest.raises(MigrationError, match=problem) as caught:
        read_all_raw_schemas(tmp_path)
    assert "A.json" in str(caught.value)


def test_a_table_described_twice_is_refused(tmp_path: Path) -> None:
    for app in ("a", "b"):
        write_json_schema(
            tmp_path / app / "schemas", schema("library_book", column("title", "TEXT"))
        )
    with pytest.raises(MigrationError, match="described twice"):
        discover_json_schemas({"a": str(tmp_path / "a"), "b": str(tmp_path / "b")})


def test_unmanaged_files_and_missing_keys_of_old_files_are_fine(tmp_path: Path) -> None:
    old = {
        "model": "Old",
        "app": "a",
        "table_name": "a_old",
        "columns": [{"name": "id", "type": "INTEGER"}],
    }
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "Old.json").write_text(json.dumps(old))
    write_json_schema(tmp_path / "schemas", schema("a_other", column("x"), managed=False))
    state = discover_json_schemas({"a": str(tmp_path)})
    assert list(state) == ["a_old"]
    assert state["a_old"]["indexes"] == []


def test_deleting_tells_whether_there_was_a_file(tmp_path: Path) -> None:
    write_json_schema(tmp_path, schema("library_book", column("title", "TEXT")))
    assert delete_json_schema(tmp_path, "Book")
    assert not delete_json_schema(tmp_path, "Book")
