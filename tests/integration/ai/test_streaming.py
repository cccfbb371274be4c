"""Conversations and tool loops piece by piece, from servers that behave and from such that do not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest

from openviper.ai import (
    AIException,
    DoneEvent,
    Message,
    ModelRouter,
    OllamaProvider,
    OpenAIProvider,
    ProviderAnswerError,
    ProviderNotAvailableError,
    ProviderRegistry,
    ProviderTimeoutError,
    TextEvent,
    ToolCall,
    ToolCallEvent,
    ToolLoopError,
    ToolResultEvent,
    ToolSpec,
    UsageLimitError,
    run_tools,
    stream_tools,
    track_usage,
)
from openviper.ai.providers.remote import RemoteProvider
from tests.ai_server import (
    AIServer,
    Behaviour,
    chunk,
    endless,
    head_of,
    raw,
    raw_then_hang,
    status,
    with_content,
)
from tests.integration.ai.conftest import Make

QUESTION = [Message("user", "one two")]


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


async def events_of(provider: RemoteProvider, **options: Any) -> list[Any]:
    return [event async for event in provider.stream_chat(QUESTION, **options)]


def weather(place: str, days: int = 1) -> dict[str, object]:
    """Tell the weather."""
    if place == "nowhere":
        raise RuntimeError("no such place")
    return {"place": place, "rain": days}


# A reply in pieces


async def test_a_reply_comes_in_pieces_and_then_whole(make: Make) -> None:
    *pieces, done = await events_of(make())
    assert pieces == [TextEvent("You"), TextEvent(" said:"), TextEvent(" one"), TextEvent(" two")]
    assert isinstance(done, DoneEvent)
    reply = done.reply
    assert (reply.text, reply.model, reply.finish_reason) == (
        "You said: one two",
        "llama3.2",
        "stop",
    )
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.is_estimated) == (
        7,
        5,
        False,
    )
    assert reply.tool_calls == ()


async def test_what_is_asked_of_a_stream_is_what_is_asked_of_a_whole_reply(
    make: Make, server: AIServer
) -> None:
    provider = make()
    tool = ToolSpec("weather", "Tell.", {"type": "object", "properties": {}})
    schema: dict[str, object] = {"type": "object"}
    options: dict[str, Any] = {"temperature": 0.5, "max_tokens": 9, "model": "all-minilm"}
    await provider.chat(QUESTION, tools=[tool], schema=schema, **options)
    await events_of(provider, tools=[tool], schema=schema, **options)
    whole, stream = (asked.json for asked in server.asked)
    for body in (whole, stream):
        body.pop("stream", None)
        body.pop("stream_options", None)
    assert whole == stream and whole["model"] == "all-minilm"


@pytest.mark.parametrize(
    "calls",
    [
        [("weather", {"place": "Graz", "days": 3})],
        [("weather", {"place": "Graz"}), ("weather", {"place": "Wien"})],
        [("weather", {})],
        [("weather", {"place": 'š☃ 😀 \\ " \n שלום'})],
        [("weather", {"place": "x" * 5000})],
    ],
)
async def test_calls_are_put_together(
    make: Make, server: AIServer, calls: list[tuple[str, dict[str, object]]]
) -> None:
    server.says.append(calls)
    events = await events_of(make())
    assert [type(event) for event in events] == [DoneEvent]
    found = events[0].reply.tool_calls
    assert [(call.name, json.loads(call.arguments)) for call in found] == calls
    if len(calls) == 2 and found[0].call_id:
        assert [call.call_id for call in found] == ["call_0", "call_1"]


async def test_a_stream_is_counted_once_and_has_a_price(make: Make) -> None:
    provider = make(prices={"llama3.2": {"input": 1_000_000, "output": 2_000_000}})
    with track_usage() as usage:
        (*_, done) = await events_of(provider)
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 7, 5)
    assert usage.cost == done.reply.usage.cost == Decimal(17)


async def test_a_spent_limit_is_seen_before_anybody_is_asked(make: Make, server: AIServer) -> None:
    provider = make()
    with track_usage(max_tokens=12):
        await events_of(provider)
        with pytest.raises(UsageLimitError):
            await events_of(provider)
        with pytest.raises(UsageLimitError):
            [_ async for _ in stream_tools(provider, "x", [weather])]
    assert len(server.asked) == 1


async def test_connections_are_kept_after_streams_to_their_end(
    make: Make, server: AIServer
) -> None:
    provider = make()
    for _ in range(3):
        await events_of(provider)
    server.says.append([("weather", {"place": "Graz"})])
    [_ async for _ in stream_tools(provider, "x", [weather])]
    assert server.connections == 1


@pytest.mark.parametrize("left", [0, 1, 3])
async def test_a_stream_that_is_left_costs_and_closes_its_connection(
    make: Make, server: AIServer, left: int
) -> None:
    provider = make()
    with track_usage() as usage:
        async with aclosing(provider.stream_chat(QUESTION)) as events:
            async for _ in events:
                if not left:
                    break
                left -= 1
    await until(lambda: server.closed == 1)
    assert usage.calls == 1 and usage.output_tokens > 0


async def test_a_cancelled_stream_frees_its_connection(make: Make, server: AIServer) -> None:
    provider = make()
    head = head_of(200, {"Content-Type": provider.STREAM_TYPE})
    server.next(raw_then_hang(head + text_piece(provider, "half")))
    got: list[Any] = []

    async def read() -> None:
        async for event in stream_tools(provider, "x", [weather]):
            got.append(event)

    task = asyncio.create_task(read())
    await until(lambda: got)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: server.closed == 1)
    assert await provider.generate("x") == "You said: x"


# Tool loops


async def test_a_tool_loop_is_told_step_by_step(make: Make, server: AIServer) -> None:
    server.says += [[("weather", {"place": "Graz", "days": 2})], "It rains"]
    events = [event async for event in stream_tools(make(), "Umbrella?", [weather])]
    call, result, *pieces, done = events
    assert isinstance(done, DoneEvent)
    assert isinstance(call, ToolCallEvent) and isinstance(result, ToolResultEvent)
    assert call.call == result.call and call.call.name == "weather"
    assert json.loads(result.result) == {"place": "Graz", "rain": 2}
    assert pieces == [TextEvent("It"), TextEvent(" rains")]
    assert done.reply.text == "It rains"
    first, second = (asked.json["messages"] for asked in server.asked)
    assert [message["role"] for message in first] == ["user"]
    assert [message["role"] for message in second] == ["user", "assistant", "tool"]
    assert json.loads(second[2]["content"]) == {"place": "Graz", "rain": 2}


async def test_the_stream_says_what_the_whole_says(make: Make, server: AIServer) -> None:
    script: list[Any] = [
        [("weather", {"place": "Graz"}), ("weather", {"place": "nowhere"})],
        [("wether", {})],
        [("weather", {"days": "many"})],
        "At last",
    ]
    server.says += script
    reply = await run_tools(make(), "x", [weather])
    whole = [asked.json["messages"] for asked in server.asked]
    server.asked.clear()
    server.says += script
    events = [event async for event in stream_tools(make(), "x", [weather])]
    assert events[-1] == DoneEvent(reply)
    assert [asked.json["messages"] for asked in server.asked] == whole
    results = [event.result for event in events if isinstance(event, ToolResultEvent)]
    assert [json.loads(result).get("error", "")[:24] for result in results] == [
        "",
        "the tool failed with Run",
        "there is no tool 'wether",
        "the arguments do not fit",
    ]


@pytest.mark.parametrize("rounds", [1, 3])
async def test_a_model_that_goes_on_calling_is_stopped(
    make: Make, server: AIServer, rounds: int
) -> None:
    server.says += [[("weather", {"place": "Graz"})]] * 10
    events: list[Any] = []
    with pytest.raises(ToolLoopError) as caught:
        async for event in stream_tools(make(), "x", [weather], max_rounds=rounds):
            events.append(event)
    assert (caught.value.rounds, caught.value.calls) == (rounds, ["weather"] * rounds)
    assert len(server.asked) == rounds and len(events) == 2 * rounds


@pytest.mark.parametrize("rounds", [0, -1])
async def test_a_model_that_is_never_asked_is_an_error(
    make: Make, server: AIServer, rounds: int
) -> None:
    with pytest.raises(ValueError, match=f"max_rounds is {rounds}, less than 1"):
        await run_tools(make(), "x", [weather], max_rounds=rounds)
    with pytest.raises(ValueError, match="less than 1"):
        [_ async for _ in stream_tools(make(), "x", [weather], max_rounds=rounds)]
    assert not server.asked


async def test_no_tool_is_called_once_the_stream_is_left(make: Make, server: AIServer) -> None:
    called: list[str] = []

    def note(place: str) -> str:
        """Note."""
        called.append(place)
        return "noted"

    server.says.append([("note", {"place": "a"}), ("note", {"place": "b"})])
    async with aclosing(stream_tools(make(), "x", [note])) as events:
        async for event in events:
            if isinstance(event, ToolResultEvent):
                break
    assert called == ["a"] and len(server.asked) == 1


async def test_the_router_streams_with_the_chosen_model(make: Make, server: AIServer) -> None:
    registry = ProviderRegistry()
    registry.register_provider(make(models=["llama3.2", "all-minilm"]))
    router = ModelRouter(registry, "all-minilm")
    server.says += [[("weather", {"place": "Graz"})], "Dry"]
    events = [event async for event in router.stream_run("x", [weather])]
    assert isinstance(events[-1], DoneEvent) and events[-1].reply.text == "Dry"
    *_, done = [event async for event in router.stream_chat(QUESTION, model="llama3.2")]
    assert isinstance(done, DoneEvent) and done.reply.model == "llama3.2"
    assert [asked.json["model"] for asked in server.asked] == [
        "all-minilm",
        "all-minilm",
        "llama3.2",
    ]


async def test_a_router_stream_that_is_left_closes_its_connection(
    make: Make, server: AIServer
) -> None:
    registry = ProviderRegistry()
    registry.register_provider(make())
    router = ModelRouter(registry, "llama3.2")
    async with aclosing(router.stream_run("x", [weather])) as events:
        await anext(events)
    await until(lambda: server.closed == 1)
    async with aclosing(router.stream_chat(QUESTION)) as pieces:
        await anext(pieces)
    await until(lambda: server.closed == 2)


# Faults in the middle


def text_piece(provider: RemoteProvider, text: str) -> bytes:
    """Return a piece of a stream in the provider's form."""
    if isinstance(provider, OllamaProvider):
        return _line({"message": {"role": "assistant", "content": text}, "done": False})
    return _event({"choices": [{"index": 0, "delta": {"content": text}}]})


def call_piece(provider: RemoteProvider, name: str, arguments: str) -> bytes:
    """Return a piece with a whole call in the provider's form."""
    function = {"name": name, "arguments": arguments}
    if isinstance(provider, OllamaProvider):
        return _line({"message": {"content": "", "tool_calls": [{"function": function}]}})
    calls = [{"id": "c", "function": function}]
    return _event({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]})


def last_piece(provider: RemoteProvider) -> bytes:
    if isinstance(provider, OllamaProvider):
        return _line({"message": {"content": ""}, "done": True, "done_reason": "stop"})
    end = _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return end + b"data: [DONE]\n\n"


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def serve(server: AIServer, provider: RemoteProvider, *pieces: bytes) -> None:
    """Have the next request answered with a whole stream."""
    server.next(with_content(b"".join(pieces), provider.STREAM_TYPE))


async def test_text_may_come_before_the_calls(make: Make, server: AIServer) -> None:
    provider = make()
    call = call_piece(provider, "weather", '{"place": "Graz"}')
    serve(server, provider, text_piece(provider, "Let me see."), call, last_piece(provider))
    server.says.append("Dry")
    events = [event async for event in stream_tools(provider, "x", [weather])]
    assert [type(event).__name__ for event in events] == [
        "TextEvent",
        "ToolCallEvent",
        "ToolResultEvent",
        "TextEvent",
        "DoneEvent",
    ]
    assert server.asked[1].json["messages"][1]["content"] == "Let me see."


BROKEN: dict[str, tuple[type[AIException], str]] = {
    "stops": (ProviderAnswerError, "ends in the middle"),
    "stops in a call": (ProviderAnswerError, "ends in the middle"),
    "a call without a name": (ProviderAnswerError, "calls a tool without a name"),
    "too many calls": (ProviderAnswerError, "calls more than 128 tools"),
    "not json": (ProviderAnswerError, "not JSON"),
    "not utf-8": (ProviderAnswerError, "not UTF-8"),
    "deep": (ProviderAnswerError, "nested too deeply"),
    "an endless line": (ProviderAnswerError, "line of more than"),
}


def broken(provider: RemoteProvider, name: str) -> list[bytes]:
    """Return the pieces of a stream that goes wrong behind its first word."""
    data = b"" if isinstance(provider, OllamaProvider) else b"data: "
    first, last = text_piece(provider, "half"), last_piece(provider)
    found = {
        "stops": [],
        "stops in a call": [call_piece(provider, "weather", '{"pla')],
        "a call without a name": [call_piece(provider, "", "{}"), last],
        "too many calls": [_many(provider), last],
        "not json": [data + b"{oops}\n", last],
        "not utf-8": [data + b'{"a": "\xff"}\n', last],
        "deep": [data + b"[" * 100_000 + b"\n", last],
        "an endless line": [data + b"x" * 1_100_000 + b"\n", last],
    }
    return [first, *found[name]]


def _many(provider: RemoteProvider) -> bytes:
    function = {"name": "weather", "arguments": "{}"}
    if isinstance(provider, OllamaProvider):
        return _line({"message": {"content": "", "tool_calls": [{"function": function}] * 200}})
    calls = [{"index": number, "function": function} for number in range(200)]
    return _event({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]})


@pytest.mark.parametrize("name", BROKEN)
async def test_a_stream_that_breaks_is_an_error_after_what_was_said(
    make: Make, server: AIServer, name: str
) -> None:
    provider = make()
    error, told = BROKEN[name]
    serve(server, provider, *broken(provider, name))
    called: list[str] = []

    def note(place: str) -> str:
        """Note."""
        called.append(place)
        return ""

    events: list[Any] = []
    with track_usage() as usage, pytest.raises(error, match=told):
        async for event in stream_tools(provider, "x", [note]):
            events.append(event)
    assert events == [TextEvent("half")] and not called
    # What was asked for costs, and nothing is asked again in the middle.
    assert (usage.calls, usage.estimated_calls, len(server.asked)) == (1, 1, 1)


async def test_a_connection_that_breaks_in_the_middle_is_an_error(
    make: Make, server: AIServer
) -> None:
    provider = make()
    head = head_of(200, {"Content-Type": provider.STREAM_TYPE, "Transfer-Encoding": "chunked"})
    server.next(raw(head + chunk(text_piece(provider, "half"))))
    with pytest.raises(ProviderAnswerError, match="ended before the last chunk"):
        await events_of(provider)
    head = head_of(200, {"Content-Type": provider.STREAM_TYPE, "Content-Length": "100000"})
    server.next(raw(head + text_piece(provider, "half")))
    with pytest.raises(ProviderAnswerError, match="of 100000 bytes"):
        await events_of(provider)


@pytest.mark.parametrize("code", [429, 502, 503, 504])
async def test_a_stream_is_opened_again_after(make: Make, server: AIServer, code: int) -> None:
    server.next(status(code, {"Retry-After": "0"}), status(code))
    *_, done = await events_of(make(retry_delay=0.001))
    assert done.reply.text == "You said: one two" and len(server.asked) == 3


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422, 500, 302])
async def test_a_refusal_is_final(make: Make, server: AIServer, code: int) -> None:
    server.next(status(code, {"Location": "http://127.0.0.1:1/"}))
    with pytest.raises(AIException):
        await events_of(make(retry_delay=0.001))
    assert len(server.asked) == 1


async def test_a_stream_of_too_many_bytes_ends(make: Make, server: AIServer) -> None:
    provider = make(max_answer_bytes=10_000)
    head = head_of(200, {"Content-Type": provider.STREAM_TYPE})
    server.next(endless(head, text_piece(provider, "more ")))
    got: list[Any] = []
    with pytest.raises(ProviderAnswerError, match="more than 10000 bytes"):
        async for event in provider.stream_chat(QUESTION):
            got.append(event)
    assert len(got) < 1000
    await until(lambda: server.closed == 1)


# Time between pieces


async def test_a_server_that_stops_talking_has_the_time_of_a_piece(
    make: Make, server: AIServer
) -> None:
    provider = make(idle_timeout=0.05)
    head = head_of(200, {"Content-Type": provider.STREAM_TYPE})
    server.next(raw_then_hang(head + text_piece(provider, "half")))
    got: list[Any] = []
    with pytest.raises(ProviderTimeoutError, match="the next piece was not done within 0.05 s"):
        async for event in provider.stream_chat(QUESTION):
            got.append(event)
    assert got == [TextEvent("half")]
    await until(lambda: server.closed == 1)


async def test_a_call_is_a_token_too(make: Make, server: AIServer) -> None:
    provider = make(first_token_timeout=30, idle_timeout=0.05)
    head = head_of(200, {"Content-Type": provider.STREAM_TYPE})
    server.next(raw_then_hang(head + call_piece(provider, "weather", "{}")))
    with pytest.raises(ProviderTimeoutError, match="the next piece"):
        await events_of(provider)


@pytest.mark.parametrize("value", [0, -1, "soon", True, float("inf"), float("nan")])
def test_the_time_of_a_piece_is_a_number_of_seconds(make: Make, value: object) -> None:
    with pytest.raises(AIException, match="idle_timeout is .* not a number of seconds"):
        make(idle_timeout=value)


# Tokens that are told in part


@pytest.mark.parametrize(
    ("told", "tokens", "estimated"),
    [
        ({}, (2, 10), True),
        ({"in": 3, "out": 4}, (3, 4), False),
        ({"in": 3}, (3, 10), True),
        ({"out": 4}, (2, 4), True),
        ({"in": 0, "out": 0}, (0, 0), False),
        ({"in": -5, "out": 4}, (0, 4), False),
        ({"in": "7", "out": None}, (2, 10), True),
        ({"in": True, "out": 1e400}, (2, 10), True),
    ],
)
@pytest.mark.parametrize("is_stream", [True, False])
async def test_what_is_not_told_is_estimated(
    make: Make,
    server: AIServer,
    told: dict[str, Any],
    tokens: tuple[int, int],
    estimated: bool,
    is_stream: bool,
) -> None:
    provider = make()
    names = (
        ("prompt_eval_count", "eval_count")
        if isinstance(provider, OllamaProvider)
        else ("prompt_tokens", "completion_tokens")
    )
    usage = {name: told[key] for name, key in zip(names, ("in", "out"), strict=True) if key in told}
    message = {"role": "assistant", "content": "x" * 40}
    if isinstance(provider, OllamaProvider):
        content = _line({"message": message, "done": True, "done_reason": "stop", **usage})
    elif is_stream:
        choice = {"delta": message, "finish_reason": "stop"}
        content = _event({"choices": [choice], "usage": usage})
    else:
        content = json.dumps({"choices": [{"message": message}], "usage": usage}).encode()
    kind = provider.STREAM_TYPE if is_stream else "application/json"
    server.next(with_content(content.replace(b"Infinity", b"1e400"), kind))
    with track_usage() as report:
        if is_stream:
            [_ async for _ in provider.stream("y" * 8)]
        else:
            await provider.generate("y" * 8)
    assert (report.input_tokens, report.output_tokens) == tokens
    assert report.estimated_calls == int(estimated)


async def test_calls_and_tools_count_where_nobody_counts(make: Make, server: AIServer) -> None:
    provider = make()
    tool = ToolSpec("weather", "d" * 400, {"type": "object"})
    call = call_piece(provider, "weather", json.dumps({"place": "x" * 400}))
    serve(server, provider, call, last_piece(provider))
    *_, done = await events_of(provider, tools=[tool])
    usage = done.reply.usage
    assert usage.is_estimated and usage.input_tokens > 100 and usage.output_tokens > 100


# Events as servers write them


@pytest.fixture
def openai(server: AIServer) -> OpenAIProvider:
    return OpenAIProvider({"base_url": f"{server.url}/v1", "model": "llama3.2"})


def delta(text: str) -> bytes:
    return json.dumps({"choices": [{"delta": {"content": text}}]}, ensure_ascii=False).encode()


STOP = b'{"choices": [{"delta": {}, "finish_reason": "stop"}]}'
WRITTEN = {
    "line feeds": b"data: " + delta("ü☃😀") + b"\n\ndata: " + STOP + b"\n\ndata: [DONE]\n\n",
    "carriage returns too": b"data: " + delta("ü☃😀") + b"\r\n\r\ndata: " + STOP + b"\r\n\r\n",
    "no space": b"data:" + delta("ü☃😀") + b"\n\ndata:" + STOP + b"\n\ndata:[DONE]\n\n",
    "comments": b": hi\n\n:\n\ndata: " + delta("ü☃😀") + b"\n\n: still here\n\ndata: " + STOP + b"\n\n",
    "other fields": b"event: x\nid: 1\nretry: 10\ndata: " + delta("ü☃😀") + b"\n\ndata\ndata: " + STOP + b"\n\n",
    "a byte order mark": b"\xef\xbb\xbfdata: " + delta("ü☃😀") + b"\n\ndata: " + STOP + b"\n\n",
    "no empty lines": b"data: " + delta("ü☃😀") + b"\ndata: " + STOP + b"\ndata: [DONE]\n",
    "no end of line": b"data: " + delta("ü☃😀") + b"\n\ndata: " + STOP,
    "empty choices": b'data: {"choices": []}\n\ndata: ' + delta("ü☃😀") + b"\n\ndata: " + STOP + b"\n\n",
    "more behind the end": b"data: " + delta("ü☃😀") + b"\n\ndata: [DONE]\n\ndata: " + delta("no") + b"\n\n",
    "usage at the end": b"data: " + delta("ü☃😀") + b"\n\ndata: " + STOP
    + b'\n\ndata: {"choices": [], "usage": {"prompt_tokens": 1}}\n\n',
    "null content": b'data: {"choices": [{"delta": {"content": null}}]}\n\ndata: ' + delta("ü☃😀") + b"\n\ndata: " + STOP + b"\n\n",
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
async def test_events_are_read_however_they_are_written(
    openai: OpenAIProvider, server: AIServer, name: str
) -> None:
    server.next(with_content(WRITTEN[name], "text/event-stream; charset=utf-8"))
    assert [piece async for piece in openai.stream("x")] == ["ü☃😀"]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_events_are_read_however_they_are_cut(
    openai: OpenAIProvider, server: AIServer, size: int
) -> None:
    """The pieces that arrive end in the middle of lines, of letters and of chunks' sizes."""
    data = WRITTEN["carriage returns too"]
    head = head_of(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
    chunks = b"".join(chunk(data[start : start + size]) for start in range(0, len(data), size))
    server.next(raw(head + chunks + b"0\r\n\r\n"))
    assert [piece async for piece in openai.stream("x")] == ["ü☃😀"]


CALLS: dict[str, list[list[dict[str, Any]]]] = {
    "in parts, by turns": [
        [{"index": 0, "id": "a", "function": {"name": "one", "arguments": ""}}],
        [{"index": 1, "id": "b", "function": {"name": "two", "arguments": '{"n"'}}],
        [{"index": 0, "function": {"arguments": '{"n": '}}, {"index": 1, "function": {"arguments": ": 2}"}}],
        [{"index": 0, "function": {"arguments": "1}"}}],
    ],
    "in the other order": [
        [{"index": 1, "id": "b", "function": {"name": "two", "arguments": '{"n": 2}'}}],
        [{"index": 0, "id": "a", "function": {"name": "one", "arguments": '{"n": 1}'}}],
    ],
    "whole, without numbers": [
        [
            {"id": "a", "function": {"name": "one", "arguments": '{"n": 1}'}},
            {"id": "b", "function": {"name": "two", "arguments": '{"n": 2}'}},
        ]
    ],
    "with the name again and again": [
        [{"index": 0, "id": "a", "function": {"name": "one", "arguments": '{"n"'}}],
        [{"index": 0, "id": "a", "function": {"name": "one", "arguments": ": 1}"}}],
        [{"index": 1, "id": "b", "function": {"name": "two", "arguments": '{"n": 2}'}}],
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
async def test_calls_are_put_together_however_they_are_cut(
    openai: OpenAIProvider, server: AIServer, name: str
) -> None:
    pieces = [_event({"choices": [{"delta": {"tool_calls": part}}]}) for part in CALLS[name]]
    serve(server, openai, *pieces, b"data: " + STOP + b"\n\n")
    *_, done = await events_of(openai)
    assert done.reply.tool_calls == (
        ToolCall("one", '{"n": 1}', "a"),
        ToolCall("two", '{"n": 2}', "b"),
    )


async def test_a_model_that_declines_says_so(openai: OpenAIProvider, server: AIServer) -> None:
    no = _event({"choices": [{"delta": {"refusal": "I may not."}}]})
    serve(server, openai, no, b"data: " + STOP + b"\n\n")
    assert [piece async for piece in openai.stream("x")] == ["I may not."]


@pytest.mark.parametrize(
    "calls", [{}, "x", [None], ["x"], [[]], [{"index": "0"}], [{"index": 0, "function": []}]]
)
async def test_calls_of_another_form_are_an_error(
    openai: OpenAIProvider, server: AIServer, calls: Any
) -> None:
    piece = _event({"choices": [{"delta": {"content": "a", "tool_calls": calls}}]})
    serve(server, openai, piece, b"data: " + STOP + b"\n\n")
    wrong = "calls a tool without a name" if isinstance(calls, list) else "is not a list"
    with pytest.raises(ProviderAnswerError, match=wrong):
        await events_of(openai)


def behaviours() -> Iterator[tuple[str, Behaviour]]:
    """Yield answers that are no streams."""
    yield "html", with_content(b"<html>", "text/html")
    yield "json", with_content(b"{}", "application/json")
    yield "nothing", with_content(b"", "")
    yield "another protocol", raw(b"SSH-2.0-x\r\n\r\n")
    yield "a redirect", status(307, {"Location": "/v1/chat/completions"})
    yield "compressed", raw(head_of(200, {"Content-Encoding": "gzip", "Content-Length": "0"}))


@pytest.mark.parametrize("name", [name for name, _ in behaviours()])
async def test_what_is_no_stream_is_an_error(make: Make, server: AIServer, name: str) -> None:
    server.next(dict(behaviours())[name])
    with pytest.raises(ProviderAnswerError):
        await events_of(make(max_retries=0))


async def test_an_error_event_is_told_without_our_key(make: Make, server: AIServer) -> None:
    provider = make(api_key="sk-very-secret-key")
    said: Any = "overloaded, key sk-very-secret-key"
    if isinstance(provider, OllamaProvider):
        error = _line({"error": said})
    else:
        error = b"event: error\n" + _event({"error": {"message": said, "code": 503}})
    serve(server, provider, text_piece(provider, "half"), error)
    with pytest.raises(ProviderNotAvailableError, match="overloaded") as caught:
        await events_of(provider)
    assert "sk-very" not in str(caught.value)
