"""Sending mail: the functions that applications call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from openviper.core.email.addresses import normalize_addresses
from openviper.core.email.attachments import resolve_attachments
from openviper.core.email.backends import get_backend, is_overridden
from openviper.core.email.config import read_email_config
from openviper.core.email.delivery import configure_email_log, log_failure, send_now
from openviper.core.email.headers import check_headers
from openviper.core.email.message import EmailMessageData
from openviper.core.email.templates import render_template_content

__all__ = ["SendResult", "normalize_addresses", "send_email", "send_many"]

logger = logging.getLogger("openviper.email")


async def send_email(
    recipients: list[str] | str,
    subject: str,
    text: str | None = None,
    html: str | None = None,
    cc: list[str] | str | None = None,
    bcc: list[str] | str | None = None,
    attachments: list[object] | None = None,
    template: str | None = None,
    context: dict[str, object] | None = None,
    fail_silently: bool | None = None,
    background: bool | None = None,
    sender: str | None = None,
    *,
    reply_to: list[str] | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> bool:
    """Send a message, or have a worker send it.

    Args:
        recipients: One address, or several; each as ``ada@example.com`` or ``Ada <ada@example.com>``.
        subject: The subject.
        text: The plain body; made from the HTML one where there is none.
        html: The HTML body.
        cc: Further addresses, seen by all.
        bcc: Further addresses, seen by nobody.
        attachments: Files in any of the forms that `resolve_attachments` takes.
        template: A template for the bodies that are not given.
        context: What the template is given.
        fail_silently: Return `False` instead of raising; ``EMAIL["fail_silently"]`` when not given.
        background: Leave it to a worker, or not; when not given, ``EMAIL["background"]``, else to a worker if one lives.
        sender: The address of the field From; ``EMAIL["default_sender"]`` when not given.
        reply_to: Addresses for answers.
        headers: Further header fields.

    Returns:
        Whether it was handed over to the backend or the queue.

    Raises:
        ValueError: If there is no recipient or body, or something given cannot be; see the reference of mail.
        TypeError: If an attachment has a form that is not known.
        Exception: What the backend or the queue raises.
    """
    config = read_email_config()
    try:
        data = EmailMessageData(
            recipients=normalize_addresses(recipients),
            subject=subject,
            cc=normalize_addresses(cc),
            bcc=normalize_addresses(bcc),
            sender=_one_address(sender),
            reply_to=normalize_addresses(reply_to),
            headers=check_headers(headers or {}),
        )
        if not data.recipients:
            raise ValueError("the message has no recipient")
        data.text, data.html = _bodies(text, html, template, context)
        data.attachments = await resolve_attachments(attachments)
        await _hand_over(data, config["background"] if background is None else background)
    except Exception as error:
        configure_email_log()
        log_failure(str(subject), error)
        if config["fail_silently"] if fail_silently is None else fail_silently:
            return False
        raise
    return True


def _one_address(sender: str | None) -> str:
    found = normalize_addresses(sender or None)
    return found[0] if found else ""


def _bodies(
    text: str | None, html: str | None, template: str | None, context: dict[str, object] | None
) -> tuple[str | None, str | None]:
    if template is not None:
        rendered_text, rendered_html = render_template_content(template, context)
        return rendered_text if text is None else text, rendered_html if html is None else html
    if text is None and html is None:
        raise ValueError("the message has no body: give text, html or a template")
    return text, html


async def _hand_over(data: EmailMessageData, background: bool | None) -> None:
    if background is False:
        await send_now(data)
        return
    # Imported here: the actor is registered only where something goes into the background.
    from openviper.core.email.queue import enqueue, worker_available
    from openviper.tasks.actors import is_captured

    captured = is_captured() or (is_overridden() and background is True)
    if not captured and not await asyncio.to_thread(worker_available):
        await send_now(data)
        return
    try:
        await enqueue(data)
    except Exception as error:
        if background is True:
            raise
        logger.warning(
            "mail %r could not be queued (%s); sending it now", data.subject, type(error).__name__
        )
        await send_now(data)


class SendResult(NamedTuple):
    """What became of one message of `send_many`.

    Attributes:
        message: The message.
        error: Why nobody, or not everybody, gets it; `None` if all is well.
    """

    message: EmailMessageData
    error: Exception | None

    @property
    def ok(self) -> bool:
        """Whether the message was handed over for everybody."""
        return self.error is None


async def send_many(messages: Sequence[EmailMessageData]) -> list[SendResult]:
    """Hand over many messages at once, over as few connections as do it quickly; one that fails stops no other.

    Args:
        messages: The messages, with their attachments as `AttachmentData`.

    Returns:
        What became of each, in the same order.

    Raises:
        ImproperlyConfigured: If the settings contradict each other.
        ValueError: If the backend is unknown.
    """
    configure_email_log()
    messages = list(messages)
    backend = get_backend()
    together = getattr(backend, "send_many", None)
    if together is not None:
        errors: list[Exception | None] = await together(messages)
    else:
        errors = [await _send_one(backend.send, data) for data in messages]
    failed = sum(error is not None for error in errors)
    logger.log(
        logging.WARNING if failed else logging.INFO,
        "sent %d of %d mails",
        len(messages) - failed,
        len(messages),
    )
    return [SendResult(data, error) for data, error in zip(messages, errors, strict=True)]


async def _send_one(
    send: Callable[[EmailMessageData], Awaitable[None]], data: EmailMessageData
) -> Exception | None:
    try:
        await send(data)
    except Exception as error:
        return error
    return None
