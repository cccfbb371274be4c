"""Messages and their ends as the texts that Redis holds."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import Finished, Message, Outcome, from_values, to_json, to_values

ACTIONS = {
    Outcome.DONE: "done",
    Outcome.RETRY: "retry",
    Outcome.DEAD: "dead",
    Outcome.RELEASED: "release",
}
UNREADABLE = "(unreadable)"
"""What takes the place of the actor's name, for people, in what cannot be read as a message."""

NOTED_ERROR = "error"
"""The key, among the values of a message, of the error for which it is tried again."""

_STREAM = re.compile(r"[qs]:-?[0-9]{1,7}:.", re.DOTALL)
"""The name of a stream without the prefix."""


class Names:
    """The names of the keys.

    Args:
        prefix: Begins each of them.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def key(self, name: str) -> str:
        """Return the name of a key."""
        return f"{self.prefix}{name}"

    def stream(self, message: Message) -> str:
        """Return the stream of a message's queue and priority; suspects have streams of their own."""
        kind = "s" if message.deliveries else "q"
        return self.key(f"{kind}:{message.priority}:{message.queue_name}")

    def kind_of(self, stream: str) -> str:
        """Return ``q``, or ``s`` for a stream of suspects."""
        return stream[len(self.prefix) :].partition(":")[0]

    def priority_of(self, stream: str) -> int:
        """Return the priority that a stream is for."""
        return int(stream[len(self.prefix) :].split(":", 2)[1])

    def is_stream(self, name: str) -> bool:
        """Return whether this is the name of a stream."""
        return _STREAM.match(name[len(self.prefix) :]) is not None

    def queue_of(self, stream: str) -> str:
        """Return the queue that a stream belongs to."""
        return stream[len(self.prefix) :].split(":", 2)[2]


def glob(text: str) -> str:
    """Return a pattern that matches a text only (https://redis.io/docs/latest/commands/keys/)."""
    return re.sub(r"([\\*?\[\]^-])", r"\\\1", text)


def encode(message: Message) -> str:
    """Return a message as JSON text."""
    return to_json(to_values(message))


def decode(text: str, key: Any = None, lost: str | None = None) -> Message:
    """Return the message of a JSON text.

    Args:
        text: The text.
        key: What the broker knows it by.
        lost: How many processes it was running in when they died, where that is known better than in the text.

    Raises:
        BadMessageError: If it does not describe one.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("what is stored is not JSON") from error
    message = from_values(values, key)
    if lost is not None and lost.isdigit():
        message.deliveries = int(lost)
    return message


def decode_for_people(text: str, known_by: str, queue: str = "") -> Message:
    """Return the message of a text, or one that says that it cannot be read."""
    try:
        return decode(text)
    except BadMessageError:
        return Message(UNREADABLE, queue, "", message_id=known_by, sent_at=0.0)


def dead_text(text: str, error: str) -> str:
    """Return a dead message as it is stored."""
    # Not in ASCII, where an error may take four times as much.
    dead = json.dumps({"message": text, "error": error, "at": time.time()}, ensure_ascii=False)
    return dead.encode("utf-8", "backslashreplace").decode()


def unique_arguments(message: Message) -> list[Any]:
    """Return key, id, scope and end of a message's unique key, as the scripts want them."""
    key, scope, until = message.option("unique") or ("", "", 0)
    return [key, message.message_id, scope, repr(until)]


def result_text(end: Finished) -> str:
    """Return what senders are told of an end, as it is stored."""
    return to_json([end.result or "null", end.error, time.time()])


def callback_text(names: Names, spec: str | None) -> str:
    """Return the callback of a group as `SETTLE` wants it, or an empty text: stream, delay, moment, and the message but for the times."""
    if spec is None:
        return ""
    message = decode(spec)
    values = to_values(message)
    del values["sent_at"], values["due"]
    delay = message.option("delay") or 0
    return to_json([names.stream(message), delay, message.due, to_json(values)[1:]])


def end_text(names: Names, end: Finished) -> str:
    """Return the end of a message as `SETTLE` wants it."""
    message = end.message
    stream, entry = message.key
    values: dict[str, Any] = {
        "action": ACTIONS[end.outcome],
        "stream": stream,
        "entry": entry,
        "id": message.message_id,
        "due": repr(end.due),
    }
    if end.outcome is not Outcome.DONE:
        values["target"] = names.stream(message)
        values["text"] = _changed_text(end)
    if end.outcome is Outcome.DEAD:
        values["text"] = dead_text(values["text"], end.error)
    if end.keeps_result:
        values["result"] = result_text(end)
        values["told"] = end.told_ids
    if message.limit_key is not None:
        values["limit"] = message.limit_key
    values.update(_end_options(names, end))
    return to_json(values)


def _changed_text(end: Finished) -> str:
    """Return the message as it is stored after an end. The message itself stays: the store may not take it."""
    values = to_values(end.message)
    if end.outcome is not Outcome.RELEASED:
        values["attempts"] += end.counts
        values["due"] = end.due
    if end.outcome is Outcome.RETRY and end.error:
        values[NOTED_ERROR] = end.error
    return to_json(values)


def noted_error(text: str) -> str:
    """Return why a stored message is to be tried again; empty if that is not the case, or cannot be read."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    error = values.get(NOTED_ERROR, "") if isinstance(values, dict) else ""
    return error if isinstance(error, str) else ""


def _end_options(names: Names, end: Finished) -> dict[str, Any]:
    values: dict[str, Any] = {}
    unique = end.message.option("unique")
    if unique is not None and unique[1] != "time":
        values["unique"] = unique[0]
    if end.follow:
        values["follow"] = [_stored_as(names, message) for message in end.follow]
    elif end.message.option("group") is not None:
        values["group"] = end.message.option("group")
        values["failed"] = end.has_failed
    return values


def _stored_as(names: Names, message: Message) -> list[str]:
    due = message.due if message.due > time.time() else 0
    return [names.stream(message), repr(due), encode(message)]
