"""Usernames and e-mail addresses."""

from __future__ import annotations

import pytest

from openviper.auth.validators import email_problem, normalize_email, username_problem


@pytest.mark.parametrize("username", ["a", "ann.b@c+d-e_f", "Jürgen", "x" * 150])
def test_good_usernames(username: str) -> None:
    assert username_problem(username) is None


@pytest.mark.parametrize("username", ["", "a b", "a\n", "x" * 151, "a/b", "a\x00"])
def test_bad_usernames(username: str) -> None:
    assert username_problem(username)


@pytest.mark.parametrize("email", ["a@b.co", "first.last+tag@mail.example.org"])
def test_good_addresses(email: str) -> None:
    assert email_problem(email) is None


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "a@b",
        "a@@b.co",
        "a b@c.de",
        "a@b..c",
        "@b.co",
        "a@.co",
        "a@b.co\n",
        f"{'x' * 250}@b.co",
    ],
)
def test_bad_addresses(email: str) -> None:
    assert email_problem(email)


def test_only_the_domain_of_an_address_is_lowered() -> None:
    assert normalize_email(" Ann@Example.ORG ") == "Ann@example.org"
