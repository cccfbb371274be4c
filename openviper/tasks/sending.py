"""Sending: what a call becomes on its way to the store, and the options of one message."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypedDict

from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import NewGroup
from openviper.tasks.conf import TaskSettings
from openviper.tasks.inline_calls import run_inline
from openviper.tasks.limits import check_key, within_key
from openviper.tasks.message import Message, encode_arguments
from openviper.tasks.message_ids import new_ids
from openviper.tasks.proxy import TaskMessageProxy
from openviper.tasks.signing import sign
from openviper.tasks.units import Duration, to_count, to_moment, to_ms

logger = logging.getLogger("openviper.tasks")

UniqueFor = Literal["queued", "running"] | timedelta
"""How long a unique key is taken: while the message is queued, until it has ended, or for a time."""
MAX_PRIORITY = 1_000_000

Capture = Callable[[Message, "float | None"], None]
"""Takes a message instead of the broker, with its delay in milliseconds; see `openviper.testing`."""

_capture: Capture | None = None


def set_capture(capture: Capture | None) -> Capture | None:
    """Give every message to a function instead of the broker, and return the one before; for tests."""
    global _capture
    before, _capture = _capture, capture
    return before


def is_captured() -> bool:
    """Return whether `set_capture` is in force."""
    return _capture is not None


class Sendable(Protocol):
    """What is asked of an actor here."""

    fn: Callable[..., Any]
    actor_name: str
    queue_name: str
    priority: int
    store_results: bool

    def sent(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments as they are sent; raise `TypeError` if the function cannot be called so."""
        ...

    def by_place(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return the arguments of a call with as many as possible by place: alike for calls that are alike."""
        ...

    def received(self, message: Message) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return the arguments of a message as the function gets them."""
        ...

    def read_result(self, value: Any) -> Any:
        """Return a result that was kept, in the type of the function's annotation."""
        ...


class _PlainCall(TypedDict):
    actor_name: str
    queue_name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Call(_PlainCall, total=False):
    """A call that is not sent yet, as `Actor.message` and `Actor.message_with_options` return it."""

    options: SendOptions


@dataclass(frozen=True, slots=True)
class SendOptions:
    """The options of one message; see `Actor.send_with_options`."""

    delay: Duration | None = None
    eta: datetime | None = None
    queue: str | None = None
    priority: int | None = None
    max_retries: int | None = None
    expires: Duration | datetime | None = None
    unique: str | bool | None = None
    unique_for: UniqueFor = "running"

    def due_at(self, now: float) -> float:
        """Return when the message may run, in seconds since the epoch; 0 for at once.

        Raises:
            ValueError: If the moment cannot be waited for, or both ways to say it are used.
        """
        if self.delay is not None and self.eta is not None:
            raise ValueError("delay and eta are two ways to say when: give one of them")
        if self.eta is not None:
            return to_moment("eta", self.eta)
        return 0.0 if self.delay is None else now + to_ms("delay", self.delay) / 1000

    def message_options(
        self, now: float, call: str, actor_name: str, *, comes_later: bool = False
    ) -> dict[str, Any] | None:
        """Return what the message bears; `call` tells the arguments from others.

        Raises:
            ValueError: If a value cannot be used.
        """
        options: dict[str, Any] = {}
        if self.max_retries is not None:
            options["max_retries"] = to_count("max_retries", self.max_retries, least=0)
        if comes_later and self.delay is not None:
            options["delay"] = to_ms("delay", self.delay) / 1000
        if self.expires is not None:
            options |= self._end_of_waiting(now, comes_later=comes_later)
        if self.unique is None and self.unique_for != "running":
            raise ValueError(
                f"unique_for={self.unique_for!r} says how long a key is taken, and no unique is given"
            )
        if self.unique is not None and self.unique is not False:
            options["unique"] = self._unique(now, call, actor_name)
        return options or None

    def _end_of_waiting(self, now: float, *, comes_later: bool) -> dict[str, float]:
        if comes_later and not isinstance(self.expires, datetime):
            return {"lifetime": self._lifetime()}
        return {"expires": self._expires_at(now)}

    def _expires_at(self, now: float) -> float:
        """Return when the message is dropped.

        Raises:
            ValueError: If that is before it may run, so that it never would.
        """
        expires_at = _expiry(self.expires, now)
        if expires_at <= max(now, self.due_at(now)):
            raise self._never_runs()
        return expires_at

    def _lifetime(self) -> float:
        """Return the seconds, from when it is sent, after which a message that comes later is dropped; raise as `_expires_at`."""
        lifetime_ms = to_ms("expires", self.expires, least=1)
        if self.delay is not None and lifetime_ms <= to_ms("delay", self.delay):
            raise self._never_runs()
        return lifetime_ms / 1000

    def _never_runs(self) -> ValueError:
        return ValueError(
            f"expires={self.expires!r} is not after the moment from which the message may run: it never would"
        )

    def _unique(self, now: float, call: str, actor_name: str) -> list[Any]:
        key = self._unique_key(call, actor_name)
        if isinstance(self.unique_for, timedelta):
            return [key, "time", now + to_ms("unique_for", self.unique_for, least=1) / 1000]
        if self.unique_for not in ("queued", "running"):
            raise ValueError(
                f"unique_for={self.unique_for!r} must be 'queued', 'running' or a timedelta"
            )
        return [key, self.unique_for, 0]

    def _unique_key(self, call: str, actor_name: str) -> str:
        if self.unique is not True:
            return check_key("unique", self.unique)
        digest = hashlib.sha256(call.encode()).hexdigest()[:32]
        return check_key("unique", within_key(f"{actor_name}:{digest}"))


NO_OPTIONS = SendOptions()


def _expiry(expires: Duration | datetime | None, now: float) -> float:
    if isinstance(expires, datetime):
        return to_moment("expires", expires)
    return now + to_ms("expires", expires, least=1) / 1000


def as_arguments(args: object) -> tuple[Any, ...]:
    """Return the positional arguments of a call.

    Raises:
        TypeError: If they are one value, whose letters or keys would be taken for them, or have no order.
    """
    if isinstance(args, (str, bytes, Mapping, Set)) or not isinstance(args, Iterable):
        raise TypeError(
            f"the arguments of a call are several values, such as ({args!r},), not {args!r}"
        )
    return tuple(args)


def as_named_arguments(kwargs: object) -> Mapping[str, Any]:
    """Return the named arguments of a call.

    Raises:
        TypeError: If they are no mapping of names.
    """
    if kwargs is None:
        return {}
    if not isinstance(kwargs, Mapping) or not all(isinstance(name, str) for name in kwargs):
        raise TypeError(f"the named arguments of a call are a mapping of names, not {kwargs!r}")
    return kwargs


def check_queue(name: str) -> str:
    """Return the name of a queue.

    Raises:
        ValueError: If no store could have a queue of that name.
    """
    check_key("queue", name)
    if not name.isprintable():
        raise ValueError(f"queue={name!r} has characters that cannot be printed")
    return name


def build_message(
    name: str,
    known: Sendable | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: SendOptions = NO_OPTIONS,
    *,
    comes_later: bool = False,
) -> Message:
    """Return the message of a call, ready to be stored.

    Args:
        name: The actor.
        known: It, where this process knows it.
        args: Positional arguments.
        kwargs: Keyword arguments.
        options: Of this message.
        comes_later: Whether it is sent when others have ended: durations count from then.

    Raises:
        TypeError: If the actor cannot be called so, or the arguments cannot be written as JSON.
        ValueError: If an option has a value that cannot be used, or the arguments are too long.
    """
    return _built(tasks_config(), name, known, args, kwargs, options, comes_later=comes_later)


def _built(
    config: TaskSettings,
    name: str,
    known: Sendable | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: SendOptions,
    *,
    comes_later: bool = False,
) -> Message:
    if known is None:
        check_key("actor_name", name)
        queue = "default"
        priority = 0
    else:
        args, kwargs = known.sent(args, kwargs)
        queue, priority = known.queue_name, known.priority
    payload = encode_arguments(name, args, kwargs)
    if len(payload) > config.max_message_bytes:
        raise _too_long(name, len(payload), config.max_message_bytes)
    message = Message(name, queue, payload, priority)
    if options is not NO_OPTIONS:
        _apply(options, message, known, comes_later=comes_later)
    if config.sign:
        sign(message)
    return message


def build_messages(
    name: str,
    known: Sendable,
    all_args: Sequence[tuple[Any, ...]],
    options: SendOptions = NO_OPTIONS,
) -> list[Message]:
    """Return the messages of many calls of an actor, ready to be stored; what they share is looked at once.

    Raises:
        TypeError: As for `build_message`. ValueError likewise.
    """
    config = tasks_config()
    most = config.max_message_bytes
    now = time.time()
    due = options.due_at(now)
    queue, priority = known.queue_name, known.priority
    messages = []
    for args, message_id in zip(all_args, new_ids(len(all_args)), strict=True):
        payload = encode_arguments(name, *known.sent(args, _NO_NAMED))
        if len(payload) > most:
            raise _too_long(name, len(payload), most)
        messages.append(
            Message(
                name,
                queue,
                payload,
                priority=priority,
                due=due,
                message_id=message_id,
                sent_at=now,
            )
        )
    if config.sign:
        for message in messages:
            sign(message)
    return messages


_NO_NAMED: Mapping[str, Any] = {}


def proxies_of(
    messages: Sequence[Message], all_args: Sequence[tuple[Any, ...]], known: Sendable
) -> list[TaskMessageProxy]:
    """Return what the sender gets of messages of one actor that were called by place."""
    proxies = []
    for message, args in zip(messages, all_args, strict=True):
        proxies.append(
            TaskMessageProxy(
                message.message_id,
                message.actor_name,
                message.queue_name,
                args,
                _NO_NAMED,
                keeps_result=known.store_results,
                actor=known,
            )
        )
    return proxies


def _too_long(name: str, length: int, most: int) -> ValueError:
    return ValueError(
        f"the arguments of {name!r} take {length} bytes, more than TASKS['max_message_bytes'] = {most}"
    )


def _apply(
    options: SendOptions, message: Message, known: Sendable | None, *, comes_later: bool
) -> None:
    """Give a message the options of its own.

    Raises:
        ValueError: If one has a value that cannot be used.
    """
    if options.queue is not None:
        message.queue_name = check_queue(options.queue)
    if options.priority is not None:
        message.priority = to_count(
            "priority", options.priority, least=-MAX_PRIORITY, most=MAX_PRIORITY
        )
    now = message.sent_at
    due = options.due_at(now)
    message.due = 0.0 if comes_later and options.eta is None else due
    call = _call_text(message, known) if options.unique is True else ""
    message.options = options.message_options(
        now, call, message.actor_name, comes_later=comes_later
    )


def _call_text(message: Message, known: Sendable | None) -> str:
    """Return a text that is the same for two calls with the same arguments, however they are written."""
    call: tuple[Sequence[Any], Mapping[str, Any]] = message.arguments()
    args, kwargs = call if known is None else known.by_place(*call)
    return json.dumps({"args": args, "kwargs": kwargs}, sort_keys=True, separators=(",", ":"))


def send_call(
    name: str,
    known: Sendable | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: SendOptions = NO_OPTIONS,
) -> TaskMessageProxy:
    """Send one call.

    Raises:
        TypeError: As for `build_message`. ValueError likewise.
        LookupError: If tasks are disabled and the actor is not known in this process.
        BrokerError: If the store of messages does not answer.
    """
    config = tasks_config()
    message = _built(config, name, known, args, kwargs, options)
    duplicates: list[Message] | None = []
    if _capture is not None:
        _capture(message, _wait_ms(message))
    elif config.enabled:
        duplicates = get_broker().send([message])
    else:
        return _run_here(message, known, args, kwargs, options)
    return TaskMessageProxy(
        message.message_id,
        name,
        message.queue_name,
        args,
        kwargs,
        False if message.options is None else is_duplicate(message, duplicates),
        known is None or known.store_results,
        known,
    )


def send_messages(
    messages: Sequence[Message], group: NewGroup | None = None
) -> list[Message] | None:
    """Store messages together, in one statement where the store has one, and return what `Broker.send` does.

    Raises:
        BrokerError: If the store of messages does not answer.
    """
    if _capture is None:
        return get_broker().send(messages, group)
    for message in messages:
        _capture(message, _wait_ms(message))
    return []


def is_duplicate(message: Message, duplicates: Sequence[Message] | None) -> bool | None:
    """Return what `TaskMessageProxy.is_duplicate` is, of what `send_messages` has returned."""
    if message.option("unique") is None:
        return False
    return None if duplicates is None else message in duplicates


def _wait_ms(message: Message) -> float | None:
    """Return the milliseconds before a new message may run; `None` for at once."""
    return max(0.0, round((message.due - message.sent_at) * 1000, 3)) if message.due else None


def is_disabled() -> bool:
    """Return whether calls run where they are made."""
    return _capture is None and not tasks_config().enabled


def _run_here(
    message: Message,
    known: Sendable | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: SendOptions,
) -> TaskMessageProxy:
    name = message.actor_name
    if known is None:
        raise LookupError(f"tasks are disabled, and no actor {name!r} is known in this process")
    if replace(options, queue=None) != NO_OPTIONS or message.queue_name != known.queue_name:
        logger.debug("tasks are disabled: %r runs at once, whatever its options", name)
    run_inline(known.fn, *known.received(message))
    return TaskMessageProxy("", name, message.queue_name, args, kwargs)
