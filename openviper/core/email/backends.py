"""Backends: what becomes of a finished message."""

from __future__ import annotations

import asyncio
import os
import smtplib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, runtime_checkable

from openviper.core.email.addresses import parse_mailbox
from openviper.core.email.config import EmailSettings, read_email_config
from openviper.core.email.message import EmailMessageData, build_message, message_bytes
from openviper.utils.importing import import_string

if TYPE_CHECKING:
    from openviper.core.email.smtp import Envelope, SMTPConfig

RULE = "=" * 72
FEW = 20
SMALL = 64 * 1024
"""Messages, and bytes of attachments, that are made ready on the event loop itself: less work than a thread's."""
MANY = 2000
LARGE = 16 * 1024 * 1024
"""Messages, and bytes of attachments, that are made ready before any of them is sent."""


@runtime_checkable
class EmailBackend(Protocol):
    """Takes finished messages. One that can take many at a time has ``send_many`` besides; see `SMTPBackend`."""

    async def send(self, data: EmailMessageData) -> None:
        """Hand over a message.

        Raises:
            Exception: If nobody, or not everybody, will get it.
        """
        ...


class RecipientsRefused(smtplib.SMTPRecipientsRefused):
    """Some recipients were refused; the others get the message.

    Attributes:
        recipients: Code and text by address.
    """

    def __init__(self, refused: Mapping[str, tuple[int, str]]) -> None:
        super().__init__(
            {address: (code, text.encode()) for address, (code, text) in refused.items()}
        )
        self.refused = dict(refused)

    def __str__(self) -> str:
        codes = ", ".join(sorted({str(code) for code, _ in self.refused.values()}))
        return (
            f"{len(self.refused)} recipients were refused with {codes}; the others get the message"
        )


class ConsoleBackend:
    """Shows messages on the standard output instead of sending them.

    Args:
        stream: Where to write; the standard output of the moment when not given.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def send(self, data: EmailMessageData) -> None:
        """Show a message."""
        data.validate()
        stream = self._stream or sys.stdout
        stream.write(shown(data))
        stream.flush()


def shown(data: EmailMessageData) -> str:
    """Return a message for people: decoded, with its recipients, and files as name, type and size."""
    message = build_message(data)
    lines = [RULE]
    lines += [
        f"{name}: {value}"
        for name, value in message.items()
        if not name.lower().startswith(("content-", "mime-"))
    ]
    if not data.sender:
        lines.insert(1, "From: (no sender configured)")
    lines.append(
        f"Envelope: {', '.join(parse_mailbox(one).address for one in data.delivery_recipients())}"
    )
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        if part is not None:
            lines += ["", f"--- {kind}", "", part.get_content().rstrip("\n")]
    if data.attachments:
        lines += ["", "--- attachments", ""]
        lines += [
            f"{one.filename} ({one.mimetype}, {len(one.content)} bytes)" for one in data.attachments
        ]
    return "\n".join([*lines, RULE, ""])


class MemoryBackend:
    """Keeps messages, for tests.

    Attributes:
        outbox: The messages, the oldest first.
    """

    def __init__(self) -> None:
        self.outbox: list[EmailMessageData] = []

    async def send(self, data: EmailMessageData) -> None:
        """Keep a message; it is built, so that what could not be sent fails here too."""
        prepared(data, EmailSettings())
        self.outbox.append(deepcopy(data))


class FileBackend:
    """Writes each message into a file of its own, ``<time>-<id>.eml``, readable by this user only.

    Args:
        directory: Where; ``EMAIL["file_path"]`` when not given.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self.directory = Path(
            directory if directory is not None else read_email_config()["file_path"]
        )

    async def send(self, data: EmailMessageData) -> None:
        """Write a message; a file that has its name is complete."""
        settings = EmailSettings.from_settings()
        await asyncio.to_thread(self._write, prepared(data, settings).content)

    def _write(self, content: bytes) -> None:
        import time
        from uuid import uuid4

        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid4().hex[:12]}.eml"
        partial = self.directory / f".{name}.part"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.directory / name)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


class SMTPBackend:
    """Hands messages to an SMTP server.

    Args:
        email_settings: Where and how; the project's settings when not given.
    """

    def __init__(self, email_settings: EmailSettings | None = None) -> None:
        self._settings = email_settings

    async def send(self, data: EmailMessageData) -> None:
        """Send a message.

        Raises:
            ImproperlyConfigured: If the settings contradict each other, or a password would go unencrypted.
            RecipientsRefused: If some recipients were refused; the others get it.
            smtplib.SMTPException: If nothing was accepted, as the server said it. `OSError` if it could not be reached.
        """
        (error,) = await self.send_many([data])
        if error is not None:
            raise error

    async def send_many(self, messages: Sequence[EmailMessageData]) -> list[Exception | None]:
        """Send messages over as few connections as do it quickly, and return what went wrong with each.

        Raises:
            ImproperlyConfigured: If the settings contradict each other, or a password would go unencrypted.
        """
        settings = self._settings or EmailSettings.from_settings()
        config = smtp_config(settings)
        results: list[Exception | None] = []
        for batch, size in _batches(messages):
            results += await self._send_batch(batch, size, settings, config)
        return results

    async def _send_batch(
        self,
        messages: Sequence[EmailMessageData],
        size: int,
        settings: EmailSettings,
        config: SMTPConfig,
    ) -> list[Exception | None]:
        from openviper.core.email.smtp import deliver

        results: list[Exception | None] = [None] * len(messages)
        places: list[int] = []
        envelopes: list[Envelope] = []

        def prepare() -> None:
            for place, data in enumerate(messages):
                try:
                    envelopes.append(prepared(data, settings))
                    places.append(place)
                except ValueError as error:
                    results[place] = error

        if len(messages) > FEW or size > SMALL:
            await asyncio.to_thread(prepare)
        else:
            prepare()
        deliveries = await deliver(config, envelopes)
        for place, delivery in zip(places, deliveries, strict=True):
            if delivery.error is not None:
                results[place] = delivery.error
            elif delivery.refused:
                results[place] = RecipientsRefused(delivery.refused)
        return results


def _batches(messages: Sequence[EmailMessageData]) -> Iterator[tuple[list[EmailMessageData], int]]:
    """Yield messages together, as many as do not fill the memory, with the bytes of their attachments."""
    batch: list[EmailMessageData] = []
    size = 0
    for data in messages:
        batch.append(data)
        size += sum(len(one.content) for one in data.attachments)
        if size > LARGE or len(batch) >= MANY:
            yield batch, size
            batch, size = [], 0
    if batch:
        yield batch, size


def prepared(data: EmailMessageData, settings: EmailSettings) -> Envelope:
    """Return a message ready for SMTP; one without a sender gets that of the settings.

    Raises:
        ValueError: If there is no recipient, an address is not one, or a header field cannot be.
    """
    from openviper.core.email.smtp import Envelope

    if not data.sender:
        data.sender = settings.default_sender
    sender = parse_mailbox(data.sender)
    recipients = [parse_mailbox(one) for one in data.delivery_recipients()]
    if not recipients:
        raise ValueError("the message has no recipient")
    headers_need = any(
        parse_mailbox(one).needs_smtputf8
        for one in (*data.recipients, *data.cc, *data.reply_to, data.sender)
    )
    return Envelope(
        sender.address,
        tuple(dict.fromkeys(one.address for one in recipients)),
        message_bytes(data),
        headers_need,
    )


def smtp_config(settings: EmailSettings) -> SMTPConfig:
    """Return the settings as the SMTP client takes them."""
    from openviper.core.email.smtp import SMTPConfig

    return SMTPConfig(
        settings.host,
        settings.port,
        settings.username,
        settings.password or None,
        settings.use_tls,
        settings.use_ssl,
        settings.timeout,
        settings.ca_file,
        settings.max_connections,
    )


_BUILTIN: Mapping[str, type[Any]] = {
    "console": ConsoleBackend,
    "consolebackend": ConsoleBackend,
    "smtp": SMTPBackend,
    "smtpbackend": SMTPBackend,
    "file": FileBackend,
    "filebackend": FileBackend,
    "memory": MemoryBackend,
    "memorybackend": MemoryBackend,
}
_override: EmailBackend | None = None


@contextmanager
def backend_override(backend: EmailBackend) -> Iterator[EmailBackend]:
    """Give every message to this backend inside the block, whatever is asked for; for tests."""
    global _override
    before, _override = _override, backend
    try:
        yield backend
    finally:
        _override = before


def is_overridden() -> bool:
    """Tell whether `backend_override` is in force."""
    return _override is not None


def get_backend(name: str | None = None) -> EmailBackend:
    """Return a new backend.

    Args:
        name: ``console``, ``smtp``, ``file`` or ``memory``, in any case, or the dotted path of a class; that of the settings
            when not given.

    Raises:
        ValueError: If there is no such backend.
    """
    if _override is not None:
        return _override
    chosen = name if name is not None else read_email_config()["backend"]
    if not isinstance(chosen, str):
        raise ValueError(f"email backend {chosen!r} is no name")
    known = _BUILTIN.get(chosen.strip().lower())
    if known is not None:
        made: EmailBackend = known()
        return made
    if "." not in chosen:
        raise ValueError(
            f"email backend {chosen!r} is unknown; known: console, smtp, file, memory, or a dotted path"
        )
    try:
        made = import_string(chosen)()
    except ImportError as error:
        raise ValueError(f"email backend {chosen!r} cannot be imported: {error}") from error
    if not callable(getattr(made, "send", None)):
        raise ValueError(f"email backend {chosen!r} has no method 'send'")
    return made


async def send_console(data: EmailMessageData) -> None:
    """Show one message on the standard output."""
    await ConsoleBackend().send(data)


async def send_smtp(data: EmailMessageData) -> None:
    """Send one message with the settings of the project; see `SMTPBackend.send`."""
    await SMTPBackend().send(data)


def with_recipients(data: EmailMessageData, addresses: Sequence[str]) -> EmailMessageData:
    """Return a message that is the same to look at, and goes to some of its recipients only."""
    return replace(data, only_to=list(addresses))
