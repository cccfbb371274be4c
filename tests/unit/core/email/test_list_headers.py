"""Header fields with a structure."""

from __future__ import annotations

import email
from email.policy import default

import pytest

from openviper.core.email.list_headers import header_field, list_unsubscribe, split_addresses


def value_of(field: str) -> str:
    """Return the value of a field as another reader has it."""
    name = field.partition(":")[0]
    return str(email.message_from_string(field, policy=default)[name])


def test_words_are_encoded_and_addresses_are_not() -> None:
    field = header_field("List-Id", "Übungen <list.example.com>")
    assert field.endswith("<list.example.com>\r\n") and field.isascii()
    assert value_of(field) == "Übungen <list.example.com>"
    field = header_field("Disposition-Notification-To", "Jürgen <ada@x.io>, bob@x.io")
    assert field.endswith(" <ada@x.io>, bob@x.io\r\n") and field.isascii()
    assert value_of(field) == "Jürgen <ada@x.io>, bob@x.io"


@pytest.mark.parametrize(
    "value",
    ["<https://x.io/a?b=1>", "<https://x.io/a>, <mailto:b@x.io?subject=off>", "(Leave) <https://x.io/a>", "NO"],
)  # fmt: skip
def test_ascii_stands_as_it_is(value: str) -> None:
    assert header_field("List-Unsubscribe", value) == f"List-Unsubscribe: {value}\r\n"


@pytest.mark.parametrize("name", ["List-Help", "Authentication-Results"])
def test_long_words_of_structured_fields_are_folded_between_them(name: str) -> None:
    text = "write to the list's owner " * 100
    field = header_field(name, text)
    assert all(len(line) <= 78 for line in field.split("\r\n"))
    assert value_of(field) == text.strip()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DKIM-Signature", "v=1; a=rsa-sha256; bh=x=?; b=abc"),
        ("Authentication-Results", "mx.x.io;  dkim=pass"),
        ("Thread-Index", "AbC=?"),
        ("Feedback-ID", "a:=?b?=:c"),
    ],
)
def test_what_programs_compare_is_never_encoded(name: str, value: str) -> None:
    assert header_field(name, value) == f"{name}: {' '.join(value.split())}\r\n"


def test_long_fields_are_folded_between_addresses() -> None:
    targets = [f"<https://shop.example/leave/{number}/{'x' * 20}>" for number in range(5)]
    field = header_field("List-Unsubscribe", ", ".join(targets))
    assert all(len(line) <= 78 for line in field.split("\r\n"))
    assert value_of(field) == ", ".join(targets)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Unsubscribe", f"<https://x.io/{'a' * 1000}>"),
        ("List-Unsubscribe", "<https://x.io/ä>"),
        ("List-Id", "Übungen <list example>"),
        ("References", "<a@b> nonsense"),
        ("References", f"<{'a' * 1000}@b>"),
        ("In-Reply-To", "<ä@b>"),
        ("Disposition-Notification-To", "Jürgen"),
        ("Disposition-Notification-To", "a@x.io b@x.io"),
        ("Errors-To", "a\u2028b@x.io"),
        ("Auto-Submitted", "änderung"),
        ("X-Priority", "1" * 1000),
        ("List-Help", "x" * 1000),
        ("List-Unsubscribe", f"https://x.io/{'a' * 1000}"),
        ("Archived-At", "<https://x.io/ä>"),
    ],
)
def test_what_cannot_stand_in_such_a_field_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"header '{name}'"):
        header_field(name, value)


def test_addresses_keep_their_form_and_their_names_are_encoded() -> None:
    field = header_field("Disposition-Notification-To", 'Jürgen <j@x.io>, "Miller, A" <a@faß.de>')
    assert "<j@x.io>" in field and "<a@xn--fa-hia.de>" in field and field.isascii()
    assert value_of(field).startswith("Jürgen <j@x.io>")


def test_identifiers_are_folded_and_never_encoded() -> None:
    ids = " ".join(f"<{number}.{'x' * 30}@example.com>" for number in range(6))
    field = header_field("References", ids)
    assert all(len(line) <= 78 for line in field.split("\r\n"))
    assert "=?" not in field and value_of(field) == ids


def test_other_fields_are_texts() -> None:
    assert value_of(header_field("X-Note", "Füße <b>")) == "Füße <b>"


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("a,b", ["a", "b"]),
        ('"a, b" <c>,d', ['"a, b" <c>', "d"]),
        ('"a\\", b",c', ['"a\\", b"', "c"]),
        ("", [""]),
    ],
)
def test_lists_are_cut_at_commas_outside_of_quotes(value: str, parts: list[str]) -> None:
    assert split_addresses(value) == parts


def test_an_address_to_leave_at_fits_on_a_line() -> None:
    with pytest.raises(ValueError, match="fit on a line"):
        list_unsubscribe(url=f"https://x.io/{'a' * 1000}")
