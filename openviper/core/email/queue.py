"""Mail in the background: a message becomes a task once, with its identifier, and a worker delivers it at least once."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import smtplib
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any
from uuid import uuid4

from openviper.core.email.attachments import attachment_from_payload, attachment_to_payload
from openviper.core.email.backends import RecipientsRefused, is_overridden, with_recipients
from openviper.core.email.config import read_email_config
from openviper.core.email.delivery import log_failure, send_now
from openviper.core.email.message import EmailMessageData
from openviper.exceptions import OpenViperException
from openviper.tasks.actors import actor, is_captured
from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import live_workers

logger = logging.getLogger("openviper.email")

SPOOL_BYTES = 256 * 1024
"""Bytes of a message from which it waits in a file of its own, and not in the queue."""
KEEP_SPOOLED = 8 * 86_400
"""Seconds after which a file is of no use any more: dead tasks stay a day less."""
LOOK_AGAIN = 2.0
"""Seconds for which it is remembered whether a worker lives."""
_SPOOL_NAME = re.compile(r"[0-9a-f]{32}\.json\Z")
_PLAIN_FIELDS = tuple(one.name for one in fields(EmailMessageData) if one.name != "attachments")
_NEEDED = frozenset({"recipients", "subject", "text", "html", "cc", "bcc", "sender"})

_looked: tuple[float, object, bool] = (float("-inf"), None, False)
_swept_at = float("-inf")


class MailNotDeliveredError(OpenViperException):
    """A message was not delivered; what the server said of addresses is left out, as this text is stored and logged.

    Attributes:
        message_id: The message's identifier.
    """

    def __init__(self, message_id: str, error: BaseException) -> None:
        self.message_id = message_id
        code = _code(error)
        super().__init__(
            f"message {message_id} was not delivered: {type(error).__name__}{f' {code}' if code else ''}"
        )


def _code(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return ", ".join(sorted({str(one[0]) for one in error.recipients.values()}))
    return str(getattr(error, "smtp_code", "") or getattr(error, "errno", "") or "")


def worker_available() -> bool:
    """Tell whether somebody would carry out a task: tasks are enabled, the broker is durable, and a worker lives.

    A look at the store, at most every other second; never raises.
    """
    global _looked
    try:
        config = tasks_config()
        if not config.enabled or config.broker == "stub":
            return False
        broker = get_broker()
        if broker.name == "stub":
            return False
        now = time.monotonic()
        if now - _looked[0] > LOOK_AGAIN or _looked[1] is not broker:
            _looked = (now, broker, bool(live_workers(broker, config.lease)))
        return _looked[2]
    except Exception:
        logger.debug("cannot tell whether a worker lives", exc_info=True)
        return False


async def enqueue_email_job(data: EmailMessageData) -> str | None:
    """Have a worker deliver a message; in a database transaction, once that has committed.

    Where no worker lives, or the queue does not take it, it is delivered at once.

    Returns:
        The id of the task, or `None` if it was delivered at once.

    Raises:
        Exception: What the backend raises, if it was delivered at once.
    """
    if is_captured() or is_overridden() or await asyncio.to_thread(worker_available):
        try:
            return await enqueue(data)
        except Exception as error:
            log_failure(data.subject, error)
    await send_now(data)
    return None


async def enqueue(data: EmailMessageData) -> str | None:
    """Have a worker deliver a message, or, while tests hold the backend, do at once what the worker would do.

    Raises:
        BrokerError: If the queue does not answer.
        OSError: If a large message cannot be written to the spool.
    """
    data.stamp(read_email_config()["default_sender"])
    if is_overridden() and not is_captured():
        await send_now(payload_to_message(json.loads(json.dumps(message_to_payload(data)))))
        return None
    return await _send(data)


async def _send(data: EmailMessageData) -> str:
    size = sum(len(one.content) for one in data.attachments) * 4 // 3
    if size + len(data.text or "") + len(data.html or "") <= SPOOL_BYTES:
        return deliver_email.send(message_to_payload(data)).message_id
    name = f"{uuid4().hex}.json"
    await asyncio.to_thread(_write_spool, name, data)
    try:
        return deliver_email.send({"spool": name}).message_id
    except BaseException:
        with suppress(OSError):
            (_spool() / name).unlink()
        raise


@actor(
    actor_name="openviper.core.email.deliver_email",
    queue_name="emails",
    max_retries=10,
    min_backoff=5_000,
    max_backoff=1_800_000,
    log_arguments=False,
)
async def deliver_email(payload: dict[str, Any]) -> None:
    """Deliver a message from the queue.

    Recipients that are refused while others are not get a task of their own, so that nobody gets it twice.

    Raises:
        MailNotDeliveredError: If nobody got it.
    """
    data = await asyncio.to_thread(payload_to_message, payload)
    try:
        await send_now(data)
    except RecipientsRefused as error:
        again = await _send(with_recipients(data, list(error.refused)))
        logger.warning(
            "mail %r: %d recipients were refused; task %s tries them again",
            data.subject,
            len(error.refused),
            again,
        )
    except Exception as error:
        raise MailNotDeliveredError(data.message_id, error) from None
    name = payload.get("spool")
    if name is not None:
        with suppress(OSError):
            (_spool() / name).unlink()


# Payloads


def message_to_payload(data: EmailMessageData) -> dict[str, Any]:
    """Return a message as JSON can hold it."""
    values = {name: getattr(data, name) for name in _PLAIN_FIELDS}
    payload = {name: value for name, value in values.items() if value or name in _NEEDED}
    payload["attachments"] = [attachment_to_payload(one) for one in data.attachments]
    return payload


def payload_to_message(payload: Mapping[str, Any]) -> EmailMessageData:
    """Return the message of a payload.

    Raises:
        ValueError: If it names a file outside of the spool.
        OSError: If its file is gone.
    """
    name = payload.get("spool")
    if name is not None:
        if not isinstance(name, str) or not _SPOOL_NAME.match(name):
            raise ValueError(f"{name!r} is no name of a spooled message")
        payload = json.loads((_spool() / name).read_bytes())
    values = {name: payload[name] for name in _PLAIN_FIELDS if name in payload}
    return EmailMessageData(
        **values, attachments=[attachment_from_payload(one) for one in payload["attachments"]]
    )


# The spool


def _spool() -> Path:
    return Path(read_email_config()["spool_dir"])


def _write_spool(name: str, data: EmailMessageData) -> None:
    directory = _spool()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = json.dumps(message_to_payload(data)).encode()
    partial = directory / f".{name}.part"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, directory / name)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sweep(directory)


def _sweep(directory: Path) -> None:
    """Remove what no task can name any more, once an hour."""
    global _swept_at
    if time.monotonic() - _swept_at < 3600:
        return
    _swept_at = time.monotonic()
    for path in directory.iterdir():
        with suppress(OSError):
            if (
                path.name.rpartition(".")[2] in ("json", "part")
                and time.time() - path.stat().st_mtime > KEEP_SPOOLED
            ):
                path.unlink()
