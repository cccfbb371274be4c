"""What follows from the end of an attempt."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any
from uuid import RFC_4122, UUID

import pytest

import openviper
from openviper.db.sql.permissions import bypass_permissions
from openviper.tasks.actors import Actor
from openviper.tasks.exceptions import Retry
from openviper.tasks.message import Message, Outcome
from openviper.tasks.message_ids import new_id, next_key
from openviper.tasks.worker.outcome import (
    MAX_RESULT,
    UnknownActorError,
    failed,
    find_actor,
    is_too_old,
    succeeded,
)
from openviper.tasks.worker.recorder import MASK, masked


def work() -> Any:
    """Do nothing."""


def message(attempts: int = 0) -> Message:
    """Return a message."""
    return Message("work", "default", '{"args":[],"kwargs":{}}', attempts=attempts)


@pytest.mark.parametrize("number", [1, 2, 3, 10, 5000])
def test_pauses_double_up_to_a_bound_and_are_never_the_same(number: int) -> None:
    actor = Actor(work, max_retries=10_000, min_backoff=1000, max_backoff=60_000)
    full = min(60_000, 1000 * 2 ** min(number - 1, 40)) / 1000
    pauses = []
    for _ in range(50):
        finished = failed(message(number - 1), actor, ValueError("x"))
        assert finished.outcome is Outcome.RETRY
        pauses.append(finished.due - time.time())
    assert full * 0.5 - 0.1 <= min(pauses) < max(pauses) <= full
    assert len(set(pauses)) > 40


def test_the_last_failure_is_the_end() -> None:
    actor = Actor(work, max_retries=2)
    assert failed(message(1), actor, ValueError("x")).outcome is Outcome.RETRY
    dead = failed(message(2), actor, ValueError("x"))
    assert (dead.outcome, dead.error) == (Outcome.DEAD, "ValueError: x")
    assert failed(message(0), Actor(work, max_retries=0), ValueError()).outcome is Outcome.DEAD


def test_a_message_nobody_knows_is_tried_for_a_while() -> None:
    with pytest.raises(UnknownActorError, match="no actor 'work' is known to this worker"):
        find_actor(message())
    first = failed(message(), None, UnknownActorError("work"))
    assert first.outcome is Outcome.RETRY and 25 < first.due - time.time() <= 60
    assert failed(message(3), None, UnknownActorError("work")).outcome is Outcome.DEAD


def test_results_are_kept_for_who_asks() -> None:
    asking, silent = Actor(work, store_results=True), Actor(work)
    assert succeeded(message(), asking, {"ä": [1]}, keep_results=True).result == '{"\\u00e4":[1]}'
    assert succeeded(message(), asking, 1, keep_results=False).result is None
    assert succeeded(message(), silent, 1, keep_results=True).result is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (object(), "TypeError: the result cannot be written as JSON"),
        (
            "x" * (MAX_RESULT + 1),
            f"ValueError: the result has {MAX_RESULT + 3} bytes of JSON, more than {MAX_RESULT}",
        ),
    ],
)
def test_a_result_that_cannot_be_kept_is_no_failure_of_the_task(value: Any, problem: str) -> None:
    finished = succeeded(message(), Actor(work, store_results=True), value, keep_results=True)
    assert finished.outcome is Outcome.DONE
    assert finished.error.startswith(problem)


@pytest.mark.parametrize("value", [{1: "a", "1": "b"}, [{"a": {None: 1}}], ({"true": 1, True: 2},)])
def test_keys_that_json_would_change_are_refused_in_results_and_states(value: Any) -> None:
    end = succeeded(message(), Actor(work, store_results=True), value, keep_results=True)
    assert (end.outcome, end.result) == (Outcome.DONE, None)
    assert "the result cannot be written as JSON" in end.error
    assert "which is not a text" in end.error
    again = failed(message(), Actor(work), Retry("once more", state={"seen": value}))
    assert again.outcome is Outcome.DEAD
    assert "which is not a text" in again.error


def test_a_message_may_be_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    one = message()
    assert not is_too_old(one, Actor(work, max_age=1000))
    monkeypatch.setattr("openviper.tasks.worker.outcome.time.time", lambda: one.sent_at + 1.5)
    assert is_too_old(one, Actor(work, max_age=1000))
    assert not is_too_old(one, Actor(work))


def test_secrets_in_keyword_arguments_are_hidden() -> None:
    given = {"user": "ada", "Password": "x", "more": [{"api_key": "k", "n": 1}], "token": None}
    assert masked(given) == {
        "user": "ada",
        "Password": MASK,
        "more": [{"api_key": MASK, "n": 1}],
        "token": MASK,
    }


def test_keys_grow() -> None:
    keys = [next_key() for _ in range(10_000)]
    assert keys == sorted(set(keys))
    assert 0 < keys[0] < 2**63


def test_identifiers_are_random_uuids() -> None:
    made = [UUID(new_id()) for _ in range(1000)]
    assert {(one.version, one.variant) for one in made} == {(4, RFC_4122)}
    assert len(set(made)) == 1000
    assert all(str(UUID(text)) == text for text in (new_id() for _ in range(50)))


def test_the_bookkeeping_of_tasks_warns_nobody(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("openviper"), "propagate", True)
    caplog.set_level(logging.WARNING)
    own = compile(
        "with bypass_permissions(reason='own'): pass",
        str(Path(openviper.__file__).parent / "tasks/schedule/stored_jobs.py"),
        "exec",
    )
    exec(own, {"bypass_permissions": bypass_permissions})
    assert caplog.text == ""
    with bypass_permissions(reason="of the project"):
        pass
    assert "of the project" in caplog.text
