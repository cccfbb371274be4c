"""What wakes the main loop of a worker process: a pipe, which other threads write to."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager


class Waker:
    """Wakes one thread that sleeps.

    Attributes:
        descriptor: Readable once somebody has woken it.
        is_asleep: Whether it sleeps; others set it back when they wake it, so that one of them does.
    """

    def __init__(self) -> None:
        self.descriptor, self._write = os.pipe()
        self._inode = os.fstat(self.descriptor).st_ino
        os.set_blocking(self._write, False)
        os.set_blocking(self.descriptor, False)
        self.is_asleep = False

    def wake(self) -> None:
        """Wake it, from any thread or a handler of signals."""
        try:
            os.write(self._write, b"x")
        except BlockingIOError:
            pass  # It is awake already.

    @contextmanager
    def sleeping(self) -> Iterator[None]:
        """Count as asleep inside of the `with` statement."""
        self.is_asleep = True
        try:
            yield
        finally:
            self.is_asleep = False
        try:
            os.read(self.descriptor, 4096)
        except BlockingIOError:
            pass

    def wait(self, seconds: float) -> None:
        """Wait until somebody wakes it, or time is up."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        poll.poll(seconds * 1000)

    def check_open(self) -> None:
        """Check that no task has closed what it did not open: connections and event loop would be gone too, or others' files.

        Raises:
            RuntimeError: If one has.
        """
        try:
            is_there = os.fstat(self.descriptor).st_ino == self._inode
        except OSError:
            is_there = False
        if not is_there:
            raise RuntimeError("a task has closed the files of this process")
