"""Coroutine functions below a plain decorator: limits, cancelling and the end of a worker reach them as they do others."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openviper.tasks import Retry, SoftTimeLimitError, actor, chain
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.message import CANCELLED_ERROR
from tests.unit.tasks.worker.test_process import errors, run, run_until

seen: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> Iterator[None]:
    """Forget what earlier tests have noted."""
    seen.clear()
    yield


def decorated(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return a plain function that calls another one."""

    @functools.wraps(fn)
    def wrapper(*args: Any) -> Any:
        return fn(*args)

    return wrapper


def test_the_soft_limit_strikes_where_the_coroutine_waits(memory: MemoryBroker) -> None:
    @actor(max_retries=0, soft_time_limit=20, time_limit=60_000)
    @decorated
    async def tidy() -> None:
        try:
            await asyncio.sleep(60)
        except SoftTimeLimitError:
            seen.append("tidied")

    tidy.send()
    run(memory)
    assert seen == ["tidied"] and errors(memory) == []


def test_one_that_is_cancelled_ends(memory: MemoryBroker) -> None:
    @actor
    @decorated
    async def endless() -> None:
        seen.append("begun")
        await asyncio.sleep(60)

    proxy = endless.send()

    def cancelled() -> bool:
        if seen:
            proxy.cancel()
        return not memory.messages()

    run_until(memory, cancelled)
    stored = memory.result(proxy.message_id)
    assert stored is not None and stored.error == CANCELLED_ERROR


def test_one_that_is_cut_off_goes_back_or_goes_on_by_itself(memory: MemoryBroker) -> None:
    @actor(max_retries=0)
    @decorated
    async def stubborn() -> None:
        seen.append("stubborn")
        await asyncio.sleep(60)

    @actor(max_retries=0)
    @decorated
    async def wise() -> None:
        seen.append("wise")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise Retry(state={"row": 7}, counts=False, delay=60_000) from None

    stubborn.send()
    wise.send()
    run_until(memory, lambda: len(seen) == 2, grace=0.1)
    found = {
        entry.message.actor_name.rpartition(".")[2]: entry for entry in memory.entries.values()
    }
    assert found["stubborn"].state.name == "READY" and found["stubborn"].message.attempts == 0
    assert found["wise"].message.option("state") == {"row": 7}


def test_nothing_follows_a_step_that_was_to_be_cancelled_and_did_not_notice(
    memory: MemoryBroker,
) -> None:
    @actor
    async def deaf() -> None:
        seen.append("begun")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("deaf")

    @actor(store_results=True)
    def after() -> None:
        seen.append("after")

    proxy = chain(deaf.message(), after.message())

    def cancelled() -> bool:
        if seen:
            proxy.cancel()
        return not memory.messages()

    run_until(memory, cancelled)
    assert seen == ["begun", "deaf"]
    stored = memory.result(proxy.message_id)
    assert stored is not None and stored.error == CANCELLED_ERROR


@pytest.mark.parametrize("lazy", [zip, enumerate, map, filter])
def test_what_calls_something_only_when_asked_has_not_run(
    memory: MemoryBroker, lazy: Callable[..., Any]
) -> None:
    @actor(max_retries=0)
    def hidden() -> Any:
        arguments: tuple[Any, ...] = (print, []) if lazy in (map, filter) else ([],)
        return lazy(*arguments)

    hidden.send()
    run(memory)
    assert f"returned a {lazy.__name__}, not a result" in errors(memory)[0]


@pytest.mark.parametrize(
    "nameless", [functools.partial(print, 1), type("Callable", (), {"__call__": print})()]
)
def test_what_has_no_name_is_no_actor(nameless: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="an actor is a function with a name, not"):
        actor(nameless)
    with pytest.raises(TypeError, match="an actor is a function with a name, not"):
        actor(actor_name="named")(nameless)
