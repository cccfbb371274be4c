"""Domains in ASCII, never somebody else's."""

from __future__ import annotations

import pytest

from openviper.core.email.addresses import parse_mailbox
from openviper.core.email.domains import check_address_literal, is_domain, to_ascii


@pytest.mark.parametrize(
    ("domain", "encoded"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.com", "EXAMPLE.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("Straße.de", "xn--strae-oqa.de"),
        ("κλαρα-σωλις.ευ", "xn----ylba7abgd9bnh0e.xn--qxa6a"),
        ("βόλος.com", "xn--nxasmm1c.com"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("ﬁx.de", "fix.de"),
        ("xn--fa-hia.de", "xn--fa-hia.de"),
    ],
)
def test_a_domain_has_the_form_of_idna_2008(domain: str, encoded: str) -> None:
    assert to_ascii(domain) == encoded
    assert parse_mailbox(f"ada@{domain}").address == f"ada@{encoded}"


@pytest.mark.parametrize(
    "domain",
    ["\u0dc1\u0dca\u200d\u0dbb.com", "a\u200cb.com", "STRA\u1e9eE.de", "\u1e9e.de"],
)
def test_a_domain_whose_form_is_in_doubt_is_refused_with_what_to_write(domain: str) -> None:
    with pytest.raises(ValueError, match="xn--"):
        to_ascii(domain)
    with pytest.raises(ValueError, match="has no valid domain: .*xn--"):
        parse_mailbox(f"ada@{domain}")


@pytest.mark.parametrize(
    "domain",
    ["", ".", "a..b", "-a.de", "a-.de", "a b.de", "a_b.de", "ä" * 300, "ü" * 70 + ".de", "a\u2028b.de", "\ud800.de"],
)  # fmt: skip
def test_what_is_not_a_domain_is_refused(domain: str) -> None:
    with pytest.raises(ValueError):
        to_ascii(domain)


def test_sharp_s_never_becomes_two_letters() -> None:
    for text in ("ß.de", "aß.de", "ßa.de", "aßßb.de", "ä-ß.de", "ς.gr", "aς.gr"):
        encoded = to_ascii(text)
        assert encoded.startswith("xn--") and "ss" not in encoded
        assert encoded.split(".")[0][4:].encode().decode("punycode") == text.split(".")[0]


def test_a_domain_is_bounded() -> None:
    assert is_domain("a." * 126 + "b") and not is_domain("a." * 127 + "b")


@pytest.mark.parametrize("literal", ["[127.0.0.1]", "[IPv6:::1]", "[ipv6:2001:db8::1]"])
def test_an_address_in_brackets_stands_as_it_is(literal: str) -> None:
    assert check_address_literal(literal) == literal
    assert parse_mailbox(f"ada@{literal}").domain == literal


@pytest.mark.parametrize(
    "literal", ["[]", "[300.1.1.1]", "[::1]", "[IPv6:nonsense]", "[example.com]"]
)
def test_other_brackets_are_refused(literal: str) -> None:
    with pytest.raises(ValueError, match="no address in the brackets"):
        check_address_literal(literal)
