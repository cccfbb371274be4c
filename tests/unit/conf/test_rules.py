"""Rules for the value of one setting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from openviper.conf import rules
from openviper.conf.rules import at_least, log_level, time_zone
from openviper.http.cookies import build_cookie


def test_a_number_must_reach_its_least_value() -> None:
    rule = at_least(1)
    assert rule(0) == "must be at least 1"
    assert rule(1) is None
    assert rule(None) is None


def test_levels_are_known_in_any_case() -> None:
    assert log_level("debug") is None
    assert (log_level("loud") or "").startswith("must be one of CRITICAL")


@pytest.mark.parametrize("name", ["UTC", "Europe/Vienna"])
def test_a_known_time_zone_passes(name: str) -> None:
    assert time_zone(name) is None


@pytest.mark.parametrize(
    "name", ["Mars/Base", "../etc/passwd", "/etc/passwd", "Europe", "", "a\0b"]
)
def test_anything_else_is_not_a_time_zone(name: str) -> None:
    assert "must be a known time zone" in (time_zone(name) or "")


@pytest.mark.parametrize(
    "host",
    ["www.example.org", ".example.org", "localhost", "10.0.0.1", "[::1]", "*", "_x.a", "xn--bcher-kva.example"],
)  # fmt: skip
def test_hosts_as_requests_name_them(host: str) -> None:
    assert rules.hosts((host,)) is None and rules.redirect_hosts((host,)) is None
    assert rules.hosts(("localhost", host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "a b",
        "https://a.example",
        "a.example/x",
        "a.example.",
        "*.example.org",
        "**",
        "bücher.example",
        "a..b",
        "..a",
        "::1",
        "a\n",
        "a\0",
        "a,b",
    ],
)
def test_a_host_that_no_request_names_is_refused(host: str) -> None:
    for rule in (rules.hosts, rules.redirect_hosts):
        assert str(rule(("localhost", host))).startswith("must hold host names without scheme")


def test_a_port_is_for_redirects_only() -> None:
    assert rules.redirect_hosts(("a.example:8443", "[::1]:80")) is None
    assert rules.hosts(("a.example:8443",)) == (
        "must hold host names without scheme and port: 'www.example.org', '.example.org' for its sub-domains too, or '*'"
    )
    assert rules.redirect_hosts(("a.example:", "a")) is not None


@pytest.mark.parametrize("name", ["sessionid", "__Host-sid", "a.b-c_d", "!#$"])
def test_names_of_cookies(name: str) -> None:
    assert rules.cookie_name(name) is None
    assert build_cookie(name, "x", secure=True).startswith(f"{name}=x")


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a=b", "é", "a\n", "a\0", '"a"', "(a)", "a,b"])
def test_a_name_that_no_cookie_can_have_is_refused_at_start(name: str) -> None:
    assert str(rules.cookie_name(name)).startswith("must be the name of a cookie")
    with pytest.raises(ValueError):
        build_cookie(name, "x")


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (rules.cookie_path, ["/", "/shop", "/a b"], ["", "shop", "/a;b", "/é", "/a\n", "/\0"]),
        (
            rules.cookie_domain,
            [None, "", "example.org", ".example.org"],
            ["a;b", "a b", "https://a", "a:80", "é", "a\n"],
        ),
        (
            rules.address_below,
            ["/static/", "/s", "//cdn.example/", "https://cdn.example/s/", "http://a"],
            ["", "static/", "static", "ftp://a/", "/a b/", "/a?v=1", "/a#b", "/a\n", " /a"],
        ),
        (rules.log_level, ["info", "INFO", "Debug"], ["", "loud", "INFO ", "10"]),
        (rules.time_zone, ["UTC", "Europe/Vienna"], ["", "Mars/X", "../etc", "/etc/passwd", "a\0"]),
        (rules.sha256_digits, ["", "0" * 64, "AB" * 32], ["0" * 63, "g" * 64, "0" * 65, "٠" * 64]),
        (rules.session_store, ["memory", "own.Store"], ["", "nope", "Memory"]),
        (
            rules.origin,
            ["", "https://a.example", "http://[::1]:80/", "https://a:1"],
            ["a.example", "https://a/x", "ftp://a", "https://", "https://a\n", "https://a?b"],
        ),
        (rules.positive_time, [timedelta(seconds=1)], [timedelta(0), timedelta(seconds=-1)]),
        (rules.at_least(1), [1, 2, None], [0, -1]),
        (rules.more_than(0), [0.001, 1], [0, -1]),
    ],
)
def test_what_rules_let_pass_and_what_not(rule: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if rule(value) is not None] == []
    assert [value for value in bad if rule(value) is None] == []
    assert all(str(rule(value)).startswith("must ") for value in bad)


@pytest.mark.parametrize("tag", ["en", "pt-br", "zh-Hans", "de-1996", "sr-Latn-RS"])
def test_languages_as_browsers_send_them(tag: str) -> None:
    assert rules.language(tag) is None
    assert rules.languages((tag, "la")) is None


@pytest.mark.parametrize("tag", ["", "e", "en_US", "xx yy", "en-", "-en", "é", "en\n", "englishes"])
def test_what_is_no_language_is_refused(tag: str) -> None:
    assert "language tag" in str(rules.language(tag))
    assert "language tags" in str(rules.languages(("en", tag)))


def test_a_language_is_there_once() -> None:
    assert "once" in str(rules.languages(("en", "de", "EN")))
