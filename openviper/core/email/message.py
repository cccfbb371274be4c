"""Messages: what a user says of them, and the bytes that they are on the wire."""

from __future__ import annotations

import email
import os
import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from openviper.core.email.addresses import Mailbox, normalize_addresses, parse_mailbox
from openviper.core.email.attachment import AttachmentData, clean_filename, split_mimetype
from openviper.core.email.headers import (
    address_field,
    check_headers,
    clean_text,
    parameter,
    text_field,
)
from openviper.core.email.plain_text import html_to_text

if TYPE_CHECKING:
    from email.message import EmailMessage

__all__ = [
    "AttachmentData",
    "EmailMessageData",
    "build_message",
    "html_to_text",
    "message_bytes",
    "split_mimetype",
]

_NOT_PLAIN = re.compile(r"[^\x20-\x7e\t\n]|[^\n]{999}|^From |[ \t]$", re.MULTILINE)
"""What keeps a text from standing as it is: other characters, lines over RFC 5322's 998, and what mail servers change."""
_ID = re.compile(r"<[^<>\s@\x00-\x1f\x7f]+@[^<>\s@\x00-\x1f\x7f]+>\Z", re.ASCII)
_BASE64_LINE = 76
_BASE64_CHUNK = 57 * 1024
"""Bytes that make whole lines."""


@dataclass(slots=True)
class EmailMessageData:
    """One message, before it is bytes.

    Attributes:
        recipients: Addresses of the field To.
        subject: The subject.
        text: The plain body; made from `html` when it is `None`.
        html: The HTML body.
        cc: Further addresses, seen by all.
        bcc: Further addresses, seen by nobody.
        attachments: Files.
        sender: The address of the field From; the backend fills in its own when it is empty.
        reply_to: Addresses for answers.
        headers: Further header fields.
        message_id: With its angle brackets; made when the message is first built, and kept from then on.
        date: The field Date (RFC 5322, 3.3); likewise.
        only_to: Those who get it now, where the others have it already; everybody when empty.
    """

    recipients: list[str]
    subject: str
    text: str | None = None
    html: str | None = None
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)
    attachments: list[AttachmentData] = field(default_factory=list)
    sender: str = ""
    reply_to: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    message_id: str = ""
    date: str = ""
    only_to: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        # Bodies, addresses and names of files are nobody else's business, and end up in logs.
        count = len(self.recipients) + len(self.cc) + len(self.bcc)
        return f"<EmailMessageData {self.subject!r}, {count} recipients, {len(self.attachments)} attachments>"

    def delivery_recipients(self) -> list[str]:
        """Return everybody who gets it: to, cc and bcc, stripped, each once, in order.

        Two texts of one address count once, whatever names they bear.
        """
        found: dict[str, str] = {}
        for value in self.only_to or (*self.recipients, *self.cc, *self.bcc):
            text = value.strip()
            if text:
                found.setdefault(parse_mailbox(text).address, text)
        return list(found.values())

    def validate(self) -> None:
        """Check everything that header fields are made of.

        Raises:
            ValueError: If there is no recipient, an address is not one, or a header field cannot be.
        """
        if not self.delivery_recipients():
            raise ValueError("the message has no recipient")
        for values in (
            self.recipients,
            self.cc,
            self.bcc,
            self.reply_to,
            [self.sender] if self.sender else [],
        ):
            normalize_addresses(values)
        check_headers(self.headers)
        if self.message_id and not _ID.match(self.message_id):
            raise ValueError(f"message_id {self.message_id!r} is not of the form '<left@right>'")

    def stamp(self, sender: str = "") -> None:
        """Give it an identifier and a date if it has none; a second delivery then has the same ones.

        Args:
            sender: Whose domain the identifier has, if the message has no sender of its own.
        """
        if not self.message_id:
            domain = (
                parse_mailbox(self.sender or sender).domain
                if self.sender or sender
                else "localhost"
            )
            self.message_id = make_msgid(domain=domain.strip("[]").replace(":", "-"))
        if not self.date:
            self.date = formatdate()


def build_message(data: EmailMessageData) -> EmailMessage:
    """Return the message as the standard library's class; `message_bytes` is what is sent.

    Raises:
        ValueError: If there is no recipient, an address is not one, or a header field cannot be.
    """
    from email.policy import SMTP

    return email.message_from_bytes(message_bytes(data), policy=SMTP)


def message_bytes(data: EmailMessageData) -> bytes:
    """Return the message as RFC 5322 has it, with CRLF line ends, all of it ASCII but for SMTPUTF8 addresses.

    The recipients in `bcc` are nowhere in it.

    Raises:
        ValueError: If an address is not one, or a header field cannot be.
    """
    data.stamp()
    content_type, body = _body(data)
    parts = [
        text_field("Subject", clean_text(data.subject)),
        address_field("From", [parse_mailbox(data.sender)]) if data.sender else "",
        *_addresses("To", data.recipients),
        *_addresses("Cc", data.cc),
        *_addresses("Reply-To", data.reply_to),
        f"Date: {clean_text(data.date)}\r\n",
        f"Message-ID: {_checked_id(data.message_id)}\r\n",
        *(text_field(name, value) for name, value in check_headers(data.headers).items()),
        "MIME-Version: 1.0\r\n",
        content_type,
    ]
    return b"".join([*(part.encode() for part in parts), b"\r\n", *body])


def _checked_id(text: str) -> str:
    if not _ID.match(text) or len(text) > 250:
        raise ValueError(f"message_id {text!r} is not of the form '<left@right>'")
    return text


def _addresses(name: str, values: Iterable[str]) -> list[str]:
    mailboxes: list[Mailbox] = [parse_mailbox(value) for value in values]
    return [address_field(name, mailboxes)] if mailboxes else []


# Bodies: each function returns the header fields of a part, and its content in pieces


Part = tuple[str, list[bytes]]


def _body(data: EmailMessageData) -> Part:
    inline = [one for one in data.attachments if one.content_id and data.html is not None]
    attached = (
        [one for one in data.attachments if one not in inline] if inline else data.attachments
    )
    if data.html is None:
        main = _text_part("plain", data.text or "")
    else:
        html = _text_part("html", data.html)
        if inline:
            html = _multipart("related", [html, *map(_file_part, inline)], 'type="text/html"')
        text = data.text if data.text is not None else html_to_text(data.html)
        main = _multipart("alternative", [_text_part("plain", text), html])
    return _multipart("mixed", [main, *map(_file_part, attached)]) if attached else main


def _multipart(subtype: str, parts: list[Part], more: str = "") -> Part:
    # No line of base64, of quoted-printable or of sensible text can be this one (RFC 2045, 6.7: '=_').
    boundary = f"=_{os.urandom(15).hex()}"
    extra = f"; {more}" if more else ""
    separator = f"--{boundary}\r\n".encode()
    pieces: list[bytes] = []
    for header, content in parts:
        pieces += [separator, header.encode(), b"\r\n", *content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return f'Content-Type: multipart/{subtype}{extra};\r\n boundary="{boundary}"\r\n', pieces


def _text_part(subtype: str, text: str) -> Part:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text and not text.endswith("\n"):
        text += "\n"
    if not _NOT_PLAIN.search(text):
        header = (
            f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n"
        )
        return header, [text.replace("\n", "\r\n").encode("ascii")]
    data = text.encode("utf-8", "replace")
    # Readable where most of it is ASCII, else shorter.
    if len(data) - len(text) > len(text) // 4:
        return (
            f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n",
            base64_lines(data.replace(b"\n", b"\r\n")),
        )
    encoded = b2a_qp(data, istext=True).replace(b"\n", b"\r\n")
    if encoded.startswith(b"From "):
        encoded = b"=46" + encoded[1:]
    encoded = encoded.replace(b"\nFrom ", b"\n=46rom ")
    header = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    return header, [encoded]


def base64_lines(data: bytes) -> list[bytes]:
    """Return data as base64 in lines of 76 characters (RFC 2045, 6.8): encoded many lines in one call, and then cut.

    Not all at once, because a call holds the interpreter for its whole time.
    """
    pieces = []
    for start in range(0, len(data), _BASE64_CHUNK):
        whole = b2a_base64(data[start : start + _BASE64_CHUNK], newline=False)
        lines = [
            whole[place : place + _BASE64_LINE] for place in range(0, len(whole), _BASE64_LINE)
        ]
        pieces += [b"\r\n".join(lines), b"\r\n"]
    return pieces


def _file_part(attachment: AttachmentData) -> Part:
    filename = clean_filename(attachment.filename, "attachment.bin")
    main, sub = split_mimetype(attachment.mimetype)
    if main in ("multipart", "message"):
        # These may not be base64 (RFC 2045, 6.4), and a reader would take them apart; as a file they stay what they are.
        main, sub = "application", "octet-stream"
    disposition = "inline" if attachment.content_id else "attachment"
    header = (
        f"Content-Type: {main}/{sub}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: {disposition}{parameter('filename', filename)}\r\n"
    )
    if attachment.content_id:
        header += f"Content-ID: <{attachment.content_id}>\r\n"
    return header, base64_lines(attachment.content)
