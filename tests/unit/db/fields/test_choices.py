"""Sets of allowed texts with labels."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.fields import CharField, TextChoice
from openviper.db.fields.base import choice_pairs


class State(TextChoice):
    DRAFT = "draft", "Not yet public"
    OUT = "out", "Published"
    IN_REVIEW = "review"


def test_a_class_lists_its_members() -> None:
    assert State.choices == [
        ("draft", "Not yet public"),
        ("out", "Published"),
        ("review", "In review"),
    ]
    assert State.values == ["draft", "out", "review"]
    assert State.labels == ["Not yet public", "Published", "In review"]
    assert State.names == ["DRAFT", "OUT", "IN_REVIEW"]


def test_a_member_is_its_value() -> None:
    assert str(State.DRAFT) == "draft" and f"{State.DRAFT}" == "draft" and State("out") is State.OUT
    assert State.DRAFT.label == "Not yet public" and State.IN_REVIEW.label == "In review"


def test_members_are_found_by_value_and_by_label() -> None:
    assert State.from_value("out") is State.OUT
    assert State.from_label("In review") is State.IN_REVIEW
    with pytest.raises(
        ValueError, match="'nope' is not a value of State; values: draft, out, review"
    ):
        State.from_value("nope")
    with pytest.raises(ValueError, match="'draft' is not a label of State"):
        State.from_label("draft")


def test_a_field_takes_values_and_members_and_stores_plain_text() -> None:
    field = CharField(choices=State)
    field.contribute_to_class(type("Holder", (), {}), "state")
    assert choice_pairs(State) == State.choices
    field.validate(State.OUT)
    field.validate("draft")
    stored = field.to_db(State.OUT)
    assert stored == "out" and type(stored) is str
    with pytest.raises(ValueError, match="state: 'OUT' is not one of"):
        field.validate("OUT")


@pytest.mark.parametrize("choices", [5, ["draft", "out"], [("draft",)], int])
def test_what_is_no_choices_is_named(choices: Any) -> None:
    with pytest.raises(ValueError, match="is neither an Enum nor a list of pairs"):
        CharField(choices=choices)
