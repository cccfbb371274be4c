"""Calls that run where they are made, because tasks are disabled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from openviper.tasks import actor, enqueue_task
from openviper.tasks.inline_calls import run_inline, wait_for_inline
from tests.unit.tasks.conftest import Configure


@pytest.fixture
def calls() -> list[Any]:
    """What was called."""
    return []


def test_a_plain_function_has_run_when_the_call_returns(calls: list[Any]) -> None:
    run_inline(lambda *args, **kwargs: calls.append((args, kwargs)), (1,), {"a": 2})
    assert calls == [((1,), {"a": 2})]


def test_an_async_one_without_a_loop_has_run_too(calls: list[Any]) -> None:
    async def work(value: int) -> None:
        await asyncio.sleep(0)
        calls.append(value)

    run_inline(work, (3,), {})
    assert calls == [3]


async def test_an_async_one_on_a_loop_runs_there_and_is_waited_for_at_the_end(
    calls: list[Any],
) -> None:
    async def work(value: int) -> None:
        await asyncio.sleep(0)
        calls.append(value)
        if value < 3:
            run_inline(work, (value + 1,), {})

    run_inline(work, (1,), {})
    assert calls == []
    await wait_for_inline()
    assert calls == [1, 2, 3]
    await wait_for_inline()


def test_a_plain_failure_is_the_callers() -> None:
    def broken() -> None:
        raise ValueError("no")

    async def broken_too() -> None:
        raise ValueError("no")

    for fn in (broken, broken_too):
        with pytest.raises(ValueError, match="no"):
            run_inline(fn, (), {})


async def test_a_failure_on_the_loop_is_logged_and_stops_nobody(
    caplog: pytest.LogCaptureFixture, calls: list[Any]
) -> None:
    async def broken() -> None:
        raise ValueError("no")

    async def work() -> None:
        calls.append(1)

    with caplog.at_level("ERROR", "openviper.tasks"):
        run_inline(broken, (), {})
        run_inline(work, (), {})
        await wait_for_inline()
    assert calls == [1]
    assert "a task that ran inline failed" in caplog.text and "ValueError: no" in caplog.text


async def test_a_cancelled_one_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        asyncio.current_task().cancel()  # type: ignore[union-attr]  # a task runs it
        await asyncio.sleep(0)

    run_inline(work, (), {})
    await wait_for_inline()
    assert "failed" not in caplog.text


# Actors, when tasks are disabled


def test_a_call_runs_at_once_whatever_its_options(configure: Configure, calls: list[Any]) -> None:
    @actor(queue_name="far")
    def work(value: int) -> None:
        calls.append(value)

    configure(enabled=False)
    proxy = work.send(1)
    work.send_with_options(args=(2,), delay=60_000, queue="other", priority=5)
    work.send_many([(3,), (4,)], delay=1000)
    assert calls == [1, 2, 3, 4]
    assert proxy.message_id == ""


def test_what_would_be_refused_is_refused_before_it_runs(
    configure: Configure, calls: list[Any]
) -> None:
    @actor
    def work(value: Any) -> None:
        calls.append(value)

    configure(enabled=False)
    with pytest.raises(TypeError, match="cannot be called so"):
        work.send()  # type: ignore[call-arg]  # what is tested
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        work.send({1})
    with pytest.raises(ValueError, match="delay=-1 is negative"):
        work.send_with_options(args=(1,), delay=-1)
    assert calls == []


def test_an_actor_that_nobody_knows_cannot_run(configure: Configure) -> None:
    configure(enabled=False)
    with pytest.raises(LookupError, match="tasks are disabled, and no actor 'elsewhere' is known"):
        enqueue_task("elsewhere")


def test_an_actor_of_a_name_runs_with_its_arguments(configure: Configure, calls: list[Any]) -> None:
    @actor(actor_name="here")
    def work(a: int, *, b: int) -> None:
        calls.append((a, b))

    configure(enabled=False)
    enqueue_task("here", (1,), {"b": 2})
    assert calls == [(1, 2)]
