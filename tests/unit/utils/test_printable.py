"""Texts from data, made fit for a terminal."""

from __future__ import annotations

import pytest

from openviper.utils.printable import printable


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("plain ü €", "utf-8", "plain ü €"),
        ("plain ü €", "ascii", "plain \\xfc \\u20ac"),
        ("plain ü €", "latin-1", "plain ü \\u20ac"),
        ("ü", None, "\\xfc"),
        ("\x1b[2J\x1b]0;title\x07", "utf-8", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\nb\tc\rd\0", "utf-8", "a\\nb\\tc\\rd\\x00"),
        ("half \ud800", "utf-8", "half \\ud800"),
        ("\u202egnp.exe\u2028\x9b31m", "utf-8", "\\u202egnp.exe\\u2028\\x9b31m"),
        ("", "utf-8", ""),
    ],
)
def test_nothing_reaches_a_terminal_that_it_would_obey_or_not_take(
    text: str, encoding: str | None, shown: str
) -> None:
    assert printable(text, encoding) == shown
