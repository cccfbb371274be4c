"""One attached file as it goes into a message: its name, its bytes, its type."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

OCTETS = "application/octet-stream"
_CONTROL = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing included: with one, ``gpj.exe`` would be shown as ``exe.jpg``."""
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]+(?:@[A-Za-z0-9.\-]+)?\Z")
LONGEST_NAME = 255
LONGEST_ENDING = 20
"""Characters of the ending of a name, with its dot, that is kept when the name is cut."""
LONGEST_ID = 250


@dataclass(slots=True)
class AttachmentData:
    """One file.

    Attributes:
        filename: Its name, without a path.
        content: Its bytes.
        mimetype: ``type/subtype``, perhaps with parameters: ``text/csv; charset=utf-8``.
        content_id: Where the HTML body shows it as ``<img src="cid:...">``, the part behind ``cid:``; then it is no attachment.
    """

    filename: str
    content: bytes = field(repr=False)
    mimetype: str = OCTETS
    content_id: str = ""

    def __post_init__(self) -> None:
        checked_id(self.content_id)


def checked_id(content_id: str) -> str:
    """Return a content identifier, or an empty text, as it is.

    Raises:
        ValueError: If it cannot be one.
    """
    if content_id and not _CONTENT_ID.match(content_id):
        raise ValueError(f"content_id {content_id!r} holds characters that an address does not")
    if len(content_id) > LONGEST_ID:
        raise ValueError(
            f"content_id {content_id[:40]!r}... is longer than {LONGEST_ID} characters"
        )
    return content_id


def clean_filename(name: str, fallback: str) -> str:
    """Return the last component of a name without control characters, or `fallback` if nothing is left."""
    base = re.split(r"[/\\]", _CONTROL.sub("", name))[-1].strip()
    return fallback if base in ("", ".", "..") else _cut(base)


def _cut(name: str) -> str:
    """Return a name, cut before its ending if it is too long: that says what the file is."""
    if len(name) <= LONGEST_NAME:
        return name
    ending = "".join(name.rpartition(".")[1:])
    kept = ending if 1 < len(ending) <= LONGEST_ENDING and len(ending) < len(name) else ""
    return name[: LONGEST_NAME - len(kept)] + kept
