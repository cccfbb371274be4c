"""Texts that are translated when they are looked at: they do what a text does."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from openviper.i18n import gettext_lazy
from openviper.i18n.lazy import LazyText, ngettext_lazy, pgettext_lazy


@pytest.fixture
def said() -> list[str]:
    """The text of the moment, which a test may change."""
    return ["Hello"]


@pytest.fixture
def label(said: list[str]) -> LazyText:
    return LazyText(lambda: said[0])


def test_the_text_of_the_moment_is_used_each_time(label: LazyText, said: list[str]) -> None:
    assert str(label) == "Hello"
    said[0] = "Hallo"
    assert (str(label), label.upper(), len(label)) == ("Hallo", "HALLO", 5)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda text: f"{text:>7}", "  Hello"),
        (lambda text: f"{text!r}", "<LazyText 'Hello'>"),
        (lambda text: text + "!", "Hello!"),
        (lambda text: "<" + text, "<Hello"),
        (lambda text: text + text, "HelloHello"),
        (lambda text: "%s!" % text, "Hello!"),  # noqa: UP031 - what is tested
        (lambda text: text % (), "Hello"),
        (lambda text: text.replace("l", "L"), "HeLLo"),
        (lambda text: text.split("e"), ["H", "llo"]),
        (lambda text: "ell" in text, True),
        (lambda text: bool(text), True),
        (lambda text: {text: 1}["Hello"], 1),
        (lambda text: {"Hello": 1}[text], 1),
    ],
)
def test_it_does_what_a_text_does(label: LazyText, made: Any, expected: object) -> None:
    assert made(label) == expected


@pytest.mark.parametrize(
    ("other", "order"), [("Apple", 1), ("Hello", 0), ("Zoo", -1), (gettext_lazy("Zoo"), -1)]
)
def test_it_is_compared_with_texts_from_either_side(
    label: LazyText, other: Any, order: int
) -> None:
    assert (label < other, label <= other, label > other, label >= other) == (
        order < 0, order <= 0, order > 0, order >= 0,
    )  # fmt: skip
    assert (other < label, other <= label, other > label, other >= label) == (
        order > 0, order >= 0, order < 0, order <= 0,
    )  # fmt: skip
    assert (label == other, other == label, label != other) == (order == 0, order == 0, order != 0)


def test_texts_of_both_kinds_are_sorted_together(label: LazyText) -> None:
    mixed: list[Any] = ["Zoo", label, "Apple", gettext_lazy("Bee")]
    assert list(map(str, sorted(mixed))) == ["Apple", "Bee", "Hello", "Zoo"]
    assert (str(max(mixed)), str(min(mixed))) == ("Zoo", "Apple")


def test_it_is_no_number_and_no_bytes(label: LazyText) -> None:
    others: list[Any] = [5, None, b"Hello", ["Hello"]]
    assert not any(label == other for other in others)


def test_markup_in_a_translation_is_escaped() -> None:
    assert LazyText(lambda: "<b> & \"'").__html__() == "&lt;b&gt; &amp; &quot;&#x27;"


def test_values_are_put_into_it_when_it_is_looked_at() -> None:
    assert LazyText(lambda: "%(n)s files") % {"n": 3} == "3 files"
    with pytest.raises(KeyError):
        _ = LazyText(lambda: "%(n)s") % {}


def test_what_no_text_has_is_missing_and_private_names_too(label: LazyText) -> None:
    for name in ("nothing", "_private", "__int__"):
        with pytest.raises(AttributeError):
            getattr(label, name)


def test_a_copy_follows_the_moment_too(label: LazyText, said: list[str]) -> None:
    copies = [copy.copy(label)]
    said[0] = "Hallo"
    assert list(map(str, copies)) == ["Hallo"]


def test_an_empty_text_is_false_and_other_kinds_are_made_likewise() -> None:
    assert not LazyText(lambda: "")
    assert str(pgettext_lazy("c", "a")) == "a"
    assert [str(ngettext_lazy("one", "many", number)) for number in (0, 1, 2)] == [
        "many", "one", "many",
    ]  # fmt: skip
