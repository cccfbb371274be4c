"""The last messages of a project in development, kept where each of its processes finds them.

Nothing is kept unless `DEBUG` is on, nor what an SMTP server gets. Server and worker are processes of their own, so the messages are files, in the
folder ``preview`` of ``EMAIL["spool_dir"]``.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from openviper.conf import settings
from openviper.core.email.backends import (
    EmailBackend,
    SMTPBackend,
    is_overridden,
    write_message,
)
from openviper.core.email.config import email_settings
from openviper.core.email.message import EmailMessageData, message_bytes
from openviper.utils.opened_files import open_below

if TYPE_CHECKING:
    _EmailPolicy = EmailPolicy[EmailMessage]
else:
    _EmailPolicy = EmailPolicy

KEPT = 50
"""Messages that are kept; older ones make room."""
MAX_BYTES = 32 * 1024 * 1024
"""A message larger than this is not kept."""
MAX_HEADER = 16 * 1024
"""Bytes of a message that are read for the list."""
_NAME = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}\.eml\Z")

logger = logging.getLogger("openviper.email")


class KeptMessage(NamedTuple):
    """A message that was kept.

    Attributes:
        name: What to ask `read_kept` for.
        kept_at: When, in seconds since the epoch.
        size: In bytes.
        subject: The subject.
        to: The field To.
    """

    name: str
    kept_at: float
    size: int
    subject: str = ""
    to: str = ""


def preview_directory() -> Path:
    """Return where the messages are kept."""
    return Path(email_settings().spool_dir, "preview")


def wants_preview(backend: EmailBackend) -> bool:
    """Return whether messages are kept: in a project's development, where they are not really sent."""
    if not settings.DEBUG or settings.TESTING or isinstance(backend, SMTPBackend):
        return False
    return not is_overridden() and bool(os.environ.get("OPENVIPER_SETTINGS_MODULE"))


def keep_for_preview(messages: Sequence[EmailMessageData]) -> None:
    """Keep the last of some messages; a failure is logged and harms nobody."""
    try:
        for data in messages[-KEPT:]:
            _keep(message_bytes(data))
        _make_room()
    # Whatever it is: a backend of the project's own may take what cannot be built.
    except Exception as error:
        logger.warning("mail is not kept for the preview: %s", type(error).__name__)


def _keep(content: bytes) -> None:
    if len(content) <= MAX_BYTES:
        write_message(preview_directory(), content)


def _make_room() -> None:
    for message in _kept()[KEPT:]:
        with suppress(OSError):
            (preview_directory() / message.name).unlink()


def kept_messages() -> list[KeptMessage]:
    """Return the messages that are there, the newest first."""
    return [_with_header(message) for message in _kept()]


def _present() -> list[Path]:
    try:
        return list(preview_directory().iterdir())
    except FileNotFoundError:
        return []


def _kept() -> list[KeptMessage]:
    """Return the messages that are there, the newest first, without looking into them."""
    messages = []
    for path in filter(_is_ours, _present()):
        with suppress(FileNotFoundError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                messages.append(KeptMessage(path.name, status.st_mtime, status.st_size))
    return sorted(messages, key=lambda message: (message.kept_at, message.name), reverse=True)


def _is_ours(path: Path) -> bool:
    return _NAME.match(path.name) is not None


def _with_header(message: KeptMessage) -> KeptMessage:
    header = read_message(read_kept(message.name, MAX_HEADER) or b"")
    return message._replace(
        subject=str(header["Subject"] or ""), to=str(header["To"] or header["Cc"] or "")
    )


class _ShownPolicy(_EmailPolicy):
    """Header fields as text: taking thousands of addresses apart, as the package `email` does, takes half a minute."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """Return a field decoded; only those that say what a part is are taken apart."""
        if name.lower().startswith("content-"):
            return super().header_fetch_parse(name, value)
        whole = re.sub(r"\r?\n", "", str(value)).encode("utf-8", "surrogateescape")
        return _decoded(whole.decode("utf-8", "replace"))


def _decoded(value: str) -> str:
    try:
        return "".join(_decoded_piece(*piece) for piece in decode_header(value))
    except (LookupError, ValueError, MessageError):  # An encoding that is none.
        return value


def _decoded_piece(piece: str | bytes, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    return piece.decode(charset or "raw-unicode-escape", "replace")


_SHOWN = _ShownPolicy()


def read_message(content: bytes) -> EmailMessage:
    """Return the message that some bytes are, its header fields as texts."""
    return message_from_bytes(content, policy=_SHOWN)


def text_of(part: Message) -> str:
    """Return the text of a part, whatever its encoding is called."""
    content = part.get_payload(decode=True)
    text = content if isinstance(content, bytes) else b""
    try:
        return text.decode(part.get_content_charset("utf-8"), "replace").replace("\r\n", "\n")
    except LookupError:
        return text.decode("utf-8", "replace")


def read_kept(name: str, most: int = MAX_BYTES) -> bytes | None:
    """Return a message that was kept, or the first `most` bytes of it; `None` if there is none of this name."""
    if not _NAME.match(name):
        return None
    try:
        descriptor = open_below(preview_directory(), name)
    except (OSError, ValueError):
        return None
    with open(descriptor, "rb") as file:
        return file.read(most)
