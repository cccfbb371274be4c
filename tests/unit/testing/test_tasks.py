"""Helpers for testing background tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from openviper.db import atomic
from openviper.tasks import Registry, actor, enqueue_task
from openviper.tasks import broker as process_broker
from openviper.tasks.conf import resolve_tasks_config
from openviper.testing import (
    EagerTaskRunner,
    TaskQueue,
    assert_task_count,
    assert_task_queued,
    create_task_queue,
)
from openviper.testing.databases.database import TestDatabase


@pytest.fixture(params=[1, 0], ids=["enabled", "disabled"], autouse=True)
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run with tasks enabled and disabled; nothing must reach a broker."""
    monkeypatch.setattr(process_broker, "_config", resolve_tasks_config({"enabled": request.param}))
    monkeypatch.setattr(
        process_broker, "make_broker", lambda config: pytest.fail("a broker was opened")
    )
    before = dict(Registry._actors)
    yield
    Registry._actors = before


def greet(name: str, *, loud: bool = False) -> str:
    """Return a greeting."""
    return f"Hello, {name}{'!' if loud else ''}"


def test_everything_that_is_sent_is_taken() -> None:
    made = actor(queue_name="mail")(greet)
    with TaskQueue().patch() as queue:
        proxy = made.send("Ada", loud=True)
        made.send_with_options(args=("Bob",), delay=500, queue="slow")
        enqueue_task("unknown.task", (1, (2, 3)))
    first, second, third = queue.tasks
    assert (first.actor_name, first.args, first.kwargs, first.queue_name, first.delay) == (
        made.actor_name, ("Ada",), {"loud": True}, "mail", None,
    )  # fmt: skip
    assert (second.queue_name, second.delay) == ("slow", 500)
    assert (third.actor_name, third.args) == (
        "unknown.task",
        (1, [2, 3]),
    )  # As JSON brings it to a worker.
    assert proxy.message_id
    assert len(queue) == 3


def test_names_may_be_short() -> None:
    queue = TaskQueue()
    queue.add("shop.tasks.greet", ("Ada",), {"loud": True}, queue_name="mail", delay=5)
    assert (
        queue.has_task("shop.tasks.greet")
        and queue.has_task("greet")
        and queue.has_task("tasks.greet")
    )
    assert not queue.has_task("reet")
    assert_task_queued(queue, "greet")
    assert_task_count(queue, 1)
    with pytest.raises(AssertionError, match=r"task 'nope' was not sent; sent: shop\.tasks\.greet"):
        assert_task_queued(queue, "nope")
    with pytest.raises(AssertionError, match=r"1 tasks were sent, not 2: shop\.tasks\.greet"):
        assert_task_count(queue, 2)
    queue.clear()
    with pytest.raises(AssertionError, match="sent: none"):
        assert_task_queued(queue, "greet")


def test_blocks_may_be_nested_and_end() -> None:
    made = actor(greet)
    outer, block = create_task_queue()
    with block:
        with TaskQueue().patch() as inner:
            made.send("Ada")
        made.send("Bob")
    assert [task.args for task in inner.tasks] == [("Ada",)]
    assert [task.args for task in outer.tasks] == [("Bob",)]


def test_arguments_are_still_checked() -> None:
    with TaskQueue().patch() as queue, pytest.raises(TypeError):
        actor(greet).send(b"x")  # type: ignore[arg-type]  # refused at run time
    assert queue.tasks == []


def test_what_was_sent_can_be_carried_out() -> None:
    seen: list[Any] = []

    @actor
    async def second(number: int) -> int:
        seen.append(number)
        return number

    @actor
    def first(number: int) -> None:
        seen.append(-number)
        if number:
            second.send(number)

    async def work() -> None:
        with TaskQueue().patch() as queue:
            first.send(1)
            assert await queue.run() == [None, 1]
            assert (seen, queue.tasks) == ([-1, 1], [])
            enqueue_task("nobody.knows", ())
            with pytest.raises(LookupError):
                await queue.run()
            assert queue.has_task("nobody.knows")

    asyncio.run(work())


def test_what_a_transaction_sends_appears_when_it_commits() -> None:
    made = actor(greet)

    async def work() -> None:
        database = TestDatabase()
        await database.setup()
        try:
            with TaskQueue().patch() as queue:
                async with atomic():
                    made.send("Ada")
                    assert_task_count(queue, 0)
                assert_task_count(queue, 1)
                with pytest.raises(RuntimeError):
                    async with atomic():
                        made.send("Bob")
                        raise RuntimeError
                assert_task_count(queue, 1)
        finally:
            await database.teardown()

    asyncio.run(work())


def test_the_runner_tries_again_only_when_asked() -> None:
    calls: list[int] = []

    @actor(max_retries=2, min_backoff=60_000)
    async def fails(until: int) -> str:
        calls.append(until)
        if len(calls) < until:
            raise ValueError(len(calls))
        return "done"

    with pytest.raises(ValueError, match="1"):
        asyncio.run(EagerTaskRunner().run(fails, 3))
    calls.clear()
    assert asyncio.run(EagerTaskRunner(retries=True).run(fails, 3)) == "done"
    calls.clear()
    with pytest.raises(ValueError, match="3"):
        asyncio.run(EagerTaskRunner(retries=True).run(fails, 9))
    assert asyncio.run(EagerTaskRunner(retries=True).run(greet, "Ada", loud=True)) == "Hello, Ada!"
