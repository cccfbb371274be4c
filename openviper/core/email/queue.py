"""Mail in the background: a message becomes a task once, with its identifier, and a worker delivers it at least once."""

from __future__ import annotations

import asyncio
import json
import logging
import smtplib
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from openviper.core.email.backends import is_overridden, with_recipients
from openviper.core.email.config import email_settings
from openviper.core.email.delivery import log_failure, send_now
from openviper.core.email.message import LONGEST_ID, EmailMessageData
from openviper.core.email.payloads import message_from_payload, message_to_payload
from openviper.core.email.refusals import (
    RecipientsRefused,
    code_of,
    is_final,
    is_final_for_recipient,
    refused_codes,
)
from openviper.core.email.spool import SPOOL_BYTES, read_spooled, remove_spooled, write_spooled
from openviper.exceptions import OpenViperException
from openviper.tasks.actors import actor, is_captured
from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import WorkerInfo, live_workers
from openviper.tasks.exceptions import BrokerError, Reject

__all__ = [
    "MailNotDeliveredError",
    "MailRefusedError",
    "deliver_email",
    "enqueue",
    "enqueue_email_job",
    "message_to_payload",
    "payload_to_message",
    "queue_available",
    "worker_available",
]

logger = logging.getLogger("openviper.email")

QUEUE = "emails"
REMEMBER_REFUSAL = 600.0
"""Seconds for which recipients that were refused for good are not asked for again; an operator's retry comes later."""
AGAIN_AFTER = timedelta(seconds=5)
"""What recipients have to wait who were refused for the time being, and have a task of their own."""
LOOK_AGAIN = 2.0
"""Seconds for which it is remembered whether a worker lives."""

_looked: tuple[float, object, bool] = (float("-inf"), None, False)


class MailNotDeliveredError(OpenViperException):
    """A message was not delivered; what the server said of addresses is left out, as this text is stored and logged.

    Attributes:
        message_id: The message's identifier.
    """

    def __init__(self, message_id: str, error: BaseException) -> None:
        self.message_id = message_id
        code = code_of(error)
        super().__init__(
            f"message {message_id} was not delivered: {type(error).__name__}{f' {code}' if code else ''}"
        )


class MailRefusedError(MailNotDeliveredError, Reject):
    """A message was refused for good, so trying again is forbidden (RFC 5321, 4.2.1) or useless."""


def queue_available() -> bool:
    """Return whether messages are left to workers in this project: tasks are enabled, and what is sent is stored."""
    config = tasks_config()
    if not config.enabled or config.broker == "stub":
        return False
    return get_broker().name != "stub"


def worker_available() -> bool:
    """Return whether somebody would deliver a message soon: the queue is there, and a worker lives that takes mail.

    A look at the store, at most every other second; never raises.
    """
    try:
        return queue_available() and _worker_lives()
    except Exception:
        logger.debug("cannot tell whether a worker lives", exc_info=True)
        return False


def _worker_lives() -> bool:
    global _looked
    broker, now = get_broker(), time.monotonic()
    looked_at, looked_in, _ = _looked
    if now - looked_at > LOOK_AGAIN or looked_in is not broker:
        workers = live_workers(broker, tasks_config().lease)
        _looked = (now, broker, any(map(_takes_mail, workers)))
    return _looked[2]


def _takes_mail(worker: WorkerInfo) -> bool:
    return worker.queues is None or QUEUE in worker.queues


async def enqueue_email_job(data: EmailMessageData) -> str | None:
    """Have a worker deliver a message; in a database transaction, once that has committed.

    Where there is no queue, or it does not take the message, it is delivered at once.

    Returns:
        The id of the task, or `None` if it was delivered at once.

    Raises:
        Exception: What the backend raises, if it was delivered at once.
    """
    try:
        if is_captured() or is_overridden() or queue_available():
            return await enqueue(data)
    except Exception as error:
        log_failure(data.subject, error)
    await send_now(data)
    return None


async def enqueue(data: EmailMessageData, *, delay: timedelta | None = None) -> str | None:
    """Have a worker deliver a message, or, while tests hold the backend, do at once what the worker would do.

    Args:
        data: The message.
        delay: How long it waits at least.

    Raises:
        BrokerError: If the queue does not answer.
        OSError: If a large message cannot be written to the spool.
    """
    data.stamp(email_settings().default_sender)
    if is_overridden() and not is_captured():
        await send_now(message_from_payload(json.loads(json.dumps(message_to_payload(data)))))
        return None
    return await _send(data, delay)


async def enqueue_for_later(
    data: EmailMessageData, background: bool | None, delay: timedelta
) -> None:
    """Have a worker deliver a message after a while.

    Args:
        data: The message.
        background: What the sender has said of the queue.
        delay: How long it waits at least.

    Raises:
        ValueError: If it was asked for without the queue, or there is none.
        BrokerError: If the queue does not answer.
    """
    _check_can_wait(background)
    await enqueue(data, delay=delay)


def _check_can_wait(background: bool | None) -> None:
    if background is False:
        raise ValueError("a message that is sent at once (background=False) has no send_at")
    if not (is_captured() or is_overridden() or queue_available()):
        raise ValueError(
            "send_at needs the queue, and tasks are off or kept in memory in this project"
        )


async def goes_to_queue(background: bool | None) -> bool:
    """Return whether a message is left to the queue: asked for, or a worker lives that takes mail."""
    if is_captured():
        return True
    if background is True:
        return is_overridden() or queue_available()
    return await asyncio.to_thread(worker_available)


async def was_enqueued(data: EmailMessageData) -> bool:
    """Hand a message to the queue; return `False` if the queue cannot be reached."""
    try:
        await enqueue(data)
    except (BrokerError, OSError) as error:
        if is_overridden():  # What the backend of a test raises.
            raise
        logger.warning(
            "mail %r could not be queued (%s); sending it now", data.subject, type(error).__name__
        )
        return False
    return True


async def _send(
    data: EmailMessageData,
    delay: timedelta | None = None,
    note: Mapping[str, Any] | None = None,
) -> str:
    """Hand a message to the queue, itself or as the name of a file, with a note for `deliver_email`."""
    if _size(data) <= SPOOL_BYTES:
        return _send_payload({**message_to_payload(data), **(note or {})}, delay)
    due = time.time() + (delay.total_seconds() if delay is not None else 0)
    name = await asyncio.to_thread(_spooled, data, due)
    try:
        return _send_payload({"spool": name, **(note or {})}, delay)
    except BaseException:
        remove_spooled(name)
        raise


def _spooled(data: EmailMessageData, due: float) -> str:
    return write_spooled(message_to_payload(data), due)


def _send_payload(payload: dict[str, Any], delay: timedelta | None) -> str:
    if delay is None:
        return deliver_email.send(payload).message_id
    milliseconds = delay.total_seconds() * 1000
    return deliver_email.send_with_options(args=(payload,), delay=milliseconds).message_id


def _size(data: EmailMessageData) -> int:
    """Return about how many bytes a message takes in the queue."""
    files = sum(len(file.content) for file in data.attachments)
    files += sum(len(form.content) for form in data.alternatives)
    return files * 4 // 3 + len(data.text or "") + len(data.html or "")


@actor(
    actor_name="openviper.core.email.deliver_email",
    queue_name=QUEUE,
    max_retries=12,  # For an hour at least, however much less each wait is than it may be.
    min_backoff=5_000,
    max_backoff=1_800_000,
    log_arguments=False,
)
async def deliver_email(payload: dict[str, Any]) -> None:
    """Deliver a message from the queue.

    Recipients that are refused while others are not get a task of their own, so that nobody gets it twice.

    Raises:
        MailRefusedError: If it was refused for good.
        MailNotDeliveredError: If nobody got it, and another attempt may do.
    """
    data = await _message_of(payload)
    _check_note(data, payload)
    try:
        await send_now(data)
    except smtplib.SMTPRecipientsRefused as error:
        if not _is_of_two_minds(error):
            raise _failure(data, error) from None
        await _take_care_of_refused(data, refused_codes(error))
    except Exception as error:
        raise _failure(data, error) from None
    if "spool" in payload:
        remove_spooled(payload["spool"])


async def _message_of(payload: Mapping[str, Any]) -> EmailMessageData:
    """Return the message of a payload; one that is none will never be, while a file may come back."""
    try:
        return await asyncio.to_thread(payload_to_message, payload)
    except Exception as error:
        kind = MailNotDeliveredError if isinstance(error, OSError) else MailRefusedError
        raise kind(_identifier(payload), error) from None


def _identifier(payload: object) -> str:
    identifier = payload.get("message_id") if isinstance(payload, Mapping) else None
    return str(identifier or "without an identifier")[:LONGEST_ID]


def _is_of_two_minds(error: smtplib.SMTPRecipientsRefused) -> bool:
    """Return whether recipients were not treated alike: taken and refused, or refused for good and for the time being."""
    if isinstance(error, RecipientsRefused):
        return True
    # Nobody has it; those who were refused for good must not be asked for again with the others.
    return len(set(map(is_final_for_recipient, refused_codes(error).values()))) > 1


def _failure(data: EmailMessageData, error: Exception) -> MailNotDeliveredError:
    kind = MailRefusedError if is_final(error) else MailNotDeliveredError
    return kind(data.message_id, error)


def _check_note(data: EmailMessageData, payload: Mapping[str, Any]) -> None:
    """End what `_take_care_of_refused` has made for recipients that were refused for good a moment ago."""
    refused_until = payload.get("refused_until")
    if refused_until is not None and time.time() < refused_until:
        raise MailRefusedError(data.message_id, RecipientsRefused(dict(payload["refused"])))


async def _take_care_of_refused(data: EmailMessageData, refused: Mapping[str, int]) -> None:
    """Give those who were refused tasks of their own: one for good, and one for the time being.

    Args:
        data: The message; who is not named has it.
        refused: The code of each address.
    """
    final = [address for address, code in refused.items() if is_final_for_recipient(code)]
    later = [address for address in refused if address not in final]
    if later:
        task = await _send(with_recipients(data, later), AGAIN_AFTER)
        logger.warning(_TRIED_AGAIN, data.subject, len(later), task)
    if final:
        note = _note_of_refusal(refused, final)
        task = await _send(with_recipients(data, final), note=note)
        logger.error(_REFUSED, data.subject, len(final), task)


def _note_of_refusal(refused: Mapping[str, int], final: Sequence[str]) -> dict[str, Any]:
    """Return what makes a task fail without asking the server again, as a dead message that an operator finds."""
    return {
        "refused": {address: [refused[address], ""] for address in final},
        "refused_until": time.time() + REMEMBER_REFUSAL,
    }


_TRIED_AGAIN = "mail %r: %d recipients were refused; task %s tries them again"
_REFUSED = "mail %r: %d recipients were refused for good; task %s tells whom"


def payload_to_message(payload: Mapping[str, Any]) -> EmailMessageData:
    """Return the message of a payload.

    Raises:
        ValueError: If it names a file outside of the spool.
        OSError: If its file is gone.
    """
    return message_from_payload(read_spooled(payload["spool"]) if "spool" in payload else payload)
