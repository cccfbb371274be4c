"""Forms of text: addresses of mail and of pages, slugs."""

from __future__ import annotations

import pytest

from openviper.utils.text_forms import is_email, is_http_address, is_slug

UNSEEN = (
    "\0",
    "\n",
    "\r",
    "\t",
    "\x1b",
    "\x7f",
    "\x85",
    "\u200b",
    "\u202e",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\udfff",
)


@pytest.mark.parametrize(
    "text",
    ["a@b.example", "a@localhost", "a.b+c@d-e.example", "é@b.example", "o'neil@b.example", "a@1.2.3.4", "用户@b.example"],
)  # fmt: skip
def test_addresses_of_mail(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "a",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "a@b c",
        " a@b",
        "a@b ",
        "a@b..c",
        "a@.b",
        "a@b.",
        "a@-b",
        "a@b-",
        "a@b_c",
        "a@bücher.example",
        "a@[1.2.3.4]",
        "a,b@c",
        "<a@b>",
        "A <a@b>",
        '"a"@b',
        "a;b@c",
        "a\\b@c",
        f"a@{'b' * 64}.example",
    ],
)
def test_what_is_no_address_of_mail(text: str) -> None:
    assert not is_email(text)


@pytest.mark.parametrize("mark", UNSEEN, ids=ascii)
def test_what_cannot_be_seen_is_in_no_address(mark: str) -> None:
    for text in (
        f"a{mark}b@c.example",
        f"{mark}a@c.example",
        f"a@c{mark}.example",
        f"a@c.example{mark}",
    ):
        assert not is_email(text)
    for text in (f"http://a{mark}b/", f"http://a/{mark}", f"{mark}http://a/", f"http://a/{mark}b"):
        assert not is_http_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://a",
        "https://a.b/c?d#e",
        "HTTP://A",
        "http://[::1]:80/",
        "http://u:p@a/",
        "http://a:65535",
        "http://é/ü",
    ],
)
def test_addresses_of_pages(text: str) -> None:
    assert is_http_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "//a",
        "/a",
        "http:",
        "http://",
        "http:///a",
        "http://:80",
        "http://?a",
        "http://#a",
        "ftp://a",
        "file:///a",
        "javascript:alert(1)//http://a",
        "data:text/html,http://a",
        "http://a b",
        " http://a",
        "http://a ",
        "http://a:0",
        "http://a:65536",
        "http://a:b",
        "http://a:-1",
        "http://[::1",
        "http://[x]",
        "http://evil.example\\@a",
        "http:\\\\a",
    ],
)
def test_what_is_no_address_of_a_page(text: str) -> None:
    assert not is_http_address(text)


@pytest.mark.parametrize("text", ["a", "A", "7", "a-b", "a_b", "a--b", "x" * 500])
def test_slugs(text: str) -> None:
    assert is_slug(text)


@pytest.mark.parametrize(
    "text", ["", "-", "-a", "a-", "_a", "a_", "a b", "a/b", "é", "٣", "a\n", "a\0", "a.b"]
)
def test_what_is_no_slug(text: str) -> None:
    assert not is_slug(text)


def test_long_texts_are_decided_in_time_that_grows_with_their_length() -> None:
    for text in (
        "a" * 300_000,
        "a@" * 150_000,
        "a@" + "b." * 150_000,
        "-" * 300_000,
        "a" * 300_000 + "-",
    ):
        assert not is_email(text + " ") and not is_http_address(text) and not is_slug(text + "-")
