"""Addresses: one mailbox per text, and nothing that could be taken for more."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.core.email.addresses import normalize_addresses, parse_mailbox


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("ada@example.com", "", "ada@example.com"),
        ("  ada@example.com \n", "", "ada@example.com"),
        ("Ada <ada@x.io>", "Ada", "ada@x.io"),
        ("<ada@x.io>", "", "ada@x.io"),
        ('"Lovelace, Ada" <ada@x.io>', "Lovelace, Ada", "ada@x.io"),
        ('"a \\"quoted\\" \\\\ name" <ada@x.io>', 'a "quoted" \\ name', "ada@x.io"),
        ("J. R. R. Tolkien <j@x.io>", "J. R. R. Tolkien", "j@x.io"),
        ("Käthe <kathe@bücher.example>", "Käthe", "kathe@xn--bcher-kva.example"),
        ("käthe@x.io", "", "käthe@x.io"),
        ('"john doe"@x.io', "", '"john doe"@x.io'),
        ("a+b_c=d'e@sub.x-y.io", "", "a+b_c=d'e@sub.x-y.io"),
        ("root@localhost", "", "root@localhost"),
        ("x@[192.0.2.1]", "", "x@[192.0.2.1]"),
        ("x@[IPv6:2001:db8::1]", "", "x@[IPv6:2001:db8::1]"),
        ("日本 <x@例え.jp>", "日本", "x@xn--r8jz45g.jp"),
    ],
)
def test_what_is_one_mailbox(text: str, name: str, address: str) -> None:
    found = parse_mailbox(text)
    assert (found.name, found.address) == (name, address)
    assert found.needs_smtputf8 is not address.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "ada", "@x.io", "ada@", "ada@@x.io", "a@x.io, b@x.io", "a@x.io; b@x.io", "a@x.io b@x.io", "a@x.io <b@x.io>",
        "Ada <a@x.io> <b@x.io>", "Ada <a@x.io", "Ada a@x.io>", "Ada <a@x.io> tail", "group: a@x.io, b@x.io;", "a@x.io (comment)",
        "<@relay:a@x.io>", ".a@x.io", "a.@x.io", "a..b@x.io", "a b@x.io", "a@x..io", "a@.x.io", "a@x.io.", "a@-x.io", "a@x_y.io",
        "a@[300.1.1.1]", "a@[::1]", "a@[IPv6:zz]", "a@x.io>", '"a@x.io', 'a"b@x.io', "a\\b@x.io", f"{'a' * 65}@x.io",
        f"a@{'b' * 64}.io", f"a@{'.'.join(['b' * 60] * 5)}.io", "Lovelace, Ada <ada@x.io>", "a@x.io%0a", "a\u3000b@x.io",
        "a@exa\u2028mple.com",
    ],
)  # fmt: skip
def test_what_is_not_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - each has a reason of its own
        parse_mailbox(text)
    assert repr(text.strip())[1:-1] in str(caught.value)


@pytest.mark.parametrize("character", [chr(code) for code in (*range(32), 127)])
def test_control_characters_are_refused_wherever_they_stand(character: str) -> None:
    for text in (
        f"a{character}b@x.io",
        f"A{character}B <a@x.io>",
        f"a@x{character}.io",
        f"a@x.io{character}x",
    ):
        with pytest.raises(ValueError, match="control character"):
            normalize_addresses([text])


def test_lists_are_stripped_and_without_duplicates() -> None:
    assert normalize_addresses(None) == []
    assert normalize_addresses(" a@x.io ") == ["a@x.io"]
    assert normalize_addresses(["b@x.io", "", " ", "a@x.io", "b@x.io "]) == ["b@x.io", "a@x.io"]
    wrong: Any = ["a@x.io", 5]
    with pytest.raises(ValueError, match="5 is not a mail address"):
        normalize_addresses(wrong)


@pytest.mark.parametrize("local", [".ada..x.", "a..b", ".a", "a."])
def test_dots_that_need_quotes_are_refused_with_the_form_to_write(local: str) -> None:
    with pytest.raises(ValueError, match="need quotes") as caught:
        parse_mailbox(f"{local}@docomo.ne.jp")
    assert f"'\"{local}\"@...'" in str(caught.value)
    assert parse_mailbox(f'"{local}"@docomo.ne.jp').local == f'"{local}"'


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["b@x.io", "a@x.io", "B <b@x.io>"], ["B <b@x.io>", "a@x.io"]),
        (["B <b@x.io>", "b@x.io"], ["B <b@x.io>"]),
        (["B <b@x.io>", "Bob <b@x.io>", "<b@x.io>"], ["B <b@x.io>"]),
        (["b@X.IO", "<b@x.io>"], ["b@X.IO"]),
        (["x@bücher.example", "x@xn--bcher-kva.example"], ["x@bücher.example"]),
        (["b@x.io", "B@x.io"], ["b@x.io", "B@x.io"]),
    ],
)
def test_an_address_with_and_without_a_name_is_one(given: list[str], kept: list[str]) -> None:
    assert normalize_addresses(given) == kept
