"""Messages: what a user says of them, and the bytes that they are on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from openviper.core.email.addresses import normalize_addresses, parse_mailbox
from openviper.core.email.attachment_data import AttachmentData
from openviper.core.email.headers import address_field, check_headers, clean_text, text_field
from openviper.core.email.list_headers import header_field
from openviper.core.email.mime_parts import Alternative, Part, body
from openviper.core.email.mime_types import split_mimetype
from openviper.core.email.plain_text import html_to_text

if TYPE_CHECKING:
    from email.message import EmailMessage

__all__ = [
    "Alternative",
    "AttachmentData",
    "EmailMessageData",
    "build_message",
    "html_to_text",
    "message_bytes",
    "split_mimetype",
]

_ID = re.compile(r"<[^<>\s@\x00-\x1f\x7f]+@[^<>\s@\x00-\x1f\x7f]+>\Z", re.ASCII)
_DATE = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|GMT)\Z",
    re.ASCII,
)
LONGEST_ID = 250
NOBODY_NAMED = "To: undisclosed-recipients:;\r\n"
"""The field To of a message whose recipients are all in `bcc` (RFC 5322, A.1.3)."""


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
        alternatives: Further forms of the body, such as a calendar invitation.
        envelope_sender: Where reports about lost mail go, as a bare address; ``""`` for nowhere; `sender` when `None`.
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
    alternatives: list[Alternative] = field(default_factory=list)
    envelope_sender: str | None = None

    def __repr__(self) -> str:
        # Bodies, addresses and names of files are nobody else's business, and end up in logs.
        count = len(self.recipients) + len(self.cc) + len(self.bcc)
        return f"<EmailMessageData {self.subject!r}, {count} recipients, {len(self.attachments)} attachments>"

    def delivery_recipients(self) -> list[str]:
        """Return everybody who gets it: to, cc and bcc, stripped, each once, in order.

        Two texts of one address count once, whatever names they bear.
        """
        by_address: dict[str, str] = {}
        for value in self.only_to or (*self.recipients, *self.cc, *self.bcc):
            text = value.strip()
            if text:
                by_address.setdefault(parse_mailbox(text).address, text)
        return list(by_address.values())

    def bodies(self) -> tuple[str, str | None]:
        """Return the plain body, made from the HTML one if there is no other, and the HTML body."""
        if self.text is not None:
            return self.text, self.html
        return html_to_text(self.html) if self.html is not None else "", self.html

    def validate(self) -> None:
        """Check everything that header fields are made of.

        Raises:
            ValueError: If there is no recipient, an address is not one, or a header field cannot be.
        """
        if not self.delivery_recipients():
            raise ValueError("the message has no recipient")
        senders = [text for text in (self.sender, self.envelope_sender) if text]
        for values in (self.recipients, self.cc, self.bcc, self.reply_to, senders):
            normalize_addresses(values)
        _own_fields(self.headers)
        _checked_id(self.message_id or "<any@example.com>")
        if self.date:
            _checked_date(self.date)

    def stamp(self, sender: str = "") -> None:
        """Give it an identifier and a date if it has none; a second delivery then has the same ones.

        Args:
            sender: Whose domain the identifier has, if the message has no sender of its own.
        """
        if not self.message_id:
            author = self.sender or sender
            domain = parse_mailbox(author).domain if author else "localhost"
            self.message_id = make_msgid(domain=domain.strip("[]").replace(":", "-"))
        if not self.date:
            self.date = formatdate()


def build_message(data: EmailMessageData) -> EmailMessage:
    """Return the message as the standard library's class; `message_bytes` is what is sent.

    It is taken apart when something of it is first looked at; until then ``as_bytes()`` returns what was written.

    Raises:
        ValueError: If there is no recipient, an address is not one, or a header field cannot be.
    """
    # The package `email` is imported where somebody asks for its class.
    from openviper.core.email.written_message import WrittenMessage

    return WrittenMessage(message_bytes(data))


def message_bytes(data: EmailMessageData) -> bytes:
    """Return the message as RFC 5322 has it, with CRLF line ends, all of it ASCII but for SMTPUTF8 addresses.

    The recipients in `bcc` are nowhere in it.

    Raises:
        ValueError: If an address is not one, or a header field cannot be.
        TypeError: If a file is something else than `AttachmentData`.
    """
    data.stamp()
    part = _body(data)
    header = "".join([*_header_fields(data), "MIME-Version: 1.0\r\n", part.header, "\r\n"])
    return b"".join([header.encode(), *part.content])


def _header_fields(data: EmailMessageData) -> Iterator[str]:
    yield text_field("Subject", clean_text(data.subject))
    yield _addresses("From", [data.sender] if data.sender else ())
    yield from _recipient_fields(data)
    yield _addresses("Reply-To", data.reply_to)
    yield f"Date: {_checked_date(data.date)}\r\n"
    yield f"Message-ID: {_checked_id(data.message_id)}\r\n"
    yield from _own_fields(data.headers)


def _recipient_fields(data: EmailMessageData) -> Iterator[str]:
    if not (data.recipients or data.cc):
        yield NOBODY_NAMED
    yield _addresses("To", data.recipients)
    yield _addresses("Cc", data.cc)


def _own_fields(headers: Mapping[str, str]) -> list[str]:
    return [header_field(name, value) for name, value in check_headers(headers).items()]


def _checked_id(text: str) -> str:
    if not _ID.match(text) or len(text) > LONGEST_ID:
        raise ValueError(f"message_id {text!r} is not of the form '<left@right>'")
    return text


def _checked_date(text: str) -> str:
    if not _DATE.match(text):
        raise ValueError(f"date {text[:80]!r} is not of the form 'Mon, 30 Nov 2026 09:00:00 +0000'")
    return text


def _addresses(name: str, values: Iterable[str]) -> str:
    """Return a field of addresses, each once whatever names it is given with; nothing if there are none."""
    mailboxes = [parse_mailbox(value) for value in values]
    named: dict[str, int] = {}
    for place, mailbox in enumerate(mailboxes):
        first = named.setdefault(mailbox.address, place)
        if not mailboxes[first].name:
            named[mailbox.address] = place
    return address_field(name, [mailboxes[place] for place in named.values()]) if named else ""


def _body(data: EmailMessageData) -> Part:
    for file in data.attachments:
        if not isinstance(file, AttachmentData):
            raise TypeError(f"a file of a message is AttachmentData, not {type(file).__name__}")
    return body(*data.bodies(), data.alternatives, data.attachments)
