"""Tool loops step by step, with providers that ask nobody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Unpack

import pytest

from openviper.ai import (
    ChatEvent,
    DoneEvent,
    Message,
    ModelRouter,
    ProviderAnswerError,
    ProviderRegistry,
    RecordingError,
    RecordingProvider,
    Reply,
    TextEvent,
    Tool,
    ToolCall,
    ToolCallEvent,
    ToolError,
    ToolEvent,
    ToolLoopError,
    ToolResultEvent,
    ToolSpec,
    stream_tools,
)
from openviper.ai.options import ChatOptions
from openviper.ai.types import Schema
from tests.unit.ai.fakes import Fake, Scripted


async def add(first: int, second: int = 1) -> int:
    """Add."""
    await asyncio.sleep(0)
    return first + second


def calling(*calls: tuple[str, str], text: str = "") -> Reply:
    made = tuple(ToolCall(name, arguments, f"c{i}") for i, (name, arguments) in enumerate(calls))
    return Reply(text, "m", tool_calls=made)


async def events_of(provider: Any, *tools: Any, **options: Any) -> list[ToolEvent]:
    return [event async for event in stream_tools(provider, "x", tools or (add,), **options)]


# A provider that cannot stream


async def test_a_provider_that_cannot_stream_says_everything_at_once() -> None:
    fake = Fake({"model": "small"})
    text, done = [event async for event in fake.stream_chat([Message("user", "hi")])]
    assert text == TextEvent("fake/small: user: hi")
    assert isinstance(done, DoneEvent)
    assert done.reply == await fake.chat([Message("user", "hi")])
    assert done.reply.usage.is_estimated


async def test_a_reply_without_text_has_no_piece_of_it() -> None:
    provider = Scripted(calling(("add", "{}")))
    (done,) = [event async for event in provider.stream_chat([])]
    assert isinstance(done, DoneEvent) and done.reply.tool_calls[0].name == "add"


async def test_what_it_cannot_do_is_said_by_the_stream_too() -> None:
    fake = Fake({"model": "small"})
    with pytest.raises(NotImplementedError, match="Fake knows no tools"):
        [_ async for _ in fake.stream_chat([], tools=[ToolSpec("a", "", {})])]
    with pytest.raises(NotImplementedError, match="Fake knows no tools"):
        await events_of(fake)


# The loop


async def test_each_step_is_told_in_order() -> None:
    provider = Scripted(
        calling(("add", '{"first": 1}'), ("add", '{"first": 2, "second": 3}'), text="Well,"),
        calling(("add", '{"first": 7}')),
        "Nine",
    )
    events = await events_of(provider)
    assert events == [
        TextEvent("Well,"),
        ToolCallEvent(ToolCall("add", '{"first": 1}', "c0")),
        ToolResultEvent(ToolCall("add", '{"first": 1}', "c0"), "2"),
        ToolCallEvent(ToolCall("add", '{"first": 2, "second": 3}', "c1")),
        ToolResultEvent(ToolCall("add", '{"first": 2, "second": 3}', "c1"), "5"),
        ToolCallEvent(ToolCall("add", '{"first": 7}', "c0")),
        ToolResultEvent(ToolCall("add", '{"first": 7}', "c0"), "8"),
        TextEvent("Nine"),
        DoneEvent(Reply("Nine", "m")),
    ]
    last = provider.conversations[-1]
    assert [message.role for message in last] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
    ]
    assert (last[1].content, last[2].content, last[2].call_id) == ("Well,", "2", "c0")


async def test_a_call_is_told_before_the_function_runs() -> None:
    order: list[str] = []

    def note() -> str:
        """Note."""
        order.append("ran")
        return ""

    async for event in stream_tools(Scripted(calling(("note", "{}")), "end"), "x", [note]):
        order.append(type(event).__name__)
    assert order == ["ToolCallEvent", "ran", "ToolResultEvent", "TextEvent", "DoneEvent"]


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("add", "", "the arguments do not fit: /first"),
        ("add", "null", "not a JSON object"),
        ("add", "[1]", "not a JSON object"),
        ("add", '{"first": 1', "not JSON"),
        ("add", '{"first": "one"}', "/first"),
        ("add", '{"first": 1, "third": 3}', "/third"),
        ("add", '{"first": NaN}', "NaN"),
        ("add", '{"first": ' + "9" * 5000 + "}", "digits"),
        ("add", "[" * 100_000, "nested too deeply"),
        ("substract", "{}", "there is no tool 'substract'; there are add"),
        ("x" * 500, "{}", "there is no tool 'xxx"),
        ("add\n", "{}", "there is no tool"),
        ("", "{}", "there is no tool ''"),
    ],
)
async def test_mistakes_of_the_model_are_told_to_it_and_it_may_go_on(
    name: str, arguments: str, told: str
) -> None:
    provider = Scripted(calling((name, arguments)), calling(("add", '{"first": 1}')), "Two")
    events = await events_of(provider)
    result = next(event for event in events if isinstance(event, ToolResultEvent))
    assert told in json.loads(result.result)["error"]
    assert events[-1] == DoneEvent(Reply("Two", "m"))
    assert len(result.result) < 1000


async def test_a_model_that_does_not_come_to_an_end_is_stopped() -> None:
    provider = Scripted(*[calling(("add", '{"first": 1}'))] * 5)
    events: list[ToolEvent] = []
    with pytest.raises(ToolLoopError) as caught:
        async for event in stream_tools(provider, "x", [add], max_rounds=3):
            events.append(event)
    assert (caught.value.model, caught.value.rounds) == ("m", 3)
    assert len(provider.conversations) == 3 and not any(isinstance(e, DoneEvent) for e in events)


async def test_the_chosen_model_is_in_the_error() -> None:
    provider = Scripted(calling(("add", "{}")))
    with pytest.raises(ToolLoopError, match="model 'big'"):
        await events_of(provider, max_rounds=1, model="big")


async def test_tools_are_looked_at_before_anybody_is_asked() -> None:
    provider = Scripted("x")
    with pytest.raises(ToolError, match="two tools are called 'add'"):
        await events_of(provider, add, Tool(add))
    with pytest.raises(ToolError, match="use a function with a name"):
        await events_of(provider, lambda: 1)
    assert not provider.conversations


async def test_an_error_of_the_provider_goes_on() -> None:
    class Failing(Scripted):
        async def chat(self, messages: Sequence[Message], **options: Any) -> Reply:
            raise ProviderAnswerError("scripted", "no")

    with pytest.raises(ProviderAnswerError):
        await events_of(Failing())


async def test_a_stream_without_an_end_is_an_error() -> None:
    class Endless(Scripted):
        async def stream_chat(
            self,
            messages: Sequence[Message],
            *,
            tools: Sequence[ToolSpec] = (),
            schema: Schema | None = None,
            **options: Unpack[ChatOptions],
        ) -> AsyncGenerator[ChatEvent, None]:
            yield TextEvent("half")

    got: list[ToolEvent] = []
    with pytest.raises(ProviderAnswerError, match="its stream has no end"):
        async for event in stream_tools(Endless(), "x", [add]):
            got.append(event)
    assert got == [TextEvent("half")]


async def test_leaving_early_closes_the_stream_of_the_provider() -> None:
    closed: list[str] = []

    class Noting(Scripted):
        async def stream_chat(
            self,
            messages: Sequence[Message],
            *,
            tools: Sequence[ToolSpec] = (),
            schema: Schema | None = None,
            **options: Unpack[ChatOptions],
        ) -> AsyncGenerator[ChatEvent, None]:
            try:
                yield TextEvent("a")
                yield TextEvent("b")
            finally:
                closed.append("closed")

    async with aclosing(stream_tools(Noting(), "x", [add])) as events:
        assert await anext(events) == TextEvent("a")
    assert closed == ["closed"]
    registry = ProviderRegistry()
    registry.register_provider(Noting())
    router = ModelRouter(registry, "m")
    async with aclosing(router.stream_run("x", [add])) as events:
        await anext(events)
    async with aclosing(router.stream_chat([])) as pieces:
        await anext(pieces)
    assert closed == ["closed"] * 3


async def test_a_router_without_a_model_asks_nobody() -> None:
    router = ModelRouter(ProviderRegistry())
    with pytest.raises(RuntimeError, match="no model is chosen"):
        [_ async for _ in router.stream_run("x", [add])]
    with pytest.raises(RuntimeError, match="no model is chosen"):
        [_ async for _ in router.stream_chat([])]


@pytest.mark.parametrize(
    "event",
    [TextEvent("a"), ToolCallEvent(ToolCall("a", "{}")), ToolResultEvent(ToolCall("a", "{}"), "b"),
     DoneEvent(Reply("a", "m"))],
)  # fmt: skip
def test_events_are_values(event: Any) -> None:
    assert event == type(event)(*(getattr(event, name) for name in event.__match_args__))
    with pytest.raises(AttributeError):
        setattr(event, event.__match_args__[0], "other")


# Recordings


async def test_a_conversation_that_was_recorded_streams_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.json"
    script: list[Reply | str] = [calling(("add", '{"first": 1}')), "Two"]
    recording = RecordingProvider(path, Scripted(*script), mode="record")
    first = await events_of(recording)
    assert first[-1] == DoneEvent(Reply("Two", "m"))
    assert await events_of(RecordingProvider(path, models=["m"])) == first
    with pytest.raises(RecordingError, match="does not hold chat"):
        [event async for event in stream_tools(RecordingProvider(path), "other", [add])]


# Whatever stops in between


async def test_a_cancelled_loop_stops_where_it_is() -> None:
    started = asyncio.Event()
    ended: list[str] = []

    async def wait() -> str:
        """Wait."""
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")
        return ""

    provider = Scripted(calling(("wait", "{}")), "never")

    async def read() -> None:
        async for _ in stream_tools(provider, "x", [wait]):
            pass

    task = asyncio.create_task(read())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["ended"] and len(provider.conversations) == 1


async def test_a_stream_of_texts_is_one_kind_of_event() -> None:
    """`stream` of the base class and `stream_chat` say the same text."""
    fake = Fake({"model": "small"})

    async def texts(pieces: AsyncIterator[Any]) -> str:
        return "".join([getattr(piece, "text", piece) async for piece in pieces])

    streamed = await texts(fake.stream("hi"))
    assert streamed.replace(" ", "") == "fake/small:hi"
