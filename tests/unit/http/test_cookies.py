"""Cookies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from openviper.http.cookies import MAX_COOKIES, build_cookie, parse_cookies


def test_one_bad_cookie_does_not_hide_the_others() -> None:
    assert parse_cookies('a=1; nonsense; =x; b="two"; a=again; c=x=y') == {
        "a": "1",
        "b": "two",
        "c": "x=y",
    }


def test_a_cookie_is_written_with_its_attributes() -> None:
    cookie = build_cookie(
        "k", "v", max_age=5, expires=datetime(2026, 1, 2, tzinfo=UTC), secure=True, httponly=True
    )
    assert cookie == (
        "k=v; Max-Age=5; Expires=Fri, 02 Jan 2026 00:00:00 GMT; Path=/; SameSite=Lax; Secure; HttpOnly"
    )


@pytest.mark.parametrize(
    ("key", "value", "options"),
    [
        ("a b", "v", {}),
        ("k", "a;b", {}),
        ("k", "a\r\nSet-Cookie: x=y", {}),
        ("k", "a,b", {}),
        ("k", "v", {"path": "/;x"}),
        ("k", "v", {"domain": "x\r\n"}),
        ("k", "v", {"samesite": "none"}),
        ("k", "v", {"samesite": "whatever"}),
        ("k", "v", {"path": "shop"}),
        ("k", "v", {"path": "/é"}),
        ("k", "v", {"domain": "https://example.org"}),
        ("k", "v", {"domain": "example.org:80"}),
        ("k", "v", {"domain": " example.org"}),
        ("k", "v", {"domain": "a.example,b.example"}),
        ("k", "v" * 4096, {}),
    ],
)
def test_a_part_that_could_not_be_sent_is_refused(
    key: str, value: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        build_cookie(key, value, **options)


ALLOWED = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in '",;\\']
"""Every character that a value may have (RFC 6265, 4.1.1)."""


@pytest.mark.parametrize(
    "value",
    ["", "".join(ALLOWED), "=", "a=b=c", "==", "'quoted'", "%22", *ALLOWED],
    ids=lambda value: value[:12] or "empty",
)
def test_what_is_written_reads_back_the_same(value: str) -> None:
    sent = build_cookie("k", value).split("; ")[0]
    assert parse_cookies(f"before=1; {sent}; after=2") == {"before": "1", "k": value, "after": "2"}


@pytest.mark.parametrize("code", [*range(0x21), 0x22, 0x2C, 0x3B, 0x5C, 0x7F, 0x80, 0xE4, 0x20AC])
def test_every_other_character_is_refused_in_a_value_and_in_a_name(code: int) -> None:
    for key, value in (("k", f"a{chr(code)}b"), (f"a{chr(code)}b", "v"), ("k", chr(code))):
        with pytest.raises(ValueError, match="cookie"):
            build_cookie(key, value)


@pytest.mark.parametrize("mark", list('()<>@,;:\\"/[]?={} \t'))
def test_separators_are_no_part_of_a_name(mark: str) -> None:
    with pytest.raises(ValueError, match="not a valid cookie name"):
        build_cookie(f"a{mark}", "v")


@pytest.mark.parametrize(
    ("max_age", "seconds"),
    [
        (0, "0"),
        (-5, "-5"),
        (10**12, "1000000000000"),
        (timedelta(hours=1, microseconds=999_999), "3600"),
        (timedelta(days=400), "34560000"),
    ],
)
def test_a_life_is_told_in_whole_seconds(max_age: int | timedelta, seconds: str) -> None:
    assert f"; Max-Age={seconds};" in build_cookie("k", "v", max_age=max_age)


@pytest.mark.parametrize(
    "options",
    [
        {"expires": 10**12},
        {"expires": -(10**12)},
        {"expires": 10**30},
        {"expires": float("inf")},
        {"expires": float("nan")},
        {"max_age": float("inf")},
        {"max_age": float("nan")},
    ],
)
def test_an_end_that_no_calendar_knows_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        build_cookie("k", "v", **options)


def test_an_end_of_life_is_told_in_the_time_of_greenwich_and_needs_a_zone() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    cookie = build_cookie("k", "v", expires=datetime(2026, 1, 1, 2, tzinfo=zone))
    assert "; Expires=Wed, 31 Dec 2025 20:30:00 GMT;" in cookie
    with pytest.raises(ValueError, match="aware"):
        build_cookie("k", "v", expires=datetime(2026, 1, 1))  # noqa: DTZ001  # the mistake


def test_an_end_in_seconds_counts_from_now() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    cookie = build_cookie("k", "v", expires=60)
    text = cookie.partition("Expires=")[2].partition(";")[0]
    assert timedelta(seconds=60) <= parsedate_to_datetime(text) - before < timedelta(seconds=70)


@pytest.mark.parametrize("samesite", ["LAX", "Strict", "none"])
def test_same_site_is_written_as_the_standard_does(samesite: str) -> None:
    cookie = build_cookie("k", "v", samesite=samesite, secure=True)
    assert f"; SameSite={samesite.capitalize()};" in cookie


def test_attributes_that_are_not_wanted_are_not_sent() -> None:
    assert build_cookie("k", "v", path=None, samesite=None) == "k=v"
    assert build_cookie("k", path="", domain="", samesite=None) == "k="


def test_what_browsers_take_is_written() -> None:
    assert build_cookie("k", "v" * 4095, samesite=None).startswith("k=vvv")
    for domain in ("localhost", ".example.org", "shop.example.org"):
        assert f"Domain={domain};" in build_cookie("k", domain=domain)


def test_the_first_of_two_cookies_of_a_name_counts_and_no_more_than_a_limit_are_read() -> None:
    header = "; ".join(f"k{number}={number}" for number in range(MAX_COOKIES + 50))
    found = parse_cookies(f"k0=first; {header}")
    assert len(found) == MAX_COOKIES - 1
    assert found["k0"] == "first"
    assert f"k{MAX_COOKIES + 10}" not in found


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ('""', ""),
        ('"', '"'),
        (r'"\"', "\\"),
        (r'"\101\102"', "AB"),
        (r'"\377"', "\xff"),
        (r'"\400"', "400"),
        (r'"\\101"', r"\101"),
        (r"\101", r"\101"),
        ('"a"b"', 'a"b'),
    ],
)
def test_quoted_values_of_other_frameworks(value: str, read: str) -> None:
    assert parse_cookies(f"k={value}") == {"k": read}
