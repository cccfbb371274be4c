"""Codes of authenticator apps are those of RFC 6238, each good once and for a short while."""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from openviper.auth.totp import (
    PERIOD,
    code_at,
    matching_step,
    new_secret,
    otpauth_address,
    step_at,
)

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        # RFC 6238, appendix B, the last six of eight digits.
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(moment: int, code: str) -> None:
    assert code_at(SECRET, step_at(moment)) == code[2:]


@pytest.mark.parametrize("shift", [-2, -1, 0, 1, 2])
def test_one_step_before_and_after_is_good_too(shift: int) -> None:
    now = 1_700_000_000.0
    code = code_at(SECRET, step_at(now) + shift)
    expected = step_at(now) + shift if abs(shift) <= 1 else None
    assert matching_step(SECRET, code, now=now) == expected


def test_a_code_is_not_good_again_nor_is_an_earlier_one() -> None:
    now = 1_700_000_000.0
    present = step_at(now)
    used = matching_step(SECRET, code_at(SECRET, present), now=now)
    assert used == present
    for step in (present - 1, present):
        assert matching_step(SECRET, code_at(SECRET, step), after=used, now=now) is None
    later = now + PERIOD
    assert matching_step(SECRET, code_at(SECRET, present), after=used, now=later) is None
    assert matching_step(SECRET, code_at(SECRET, present + 1), after=used, now=now) == present + 1


def test_blanks_are_passed_over() -> None:
    now = 1_700_000_000.0
    code = code_at(SECRET, step_at(now))
    assert matching_step(SECRET, f" {code[:3]} {code[3:]}\n", now=now) == step_at(now)


@pytest.mark.parametrize("code", ["", "12345", "１２３４５６", "\ud800", "000000" * 1000, "-00001"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert matching_step(SECRET, code, now=1_700_000_000.0) is None


def test_secrets_are_new_each_time_and_long_enough() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(re.fullmatch("[A-Z2-7]{32}", secret) for secret in secrets)


def test_the_address_says_what_an_app_has_to_know() -> None:
    parts = urlsplit(otpauth_address(SECRET, "ann@example.org", "My Shop"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/My Shop:ann@example.org"
    assert parse_qs(parts.query) == {
        "secret": [SECRET],
        "issuer": ["My Shop"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }


def test_odd_names_do_not_break_the_address() -> None:
    address = otpauth_address(SECRET, "a:b&secret=x#?/%" + "ü" * 500, "Site: & Co" + "🐍" * 99)
    parts = urlsplit(address)
    assert parse_qs(parts.query)["secret"] == [SECRET]
    path = unquote(parts.path)
    assert path.startswith("/Site  & Co🐍") and ":a b&secret=x#?/%ü" in path
    assert len(address.encode()) <= 666
