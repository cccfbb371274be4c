"""The message that is running: what a task may ask about itself, and what it may tell its sender."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from copy import deepcopy
from typing import Any

from openviper.tasks.message import Message, clean_text

Report = Callable[[Message, float, str], None]
"""Takes the progress of a message: its share and a note."""


class Run:
    """One attempt, as its task sees it.

    Attributes:
        message: What is running.
        is_stopping: Whether the worker is about to stop.
        is_cancelled: Whether somebody wants the task cancelled.
    """

    __slots__ = ("is_cancelled", "is_stopping", "message", "report")

    def __init__(self, message: Message, report: Report | None = None) -> None:
        self.message = message
        self.report = report
        self.is_stopping = False
        self.is_cancelled = False


_run: ContextVar[Run | None] = ContextVar("openviper_task_run", default=None)


class CurrentMessage:
    """The message that is running in this context; ``current_message`` is the only one."""

    def get(self) -> Message | None:
        """Return a copy of the message, or `None` outside of a task."""
        run = _run.get()
        return None if run is None else run.message.copied()

    def _present(self) -> Run:
        run = _run.get()
        if run is None:
            raise LookupError("no task is running here")
        return run

    @property
    def message_id(self) -> str:
        """The message's id.

        Raises:
            LookupError: If no task is running here; all the others raise it too.
        """
        return self._present().message.message_id

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1 on."""
        return self._present().message.attempts + 1

    @property
    def state(self) -> Mapping[str, Any]:
        """What the attempt before has left with ``Retry(state=...)``; empty at first."""
        return dict(deepcopy(self._present().message.option("state")) or {})

    @property
    def is_stopping(self) -> bool:
        """Whether the worker is about to stop: a long task may raise ``Retry(state=..., counts=False)`` now."""
        return self._present().is_stopping

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody wants this task cancelled; an async one is, a plain one has to end by itself."""
        return self._present().is_cancelled

    def progress(self, share: float, note: str = "") -> None:
        """Tell the sender how far the task is; see `TaskMessageProxy.progress`.

        Args:
            share: From 0 to 1.
            note: A few words.

        Raises:
            ValueError: If `share` is not from 0 to 1.
        """
        run = self._present()
        if not 0 <= share <= 1:
            raise ValueError(f"share={share!r} is not from 0 to 1")
        if run.report is not None:
            run.report(run.message, float(share), clean_text(str(note), 255))


current_message = CurrentMessage()


def get_trace_id() -> str:
    """Return the short id of the message that is running, or an empty text outside of one."""
    run = _run.get()
    return "" if run is None else run.message.message_id[:8]


class _Current:
    """A context manager; one made with `contextlib` takes ten times as long, for each task."""

    __slots__ = ("_run", "_token")

    def __init__(self, run: Run) -> None:
        self._run = run

    def __enter__(self) -> None:
        self._token = _run.set(self._run)

    def __exit__(self, *_error: object) -> None:
        _run.reset(self._token)


def running(run: Run) -> AbstractContextManager[None]:
    """Make a run the current one inside a `with` statement."""
    return _Current(run)
