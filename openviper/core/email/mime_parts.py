"""The body of a message as MIME has it: texts, files, and what holds them together."""

from __future__ import annotations

import os
import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from openviper.core.email.attachment_data import OCTETS, AttachmentData, checked_id, clean_filename
from openviper.core.email.headers import parameter
from openviper.core.email.mime_types import MimeType, parse_mimetype, with_charset

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
MAX_LINE = 998
"""Characters of a line (RFC 5322, 2.1.1)."""
_NOT_7BIT = re.compile(rb"[^\x09\x0a\x0d\x20-\x7e]|[^\n]{999}")
_BASE64_LINE = 76
_BASE64_CHUNK = 57 * 1024
"""Bytes that make whole lines."""
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})
_BEFORE_HTML = "text/x-amp-html"
"""The one form that readers expect before the HTML body, as some show the last one whatever it is."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another form of the body, such as a calendar invitation.

    Attributes:
        content: Its bytes.
        mimetype: Its type with its parameters: ``text/calendar; method=REQUEST; charset=utf-8``.
    """

    content: bytes
    mimetype: str

    @classmethod
    def of(cls, content: str | bytes, mimetype: str) -> Alternative:
        """Return a form of the body given as text or bytes; a text is encoded as UTF-8, and its type says so.

        Raises:
            ValueError: If the type is not one, is that of several parts or of a message, or names another encoding for a text.
            TypeError: If the content is neither.
        """
        kind = parse_mimetype(mimetype)
        if kind.main in ("multipart", "message"):
            # These may not be base64 (RFC 2045, 6.4), and readers would take them apart.
            raise ValueError(f"{mimetype!r} is not a form of a body; attach it as a file")
        if isinstance(content, str):
            return cls(content.encode("utf-8", "replace"), text_type(mimetype))
        if not isinstance(content, (bytes, bytearray, memoryview)):
            raise TypeError(f"an alternative holds text or bytes, not {type(content).__name__}")
        return cls(bytes(content), str(kind))


def text_type(mimetype: str) -> str:
    """Return the type of a text that is going to be encoded as UTF-8.

    Raises:
        ValueError: If it names another encoding.
    """
    charset = parse_mimetype(mimetype).parameters.get("charset", "utf-8")
    if charset.lower() not in _UTF8:
        raise ValueError(
            f"{mimetype!r} names the encoding {charset!r}, and a text is encoded as UTF-8; give bytes instead"
        )
    return with_charset(mimetype, "utf-8")


class Part(NamedTuple):
    """A part of a message.

    Attributes:
        header: Its header fields, with CRLF line ends.
        content: Its content, in pieces.
    """

    header: str
    content: list[bytes]


def body(
    text: str,
    html: str | None,
    alternatives: Sequence[Alternative],
    attachments: Sequence[AttachmentData],
) -> Part:
    """Return a whole body: the forms of the text, files shown in it, files attached.

    Args:
        text: The plain form.
        html: The HTML form, if there is one.
        alternatives: Further forms.
        attachments: Files; those with a content identifier belong to the HTML form, if there is one.
    """
    inline, attached = _sorted_files(attachments, has_html=html is not None)
    forms = [text_part("plain", text)]
    forms += [_alternative_part(form) for form in alternatives if _is_before_html(form)]
    if html is not None:
        forms.append(_html_part(html, inline))
    forms += [_alternative_part(form) for form in alternatives if not _is_before_html(form)]
    main = forms[0] if len(forms) == 1 else multipart("alternative", forms)
    return multipart("mixed", [main, *map(file_part, attached)]) if attached else main


def _sorted_files(
    attachments: Sequence[AttachmentData], *, has_html: bool
) -> tuple[list[AttachmentData], list[AttachmentData]]:
    """Return the files that the HTML form shows, and the others."""
    if not has_html:
        return [], list(attachments)
    return (
        [file for file in attachments if file.content_id],
        [file for file in attachments if not file.content_id],
    )


def _is_before_html(form: Alternative) -> bool:
    return form.mimetype.startswith(_BEFORE_HTML)


def _html_part(html: str, inline: Sequence[AttachmentData]) -> Part:
    part = text_part("html", html)
    if not inline:
        return part
    return multipart("related", [part, *map(file_part, inline)], '; type="text/html"')


def _alternative_part(form: Alternative) -> Part:
    kind = parse_mimetype(form.mimetype)
    charset = kind.parameters.get("charset", "")
    if kind.main == "text" and charset.lower() in _UTF8:
        try:
            return encoded_text(_type_field(kind), form.content.decode("utf-8"))
        except UnicodeDecodeError:
            pass  # Not what its type says; the bytes stay what they are.
    return Part(_header(_type_field(kind), "base64"), base64_lines(form.content))


def multipart(subtype: str, parts: Sequence[Part], more: str = "") -> Part:
    """Return parts held together as ``multipart/<subtype>``; `more` are further parameters, each with its ``;``."""
    # No line of base64, of quoted-printable or of sensible text can be this one (RFC 2045, 6.7: '=_').
    boundary = f"=_{os.urandom(15).hex()}"
    separator = f"--{boundary}\r\n".encode()
    pieces: list[bytes] = []
    for part in parts:
        pieces += [separator, part.header.encode(), b"\r\n", *part.content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return Part(f'Content-Type: multipart/{subtype}{more};\r\n boundary="{boundary}"\r\n', pieces)


def text_part(subtype: str, text: str) -> Part:
    """Return a text as ``text/<subtype>`` in UTF-8."""
    return encoded_text(f"Content-Type: text/{subtype}; charset=utf-8\r\n", text)


def encoded_text(type_field: str, text: str) -> Part:
    """Return a text as it stands if it can, else as quoted-printable where most of it is ASCII, else as base64."""
    text = _with_plain_line_ends(text)
    if _is_plain(text):
        return Part(_header(type_field, "7bit"), [text.replace("\n", "\r\n").encode("ascii")])
    data = text.encode("utf-8", "replace")
    is_mostly_ascii = len(data) - len(text) <= len(text) // 4
    if is_mostly_ascii:
        return Part(_header(type_field, "quoted-printable"), [_quoted_printable(data)])
    return Part(_header(type_field, "base64"), base64_lines(data.replace(b"\n", b"\r\n")))


def _is_plain(text: str) -> bool:
    """Return whether a text, of whole lines, can stand as it is: in ASCII, of lines that are not too long and that no mail server changes.

    One expression for all of it would look a line ahead from each character, which is a tenth of the time for a whole mail.
    """
    if not text.isascii() or text.startswith("From ") or _CONTROL.search(text):
        return False
    if "\nFrom " in text or " \n" in text or "\t\n" in text:
        return False
    return len(text) <= MAX_LINE or max(map(len, text.split("\n"))) <= MAX_LINE


def _with_plain_line_ends(text: str) -> str:
    """Return a text whose lines end in LF, the last one too."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"{text}\n" if text and not text.endswith("\n") else text


def _quoted_printable(data: bytes) -> bytes:
    encoded = b2a_qp(data, istext=True).replace(b"\n", b"\r\n")
    # A line that begins like this is changed on the way by programs that keep mail in one file.
    if encoded.startswith(b"From "):
        encoded = b"=46" + encoded[1:]
    return encoded.replace(b"\nFrom ", b"\n=46rom ")


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


def file_part(attachment: AttachmentData) -> Part:
    """Return a file, attached or shown in the HTML form."""
    kind = _file_type(attachment.mimetype)
    if kind.main == "message":
        whole = _as_message(attachment.content, kind)
        if whole is not None:
            return Part(_header(_type_field(kind), "7bit") + _disposition(attachment), [whole])
    if kind.main in ("message", "multipart"):
        # These may not be base64 (RFC 2045, 6.4), and a reader would take them apart; as a file they stay what they are.
        kind = parse_mimetype(OCTETS)
    header = _header(_type_field(kind), "base64") + _disposition(attachment)
    return Part(header, base64_lines(attachment.content))


def _file_type(mimetype: str) -> MimeType:
    try:
        return parse_mimetype(mimetype)
    except ValueError:
        return parse_mimetype(OCTETS)


def _as_message(content: bytes, kind: MimeType) -> bytes | None:
    """Return a message that is sent on whole (RFC 2046, 5.2.1), with CRLF line ends; `None` if it is not in 7 bits."""
    if kind.sub != "rfc822" or _NOT_7BIT.search(content):
        return None
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _disposition(attachment: AttachmentData) -> str:
    filename = clean_filename(attachment.filename, "attachment.bin")
    disposition = "inline" if attachment.content_id else "attachment"
    field = f"Content-Disposition: {disposition}{parameter('filename', filename)}\r\n"
    if attachment.content_id:
        field += f"Content-ID: <{checked_id(attachment.content_id)}>\r\n"
    return field


def _type_field(kind: MimeType) -> str:
    parameters = "".join(parameter(name, value) for name, value in kind.parameters.items())
    return f"Content-Type: {kind.essence}{parameters}\r\n"


def _header(type_field: str, encoding: str) -> str:
    return f"{type_field}Content-Transfer-Encoding: {encoding}\r\n"
