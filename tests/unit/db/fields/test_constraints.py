"""Declarations of indexes and constraints, and the SQL they state."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db import Lower
from openviper.db.fields import BooleanField, CharField, DateTimeField, IntegerField
from openviper.db.fields.constraint_text import validate_sql_expression
from openviper.db.fields.sql_text import SQL, folded, is_expression, sql_of
from openviper.db.models import (
    CheckConstraint,
    ExclusionConstraint,
    F,
    Index,
    Model,
    Q,
    UniqueConstraint,
)
from openviper.exceptions import FieldError


class Booking(Model):
    _app_name = "constraints"

    name = CharField(max_length=20, db_column="label")
    first = IntegerField(default=1)
    last = IntegerField(default=1)
    open = BooleanField(default=True)
    made = DateTimeField(null=True)


def each(text: Any) -> list[str]:
    """Return the texts of all vendors."""
    return list(text.values()) if isinstance(text, dict) else [text]


@pytest.mark.parametrize(
    "text", ["", "  ", "a > 1; drop table x", "a -- b", "a /* b", "delete from x", "(SELECT 1)"]
)
def test_more_than_an_expression_is_refused_wherever_it_stands(text: str) -> None:
    for make in (
        lambda: validate_sql_expression(text),
        lambda: SQL(text),
        lambda: SQL(sqlite=text),
        lambda: Index(["name"], condition=text),
        lambda: Index(expressions=[text]),
        lambda: CheckConstraint(name="x", check=text),
        lambda: UniqueConstraint(name="x", fields=["name"], condition=text),
        lambda: ExclusionConstraint(name="x", elements=[(text, "=")]),
        lambda: ExclusionConstraint(name="x", elements=[("name", "=")], condition=text),
    ):
        with pytest.raises(ValueError):
            make()


def test_texts_may_hold_what_looks_like_a_statement() -> None:
    assert validate_sql_expression("kind <> 'drop; -- it''s'")
    assert each(SQL("kind = 'select'").by_vendor) == ["kind = 'select'"] * 3


def test_what_is_neither_text_nor_condition_is_a_type_error() -> None:
    for wrong in (3, None, object(), ["a"], CharField()):
        value: Any = wrong
        with pytest.raises(TypeError, match="neither SQL text nor a condition"):
            CheckConstraint(name="x", check=value)
    with pytest.raises(TypeError, match="neither SQL text"):
        Index(["name"], condition=3)


def test_fields_and_expressions_exclude_each_other() -> None:
    for options in ({}, {"fields": ["name"], "expressions": [F("first")]}):
        arguments: Any = options
        with pytest.raises(ValueError, match="either fields or expressions"):
            Index(**arguments)
        with pytest.raises(ValueError, match="either fields or expressions"):
            UniqueConstraint(name="x", **arguments)
    with pytest.raises(ValueError, match="needs elements"):
        ExclusionConstraint(name="x", elements=[])


def test_deferrable_is_one_of_two_words() -> None:
    assert UniqueConstraint(name="x", fields="name", deferrable="deferred").deferrable == "deferred"
    wrong: Any = True
    with pytest.raises(ValueError, match="neither 'immediate' nor 'deferred'"):
        UniqueConstraint(name="x", fields=["name"], deferrable=wrong)
    with pytest.raises(ValueError, match="neither 'immediate' nor 'deferred'"):
        ExclusionConstraint(name="x", elements=[("name", "=")], deferrable=wrong)


def test_one_field_may_be_given_as_a_text() -> None:
    assert Index("name").fields == UniqueConstraint(name="x", fields="name").fields == ["name"]
    assert Index(["-first", "name"], using="GIN").using == "gin"


def test_conditions_become_text_over_columns_with_their_values_in_it() -> None:
    check = CheckConstraint(name="x", check=Q(name="it's") & Q(first__lte=F("last")))
    for text in each(check.check_sql(Booking)):
        assert "label" in text and "'it''s'" in text and "last" in text
        assert "constraints_booking" not in text and "?" not in text and "%s" not in text
    unique = UniqueConstraint(name="x", fields=["name"], condition=Q(open=True))
    assert unique.condition_sql(Booking)
    assert UniqueConstraint(name="x", fields=["name"]).condition_sql(Booking) is None
    assert Index(["name"], condition="first > 3").condition_sql(Booking) == "first > 3"


def test_expressions_of_indexes_may_descend() -> None:
    index = Index(expressions=[F("first") + F("last"), F("first").desc(), "lower(label)"])
    total, descending, plain = index.parts_sql(Booking)
    assert all("first" in text and "last" in text for text in each(total))
    assert all(text.endswith(" DESC") for text in each(descending))
    assert plain == "lower(label)"


def test_elements_are_columns_texts_or_expressions() -> None:
    exclusion = ExclusionConstraint(
        name="x",
        elements=[("name", "="), ("int4range(first, last)", "&&"), (F("last"), "<>")],
        condition=Q(open=True),
    )
    elements = exclusion.elements_sql(Booking)
    assert elements[0] == ('"label"', "=")
    assert elements[1] == ("int4range(first, last)", "&&")
    assert all("last" in text for text in each(elements[2][0]))
    assert exclusion.condition_sql(Booking) and exclusion.using == "gist"
    assert ExclusionConstraint(name="x", elements=[("name", "=")]).condition_sql(Booking) is None


def test_what_names_no_field_is_refused_when_the_text_is_made() -> None:
    for wrong in (Q(nope=1), Q(name=F("nope")), Q(first="many")):
        with pytest.raises((FieldError, ValueError)):
            CheckConstraint(name="x", check=wrong).check_sql(Booking)


def test_sql_is_one_text_or_one_for_each_vendor() -> None:
    assert sql_of(Booking, "a > 1") == sql_of(Booking, SQL("a > 1")) == "a > 1"
    assert sql_of(Booking, SQL("now()", sqlite="CURRENT_TIMESTAMP")) == {
        "sqlite": "CURRENT_TIMESTAMP",
        "postgresql": "now()",
        "mysql": "now()",
    }
    assert sql_of(Booking, SQL(postgresql="gen_random_uuid()")) == {
        "postgresql": "gen_random_uuid()"
    }
    assert folded({"sqlite": "x", "postgresql": "x"}) == {"sqlite": "x", "postgresql": "x"}
    assert repr(SQL("a")) == "SQL('a')"
    with pytest.raises(ValueError, match="needs a text"):
        SQL()


def test_only_what_the_database_works_out_is_an_expression() -> None:
    assert all(map(is_expression, (F("a"), F("a") + 1, Q(a=1), F("a").desc(), Booking.first)))
    assert not any(map(is_expression, (1, "a", None, [1], SQL("a"), Booking)))


def test_values_are_no_names_of_fields() -> None:
    for make in (
        lambda: Index(Lower("name")),  # type: ignore[arg-type]  # for this test
        lambda: Index(["name", Lower("name")]),  # type: ignore[list-item]  # for this test
        lambda: UniqueConstraint(name="x", fields=[F("name")]),  # type: ignore[list-item]  # for this test
    ):
        with pytest.raises(
            TypeError, match=r"is not the name of a field; expressions=\[...\] takes"
        ):
            make()
