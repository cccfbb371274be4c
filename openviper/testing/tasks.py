"""Background tasks in tests: what was sent is looked at, or carried out at once, and no worker is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from openviper.db.connections.databases import current_block
from openviper.tasks.actors import Registry, set_capture
from openviper.tasks.broker import pinned_broker
from openviper.tasks.brokers.memory import MemoryBroker

if TYPE_CHECKING:
    from openviper.tasks.message import Message


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A call that was sent.

    Attributes:
        args: As a worker gets them: what JSON makes of them.
        delay: Milliseconds before it may run; `None` for at once.
    """

    actor_name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    queue_name: str = "default"
    delay: float | None = None


@contextmanager
def tasks_in_memory() -> Iterator[None]:
    """Keep what is sent inside the `with` statement in this process, out of the reach of workers."""
    with pinned_broker(MemoryBroker()):
        yield


class TaskQueue:
    """Keeps what is sent inside `patch`, in the place of a broker.

    Attributes:
        tasks: The calls, in the order of sending; one sent in a database transaction appears when that commits.
    """

    def __init__(self) -> None:
        self.tasks: list[QueuedTask] = []

    def __len__(self) -> int:
        return len(self.tasks)

    def __repr__(self) -> str:
        return f"<TaskQueue {[task.actor_name for task in self.tasks]}>"

    def add(
        self,
        actor_name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        queue_name: str = "default",
        delay: float | None = None,
    ) -> None:
        """Add a call."""
        self.tasks.append(
            QueuedTask(actor_name, tuple(args), dict(kwargs or {}), queue_name, delay)
        )

    def named(self, name: str) -> list[QueuedTask]:
        """Return the calls of an actor, given by its whole name or by what stands behind the module."""
        return [
            task
            for task in self.tasks
            if task.actor_name == name or task.actor_name.endswith(f".{name}")
        ]

    def has_task(self, name: str) -> bool:
        """Tell whether an actor was sent; see `named`."""
        return bool(self.named(name))

    def clear(self) -> None:
        """Forget what was sent."""
        self.tasks.clear()

    async def run(self) -> list[Any]:
        """Carry out what was sent, in order, until nothing is left, and return the results; what runs may send more.

        Raises:
            LookupError: If an actor is not known.
            Exception: What a task raises; that task and those behind it stay in the queue.
        """
        runner, results = EagerTaskRunner(), []
        while self.tasks:
            task = self.tasks[0]
            results.append(
                await runner.run(Registry.get_actor(task.actor_name), *task.args, **task.kwargs)
            )
            del self.tasks[0]
        return results

    @contextmanager
    def patch(self) -> Iterator[TaskQueue]:
        """Take every message inside the block, whether tasks are enabled or not."""
        before = set_capture(self._take)
        try:
            yield self
        finally:
            set_capture(before)

    def _take(self, message: Message, delay: float | None) -> None:
        actor = Registry.find_actor(message.actor_name)
        args, kwargs = message.arguments() if actor is None else actor.received(message)
        task = QueuedTask(message.actor_name, tuple(args), dict(kwargs), message.queue_name, delay)
        block = current_block("default")
        if block is not None and block.transactional:
            block.callbacks.append(lambda: self.tasks.append(task))
        else:
            self.tasks.append(task)


class EagerTaskRunner:
    """Carries out tasks where it is called.

    Args:
        retries: Try again what fails, as often as the actor says, without waiting.
    """

    def __init__(self, *, retries: bool = False) -> None:
        self.retries = retries

    async def run(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call an actor or any function, plain or async, and return its result.

        Raises:
            Exception: What the last attempt raises.
        """
        attempts = 1 + (getattr(fn, "max_retries", 0) if self.retries else 0)
        for attempt in range(1, attempts + 1):
            try:
                result = fn(*args, **kwargs)
                return await _awaited(result) if isawaitable(result) else result
            except Exception:
                if attempt == attempts:
                    raise
        raise AssertionError("not reached")


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def create_task_queue() -> tuple[TaskQueue, AbstractContextManager[TaskQueue]]:
    """Return a queue, and the block inside which it takes every message."""
    queue = TaskQueue()
    return queue, queue.patch()


def assert_task_queued(queue: TaskQueue, name: str) -> None:
    """Check that an actor was sent; see `TaskQueue.named`.

    Raises:
        AssertionError: If not; it names what was.
    """
    if not queue.has_task(name):
        raise AssertionError(f"task {name!r} was not sent; sent: {_names(queue)}")


def assert_task_count(queue: TaskQueue, count: int) -> None:
    """Check how many calls were sent.

    Raises:
        AssertionError: If another number; it names them.
    """
    if len(queue.tasks) != count:
        raise AssertionError(f"{len(queue.tasks)} tasks were sent, not {count}: {_names(queue)}")


def _names(queue: TaskQueue) -> str:
    return ", ".join(task.actor_name for task in queue.tasks) or "none"
