"""Regular expressions of queries: what may take long is refused, the rest is let through."""

from __future__ import annotations

import re
from time import process_time

import pytest

from openviper.db.sql.patterns import escape_like, validate_regex_pattern
from openviper.exceptions import FieldError

SLOW = [
    "((a+))+$", "(?:(?:a+))+$", "((?:a)+)+$", "((a)*)*b", "(aa?)+$", "(([a]+))+b", "(?:a(?:a)?)+b",
    "a*a*a*a*a*a*a*a*a*b", ".*.*.*...=.*", "(a|a)*b", "(a|aa)+$", "(a+)+$", "(.*a){20}", "([a-z]+)*$",
    "a{0,300}a{0,300}b", "(a*)*", "(?=a*)*b", r"(\w+)\1+$", "(x+x+)+y", r"\d+\d+$", "(?i)a+A+b",
    "(a{1,50}){1,50}b", "[^b]*a*c", "(?:a+|b)c*(?:a+|b)a*", "a+(b?)a+c",
    "a+b", "[a-z]+@[a-z]+", ".*x$", "(a*)b", "x?a{3,}b", "aa*b", r"\d+$", "(?:^a|b*c)d", r"\b\w+;", "(?i)[a-z]*!",
]  # fmt: skip
FAST = ["^abc$", "^a+b", "a+", ".*", "x[a-z]*", "id=[0-9]+;", r"\A\w+@", r"^\d{3}-\d+$", "^[a-z]+@[a-z]+", "^(foo|bar)$", "colou?r", "(ab)+", "a{2}b{2,3}", "É", ""]  # fmt: skip


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_may_take_long_is_refused(pattern: str) -> None:
    with pytest.raises(FieldError, match="regular expression"):
        validate_regex_pattern(pattern)


@pytest.mark.parametrize("pattern", FAST)
def test_what_is_let_through_takes_time_in_proportion_to_the_text(pattern: str) -> None:
    assert validate_regex_pattern(pattern) == pattern
    compiled = re.compile(pattern)
    texts = [letter * 20_000 + "!" for letter in ("a", "ab", "1", "1-", "a@")]
    started = process_time()
    for text in texts:
        compiled.match(text)
    assert process_time() - started < 5, "no more than a pass over each text"


@pytest.mark.parametrize(
    "pattern", [5, None, "a" * 501, "(", "a\x00", "a\n", b"a", "a{1,99999999999}"]
)
def test_what_is_no_pattern_is_refused(pattern: object) -> None:
    with pytest.raises(FieldError):
        validate_regex_pattern(pattern)


def test_wildcards_are_escaped() -> None:
    assert escape_like("50%_\\") == "50\\%\\_\\\\"
