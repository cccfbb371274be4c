"""Every kind of change between models and files is seen, and nothing else is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from openviper.db.schemas import detect_changes
from openviper.db.schemas.autodetector import FileChange
from openviper.db.schemas.renames import RenameOptions
from openviper.exceptions import MigrationError
from tests.unit.db.schemas.builders import FakeField, fake_model, foreign_key

SHELF = fake_model("Shelf", "library_shelf")
CASE = fake_model("Case", "library_case")


def book(fields: dict[str, FakeField] | None = None, **meta: Any) -> Any:
    return fake_model(
        "Book", "library_book", {"title": FakeField("VARCHAR(50)"), **(fields or {})}, **meta
    )


def written(*models: Any, over: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the files of models, those of `over` being there already."""
    return {
        change.model: change.document for change in detect_changes(models, over or {}, "library")
    }


def changes_between(old: Any, new: Any, **options: Any) -> list[FileChange]:
    return detect_changes([new], written(old), "library", **options)


def notes_between(old: Any, new: Any, **options: Any) -> list[str]:
    changes = changes_between(old, new, **options)
    return [note for change in changes for note in change.notes]


def test_equal_models_change_nothing() -> None:
    assert changes_between(book(), book()) == []


def test_new_and_removed_models_create_and_delete_files() -> None:
    kinds = {
        change.model: change.kind for change in detect_changes([SHELF], written(book()), "library")
    }
    assert kinds == {"Shelf": "created", "Book": "deleted"}


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ({}, {"n": FakeField(null=True)}, "add column library_book.n"),
        ({"n": FakeField()}, {}, "drop column library_book.n"),
        ({"n": FakeField()}, {"n": FakeField("BIGINT")}, "alter column library_book.n: type"),
        ({"n": FakeField()}, {"n": FakeField(null=True)}, "alter column library_book.n: nullable"),
        ({"n": FakeField()}, {"n": FakeField(default=1)}, "alter column library_book.n: default"),
        ({"n": FakeField()}, {"n": FakeField(unique=True)}, "alter column library_book.n: unique"),
        (
            {"n": foreign_key(SHELF)},
            {"n": foreign_key(CASE)},
            "alter column library_book.n: target table",
        ),
        (
            {"n": foreign_key(SHELF)},
            {"n": foreign_key(SHELF, "RESTRICT")},
            "alter column library_book.n: on delete",
        ),
        (
            {"id": FakeField(primary_key=True, auto_increment=True)},
            {"id": FakeField(primary_key=True)},
            "alter column library_book.id: autoincrement",
        ),
        (
            {"code": FakeField(primary_key=True), "n": FakeField()},
            {"n": FakeField(primary_key=True), "code": FakeField()},
            "alter column library_book.code: primary key",
        ),
        ({"n": FakeField()}, {"n": FakeField(db_index=True)}, "change indexes"),
    ],
)
def test_each_change_of_a_column_is_seen(
    old: dict[str, Any], new: dict[str, Any], note: str
) -> None:
    assert note in notes_between(book(old), book(new))


@pytest.mark.parametrize(
    ("meta", "note"),
    [
        ({"unique_together": [("id", "title")]}, "change unique together"),
        ({"index_together": [("id", "title")]}, "change index together"),
        ({"constraints": [SimpleNamespace(name="c", check="id > 0")]}, "change constraints"),
        (
            {"indexes": [SimpleNamespace(fields=["title"], name="i", condition="id > 1")]},
            "change indexes",
        ),
        ({"single": True}, "change single"),
    ],
)
def test_each_change_of_a_table_is_seen(meta: dict[str, Any], note: str) -> None:
    assert notes_between(book(), book(**meta)) == [note]
    assert notes_between(book(**meta), book()) == [note]


def test_choices_only_rewrite_the_file() -> None:
    (change,) = changes_between(
        book({"n": FakeField()}), book({"n": FakeField(choices=[(1, "One")])})
    )
    assert change.kind == "updated"
    assert change.notes == []


def test_a_rename_is_kept_in_the_file_with_its_history() -> None:
    first = written(book({"a": FakeField()}))
    second = written(book({"b": FakeField()}), over=first)
    third = written(book({"c": FakeField()}), over=second)
    column = next(one for one in third["Book"]["columns"] if one["name"] == "c")
    assert (column["old_name"], column["older_names"]) == ("b", ["a"])
    assert detect_changes([book({"c": FakeField()})], third, "x") == []


def test_a_rejected_type_change_names_app_table_and_column() -> None:
    with pytest.raises(MigrationError, match=r"library: library_book\.title: .*--force"):
        changes_between(book(), book({"title": FakeField("INTEGER")}))
    (change,) = changes_between(book(), book({"title": FakeField("INTEGER")}), force=True)
    assert any("by force" in warning for warning in change.warnings)


def test_the_type_of_a_primary_key_needs_force() -> None:
    old, new = (
        book({"id": FakeField(primary_key=True)}),
        book({"id": FakeField("BIGINT", primary_key=True)}),
    )
    with pytest.raises(MigrationError, match="primary key"):
        changes_between(old, new)
    assert changes_between(old, new, force=True)


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        ({}, {"n": FakeField()}, "NOT NULL without a default"),
        ({"n": FakeField(null=True)}, {"n": FakeField()}, "becomes NOT NULL"),
        ({"n": FakeField()}, {"n": FakeField(unique=True)}, "becomes unique"),
        ({"n": FakeField()}, {}, "dropped with its data"),
    ],
)
def test_what_may_fail_or_lose_data_is_warned_about(
    old: dict[str, Any], new: dict[str, Any], warning: str
) -> None:
    (change,) = changes_between(book(old), book(new))
    assert any(warning in text for text in change.warnings)


def test_a_model_under_a_new_name_is_moved_only_when_a_person_says_so() -> None:
    files = written(fake_model("Book", "library_book", {"title": FakeField("TEXT")}))
    volume = fake_model("Volume", "library_volume", {"title": FakeField("TEXT")})
    silent = detect_changes([volume], files, "library")
    assert "old_table_name" not in next(change.document for change in silent if change.document)
    asked = detect_changes(
        [volume], files, "library", renames=RenameOptions(ask=lambda question: True)
    )
    assert (
        next(change.document for change in asked if change.document)["old_table_name"]
        == "library_book"
    )
    assert not [warning for change in asked for warning in change.warnings]


def test_files_of_version_0_1_are_read_and_completed() -> None:
    files = written(book({"price": FakeField("NUMERIC(8,2)")}))
    old = files["Book"]
    del old["format"], old["single"]
    next(column for column in old["columns"] if column["name"] == "price")["type"] = "NUMERIC"
    (change,) = detect_changes([book({"price": FakeField("NUMERIC(8,2)")})], files, "library")
    assert change.notes == []
    assert change.document is not None and change.document["format"] == 1
