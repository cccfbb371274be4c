"""MIME types: written ones taken apart, and those of files told from name and content."""

from __future__ import annotations

import mimetypes
import re
from typing import NamedTuple

from openviper.core.email.attachment_data import OCTETS

_TOKEN = r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+"
_TYPE = re.compile(rf"({_TOKEN})/({_TOKEN})[ \t]*")
_PARAMETER = re.compile(
    rf';[ \t]*({_TOKEN})=(?:({_TOKEN})|"((?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*)")[ \t]*'
)
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)
_DOCUMENT = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
ZIPPED = {
    ".docx": f"{_DOCUMENT}.wordprocessingml.document",
    ".xlsx": f"{_DOCUMENT}.spreadsheetml.sheet",
    ".pptx": f"{_DOCUMENT}.presentationml.presentation",
    ".odt": f"{_OPEN}.text",
    ".ods": f"{_OPEN}.spreadsheet",
    ".odp": f"{_OPEN}.presentation",
    ".odg": f"{_OPEN}.graphics",
    ".epub": "application/epub+zip",
    ".jar": "application/java-archive",
    ".apk": "application/vnd.android.package-archive",
    ".kmz": "application/vnd.google-earth.kmz",
    ".xpi": "application/x-xpinstall",
    ".whl": "application/zip",
}
"""Extensions of formats that are ZIP archives inside; the system's table may lack them."""
_COMPRESSED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
}
LONGEST = 900
"""Characters of a type with its parameters."""


class MimeType(NamedTuple):
    """A MIME type (RFC 2045, 5.1).

    Attributes:
        main: The type, in lower case.
        sub: The subtype, in lower case.
        parameters: Values by name, names in lower case.
    """

    main: str
    sub: str
    parameters: dict[str, str]

    @property
    def essence(self) -> str:
        """The type without its parameters."""
        return f"{self.main}/{self.sub}"

    def __str__(self) -> str:
        return "; ".join(
            [self.essence, *(f"{name}={_value(value)}" for name, value in self.parameters.items())]
        )


def _value(text: str) -> str:
    if re.fullmatch(_TOKEN, text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_mimetype(text: object) -> MimeType:
    """Return a MIME type taken apart.

    Raises:
        ValueError: If it is not ``type/subtype`` of two tokens, with parameters or without, or names a parameter twice.
    """
    match = _TYPE.match(text) if isinstance(text, str) and len(text) <= LONGEST else None
    parameters = _parameters(match) if match is not None else None
    if match is None or parameters is None:
        raise ValueError(f"{text!r} is not a MIME type")
    return MimeType(match[1].lower(), match[2].lower(), parameters)


def _parameters(of_type: re.Match[str]) -> dict[str, str] | None:
    """Return what follows a type, by name in lower case; `None` if it cannot follow one."""
    text, place = of_type.string, of_type.end()
    parameters: dict[str, str] = {}
    while place < len(text):
        match = _PARAMETER.match(text, place)
        if match is None or match[1].lower() in parameters:
            return None
        parameters[match[1].lower()] = _parameter_value(match)
        place = match.end()
    return parameters


def _parameter_value(match: re.Match[str]) -> str:
    token: str | None = match[2]
    return token if token is not None else re.sub(r"\\(.)", r"\1", match[3])


def with_charset(mimetype: str, charset: str) -> str:
    """Return the type of a text with its encoding, if it says none; other types stay as they are."""
    parsed = parse_mimetype(mimetype)
    if parsed.main != "text" or "charset" in parsed.parameters:
        return mimetype
    return str(parsed._replace(parameters={**parsed.parameters, "charset": charset}))


def split_mimetype(mimetype: str) -> tuple[str, str]:
    """Return type and subtype; those of any file if the text is not a MIME type."""
    try:
        return parse_mimetype(mimetype)[:2]
    except ValueError:
        return ("application", "octet-stream")


def detect_mimetype(filename: str, content: bytes, explicit: object = None) -> str:
    """Return the MIME type of a file.

    Args:
        filename: Its name.
        content: Its bytes.
        explicit: What the caller says it is; taken as it is, in its usual spelling.

    Raises:
        ValueError: If `explicit` is not a MIME type.
    """
    if explicit:
        return str(parse_mimetype(explicit))
    by_content = next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)
    if by_content == "application/zip":
        extension = "." + filename.rpartition(".")[2].lower()
        return ZIPPED.get(extension, by_content)
    return by_content or _by_name(filename)


def _by_name(filename: str) -> str:
    guessed, compression = mimetypes.guess_type(filename, strict=False)
    if compression is not None:  # ``.tar.gz`` is told as tar that is compressed.
        return _COMPRESSED.get(compression, OCTETS)
    return guessed or OCTETS
