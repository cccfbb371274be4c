"""Bringing the ends of messages to the store: together, and one by one when the store takes offence at some of them."""

from __future__ import annotations

import logging
from collections import deque

from openviper.tasks.brokers.base import Consumer
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import Finished, Message, describe_error
from openviper.tasks.worker.outcome import not_stored

logger = logging.getLogger("openviper.tasks.worker.supervisor")
MAX_FAILURES = 3
"""Times that a batch may cost the connection before its members are tried one by one."""


class Settlement:
    """The ends that wait to be stored; `add` is for any thread, everything else for the main loop."""

    def __init__(self) -> None:
        self._waiting: deque[Finished] = deque()
        self._failures = 0

    @property
    def waiting(self) -> bool:
        """Whether there is something to store."""
        return bool(self._waiting)

    @property
    def is_stuck(self) -> bool:
        """Whether the store has not taken the last ones."""
        return self._failures > 0

    def add(self, finished: Finished) -> None:
        """Have an end stored."""
        self._waiting.append(finished)

    def exchange(self, consumer: Consumer, want: int) -> tuple[list[Finished], list[Message]]:
        """Store what waits, and claim up to `want` messages.

        Returns:
            What was stored, or given up on, and what was claimed.

        Raises:
            BrokerError: If the store does not answer; what waits goes on waiting.
        """
        batch: list[Finished] = []
        while self._waiting:
            batch.append(self._waiting.popleft())
        try:
            messages = consumer.exchange(batch, want)
        except Exception as failure:
            error = _as_refusal(failure)
            self._failures += 1
            if not batch or not (error.refused or self._failures > MAX_FAILURES):
                self._waiting.extendleft(reversed(batch))
                raise
            logger.warning("the ends of %d messages are stored one by one: %s", len(batch), error)
            self._store_singly(consumer, batch)
            messages = []
        self._failures = 0
        return batch, messages

    def _store_singly(self, consumer: Consumer, batch: list[Finished]) -> None:
        for place, end in enumerate(batch):
            try:
                self._store_one(consumer, end)
            except BrokerError:
                # The store does not answer at all; those that were taken are not given again.
                self._waiting.extendleft(reversed(batch[place:]))
                del batch[place:]
                raise

    def _store_one(self, consumer: Consumer, end: Finished) -> None:
        """Store one end, or, in the place of one that is refused, one that every store takes.

        Raises:
            BrokerError: If the store does not answer.
        """
        error = self._try(consumer, end)
        if error is not None and not error.refused:
            # The connection may have been lost for another reason.
            error = self._try(consumer, end)
        if error is None:
            return
        second = self._try(consumer, not_stored(end.message))
        if second is None:
            logger.error("the end of %r cannot be stored, so it is dead: %s", end.message, error)
        elif second.refused:
            logger.critical("%r cannot be settled at all: %s", end.message, second)
        else:
            raise second

    @staticmethod
    def _try(consumer: Consumer, end: Finished) -> BrokerError | None:
        try:
            consumer.exchange([end], 0)
        except Exception as error:
            return _as_refusal(error)
        return None


def _as_refusal(error: Exception) -> BrokerError:
    """Return the store's own error as it is; another one says that an end cannot be written at all."""
    if isinstance(error, BrokerError):
        return error
    return BrokerError(
        f"what is to be stored cannot be written: {describe_error(error)}", refused=True
    )
