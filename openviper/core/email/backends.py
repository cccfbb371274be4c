"""Backends: what becomes of a finished message."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TextIO, runtime_checkable
from uuid import uuid4

from openviper.core.email.addresses import parse_mailbox
from openviper.core.email.config import EmailSettings, email_settings
from openviper.core.email.message import EmailMessageData, build_message
from openviper.core.email.outgoing import portions, prepared, send_portion, servers_of
from openviper.core.email.refusals import RecipientsRefused
from openviper.utils.atomic_files import atomic_write
from openviper.utils.importing import import_string

__all__ = [
    "ConsoleBackend",
    "EmailBackend",
    "EmailSettings",
    "FileBackend",
    "MemoryBackend",
    "RecipientsRefused",
    "SMTPBackend",
    "backend_override",
    "get_backend",
    "is_overridden",
    "prepared",
    "send_console",
    "send_smtp",
    "shown",
    "with_recipients",
    "write_message",
]

RULE = "=" * 72
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@runtime_checkable
class EmailBackend(Protocol):
    """Takes finished messages. One that can take many at a time has ``send_many`` besides; see `SMTPBackend`."""

    async def send(self, data: EmailMessageData) -> None:
        """Hand over a message.

        Raises:
            Exception: If nobody, or not everybody, will get it.
        """
        ...


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
        encoding = getattr(stream, "encoding", None) or "utf-8"
        # What the terminal's encoding lacks is no reason not to show the rest.
        stream.write(shown(data).encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()


def shown(data: EmailMessageData) -> str:
    """Return a message for people: decoded, with its recipients, and files as name, type and size."""
    message = build_message(data)
    recipients = [parse_mailbox(text).address for text in data.delivery_recipients()]
    lines = [] if data.sender else ["From: (no sender configured)"]
    lines += [f"{name}: {value}" for name, value in message.items() if _is_of_the_message(name)]
    lines += [f"Envelope: {', '.join(recipients)}", *_shown_bodies(data), *_shown_files(data)]
    return _visible("\n".join([RULE, *lines, RULE, ""]))


def _visible(text: str) -> str:
    """Return a text in which nothing commands a terminal."""
    return _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _shown_files(data: EmailMessageData) -> list[str]:
    forms = [f"{form.mimetype} ({len(form.content)} bytes)" for form in data.alternatives]
    files = [
        f"{file.filename} ({file.mimetype}, {len(file.content)} bytes)" for file in data.attachments
    ]
    return [*_section("alternatives", forms), *_section("attachments", files)]


def _shown_bodies(data: EmailMessageData) -> list[str]:
    plain, html = data.bodies()
    shown = [("plain", plain)] if html is None else [("plain", plain), ("html", html)]
    return [line for kind, body in shown for line in _section(kind, [_trimmed(body)])]


def _trimmed(body: str) -> str:
    return body.replace("\r\n", "\n").rstrip("\n")


def _is_of_the_message(name: str) -> bool:
    return not name.lower().startswith(("content-", "mime-"))


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"--- {title}", "", *lines] if lines else []


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
        self.directory = Path(email_settings().file_path if directory is None else directory)

    async def send(self, data: EmailMessageData) -> None:
        """Write a message; a file that has its name is complete."""
        await asyncio.to_thread(self._write, data)

    def _write(self, data: EmailMessageData) -> None:
        write_message(self.directory, prepared(data, email_settings()).content)


def write_message(directory: Path, content: bytes) -> Path:
    """Write a message into a directory, which is made if need be, and return the file.

    Raises:
        OSError: If it cannot be written; no file is left then.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid4().hex[:12]}.eml"
    with atomic_write(path, mode=0o600) as file:
        file.write(content)
    return path


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
        settings = self._settings or email_settings()
        servers = servers_of(settings)
        results: list[Exception | None] = []
        for portion in portions(messages):
            results += await send_portion(portion, settings, servers)
        return results


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
    """Give every message to this backend inside the ``with``, whatever is asked for; for tests."""
    global _override
    before, _override = _override, backend
    try:
        yield backend
    finally:
        _override = before


def is_overridden() -> bool:
    """Return whether `backend_override` is in force."""
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
    chosen = name if name is not None else email_settings().backend
    known = _BUILTIN.get(chosen.strip().lower())
    if known is None:
        return _imported(chosen)
    backend: EmailBackend = known()
    return backend


def _imported(path: str) -> EmailBackend:
    """Return an instance of the backend class that a dotted path names."""
    if "." not in path:
        raise ValueError(
            f"email backend {path!r} is unknown; known: console, smtp, file, memory, or a dotted path"
        )
    try:
        backend: EmailBackend = import_string(path)()
    except ImportError as error:
        raise ValueError(f"email backend {path!r} cannot be imported: {error}") from error
    if not callable(getattr(backend, "send", None)):
        raise ValueError(f"email backend {path!r} has no method 'send'")
    return backend


async def send_console(data: EmailMessageData) -> None:
    """Show one message on the standard output."""
    await ConsoleBackend().send(data)


async def send_smtp(data: EmailMessageData) -> None:
    """Send one message with the settings of the project; see `SMTPBackend.send`."""
    await SMTPBackend().send(data)


def with_recipients(data: EmailMessageData, addresses: Sequence[str]) -> EmailMessageData:
    """Return a message that is the same to look at, and goes to some of its recipients only."""
    return replace(data, only_to=list(addresses))
