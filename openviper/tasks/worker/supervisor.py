"""The worker: one process that watches over those that work.

The watching process forks them after the project's code is loaded, so they share its memory; it opens no connection
itself. It restarts one that dies, later each time, passes signals on, and on SIGHUP starts anew with fresh code once all
have come to their end. For messages that were running in a process when it died it starts others, in which each is alone: so it
is known which of them did it, and its neighbours are not repeated with it.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.conf import TaskSettings
from openviper.tasks.worker.attempt import flush_output
from openviper.tasks.worker.process import RECYCLED, WorkerProcess
from openviper.tasks.worker.tally import Observer

if TYPE_CHECKING:
    from openviper.tasks.schedule.scheduler import Scheduler
    from openviper.tasks.worker.recorder import Recorder

logger = logging.getLogger("openviper.tasks.worker.supervisor")

MAX_BACKOFF = 30.0
"""Most seconds before a process that died is started again."""
STABLE = 10.0
"""Seconds after which an earlier death is forgotten."""
LEAVING = 5.0
"""Seconds beyond the grace that a process has to take its leave."""
THROUGH = 76
"""Exit code of a process that has come to its end by itself: a task may end it with 0."""
FEW_DEATHS = 10
"""Deaths in a row that a process for suspects may have before it is started later each time."""
QUARANTINE = 4
"""Most processes at a time for messages that may have ended the process they were in."""
AT_ONCE = 2
"""How many of them are started when such messages are seen; those that are seen again later get more."""


def run_worker(
    *,
    processes: int = 1,
    threads: int = 8,
    queues: Sequence[str] | None = None,
    with_scheduler: bool = False,
    until_empty: bool = False,
    grace: float | None = None,
    max_tasks_per_child: int | None = None,
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
        grace: Seconds that running tasks are given to end; those of `TASKS` when not given.
        max_tasks_per_child: Calls after which a process is replaced; those of `TASKS` when not given.
        reload: Starts the program anew, after SIGHUP; by default with the same command line.
        started: Called once signals are listened to.

    Returns:
        The exit code: 0 after an orderly end.
    """
    config = tasks_config()
    wishes = _Wishes(
        threads=threads,
        queues=queues,
        until_empty=until_empty,
        with_scheduler=with_scheduler,
        grace=config.grace if grace is None else grace,
        max_tasks=(
            config.max_tasks_per_child if max_tasks_per_child is None else max_tasks_per_child
        ),
    )

    def work(child: _Child) -> int:
        return _work(wishes, number=child.number, suspects=child.is_quarantine)

    if not hasattr(os, "fork"):
        if started is not None:
            started()
        return _work(wishes._replace(is_alone=True), number=0, suspects=False)
    watch = _Watch(
        processes, work, reload or _start_anew, until_empty=until_empty, grace=wishes.grace
    )
    watch.listen()
    if started is not None:
        started()
    try:
        return watch.run()
    except _NoProcessesError as error:
        logger.warning(
            "no process can be started here (%s): this one works alone in place of %d, and nothing watches over it",
            error,
            processes,
        )
    _forget_handlers()
    return _work(wishes._replace(is_alone=True), number=0, suspects=False)


class _NoProcessesError(Exception):
    """This system does not let the worker start a process, not even the first one."""


class _Wishes(NamedTuple):
    """What is asked of each process; see `run_worker`."""

    threads: int
    queues: Sequence[str] | None
    until_empty: bool
    with_scheduler: bool
    grace: float
    max_tasks: int
    is_alone: bool = False


def _work(wishes: _Wishes, *, number: int, suspects: bool) -> int:
    """Be one process: the first one sends periodic jobs too, one for suspects runs one message at a time."""
    config = tasks_config()
    scheduler = _scheduler(config) if wishes.with_scheduler and number == 0 else None
    recorder = _recorder(config)
    observe = None if recorder is None else recorder.observe
    make = _quarantine if suspects else _ordinary
    process = make(config, wishes, observe)
    if scheduler is not None:
        scheduler.start()
    try:
        return process.run()
    finally:
        _stop_helpers(scheduler, recorder)
        get_broker().close()


def _stop_helpers(*helpers: Scheduler | Recorder | None) -> None:
    for helper in helpers:
        if helper is not None:
            helper.stop()


def _recorder(config: TaskSettings) -> Recorder | None:
    if not config.logging.database.task:
        return None
    # Late: a worker that records nothing does without the models.
    from openviper.tasks.worker.recorder import Recorder

    return Recorder()


def _ordinary(config: TaskSettings, wishes: _Wishes, observe: Observer | None) -> WorkerProcess:
    return WorkerProcess(
        get_broker(),
        threads=wishes.threads,
        queues=wishes.queues,
        async_limit=config.async_concurrency,
        keep_results=bool(config.backend_url),
        heartbeat=_heartbeat(config),
        grace=wishes.grace,
        max_tasks=wishes.max_tasks,
        until_empty=wishes.until_empty,
        observe=observe,
        found_suspects=_tell_log if wishes.is_alone else _tell_watcher,
    )


def _quarantine(config: TaskSettings, wishes: _Wishes, observe: Observer | None) -> WorkerProcess:
    """Return a process that runs messages alone, one at a time, until none is left that has to be."""
    return WorkerProcess(
        get_broker(),
        threads=1,
        queues=wishes.queues,
        async_limit=1,
        keep_results=bool(config.backend_url),
        heartbeat=_heartbeat(config),
        grace=wishes.grace,
        until_empty=True,
        suspects=True,
        observe=observe,
    )


def _heartbeat(config: TaskSettings) -> float:
    return min(5.0, config.lease / 4)


def _tell_watcher() -> None:
    """Tell the process that watches over this one that messages wait for a process of their own."""
    os.kill(os.getppid(), signal.SIGUSR1)


def _tell_log() -> None:
    logger.warning(
        "messages that may have ended an earlier worker wait for a process of their own, which cannot be started here"
    )


def _scheduler(config: TaskSettings) -> Scheduler:
    # Late: a worker without periodic jobs does without the models.
    from openviper.tasks.schedule.scheduler import Scheduler
    from openviper.tasks.schedule.stored_jobs import JobStatus, is_installed

    if not is_installed():
        return Scheduler()
    status = JobStatus()
    noted = config.logging.database.periodic
    return Scheduler(is_active=status.is_active, sent=status.note if noted else None)


def _start_anew() -> None:
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the very command line of this process


class _Child:
    """A process that works.

    Attributes:
        is_quarantine: Whether it runs messages that may have ended the process they were in, one at a time.
        start_at: When it is to be started, on the monotonic clock; infinity for not at all.
    """

    def __init__(self, number: int, *, is_quarantine: bool = False) -> None:
        self.number = number
        self.is_quarantine = is_quarantine
        self.pid = 0
        self.started_at = 0.0
        self.deaths = 0
        self.start_at = math.inf if is_quarantine else 0.0

    @property
    def is_resting(self) -> bool:
        """Whether it is for suspects, and there were none for it."""
        return self.is_quarantine and not self.pid and self.start_at == math.inf


class _Watch:
    """Starts processes and sees to it that they run."""

    def __init__(
        self,
        processes: int,
        work: Callable[[_Child], int],
        reload: Callable[[], None],
        *,
        until_empty: bool,
        grace: float,
    ) -> None:
        self._work = work
        self._reload = reload
        self._until_empty = until_empty
        self._grace = grace
        self._children = [
            *(_Child(number) for number in range(processes)),
            *(_Child(processes + number, is_quarantine=True) for number in range(QUARANTINE)),
        ]
        self._stopping = False
        self._reloading = False
        self._has_suspects = False
        self._has_started = False

    def listen(self) -> None:
        """Take the signals."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGUSR1, self._on_suspects)
        # Only so that a child's end interrupts the pause of `run`.
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> int:
        """Watch until all are to stop, and have."""
        kill_at = math.inf
        while True:
            if not self._stopping:
                self._start_those_due()
            elif not any(child.pid for child in self._children):
                break
            elif kill_at == math.inf:
                kill_at = time.monotonic() + self._grace + LEAVING
            elif time.monotonic() >= kill_at:
                self._signal(signal.SIGKILL)
            if not self._reap():
                time.sleep(0.1)
        if self._reloading:
            self._reload()
        return 0

    def _start_those_due(self) -> None:
        if self._has_suspects:
            self._has_suspects = False
            resting = [child for child in self._children if child.is_resting]
            for child in resting[:AT_ONCE]:
                child.start_at = time.monotonic()
        for child in self._children:
            if not child.pid and child.start_at <= time.monotonic():
                self._start(child)
        if not any(child.pid or child.start_at < math.inf for child in self._children):
            self._stopping = True  # Never back to False: a signal may have come meanwhile.

    def _on_suspects(self, _number: int, _frame: object) -> None:
        self._has_suspects = True

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
        flush_output()
        # A signal between the fork and the child's own handlers would run the parent's; one that comes before the
        # child's number is known would not be passed on to it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            if self._stopping:
                return  # The signal came after the last look.
            child.pid = self._fork()
            if child.pid == 0:
                self._be_child(child)
            child.started_at = time.monotonic()
            self._has_started = True
        except OSError as error:
            logger.error(
                "a worker process cannot be started (%s); tried again in %.0f s",
                error.strerror,
                MAX_BACKOFF,
            )
            child.start_at = time.monotonic() + MAX_BACKOFF
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _fork(self) -> int:
        try:
            return os.fork()
        except OSError as error:
            if self._has_started:
                raise
            raise _NoProcessesError(error.strerror or str(error)) from error

    def _be_child(self, child: _Child) -> None:
        code = 1
        try:
            _forget_handlers()
            # Ctrl-C reaches the whole group; the parent decides what it means.
            os.setpgid(0, 0)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            code = self._work(child) or THROUGH
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            logger.critical("a worker process died", exc_info=True)
        finally:
            flush_output()
            os._exit(code)

    def _reap(self) -> bool:
        """Take note of a process that has ended; return whether there was one."""
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        for child in self._children:
            if pid and child.pid == pid:
                self._take_note(child, os.waitstatus_to_exitcode(status))
        return bool(pid)

    def _take_note(self, child: _Child, code: int) -> None:
        now = time.monotonic()
        pid, child.pid = child.pid, 0
        if self._stopping:
            return
        if code == RECYCLED:
            child.start_at = now
            return
        if code == THROUGH and (self._until_empty or child.is_quarantine):
            child.start_at = math.inf  # It is through.
            child.deaths = 0
            return
        child.deaths = 1 if now - child.started_at > STABLE else child.deaths + 1
        # One for suspects is expected to die of them: only many deaths in a row are a habit.
        habit = child.deaths - (FEW_DEATHS if child.is_quarantine else 1)
        delay = min(MAX_BACKOFF, 0.5 * 2.0 ** max(0, habit))
        child.start_at = now + delay
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        logger.error("worker process %d ended with %s; a new one starts in %.1f s", pid, how, delay)


def _forget_handlers() -> None:
    """Take signals as a process of its own does, not as the watcher; those that are for the watcher alone not at all."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1}
