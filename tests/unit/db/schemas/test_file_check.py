"""What makes a JSON document a schema file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import openviper
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
        (
            {"constraints": [{"name": "c", "type": "EXCLUDE", "elements": [["a", "=) x"]]}]},
            "not SQL with an operator",
        ),
        (
            {"constraints": [{"name": "c", "type": "EXCLUDE", "elements": ["ab"]}]},
            "not SQL with an operator",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_value(change: dict[str, Any], problem: str) -> None:
    found = schema_problem({**GOOD, **change})
    assert found is not None and problem in found


def with_column(**keys: Any) -> dict[str, Any]:
    return {"columns": [column("a", "TEXT", **keys)]}


def with_index(**keys: Any) -> dict[str, Any]:
    return {"indexes": [{"name": "i", "fields": ["price"], **keys}]}


def with_constraint(**keys: Any) -> dict[str, Any]:
    return {"indexes": [], "constraints": [{"name": "c", **keys}]}


SHIPPED = sorted(Path(openviper.__file__).parent.glob("*/schemas/*.json"))
EXCLUSION = {"type": "EXCLUDE", "elements": [["price", "="]]}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"indexes": 3}, "gives the table the impossible indexes 3"),
        ({"indexes": {"i": {}}}, "gives the table the impossible indexes {'i': {}}"),
        ({"constraints": "c"}, "gives the table the impossible constraints 'c'"),
        ({"unique_together": True}, "gives the table the impossible unique_together True"),
        ({"index_together": 1}, "gives the table the impossible index_together 1"),
        ({"single": "yes"}, "gives the table the impossible single 'yes'"),
        ({"managed": "false"}, "gives the table the impossible managed 'false'"),
        ({"old_table_name": 3}, "gives the table the impossible old_table_name 3"),
        (with_column(nullable="no"), "gives column 'a' the impossible nullable 'no'"),
        (with_column(primary_key=1), "gives column 'a' the impossible primary_key 1"),
        (with_column(unique="x"), "gives column 'a' the impossible unique 'x'"),
        (with_column(autoincrement=[]), "gives column 'a' the impossible autoincrement []"),
        (with_column(target_table=3), "gives column 'a' the impossible target_table 3"),
        (with_column(target_table=""), "gives column 'a' the impossible target_table ''"),
        (with_column(old_name=["b"]), "gives column 'a' the impossible old_name ['b']"),
        (with_column(older_names="b"), "gives column 'a' the impossible older_names 'b'"),
        ({"columns": [column("a", "BINARY", default="zz")]}, "impossible default 'zz'"),
        ({"columns": [column("a", "BINARY", default="01f")]}, "impossible default '01f'"),
        (
            {"columns": [column("a", "binary", default="0'; DROP")]},
            'impossible default "0\'; DROP"',
        ),
        ({"columns": [column("a", "REAL", default=float("nan"))]}, "impossible default nan"),
        ({"columns": [column("a", "NUMERIC(8,2)", default=float("inf"))]}, "default inf"),
        (with_column(db_default=3), "gives column 'a' the impossible db_default 3"),
        (with_column(db_default={}), "gives column 'a' the impossible db_default {}"),
        (with_column(generated="1"), "gives column 'a' the impossible generated '1'"),
        (
            with_column(generated={"expression": "1"}),
            "the impossible generated {'expression': '1'}",
        ),
        (with_index(fields="price"), "gives index 'i' the impossible fields 'price'"),
        (with_index(fields=[["price"]]), "gives index 'i' the impossible fields [['price']]"),
        (with_index(include=3), "gives index 'i' the impossible include 3"),
        (with_index(opclasses=[3]), "gives index 'i' the impossible opclasses [3]"),
        (with_index(condition=True), "gives index 'i' the impossible condition True"),
        (with_index(nulls_distinct="no"), "gives index 'i' the impossible nulls_distinct 'no'"),
        (with_index(fields=[]), "gives index 'i' neither fields nor expressions"),
        (with_index(expressions=[""]), "gives index 'i' the impossible expressions ['']"),
        (with_constraint(), "gives constraint 'c' neither fields nor expressions"),
        (with_constraint(type="CHECK"), "gives constraint 'c' no check"),
        (with_constraint(type="CHECK", check=3), "gives constraint 'c' the impossible check 3"),
        (with_constraint(type="EXCLUDE"), "gives constraint 'c' no elements"),
        (with_constraint(type="EXCLUDE", elements=5), "gives constraint 'c' no elements"),
        (
            with_constraint(type="EXCLUDE", elements=[[3, "="]]),
            "not SQL with an operator: [3, '=']",
        ),
    ],
)
def test_a_value_of_another_shape_is_refused_and_not_taken_letter_by_letter(
    change: dict[str, Any], problem: str
) -> None:
    found = schema_problem({**GOOD, "indexes": [], "constraints": [], **change})
    assert found is not None and problem in found


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"columns": [column("a"), column("b"), column("a", "TEXT")]},
            "has under 'columns' 'a' twice",
        ),
        (
            {"indexes": [{"name": "i", "fields": ["price"]}, {"name": "i", "fields": ["tags"]}]},
            "has under 'indexes' 'i' twice",
        ),
        (
            {"constraints": [{"name": "c", **EXCLUSION}, {"name": "c", "check": "price > 0"}]},
            "has under 'constraints' 'c' twice",
        ),
    ],
)
def test_what_a_merge_by_hand_left_twice_is_refused(change: dict[str, Any], problem: str) -> None:
    assert schema_problem({**GOOD, "indexes": [], "constraints": [], **change}) == problem


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"unique_together": [["price", "cost"]]},
            "under 'unique_together' the unknown column 'cost'",
        ),
        ({"index_together": [["cost"]]}, "names under 'index_together' the unknown column 'cost'"),
        (
            {"unique_together": ["price"]},
            "gives the table the impossible unique_together ['price']",
        ),
        ({"unique_together": [[3]]}, "gives the table the impossible unique_together [[3]]"),
        (with_index(fields=["price", "-cost"]), "names under 'i' the unknown column 'cost'"),
        (with_index(include=["cost"]), "names under 'i' the unknown column 'cost'"),
        (with_constraint(fields=["cost"]), "names under 'c' the unknown column 'cost'"),
    ],
)
def test_a_column_that_the_file_does_not_have_is_named(
    change: dict[str, Any], problem: str
) -> None:
    found = schema_problem({**GOOD, "indexes": [], "constraints": [], **change})
    assert found is not None and problem in found


@pytest.mark.parametrize(
    "change",
    [
        {"indexes": None, "constraints": None, "unique_together": None},
        with_column(target_table=None, on_delete=None, db_default=None, generated=None),
        with_column(generated={"expression": {"sqlite": "1", "mysql": "2"}, "stored": False}),
        {"columns": [column("a", "BINARY", default="01fF"), column("b", "REAL", default=1.5)]},
        {"columns": [column("a", "NUMERIC(8,2)", default="1.50"), column("b", "BINARY")]},
        with_index(fields=["-price"], include=["tags"], condition={"postgresql": "price > 1"}),
        with_index(fields=[], expressions=["lower(x)", {"sqlite": "upper(x)"}]),
        with_constraint(check="price > 0"),
        with_constraint(fields=["price"], nulls_distinct=False),
        {"constraints": [{"name": "i", "check": "price > 0"}]},
    ],
    ids=str,
)
def test_what_is_null_by_vendor_or_without_a_type_is_no_problem(change: dict[str, Any]) -> None:
    indexes = [{"name": "i", "fields": ["price"]}]
    document = {**GOOD, "indexes": indexes, "constraints": [], **change}
    if "columns" in change:
        document["indexes"] = []
    assert schema_problem(document) is None


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_files_we_ship_are_schema_files(path: Path) -> None:
    assert schema_problem(json.loads(path.read_text(encoding="utf-8"))) is None


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
