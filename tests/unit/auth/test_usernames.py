"""Usernames."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from openviper.auth.usernames import (
    MAX_USERNAME_LENGTH,
    normalize_username,
    username_key,
    username_problem,
)
from openviper.testing import override_openviper_settings as override


@pytest.mark.parametrize(
    "username",
    [
        "a",
        "7up",
        "ann.b@c+d-e_f",
        "Jürgen",
        "x" * 150,
        "иван",
        "Ελένη",
        "김철수",
        "田中さくら",
        "Ann田中",
        "नमस्ते",
        "محمد",
        "דוד",
    ],
)
def test_good_usernames(username: str) -> None:
    assert username_problem(normalize_username(username)) is None


@pytest.mark.parametrize(
    "username",
    [
        "",
        "   ",
        "a b",
        "a\nb",
        "x" * 151,
        "x" * 100000,
        "a/b",
        "a\x00",
        "a\ud800",
        "a\u200db",
        "a\u202eb",
        "a\u00adb",
        "..",
        "-rf",
        "_x",
        "@ann",
        "\u0430dmin",
        "Ωmega",
        "a\u0661",
        "1\u0967",
        "ab\U00010437",
        "a\U0001f600",
        "a\u0301\u0302\u0303b",
        "ﷺ",
    ],
)
def test_bad_usernames(username: str) -> None:
    assert username_problem(normalize_username(username))


def test_a_message_names_the_value_as_python_writes_it() -> None:
    assert "'a\\x00'" in str(username_problem("a\x00"))


def test_names_are_stored_in_one_form() -> None:
    assert normalize_username(" ａｄｍｉｎ ") == "admin"
    assert normalize_username("Ju\u0308rgen") == "Jürgen"
    assert "normal form" in str(username_problem("ａｄｍｉｎ"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "aNN"),
        ("сос", "coc"),
        ("МАРС", "mapc"),
        ("ΝΙΚΟΣ", "vikoo"),
        ("İstanbul", "istanbul"),
        ("ıstanbul", "istanbul"),
        ("straße", "STRASSE"),
        ("ﬁona", "fiona"),
    ],
)
def test_names_that_people_take_for_one_have_one_key(one: str, other: str) -> None:
    assert username_key(one) == username_key(other)


def test_names_that_differ_have_keys_that_differ() -> None:
    assert username_key("ann") != username_key("anna")
    assert username_key("jose") != username_key("josé")


def test_only_ascii_is_allowed_where_the_settings_say_so() -> None:
    with override(USERNAME_CHARACTERS="ascii"):
        assert username_problem("ann.b@c+d-e_f") is None
        assert "'Jürgen'" in str(username_problem("Jürgen"))
        assert username_problem("-rf")


def test_no_single_character_is_an_error() -> None:
    for code in [*range(0x3000), *range(0x3000, sys.maxunicode + 1, 61)]:
        username_problem(normalize_username(chr(code)))


def test_no_sign_that_cannot_be_seen_is_allowed() -> None:
    invisible = ("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp")
    for code in [*range(0x10000), *range(0xE0000, 0xE0200)]:
        char = chr(code)
        if unicodedata.category(char) in invisible:
            assert username_problem(f"a{char}b") is not None


def test_a_key_fits_its_column() -> None:
    name = "ŉ" * MAX_USERNAME_LENGTH
    assert username_problem(normalize_username(name)) or len(username_key(name)) <= 150
    assert "too long" in str(username_problem("ß" * 80 + "x"))
