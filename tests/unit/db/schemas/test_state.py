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


class Worked:
    """An expression of a model as schema sync meets it: it tells its SQL for each vendor."""

    def __init__(self, **texts: Any) -> None:
        self.__dict__.update(texts)


def stated(**meta: Any) -> Any:
    fields = {"a": FakeField(column_name="col_a"), "b": FakeField()}
    return model_table(fake_model("A", "shop_a", fields, **meta))


def test_defaults_and_formulas_of_the_database_are_stated_with_the_column() -> None:
    generated = FakeField(generated=True, stored=False, null=True)
    generated.generated_sql = lambda model: {"sqlite": model.__name__}  # type: ignore[attr-defined]  # a fake
    computed = FakeField()
    computed.db_default_sql = lambda model: "1 + 1"  # type: ignore[attr-defined]  # a fake
    plain = FakeField(db_default=7)
    table = model_table(
        fake_model(
            "A",
            "shop_a",
            {"g": generated, "n": computed, "p": plain, "z": FakeField(db_default=None)},
        )
    )
    columns = {each["name"]: each for each in table["columns"]}
    assert columns["g"]["generated"] == {"expression": {"sqlite": "A"}, "stored": False}
    assert columns["n"]["db_default"] == "1 + 1"
    assert columns["p"]["db_default"] == "7"
    assert "db_default" not in columns["z"] and "generated" not in columns["z"]


def test_an_index_says_only_what_it_has_with_columns_in_place_of_fields() -> None:
    plain = Worked(fields=["-a", "b"], name=None, condition=None)
    rich = Worked(
        fields="a", name="i", condition="b > 1", include=["b"], using="gin", opclasses=["x"], nulls_distinct=True
    )  # fmt: skip
    table = stated(indexes=[plain, rich])
    assert table["indexes"] == [
        {
            "name": "i", "fields": ["col_a"], "include": ["b"], "using": "gin", "opclasses": ["x"], "condition": "b > 1",
        },
        {"name": "idx_shop_a_col_a_b", "fields": ["-col_a", "b"]},
    ]  # fmt: skip


def test_an_index_over_expressions_is_named_by_them_when_nobody_does() -> None:
    def index(text: str) -> Worked:
        return Worked(
            fields=[], expressions=[object()], name=None, parts_sql=lambda _model: [text],
            condition_sql=lambda _model: {"sqlite": "b > 1"},
        )  # fmt: skip

    one, other = stated(indexes=[index("lower(a)")]), stated(indexes=[index("upper(a)")])
    (entry,) = one["indexes"]
    assert entry["expressions"] == ["lower(a)"]
    assert entry["condition"] == {"sqlite": "b > 1"}
    assert entry["name"].startswith("idx_shop_a_")
    assert entry["name"] != other["indexes"][0]["name"]
    assert entry["name"] == stated(indexes=[index("lower(a)")])["indexes"][0]["name"]


def test_each_kind_of_constraint_is_stated_as_what_it_is() -> None:
    check = Worked(name="c", check=object(), check_sql=lambda _model: "col_a > 1")
    unique = Worked(
        name="u", fields=["a"], condition=None, include=["b"], deferrable="deferred", nulls_distinct=False
    )  # fmt: skip
    exclusion = Worked(
        name="x", elements=[object()], elements_sql=lambda _model: [("col_a", "=")], using="gist", condition=None,
        deferrable="immediate",
    )  # fmt: skip
    assert stated(constraints=[unique, exclusion, check])["constraints"] == [
        {"name": "c", "type": "CHECK", "check": "col_a > 1"},
        {
            "name": "u", "type": "UNIQUE", "fields": ["col_a"], "include": ["b"], "deferrable": "deferred",
            "nulls_distinct": False,
        },
        {"name": "x", "type": "EXCLUDE", "elements": [["col_a", "="]], "using": "gist", "deferrable": "immediate"},
    ]  # fmt: skip
