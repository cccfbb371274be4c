"""Regular expressions of queries: what may take long is refused, the rest is let through."""

from __future__ import annotations

import re
import warnings
from time import process_time

import pytest

from openviper.db.sql.pattern_words import in_words_of
from openviper.db.sql.patterns import escape_like, validate_regex_pattern, validated_pattern
from openviper.exceptions import FieldError

SLOW = [
    "((a+))+$", "(?:(?:a+))+$", "((?:a)+)+$", "((a)*)*b", "(aa?)+$", "(([a]+))+b", "(?:a(?:a)?)+b",
    "a*a*a*a*a*a*a*a*a*b", ".*.*.*...=.*", "(a|a)*b", "(a|aa)+$", "(a+)+$", "(.*a){20}", "([a-z]+)*$",
    "a{0,300}a{0,300}b", "(a*)*", "(?=a*)*b", r"(\w+)\1+$", "(x+x+)+y", r"\d+\d+$", "(?i)a+A+b",
    "(a{1,50}){1,50}b", "[^b]*a*c", "(?:a+|b)c*(?:a+|b)a*", "a+(b?)a+c",
    "abc.*def", "a.*b", "id=.*;", "x[0-9]*-.*b", "foo[a-z]*bar", "(?:abc.*def|x)y?", "(?:abc.*def|x)?", "x(?:a|b.*c)", "(?:b.*c)?d",
    "a+^b", "a*(?:^b|c)", "(?:a|^).*b", r"\w\w*-", ".{20,}x$", "a(?:b.*)?c", "(?i)abc.*DEF",
    "a+b", "[a-z]+@[a-z]+", ".*x$", "(a*)b", "x?a{3,}b", "aa*b", r"\d+$", "(?:^a|b*c)d", r"\b\w+;", "(?i)[a-z]*!",
]  # fmt: skip
FAST = ["^abc$", "^a+b", "a+", ".*", "x[a-z]*", "id=[0-9]+;", r"\A\w+@", r"^\d{3}-\d+$", "^[a-z]+@[a-z]+", "^(foo|bar)$", "colou?r", "(ab)+", "a{2}b{2,3}", "É", "", "abc.*", "^abc.*def", "foo-[a-z]*bar",
        "#[0-9a-f]+$", r"-\d+$", r"\bfoo\b", "x(?:a|b)c", "q(?:x*)?y", "^(?:a|b.*c)", "foo(bar)?baz", "(?i)abc", r"^[\w.+-]+@[\w-]+\.com$",
        "(?:^a.*|-a*)b", "a(?:b|c)?[def]*"]  # fmt: skip


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_may_take_long_is_refused(pattern: str) -> None:
    with pytest.raises(FieldError, match="regular expression"):
        validate_regex_pattern(pattern)


@pytest.mark.parametrize("pattern", FAST)
def test_what_is_let_through_takes_time_in_proportion_to_the_text(pattern: str) -> None:
    assert validate_regex_pattern(pattern) == pattern
    compiled = re.compile(pattern)
    for unit in ("a", "ab", "1", "1-", "a@", "abc", "foo-", "-a", "#f", "x"):
        started = process_time()
        compiled.search(unit * 20_000 + "!")
        assert process_time() - started < 2, f"no more than a pass over many {unit!r}"


@pytest.mark.parametrize(
    "pattern", [5, None, "a" * 501, "(", "a\x00", "a\n", b"a", "a{1,99999999999}"]
)
def test_what_is_no_pattern_is_refused(pattern: object) -> None:
    with pytest.raises(FieldError):
        validate_regex_pattern(pattern)


NOT_EVERYWHERE = [
    "(?m)^a", "(?s)a.b", "(?x)a b", "(?a)a", "(?i:a)b", "(?P<n>a)", "(?#a)b", "(?>a)", "a++", "a*+b", "a?+", "a{2}+", "a{,3}", "a{b}", "{",
    r"\x61", r"\u0061", r"\v", r"\a", "[[:alpha:]]", "[a[b]", "[a--]", "[a&&b]", r"[\b]", r"[\D]", "b(?i)a",
]  # fmt: skip


@pytest.mark.parametrize("pattern", NOT_EVERYWHERE)
def test_what_databases_read_differently_is_refused(pattern: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FieldError, match="regular expression"):
            validate_regex_pattern(pattern)


def test_a_flag_to_ignore_case_is_taken_from_texts_and_compiled_patterns() -> None:
    assert validated_pattern("(?i)a") == ("a", True)
    assert validated_pattern("a(b)") == ("a(b)", False)
    assert validated_pattern(re.compile("a")) == ("a", False)
    assert validated_pattern(re.compile("a", re.IGNORECASE)) == ("a", True)
    assert validated_pattern(re.compile("(?i)a")) == ("a", True)
    for wrong in (re.compile("a", re.MULTILINE), re.compile("a", re.ASCII), re.compile(b"a")):
        with pytest.raises(FieldError):
            validated_pattern(wrong)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"a.b$", (r"a.b\Z", r"a[^\n]b\Z", r"a.b\z")),
        (r"\$\.\\b\\", (r"\$\.\\b\\",) * 3),
        (r"[.$]", ("[.$]",) * 3),
        (r"\bx\B", (r"\bx\B", r"\yx\Y", r"\bx\B")),
        (r"\d\D[\d_]", ("[0-9][^0-9][0-9_]", r"\d\D[\d_]", "[0-9][^0-9][0-9_]")),
        (r"[]$]x[^]]", ("[]$]x[^]]",) * 3),
        (r"\Aa\Z", (r"\Aa\Z", r"\Aa\Z", r"\Aa\z")),
    ],
)
def test_each_database_is_asked_in_its_words(pattern: str, words: tuple[str, ...]) -> None:
    asked = [in_words_of(vendor, pattern) for vendor in ("sqlite", "postgresql", "mysql")]
    assert asked == list(words)


def test_wildcards_are_escaped() -> None:
    assert escape_like("50%_\\") == "50\\%\\_\\\\"
