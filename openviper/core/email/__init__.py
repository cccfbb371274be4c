"""Mail: composing, sending, and leaving it to a worker; the public names, each imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openviper.core.email.attachment import AttachmentData as AttachmentData
    from openviper.core.email.backends import ConsoleBackend as ConsoleBackend
    from openviper.core.email.backends import EmailBackend as EmailBackend
    from openviper.core.email.backends import FileBackend as FileBackend
    from openviper.core.email.backends import MemoryBackend as MemoryBackend
    from openviper.core.email.backends import RecipientsRefused as RecipientsRefused
    from openviper.core.email.backends import SMTPBackend as SMTPBackend
    from openviper.core.email.backends import get_backend as get_backend
    from openviper.core.email.backends import send_console as send_console
    from openviper.core.email.backends import send_smtp as send_smtp
    from openviper.core.email.config import EmailSettings as EmailSettings
    from openviper.core.email.headers import list_unsubscribe as list_unsubscribe
    from openviper.core.email.message import EmailMessageData as EmailMessageData
    from openviper.core.email.message import build_message as build_message
    from openviper.core.email.queue import enqueue_email_job as enqueue_email_job
    from openviper.core.email.queue import worker_available as worker_available
    from openviper.core.email.sender import SendResult as SendResult
    from openviper.core.email.sender import send_email as send_email
    from openviper.core.email.sender import send_many as send_many

_PLACES = {
    "AttachmentData": "attachment",
    "ConsoleBackend": "backends",
    "EmailBackend": "backends",
    "EmailMessageData": "message",
    "EmailSettings": "config",
    "FileBackend": "backends",
    "MemoryBackend": "backends",
    "RecipientsRefused": "backends",
    "SMTPBackend": "backends",
    "SendResult": "sender",
    "build_message": "message",
    "enqueue_email_job": "queue",
    "get_backend": "backends",
    "list_unsubscribe": "headers",
    "send_console": "backends",
    "send_email": "sender",
    "send_many": "sender",
    "send_smtp": "backends",
    "worker_available": "queue",
}

__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{place}"), name)
    globals()[name] = value
    return value
