"""Actors: functions whose calls a worker carries out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import update_wrapper
from inspect import iscoroutinefunction
from typing import Any, Generic, ParamSpec, TypeVar, overload

from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.inline import run_inline
from openviper.tasks.message import Message, encode_arguments
from openviper.tasks.registry import ActorRegistry

P = ParamSpec("P")
R = TypeVar("R")
logger = logging.getLogger("openviper.tasks")

Capture = Callable[[Message, "float | None"], None]
"""Takes a message instead of the broker, with its delay in milliseconds; see `openviper.testing`."""

_capture: Capture | None = None


def set_capture(capture: Capture | None) -> Capture | None:
    """Give every message to a function instead of the broker, and return the one before; for tests."""
    global _capture
    before, _capture = _capture, capture
    return before


def is_captured() -> bool:
    """Tell whether `set_capture` is in force."""
    return _capture is not None


class TaskMessageProxy:
    """A message that was sent.

    Attributes:
        message_id: A UUID4 as text; empty when the call was carried out inline.
    """

    __slots__ = ("actor_name", "args", "kwargs", "message_id", "queue_name")

    def __init__(
        self,
        message_id: str,
        actor_name: str,
        queue_name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        self.message_id = message_id
        self.actor_name = actor_name
        self.queue_name = queue_name
        self.args = args
        self.kwargs = dict(kwargs)

    def __repr__(self) -> str:
        return f"<TaskMessageProxy {self.message_id or 'inline'} {self.actor_name}>"

    def get_result(self, *, block: bool = True, timeout: float | None = None) -> Any:
        """Return what the task returned; waiting for it blocks this thread.

        Args:
            block: Wait for it.
            timeout: Longest wait, in milliseconds; 10 s when not given.

        Raises:
            ResultsBackendDisabledError: If results are not kept.
            ResultMissing: If there is none yet and `block` is not set.
            ResultTimeout: If it does not arrive in time.
            ResultFailure: If the task failed for good.
        """
        from openviper.tasks.results import get_result

        return get_result(self.message_id, block=block, timeout=timeout)


class Actor(Generic[P, R]):
    """A function whose calls a worker can carry out; called itself, it is the function.

    Attributes:
        fn: The function.
        actor_name: The name it has on the wire.
        is_async: Whether it is a coroutine function.
        max_retries: Runs after the first failure.
        min_backoff: Milliseconds before the first retry; they double with each, up to `max_backoff`.
        time_limit: Milliseconds that one attempt may take.
        max_age: Milliseconds after which a message is dropped; `None` for never.
    """

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        queue_name: str = "default",
        actor_name: str | None = None,
        max_retries: int = 3,
        min_backoff: int = 1000,
        max_backoff: int = 60_000,
        time_limit: int = 600_000,
        store_results: bool = False,
        priority: int = 0,
        max_age: int | None = None,
        log_arguments: bool = True,
    ) -> None:
        update_wrapper(self, fn)
        self.fn = fn
        self.actor_name = actor_name or f"{fn.__module__}.{fn.__qualname__}"
        self.queue_name = queue_name
        self.max_retries = max_retries
        self.min_backoff = min_backoff
        self.max_backoff = max_backoff
        self.time_limit = time_limit
        self.store_results = store_results
        self.priority = priority
        self.max_age = max_age
        self.log_arguments = log_arguments
        self.is_async = iscoroutinefunction(fn)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Actor {self.actor_name}>"

    def send(self, *args: P.args, **kwargs: P.kwargs) -> TaskMessageProxy:
        """Have a worker call the function; in a database transaction, once that has committed.

        Raises:
            TypeError: If the arguments cannot be written as JSON.
            BrokerError: If the store of messages does not answer.
        """
        return _send(self.actor_name, self, args, kwargs, self.queue_name, None)

    def send_with_options(
        self,
        *,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        delay: float | None = None,
        queue: str | None = None,
    ) -> TaskMessageProxy:
        """Have a worker call the function, later or from another queue.

        Args:
            args: Positional arguments.
            kwargs: Keyword arguments.
            delay: Milliseconds before it may run.
            queue: The queue for this message only.

        Raises:
            TypeError: If the arguments cannot be written as JSON.
            ValueError: If `delay` is negative.
            BrokerError: If the store of messages does not answer.
        """
        return _send(
            self.actor_name, self, tuple(args), kwargs or {}, queue or self.queue_name, delay
        )

    async def asend(self, *args: P.args, **kwargs: P.kwargs) -> TaskMessageProxy:
        """Like `send`, with the store asked in a thread, for brokers that are far away."""
        import asyncio

        return await asyncio.to_thread(self.send, *args, **kwargs)

    def message(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        """Return what `send` would send, without sending it."""
        return {
            "actor_name": self.actor_name,
            "queue_name": self.queue_name,
            "args": args,
            "kwargs": kwargs,
        }

    def get_result(
        self, proxy: TaskMessageProxy, *, block: bool = True, timeout: float | None = None
    ) -> Any:
        """Return the result of a message; see `TaskMessageProxy.get_result`."""
        return proxy.get_result(block=block, timeout=timeout)


Registry: ActorRegistry[Actor[Any, Any]] = ActorRegistry()
"""The actors and periodic jobs of this process: an object, in spite of its name, which is public."""


@overload
def actor(fn: Callable[P, R], /) -> Actor[P, R]: ...
@overload
def actor(
    *,
    queue_name: str = ...,
    actor_name: str | None = ...,
    max_retries: int = ...,
    min_backoff: int = ...,
    max_backoff: int = ...,
    time_limit: int = ...,
    store_results: bool = ...,
    priority: int = ...,
    max_age: int | None = ...,
    log_arguments: bool = ...,
) -> Callable[[Callable[P, R]], Actor[P, R]]: ...
def actor(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function an actor, as ``@actor`` or ``@actor(...)``.

    Args:
        fn: The function, plain or async.
        **options: Those of `Actor`.

    Raises:
        TypeError: If an option is unknown.
        ValueError: If an option cannot have its value, or another function has the name.
    """
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise TypeError(
            f"actor() got unknown options: {', '.join(unknown)}; known: {', '.join(sorted(_OPTIONS))}"
        )
    _check_options(options)

    def decorate(function: Any) -> Any:
        if isinstance(function, Actor):
            raise ValueError(f"{function.actor_name!r} is an actor already")
        if not callable(function):
            raise TypeError(f"actor() takes a function, not {function!r}")
        made: Actor[Any, Any] = Actor(
            function, **{**getattr(function, "__periodic_options__", {}), **options}
        )
        return Registry.register_actor(made)

    return decorate if fn is None else decorate(fn)


_OPTIONS = frozenset(
    {
        "actor_name", "log_arguments", "max_age", "max_backoff", "max_retries", "min_backoff", "priority", "queue_name",
        "store_results", "time_limit",
    }
)  # fmt: skip


def _check_options(options: Mapping[str, Any]) -> None:
    for name, least in (
        ("max_retries", 0),
        ("min_backoff", 0),
        ("max_backoff", 0),
        ("time_limit", 1),
        ("max_age", 1),
    ):
        value = options.get(name)
        if value is not None and (
            not isinstance(value, int) or isinstance(value, bool) or value < least
        ):
            raise ValueError(f"{name}={value!r} must be a whole number of at least {least}")


def enqueue_task(
    actor_name: str,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    queue_name: str = "default",
    delay: float | None = None,
) -> TaskMessageProxy:
    """Have a worker call the actor of a name, which this process need not know.

    Args:
        actor_name: The name on the wire.
        args: Positional arguments.
        kwargs: Keyword arguments.
        queue_name: The queue.
        delay: Milliseconds before it may run.

    Raises:
        TypeError: If the arguments cannot be written as JSON.
        BrokerError: If the store of messages does not answer.
    """
    known = Registry.find_actor(actor_name)
    if known is None:
        logger.debug("actor %r is not known in this process; a worker may know it", actor_name)
    name = actor_name if known is None else known.actor_name
    return _send(name, known, tuple(args), kwargs or {}, queue_name, delay)


def _send(
    name: str,
    known: Actor[Any, Any] | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    queue: str,
    delay: float | None,
) -> TaskMessageProxy:
    if delay is not None and delay < 0:
        raise ValueError(f"delay={delay!r} is negative")
    payload = encode_arguments(name, args, kwargs)
    if _capture is None and not tasks_config()["enabled"]:
        return _run_here(name, known, args, kwargs, queue, delay)
    now = time.time()
    message = Message(
        name,
        queue,
        payload,
        priority=0 if known is None else known.priority,
        due=0.0 if delay is None else now + delay / 1000,
        sent_at=now,
    )
    if _capture is not None:
        _capture(message, delay)
    else:
        get_broker().send(message)
    return TaskMessageProxy(message.message_id, name, queue, args, kwargs)


def _run_here(
    name: str,
    known: Actor[Any, Any] | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    queue: str,
    delay: float | None,
) -> TaskMessageProxy:
    if known is None:
        raise LookupError(f"tasks are disabled, and no actor {name!r} is known in this process")
    if delay is not None or queue != known.queue_name:
        logger.debug("tasks are disabled: %r runs at once, whatever its delay and queue", name)
    run_inline(known.fn, args, kwargs)
    return TaskMessageProxy("", name, queue, args, kwargs)


AsyncFunction = Callable[..., Coroutine[Any, Any, Any]]
