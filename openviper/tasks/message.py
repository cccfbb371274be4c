"""Messages: what travels from the caller to a worker, and what became of it there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Container, Iterable, Mapping
from copy import copy, deepcopy
from enum import IntEnum
from typing import Any, NamedTuple

from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message_ids import new_id
from openviper.tasks.message_options import Options, checked_options


class State(IntEnum):
    """Where a message is in its life; a finished one is no longer stored."""

    READY = 0
    RUNNING = 1
    DELAYED = 2
    DEAD = 3
    SUSPECT = 4
    """Ready, and to be run in a process of its own: it may have ended the one it was in."""
    FRESH = 5
    """Ready, and found by its place in the table; see `openviper.tasks.brokers.fresh`."""


LOST_LIMIT = 3
"""Times that a message may take its process with it; then it is dead."""
LOST_ERROR = "WorkerLostError: worker lost"
"""What such a message has for its error."""


class Message:
    """One call of an actor, on its way.

    Attributes:
        key: What a broker knows it by; for databases a number in the order of sending.
        message_id: A UUID4 as text.
        payload: Arguments as JSON text: ``{"args": [...], "kwargs": {...}}``.
        due: When it may run, in seconds since the epoch; 0 for at once.
        attempts: How many attempts have failed.
        sent_at: In seconds since the epoch.
        deliveries: How many processes it was running in when they died.
        options: What is particular to it; `None` for nothing. Keys: ``max_retries``; ``expires`` (seconds since the
            epoch); ``unique`` (key, scope, until); ``group``; ``then`` (the rest of a chain) and ``pass``; ``state``;
            ``delay`` and ``lifetime`` (of what follows others: seconds after that until it is due, and until it is dropped);
            ``limit`` (key, most at a time); ``since`` (when it could have run, where a limit has put it off); ``signature``.
        limit_key: The limit of which it holds a permit, or for one of which it was woken: the next in the line has it afterwards.
    """

    __slots__ = (
        "actor_name",
        "attempts",
        "deliveries",
        "due",
        "key",
        "limit_key",
        "message_id",
        "options",
        "payload",
        "priority",
        "queue_name",
        "sent_at",
    )

    def __init__(
        self,
        actor_name: str,
        queue_name: str,
        payload: str,
        # Not by name alone: those that are not given would be looked up one by one, and every message comes by here.
        priority: int = 0,
        due: float = 0.0,
        message_id: str | None = None,
        attempts: int = 0,
        sent_at: float | None = None,
        deliveries: int = 0,
        options: Options | None = None,
        key: Any = None,
    ) -> None:
        self.actor_name = actor_name
        self.queue_name = queue_name
        self.payload = payload
        self.priority = priority
        self.due = due
        self.message_id = new_id() if message_id is None else message_id
        self.attempts = attempts
        self.sent_at = time.time() if sent_at is None else sent_at
        self.deliveries = deliveries
        self.options = options
        self.limit_key: str | None = None
        self.key = key

    def __repr__(self) -> str:
        return f"<Message {self.message_id} {self.actor_name}>"

    @property
    def waits_since(self) -> float:
        """When it could have run first, in seconds since the epoch; that a limit has put it off is part of its waiting."""
        return self.option("since") or self.due or self.sent_at

    def put_off(self, due: float) -> None:
        """Let it run at a later moment because of a limit, and keep in mind since when it waits."""
        self.set_option("since", self.waits_since)
        self.due = due

    def copied(self) -> Message:
        """Return one that a task or a hook may change as it likes."""
        other = copy(self)
        other.options = deepcopy(self.options)
        return other

    def start_waiting(self, now: float) -> None:
        """Be sent now, as what it follows has ended: its age and its `delay` count from here on."""
        self.sent_at = now
        delay = self.option("delay")
        if delay is not None:
            self.due = now + delay

    def option(self, name: str) -> Any:
        """Return one of the options, or `None`."""
        return None if self.options is None else self.options.get(name)

    def is_about(self, ids: Container[str]) -> bool:
        """Return whether the message has one of these ids, or is of a chain in which one with such an id follows."""
        return self.message_id in ids or any(each in ids for each in following_ids(self))

    def set_option(self, name: str, value: Any) -> None:
        """Set one of the options; `None` removes it."""
        options = dict(self.options or {})
        options.pop(name, None)
        if value is not None:
            options[name] = value
        self.options = options or None

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return positional and keyword arguments.

        Raises:
            BadMessageError: If the payload does not hold them.
        """
        try:
            content = json.loads(self.payload)
            args, kwargs = content["args"], content["kwargs"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadMessageError(
                f"the payload holds no arguments: {type(error).__name__}"
            ) from error
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise BadMessageError("the payload holds no list of arguments and names of others")
        return args, kwargs


# ASCII only: no store, no log and no terminal stumbles over it.
_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def _make_encode() -> Callable[[object, int], Iterable[str]]:
    """Return what writes JSON, in pieces. `JSONEncoder.encode` makes the encoder written in C anew for each call, which is half of
    its time."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # A Python without the part written in C.
        return lambda value, _depth: _encoder.encode(value)
    # Without a list of what it is inside of, it finds that a value contains itself by the depth of the recursion.
    pieces: Callable[[object, int], Iterable[str]] = make(
        None,
        _encoder.default,
        json.encoder.encode_basestring_ascii,
        None,
        ":",
        ",",
        False,
        False,
        False,
    )
    return pieces


_encode = _make_encode()


def to_json(value: object) -> str:
    """Return a value as JSON text of ASCII characters.

    Raises:
        TypeError: If JSON has no such value. ValueError and RecursionError likewise.
    """
    return "".join(_encode(value, 0))


def to_json_unchanged(value: object) -> str:
    """Return a value as JSON text, of which the same is read again.

    Raises:
        TypeError: If JSON has no such value, or would change the keys of a dict. ValueError and RecursionError likewise.
    """
    text = to_json(value)
    if isinstance(value, (dict, list, tuple)):
        _refuse_odd_keys(value)
    return text


def encode_arguments(actor_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return arguments as JSON text.

    Raises:
        TypeError: If JSON cannot hold them, or would change the keys of a dict.
    """
    try:
        if not kwargs and _SCALARS.issuperset(map(type, args)):
            return f'{{"args":{"".join(_encode(args, 0))},"kwargs":{{}}}}'
        content = {"args": args, "kwargs": kwargs}
        text = to_json(content)
        _refuse_odd_keys(content)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"the arguments of {actor_name!r} cannot be written as JSON: {error}"
        ) from None
    return text


_SCALARS = frozenset({str, int, float, bool, type(None)})
"""Types of arguments in which there can be no keys."""


def _refuse_odd_keys(content: Any) -> None:
    """Refuse keys that are no texts: JSON would make texts of them, and one entry of ``1`` and ``"1"``."""
    values = content
    if isinstance(content, dict):
        _check_keys(content)
        values = content.values()
    for value in values:
        if isinstance(value, (dict, list, tuple)):
            _refuse_odd_keys(value)


def _check_keys(content: dict[Any, Any]) -> None:
    for key in content:
        if type(key) is not str:
            raise TypeError(f"a dict has the key {key!r}, which is not a text")


# Texts of errors

MAX_ERROR = 8 * 1024
"""Most characters of an error that is stored."""


def clean_text(text: str, most: int = MAX_ERROR) -> str:
    """Return a text that every store takes: without NUL and half surrogates, and cut."""
    # Cut before as well: what takes the place of a character is longer, and a text may be of any length.
    text = text[: most + 1].replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")
    return f"{text[: most - 1]}…" if len(text) > most else text


def is_storable(text: str) -> bool:
    """Return whether every store takes a text as it is, however long: no id and no name of a message is another one."""
    return text.isprintable() or clean_text(text, len(text)) == text


def describe_error(error: BaseException) -> str:
    """Return an exception as ``Type: text``, whatever its own methods do."""
    name = _NAME.__get__(type(error))
    try:
        text = str(error)
    except BaseException as failure:
        text = f"<no text: {_NAME.__get__(type(failure))} in __str__>"
    return clean_text(f"{name}: {text}")


_NAME: Any = type.__dict__["__name__"]
"""The name of a class, whatever the class says of itself."""


# What follows

CANCELLED_ERROR = "CancelledError: the task was cancelled"
"""The error of a message that somebody has cancelled."""
EXPIRED_ERROR = "ExpiredError: the message has waited too long and was dropped"
"""The error of a message that its `max_age` or its `expires` has dropped."""


class Outcome(IntEnum):
    """What became of an attempt."""

    DONE = 0
    RETRY = 1
    DEAD = 2
    RELEASED = 3
    """It never began, or this worker cut it off; somebody else may have it."""


class Finished(NamedTuple):
    """A message that a worker is through with.

    Attributes:
        due: When a retry may run, in seconds since the epoch.
        error: What went wrong, as ``Type: text``.
        result: The return value as JSON text, if it is to be kept.
        counts: Whether a retry is one of those that are limited.
        follow: Messages to store with the settlement: the rest of a chain.
    """

    message: Message
    outcome: Outcome
    due: float = 0.0
    error: str = ""
    result: str | None = None
    counts: bool = True
    follow: tuple[Message, ...] = ()

    @property
    def is_end(self) -> bool:
        """Whether the message has come to its end."""
        return self.outcome in (Outcome.DONE, Outcome.DEAD)

    @property
    def has_failed(self) -> bool:
        """Whether the message has come to an end without success."""
        return self.outcome is Outcome.DEAD or self.error in (CANCELLED_ERROR, EXPIRED_ERROR)

    @property
    def keeps_result(self) -> bool:
        """Whether something is to be kept for whoever asks for the result."""
        return self.result is not None or (bool(self.error) and self.is_end)

    @property
    def told_ids(self) -> list[str]:
        """The messages whose senders learn of this end when they ask for the result: its own, and the last of a chain that it ends."""
        if not self.keeps_result:
            return []
        ids = [self.message.message_id]
        return [*ids, *following_ids(self.message)[-1:]] if self.has_failed else ids


def cancelled(message: Message) -> Finished:
    """Return the end of a message that somebody has cancelled."""
    return Finished(message, Outcome.DONE, error=CANCELLED_ERROR)


def following_ids(message: Message) -> list[str]:
    """Return the ids of the messages of a chain that follow one; none for a message of no chain."""
    ids = [step.get("id") for step in message.option("then") or ()]
    # Somebody else may have written them.
    return [each for each in ids if isinstance(each, str) and is_id(each)]


def is_id(text: str) -> bool:
    """Return whether a text may be the id of a message: every store takes it."""
    return len(text) <= MAX_ID and is_storable(text)


MAX_ID = 255
"""Most characters of an id that every store takes."""


# Messages as JSON values: on Redis, in chains and as the callbacks of groups

_TYPES: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "actor": (str,),
    "queue": (str,),
    "payload": (str,),
    "priority": (int,),
    "attempts": (int,),
    "sent_at": (int, float),
    "due": (int, float),
    "deliveries": (int,),
    "options": (dict, type(None)),
}
_OPTIONAL = {"deliveries": 0, "options": None}
"""What messages of an earlier version do not have."""


def to_values(message: Message) -> dict[str, Any]:
    """Return a message as JSON can hold it."""
    return {
        "id": message.message_id,
        "actor": message.actor_name,
        "queue": message.queue_name,
        "payload": message.payload,
        "priority": message.priority,
        "attempts": message.attempts,
        "sent_at": message.sent_at,
        "due": message.due,
        "deliveries": message.deliveries,
        "options": message.options,
    }


def from_values(values: Any, key: Any = None) -> Message:
    """Return the message of what `to_values` gave.

    Raises:
        BadMessageError: If it does not describe one.
    """
    if not isinstance(values, dict):
        raise BadMessageError("what is stored is not a message")
    full = {**_OPTIONAL, **values}
    for name, types in _TYPES.items():
        if not isinstance(full.get(name), types):
            raise BadMessageError(f"the message's {name!r} is missing or of another type")
    options = full["options"]
    return Message(
        full["actor"],
        full["queue"],
        full["payload"],
        priority=full["priority"],
        due=full["due"],
        message_id=full["id"],
        attempts=full["attempts"],
        sent_at=full["sent_at"],
        deliveries=full["deliveries"],
        options=None if options is None else checked_options(options),
        key=key,
    )
