"""Messages on their way to a server: made ready, in portions, and to the servers in turn."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openviper.core.email.addresses import parse_mailbox
from openviper.core.email.config import SERVER_KEYS, EmailSettings, usual_port
from openviper.core.email.envelope import Delivery, Envelope, SMTPConfig
from openviper.core.email.message import EmailMessageData, message_bytes
from openviper.core.email.refusals import RecipientsRefused, is_lost_on_the_way

FEW = 20
SMALL = 64 * 1024
"""Messages, and bytes of files and bodies, that are made ready on the event loop itself: less work than a thread's."""
HTML_WEIGHT = 4
"""How much an HTML body counts, of which a plain one may have to be made."""
MANY = 2000
LARGE = 16 * 1024 * 1024
"""Messages, and bytes of files and bodies, that are made ready before any of them is sent."""
AVOIDED_FOR = 30.0
"""Seconds for which a server that did not answer is tried after the others."""

logger = logging.getLogger("openviper.email")

_failed_at: dict[tuple[str, int], float] = {}
"""When a server did not answer the last time, on the monotonic clock."""


def servers_of(settings: EmailSettings) -> list[SMTPConfig]:
    """Return the servers of the settings in the order in which to try them now.

    Raises:
        ImproperlyConfigured: If the settings of one contradict each other.
    """
    global _configured
    if _configured is None or _configured[0] is not settings:
        _configured = (settings, _servers(settings))
    return sorted(_configured[1], key=_has_failed_lately)


_configured: tuple[EmailSettings, list[SMTPConfig]] | None = None
"""The servers of the settings that were asked for last: checking them takes a while."""


def _servers(settings: EmailSettings) -> list[SMTPConfig]:
    first = {key: getattr(settings, key) for key in SERVER_KEYS}
    # What belongs to one server only is not taken over from the first.
    shared = {key: value for key, value in first.items() if key not in _OF_ONE_SERVER}
    return [_server(values) for values in (first, *({**shared, **own} for own in settings.servers))]


_OF_ONE_SERVER = (
    "host",
    "port",
    "username",
    "password",
    "access_token",
    "use_tls",
    "use_ssl",
    "cert_file",
    "key_file",
)


def _server(values: Mapping[str, Any]) -> SMTPConfig:
    given = {key: value for key, value in values.items() if value is not None}
    if not given.get("port"):
        given["port"] = usual_port(bool(given.get("use_tls")), bool(given.get("use_ssl")))
    return SMTPConfig(**{**given, "password": given.get("password") or None})


def _has_failed_lately(config: SMTPConfig) -> bool:
    failed_at = _failed_at.get((config.host, config.port))
    return failed_at is not None and time.monotonic() - failed_at < AVOIDED_FOR


@dataclass(slots=True)
class Portion:
    """Messages that are sent together.

    Attributes:
        messages: The messages.
        size: About the bytes of their files and bodies.
    """

    messages: list[EmailMessageData] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether another message belongs to the next portion."""
        return self.size > LARGE or len(self.messages) >= MANY

    @property
    def is_quick(self) -> bool:
        """Whether making it ready takes less than a thread does."""
        return self.size <= SMALL and len(self.messages) <= FEW


def portions(messages: Sequence[EmailMessageData]) -> Iterator[Portion]:
    """Yield messages together, as many as do not fill the memory."""
    portion = Portion()
    for data in messages:
        portion.messages.append(data)
        portion.size += _size(data)
        if portion.is_full:
            yield portion
            portion = Portion()
    if portion.messages:
        yield portion


def _size(data: EmailMessageData) -> int:
    """Return about how much there is to be made ready; 0 if it is no message, which is told later."""
    try:
        files = sum(len(file.content) for file in data.attachments)
        return files + len(data.text or "") + HTML_WEIGHT * len(data.html or "")
    except Exception:  # Whatever somebody has put into it: the others are to be sent.
        return 0


async def send_portion(
    portion: Portion, settings: EmailSettings, servers: Sequence[SMTPConfig]
) -> list[Exception | None]:
    """Send messages and return what went wrong with each, in their order."""
    if portion.is_quick:
        ready = _made_ready(portion.messages, settings)
    else:
        ready = await asyncio.to_thread(_made_ready, portion.messages, settings)
    envelopes = [item for item in ready if isinstance(item, Envelope)]
    deliveries = iter(await _deliver(envelopes, servers))
    return [item if isinstance(item, Exception) else _problem(next(deliveries)) for item in ready]


def _problem(delivery: Delivery) -> Exception | None:
    if delivery.error is None and delivery.refused:
        return RecipientsRefused(delivery.refused)
    return delivery.error


def _made_ready(
    messages: Sequence[EmailMessageData], settings: EmailSettings
) -> list[Envelope | Exception]:
    return [_ready_or_error(data, settings) for data in messages]


def _ready_or_error(data: EmailMessageData, settings: EmailSettings) -> Envelope | Exception:
    try:
        return prepared(data, settings)
    except Exception as error:  # Whatever somebody has put into it: the others are to be sent.
        return error


async def _deliver(envelopes: Sequence[Envelope], servers: Sequence[SMTPConfig]) -> list[Delivery]:
    """Hand messages to the first server, and what it could not be given to the next ones."""
    # Threads and sockets are imported where something is sent.
    from openviper.core.email.smtp import deliver

    first, *others = servers
    deliveries = await deliver(first, envelopes)
    _note(first, deliveries)
    for server in others:
        left = {place: envelopes[place] for place in _left(deliveries)}
        if not left:
            break
        problem = deliveries[next(iter(left))].error
        logger.warning(
            "%d mails go to %s: a server before it did not take them (%s)",
            len(left), server.host, type(problem).__name__,
        )  # fmt: skip
        again = await deliver(server, list(left.values()))
        _note(server, again)
        for place, delivery in zip(left, again, strict=True):
            deliveries[place] = delivery
    return deliveries


def _left(deliveries: Sequence[Delivery]) -> list[int]:
    """Return the places of messages that another server may be given."""
    return [place for place, delivery in enumerate(deliveries) if _may_go_elsewhere(delivery)]


def _may_go_elsewhere(delivery: Delivery) -> bool:
    """Return whether another server may be given a message: this one did not take it, and has not refused it for good."""
    if delivery.error is None or delivery.in_doubt:
        return False
    return delivery.untried or is_lost_on_the_way(delivery.error)


def _note(server: SMTPConfig, deliveries: Sequence[Delivery]) -> None:
    key = (server.host, server.port)
    if any(
        isinstance(delivery.error, OSError) and not _has_answered(delivery.error)
        for delivery in deliveries
    ):
        _failed_at[key] = time.monotonic()
    else:
        _failed_at.pop(key, None)


def _has_answered(error: OSError) -> bool:
    return isinstance(error, _ANSWERS)


_ANSWERS = (
    smtplib.SMTPResponseException,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPNotSupportedError,
)


def prepared(data: EmailMessageData, settings: EmailSettings) -> Envelope:
    """Return a message ready for SMTP; one without a sender gets that of the settings.

    Raises:
        ValueError: If there is no recipient, an address is not one, or a header field cannot be.
        TypeError: If it is no message, or has an attachment of another kind.
    """
    if not isinstance(data, EmailMessageData):
        raise TypeError(f"a message is EmailMessageData, not {type(data).__name__}")
    if not data.sender:
        data.sender = settings.default_sender
    recipients = data.delivery_recipients()
    if not recipients:
        raise ValueError("the message has no recipient")
    return Envelope(
        _return_path(data, settings),
        tuple(parse_mailbox(text).address for text in recipients),
        message_bytes(data),
        _shows_utf8(data),
    )


def _shows_utf8(data: EmailMessageData) -> bool:
    """Return whether an address in a header field has a form in UTF-8 only."""
    shown = (*data.recipients, *data.cc, *data.reply_to, data.sender)
    return any(parse_mailbox(text).needs_smtputf8 for text in shown)


def _return_path(data: EmailMessageData, settings: EmailSettings) -> str:
    """Return the bare address that reports about a message go to; ``""`` for nowhere."""
    chosen = data.envelope_sender
    if chosen is None:
        chosen = settings.envelope_sender
    if chosen is None:
        chosen = data.sender
    return parse_mailbox(chosen).address if chosen else ""
