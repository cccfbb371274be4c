"""What the SMTP tests have in common."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from openviper.core.email.smtp import Envelope, SMTPConfig
from tests.smtp_server import SMTPServer

CONTENT = b"From: ada@example.com\r\nTo: bob@example.com\r\nSubject: Hello\r\n\r\nFirst line.\r\n"


def config(server: SMTPServer, **options: Any) -> SMTPConfig:
    """Return where a test's server is, with little patience."""
    options = {"timeout": 5.0, **options}
    return SMTPConfig(options.pop("host", server.host), server.port, **options)


def envelope(
    *recipients: str, content: bytes = CONTENT, sender: str = "ada@example.com", **options: Any
) -> Envelope:
    """Return a message to some people, Bob if nobody is named."""
    return Envelope(sender, recipients or ("bob@example.com",), content, **options)


def delivery_threads() -> list[threading.Thread]:
    """Return the threads that deliver mail."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("openviper-smtp")]


def wait_until_no_delivery_threads(limit: float) -> bool:
    """Wait until no thread delivers mail any more, at most `limit` seconds; tell whether it came to that."""
    until = time.monotonic() + limit
    while delivery_threads() and time.monotonic() < until:
        time.sleep(0.01)
    return not delivery_threads()


async def delivery_threads_end(limit: float) -> bool:
    """Wait in an event loop, which goes on meanwhile, until no thread delivers mail; return whether it came to that."""
    return await asyncio.to_thread(wait_until_no_delivery_threads, limit)
