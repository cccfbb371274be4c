"""Sending mail: the functions that applications call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import NamedTuple

from openviper.core.email.addresses import normalize_addresses
from openviper.core.email.attachments import resolve_attachments
from openviper.core.email.backends import EmailBackend, get_backend
from openviper.core.email.config import email_settings
from openviper.core.email.delivery import configure_email_log, log_failure, send_now
from openviper.core.email.headers import check_headers
from openviper.core.email.message import EmailMessageData
from openviper.core.email.mime_parts import Alternative
from openviper.core.email.preview import keep_for_preview, wants_preview
from openviper.core.email.templates import render_template_content
from openviper.db.connection import on_commit

__all__ = ["SendResult", "normalize_addresses", "send_email", "send_many"]

logger = logging.getLogger("openviper.email")

LONGEST_WAIT = timedelta(days=366)
"""How far ahead a message may be scheduled."""


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
    alternatives: Sequence[tuple[str | bytes, str]] | None = None,
    envelope_sender: str | None = None,
    send_at: datetime | timedelta | None = None,
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
        background: Leave it to the queue, or not. When not given, ``EMAIL["background"]``, else to the queue if a worker
            lives that takes mail. In a transaction the queue has it when that commits, and not otherwise.
        sender: The address of the field From; ``EMAIL["default_sender"]`` when not given.
        reply_to: Addresses for answers.
        headers: Further header fields.
        alternatives: Further forms of the body as ``(content, MIME type)``, such as a calendar invitation.
        envelope_sender: Where reports about lost mail go; ``""`` for nowhere; ``EMAIL["envelope_sender"]``, else the
            address of the field From, when not given.
        send_at: Not before then: an aware moment, or the time from now. This takes the queue.

    Returns:
        Whether it was handed over to the backend or the queue.

    Raises:
        ValueError: If there is no recipient or body, or something given cannot be; see the reference of mail.
        TypeError: If something is given that is of another kind, or an attachment has a form that is not known.
        BrokerError: If the message is to be sent later, and the queue does not answer.
        Exception: What the backend or the queue raises.
    """
    _check_kinds(fail_silently=fail_silently)  # Here: it says what becomes of all other mistakes.
    settings = email_settings()
    silently = settings.fail_silently if fail_silently is None else fail_silently
    try:
        _check_kinds(
            subject=subject,
            text=text,
            html=html,
            template=template,
            context=context,
            background=background,
            send_at=send_at,
        )
        data = EmailMessageData(
            recipients=normalize_addresses(recipients),
            subject=subject,
            cc=normalize_addresses(cc, named="cc"),
            bcc=normalize_addresses(bcc, named="bcc"),
            sender=_one_address("sender", sender) or "",
            reply_to=normalize_addresses(reply_to, named="reply_to"),
            headers=check_headers(headers or {}),
            alternatives=[_alternative(form) for form in alternatives or ()],
            envelope_sender=_one_address("envelope_sender", envelope_sender),
        )
        _check_recipients(data)
        data.text, data.html = _bodies(text, html, template, context)
        data.attachments = await resolve_attachments(attachments)
        chosen = settings.background if background is None else background
        await _hand_over(data, chosen, _delay(send_at))
    except Exception as error:
        configure_email_log()
        log_failure(str(subject), error)
        if silently:
            return False
        raise
    return True


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "subject": ((str,), "a text"),
    "text": ((str, NoneType), "a text"),
    "html": ((str, NoneType), "a text"),
    "template": ((str, NoneType), "the name of a template"),
    "context": ((Mapping, NoneType), "a mapping of names"),
    "background": ((bool, NoneType), "True, False or None"),
    "fail_silently": ((bool, NoneType), "True, False or None"),
    "sender": ((str, NoneType), "one address"),
    "envelope_sender": ((str, NoneType), "one address"),
    "send_at": ((datetime, timedelta, NoneType), "a datetime or a timedelta"),
}
"""What each argument may be, and how to say so."""


def _check_kinds(**given: object) -> None:
    """Check what is given.

    Raises:
        TypeError: If something is of another kind; its value is left out, as it may be the body of a mail.
    """
    for name, value in given.items():
        kinds, words = _KINDS[name]
        if not isinstance(value, kinds):
            raise TypeError(f"{name} must be {words}, not {type(value).__name__}")


def _alternative(form: object) -> Alternative:
    if not isinstance(form, (tuple, list)) or len(form) != 2:
        raise TypeError(f"an alternative is (content, MIME type), not {type(form).__name__}")
    return Alternative.of(*form)


def _check_recipients(data: EmailMessageData) -> None:
    if not data.delivery_recipients():
        raise ValueError("the message has no recipient")


def _one_address(name: str, address: str | None) -> str | None:
    """Return an address, checked; `None` and an empty text as they are."""
    _check_kinds(**{name: address})
    if not address:
        return address
    if not address.strip():
        raise ValueError(f"{name}={address!r} is not a mail address")
    return normalize_addresses(address, named=name)[0]


def _bodies(
    text: str | None, html: str | None, template: str | None, context: dict[str, object] | None
) -> tuple[str | None, str | None]:
    if template is not None:
        rendered_text, rendered_html = render_template_content(template, context)
        return rendered_text if text is None else text, rendered_html if html is None else html
    if context:
        raise ValueError("a context is for a template, and none is given")
    if text is None and html is None:
        raise ValueError("the message has no body: give text, html or a template")
    return text, html


def _delay(send_at: datetime | timedelta | None) -> timedelta | None:
    """Return how long a message has to wait; `None` if it need not.

    Raises:
        ValueError: If the moment has no time zone, or is too far away.
    """
    delay = _from_now(send_at) if isinstance(send_at, datetime) else send_at
    if delay is None or delay <= timedelta(0):
        return None
    if delay > LONGEST_WAIT:
        raise ValueError(f"send_at is {delay.days} days ahead; {LONGEST_WAIT.days} are allowed")
    return delay


def _from_now(moment: datetime) -> timedelta:
    if moment.tzinfo is None:
        raise ValueError(f"send_at={moment!r} has no time zone")
    return moment - datetime.now(UTC)


async def _hand_over(
    data: EmailMessageData, background: bool | None, delay: timedelta | None
) -> None:
    if delay is None and background is False:
        await send_now(data)
        return
    # Late: the actor is registered where something may go into the background.
    from openviper.core.email.queue import enqueue_for_later, goes_to_queue, was_enqueued

    if delay is not None:
        await enqueue_for_later(data, background, delay)
    elif not (await goes_to_queue(background) and await was_enqueued(data)):
        await _send_after_commit(data)


async def _send_after_commit(data: EmailMessageData) -> None:
    """Send a message at once, or when the open transaction has committed: one that is rolled back sends nothing."""
    sending = _Sending(data)
    on_commit(sending)
    if sending.is_due:  # There is no transaction: what goes wrong is the caller's to know.
        await send_now(data)
    else:
        sending.is_left_to_commit = True


class _Sending:
    """A message that is sent when a transaction has committed."""

    def __init__(self, data: EmailMessageData) -> None:
        self._data = data
        self.is_due = False
        self.is_left_to_commit = False

    def __call__(self) -> Awaitable[None] | None:
        """Take note that nothing is waited for any more, and send if nobody else does."""
        self.is_due = True
        return self._send() if self.is_left_to_commit else None

    async def _send(self) -> None:
        try:
            await send_now(self._data)
        except Exception as error:
            log_failure(self._data.subject, error)


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
    errors = await _errors_of(backend, messages)
    results = [SendResult(data, error) for data, error in zip(messages, errors, strict=True)]
    await _take_note(backend, results)
    return results


async def _take_note(backend: EmailBackend, results: Sequence[SendResult]) -> None:
    """Log how many messages were sent, and keep them for the preview."""
    sent = [result.message for result in results if result.ok]
    if wants_preview(backend):
        await asyncio.to_thread(keep_for_preview, sent)
    level = logging.INFO if len(sent) == len(results) else logging.WARNING
    logger.log(level, "sent %d of %d mails", len(sent), len(results))


async def _errors_of(
    backend: EmailBackend, messages: Sequence[EmailMessageData]
) -> list[Exception | None]:
    """Hand messages to a backend, together if it can, and return what went wrong with each."""
    together = getattr(backend, "send_many", None)
    if together is None:
        return [await _send_one(backend.send, data) for data in messages]
    errors: list[Exception | None] = await together(messages)
    return errors


async def _send_one(
    send: Callable[[EmailMessageData], Awaitable[None]], data: EmailMessageData
) -> Exception | None:
    try:
        await send(data)
    except Exception as error:
        return error
    return None
