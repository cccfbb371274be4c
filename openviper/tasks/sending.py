"""Sending: what a call becomes on its way to the store, and the options of one message."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypedDict

from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import NewGroup
from openviper.tasks.inline_calls import run_inline
from openviper.tasks.limits import check_key
from openviper.tasks.message import Message, encode_arguments
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

    def check_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise `TypeError` if the function cannot be called so."""
        ...


class Call(TypedDict):
    """A call that is not sent yet, as `Actor.message` returns it."""

    actor_name: str
    queue_name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


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

    def message_options(self, now: float, payload: str, actor_name: str) -> dict[str, Any] | None:
        """Return what the message bears.

        Raises:
            ValueError: If a value cannot be used.
        """
        options: dict[str, Any] = {}
        if self.max_retries is not None:
            options["max_retries"] = to_count("max_retries", self.max_retries, least=0)
        if self.expires is not None:
            options["expires"] = _expiry(self.expires, now)
        if self.unique is not None and self.unique is not False:
            options["unique"] = self._unique(now, payload, actor_name)
        return options or None

    def _unique(self, now: float, payload: str, actor_name: str) -> list[Any]:
        key = self._unique_key(payload, actor_name)
        if isinstance(self.unique_for, timedelta):
            return [key, "time", now + to_ms("unique_for", self.unique_for, least=1) / 1000]
        if self.unique_for not in ("queued", "running"):
            raise ValueError(
                f"unique_for={self.unique_for!r} must be 'queued', 'running' or a timedelta"
            )
        return [key, self.unique_for, 0]

    def _unique_key(self, payload: str, actor_name: str) -> str:
        if self.unique is not True:
            return check_key("unique", str(self.unique))
        digest = hashlib.sha256(payload.encode()).hexdigest()[:32]
        return check_key("unique", f"{actor_name[:160]}:{digest}")


NO_OPTIONS = SendOptions()


def _expiry(expires: Duration | datetime, now: float) -> float:
    if isinstance(expires, datetime):
        return to_moment("expires", expires)
    return now + to_ms("expires", expires, least=1) / 1000


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
) -> Message:
    """Return the message of a call, ready to be stored.

    Raises:
        TypeError: If the actor cannot be called so, or the arguments cannot be written as JSON.
        ValueError: If an option has a value that cannot be used, or the arguments are too long.
    """
    config = tasks_config()
    if known is None:
        check_key("actor_name", name)
    else:
        known.check_arguments(args, kwargs)
    payload = encode_arguments(name, args, kwargs)
    if len(payload) > config.max_message_bytes:
        raise _too_long(name, len(payload), config.max_message_bytes)
    message = Message(name, "default", payload)
    if known is not None:
        message.queue_name = known.queue_name
        message.priority = known.priority
    if options is not NO_OPTIONS:
        _apply(options, message)
    if config.sign:
        sign(message)
    return message


def _too_long(name: str, length: int, most: int) -> ValueError:
    return ValueError(
        f"the arguments of {name!r} take {length} bytes, more than TASKS['max_message_bytes'] = {most}"
    )


def _apply(options: SendOptions, message: Message) -> None:
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
    message.due = options.due_at(now)
    message.options = options.message_options(now, message.payload, message.actor_name)


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
    message = build_message(name, known, args, kwargs, options)
    duplicates: list[Message] | None = []
    if _capture is not None:
        _capture(message, None if options.delay is None else to_ms("delay", options.delay))
    elif tasks_config().enabled:
        duplicates = get_broker().send([message])
    else:
        return _run_here(message, known, args, kwargs, options)
    proxy = TaskMessageProxy(message.message_id, name, message.queue_name, args, kwargs)
    if message.options is not None and "unique" in message.options:
        proxy.is_duplicate = None if duplicates is None else bool(duplicates)
    proxy.keeps_result = known is None or known.store_results
    return proxy


def send_messages(messages: Sequence[Message], group: NewGroup | None = None) -> None:
    """Store messages together, in one statement where the store has one.

    Raises:
        BrokerError: If the store of messages does not answer.
    """
    if _capture is None:
        get_broker().send(messages, group)
        return
    for message in messages:
        _capture(message, None)


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
    run_inline(known.fn, args, kwargs)
    return TaskMessageProxy("", name, message.queue_name, args, kwargs)
