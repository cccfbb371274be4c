"""Messages and their ends as the texts that Redis holds."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from openviper.tasks.brokers.redis_messages import (
    UNREADABLE,
    Names,
    callback_text,
    dead_text,
    decode,
    decode_for_people,
    encode,
    end_text,
    unique_arguments,
)
from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import Finished, Message, Outcome

NAMES = Names("app:")


def message(**keys: Any) -> Message:
    return Message("work", "mail", '{"args":[],"kwargs":{}}', key=("app:q:0:mail", "1-0"), **keys)


def end(outcome: Outcome = Outcome.DONE, **keys: Any) -> dict[str, Any]:
    """Return what is stored of the end of a message with some options."""
    options = keys.pop("options", None)
    text = end_text(NAMES, Finished(message(options=options), outcome, **keys))
    values: dict[str, Any] = json.loads(text)
    return values


# Names


@pytest.mark.parametrize("queue", ["mail", "a:b", ":", "ä b", "q:1:mail"])
@pytest.mark.parametrize("priority", [0, -7, 1_000_000])
@pytest.mark.parametrize(("deliveries", "kind"), [(0, "q"), (2, "s")])
@pytest.mark.parametrize("prefix", ["", "app:", "q:5:"])
def test_queue_priority_and_kind_can_be_read_from_the_name_of_a_stream(
    prefix: str, queue: str, priority: int, deliveries: int, kind: str
) -> None:
    names = Names(prefix)
    stream = names.stream(Message("a", queue, "{}", priority=priority, deliveries=deliveries))
    assert stream.startswith(prefix)
    assert (names.kind_of(stream), names.priority_of(stream), names.queue_of(stream)) == (
        kind, priority, queue,
    )  # fmt: skip


# Messages


def test_a_message_comes_back_as_it_was_under_its_key() -> None:
    made = message(priority=-3, due=1.5, attempts=2, deliveries=1, options={"k": ["ä", None]})
    again = decode(encode(made), key=7)
    assert again.key == 7
    for name in set(Message.__slots__) - {"key", "limit_key"}:
        assert getattr(again, name) == getattr(made, name), name


@pytest.mark.parametrize(
    ("lost", "deliveries"), [("2", 2), ("0", 0), (None, 1), ("", 1), ("-1", 1), ("x", 1)]
)
def test_the_number_of_lost_processes_is_taken_from_where_it_is_known_better(
    lost: str | None, deliveries: int
) -> None:
    assert decode(encode(message(deliveries=1)), lost=lost).deliveries == deliveries


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "{}", "[" * 100_000, '{"id": 5}', "\x00"])
def test_what_is_no_message_is_refused_and_shown_as_unreadable(text: str) -> None:
    with pytest.raises(BadMessageError):
        decode(text)
    shown = decode_for_people(text, "1-0", "mail")
    assert (shown.actor_name, shown.queue_name, shown.message_id) == (UNREADABLE, "mail", "1-0")
    assert shown.sent_at == 0.0


def test_what_is_a_message_is_shown_as_that() -> None:
    made = message()
    assert decode_for_people(encode(made), "other").message_id == made.message_id


def test_a_dead_message_is_stored_as_text_within_text() -> None:
    stored = json.loads(dead_text("{broken", "ValueError: ä"))
    assert (stored["message"], stored["error"]) == ("{broken", "ValueError: ä")
    assert stored["at"] > 0


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (None, ["", "", "0"]),
        ({"unique": ["key", "running", 0]}, ["key", "running", "0"]),
        ({"unique": ["key", "time", 1.25]}, ["key", "time", "1.25"]),
    ],
)
def test_a_unique_key_goes_with_the_id_of_its_message(options: Any, arguments: list[str]) -> None:
    made = message(options=options)
    key, scope, until = arguments
    assert unique_arguments(made) == [key, made.message_id, scope, until]


def test_the_callback_of_a_group_knows_its_stream() -> None:
    assert callback_text(NAMES, None) == ""
    made = message(priority=4)
    made.set_option("delay", 2.5)
    stream, delay, due, rest = json.loads(callback_text(NAMES, encode(made)))
    assert (stream, delay, due) == ("app:q:4:mail", 2.5, 0)
    again = decode('{"sent_at":7.5,"due":8,' + rest)
    assert (again.sent_at, again.due) == (7.5, 8)
    assert (again.message_id, again.payload) == (made.message_id, made.payload)


# Ends


def test_a_success_says_no_more_than_what_is_to_be_removed() -> None:
    values = end()
    assert values.pop("id")
    assert values == {"action": "done", "stream": "app:q:0:mail", "entry": "1-0", "due": "0.0"}


def test_a_retry_bears_the_message_with_one_more_attempt_and_its_new_time() -> None:
    values = end(Outcome.RETRY, due=99.5, error="E: x")
    assert (values["action"], values["due"], values["target"]) == ("retry", "99.5", "app:q:0:mail")
    stored = decode(values["text"])
    assert (stored.attempts, stored.due) == (1, 99.5)
    assert "result" not in values


def test_a_retry_that_does_not_count_leaves_the_attempts() -> None:
    assert decode(end(Outcome.RETRY, counts=False)["text"]).attempts == 0


def test_what_is_given_back_stays_as_it_was() -> None:
    values = end(Outcome.RELEASED, due=99.5)
    stored = decode(values["text"])
    assert (values["action"], stored.attempts, stored.due) == ("release", 0, 0.0)


def test_a_dead_one_is_kept_with_its_error_which_is_its_result_too() -> None:
    values = end(Outcome.DEAD, error="E: x")
    dead = json.loads(values["text"])
    assert (dead["error"], decode(dead["message"]).attempts) == ("E: x", 1)
    assert json.loads(values["result"])[:2] == ["null", "E: x"]


def test_the_message_itself_is_not_changed_as_the_store_may_not_take_it() -> None:
    made = message()
    end_text(NAMES, Finished(made, Outcome.RETRY, due=5.0))
    assert (made.attempts, made.due) == (0, 0.0)


@pytest.mark.parametrize(("result", "stored"), [("[1]", ["[1]", ""]), ("null", ["null", ""])])
def test_a_result_is_kept_as_it_was_written(result: str, stored: list[str]) -> None:
    began = time.time()
    *kept, stored_at = json.loads(end(result=result)["result"])
    assert kept == stored and began <= stored_at <= time.time()


@pytest.mark.parametrize(
    ("scope", "is_freed"), [("queued", True), ("running", True), ("time", False)]
)
def test_a_unique_key_is_freed_at_the_end_unless_it_is_for_a_time(
    scope: str, is_freed: bool
) -> None:
    assert ("unique" in end(options={"unique": ["key", scope, 0]})) is is_freed


def test_a_permit_is_given_back_with_the_end() -> None:
    made = message()
    made.limit_key = "lim"
    assert json.loads(end_text(NAMES, Finished(made, Outcome.DONE)))["limit"] == "lim"
    assert "limit" not in end()


def test_what_follows_counts_in_the_group_in_place_of_what_has_ended() -> None:
    following = message(due=4e9)
    values = end(options={"group": "g"}, follow=(following,))
    assert values["follow"] == [["app:q:0:mail", "4000000000.0", encode(following)]]
    assert "group" not in values
    assert end(options={"group": "g"})["group"] == "g"
