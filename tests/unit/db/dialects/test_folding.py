"""Texts without case, alike on every database."""

from __future__ import annotations

import pytest

from openviper.db.dialects.folding import DOTTED, DOTTED_MARK, folded


@pytest.mark.parametrize(
    ("text", "result"),
    [("", ""), ("ABC xyz 1", "abc xyz 1"), ("ÄÖÜ É", "äöü é"), ("ΣΑΣ", "σασ"), ("straße", "straße"),
     ("ẞ", "ß"), ("Ǆ", "ǆ"), ("Ⅷ", "ⅷ"), ("ı", "ı"), ("☃\n", "☃\n")],
)  # fmt: skip
def test_each_letter_becomes_its_own_lower_case(text: str, result: str) -> None:
    assert folded(text) == result


@pytest.mark.parametrize("text", ["ABC", "ÄΣ", "İstanbul", "a\u0301", "😀"])
def test_folding_again_changes_nothing_and_no_letter_is_lost(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert len(folded(text)) == len(text)


def test_a_dotted_capital_i_is_neither_of_the_small_ones() -> None:
    assert folded(DOTTED) == DOTTED_MARK
    assert folded("İ") not in (folded("i"), folded("I"), folded("ı"))


def test_what_stands_around_a_letter_does_not_count() -> None:
    assert folded("ΑΣ") + folded("Α") == folded("ΑΣΑ")
    assert "".join(map(folded, "ÀΣİx")) == folded("ÀΣİx")
