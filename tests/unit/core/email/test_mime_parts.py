"""Bodies with further forms, and files of all types, as another reader has them."""

from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from openviper.core.email import Alternative, AttachmentData, EmailMessageData
from openviper.core.email.message import message_bytes

INVITE = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Füße\r\nEND:VCALENDAR\r\n"


def read(**fields: Any) -> EmailMessage:
    """Return a message with some fields as the standard library reads it."""
    fields = {"text": "Hello", "sender": "ada@x.io", **fields}
    content = message_bytes(EmailMessageData(["bob@x.io"], "Hi", **fields))
    assert content.isascii() and b"\n" not in content.replace(b"\r\n", b"")
    return email.message_from_bytes(content, policy=default)


def types(message: EmailMessage) -> list[str]:
    """Return the types of all parts."""
    return [part.get_content_type() for part in message.walk()]


def test_an_invitation_is_a_form_of_the_body() -> None:
    form = Alternative.of(INVITE, "text/calendar; method=REQUEST")
    message = read(html="<p>Hello</p>", alternatives=[form])
    assert types(message) == ["multipart/alternative", "text/plain", "text/html", "text/calendar"]
    calendar = list(message.walk())[-1]
    assert isinstance(calendar, EmailMessage)
    assert calendar["Content-Type"].params == {"method": "REQUEST", "charset": "utf-8"}
    assert calendar.get_content().splitlines() == INVITE.splitlines()


def test_a_text_and_another_form_are_alternatives_without_html() -> None:
    message = read(alternatives=[Alternative.of(b"\x00\x01", "application/x-odd")])
    assert types(message) == ["multipart/alternative", "text/plain", "application/x-odd"]
    assert list(message.walk())[-1].get_payload(decode=True) == b"\x00\x01"


def test_amp_stands_before_html_as_some_readers_show_the_last_form() -> None:
    form = Alternative.of("<html amp4email>", "text/x-amp-html")
    assert types(read(html="<p>x</p>", alternatives=[form]))[1:] == [
        "text/plain",
        "text/x-amp-html",
        "text/html",
    ]


def test_forms_files_and_pictures_are_nested_in_each_other() -> None:
    message = read(
        html='<img src="cid:logo">',
        alternatives=[Alternative.of(INVITE, "text/calendar")],
        attachments=[
            AttachmentData("logo.png", b"\x89PNG", "image/png", "logo"),
            AttachmentData("invite.ics", INVITE.encode(), "text/calendar; charset=utf-8"),
        ],
    )
    assert types(message) == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "text/calendar", "text/calendar",
    ]  # fmt: skip


@pytest.mark.parametrize("mimetype", ["text/csv; charset=iso-8859-1", "text/x; charset=utf-16"])
def test_a_text_is_not_said_to_be_in_another_encoding(mimetype: str) -> None:
    with pytest.raises(ValueError, match="give bytes instead"):
        Alternative.of("Füße", mimetype)


def test_bytes_keep_the_encoding_that_they_are_said_to_have() -> None:
    message = read(
        alternatives=[Alternative.of("Füße".encode("latin-1"), "text/x; charset=latin-1")]
    )
    assert list(message.walk())[-1].get_content() == "Füße"


def test_bytes_that_are_not_what_their_type_says_are_sent_as_they_are() -> None:
    message = read(alternatives=[Alternative.of(b"\xff\xfe", "text/x; charset=utf-8")])
    assert list(message.walk())[-1].get_payload(decode=True) == b"\xff\xfe"


def test_a_form_of_another_kind_is_a_type_error() -> None:
    wrong: Any = 5
    with pytest.raises(TypeError, match="int"):
        Alternative.of(wrong, "text/x")


def test_files_keep_the_parameters_of_their_type() -> None:
    kind = 'text/csv; charset=utf-8; header=present; name="städte; alle"'
    message = read(attachments=[AttachmentData("a.csv", b"x", kind)])
    (file,) = message.iter_attachments()
    assert file["Content-Type"].params == {
        "charset": "utf-8",
        "header": "present",
        "name": "städte; alle",
    }


def test_a_message_is_forwarded_whole() -> None:
    inner = b"From: a@x.io\nSubject: Inner\n\nText\n"
    message = read(attachments=[AttachmentData("mail.eml", inner, "message/rfc822")])
    (file,) = message.iter_attachments()
    assert file.get_content_type() == "message/rfc822"
    assert file.get_content()["Subject"] == "Inner"


@pytest.mark.parametrize(
    "inner", [b"Subject: F\xc3\xbc\n\nx", b"Subject: a\n\n" + b"x" * 1200, b"a\0b"]
)
def test_a_message_that_is_not_in_seven_bits_is_a_file(inner: bytes) -> None:
    message = read(attachments=[AttachmentData("mail.eml", inner, "message/rfc822")])
    (file,) = message.iter_attachments()
    assert file.get_content_type() == "application/octet-stream"
    assert file.get_payload(decode=True) == inner
