"""What a task returned, for whoever asks."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from openviper.tasks.brokers.base import Progress, StoredResult
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import (
    ResultFailure,
    ResultMissing,
    ResultNotKeptError,
    ResultsBackendDisabledError,
    ResultTimeout,
)
from openviper.tasks.message import Message
from openviper.tasks.proxy import TaskMessageProxy
from openviper.tasks.results import get_result, wait_for_result
from tests.unit.tasks.conftest import Configure


@pytest.fixture
def store(memory: MemoryBroker, configure: Configure) -> MemoryBroker:
    """A broker with results switched on."""
    configure(backend_url="on")
    return memory


def proxy(message_id: str = "m", *, keeps_result: bool = True) -> TaskMessageProxy:
    return TaskMessageProxy(message_id, "work", "q", (), {}, keeps_result=keeps_result)


@pytest.mark.parametrize("value", ["null", "0", '""', "[1,{}]", '{"\\u00e4":null}'])
async def test_a_result_is_the_value_that_was_stored(store: MemoryBroker, value: str) -> None:
    store.results["m"] = StoredResult(value, "")
    expected: Any = json.loads(value)
    assert get_result("m", block=False) == expected
    assert get_result("m", timeout=0) == expected
    assert await wait_for_result("m", timeout=0) == expected
    assert proxy().get_result() == await proxy().result() == expected


@pytest.mark.parametrize(
    ("error", "type_name", "text"),
    [
        ("ValueError: no", "ValueError", "no"),
        ("KeyError: a: b", "KeyError", "a: b"),
        ("Strange", "Strange", ""),
        ("ValueError: ", "ValueError", ""),
    ],
)
async def test_a_failure_tells_type_and_text(
    store: MemoryBroker, error: str, type_name: str, text: str
) -> None:
    store.results["m"] = StoredResult("null", error)
    with pytest.raises(ResultFailure) as caught:
        await wait_for_result("m")
    assert (caught.value.message_id, caught.value.type_name, caught.value.message) == (
        "m", type_name, text,
    )  # fmt: skip
    with pytest.raises(ResultFailure, match="message 'm' failed"):
        get_result("m", block=False)


async def test_without_a_result_yet_one_may_look_once_or_wait_for_a_while(
    store: MemoryBroker,
) -> None:
    with pytest.raises(ResultMissing) as missing:
        get_result("m", block=False)
    assert missing.value.message_id == "m"
    for timeout in (0, 1):
        with pytest.raises(ResultTimeout, match=f"'m' had no result after {timeout} ms"):
            get_result("m", timeout=timeout)
    with pytest.raises(TimeoutError, match="after 0 ms"):
        await wait_for_result("m", timeout=0)


async def test_a_result_that_arrives_while_one_waits_ends_the_wait(store: MemoryBroker) -> None:
    async def arrive() -> None:
        store.results["m"] = StoredResult("7", "")

    value, _ = await asyncio.gather(wait_for_result("m"), arrive())
    assert value == 7


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5"])
async def test_a_wait_that_cannot_be_is_refused(store: MemoryBroker, timeout: Any) -> None:
    store.results["m"] = StoredResult("7", "")
    with pytest.raises((ValueError, TypeError), match="timeout="):
        get_result("m", timeout=timeout)
    with pytest.raises((ValueError, TypeError), match="timeout="):
        await wait_for_result("m", timeout=timeout)


async def test_results_that_are_not_kept_are_not_waited_for(memory: MemoryBroker) -> None:
    memory.results["m"] = StoredResult("7", "")
    with pytest.raises(ResultsBackendDisabledError, match=r"set TASKS\['backend_url'\]"):
        get_result("m")
    with pytest.raises(ResultsBackendDisabledError):
        await wait_for_result("m")


async def test_an_actor_without_results_is_named(store: MemoryBroker) -> None:
    with pytest.raises(ResultNotKeptError, match="give it store_results=True"):
        proxy(keeps_result=False).get_result()
    with pytest.raises(ResultNotKeptError) as caught:
        await proxy(keeps_result=False).result()
    assert caught.value.actor_name == "work"


def test_a_sender_sees_progress_and_may_cancel(store: MemoryBroker) -> None:
    message = Message("work", "q", "{}")
    store.enqueue([message])
    sent = proxy(message.message_id)
    assert sent.progress() is None
    store.reported[message.message_id] = Progress(message.message_id, 0.5, "", 0.0)
    assert sent.progress() == (message.message_id, 0.5, "", 0.0)
    assert sent.cancel()
    assert not sent.cancel()
    assert store.entries == {}


def test_cancelling_what_runs_asks_for_its_end(store: MemoryBroker) -> None:
    message = Message("work", "q", "{}")
    store.enqueue([message])
    consumer = store.consumer("host:1:2:3", None)
    consumer.exchange([], 1)
    assert not proxy(message.message_id).cancel()
    assert consumer.cancelled() == {message.message_id}
    consumer.close()


def test_a_proxy_says_what_it_stands_for() -> None:
    assert repr(proxy()) == "<TaskMessageProxy m work>"
    assert repr(proxy("")) == "<TaskMessageProxy inline work>"
    kwargs = {"a": 1}
    made = TaskMessageProxy("m", "work", "q", (1,), kwargs)
    kwargs["a"] = 2
    assert (made.args, made.kwargs, made.is_duplicate) == ((1,), {"a": 1}, False)
