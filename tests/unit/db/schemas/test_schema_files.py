"""Schema files: read with care, written in one step, left alone when nothing differs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

import openviper
from openviper.db.schemas import (
    delete_json_schema,
    discover_json_schemas,
    read_json_schema,
    write_json_schema,
)
from openviper.db.schemas.schema_files import (
    dump,
    installed_app_directories,
    read_all_raw_schemas,
    schema_document,
    table_of,
)
from openviper.exceptions import MigrationError
from openviper.testing import override_openviper_settings
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


# Reading a folder


def test_only_json_files_that_are_not_hidden_are_schema_files(tmp_path: Path) -> None:
    write_json_schema(tmp_path, schema("library_book", column("title", "TEXT")))
    for name in (".Book.json", "Book.json~", "Book.JSON", "notes.txt"):
        (tmp_path / name).write_text("{")
    assert list(read_all_raw_schemas(tmp_path)) == ["Book"]


def test_a_model_without_a_file_has_none(tmp_path: Path) -> None:
    assert read_json_schema(tmp_path, "Book") is None
    assert read_json_schema(tmp_path / "nowhere", "Book") is None


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b'{"model": "\xe4"}', b"[" * 100_000, b"", b'{"a": 1} {"b": 2}'],
    ids=["utf-16", "latin-1", "deep", "empty", "two"],
)
def test_bytes_that_are_no_json_are_refused_with_the_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "A.json").write_bytes(content)
    with pytest.raises(MigrationError, match=r"A\.json' is not JSON"):
        read_all_raw_schemas(tmp_path)


@pytest.mark.parametrize("key", ["indexes", "unique_together", "index_together", "constraints"])
def test_a_list_that_is_null_or_absent_is_empty(key: str) -> None:
    document = schema("library_book", column("title", "TEXT"))
    for old in ({**document, key: None}, {k: v for k, v in document.items() if k != key}):
        assert table_of(old)[key] == []  # type: ignore[literal-required]  # one of four keys


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"name": "c", "check": "n > 0"}, "CHECK"),
        ({"name": "c", "fields": ["n"]}, "UNIQUE"),
        ({"name": "c", "type": "EXCLUDE", "elements": [["n", "="]]}, "EXCLUDE"),
    ],
)
def test_the_type_of_an_old_constraint_is_what_it_asks_for(
    entry: dict[str, object], kind: str
) -> None:
    table = table_of(schema("library_book", column("n"), constraints=[entry]))
    assert table["constraints"] == [{**entry, "type": kind}]


def test_an_old_table_name_is_kept_and_an_empty_one_is_none() -> None:
    document = schema("library_book", column("n"))
    assert table_of({**document, "old_table_name": "a"})["old_table_name"] == "a"
    assert "old_table_name" not in table_of({**document, "old_table_name": ""})
    assert "old_table_name" not in table_of(document)


# Writing


@pytest.mark.parametrize(
    "default",
    [None, True, 0, -1.5, "", "it's \"ä\" \u2028 \\ \n", [1, [2]], {"a": {"b": None}}, "😀"],
    ids=ascii,
)  # fmt: skip
def test_any_default_survives_writing_and_reading(tmp_path: Path, default: object) -> None:
    document = schema("library_book", column("title", "JSON", default=default))
    write_json_schema(tmp_path, document)
    assert read_json_schema(tmp_path, "Book") == document


def test_a_document_has_one_line_per_column_index_and_constraint() -> None:
    document = schema(
        "library_book",
        column("title", "TEXT"),
        column("n"),
        indexes=[{"name": "i", "fields": ["n"]}],
        constraints=[{"name": "c", "type": "CHECK", "check": "n > 0"}],
    )
    lines = dump(document).splitlines()
    for word in ('"name": "title"', '"name": "n"', '"name": "i"', '"name": "c"'):
        assert sum(word in line for line in lines) == 1
    assert json.loads(dump(document)) == document
    assert json.loads(dump({})) == {}


def test_writing_replaces_the_file_and_makes_missing_folders(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "schemas"
    first = schema("library_book", column("title", "TEXT"), column("long" * 50, "TEXT"))
    second = schema("library_book", column("n"))
    write_json_schema(folder, first)
    write_json_schema(folder, second)
    assert read_json_schema(folder, "Book") == second
    assert [path.name for path in folder.iterdir()] == ["Book.json"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    document = schema("library_book", column("title", "TEXT"))
    write_json_schema(tmp_path, document)
    with pytest.raises(TypeError):
        write_json_schema(tmp_path, {**document, "columns": [object()]})
    assert read_json_schema(tmp_path, "Book") == document
    assert [path.name for path in tmp_path.iterdir()] == ["Book.json"]


def test_a_column_is_written_in_one_order_without_keys_that_nobody_knows() -> None:
    shuffled = {"default": None, "type": "TEXT", "extra": 1, "nullable": True, "name": "a"}
    table = table_of({**schema("library_book", column("n")), "columns": [shuffled]})
    (written,) = schema_document("library_book", table, None)["columns"]
    assert list(written) == ["name", "type", "nullable", "default"]


def test_the_first_document_has_a_time_and_a_renamed_table_its_old_name() -> None:
    table = table_of(schema("library_book", column("n"), old_table_name="library_tome"))
    document = schema_document("library_book", table, None)
    assert document["old_table_name"] == "library_tome"
    assert datetime.fromisoformat(document["last_modified"]).utcoffset() == timedelta(0)
    assert schema_document("library_book", table, document) is not document
    assert schema_document("library_book", table, document) == document


# Apps


def test_two_apps_in_one_directory_are_one(tmp_path: Path) -> None:
    write_json_schema(tmp_path / "schemas", schema("library_book", column("n")))
    assert list(discover_json_schemas({"a": str(tmp_path), "b": str(tmp_path)})) == ["library_book"]


def test_apps_without_schema_files_have_no_tables(tmp_path: Path) -> None:
    assert discover_json_schemas({"a": str(tmp_path)}) == {}
    assert discover_json_schemas({}) == {}


def test_built_in_apps_come_first_and_apps_that_cannot_be_found_are_left_out() -> None:
    apps = ("tests.unit", "nowhere", "nowhere.at.all", "openviper.auth", "tests.unit.db")
    with override_openviper_settings(INSTALLED_APPS=apps):
        directories = installed_app_directories()
    assert list(directories) == ["openviper.auth", "tests.unit", "tests.unit.db"]
    assert directories["tests.unit.db"] == str(Path(__file__).parents[1])


# The project's own user model


class Customer:
    """A user model of a project, as far as schema files need it."""

    _meta = SimpleNamespace(table_name="shop_customer", pk=SimpleNamespace(db_type=lambda: "UUID"))


SHIPPED = {"auth": str(Path(openviper.__file__).parent / "auth")}
CUSTOMER = f"{__name__}.Customer"


def test_references_to_the_shipped_user_lead_to_the_projects_own() -> None:
    shipped = discover_json_schemas(SHIPPED)
    with override_openviper_settings(USER_MODEL=CUSTOMER):
        own = discover_json_schemas(SHIPPED)
    assert set(shipped) - set(own) == {"auth_users"}
    before = [entry for table in shipped.values() for entry in table["columns"]]
    after = [entry for table in own.values() for entry in table["columns"]]
    assert "auth_users" in {entry.get("target_table") for entry in before}
    moved = [entry for entry in after if entry.get("target_table") == "shop_customer"]
    assert moved and {entry["type"] for entry in moved} == {"UUID"}
    assert "auth_users" not in {entry.get("target_table") for entry in after}


def test_a_table_of_that_name_in_an_app_of_the_project_is_no_shipped_one(tmp_path: Path) -> None:
    own = {**schema("auth_users", column("n")), "app": "shop"}
    write_json_schema(tmp_path / "schemas", own)
    with override_openviper_settings(USER_MODEL=CUSTOMER):
        assert list(discover_json_schemas({"shop": str(tmp_path)})) == ["auth_users"]


@pytest.mark.parametrize(
    "path", ["nowhere.models.User", f"{__name__}.Nobody", f"{__name__}.schema", "User"]
)
def test_a_user_model_that_is_none_is_named(path: str) -> None:
    with (
        override_openviper_settings(USER_MODEL=path),
        pytest.raises(MigrationError, match="USER_MODEL .* is not a model") as caught,
    ):
        discover_json_schemas(SHIPPED)
    assert repr(path) in str(caught.value)
