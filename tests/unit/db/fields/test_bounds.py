"""Numbers that become part of a column's type, and options that contradict each other, are checked where they are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from openviper.db import fields
from openviper.db.fields import (
    ArrayField,
    CharField,
    DecimalField,
    EmailField,
    FileField,
    ImageField,
    IntegerField,
    PasswordField,
    SlugField,
    TextField,
    URLField,
)
from openviper.db.fields.bounds import whole_number

NOT_WHOLE = [True, False, 5.5, 5.0, "50", "", float("nan"), float("inf"), [5], (5,), b"5"]


@pytest.mark.parametrize("value", NOT_WHOLE, ids=repr)
@pytest.mark.parametrize(
    ("name", "make"),
    [
        *(
            ("max_length", lambda value, kind=kind: kind(max_length=value))
            for kind in (CharField, EmailField, SlugField, URLField, PasswordField, FileField)
        ),
        ("min_length", lambda value: PasswordField(min_length=value)),
        ("max_digits", lambda value: DecimalField(max_digits=value, decimal_places=0)),
        ("decimal_places", lambda value: DecimalField(decimal_places=value)),
        ("max_file_size", lambda value: FileField(max_file_size=value)),
        ("max_file_size", lambda value: ImageField(max_size=value)),
        ("size", lambda value: ArrayField(IntegerField(), size=value)),
    ],
)
def test_what_is_no_whole_number_is_named(
    name: str, make: Callable[[Any], object], value: Any
) -> None:
    with pytest.raises(ValueError) as caught:
        make(value)
    assert str(caught.value) == f"{name}={value!r} is not a whole number"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CharField(max_length=0), "max_length=0 is not positive"),
        (lambda: CharField(max_length=-5), "max_length=-5 is not positive"),
        (lambda: PasswordField(max_length=0), "max_length=0 is not positive"),
        (lambda: PasswordField(min_length=-1), "min_length=-1 is not at least 0"),
        (lambda: PasswordField(min_length=129), "min_length=129 is above max_length=128"),
        (lambda: PasswordField(max_length=3), "min_length=4 is above max_length=3"),
        (lambda: DecimalField(max_digits=0, decimal_places=0), "max_digits=0 is not positive"),
        (lambda: DecimalField(decimal_places=-1), "decimal_places=-1 is not at least 0"),
        (
            lambda: DecimalField(max_digits=5, decimal_places=6),
            "decimal_places=6 does not go with max_digits=5",
        ),
        (lambda: FileField(max_file_size=0), "max_file_size=0 is not positive"),
        (lambda: FileField(max_size=-1), "max_file_size=-1 is not positive"),
        (lambda: ArrayField(IntegerField(), size=0), "size=0 is not positive"),
    ],
)
def test_a_bound_that_lets_nothing_pass_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == message


def test_bounds_that_are_reached_exactly_are_good() -> None:
    assert CharField(max_length=1).db_type() == "VARCHAR(1)"
    assert DecimalField(max_digits=5, decimal_places=5).db_type() == "NUMERIC(5,5)"
    assert DecimalField(max_digits=1, decimal_places=0).db_type() == "NUMERIC(1,0)"
    assert PasswordField(min_length=0, max_length=1).max_password_length == 1
    assert FileField(max_file_size=1).max_file_size == 1 and FileField().max_file_size is None
    assert ArrayField(IntegerField(), size=1).size == 1
    assert whole_number("n", 7, least=7) == 7


@pytest.mark.parametrize("directory", [5, b"a", ["a"], True])
def test_a_directory_of_uploads_is_a_name(directory: Any) -> None:
    with pytest.raises(TypeError) as caught:
        FileField(upload_to=directory)
    assert str(caught.value) == f"upload_to={directory!r} is not the name of a directory"


@pytest.mark.parametrize("directory", ["../x", "/abs", "a/../b", "a//b", ".", "a\\b", "a\0"])
def test_a_directory_of_uploads_stays_below_the_storage(directory: str) -> None:
    with pytest.raises(ValueError, match="is not a plain relative path"):
        FileField(upload_to=directory)


def test_two_names_for_one_limit_are_one_too_many() -> None:
    with pytest.raises(TypeError, match="^max_file_size and max_size are two names for one limit"):
        FileField(max_file_size=5, max_size=5)


def test_a_directory_leaves_room_for_a_name() -> None:
    with pytest.raises(ValueError, match=r"^max_length=30 leaves no room for a name in 'long-name"):
        FileField(upload_to="long-name", max_length=30)


@pytest.mark.parametrize(
    "kind", sorted(name for name in fields.__all__ if name.endswith("Field") and name != "Field")
)
def test_an_option_that_no_field_has_is_refused(kind: str) -> None:
    given: dict[str, tuple[Any, ...]] = {
        "ArrayField": (IntegerField(),),
        "ForeignKey": ("auth.User",),
        "OneToOneField": ("auth.User",),
        "ManyToManyField": ("auth.User",),
    }
    with pytest.raises(TypeError, match="'nullable'"):
        getattr(fields, kind)(*given.get(kind, ()), nullable=True)


@pytest.mark.parametrize("choices", ["ab", 5, [1], [(1,)], [(1, 2, 3)], [None]])
def test_choices_are_pairs_or_an_enumeration(choices: Any) -> None:
    with pytest.raises(ValueError) as caught:
        CharField(choices=choices)
    assert str(caught.value) == (
        f"choices={choices!r} is neither an Enum nor a list of pairs of value and label"
    )


# Values of text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a\0b", "t: 'a\\x00b' has a NUL character"),
        ("\ud800", "t: '\\ud800' has no UTF-8 form"),
        (object, "t: <class 'object'> is not text"),
        ([1], "t: [1] is not text"),
        ({"a": 1}, "t: {'a': 1} is not text"),
        (b"x", "t: b'x' is not text"),
    ],
)
def test_what_is_no_text_is_named(value: Any, problem: str) -> None:
    for field in (TextField(), CharField()):
        field.name = "t"
        with pytest.raises(ValueError) as caught:
            field.validate(value)
        assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("field", "good", "bad", "problem"),
    [
        (CharField(max_length=2), ["", "ab", "\U0001f40d\U0001f40d"], ["abc"], "characters are more than 2"),
        (EmailField(), ["a@b.example"], ["a", "a@b\u202e", "a@b@c"], "is not an e-mail address"),
        (SlugField(), ["a-b_1"], ["a b", "é", "-a", ""], "is not a slug"),
        (URLField(), ["https://a/b"], ["a", "ftp://a", "http://a\\b", "http://a:0"], "is not an http or"),
        (PasswordField(), ["abcd", "plain$x"], ["abc", "x" * 129], "a password has 4 to 128 characters"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_text_of_a_form(field: Any, good: list[str], bad: list[str], problem: str) -> None:
    field.name = "t"
    for value in good:
        field.validate(value)
    for value in bad:
        with pytest.raises(ValueError) as caught:
            field.validate(value)
        assert problem in str(caught.value)
        assert type(field) is not PasswordField or value not in str(caught.value)


def test_a_form_is_not_asked_of_what_may_be_empty() -> None:
    field = SlugField(blank=True)
    field.name = "t"
    field.validate("")
    with pytest.raises(ValueError, match="is not a slug"):
        field.validate(" ")
