"""Texts that may not be empty: what a column without `blank` refuses, whatever sends it."""

from __future__ import annotations

import pytest

from openviper.db import (
    ArrayField,
    CharField,
    EmailField,
    IntegerField,
    ManyToManyField,
    Model,
    TextField,
)
from openviper.serializers import ModelSerializer
from openviper.validation import ParseError


class BlankTextNote(Model):
    title = CharField(max_length=20)
    text = TextField()
    by = EmailField()
    aside = CharField(max_length=20, blank=True)
    usual = CharField(max_length=20, default="")
    mood = CharField(max_length=5, choices=[("", "none"), ("good", "good")])
    state = CharField(max_length=5, null=True)
    count = IntegerField(default=0)


class BlankTextSerializer(ModelSerializer[BlankTextNote]):
    class Meta:
        model = BlankTextNote
        fields = "__all__"


GOOD = {"title": "a", "text": "b", "by": "a@example.org", "mood": ""}


def faults(**changed: object) -> list[tuple[str, str]]:
    """Return place and code of what is refused."""
    try:
        BlankTextSerializer.validate({**GOOD, **changed})
    except ParseError as error:
        return [(str(fault.place[-1]), fault.code) for fault in error.faults]
    return []


@pytest.mark.parametrize("name", ["title", "text", "state"])
def test_a_text_that_says_nothing_is_refused(name: str) -> None:
    assert faults(**{name: ""}) == [(name, "min_length")]
    for blank in (" ", "\t\n", "\u00a0\u2003"):
        assert faults(**{name: blank}) == [(name, "blank")]
    assert faults(**{name: " x "}) == []


def test_an_address_that_is_empty_is_told_once() -> None:
    assert [place for place, _ in faults(by="")] == ["by"]


@pytest.mark.parametrize("name", ["aside", "usual", "mood"])
def test_what_may_be_empty_may_be(name: str) -> None:
    assert faults(**{name: ""}) == []


def test_a_column_that_may_be_null_takes_null() -> None:
    assert faults(state=None) == []


def test_a_part_of_a_row_is_looked_at_alike() -> None:
    with pytest.raises(ParseError, match="title: must not be empty"):
        BlankTextSerializer.validate_data({"title": ""}, partial=True)


def test_what_is_stored_is_sent_and_described_as_it_is() -> None:
    note = BlankTextNote(id=1, title="", text=" ", by="", aside="", mood="")
    assert BlankTextSerializer.from_orm(note).serialize()["title"] == ""
    received = BlankTextSerializer.input_schema()["properties"]["title"]
    sent = BlankTextSerializer.output_schema()["properties"]["title"]
    assert received["minLength"] == 1
    assert "minLength" not in sent


class BlankTextLenient(ModelSerializer[BlankTextNote]):
    class Meta:
        model = BlankTextNote
        fields = ("title", "text", "count")
        extra_kwargs = {"title": {"min_length": 0}, "text": {"min_length": 3}}


def test_a_serializer_may_say_otherwise() -> None:
    assert BlankTextLenient.validate({"title": "", "text": "abc"}).title == ""
    with pytest.raises(ParseError, match="text: must have at least 3"):
        BlankTextLenient.validate({"title": "", "text": "ab"})


class BlankTextShelf(Model):
    words = ArrayField(CharField(max_length=5), size=3)
    asides = ArrayField(CharField(max_length=5, blank=True))
    notes = ManyToManyField(BlankTextNote, related_name="shelves")
    others = ManyToManyField(BlankTextNote, related_name="other_shelves", blank=True)


class BlankTextShelfSerializer(ModelSerializer[BlankTextShelf]):
    class Meta:
        model = BlankTextShelf
        fields = ("words", "asides", "notes", "others")


class BlankTextShelfOfNotes(ModelSerializer[BlankTextShelf]):
    notes: list[BlankTextSerializer]

    class Meta:
        model = BlankTextShelf
        fields = ("words", "asides", "notes")


SHELF = {"words": ["a"], "asides": [""], "notes": [1]}


@pytest.mark.parametrize("serializer", [BlankTextShelfSerializer, BlankTextShelfOfNotes])
@pytest.mark.parametrize(
    ("changed", "place", "code"),
    [
        ({"words": ["a", ""]}, ("words", 1), "min_length"),
        ({"words": [" "]}, ("words", 0), "blank"),
        ({"words": ["a", "b", "c", "d"]}, ("words",), "max_length"),
        ({"notes": []}, ("notes",), "min_length"),
    ],
)
def test_elements_and_keys_are_looked_at_alike(
    serializer: type[ModelSerializer[BlankTextShelf]],
    changed: dict[str, object],
    place: tuple[str | int, ...],
    code: str,
) -> None:
    for data, partial in (({**SHELF, **changed}, False), (changed, True)):
        with pytest.raises(ParseError) as caught:
            serializer.validate_data(data, partial=partial)
        assert [(fault.place, fault.code) for fault in caught.value.faults] == [(place, code)]


def test_lists_of_what_may_be_empty_are_taken() -> None:
    found = BlankTextShelfSerializer.validate({**SHELF, "others": []})
    assert (found.asides, found.others) == ([""], [])
    received = BlankTextShelfSerializer.input_schema()["properties"]
    sent = BlankTextShelfSerializer.output_schema()["properties"]
    assert (received["notes"]["minItems"], received["words"]["items"]["minLength"]) == (1, 1)
    assert "minItems" not in sent["notes"]
    assert "minLength" not in sent["words"]["items"]
