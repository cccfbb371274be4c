"""Cookies as a browser keeps them: kept, sent where they belong, and dropped."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest

from openviper.testing.cookies import Cookies, parse_set_cookie

HOME = "http://shop.example/"
SECURE = "https://shop.example/"


def taken(*lines: str, at: str = HOME) -> Cookies:
    """Return what a client keeps after an answer of an address."""
    cookies = Cookies()
    for line in lines:
        cookies.take(line, urlsplit(at))
    return cookies


def sent(cookies: Cookies, to: str = HOME) -> str:
    return cookies.header(urlsplit(to))


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("a=1", ("a", "1", {})),
        (" a = 1 ; Path = / ; HttpOnly", ("a", "1", {"path": "/", "httponly": ""})),
        ('a="1 2"', ("a", '"1 2"', {})),
        ("a=b=c", ("a", "b=c", {})),
        ("a=", ("a", "", {})),
        ("a", ("a", "", {})),
        ("", ("", "", {})),
        ("a=1; path=/x; PATH=/y", ("a", "1", {"path": "/y"})),
    ],
)
def test_a_header_is_taken_apart(line: str, parsed: tuple[str, str, dict[str, str]]) -> None:
    assert parse_set_cookie(line) == parsed


# What is sent where


@pytest.mark.parametrize(
    ("line", "set_at", "asked", "is_sent"),
    [
        ("a=1", HOME, HOME, True),
        ("a=1", HOME, "http://other.example/", False),
        ("a=1", HOME, "http://www.shop.example/", False),
        ("a=1; Domain=shop.example", HOME, "http://www.shop.example/", True),
        ("a=1; Domain=.Shop.Example", HOME, "http://www.shop.example/", True),
        ("a=1; Domain=shop.example", HOME, "http://notshop.example/", False),
        ("a=1; Domain=other.example", HOME, "http://other.example/", False),
        ("a=1; Domain=www.shop.example", HOME, "http://www.shop.example/", False),
        ("a=1; Domain=example", HOME, "http://bank.example/", False),
        ("a=1; Path=/x", HOME, "http://shop.example/x", True),
        ("a=1; Path=/x", HOME, "http://shop.example/x/y", True),
        ("a=1; Path=/x/", HOME, "http://shop.example/x/y", True),
        ("a=1; Path=/x", HOME, "http://shop.example/xy", False),
        ("a=1; Path=/x", HOME, HOME, False),
        ("a=1; Path=x", HOME, HOME, True),
        ("a=1", "http://shop.example/x/y", "http://shop.example/x/z", True),
        ("a=1", "http://shop.example/x/y", HOME, False),
        ("a=1", "http://shop.example/x", "http://shop.example/", True),
        ("a=1; Secure", SECURE, SECURE, True),
        ("a=1; Secure", SECURE, HOME, False),
        ("a=1; Secure", SECURE, "wss://shop.example/", True),
        ("a=1; Secure", HOME, SECURE, False),
        ("a=1", SECURE, HOME, True),
        ("__Secure-a=1; Secure", SECURE, SECURE, True),
        ("__Secure-a=1", SECURE, SECURE, False),
        ("__Host-a=1; Secure; Path=/", SECURE, SECURE, True),
        ("__Host-a=1; Secure", SECURE, SECURE, False),
        ("__Host-a=1; Secure; Path=/; Domain=shop.example", SECURE, SECURE, False),
        ("__Host-a=1; Secure; Path=/", HOME, SECURE, False),
        ("=1", HOME, HOME, False),
    ],
)
def test_a_cookie_goes_where_it_belongs(line: str, set_at: str, asked: str, is_sent: bool) -> None:
    assert bool(sent(taken(line, at=set_at), asked)) is is_sent


@pytest.mark.parametrize(
    ("attributes", "is_kept"),
    [
        ("Max-Age=60", True),
        ("Max-Age=0", False),
        ("Max-Age=-1", False),
        ("Max-Age=soon", True),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("Expires=Fri, 01 Jan 2999 00:00:00 GMT", True),
        ("Expires=nonsense", True),
        ("Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", True),
        ("Max-Age=0; Expires=Fri, 01 Jan 2999 00:00:00 GMT", False),
    ],
)
def test_a_cookie_lasts_as_long_as_it_says(attributes: str, is_kept: bool) -> None:
    cookies = taken(f"a=1; {attributes}")
    assert ("a" in cookies) is is_kept
    assert bool(sent(cookies)) is is_kept


def test_one_that_ends_meanwhile_is_sent_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    cookies = taken("a=1; Max-Age=60", "b=2")
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert sent(cookies) == "b=2"
    assert list(cookies) == ["b"] and len(cookies) == 1
    with pytest.raises(KeyError):
        cookies["a"]


def test_a_later_one_of_the_same_name_and_place_takes_its_place() -> None:
    cookies = taken("a=1", "a=2")
    assert (sent(cookies), cookies["a"]) == ("a=2", "2")
    cookies.take("a=; Max-Age=0", urlsplit(HOME))
    assert sent(cookies) == "" and "a" not in cookies


def test_of_one_name_in_several_places_the_nearer_one_comes_first() -> None:
    cookies = taken("a=root; Path=/", "a=deep; Path=/x")
    assert sent(cookies, "http://shop.example/x/") == "a=deep; a=root"
    assert sent(cookies) == "a=root"
    assert list(cookies) == ["a"]


# By hand


def test_one_set_by_hand_is_sent_everywhere_until_the_application_says_otherwise() -> None:
    cookies = Cookies({"a": "1"})
    cookies.set("b", "2")
    assert sent(cookies) == sent(cookies, "https://other.example/x/y") == "a=1; b=2"
    cookies.take("a=3", urlsplit(HOME))
    assert sent(cookies, "https://other.example/") == "b=2"
    assert sent(cookies) == "b=2; a=3"


def test_setting_by_hand_replaces_all_of_that_name() -> None:
    cookies = taken("a=1; Path=/x", "a=2; Path=/y")
    cookies["a"] = "3"
    assert sent(cookies, "http://shop.example/x/") == "a=3"


def test_deleting_takes_all_of_that_name_and_one_that_is_not_there_is_an_error() -> None:
    cookies = taken("a=1; Path=/x", "a=2; Path=/y", "b=3")
    del cookies["a"]
    assert dict(cookies) == {"b": "3"}
    with pytest.raises(KeyError):
        del cookies["a"]
    assert cookies.get("a") is None and cookies.pop("b") == "3" and not cookies


@pytest.mark.parametrize("age", ["--5", "²", "٣", "+5", "1e3", "5 5", "", "x"])
def test_an_age_that_is_none_is_passed_over(age: str) -> None:
    assert sent(taken(f"a=1; Max-Age={age}")) == "a=1"


def test_an_age_may_be_as_long_as_it_likes() -> None:
    assert sent(taken(f"a=1; Max-Age={'9' * 300}")) == "a=1"
    assert sent(taken(f"a=1; Max-Age=-{'9' * 300}")) == ""
