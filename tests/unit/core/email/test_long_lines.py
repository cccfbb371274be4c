"""No line of a message is longer than servers take, whatever it is made of, and what a reader sees is what was meant."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest

from openviper.core.email import AttachmentData, EmailMessageData, list_unsubscribe
from openviper.core.email.attachment_data import LONGEST_NAME, clean_filename
from openviper.core.email.message import message_bytes
from openviper.core.email.mime_parts import MAX_LINE, Alternative


def written(**fields: Any) -> bytes:
    """Return a message with some fields of its own."""
    given = {"recipients": ["a@x.io"], "subject": "Hi", "text": "x", "sender": "s@x.io", **fields}
    return message_bytes(EmailMessageData(**given))


def longest(content: bytes) -> int:
    return max(map(len, content.split(b"\r\n")))


LENGTHS = range(960, 1001)


@pytest.mark.parametrize("name", ["Subject", "X-Company-Reference-Number", "Comments"])
def test_a_word_that_no_line_takes_is_encoded(name: str) -> None:
    for length in LENGTHS:
        value = "x" * length
        fields = {"subject": value} if name == "Subject" else {"headers": {name: value}}
        content = written(**fields)
        assert longest(content) <= MAX_LINE
        assert message_from_bytes(content, policy=policy.default)[name] == value


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("List-Unsubscribe", "<https://x.io/{}>"),
        ("List-Unsubscribe", "<https://x.io/{}>, <mailto:a@x.io>"),
        ("References", "<{}@x.io>"),
        ("Auto-Submitted", "{}"),
    ],
)
def test_what_cannot_be_encoded_fits_on_a_line_or_is_refused(name: str, form: str) -> None:
    refused = 0
    for length in LENGTHS:
        try:
            content = written(headers={name: form.format("y" * length)})
        except ValueError:
            refused += 1
        else:
            assert longest(content) <= MAX_LINE
    assert 0 < refused < len(LENGTHS)


def test_an_address_to_leave_at_is_refused_where_the_field_would_be() -> None:
    for length in LENGTHS:
        url = f"https://x.io/{'y' * length}"
        try:
            fields = list_unsubscribe(url=url)
        except ValueError as error:
            assert "fit on a line" in str(error)
        else:
            assert longest(written(headers=fields)) <= MAX_LINE


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"headers": {"X-" + "n" * 100: "v"}}, "is not a token of 76 characters at most"),
        ({"date": "tomorrow"}, "date 'tomorrow' is not of the form"),
        ({"date": "Mon, 30 Nov 2026 09:00:00 +0000\r\nBcc: b@x.io"}, "is not of the form"),
        ({"date": "x" * 2000}, "is not of the form"),
    ],
)
def test_names_and_dates_that_cannot_be_are_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        written(**fields)


@pytest.mark.parametrize(
    "date",
    ["Mon, 30 Nov 2026 09:00:00 +0000", "1 Jan 2027 09:00 -0330", "Fri, 1 Jan 2027 09:00:00 GMT"],
)
def test_a_date_of_ones_own_is_kept(date: str) -> None:
    assert f"\r\nDate: {date}\r\n".encode() in written(date=date)


def test_a_content_id_fits_on_a_line() -> None:
    with pytest.raises(ValueError, match="is longer than 250 characters"):
        AttachmentData("a.png", b"x", "image/png", "c" * 251)


@pytest.mark.parametrize(
    "mimetype", ["multipart/mixed", "message/rfc822", "Multipart/Alternative; boundary=x"]
)
def test_several_parts_or_a_message_are_no_form_of_a_body(mimetype: str) -> None:
    with pytest.raises(ValueError, match="is not a form of a body; attach it as a file"):
        Alternative.of(b"x", mimetype)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("ü" * 300 + ".pdf", "ü" * (LONGEST_NAME - 4) + ".pdf"),
        ("a." + "x" * 300, ("a." + "x" * 300)[:LONGEST_NAME]),
        ("." + "x" * 300, ("." + "x" * 300)[:LONGEST_NAME]),
        ("x" * 300 + ".", ("x" * 300)[:LONGEST_NAME]),
        ("invoice‮fdp.exe", "invoicefdp.exe"),
        ("⁦a⁩.txt", "a.txt"),
    ],
)
def test_the_name_of_a_file_keeps_its_ending_and_reads_as_it_is(name: str, cleaned: str) -> None:
    assert clean_filename(name, "attachment.bin") == cleaned
