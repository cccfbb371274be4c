"""The last messages of a project in development, kept where each of its processes finds them.

Nothing is kept unless `DEBUG` is on, nor what an SMTP server gets. Server and worker are processes of their own, so the messages are files, in the
folder ``preview`` of ``EMAIL["spool_dir"]``.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

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

KEPT = 50
"""Messages that are kept; older ones make room."""
MAX_BYTES = 32 * 1024 * 1024
"""A message larger than this is not kept."""
_NAME = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}\.eml\Z")

logger = logging.getLogger("openviper.email")


class KeptMessage(NamedTuple):
    """A message that was kept.

    Attributes:
        name: What to ask `read_kept` for.
        kept_at: When, in seconds since the epoch.
        size: In bytes.
    """

    name: str
    kept_at: float
    size: int


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
            content = message_bytes(data)
            if len(content) <= MAX_BYTES:
                write_message(preview_directory(), content)
        _make_room()
    except (OSError, ValueError) as error:
        logger.warning("mail is not kept for the preview: %s", error)


def _make_room() -> None:
    for message in kept_messages()[KEPT:]:
        with suppress(FileNotFoundError):
            (preview_directory() / message.name).unlink()


def kept_messages() -> list[KeptMessage]:
    """Return the messages that are there, the newest first."""
    messages = []
    try:
        paths = list(preview_directory().iterdir())
    except FileNotFoundError:
        return []
    for path in paths:
        if _NAME.match(path.name):
            with suppress(FileNotFoundError):
                status = path.lstat()
                messages.append(KeptMessage(path.name, status.st_mtime, status.st_size))
    return sorted(messages, key=lambda message: (message.kept_at, message.name), reverse=True)


def read_kept(name: str) -> bytes | None:
    """Return a message that was kept; `None` if there is none of this name."""
    if not _NAME.match(name):
        return None
    try:
        descriptor = open_below(preview_directory(), name)
    except (OSError, ValueError):
        return None
    with open(descriptor, "rb") as file:
        return file.read(MAX_BYTES)
