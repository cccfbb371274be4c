"""Mail: composing, sending, and leaving it to a worker; the public names, each imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.core.email.attachment_data import AttachmentData as AttachmentData
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
    from openviper.core.email.list_headers import list_unsubscribe as list_unsubscribe
    from openviper.core.email.message import Alternative as Alternative
    from openviper.core.email.message import EmailMessageData as EmailMessageData
    from openviper.core.email.message import build_message as build_message
    from openviper.core.email.queue import enqueue_email_job as enqueue_email_job
    from openviper.core.email.queue import worker_available as worker_available
    from openviper.core.email.sender import SendResult as SendResult
    from openviper.core.email.sender import send_email as send_email
    from openviper.core.email.sender import send_many as send_many

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.core.email.attachment_data": ("AttachmentData",),
        "openviper.core.email.backends": (
            "ConsoleBackend",
            "EmailBackend",
            "FileBackend",
            "MemoryBackend",
            "RecipientsRefused",
            "SMTPBackend",
            "get_backend",
            "send_console",
            "send_smtp",
        ),
        "openviper.core.email.config": ("EmailSettings",),
        "openviper.core.email.list_headers": ("list_unsubscribe",),
        "openviper.core.email.message": ("Alternative", "EmailMessageData", "build_message"),
        "openviper.core.email.queue": ("enqueue_email_job", "worker_available"),
        "openviper.core.email.sender": ("SendResult", "send_email", "send_many"),
    },
)
