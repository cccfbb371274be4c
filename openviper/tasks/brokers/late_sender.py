"""Storing what could not be stored at once without making an event loop wait."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from openviper.tasks.exceptions import BrokerError

if TYPE_CHECKING:
    from openviper.tasks.brokers.storing import Parcel

logger = logging.getLogger("openviper.tasks.brokers")
PAUSE = 0.5
"""Seconds between two tries."""


class LateSender:
    """A thread that stores messages in the order in which they came.

    Args:
        store: Stores some, however long that takes.
    """

    def __init__(self, store: Callable[[Parcel], object]) -> None:
        self._store = store
        self._parcels: list[Parcel] = []
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be stored."""
        return bool(self._parcels)

    def add(self, parcel: Parcel) -> None:
        """Store messages as soon as the database takes them."""
        with self._condition:
            self._parcels.append(parcel)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="openviper-tasks-sender", daemon=True
                )
                self._thread.start()
                atexit.register(self.flush)

    def _run(self) -> None:
        while (parcel := self._next()) is not None:
            if self._is_through_with(parcel):
                with self._condition:
                    del self._parcels[0]
            else:
                time.sleep(PAUSE)

    def _is_through_with(self, parcel: Parcel) -> bool:
        try:
            self._store(parcel)
        except BrokerError as error:
            if not error.refused:
                logger.exception("messages are not stored yet; trying again")
                return False
            # Again and again would keep those behind it waiting for ever.
            logger.exception("messages are lost, the store does not take them: %r", parcel)
        return True

    def _next(self) -> Parcel | None:
        with self._condition:
            if self._parcels:
                return self._parcels[0]
            self._thread = None
            atexit.unregister(self.flush)
            self._condition.notify_all()
            return None

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until everything is stored, for a while.

        Args:
            timeout: Longest wait, in seconds.
        """
        with self._condition:
            if not self._condition.wait_for(lambda: not self._parcels, timeout):
                logger.error("%d times messages could not be stored", len(self._parcels))
