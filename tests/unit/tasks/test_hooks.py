"""Functions of a project that are told what happens to its tasks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from openviper.tasks import hooks
from openviper.tasks.message import Message

MESSAGE = Message("a", "q", "{}")


@pytest.fixture
def told() -> Iterator[list[tuple[Any, ...]]]:
    """What a hook of every event was called with, in order."""
    calls: list[tuple[Any, ...]] = []

    def hook(*arguments: Any) -> None:
        # Each gets a copy of the message.
        calls.append(tuple(MESSAGE if repr(each) == repr(MESSAGE) else each for each in arguments))

    for event in ("before", "after", "failed", "dead", "worker_start", "worker_stop"):
        hooks.on(event)(hook)
    yield calls
    hooks.remove(hook)


def test_each_event_gives_its_hooks_what_it_has(told: list[tuple[Any, ...]]) -> None:
    hooks.call_hooks("worker_start")
    hooks.call_hooks("before", MESSAGE)
    hooks.call_hooks("failed", MESSAGE, "ValueError: x")
    hooks.call_hooks("dead", MESSAGE, "")
    assert told == [(), (MESSAGE,), (MESSAGE, "ValueError: x"), (MESSAGE, "")]


def test_an_event_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no event 'done'; known: before, after, failed, dead"):
        hooks.on("done")  # type: ignore[arg-type]  # what is tested


def test_a_hook_that_fails_is_logged_and_the_next_one_is_called(
    told: list[tuple[Any, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    @hooks.on("after")
    def broken(message: Message) -> None:
        raise RuntimeError("no")

    @hooks.on("after")
    def last(message: Message) -> None:
        told.append(("last",))

    try:
        with caplog.at_level(logging.ERROR, "openviper.tasks"):
            hooks.call_hooks("after", MESSAGE)
    finally:
        hooks.remove(broken)
        hooks.remove(last)
    assert told == [(MESSAGE,), ("last",)]
    assert "a hook for 'after' failed" in caplog.text


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_a_hook_that_leaves_takes_nobody_with_it(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    @hooks.on("before")
    def leave(message: Message) -> None:
        raise error

    try:
        # In the thread of a worker, it would end that thread, and its message would run for ever.
        hooks.call_hooks("before", MESSAGE)
    finally:
        hooks.remove(leave)
    assert "a hook for 'before' failed" in caplog.text


def test_a_removed_hook_is_called_no_more_and_removing_it_again_does_no_harm() -> None:
    calls: list[Message] = []
    hook = hooks.on("before")(calls.append)
    hooks.on("after")(hook)
    hooks.remove(hook)
    hooks.remove(hook)
    hooks.call_hooks("before", MESSAGE)
    hooks.call_hooks("after", MESSAGE)
    assert calls == []


def test_a_hook_may_remove_itself_while_it_is_called(told: list[tuple[Any, ...]]) -> None:
    def once(message: Message) -> None:
        hooks.remove(once)
        told.append(("once",))

    hooks.on("before")(once)
    hooks.call_hooks("before", MESSAGE)
    hooks.call_hooks("before", MESSAGE)
    assert told == [(MESSAGE,), ("once",), (MESSAGE,)]


def test_a_coroutine_function_is_no_hook() -> None:
    async def waits() -> None:
        """Do nothing."""

    with pytest.raises(TypeError, match="a hook is called, and not awaited"):
        hooks.on("before")(waits)
