"""What forms and JSON bring is text that can be stored, or is refused with the name of its field."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.auth.flows.fields import CODE, PASSWORD, REMEMBER, USERNAME, FormRefused, clean

FIELDS = (USERNAME, PASSWORD, REMEMBER)


def test_values_are_stripped_but_for_passwords() -> None:
    values = clean(FIELDS, {"username": " ann ", "password": " p ", "remember": "on", "x": "y"})
    assert values == {"username": "ann", "password": " p ", "remember": "on"}


@pytest.mark.parametrize("given", [False, "", "off", None, 1, [], {}])
def test_a_box_that_is_not_checked_is_empty(given: Any) -> None:
    values = clean(FIELDS, {"username": "a", "password": "p", "remember": given})
    assert values["remember"] == ""


@pytest.mark.parametrize("given", [True, "on", "true", "1"])
def test_a_box_that_is_checked_is_on(given: Any) -> None:
    assert clean((REMEMBER,), {"remember": given}) == {"remember": "on"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "This is needed."),
        ("   ", "This is needed."),
        ("x" * 65, "At most 64 characters are allowed."),
        ("a\0b", "This holds characters that are not allowed."),
        ("a\nb", "This holds characters that are not allowed."),
        ("\ud800", "This holds characters that are not allowed."),
        (5, "This has to be a text."),
        (None, "This has to be a text."),
        (["a"], "This has to be a text."),
    ],
)
def test_what_is_wrong_is_said_of_the_field(given: Any, sentence: str) -> None:
    with pytest.raises(FormRefused) as caught:
        clean((CODE,), {"code": given})
    assert (caught.value.errors, caught.value.status) == ({"code": sentence}, 422)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(FormRefused) as caught:
        clean(FIELDS, {"username": "", "password": ""})
    assert list(caught.value.errors) == ["username", "password"]
