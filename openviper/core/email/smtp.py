"""Deliver ready-made messages over SMTP, in threads of their own.

A batch begins with one connection. While it goes slowly and much is left, further ones join in, up to the limit for
that server. A message is sent again, once and over a fresh connection, only if the one before ended before the message
did: what may have been accepted is never repeated here.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from openviper.core.email.envelope import Delivery, Envelope, SMTPConfig, check_envelope
from openviper.core.email.smtp_connection import CLOSING, Lifeline, SMTPConnection
from openviper.core.email.threads import run_in_thread
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

__all__ = ["Delivery", "Envelope", "SMTPConfig", "deliver"]

logger = logging.getLogger("openviper.email")

GROW_AFTER = 0.5
"""Seconds after which another connection joins in."""
WORTH_A_CONNECTION = 10
"""Fewest messages left for which another connection joins in."""
MAX_LOST = 2
"""Messages lost in a row after which the server is not tried any more."""


async def deliver(config: SMTPConfig, envelopes: Sequence[Envelope]) -> list[Delivery]:
    """Hand messages to an SMTP server.

    When the task is cancelled, the connections are closed at once; messages that the server has taken by then are sent.

    Args:
        config: Where and how.
        envelopes: The messages.

    Returns:
        What became of each, in the same order. A message of which nothing was accepted has the error of `smtplib` or the
        socket; a `ValueError` if it could not be sent as it is, `ImproperlyConfigured` if the settings do not let us log in.
    """
    if not envelopes:
        return []
    batch = _Batch(config, envelopes)
    gate = _gate(config)
    try:
        if batch.may_grow(1):
            await _send_growing(batch, gate)
        else:
            await _work_on(batch, gate)
    finally:
        # Nothing is left of a batch that has come to its end.
        batch.abort()
    return batch.deliveries()


async def _work_on(batch: _Batch, gate: asyncio.Semaphore) -> None:
    """Send messages of a batch over one connection, when one may be made."""
    async with gate:
        await asyncio.wrap_future(run_in_thread(batch.work))


async def _send_growing(batch: _Batch, gate: asyncio.Semaphore) -> None:
    """Work on a batch in threads, one at first, until nothing is left of it."""
    loop = asyncio.get_running_loop()
    tasks = {loop.create_task(_work_on(batch, gate))}
    try:
        while tasks:
            limit = GROW_AFTER if batch.may_grow(len(tasks)) else None
            done, tasks = await asyncio.wait(
                tasks, timeout=limit, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            if not done and batch.wants_help() and not gate.locked():
                tasks.add(loop.create_task(_work_on(batch, gate)))
    finally:
        batch.abort()
        await _cancel(tasks)


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


_gates: WeakKeyDictionary[
    asyncio.AbstractEventLoop, WeakValueDictionary[tuple[str, int, str, int], asyncio.Semaphore]
] = WeakKeyDictionary()


def _gate(config: SMTPConfig) -> asyncio.Semaphore:
    """Return what bounds the connections of this loop to a server."""
    gates = _gates.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    key = (config.host, config.port, config.username, config.max_connections)
    gate = gates.get(key)
    if gate is None:
        gate = gates[key] = asyncio.Semaphore(config.max_connections)
    return gate


@dataclass(slots=True)
class _Job:
    """A message to be sent.

    Attributes:
        index: Its place in the batch.
        attempts: How often it was tried.
    """

    index: int
    envelope: Envelope
    attempts: int = 0


class _NoConnectionError(Exception):
    """A server cannot be reached, or does not let us in."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(str(cause))


class _Link:
    """The connection of one thread, made anew when the one before is not usable any more."""

    def __init__(
        self,
        config: SMTPConfig,
        lifeline: Lifeline,
        tls_context: Callable[[], ssl.SSLContext | None],
    ) -> None:
        self._config = config
        self._lifeline = lifeline
        self._tls_context = tls_context
        self._connection: SMTPConnection | None = None

    def ready(self) -> SMTPConnection:
        """Return a usable connection.

        Raises:
            _NoConnectionError: If there is none to be had.
        """
        if self._connection is None or not self._connection.usable:
            self._connection = self._renewed()
        return self._connection

    def _renewed(self) -> SMTPConnection:
        if self._connection is not None:
            self._connection.close()
        try:
            return SMTPConnection(self._config, self._tls_context(), self._lifeline)
        except (
            Exception
        ) as error:  # Of the settings too: what was sent before is not to be forgotten.
            raise _NoConnectionError(error) from error

    def end(self) -> None:
        """Take leave of the server."""
        if self._connection is not None:
            self._connection.say_goodbye()


class _Batch:
    """Messages that several threads send, each over a connection of its own."""

    def __init__(self, config: SMTPConfig, envelopes: Sequence[Envelope]) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._pending = deque(_Job(index, envelope) for index, envelope in enumerate(envelopes))
        self._done: list[Delivery | None] = [None] * len(envelopes)
        self._lifelines: set[Lifeline] = set()
        self._context: ssl.SSLContext | None = None
        self._working = 0
        self._lost_in_a_row = 0
        self._has_begun = False
        self._is_aborted = False

    # From the event loop

    def may_grow(self, connections: int) -> bool:
        """Return whether a batch of this size may ever have more connections than it has."""
        return connections < self._config.max_connections and len(self._done) > WORTH_A_CONNECTION

    def wants_help(self) -> bool:
        """Return whether another connection is worth its while: the server works, and much is left."""
        return self._has_begun and len(self._pending) >= WORTH_A_CONNECTION

    def abort(self) -> None:
        """Close all connections; what was not sent stays so."""
        with self._lock:
            self._is_aborted = True
            self._pending.clear()
            lifelines = list(self._lifelines)
        for lifeline in lifelines:
            lifeline.cut()

    def deliveries(self) -> list[Delivery]:
        """Return what became of each message.

        Raises:
            RuntimeError: If a message was forgotten, which is a mistake in here.
        """
        complete = [delivery for delivery in self._done if delivery is not None]
        if len(complete) != len(self._done):
            raise RuntimeError(
                f"{len(self._done) - len(complete)} messages of a batch were not looked at"
            )
        return complete

    # In a thread

    def work(self) -> None:
        """Send messages until none is left or the server cannot be reached."""
        lifeline = Lifeline()
        with self._lock:
            self._working += 1
            self._lifelines.add(lifeline)
        link = _Link(self._config, lifeline, self._tls_context)
        try:
            while (job := self._take()) is not None:
                try:
                    self._done[job.index] = self._check(job) or self._send(link, job)
                except _NoConnectionError as error:
                    self._leave(job, error.cause)
                    return
            with self._lock:
                self._working -= 1
        finally:
            link.end()
            lifeline.release()

    def _send(self, link: _Link, job: _Job) -> Delivery:
        """Send a message, once more over a fresh connection if the first one ends before it.

        Raises:
            _NoConnectionError: If there is no connection.
        """
        delivery = None
        while delivery is None:
            delivery = self._attempt(link.ready(), job)
        return delivery

    def _take(self) -> _Job | None:
        with self._lock:
            return self._pending.popleft() if self._pending else None

    def _tls_context(self) -> ssl.SSLContext | None:
        with self._lock:
            if self._context is None:
                self._context = self._config.tls_context()
            return self._context

    @staticmethod
    def _check(job: _Job) -> Delivery | None:
        try:
            check_envelope(job.envelope)
        except ValueError as error:
            return Delivery({}, error)
        return None

    def _attempt(self, connection: SMTPConnection, job: _Job) -> Delivery | None:
        """Send a message; return None if it is to be sent once more, over a fresh connection."""
        job.attempts += 1
        was_used = connection.transactions > 0
        try:
            delivery = connection.transmit(job.envelope)
        except OSError as error:
            connection.close()
            if self._is_worth_another_attempt(job, connection, error):
                logger.debug(
                    "the connection to %s was lost before a message was sent: %s",
                    self._config.host,
                    error,
                )
                return None
            self._note_lost(error)
            return Delivery({}, error, connection.in_doubt)
        if job.attempts == 1 and was_used and _is_farewell(delivery.error):
            return None
        self._lost_in_a_row = 0
        self._has_begun = True
        return delivery

    def _is_worth_another_attempt(
        self, job: _Job, connection: SMTPConnection, error: OSError
    ) -> bool:
        if job.attempts > 1 or connection.in_doubt or self._is_aborted:
            return False
        # Time that ran out once would run out again.
        return not isinstance(error, TimeoutError)

    def _note_lost(self, error: OSError) -> None:
        """Count a message lost on the way; after some in a row, the rest is not tried."""
        self._lost_in_a_row += 1
        if self._lost_in_a_row >= MAX_LOST:
            self._give_up(error)

    def _leave(self, job: _Job, error: Exception) -> None:
        """End a thread that cannot connect: the others do its work, and with the last one the batch has failed."""
        with self._lock:
            self._pending.appendleft(job)
            self._working -= 1
            is_last = self._working == 0
        if is_last:
            self._give_up(error)
        else:
            logger.debug("one connection less to %s: %s", self._config.host, error)

    def _give_up(self, error: Exception) -> None:
        while (job := self._take()) is not None:
            self._done[job.index] = Delivery({}, error, untried=True)


def _is_farewell(error: Exception | None) -> bool:
    """Return whether the server has answered 421, as when it had enough of a connection: it did not take the message."""
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code == CLOSING
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code == CLOSING for code, _ in error.recipients.values())
    return False
