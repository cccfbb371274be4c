"""Names for models and fields."""

from __future__ import annotations

import keyword

import pytest

from openviper.db.inspection.names import class_name, field_name


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("shop_order_item", "ShopOrderItem"),
        ("Person", "Person"),
        ("2fa_codes", "Table2faCodes"),
        ("größe", "Groe"),
        ("__", "Table"),
        ("model", "ModelRow"),
        ("index", "IndexRow"),
        ("char_field", "CharFieldRow"),
        ("foreign_key", "ForeignKeyRow"),
        ("none", "NoneRow"),
        ("a; import os", "AImportOs"),
    ],
)
def test_a_table_gives_a_class(table: str, name: str) -> None:
    assert class_name(table, ()) == name


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("title", "title"),
        ("UnitPrice", "unitprice"),
        ("a__b", "a_b"),
        ("_id", "id"),
        ("z_", "z"),
        ("class", "class_field"),
        ("save", "save_field"),
        ("pk", "pk_field"),
        ("objects", "objects_field"),
        ("2nd", "field_2nd"),
        ("??", "field"),
        ("first name", "first_name"),
    ],
)
def test_a_column_gives_a_field(column: str, name: str) -> None:
    assert field_name(column, ()) == name
    assert name.isidentifier() and not keyword.iskeyword(name)


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert class_name("person", {"Person"}) == "Person2"
    assert field_name("a", {"a", "a2"}) == "a3"
