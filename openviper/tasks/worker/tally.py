"""What a worker process tells of its calls: numbers, progress, records, hooks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from openviper.tasks.brokers.base import CallCount, Consumer, Progress
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.hooks import call_hooks
from openviper.tasks.message import CANCELLED_ERROR, Finished, Message, Outcome

logger = logging.getLogger("openviper.tasks.worker.supervisor")

Observer = Callable[[Message, str, "Finished | None", float], None]
"""Is told of each transition: message, status, what followed, seconds taken."""
REPORT_SECONDS = 0.5
"""Least seconds between two reports of progress."""
COUNT_SECONDS = 5.0
"""Least seconds between two reports of numbers."""
_STATUS = {Outcome.DONE: "success", Outcome.RETRY: "failure", Outcome.DEAD: "dead"}


def status_of(finished: Finished) -> str | None:
    """Return how an end is recorded; `None` for one that was none."""
    if finished.outcome is Outcome.DONE and finished.error == CANCELLED_ERROR:
        return "cancelled"
    return _STATUS.get(finished.outcome)


class Tally:
    """Gathers what calls tell, from any thread; the main loop brings it to the store.

    Args:
        observe: Is told of each transition.
    """

    def __init__(self, observe: Observer | None = None) -> None:
        self._observe = observe
        self._lock = threading.Lock()
        self._counts: dict[tuple[int, str, str], tuple[int, float]] = {}
        self._progress: dict[str, Progress] = {}
        self._counted_at = time.monotonic()
        self._reported_at = time.monotonic()

    def began(self, message: Message) -> None:
        """Take note of a beginning."""
        call_hooks("before", message)
        self._tell(message, "running", None, 0.0)

    def ended(self, finished: Finished, seconds: float, status: str | None) -> None:
        """Take note of an end."""
        message = finished.message
        name = status or status_of(finished)
        if name is None:
            return
        key = (int(time.time()) // 60 * 60, message.actor_name, name)
        with self._lock:
            count, total = self._counts.get(key, (0, 0.0))
            self._counts[key] = (count + 1, total + seconds)
        if name == "success":
            call_hooks("after", message)
        elif name == "failure":
            call_hooks("failed", message, finished.error)
        elif name == "dead":
            call_hooks("dead", message, finished.error)
        self._tell(message, name, finished, seconds)

    def _tell(
        self, message: Message, status: str, finished: Finished | None, seconds: float
    ) -> None:
        if self._observe is None:
            return
        try:
            self._observe(message, status, finished, seconds)
        except BaseException:  # A record is never worth a task.
            logger.exception("the record of %r could not be made", message)

    def progressed(self, message: Message, share: float, note: str) -> None:
        """Take note of how far a task is."""
        progress = Progress(message.message_id, share, note, time.time())
        with self._lock:
            self._progress[message.message_id] = progress

    @property
    def has_progress(self) -> bool:
        """Whether a task has said how far it is, and the store has not heard of it."""
        return bool(self._progress)

    def report(self, consumer: Consumer, *, at_once: bool = False) -> None:
        """Bring what was gathered to the store, if it is time.

        Raises:
            BrokerError: If the store does not answer; nothing is lost.
        """
        progress, counts = self._due(time.monotonic(), at_once=at_once)
        if not progress and not counts:
            return
        calls = [CallCount(*key, *value) for key, value in counts.items()]
        try:
            consumer.report(list(progress.values()), calls)
        except BrokerError as error:
            if not error.refused:
                self._put_back(progress, counts)
                raise
            logger.warning("the store does not take how far tasks are: %s", error)

    def _due(
        self, now: float, *, at_once: bool
    ) -> tuple[dict[str, Progress], dict[tuple[int, str, str], tuple[int, float]]]:
        with self._lock:
            return self._due_progress(now, at_once), self._due_counts(now, at_once)

    def _due_progress(self, now: float, at_once: bool) -> dict[str, Progress]:
        if not at_once and now - self._reported_at < REPORT_SECONDS:
            return {}
        self._reported_at = now
        progress, self._progress = self._progress, {}
        return progress

    def _due_counts(
        self, now: float, at_once: bool
    ) -> dict[tuple[int, str, str], tuple[int, float]]:
        if not at_once and now - self._counted_at < COUNT_SECONDS:
            return {}
        self._counted_at = now
        counts, self._counts = self._counts, {}
        return counts

    def _put_back(
        self,
        progress: dict[str, Progress],
        counts: dict[tuple[int, str, str], tuple[int, float]],
    ) -> None:
        with self._lock:
            self._progress = {**progress, **self._progress}
            for key, (count, seconds) in counts.items():
                more, longer = self._counts.get(key, (0, 0.0))
                self._counts[key] = (count + more, seconds + longer)
