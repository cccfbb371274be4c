"""Messages as bytes, read back by the standard library: exactly what was meant, and no more."""

from __future__ import annotations

import email
import random
import re
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import parseaddr
from typing import Any

import pytest

from openviper.core.email.addresses import parse_mailbox
from openviper.core.email.attachment_data import AttachmentData, clean_filename
from openviper.core.email.list_headers import list_unsubscribe
from openviper.core.email.message import EmailMessageData, build_message, message_bytes
from openviper.core.email.mime_types import split_mimetype

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def made(**values: Any) -> EmailMessageData:
    """Return a message with what is not given."""
    return EmailMessageData(
        **{
            "recipients": ["bob@x.io"],
            "subject": "Hi",
            "text": "Hello",
            "sender": "ada@x.io",
            **values,
        }
    )


def read(data: EmailMessageData) -> EmailMessage:
    """Return the bytes of a message as the standard library reads them."""
    content = message_bytes(data)
    check_lines(content)
    return email.message_from_bytes(content, policy=SMTPUTF8)


def check_lines(content: bytes) -> None:
    """Demand CRLF everywhere, and no line that a server may refuse (RFC 5322, 2.1.1)."""
    assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")
    assert max(map(len, content.split(b"\r\n"))) <= 998


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    """Return a decoded body."""
    part = message.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


def test_the_fields_of_a_plain_message() -> None:
    data = made(
        cc=["Carl <carl@x.io>"],
        bcc=["secret@x.io"],
        reply_to=["answers@x.io"],
        headers={"X-Order": "7"},
    )
    message = read(data)
    assert set(message.keys()) == {
        "Subject", "From", "To", "Cc", "Reply-To", "Date", "Message-ID", "X-Order", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    }  # fmt: skip
    assert (message["To"], message["Cc"], message["Reply-To"]) == (
        "bob@x.io",
        "Carl <carl@x.io>",
        "answers@x.io",
    )
    assert message["X-Order"] == "7"
    assert re.fullmatch(r"<\S+@x\.io>", str(message["Message-ID"]))
    assert message["Date"].datetime is not None
    assert text_of(message) == "Hello\n"
    assert b"secret" not in message_bytes(data)


def test_identifier_and_date_are_made_once() -> None:
    data = made()
    first = message_bytes(data)
    assert data.message_id and data.date
    assert message_bytes(data) == first
    assert made(message_id="<7@shop>").message_id == "<7@shop>"
    for wrong in ("7@shop", "<7>", "<a b@c>", "<a@b>\r\nBcc: x@y.z", "<a@b> <c@d>"):
        with pytest.raises(ValueError, match="message_id"):
            message_bytes(made(message_id=wrong))


def test_the_standard_librarys_class_says_the_same() -> None:
    message = build_message(made(subject="Grüße", html="<p>Hi</p>"))
    assert isinstance(message, EmailMessage)
    assert message["Subject"] == "Grüße"
    assert message.get_content_type() == "multipart/alternative"


def test_bodies_and_files_are_put_together_as_readers_expect() -> None:
    logo = AttachmentData("logo.png", PNG, "image/png", "logo")
    report = AttachmentData("report.pdf", b"%PDF-1.7", "application/pdf")
    message = read(
        made(text=None, html='<p>Hi<br>there</p><img src="cid:logo">', attachments=[report, logo])
    )
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "application/pdf",
    ]  # fmt: skip
    assert text_of(message) == "Hi\nthere\n"
    assert "cid:logo" in text_of(message, "html")
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("report.pdf", b"%PDF-1.7")
    image = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert (image["Content-ID"], image.get_content_disposition()) == ("<logo>", "inline")
    assert image.get_payload(decode=True) == PNG


@pytest.mark.parametrize(
    "kind", ["message/global", "multipart/mixed", "message/partial", "image", "a/b/c", "x\r\ny/z"]
)
def test_a_type_that_a_reader_would_take_apart_becomes_a_plain_file(kind: str) -> None:
    evil = b"From: x@y.z\r\nBcc: all@x.io\r\n\r\n--b\r\n\r\nbody"
    message = read(made(attachments=[AttachmentData("mail.eml", evil, kind)]))
    (attached,) = message.iter_attachments()
    assert attached.get_content_type() == "application/octet-stream"
    assert attached.get_payload(decode=True) == evil


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a\n", "a\r\nb\rc\n", "trailing  \nspace\t\n", "From the start\nFrom here", ".\n..\n.leading", "ä", "ä" * 5000,
        "x" * 5000, "x" * 998, "tab\tand =3D and = sign", "nul \0 bell \a", "日本語\n" * 50, "\N{PILE OF POO}" * 300, "a" * 75 + "ä",
        "= " * 200, "\udc80 lone half", " leading", "\n\n\nblank lines\n\n\n",
    ],
)  # fmt: skip
def test_texts_come_back_as_they_were(text: str) -> None:
    wanted = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    wanted = wanted if wanted.endswith("\n") or not wanted else f"{wanted}\n"
    for values in ({"text": text}, {"text": text, "html": text}):
        message = read(made(**values))
        assert text_of(message) == wanted
        if "html" in values:
            assert text_of(message, "html") == wanted


@pytest.mark.parametrize(
    ("subject", "wanted"),
    [
        ("Hi\r\nBcc: x@y.z", "HiBcc: x@y.z"),
        ("  spaces  around ", "spaces  around"),
        ("tab\tinside", "tab inside"),
        ("=?utf-8?q?not_me?=", "=?utf-8?q?not_me?="),
        ("two  spaces", "two  spaces"),
        ("", ""),
        ("x" * 3000, "x" * 3000),
        ("word " * 300, ("word " * 300).strip()),
        ("ä" * 500, "ä" * 500),
        ("\N{PILE OF POO}" * 100, "\N{PILE OF POO}" * 100),
        ("a\x00b\x1bc", "abc"),
    ],
)
def test_subjects(subject: str, wanted: str) -> None:
    message = read(made(subject=subject))
    assert message["Subject"] == wanted
    assert message.get_all("Bcc") is None


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"X Order": "1"}, "'X Order' is not a token"),
        ({"": "1"}, "'' is not a token"),
        ({"X:Y": "1"}, "is not a token"),
        ({"X-Ä": "1"}, "is not a token"),
        ({"X-A": "1\r\nBcc: x@y.z"}, "line break"),
        ({"X-A": "1\nx"}, "line break"),
        ({"X-A": "1\x00"}, "line break or another control character"),
        ({"bcc": "x@y.z"}, "set by the message itself"),
        ({"Content-Type": "text/html"}, "set by the message itself"),
        ({"Resent-To": "x@y.z"}, "set by the message itself"),
        ({"MESSAGE-ID": "<a@b>"}, "set by the message itself"),
        ({"X-A": "1", "x-a": "2"}, "given twice"),
    ],
)
def test_header_fields_that_cannot_be(headers: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        message_bytes(made(headers=headers))


def test_everybody_gets_it_once() -> None:
    data = made(
        recipients=["Bob <bob@x.io>", "ann@x.io"], cc=["bob@x.io"], bcc=[" ann@x.io ", "eve@x.io"]
    )
    assert data.delivery_recipients() == ["Bob <bob@x.io>", "ann@x.io", "eve@x.io"]
    data.only_to = ["eve@x.io"]
    assert data.delivery_recipients() == ["eve@x.io"]
    assert read(data)["To"] == "Bob <bob@x.io>, ann@x.io"


@pytest.mark.parametrize("name", ["recipients", "cc", "bcc", "reply_to"])
def test_a_text_is_no_list_of_addresses(name: str) -> None:
    fields: dict[str, Any] = {"recipients": ["a@x.io"], name: "bob@x.io"}
    with pytest.raises(TypeError, match=f"{name} of a message must be a list"):
        EmailMessageData(subject="Hi", **fields)


def test_capitals_of_a_domain_make_nobody_somebody_else() -> None:
    data = EmailMessageData(
        ["a@X.io", "Ann <a@x.io>"], "Hi", "x", cc=["A@x.io"], bcc=["a@x.IO", "b@münchen.de", "b@XN--mnchen-3ya.DE"]
    )  # fmt: skip
    assert data.delivery_recipients() == ["a@X.io", "A@x.io", "b@münchen.de"]
    assert build_message(data)["To"] == "Ann <a@x.io>"


def test_nothing_of_the_content_is_shown() -> None:
    data = made(
        text="secret text",
        recipients=["bob@x.io"],
        attachments=[AttachmentData("secret.pdf", b"secret")],
    )
    assert repr(data) == "<EmailMessageData 'Hi', 1 recipients, 1 attachments>"
    assert repr(data.attachments[0]).count("secret") == 1  # The name, not the content.


def test_addresses_beyond_ascii_stand_as_they_are_in_utf8() -> None:
    content = message_bytes(made(recipients=["Käthe <käthe@bücher.example>"]))
    assert "<käthe@xn--bcher-kva.example>".encode() in content
    parsed = email.message_from_bytes(content, policy=SMTPUTF8)
    assert str(parsed["To"]) == "Käthe <käthe@xn--bcher-kva.example>"


def test_leaving_a_list() -> None:
    assert list_unsubscribe(url="https://x.io/u?a=1", mailto="leave@x.io") == {
        "List-Unsubscribe": "<https://x.io/u?a=1>, <mailto:leave@x.io>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert list_unsubscribe(mailto="mailto:leave@x.io?subject=off") == {
        "List-Unsubscribe": "<mailto:leave@x.io?subject=off>"
    }
    assert "List-Unsubscribe-Post" not in list_unsubscribe(url="http://x.io/u", one_click=False)
    message = read(made(headers=list_unsubscribe(url="https://x.io/u")))
    assert message["List-Unsubscribe"] == "<https://x.io/u>"
    wrong: list[dict[str, str]] = [
        {}, {"url": "http://x.io"}, {"url": "https://x.io/>\r\nBcc: x"}, {"url": "javascript:x"}, {"mailto": "a b@c"},
    ]  # fmt: skip
    for values in wrong:
        with pytest.raises(ValueError, match="unsubscribe"):
            list_unsubscribe(**values)  # type: ignore[arg-type]  # a dict of texts fits every argument


def test_types() -> None:
    assert split_mimetype("image/png") == ("image", "png")
    assert (
        split_mimetype("image")
        == split_mimetype("a/b/c")
        == split_mimetype("")
        == ("application", "octet-stream")
    )


# Random values

ALPHABETS = (
    "abc XYZ 019",
    "abc \r\n\t\x00\x0b\x1f\x7f",
    "\"\\,;:<>()[]@.=?_ '",
    "äöüß ñ 日本 \N{PILE OF POO}\u202e\u2028\x85",
    "=?utf-8?q? ?= BCC: x@y.z",
)


def some_text(chance: random.Random, longest: int) -> str:
    alphabet = chance.choice(ALPHABETS) + (
        chance.choice(ALPHABETS) if chance.random() < 0.5 else ""
    )
    return "".join(chance.choice(alphabet) for _ in range(chance.randrange(longest)))


def as_meant(text: str) -> str:
    """Return what of a text can be in a header field."""
    return (
        re.sub("[\x00-\x08\x0a-\x1f\x7f]", "", text)
        .replace("\t", " ")
        .encode("utf-8", "replace")
        .decode()
        .strip()
    )


def test_random_messages_have_exactly_the_fields_and_recipients_that_were_meant() -> None:
    chance = random.Random(20)
    accepted = 0
    for _ in range(1500):
        subject, value, filename = (
            some_text(chance, 120),
            some_text(chance, 200),
            some_text(chance, 100),
        )
        name = as_meant(some_text(chance, 60)).replace("\\", "").replace('"', "")
        recipient = f'"{name}" <bob{chance.randrange(9)}@x.io>' if name else "bob@x.io"
        attachment = AttachmentData(
            filename, bytes(chance.randrange(256) for _ in range(50)), "text/plain"
        )
        data = made(
            subject=subject, recipients=[recipient], cc=["carl@x.io"], bcc=["secret@x.io"],
            headers={"X-Value": as_meant(value)}, attachments=[attachment],
        )  # fmt: skip
        try:
            parse_mailbox(recipient)
        except ValueError:
            continue
        accepted += 1
        message = read(data)
        assert set(message.keys()) == {
            "Subject", "From", "To", "Cc", "Date", "Message-ID", "X-Value", "MIME-Version", "Content-Type",
        }  # fmt: skip
        assert str(message["Subject"]) == as_meant(subject)
        assert str(message["X-Value"]) == as_meant(value)
        to = message["To"]
        assert isinstance(to, AddressHeader)
        assert [one.addr_spec for one in to.addresses] == [parse_mailbox(recipient).address]
        # The newer parser keeps the space between two encoded words of a name, against RFC 2047, 6.2; the older one does not.
        raw, _ = parseaddr(email.message_from_bytes(message_bytes(data))["To"])
        assert str(make_header(decode_header(raw))) == " ".join(name.split())
        assert [one.addr_spec for one in message["Cc"].addresses] == ["carl@x.io"]
        assert b"secret" not in message_bytes(data)
        parts = list(message.iter_parts())
        assert len(parts) == 2
        assert parts[1].get_payload(decode=True) == attachment.content
        # Not `get_filename`, which strips quotes and angle brackets that belong to the name.
        assert parts[1]["Content-Disposition"].params["filename"] == clean_filename(
            filename, "attachment.bin"
        )
    assert accepted > 1000


def test_random_addresses_never_name_somebody_else() -> None:
    chance = random.Random(21)
    pieces = [
        "a",
        "b.c",
        "@",
        "x.io",
        "<",
        ">",
        '"',
        "\\",
        ",",
        ";",
        ":",
        "(",
        ")",
        " ",
        "ä",
        ".",
        "[",
        "]",
        "é@",
        "\u3000",
    ]
    accepted = 0
    for _ in range(30_000):
        text = "".join(chance.choice(pieces) for _ in range(chance.randrange(1, 9)))
        try:
            mailbox = parse_mailbox(text)
        except ValueError:
            continue
        accepted += 1
        parsed = email.message_from_bytes(message_bytes(made(recipients=[text])), policy=SMTPUTF8)[
            "To"
        ]
        # The parser takes raw UTF-8 for bytes that it does not know.
        found = [
            one.addr_spec.encode("utf-8", "surrogateescape").decode() for one in parsed.addresses
        ]
        assert found == [mailbox.address], text
    assert accepted > 50


def test_the_policy_of_plain_smtp_reads_it_too() -> None:
    message = email.message_from_bytes(
        message_bytes(made(subject="ä" * 90, attachments=[AttachmentData("ö" * 90, b"x")])),
        policy=SMTP,
    )
    assert message["Subject"] == "ä" * 90
    assert [part.get_filename() for part in message.iter_attachments()] == ["ö" * 90]
