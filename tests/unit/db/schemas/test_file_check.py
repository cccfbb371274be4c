"""What makes a JSON document a schema file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from openviper.db.schemas.file_check import is_type, schema_problem
from openviper.db.schemas.schema_files import read_all_raw_schemas
from openviper.exceptions import MigrationError
from tests.unit.db.schemas.builders import column, schema

GOOD = schema(
    "shop_a",
    column("price", "NUMERIC(8,2)"),
    column("tags", "VARCHAR(9)[]"),
    column("b_id", target_table="shop_b", on_delete="SET NULL"),
    indexes=[{"name": "i", "fields": ["price"], "using": "gin", "opclasses": ["", "public.ops"]}],
    constraints=[
        {"name": "c", "type": "EXCLUDE", "elements": [["price", "&&"]], "deferrable": "deferred"}
    ],
)


def test_a_schema_file_as_it_should_be_has_no_problem() -> None:
    assert schema_problem(GOOD) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": 2}, "has format 2; this version knows 1"),
        ({"model": ""}, "has no 'model'"),
        ({"app": 3}, "has no 'app'"),
        ({"table_name": None}, "has no 'table_name'"),
        ({"columns": []}, "has no columns"),
        ({"columns": {}}, "has no columns"),
        ({"columns": ["id"]}, "has a column without name or type: 'id'"),
        ({"columns": [{"name": "id"}]}, "has a column without name or type: {'name': 'id'}"),
        (
            {"columns": [column("id", "INTEGER; DROP TABLE x")]},
            "unknown type 'INTEGER; DROP TABLE x'",
        ),
        ({"columns": [column("id", "MONEY")]}, "unknown type 'MONEY'"),
        ({"columns": [column("id", on_delete="CASCADE; --")]}, "unknown on_delete 'CASCADE; --'"),
        ({"columns": [column("id", on_delete=["CASCADE"])]}, "unknown on_delete"),
        ({"columns": [column("id", deferrable="later; --")]}, "unknown deferrable 'later; --'"),
        ({"indexes": [{"fields": ["id"]}]}, "index without name"),
        ({"indexes": [3]}, "index without name: 3"),
        ({"indexes": [{"name": "i", "using": "x); DROP"}]}, "index 'i' the unknown using"),
        ({"indexes": [{"name": "i", "opclasses": ["a b"]}]}, "impossible operator class 'a b'"),
        ({"constraints": [{"type": "CHECK"}]}, "constraint without name"),
        ({"constraints": [{"name": "c", "type": "PRIMARY"}]}, "unknown type 'PRIMARY'"),
        ({"constraints": [{"name": "c", "deferrable": "later"}]}, "unknown deferrable 'later'"),
        ({"constraints": [{"name": "c", "elements": [["a", "=) x"]]}]}, "not SQL with an operator"),
        ({"constraints": [{"name": "c", "elements": ["ab"]}]}, "not SQL with an operator"),
    ],
)
def test_what_is_wrong_is_said_with_its_value(change: dict[str, Any], problem: str) -> None:
    found = schema_problem({**GOOD, **change})
    assert found is not None and problem in found


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_a_document_that_is_no_object_is_refused(data: Any) -> None:
    assert schema_problem(data) == f"must hold an object, not {type(data).__name__}"


@pytest.mark.parametrize("text", ["INTEGER", "varchar(5)", "NUMERIC( 8 , 2 )", "TEXT[]", "NUMERIC"])
def test_neutral_types_are_known(text: str) -> None:
    assert is_type(text)


@pytest.mark.parametrize(
    "text", ["", "INT", "VARCHAR(x)", "TEXT[][]", "TEXT -- x", "TEXT)", "VARCHAR(5) x"]
)
def test_anything_else_is_not(text: str) -> None:
    assert not is_type(text)


def test_the_error_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "A.json").write_text(json.dumps({**GOOD, "columns": []}))
    with pytest.raises(MigrationError, match=r"A\.json' has no columns"):
        read_all_raw_schemas(tmp_path)


@pytest.mark.parametrize("spoil", ["link", "file", "directory"])
def test_what_cannot_be_read_is_not_taken_for_nothing(tmp_path: Path, spoil: str) -> None:
    folder = tmp_path / "schemas"
    if spoil == "link":
        folder.symlink_to(tmp_path / "nowhere")
    elif spoil == "file":
        folder.write_text("")
    else:
        (folder / "A.json").mkdir(parents=True)
    with pytest.raises(MigrationError, match="cannot read"):
        read_all_raw_schemas(folder)
    assert read_all_raw_schemas(tmp_path / "absent") == {}
