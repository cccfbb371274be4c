"""What a task may ask about itself, and what it may tell its sender."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from openviper.tasks.message import Message
from openviper.tasks.running import Run, current_message, get_trace_id, running


def run(**options: Any) -> Run:
    return Run(Message("a", "q", "{}", attempts=2, options=options or None))


@pytest.mark.parametrize("name", ["message_id", "attempt", "state", "is_stopping", "is_cancelled"])
def test_outside_of_a_task_there_is_nothing_to_ask(name: str) -> None:
    assert current_message.get() is None
    with pytest.raises(LookupError, match="no task is running here"):
        getattr(current_message, name)
    with pytest.raises(LookupError):
        current_message.progress(0.5)
    assert get_trace_id() == ""


def test_inside_it_answers_for_the_message_that_runs() -> None:
    current = run(state={"page": 3})
    with running(current):
        copied = current_message.get()
        assert copied is not None and copied.payload == current.message.payload
        assert current_message.message_id == current.message.message_id
        assert current_message.attempt == 3
        assert current_message.state == {"page": 3}
        before = (current_message.is_stopping, current_message.is_cancelled)
        current.is_stopping = current.is_cancelled = True
        after = (current_message.is_stopping, current_message.is_cancelled)
        assert (before, after) == ((False, False), (True, True))
        assert get_trace_id() == current.message.message_id[:8]
    assert current_message.get() is None


def test_the_state_is_a_copy_and_empty_at_first() -> None:
    current = run(state={"page": 3})
    with running(current):
        dict(current_message.state)["page"] = 4
        current_message.state.update(page=5)  # type: ignore[attr-defined]  # a dict, which does not tell
        assert current_message.state == {"page": 3}
    with running(run()):
        assert current_message.state == {}


def test_one_inside_another_gives_way_again_whatever_happens() -> None:
    outer, inner = run(), run()
    with running(outer):
        with pytest.raises(ZeroDivisionError), running(inner):
            assert current_message.message_id == inner.message.message_id
            _ = 1 / 0
        assert current_message.message_id == outer.message.message_id


async def test_tasks_on_one_loop_do_not_see_each_other() -> None:
    async def work() -> bool:
        current = run()
        with running(current):
            await asyncio.sleep(0)
            return current_message.message_id == current.message.message_id

    assert await asyncio.gather(*(work() for _ in range(3))) == [True, True, True]
    assert current_message.get() is None


# Progress


@pytest.fixture
def told() -> list[tuple[Message, float, str]]:
    """What was reported."""
    return []


@pytest.mark.parametrize("share", [0, 0.0, 0.5, 1, True])
def test_progress_is_told_as_a_share(told: list[tuple[Message, float, str]], share: float) -> None:
    message = Message("a", "q", "{}")
    with running(Run(message, lambda *values: told.append(values))):
        current_message.progress(share, "half of it")
    assert told == [(message, float(share), "half of it")]
    assert isinstance(told[0][1], float)


@pytest.mark.parametrize("share", [-0.1, 1.01, 50, float("nan"), float("inf")])
def test_a_share_out_of_bounds_is_refused(
    told: list[tuple[Message, float, str]], share: float
) -> None:
    with (
        running(Run(Message("a", "q", "{}"), lambda *values: told.append(values))),
        pytest.raises(ValueError, match="share=.* is not from 0 to 1"),
    ):
        current_message.progress(share)
    assert told == []


@pytest.mark.parametrize(
    ("note", "stored"),
    [(5, "5"), ("a\0b", "a\\0b"), ("\ud800", "\\ud800"), ("x" * 300, "x" * 254 + "…")],
)
def test_a_note_is_a_text_that_every_store_takes(
    told: list[tuple[Message, float, str]], note: Any, stored: str
) -> None:
    with running(Run(Message("a", "q", "{}"), lambda *values: told.append(values))):
        current_message.progress(0, note)
    assert told[0][2] == stored


def test_progress_that_nobody_listens_to_is_checked_all_the_same() -> None:
    with running(run()):
        current_message.progress(0.5)
        with pytest.raises(ValueError, match="share=2"):
            current_message.progress(2)
