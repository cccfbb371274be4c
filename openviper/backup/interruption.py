"""SIGINT, SIGTERM and SIGHUP as one thing: the work is cancelled once, and takes back what it did."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Cancels the current task at the first signal, for the time of a `with` block; a later one only says what is at stake.

    A signal that was ignored when the process started, as under `nohup`, stays ignored.

    Args:
        tell: Told a sentence at every later signal.

    Attributes:
        received: The first signal; `None` while there was none.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.received: signal.Signals | None = None
        self._tell = tell
        self._stake = "still stopping; what the database held stays"
        self._watched: list[signal.Signals] = []

    def __enter__(self) -> Interruption:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        for number in SIGNALS:
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            try:
                self._loop.add_signal_handler(number, self.receive, number)
            except (NotImplementedError, RuntimeError, ValueError):
                continue  # Not the main thread, or a system without it.
            self._watched.append(number)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number in self._watched:
            self._loop.remove_signal_handler(number)
            if self.received is not None:
                # The command is about to say what came of it; another signal is not to cut that off.
                signal.signal(number, signal.SIG_IGN)

    def set_stake(self, stake: str) -> None:
        """Say what would be lost if the process were killed from now on."""
        self._stake = stake

    def receive(self, number: signal.Signals) -> None:
        """Take a signal."""
        if self.received is None:
            self.received = number
            if self._task is not None:
                self._task.cancel()
            return
        self._tell(f"{self._stake} (kill -9 {os.getpid()} would do so)")

    @property
    def exit_code(self) -> int:
        """The exit code of a command that was interrupted, as shells have it."""
        return 128 + (self.received or signal.SIGINT)

    @property
    def name(self) -> str:
        """The name of the first signal."""
        return (self.received or signal.SIGINT).name
