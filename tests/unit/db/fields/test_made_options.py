"""Defaults and formulas of the database, as fields declare them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openviper.db.fields import (
    ArrayField,
    BinaryField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    Field,
    FloatField,
    IntegerField,
    JSONField,
    PasswordField,
    SensitiveField,
    TimeField,
    UUIDField,
)
from openviper.db.models import SQL, F, Model


class Made(Model):
    _app_name = "made_options"

    plain = IntegerField(default=1)
    literal = IntegerField(db_default=2)
    asked = CharField(max_length=5, db_default=SQL("'x'"))
    total = IntegerField(generated=F("plain") + F("literal"), null=True, stored=False)
    touched = DateTimeField(auto_now=True)


def named(field: Field[Any]) -> Field[Any]:
    """Return the field as a model would hold it."""
    field.contribute_to_class(type("Holder", (), {}), "value")
    return field


def test_options_know_which_fields_are_written_given_and_made() -> None:
    meta = Made._meta
    assert [field.name for field in meta.written_fields] == [
        "id",
        "plain",
        "literal",
        "asked",
        "touched",
    ]
    assert [field.name for field in meta.checked_fields] == ["plain", "literal", "asked"]
    assert [field.name for field in meta.made_fields] == ["asked", "total"]
    assert [field.name for field in meta.auto_fields] == ["touched"]
    assert set(meta.kept_names) >= {"_row", "id", "asked", "total", "touched"}
    assert "plain" not in meta.kept_names
    assert meta.defaults == {"id": None, "plain": 1, "literal": 2, "asked": None, "touched": None}


def test_a_value_is_in_a_new_instance_at_once_and_the_rest_later() -> None:
    made: Any = Made()
    assert (made.plain, made.literal, made.asked, made.total) == (1, 2, None, None)
    assert Made(asked="y").asked == "y"
    with pytest.raises(TypeError, match="the database works the value out"):
        Made(total=3)


@pytest.mark.parametrize(
    "options",
    [
        {"default": 1, "db_default": 2},
        {"default": 1, "generated": F("a")},
        {"db_default": 1, "generated": F("a")},
        {"default": lambda: 1, "db_default": SQL("1")},
    ],
)
def test_only_one_of_them_decides_about_the_value(options: Any) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        IntegerField(**options)


LITERALS: list[tuple[Field[Any], dict[str, str]]] = [
    (IntegerField(db_default=-7), {"sqlite": "-7", "postgresql": "-7", "mysql": "-7"}),
    (FloatField(db_default=1.5), {"sqlite": "1.5", "postgresql": "1.5", "mysql": "1.5"}),
    (BooleanField(db_default=True), {"sqlite": "1", "postgresql": "TRUE", "mysql": "1"}),
    (BooleanField(db_default=False), {"sqlite": "0", "postgresql": "FALSE", "mysql": "0"}),
    (
        CharField(db_default="a'b\\c"),
        {"sqlite": "'a''b\\c'", "postgresql": "'a''b\\c'", "mysql": "'a''b\\\\c'"},
    ),
    (
        DateField(db_default=date(2024, 2, 29)),
        dict.fromkeys(("sqlite", "postgresql", "mysql"), "'2024-02-29'"),
    ),
    (DurationField(db_default=timedelta(seconds=1)), dict.fromkeys(("sqlite", "mysql"), "1000000")),
    (BinaryField(db_default=b"\x00\xff"), {"sqlite": "X'00ff'", "mysql": "X'00ff'"}),
    (UUIDField(db_default=UUID(int=1)), {"postgresql": f"'{UUID(int=1)}'"}),
]


@pytest.mark.parametrize(("field", "wanted"), LITERALS)
def test_values_have_a_literal_for_each_vendor(field: Field[Any], wanted: dict[str, str]) -> None:
    text = named(field).db_default_sql(Made)
    for vendor, literal in wanted.items():
        assert (text if isinstance(text, str) else (text or {})[vendor]) == literal


def test_every_kind_of_value_has_a_literal_or_is_refused() -> None:
    for field in (
        DecimalField(db_default=Decimal("9.90")),
        DateTimeField(db_default=datetime(2024, 1, 1, tzinfo=UTC)),
        TimeField(db_default=time(12, 30)),
        JSONField(db_default={"a": [1, None]}),
    ):
        assert named(field).db_default_sql(Made)
    for wrong in (
        CharField(max_length=2, db_default="abc"),
        IntegerField(db_default=2**40),
        IntegerField(db_default="x"),
        DecimalField(max_digits=3, decimal_places=1, db_default=Decimal("1.55")),
    ):
        with pytest.raises(ValueError):
            named(wrong).db_default_sql(Made)


def test_a_formula_is_text_over_columns() -> None:
    field = Made._meta.field("total")
    text = field.generated_sql(Made)
    for version in text.values() if isinstance(text, dict) else [text]:
        assert "plain" in version and "literal" in version and "made_options" not in version
    assert field.stored is False and Made._meta.field("plain").db_default_sql(Made) is None
    assert Made._meta.field("asked").db_default_sql(Made) == "'x'"


def test_secrets_and_keys_are_not_the_databases_to_make() -> None:
    for make in (SensitiveField, PasswordField):
        for value in ("x", SQL("'x'")):
            with pytest.raises(ValueError, match="in clear"):
                make(db_default=value)
    with pytest.raises(ValueError, match="a primary key cannot be generated"):
        IntegerField(primary_key=True, generated=F("a"))
    assert UUIDField(primary_key=True, db_default=SQL(postgresql="gen_random_uuid()")).asks_database
    assert named(ArrayField(IntegerField())).db_default is None
