"""Actors: functions whose calls a worker runs."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from openviper.tasks import arguments
from openviper.tasks.functions import (
    annotations_of,
    default_name,
    exception_types,
    plain_result,
    plain_type,
    refuse_generators,
    task_signature,
)
from openviper.tasks.limits import Limit, Rate, check_key, parse_rate
from openviper.tasks.message import Message
from openviper.tasks.proxy import TaskMessageProxy
from openviper.tasks.registry import ActorRegistry
from openviper.tasks.sending import (
    MAX_PRIORITY,
    NO_OPTIONS,
    Call,
    SendOptions,
    UniqueFor,
    as_arguments,
    as_named_arguments,
    build_messages,
    check_queue,
    is_disabled,
    proxies_of,
    send_call,
    send_messages,
)
from openviper.tasks.sending import is_captured as is_captured
from openviper.tasks.sending import set_capture as set_capture
from openviper.tasks.units import Duration, to_count, to_flag, to_ms, to_optional_ms

P = ParamSpec("P")
R = TypeVar("R")
logger = logging.getLogger("openviper.tasks")

LimitKey = str | Callable[..., str]
"""A key, or a function that gets the arguments of the call and returns one."""


class Actor(Generic[P, R]):
    """A function whose calls a worker can run; called itself, it is the function.

    Args:
        fn: The function, plain or async.
        queue_name: The queue its messages go to.
        actor_name: The name it has on the wire; module and qualified name when not given.
        max_retries: Runs after the first failure.
        min_backoff: Before the first retry; the pauses double with each, up to `max_backoff`. Milliseconds or a
            `timedelta`, as are all the times here.
        max_backoff: Longest pause between two attempts.
        time_limit: What one attempt may take.
        soft_time_limit: When `SoftTimeLimitError` is raised inside the task.
        store_results: Whether what it returns is kept.
        priority: Lower runs first, within one queue.
        max_age: A message that has waited longer since it was due is dropped.
        log_arguments: Whether records of its calls have the arguments.
        never_retry: Exceptions after which a message is dead at once.
        rate_limit: How many calls in a while across all workers, such as ``"100/m"``.
        concurrency: How many calls at a time across all workers.
        limit_key: What shares these limits; the actor's name when not given.

    Attributes:
        fn: The function.
        actor_name: The name it has on the wire.
        is_async: Whether it is a coroutine function.
    """

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        queue_name: str = "default",
        actor_name: str | None = None,
        max_retries: int = 3,
        min_backoff: Duration = 1000,
        max_backoff: Duration = 60_000,
        time_limit: Duration = 600_000,
        soft_time_limit: Duration | None = None,
        store_results: bool = False,
        priority: int = 0,
        max_age: Duration | None = None,
        log_arguments: bool = True,
        never_retry: type[BaseException] | Iterable[type[BaseException]] = (),
        rate_limit: str | None = None,
        concurrency: int | None = None,
        limit_key: LimitKey | None = None,
    ) -> None:
        name = default_name(fn)
        refuse_generators(fn)
        update_wrapper(self, fn)
        self.fn = fn
        self.actor_name = check_key("actor_name", actor_name or name)
        self.queue_name = check_queue(queue_name)
        self.max_retries = to_count("max_retries", max_retries, least=0)
        self.min_backoff_ms = to_ms("min_backoff", min_backoff)
        self.max_backoff_ms = to_ms("max_backoff", max_backoff)
        if self.min_backoff_ms > self.max_backoff_ms:
            raise ValueError(f"min_backoff={min_backoff!r} is above max_backoff={max_backoff!r}")
        self.time_limit_ms = to_ms("time_limit", time_limit, least=1)
        self.soft_time_limit_ms = to_optional_ms("soft_time_limit", soft_time_limit)
        self._check_soft_limit(soft_time_limit)
        self.store_results = to_flag("store_results", store_results)
        self.priority = to_count("priority", priority, least=-MAX_PRIORITY, most=MAX_PRIORITY)
        self.max_age_ms = to_optional_ms("max_age", max_age)
        self.log_arguments = to_flag("log_arguments", log_arguments)
        self.never_retry = exception_types("never_retry", never_retry)
        self.rate: Rate | None = None if rate_limit is None else parse_rate(rate_limit)
        self.concurrency = (
            None if concurrency is None else to_count("concurrency", concurrency, least=1)
        )
        self.limit_key = self._checked_key(limit_key)
        self.is_async = inspect.iscoroutinefunction(fn)
        self._signature, self._least, self._most = task_signature(fn)
        annotations = annotations_of(self._signature)
        self._is_annotated = any(each is not inspect.Parameter.empty for each in annotations)
        self._plain = [plain_type(each) for each in annotations]
        self._plain_result = plain_result(self._signature)

    def _checked_key(self, key: LimitKey | None) -> LimitKey | None:
        if key is not None and not self.is_limited:
            raise ValueError(f"limit_key={key!r} limits nothing without rate_limit or concurrency")
        return key if key is None or callable(key) else check_key("limit_key", key)

    def _check_soft_limit(self, given: object) -> None:
        if self.soft_time_limit_ms is not None and self.soft_time_limit_ms >= self.time_limit_ms:
            raise ValueError(f"soft_time_limit={given!r} must be below time_limit")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Actor {self.actor_name}>"

    def check_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Check that the function can be called so.

        Raises:
            TypeError: If not: the number of arguments does not fit, or one is not of the type of its annotation.
        """
        self.sent(tuple(args), kwargs)

    def sent(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call as they are sent: what JSON does not have is written as its annotation says.

        Raises:
            TypeError: If the function cannot be called so.
        """
        # As `_fits_plainly` says, without the call: every message comes by here.
        if not kwargs and not self._is_annotated and self._least <= len(args) <= self._most:
            return args, kwargs
        signature = self._signature
        if signature is None or self._fits_plainly(args, kwargs):
            return args, kwargs
        self._bind(signature, args, kwargs)
        if not self._is_annotated:
            return args, kwargs
        return arguments.write_arguments(self.actor_name, self.fn, args, kwargs)

    def by_place(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return the arguments of a call with as many as possible by place: alike for calls that are alike."""
        if self._signature is None:
            return args, kwargs
        bound = self._signature.bind(*args, **kwargs)
        return bound.args, bound.kwargs

    def sent_behind_result(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a step of a chain as they are sent; a result that is not known yet comes in front of them.

        Raises:
            TypeError: If the function cannot be called so, whatever the result is.
        """
        sent_args, sent_kwargs = self.sent((arguments.RESULT, *args), kwargs)
        return sent_args[1:], sent_kwargs

    def received(self, message: Message) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return the arguments of a message as the function gets them: of the types of its annotations.

        Raises:
            BadMessageError: If the payload holds none, or the function cannot be called so.
        """
        args, kwargs = message.arguments()
        if self._signature is None or self._fits_plainly(args, kwargs):
            return args, kwargs
        return arguments.read_arguments(self.actor_name, self.fn, args, kwargs)

    def written_result(self, value: Any) -> Any:
        """Return what the function returned as it is kept, and passed on: what JSON does not have is written as the annotation says.

        Raises:
            TypeError: If it is of another type than the annotation says.
        """
        if self._plain_result is None or type(value) is self._plain_result:
            return value
        return arguments.write_result(self.actor_name, self.fn, value)

    def read_result(self, value: Any) -> R:
        """Return a result that was kept, in the type of the function's annotation.

        Raises:
            ResultTypeError: If it is of another type.
        """
        if self._plain_result is None or type(value) is self._plain_result:
            return cast("R", value)
        return cast("R", arguments.read_result(self.actor_name, self.fn, value))

    def _fits_plainly(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        if kwargs or not self._least <= len(args) <= self._most:
            return False
        return not self._is_annotated or self._are_plain(args)

    def _bind(
        self, signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"actor {self.actor_name!r} cannot be called so: {error}") from None

    def _are_plain(self, args: Sequence[Any]) -> bool:
        """Return whether the arguments are of the very types that stand in the annotations."""
        for value, kind in zip(args, self._plain, strict=False):  # noqa: SIM110 - half the time of all()
            if kind is not None and type(value) is not kind:
                return False
        return True

    @property
    def is_limited(self) -> bool:
        """Whether calls have a limit that workers share."""
        return self.rate is not None or self.concurrency is not None

    def check_overlap(self, overlap: str) -> None:
        """Check that a periodic job may treat overlapping runs so.

        Raises:
            ValueError: If its runs are to queue up, which is a limit of their own, and the actor has another one.
        """
        if overlap == "queue" and self.is_limited:
            raise ValueError(
                f"overlap={overlap!r} is a limit of its own, and actor {self.actor_name!r} has rate_limit or concurrency: "
                "a call has one limit"
            )

    def limit(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Limit | None:
        """Return what limits a call, or `None`.

        Raises:
            ValueError: If the key cannot be used.
        """
        if not self.is_limited:
            return None
        key = self.limit_key
        if key is None:
            key = self.actor_name
        elif callable(key):
            key = key(*args, **kwargs)
        return Limit(check_key("limit_key", key), self.concurrency, self.rate)

    def send(self, *args: P.args, **kwargs: P.kwargs) -> TaskMessageProxy[R]:
        """Have a worker call the function; in a database transaction, once that has committed.

        Raises:
            TypeError: If the function cannot be called so, or the arguments cannot be written as JSON.
            ValueError: If the arguments are too long.
            BrokerError: If the store of messages does not answer.
        """
        return send_call(self.actor_name, self, args, kwargs)

    def send_with_options(
        self,
        *,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        delay: Duration | None = None,
        eta: datetime | None = None,
        queue: str | None = None,
        priority: int | None = None,
        max_retries: int | None = None,
        expires: Duration | datetime | None = None,
        unique: str | bool | None = None,
        unique_for: UniqueFor = "running",
    ) -> TaskMessageProxy[R]:
        """Have a worker call the function, with options for this message only.

        Args:
            args: Positional arguments.
            kwargs: Keyword arguments.
            delay: Before it may run, in milliseconds or as a `timedelta`.
            eta: When it may run, with a time zone; instead of `delay`.
            queue: The queue.
            priority: Lower runs first.
            max_retries: Runs after the first failure.
            expires: When it is dropped if it has not begun: from now on in milliseconds or as a `timedelta`, or a
                `datetime` with a time zone.
            unique: Do nothing if a message with this key is there; `True` for a key of actor and arguments.
            unique_for: How long the key is taken: while the message is ``"queued"``, until it has ended
                (``"running"``), or for a time (a `timedelta`).

        Raises:
            TypeError: If the function cannot be called so, or the arguments cannot be written as JSON.
            ValueError: If an option has a value that cannot be used.
            BrokerError: If the store of messages does not answer.
        """
        options = SendOptions(delay, eta, queue, priority, max_retries, expires, unique, unique_for)
        return send_call(
            self.actor_name, self, as_arguments(args), as_named_arguments(kwargs), options
        )

    def send_many(
        self, calls: Iterable[Sequence[Any]], *, delay: Duration | None = None
    ) -> list[TaskMessageProxy[R]]:
        """Have workers run many calls, stored together: all of them, or none.

        Args:
            calls: The positional arguments of each call.
            delay: Before they may run, in milliseconds or as a `timedelta`.

        Raises:
            TypeError: If the function cannot be called so, or arguments cannot be written as JSON.
            ValueError: If an option has a value that cannot be used.
            BrokerError: If the store of messages does not answer.
        """
        options = NO_OPTIONS if delay is None else SendOptions(delay=delay)
        all_args = [args if type(args) is tuple else as_arguments(args) for args in calls]
        if is_disabled():
            return [send_call(self.actor_name, self, args, {}, options) for args in all_args]
        messages = build_messages(self.actor_name, self, all_args, options)
        if messages:
            send_messages(messages)
        return proxies_of(messages, all_args, self)

    async def asend(self, *args: P.args, **kwargs: P.kwargs) -> TaskMessageProxy[R]:
        """Like `send`, with the store asked in a thread, for brokers that are far away."""
        return await asyncio.to_thread(self.send, *args, **kwargs)

    def message(self, *args: P.args, **kwargs: P.kwargs) -> Call:
        """Return what `send` would send, without sending it: a step of a chain, a member of a group."""
        return {
            "actor_name": self.actor_name,
            "queue_name": self.queue_name,
            "args": args,
            "kwargs": kwargs,
        }

    def message_with_options(
        self,
        *,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        delay: Duration | None = None,
        eta: datetime | None = None,
        queue: str | None = None,
        priority: int | None = None,
        max_retries: int | None = None,
        expires: Duration | datetime | None = None,
        unique: str | bool | None = None,
        unique_for: UniqueFor = "running",
    ) -> Call:
        """Return what `send_with_options` would send, without sending it.

        In a later step of a chain, and in what follows a group, `delay` and durations for `expires` count from when the step
        or the group before has ended. `unique` is for `openviper.tasks.send_many` only.

        Raises:
            TypeError: If the arguments are no sequence, or the named ones no mapping.
            ValueError: If the queue can have no such name. Chains, groups and `send_many` check all the rest.
        """
        options = SendOptions(delay, eta, None, priority, max_retries, expires, unique, unique_for)
        return {
            "actor_name": self.actor_name,
            "queue_name": self.queue_name if queue is None else check_queue(queue),
            "args": as_arguments(args),
            "kwargs": dict(as_named_arguments(kwargs)),
            "options": options,
        }

    def get_result(
        self, proxy: TaskMessageProxy, *, block: bool = True, timeout: Duration | None = None
    ) -> Any:
        """Return the result of a message, in the type of the annotation; see `TaskMessageProxy.get_result`."""
        value = proxy.get_result(block=block, timeout=timeout)
        # One that was sent by the name of its actor may not know it.
        return self.read_result(value) if proxy.actor is None else value


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
    min_backoff: Duration = ...,
    max_backoff: Duration = ...,
    time_limit: Duration = ...,
    soft_time_limit: Duration | None = ...,
    store_results: bool = ...,
    priority: int = ...,
    max_age: Duration | None = ...,
    log_arguments: bool = ...,
    never_retry: type[BaseException] | Iterable[type[BaseException]] = ...,
    rate_limit: str | None = ...,
    concurrency: int | None = ...,
    limit_key: LimitKey | None = ...,
) -> Callable[[Callable[P, R]], Actor[P, R]]: ...
def actor(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function an actor, as ``@actor`` or ``@actor(...)``.

    Args:
        fn: The function, plain or async.
        **options: Those of `Actor`.

    Raises:
        TypeError: If an option is unknown, or the function is a generator.
        ValueError: If an option cannot have its value, or another function has the name.
    """
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise TypeError(
            f"actor() got unknown options: {', '.join(unknown)}; known: {', '.join(sorted(_OPTIONS))}"
        )
    # Values that cannot work are an error where they are written, not where the function is.
    Actor(_nothing, **options)

    def decorate(function: Any) -> Any:
        if isinstance(function, Actor):
            raise ValueError(f"{function.actor_name!r} is an actor already")
        if not callable(function):
            raise TypeError(f"actor() takes a function, not {function!r}")
        of_job: dict[str, Any] | None = getattr(function, "__periodic_options__", None)
        made: Actor[Any, Any] = Actor(function, **{**(of_job or {}), **options})
        if of_job is not None:
            made.check_overlap(Registry.overlap_of(default_name(function)))
        Registry.register_actor(made)
        if of_job is not None:
            Registry.run_with(default_name(function), made)
        return made

    return decorate if fn is None else decorate(fn)


def _nothing() -> None:
    """Stand for the function whose options are checked."""


_OPTIONS = frozenset(inspect.signature(Actor.__init__).parameters) - {"self", "fn"}


def enqueue_task(
    actor_name: str,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    queue_name: str = "default",
    delay: Duration | None = None,
) -> TaskMessageProxy:
    """Have a worker call the actor of a name, which this process need not know.

    Args:
        actor_name: The name on the wire.
        args: Positional arguments.
        kwargs: Keyword arguments.
        queue_name: The queue.
        delay: Before it may run, in milliseconds or as a `timedelta`.

    Raises:
        TypeError: If the actor cannot be called so, or the arguments cannot be written as JSON.
        ValueError: If an option has a value that cannot be used.
        BrokerError: If the store of messages does not answer.
    """
    known = Registry.find_actor(actor_name)
    if known is None:
        logger.debug("actor %r is not known in this process; a worker may know it", actor_name)
    name = actor_name if known is None else known.actor_name
    options = SendOptions(delay=delay, queue=queue_name)
    return send_call(name, known, as_arguments(args), as_named_arguments(kwargs), options)
