"""The worker: one process that watches over those that work.

The watching process forks them after the project's code is loaded, so they share its memory; it opens no connection
itself. It restarts one that dies, later each time, passes signals on, and on SIGHUP starts anew with fresh code once all
have come to their end.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.worker.process import GRACE, WorkerProcess

if TYPE_CHECKING:
    from openviper.tasks.schedule.scheduler import Scheduler

logger = logging.getLogger("openviper.tasks.worker.supervisor")

MAX_BACKOFF = 30.0
"""Most seconds before a process that died is started again."""
STABLE = 60.0
"""Seconds after which an earlier death is forgotten."""


def run_worker(
    *,
    processes: int = 1,
    threads: int = 8,
    queues: Sequence[str] | None = None,
    with_scheduler: bool = False,
    until_empty: bool = False,
    reload: Callable[[], None] | None = None,
    started: Callable[[], None] | None = None,
) -> int:
    """Consume messages until a signal says to stop.

    Args:
        processes: How many processes work.
        threads: Plain calls at a time in each.
        queues: The queues to take from; all when not given.
        with_scheduler: Whether the first process also sends periodic jobs.
        until_empty: Whether to end when nothing is left that could run at once.
        reload: Starts the program anew, after SIGHUP; by default with the same command line.
        started: Called once signals are listened to.

    Returns:
        The exit code: 0 after an orderly end.
    """

    def work(number: int) -> int:
        return _work(
            threads, queues, with_scheduler=with_scheduler and number == 0, until_empty=until_empty
        )

    if not hasattr(os, "fork"):
        if started is not None:
            started()
        return work(0)
    watch = _Watch(processes, work, reload or _start_anew, until_empty=until_empty)
    watch.listen()
    if started is not None:
        started()
    return watch.run()


def _work(
    threads: int, queues: Sequence[str] | None, *, with_scheduler: bool, until_empty: bool
) -> int:
    config = tasks_config()
    scheduler = None
    if with_scheduler:
        scheduler = _scheduler(config)
        scheduler.start()
    recorder = None
    if (config["logging"]["database"] or {}).get("task"):
        from openviper.tasks.worker.recorder import Recorder

        recorder = Recorder()
    process = WorkerProcess(
        get_broker(),
        threads=threads,
        queues=queues,
        async_limit=int(config["async_concurrency"]),
        keep_results=bool(config["backend_url"]),
        heartbeat=min(5.0, float(config["lease"]) / 4),
        until_empty=until_empty,
        observe=None if recorder is None else recorder.observe,
    )
    try:
        return process.run()
    finally:
        if scheduler is not None:
            scheduler.stop()
        if recorder is not None:
            recorder.close()
        get_broker().close()


def _scheduler(config: dict[str, Any]) -> Scheduler:
    from openviper.tasks.schedule.scheduler import Scheduler
    from openviper.tasks.schedule.stored_jobs import JobStatus, is_installed

    if not is_installed():
        return Scheduler()
    status = JobStatus()
    noted = (config["logging"]["database"] or {}).get("periodic")
    return Scheduler(is_active=status.is_active, sent=status.note if noted else None)


def _start_anew() -> None:
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the very command line of this process


class _Child:
    """A process that works."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        self.started_at = 0.0
        self.deaths = 0
        self.start_at = 0.0


class _Watch:
    """Starts processes and sees to it that they run."""

    def __init__(
        self,
        processes: int,
        work: Callable[[int], int],
        reload: Callable[[], None],
        *,
        until_empty: bool,
    ) -> None:
        self._work = work
        self._reload = reload
        self._until_empty = until_empty
        self._children = [_Child(number) for number in range(processes)]
        self._stopping = False
        self._reloading = False

    def listen(self) -> None:
        """Take the signals."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        # Only so that a child's end interrupts the pause of `run`.
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> int:
        """Watch until all are to stop, and have."""
        killed_at = 0.0
        while True:
            now = time.monotonic()
            if not self._stopping:
                for child in self._children:
                    if not child.pid and child.start_at <= now:
                        self._start(child)
                self._stopping = not any(child.start_at < math.inf for child in self._children)
            elif not any(child.pid for child in self._children):
                break
            elif not killed_at:
                killed_at = now + GRACE + 5
            elif now >= killed_at:
                self._signal(signal.SIGKILL)
            if not self._reap():
                time.sleep(0.1)
        if self._reloading:
            self._reload()
        return 0

    def _on_signal(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self._reloading = True
        elif self._stopping and not self._reloading:
            # The second one: each child ends at once on its own second signal.
            self._signal(signal.SIGKILL)
            os._exit(1)
        else:
            self._reloading = False
        self._stopping = True
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        for child in self._children:
            if child.pid:
                try:
                    os.kill(child.pid, number)
                except ProcessLookupError:
                    continue

    def _start(self, child: _Child) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal between the fork and the child's own handlers would run the parent's.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        pid = os.fork()
        if pid == 0:
            self._be_child(child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        child.pid = pid
        child.started_at = time.monotonic()

    def _be_child(self, child: _Child) -> None:
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            # Ctrl-C reaches the whole group; the parent decides what it means.
            os.setpgid(0, 0)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            code = self._work(child.number)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            logger.critical("a worker process died", exc_info=True)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> bool:
        """Take note of processes that have ended."""
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if not pid:
            return False
        for child in self._children:
            if child.pid == pid:
                self._take_note(child, status)
        return True

    def _take_note(self, child: _Child, status: int) -> None:
        now = time.monotonic()
        pid, child.pid = child.pid, 0
        if self._stopping:
            return
        if self._until_empty and status == 0:
            child.start_at = math.inf  # It is through.
            return
        child.deaths = 1 if now - child.started_at > STABLE else child.deaths + 1
        delay = min(MAX_BACKOFF, 0.5 * 2.0 ** (child.deaths - 1))
        child.start_at = now + delay
        how = (
            f"signal {-code}"
            if (code := os.waitstatus_to_exitcode(status)) < 0
            else f"exit code {code}"
        )
        logger.error("worker process %d ended with %s; a new one starts in %.1f s", pid, how, delay)


_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
