"""What a form is told of fields that are not there, or that it means nothing for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from openviper.http.forms import FormData
from openviper.validation import Form, UnsupportedTypeError


@dataclass
class Line:
    book: str = ""


@dataclass
class Place:
    country: str
    city: str = ""


@dataclass
class Order:
    name: str
    place: Place
    lines: list[Line] = field(default_factory=list)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"initial": {"nam": "Ann"}}, "no field 'nam'; did you mean 'name'"),
        ({"initial": 5}, "5 has none of the fields name, place, lines"),
        ({"extra": {"line": 2}}, "no field 'line'; did you mean 'lines'"),
        ({"extra": {"name": 2}}, "'name' is not a list of records"),
        ({"extra": {"lines": -1}}, "-1 is no number of rows"),
        ({"extra": 3}, "extra names fields"),
        ({"choices": {"place.land": []}}, "no field 'place.land'"),
        ({"choices": {"lines.book": []}}, "no field 'lines.book'"),
        ({"prefix": "a b"}, "prefix 'a b' is no name"),
    ],
)
def test_what_means_nothing_is_an_error(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=reason):
        Form(Order, **arguments)


def test_choices_of_a_field_within_are_demanded_of_what_is_sent() -> None:
    form = Form(Order, choices={"place.country": [("de", "Germany")]}, prefix="a")
    assert form.fill(FormData([("a.name", "Ann"), ("a.place.country", "de")]))
    assert not form.fill(FormData([("a.name", "Ann"), ("a.place.country", "xx")]))
    assert form.errors == {"a.place.country": ["Must be one of the choices."]}
