"""The session's cookie."""

from __future__ import annotations

import pytest

from openviper.sessions import get_session_cookie_config
from openviper.sessions.cookie import cookie_values, forgotten_cookie, session_cookie
from openviper.sessions.keys import is_key, new_key, stored_key
from openviper.testing import override_openviper_settings as override


def test_by_default_it_is_for_this_host_and_not_for_scripts() -> None:
    with override():
        assert session_cookie("abc", is_secure=False) == (
            b"sessionid=abc; Path=/; SameSite=Lax; HttpOnly"
        )


def test_over_https_it_is_for_https_only() -> None:
    with override():
        assert b"; Secure" in session_cookie("abc", is_secure=True)
        assert b"; Secure" in forgotten_cookie(is_secure=True)
    with override(SESSION_COOKIE_SECURE=True):
        assert get_session_cookie_config()["secure"]
    with override(SESSION_COOKIE_NAME="__Host-id"):
        assert session_cookie("abc", is_secure=False).startswith(b"__Host-id=abc;")
        assert b"; Secure" in session_cookie("abc", is_secure=False)


def test_the_settings_say_where_it_is_sent() -> None:
    with override(
        SESSION_COOKIE_PATH="/app",
        SESSION_COOKIE_DOMAIN="example.org",
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_HTTPONLY=False,
    ):
        cookie = session_cookie("abc", is_secure=False, max_age=60)
    assert cookie == b"sessionid=abc; Max-Age=60; Domain=example.org; Path=/app; SameSite=Strict"


def test_the_browser_is_told_to_forget_it() -> None:
    with override():
        assert forgotten_cookie(is_secure=False).startswith(b"sessionid=; Max-Age=0; Expires=")


@pytest.mark.parametrize(
    ("header", "values"),
    [
        (b"", []),
        (b"other=1", []),
        (b"xsessionid=1", []),
        (b"sessionid=a", ["a"]),
        (b'a=1; sessionid="b"; c=2', ["b"]),
        (b"sessionid=a; sessionid=a", ["a"]),
        (b"sessionid=a; sessionid=b", ["a", "b"]),
        (b"sessionid=\xff", ["\xff"]),
    ],
)
def test_each_value_of_a_cookie_is_found_once(header: bytes, values: list[str]) -> None:
    assert cookie_values([(b"host", b"x"), (b"cookie", header)], b"sessionid") == values


def test_several_headers_are_read_as_one() -> None:
    headers = [(b"cookie", b"sessionid=a"), (b"cookie", b"sessionid=b")]
    assert cookie_values(headers, b"sessionid") == ["a", "b"]


def test_keys_are_long_different_and_not_what_is_stored() -> None:
    key = new_key()
    assert is_key(key) and len(key) == 64 and key != new_key()
    assert key not in stored_key(key) and len(stored_key(key)) == 64
    assert not any(
        map(is_key, ("", "a" * 31, "a" * 129, "a" * 40 + "!", "a" * 40 + "\n", "é" * 40))
    )
