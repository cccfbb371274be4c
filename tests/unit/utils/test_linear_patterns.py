"""Which regular expressions are decided in linear time."""

from __future__ import annotations

import random
import re

import pytest

from openviper.utils.linear_patterns import slowness

INNER = "repeats a group that repeats or has alternatives itself"
ROW = "has two repeats in a row that can match the same characters"
AGAIN = "has a repeat that is tried again from many places; begin with ^, or with what the repeat cannot take, or ask for the parts with contains"  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "abc",
        "x*",
        "^x*$",
        "^a.*b",
        r"\Aa.*b",
        "[0-9]+",
        "id=[0-9]+;",
        "^[^@]+@[^@]+$",
        "(a|b)+",
        "(?:ab)+",
        "(a|ab)(c|bcd)",
        "a{3}",
        "a{1,5}b",
        "^a+b+c+$",
        r"^\d+-[a-z]+$",
        "^(a+)(b+)$",
        "a?b?c?",
        "\U0001f40d+",
        "\ud800",
    ],
)
def test_what_is_linear(pattern: str) -> None:
    assert slowness(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a+)+", INNER),
        ("(a*)*", INNER),
        ("((a*)*)*", INNER),
        ("(a?)*", INNER),
        ("(?:a?){20}a{20}", INNER),
        ("(a|b*)+", INNER),
        ("(?:a|b|c{2,})*", INNER),
        ("^(a+)+$", INNER),
        ("a*a*", ROW),
        ("^a*a*$", ROW),
        (".*.*", ROW),
        ("^.*$.*", ROW),
        ("a*?a*?b", ROW),
        (r"^(\d+)(\d+)$", ROW),
        (r"^\w+\d+$", ROW),
        ("^a*b?a*$", ROW),
        ("(?i)a+A+", ROW),
        ("é+É+", ROW),
        ("a.*b", AGAIN),
        (r"\w+@\w+", AGAIN),
        ("[0-9]+x[0-9]+", AGAIN),
        ("abc.*def", AGAIN),
        ("(?=a)b", "looks ahead or behind"),
        ("(?!a)b", "looks ahead or behind"),
        ("(?<=a)b", "looks ahead or behind"),
        (r"(a)\1", "refers to a group"),
        ("(?P<n>a)(?P=n)", "refers to a group"),
        ("(a)?(?(1)b|c)", "refers to a group"),
    ],
)
def test_what_may_take_longer_says_why(pattern: str, why: str) -> None:
    assert slowness(pattern) == why


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "missing ), unterminated subpattern at position 0"),
        ("a)", "unbalanced parenthesis at position 1"),
        ("[", "unterminated character set at position 0"),
        ("[z-a]", "bad character range z-a at position 1"),
        ("*", "nothing to repeat at position 0"),
        ("a{2,1}", "min repeat greater than max repeat at position 2"),
        ("a{99999999999}", "the repetition number is too large"),
        ("(?P<1>a)", "bad character in group name"),
        (r"\q", "bad escape"),
        ("(" * 5000 + ")" * 5000, "maximum recursion depth exceeded"),
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_expression_is_an_error_with_pythons_words(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        slowness(pattern)


ATOMS = ("a", "b", ".", r"\w", "[ab]", "[^a]", r"\d", "(?:ab)", "(?:a|b)")
QUANTIFIERS = ("", "", "?", "*", "+", "{2,}", "*?", "{0,12}")
FILLERS = ("a", "b", "ab", "aab", "1", "a1")


@pytest.mark.parametrize("seed", range(8))
def test_no_expression_without_a_complaint_backtracks(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(60):
        pattern = dice.choice(("", "^")) + "".join(
            dice.choice(ATOMS) + dice.choice(QUANTIFIERS) for _ in range(dice.randrange(1, 6))
        ) + dice.choice(("", "$", "!"))  # fmt: skip
        if slowness(pattern) is None:
            for filler in FILLERS:
                # What backtracks does not end on so long a text: the time limit of the suite would show it.
                re.search(pattern, filler * 3000 + "?")
