"""From models to wanted tables."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from openviper.db.schemas.state import literal_default, model_table, models_state
from openviper.exceptions import FieldError, MigrationError
from tests.unit.db.schemas.builders import KEY, FakeField, fake_model, foreign_key

SHELF = fake_model("Shelf", "library_shelf")


class Colour(enum.Enum):
    RED = "r"


def test_columns_are_sorted_and_say_only_what_is_true() -> None:
    book = fake_model(
        "Book", "library_book", {"title": FakeField("VARCHAR(9)", unique=True, null=True)}
    )
    assert model_table(book)["columns"] == [
        KEY,
        {"name": "title", "type": "VARCHAR(9)", "nullable": True, "default": None, "unique": True},
    ]


def test_a_foreign_key_has_target_action_and_index() -> None:
    key = foreign_key(SHELF, "SET NULL", null=True, column_name="shelf_id")
    table = model_table(fake_model("Book", "library_book", {"shelf": key}))
    assert table["columns"][1]["target_table"] == "library_shelf"
    assert table["columns"][1]["on_delete"] == "SET NULL"
    assert table["indexes"] == [{"name": "idx_library_book_shelf_id", "fields": ["shelf_id"]}]


def test_groups_and_constraints_use_column_names() -> None:
    book = fake_model(
        "Book",
        "library_book",
        {"shelf": foreign_key(SHELF, column_name="shelf_id"), "title": FakeField("TEXT")},
        unique_together=("shelf", "title"),
        index_together=[("title", "shelf")],
        indexes=[SimpleNamespace(fields=["shelf", "title"], name=None, condition="title <> ''")],
        constraints=[
            SimpleNamespace(name="u", fields=["shelf"], condition="id > 1"),
            SimpleNamespace(name="c", check="id > 0"),
        ],
    )
    table = model_table(book)
    assert table["unique_together"] == [["shelf_id", "title"]]
    assert table["index_together"] == [["title", "shelf_id"]]
    assert table["indexes"][1] == {
        "name": "idx_library_book_shelf_id_title", "fields": ["shelf_id", "title"], "condition": "title <> ''",
    }  # fmt: skip
    assert [constraint["name"] for constraint in table["constraints"]] == ["c", "u"]


def test_a_target_that_does_not_resolve_names_the_field() -> None:
    class Lost(FakeField):
        on_delete = "CASCADE"

        @property
        def remote_model(self) -> Any:
            raise FieldError("unknown model 'Nope'")

    with pytest.raises(MigrationError, match=r"library\.Book\.shelf: unknown model 'Nope'"):
        model_table(fake_model("Book", "library_book", {"shelf": Lost()}))


def test_models_without_a_table_are_left_out_and_two_for_one_table_refused() -> None:
    assert (
        models_state([fake_model("A", "x_a", managed=False), fake_model("B", "x_b", proxy=True)])
        == {}
    )
    with pytest.raises(MigrationError, match="two models"):
        models_state([fake_model("A", "x_a"), fake_model("B", "x_a")])


@pytest.mark.parametrize(
    ("default", "literal"),
    [
        (list, None),
        (lambda: 1, None),
        (Decimal("1.50"), "1.50"),
        (Colour.RED, "r"),
        (b"\x01\xff", "01ff"),
        (("a", 1), ["a", 1]),
        (
            datetime(2025, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            "2025-01-01 00:00:00.000000",
        ),
        (False, False),
    ],
)
def test_defaults_are_literals(default: object, literal: object) -> None:
    assert literal_default(FakeField(default=default)) == literal
