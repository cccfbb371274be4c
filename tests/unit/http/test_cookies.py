"""Cookies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from openviper.http.cookies import build_cookie, parse_cookies


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
    ],
)
def test_a_part_that_could_not_be_sent_is_refused(
    key: str, value: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        build_cookie(key, value, **options)
