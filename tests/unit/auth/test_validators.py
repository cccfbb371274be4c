"""E-mail addresses."""

from __future__ import annotations

import time

import pytest

from openviper.auth.validators import email_key, email_problem, normalize_email


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
        "a@b\n.co",
        f"{'x' * 250}@b.co",
        f"{'x' * 100000}@b.co",
        "a@\u1e9ex.de",
        f"{'ß' * 126}@b.co",
    ],
)
def test_bad_addresses(email: str) -> None:
    assert email_problem(normalize_email(email))


def test_a_line_end_is_no_part_of_an_address() -> None:
    assert email_problem("a@b.co\n")
    assert normalize_email("a@b.co\n") == "a@b.co"


def test_only_the_domain_of_an_address_is_lowered() -> None:
    assert normalize_email(" Ann@Example.ORG ") == "Ann@example.org"


def test_an_international_domain_is_written_as_dns_has_it() -> None:
    assert normalize_email("a@BÜCHER.example") == "a@xn--bcher-kva.example"
    assert email_problem(normalize_email("a@bücher.example")) is None


def test_addresses_that_differ_in_capitals_or_the_way_letters_are_written_have_one_key() -> None:
    keys = {
        email_key(text) for text in ("Ann@Example.org", "aNN@example.ORG", "ＡＮＮ@example.org")
    }
    assert keys == {"ann@example.org"}
    assert email_key("u\u0308@b.co") == email_key("\u00dc@b.co")
    # A Turkish i without a dot is another letter: mail to one must not reach the other's account.
    assert email_key("m\u0131ke@b.co") != email_key("mike@b.co")


def test_the_work_is_bounded() -> None:
    started = time.process_time()
    normalize_email("\u0390" * 10**7 + "@b.co")
    email_problem("x" * 10**7)
    assert time.process_time() - started < 5
