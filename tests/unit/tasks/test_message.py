"""Messages as JSON values, their ids, and what is refused when they are read."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import UUID

import pytest

from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import (
    Message,
    from_values,
    to_json,
    to_values,
)
from openviper.tasks.message_ids import new_id, new_ids, next_key


def test_a_message_comes_back_from_its_values_as_it_was() -> None:
    made = Message(
        "a", "q", "{}", priority=-3, due=1.5, attempts=2, deliveries=1, options={"k": [1]}
    )
    again = from_values(json.loads(to_json(to_values(made))), key=7)
    for name in ("actor_name", "queue_name", "payload", "priority", "due", "attempts", "deliveries", "options", "message_id", "sent_at"):  # fmt: skip
        assert getattr(again, name) == getattr(made, name)
    assert again.key == 7


def test_a_message_of_an_earlier_version_is_read() -> None:
    values = to_values(Message("a", "q", "{}"))
    del values["deliveries"], values["options"]
    assert (from_values(values).deliveries, from_values(values).options) == (0, None)


@pytest.mark.parametrize(
    "name", ["id", "actor", "queue", "payload", "priority", "attempts", "sent_at", "due"]
)
@pytest.mark.parametrize("value", [None, [], {"x": 1}])
def test_a_field_of_another_type_is_refused(name: str, value: Any) -> None:
    values = {**to_values(Message("a", "q", "{}")), name: value}
    with pytest.raises(BadMessageError, match=name):
        from_values(values)


@pytest.mark.parametrize("values", [None, 5, "x", [], {}])
def test_what_is_no_message_is_refused(values: Any) -> None:
    with pytest.raises(BadMessageError):
        from_values(values)


def test_options_are_set_and_removed_without_touching_those_of_others() -> None:
    shared = {"a": 1}
    message = Message("a", "q", "{}", options=shared)
    message.set_option("b", 2)
    message.set_option("a", None)
    assert (message.options, shared) == ({"b": 2}, {"a": 1})
    message.set_option("b", None)
    assert message.options is None


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # The child ends at once.
def test_ids_are_uuids_that_no_two_processes_share() -> None:
    ids = {new_id() for _ in range(1000)}
    ids |= set(new_ids(1000))
    assert new_ids(0) == []
    assert len(ids) == 2000 and all(UUID(each).version == 4 for each in ids)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, new_id().encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 100).decode() != new_id()
    os.close(read)
    os.close(write)


def test_keys_grow_and_differ() -> None:
    keys = [next_key(), *next_key.many(3000), next_key(), *next_key.many(1), *next_key.many(0)]
    keys += [next_key() for _ in range(2000)]
    assert len(keys) == 5003
    assert keys == sorted(set(keys)) and keys[-1] < 2**63


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"x", {(1, 2): 3}])
def test_what_json_does_not_have_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        to_json([value])


def test_what_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises((ValueError, RecursionError)):
        to_json(endless)
