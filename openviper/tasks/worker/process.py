"""One worker process: a thread at the broker, threads for plain actors, an event loop for async ones.

The *pump* is the only thread that talks to the broker. It settles what is finished and claims what is next in one
transaction, hands plain calls to the threads and async ones to the event loop, and sleeps at the broker in between.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Any

from openviper.tasks.actors import Actor
from openviper.tasks.brokers.base import Broker, Consumer
from openviper.tasks.current import message_context
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.identity import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome
from openviper.tasks.worker.outcome import TimeLimitError, failed, find_actor, is_too_old, succeeded

logger = logging.getLogger("openviper.tasks.worker.supervisor")

GRACE = 30.0
"""Seconds that running tasks are given to end."""
TICK = 0.5
"""Longest sleep of the pump, in seconds: it also looks at time limits."""
RECONNECT = 1.0
"""Seconds between two tries when the broker does not answer."""

Observer = Callable[[Message, str, "Finished | None", float], None]
"""Is told of each transition: message, status, what followed, seconds taken."""


class _Running:
    """A plain call in a thread."""

    __slots__ = ("abandoned", "actor", "deadline", "message")

    def __init__(self, message: Message, actor: Actor[Any, Any]) -> None:
        self.message = message
        self.actor = actor
        self.deadline = time.monotonic() + actor.time_limit / 1000
        self.abandoned = False


class WorkerProcess:
    """The work of one process.

    Args:
        broker: Where the messages are.
        threads: Most plain calls at a time.
        queues: The queues to take from; all when `None`.
        async_limit: Most async calls at a time.
        keep_results: Whether actors that ask for it have their results kept.
        heartbeat: Seconds between two signs of life.
        until_empty: Whether to end when nothing is left that could run at once.
        observe: Is told of each transition.
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
        until_empty: bool = False,
        observe: Observer | None = None,
    ) -> None:
        self.broker = broker
        self.threads = threads
        self.queues = queues
        self.async_limit = async_limit
        self.keep_results = keep_results
        self.heartbeat = heartbeat
        self.until_empty = until_empty
        self.observe = observe
        self.completed = 0
        """Calls that have come to an end."""
        self.lost = False
        """Whether the pump died; the process is of no use then."""
        self._parent = os.getppid()
        self._stopping = False
        self._drained = threading.Event()
        self._jobs: queue.SimpleQueue[tuple[Message, Actor[Any, Any]] | None] = queue.SimpleQueue()
        self._finished: deque[Finished] = deque()
        self._running: set[_Running] = set()
        # Every message that is this process's, until the store has heard of its end; the pump's own.
        self._claimed: set[Message] = set()
        self._async: dict[Message, asyncio.Task[None]] = {}
        self._async_waiting: deque[tuple[Message, Actor[Any, Any]]] = deque()
        self._workers = 0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        self._asleep = False
        self._loop: asyncio.AbstractEventLoop

    # Life

    def run(self) -> int:
        """Work until a signal says to stop, and return the exit code."""
        return asyncio.run(self._main())

    async def _main(self) -> int:
        self._loop = asyncio.get_running_loop()
        done = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)
        pump = threading.Thread(target=self._pump_safely, args=(done,), name="openviper-tasks-pump")
        pump.start()
        await done.wait()
        await self._loop.run_in_executor(None, pump.join)
        await self._close_databases()
        return 1 if self.lost else 0

    @staticmethod
    async def _close_databases() -> None:
        from openviper.db.connection import close_db

        await close_db()

    def _on_signal(self) -> None:
        if self._stopping:
            os._exit(1)  # The second signal: at once, whatever is running.
        self.stop()

    def stop(self) -> None:
        """Claim nothing more, let what runs come to its end, and leave."""
        self._stopping = True
        self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"x")
        except BlockingIOError:
            pass  # It is awake already.

    # The pump

    def _pump_safely(self, done: asyncio.Event) -> None:
        try:
            self._pump()
        except BaseException:
            self.lost = True
            logger.critical("the worker cannot go on", exc_info=True)
        finally:
            self._loop.call_soon_threadsafe(done.set)

    def _pump(self) -> None:
        consumer = self._connect()
        if consumer is None:
            return
        deadline: float | None = None
        beat = 0.0
        while True:
            try:
                if time.monotonic() >= beat:
                    consumer.heartbeat()
                    beat = time.monotonic() + self.heartbeat
                    self._look_after_parent()
                if self._stopping and deadline is None:
                    deadline = time.monotonic() + GRACE
                    self._release_waiting()
                if self._exchange(consumer):
                    continue
                self._look_at_limits()
                if self.until_empty and not self._claimed and not self._stopping:
                    self._stopping = True
                    continue
                if deadline is not None and (not self._claimed or time.monotonic() >= deadline):
                    break
                self._sleep(consumer, beat, deadline)
            except BrokerError as error:
                logger.error("%s", error)
                if deadline is not None and time.monotonic() >= deadline:
                    break
                time.sleep(RECONNECT)
        self._leave(consumer)

    def _connect(self) -> Consumer | None:
        while not self._stopping:
            try:
                return self.broker.consumer(new_worker_id(), self.queues)
            except BrokerError as error:
                logger.error("%s", error)
                time.sleep(RECONNECT)
        return None

    def _look_after_parent(self) -> None:
        if os.getppid() != self._parent:  # The process that watches over this one was killed.
            self._stopping = True

    def _exchange(self, consumer: Consumer) -> bool:
        """Settle and claim; tell whether something was claimed."""
        finished: list[Finished] = []
        while self._finished:
            finished.append(self._finished.popleft())
        want = 0 if self._stopping else self._want()
        if not finished and not want:
            return False
        try:
            messages = consumer.exchange(finished, want)
        except BrokerError:
            self._finished.extendleft(reversed(finished))
            raise
        self._claimed.difference_update(one.message for one in finished)
        self._claimed.update(messages)
        self._dispatch(messages)
        return bool(messages)

    def _want(self) -> int:
        # What is claimed and has not begun is bounded, whatever the length of the queue.
        waiting = self._jobs.qsize() + len(self._async_waiting)
        return max(0, 2 * self.threads - waiting)

    def _sleep(self, consumer: Consumer, beat: float, deadline: float | None) -> None:
        until = min(time.monotonic() + TICK, beat, deadline or beat)
        self._asleep = True
        try:
            if not self._finished:
                left = max(0.0, until - time.monotonic())
                if not self._stopping and self._want():
                    consumer.wait(self._wake_read, left)
                else:  # Nothing could be taken, whatever others store.
                    poll = select.poll()
                    poll.register(self._wake_read, select.POLLIN)
                    poll.poll(left * 1000)
        finally:
            self._asleep = False
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass

    def _release_waiting(self) -> None:
        """Give back what has not begun."""
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None:
                self._finished.append(Finished(job[0], Outcome.RELEASED))
        while self._async_waiting:
            self._finished.append(Finished(self._async_waiting.popleft()[0], Outcome.RELEASED))

    def _leave(self, consumer: Consumer) -> None:
        """Settle what can be settled; what still runs goes back to the queue."""
        for task in list(self._async.values()):
            self._loop.call_soon_threadsafe(task.cancel)
        for _ in range(self._workers):
            self._jobs.put(None)
        try:
            self._exchange(consumer)
        except BrokerError as error:
            logger.error("%s", error)
        consumer.close()

    # Calls

    def _dispatch(self, messages: Sequence[Message]) -> None:
        coroutines: list[tuple[Message, Actor[Any, Any]]] = []
        for message in messages:
            try:
                actor = find_actor(message)
            except Exception as error:
                self._finish(failed(message, None, error), 0.0)
                continue
            if is_too_old(message, actor):
                logger.info("%r is too old and was dropped", message)
                self._finish(Finished(message, Outcome.DONE), 0.0, "skipped")
            elif actor.is_async:
                coroutines.append((message, actor))
            else:
                self._jobs.put((message, actor))
        if coroutines:
            self._async_waiting.extend(coroutines)
            self._loop.call_soon_threadsafe(self._start_async)
        # Threads are made as they are needed, and stay.
        while self._workers < self.threads and self._jobs.qsize() > self._workers - len(
            self._running
        ):
            self._start_thread()

    def _start_thread(self) -> None:
        self._workers += 1
        threading.Thread(
            target=self._work, name=f"openviper-tasks-{self._workers}", daemon=True
        ).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            running = _Running(*job)
            self._running.add(running)
            started = time.monotonic()
            if self.observe is not None:
                self.observe(running.message, "running", None, 0.0)
            try:
                finished = Context().run(self._call, running)
            except BaseException as error:
                finished = failed(running.message, running.actor, error)
            if running.abandoned:
                return  # Another thread has taken this one's place.
            self._running.discard(running)
            self._finish(finished, time.monotonic() - started)

    def _call(self, running: _Running) -> Finished:
        message, actor = running.message, running.actor
        with message_context(message):
            args, kwargs = message.arguments()
            value = actor.fn(*args, **kwargs)
        return succeeded(message, actor, value, keep_results=self.keep_results)

    def _finish(self, finished: Finished, seconds: float, status: str | None = None) -> None:
        self.completed += 1
        self._finished.append(finished)
        if self.observe is not None:
            name = status or {Outcome.DONE: "success", Outcome.RETRY: "failure"}.get(
                finished.outcome, "dead"
            )
            self.observe(finished.message, name, finished, seconds)
        if self._asleep and self._jobs.qsize() < self.threads:
            self._asleep = False
            self._wake()

    def _look_at_limits(self) -> None:
        """Give up on plain calls that take too long: their threads cannot be stopped, so others take their place."""
        now = time.monotonic()
        for running in list(self._running):
            if running.deadline <= now and not running.abandoned:
                running.abandoned = True
                self._running.discard(running)
                self._finish(
                    failed(
                        running.message, running.actor, TimeLimitError(running.actor.time_limit)
                    ),
                    running.actor.time_limit / 1000,
                )
                self._workers -= 1
                self._start_thread()

    # Async calls, on the event loop

    def _start_async(self) -> None:
        while self._async_waiting and len(self._async) < self.async_limit:
            message, actor = self._async_waiting.popleft()
            self._async[message] = self._loop.create_task(
                self._run_async(message, actor), context=Context()
            )

    async def _run_async(self, message: Message, actor: Actor[Any, Any]) -> None:
        started = time.monotonic()
        if self.observe is not None:
            self.observe(message, "running", None, 0.0)
        try:
            finished = await self._await(message, actor)
        except asyncio.CancelledError:
            finished = Finished(message, Outcome.RELEASED)  # The grace is over.
        except BaseException as error:
            finished = failed(message, actor, error)
        del self._async[message]
        self._finish(finished, time.monotonic() - started)
        self._start_async()

    async def _await(self, message: Message, actor: Actor[Any, Any]) -> Finished:
        with message_context(message):
            args, kwargs = message.arguments()
            try:
                async with asyncio.timeout(actor.time_limit / 1000) as limit:
                    value = await actor.fn(*args, **kwargs)
            except TimeoutError as error:
                if limit.expired():
                    raise TimeLimitError(actor.time_limit) from error
                raise
        return succeeded(message, actor, value, keep_results=self.keep_results)
