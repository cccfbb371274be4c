"""One worker process: a thread at the broker, threads for plain actors, an event loop for async ones.

The *main loop* is the only thread that talks to the broker. It settles what is finished and claims what is next in one
transaction, hands plain calls to the threads and async ones to the event loop, and sleeps at the broker in between.
Nothing that a message raises, and nothing that the store says to its end, leaves the main loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from openviper.core.context import serving_others
from openviper.db.connection import close_db
from openviper.tasks.actors import Actor
from openviper.tasks.broker import tasks_config
from openviper.tasks.brokers.base import Broker, Consumer, WorkerStatus
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.hooks import call_hooks
from openviper.tasks.limits import Limit
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome
from openviper.tasks.signing import check_signature
from openviper.tasks.worker.async_calls import AsyncCalls
from openviper.tasks.worker.event_loop import forks_leave, serve
from openviper.tasks.worker.outcome import expired, failed, find_actor, is_too_old
from openviper.tasks.worker.plain_calls import Job, PlainCalls
from openviper.tasks.worker.settlement import Settlement
from openviper.tasks.worker.tally import Observer, Tally
from openviper.tasks.worker.waker import Waker

logger = logging.getLogger("openviper.tasks.worker.supervisor")

TICK = 0.5
"""Longest sleep of the main loop, in seconds: it also looks at time limits."""
RECONNECT = 1.0
"""Seconds between two tries when the broker does not answer."""
CANCEL_SECONDS = 1.0
"""Seconds between two looks for running tasks that somebody wants cancelled."""
CUT_OFF_SECONDS = 2.0
"""Seconds that async calls are given to end once they are cancelled because the worker stops."""
AHEAD = 2
"""Messages per thread that are claimed and have not begun, at most; `AHEAD_OF_SHORT` while calls take less than `SHORT` seconds
on average, since then each claim takes longer than what it is for, and their arguments have less than `SMALL` bytes."""
AHEAD_OF_SHORT = 12
SHORT = 0.001
SMALL = 16 * 1024
REST = 0.004
"""Longest that the main loop leaves short calls to one thread, in seconds; what has ended meanwhile is not stored yet."""
FEW_OVERDUE = 4
"""Calls over their time limit that a process puts up with, however few threads it has."""
RECYCLED = 75
"""Exit code of a process that wants to be replaced at once."""
LAST_SECONDS = 5.0
"""Seconds that the process has to end once its main loop is over."""
NOT_ANSWERING = 1
"""Exit code of a process whose main loop died."""


class WorkerProcess:
    """The work of one process.

    Args:
        broker: Where the messages are.
        threads: Most plain calls at a time.
        queues: The queues to take from; all when `None`.
        async_limit: Most async calls at a time.
        keep_results: Whether actors that ask for it have their results kept.
        heartbeat: Seconds between two signs of life.
        grace: Seconds that running tasks are given to end when the process stops.
        max_tasks: Calls after which the process wants to be replaced; 0 for never.
        until_empty: Whether to end when nothing is left that could run at once.
        suspects: Take only what is to run in a process of its own, one at a time.
        observe: Is told of each transition.
        found_suspects: Called when messages wait that are to run in a process of their own.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        threads: int = 8,
        queues: Sequence[str] | None = None,
        async_limit: int = 100,
        keep_results: bool = False,
        heartbeat: float = 5.0,
        grace: float = 30.0,
        max_tasks: int = 0,
        until_empty: bool = False,
        suspects: bool = False,
        observe: Observer | None = None,
        found_suspects: Callable[[], None] | None = None,
    ) -> None:
        self.broker = broker
        self.threads = threads
        self.queues = queues
        self.heartbeat = heartbeat
        self.grace = grace
        self.max_tasks = max_tasks
        self.until_empty = until_empty
        self.suspects = suspects
        self.lost = False
        """Whether the main loop died; the process is of no use then."""
        self._found_suspects = found_suspects
        self._completed = 0
        self._pace = SHORT
        """What a call takes, in seconds: an average in which the last ones count most."""
        self._completed_before = 0
        """What was completed when the main loop last had time to look around."""
        self._is_recycling = False
        self._parent = os.getppid()
        self._stopping = False
        self._tally = Tally(observe)
        self._plain = PlainCalls(self, threads=threads, keep_results=keep_results)
        self._async = AsyncCalls(self, most=async_limit, keep_results=keep_results)
        self._settlement = Settlement()
        # Every message that is this process's, until the store has heard of its end; the main loop's own.
        self._claimed: set[Message] = set()
        self._arrived: deque[Message] = deque()
        self._deadline: float | None = None
        """When the grace is over, on the monotonic clock, once the process stops."""
        self._beat_at = 0.0
        self._looked_for_cancelled_at = 0.0
        self._settled_at = time.time()
        self._waker = Waker()
        self._last_resort: threading.Timer | None = None
        self._loop: asyncio.AbstractEventLoop

    # Life

    def run(self) -> int:
        """Work until a signal says to stop, and return the exit code."""
        try:
            with serving_others(), asyncio.Runner() as runner:
                self._loop = loop = runner.get_loop()
                over: asyncio.Future[None] = loop.create_future()
                thread = loop.run_until_complete(self._begin(over))
                with forks_leave(loop):
                    serve(loop, over)
                code = loop.run_until_complete(self._end(thread))
                self._leave_in_time(code)
                return code
        finally:
            if self._last_resort is not None:
                self._last_resort.cancel()

    def _leave_in_time(self, code: int) -> None:
        """End the process soon: an event loop waits for its threads and what tasks have left, and hears nothing if its files are closed."""
        if self._last_resort is None:
            self._last_resort = threading.Timer(LAST_SECONDS, os._exit, (code,))
            self._last_resort.daemon = True
            self._last_resort.start()

    async def _begin(self, over: asyncio.Future[None]) -> threading.Thread:
        self._plain.use_loop(self._loop)
        self._async.use_loop(self._loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)
        call_hooks("worker_start")
        thread = threading.Thread(
            target=self._run_safely, args=(over,), name="openviper-tasks-main"
        )
        thread.start()
        return thread

    async def _end(self, thread: threading.Thread) -> int:
        await self._loop.run_in_executor(None, thread.join)
        call_hooks("worker_stop")
        caches = sys.modules.get("openviper.cache.configured")
        if caches is not None:  # Else no job of this process has used one.
            await caches.close_caches()
        await close_db()
        if self.lost:
            return NOT_ANSWERING
        return RECYCLED if self._is_recycling else 0

    def _on_signal(self) -> None:
        if self._stopping and not self._is_recycling:
            os._exit(1)  # The second signal: at once, whatever is running.
        self._is_recycling = False
        self.stop()

    def stop(self) -> None:
        """Claim nothing more, let what runs come to its end, and leave."""
        self._stopping = True
        for attempt in [*self._plain.attempts(), *self._async.attempts()]:
            attempt.run.is_stopping = True
        self._waker.wake()

    # The main loop

    def _run_safely(self, over: asyncio.Future[None]) -> None:
        try:
            self._run()
        except BaseException:
            self.lost = True
            self._leave_in_time(NOT_ANSWERING)
            logger.critical("the worker cannot go on", exc_info=True)
        finally:
            self._loop.call_soon_threadsafe(over.set_result, None)

    def _run(self) -> None:
        consumer = self._connect()
        if consumer is None:
            return
        while True:
            try:
                self._beat(consumer)
                if self._turn(consumer):
                    continue
                if self._is_through():
                    break
                self._sleep(consumer)
            except BrokerError as error:
                logger.error("%s", error)
                if self._is_grace_over():
                    break
                if not error.busy:
                    time.sleep(RECONNECT)
        self._leave(consumer)

    def _turn(self, consumer: Consumer) -> bool:
        """Settle, claim and look around once; return whether there may be more to do at once."""
        if self._stopping and self._deadline is None:
            self._deadline = time.monotonic() + self.grace
            self._release_waiting()
        if consumer.is_in_doubt and consumer.give_back(self._claimed):
            logger.warning("messages whose claim was not answered went back to their queues")
        self._dispatch(consumer)
        if self._exchange(consumer):
            return True
        self._plain.look_at_limits()
        self._give_back_surplus()
        self._async.look_at_limits()
        overdue = self._plain.overdue + self._async.overdue
        if overdue >= max(2 * self.threads, FEW_OVERDUE):
            self._recycle(f"{overdue} tasks are over their time limits and go on")
        self._look_for_cancelled(consumer)
        self._tally.report(consumer)
        if self.until_empty and not self._claimed and not self._stopping:
            self._tell_of_suspects(consumer)
            self._stopping = True
            return True
        return False

    def _is_through(self) -> bool:
        if self._deadline is None:
            return False
        return not self._claimed or self._is_grace_over()

    def _is_grace_over(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _connect(self) -> Consumer | None:
        while not self._stopping:
            try:
                return self.broker.consumer(new_worker_id(), self.queues, suspects=self.suspects)
            except BrokerError as error:
                logger.error("%s", error)
                time.sleep(RECONNECT)
        return None

    def _recycle(self, why: str) -> None:
        if not self._stopping:
            logger.warning("the process is replaced: %s", why)
            self._is_recycling = True
            self.stop()

    # Signs of life

    def _beat(self, consumer: Consumer) -> None:
        if time.monotonic() < self._beat_at:
            return
        self._waker.check_open()
        # A clock that was ahead and was put right must not make the worker look well for as long.
        self._settled_at = min(self._settled_at, time.time())
        consumer.heartbeat(WorkerStatus(self._settled_at, self._is_busy()))
        for end in consumer.take_buried():
            self._tally.ended(end, 0.0, None)
        self._beat_at = time.monotonic() + self.heartbeat
        self._tell_of_suspects(consumer)
        if os.getppid() != self._parent:  # The process that watches over this one was killed.
            self.stop()

    def _is_busy(self) -> bool:
        """Return whether every place is taken by a call within its time."""
        if self._plain.overdue or self._settlement.is_stuck:
            return False
        return not self._plain.has_free_thread

    def _tell_of_suspects(self, consumer: Consumer) -> None:
        if self._found_suspects is not None and consumer.has_suspects():
            self._found_suspects()

    def _look_for_cancelled(self, consumer: Consumer) -> None:
        now = time.monotonic()
        if now - self._looked_for_cancelled_at < CANCEL_SECONDS or not self._claimed:
            return
        self._looked_for_cancelled_at = now
        ids = consumer.cancelled()
        if ids:
            self._async.cancel(ids)
            self._plain.cancel(ids)

    # Claims and settlements

    def _exchange(self, consumer: Consumer) -> bool:
        """Settle and claim; return whether there may be more to claim at once."""
        want = 0 if self._stopping else self._want()
        if not want and not self._settlement.waiting:
            return False
        self._tell_progress(consumer)
        settled, messages = self._settlement.exchange(consumer, want)
        self._settled_at = time.time()
        self._claimed.difference_update(end.message for end in settled)
        self._claimed.update(messages)
        self._arrived.extend(messages)
        self._dispatch(consumer)
        return bool(messages) or not want  # What was settled may have made room for more.

    def _tell_progress(self, consumer: Consumer) -> None:
        """Bring progress to the store before an end: whoever sees that sees the last that the task has said of itself."""
        if self._tally.has_progress and self._settlement.waiting:
            self._tally.report(consumer, at_once=True)

    def _want(self) -> int:
        # What is claimed and has not begun is bounded, whatever the length of the queue.
        waiting = self._plain.waiting + self._async.waiting + len(self._arrived)
        if self.suspects:
            return 0 if self._claimed else 1
        ahead = AHEAD_OF_SHORT if self._pace < SHORT else AHEAD
        wanted = max(0, ahead * self.threads - waiting)
        if self.max_tasks:
            wanted = min(wanted, max(0, self.max_tasks - self._completed - len(self._claimed)))
        return wanted

    def _sleep(self, consumer: Consumer) -> None:
        moments = [time.monotonic() + TICK, self._beat_at, self._plain.next_deadline()]
        until = min(moments if self._deadline is None else [*moments, self._deadline])
        with self._waker.sleeping():
            if self._settlement.waiting:
                return
            left = max(0.0, until - time.monotonic())
            if not self._stopping and self._want():
                consumer.wait(self._waker.descriptor, left)
            else:  # Nothing could be taken, whatever others store.
                self._waker.wait(left)

    def _give_back_surplus(self) -> None:
        """Let others have what was claimed when calls were short, if nothing has ended for a while."""
        completed, self._completed_before = self._completed_before, self._completed
        if completed != self._completed or self._plain.waiting <= AHEAD * self.threads:
            return
        self._pace = max(self._pace, SHORT)
        for message in self._plain.take_waiting(AHEAD * self.threads):
            self._settlement.add(Finished(message, Outcome.RELEASED))

    def _release_waiting(self) -> None:
        """Give back what has not begun."""
        messages = [*self._arrived, *self._plain.take_waiting(), *self._async.take_waiting()]
        self._arrived.clear()
        for message in messages:
            self._settlement.add(Finished(message, Outcome.RELEASED))

    def _leave(self, consumer: Consumer) -> None:
        """Settle what can be settled; what still runs goes back to the queue."""
        self._cut_off()
        self._plain.end_threads()
        for end, seconds in [*self._plain.give_up_overdue(), *self._async.give_up_overdue()]:
            self.ended(end, seconds)
        try:
            self._settlement.exchange(consumer, 0)
            self._tally.report(consumer, at_once=True)
        except BrokerError as error:
            logger.error("%s", error)
        consumer.close()

    def _cut_off(self) -> None:
        """Cancel the async calls, and wait a little for what they have to say to that."""
        self._async.cut_off()
        self._plain.cut_off()
        until = time.monotonic() + CUT_OFF_SECONDS
        while (self._async.running or self._plain.awaiting) and time.monotonic() < until:
            time.sleep(0.01)

    # Calls

    def _dispatch(self, consumer: Consumer) -> None:
        """Have what arrived run. A message that waits here while the store does not answer is tried again."""
        coroutines: list[Job] = []
        plain: list[Job] = []
        try:
            while self._arrived:
                job = self._admitted(consumer, self._arrived[0], plain)
                self._arrived.popleft()
                if job is not None:
                    (coroutines if job[1].is_async else plain).append(job)
                if self._pace >= SHORT:
                    self._submit(plain)
        finally:
            if coroutines:
                self._async.submit(coroutines)
            self._submit(plain)

    def _submit(self, plain: list[Job]) -> None:
        """Have plain calls run, and empty the list.

        Many that are short run one after the other: threads and main loop would only take Python's lock from each other. Those that
        are left when they should have ended are run by all threads, before the main loop does anything that may take long.
        """
        if len(plain) >= AHEAD * self.threads:
            self._plain.submit_together(plain)
            with self._waker.sleeping():
                self._waker.wait(REST)
            self._plain.spread()
        else:
            for job in plain:
                self._plain.submit(*job)
        plain.clear()

    def _admitted(self, consumer: Consumer, message: Message, before: list[Job]) -> Job | None:
        """Return a message with its actor if it is to run now.

        Raises:
            BrokerError: If the store does not answer.
        """
        try:
            if tasks_config().sign:
                check_signature(message)
            actor = find_actor(message)
            is_late = is_too_old(message, actor)
            limit = _limit(message, actor)
        except BaseException as error:  # The key of a limit is made by a function of the project's.
            self.ended(failed(message, None, error), 0.0)
            return None
        if is_late:
            logger.info("%r is too old and was dropped", message)
            self.ended(expired(message), 0.0, "skipped")
            return None
        if limit is not None:
            self._submit(before)  # They do not wait for the store.
            if not consumer.admit(message, limit):
                self._claimed.discard(message)
                return None
        return message, actor

    # What calls tell, from any thread

    def began(self, message: Message) -> None:
        """Take note of a beginning."""
        self._tally.began(message)

    def ended(self, finished: Finished, seconds: float, status: str | None = None) -> None:
        """Take note of an end, and have it settled."""
        self._tally.ended(finished, seconds, status)
        self._settlement.add(finished)
        self._completed += 1
        is_small = len(finished.message.payload) < SMALL
        self._pace += ((seconds if is_small else 2 * SHORT) - self._pace) / 16
        if self.max_tasks and self._completed >= self.max_tasks:
            self._recycle(f"it has run {self.max_tasks} tasks")
        if self._waker.is_asleep and self._plain.wants_more:
            self._waker.is_asleep = False
            self._waker.wake()

    def progressed(self, message: Message, share: float, note: str) -> None:
        """Take note of how far a task is."""
        self._tally.progressed(message, share, note)


def _limit(message: Message, actor: Actor[Any, Any]) -> Limit | None:
    """Return what limits a message: its own limit, or its actor's."""
    own = message.option("limit")
    if own is not None:
        key, concurrency = own
        return Limit(str(key), int(concurrency))
    if not actor.is_limited:
        return None
    args, kwargs = actor.received(message)
    return actor.limit(args, kwargs)
