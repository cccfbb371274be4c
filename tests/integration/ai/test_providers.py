"""The contract of providers that ask a server: each of them, against a server that speaks its interface."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
from decimal import Decimal
from typing import Any

import pytest

from openviper.ai import (
    AIException,
    Image,
    Message,
    ModelUnavailableError,
    OllamaProvider,
    OpenAIProvider,
    ProviderAnswerError,
    ProviderNotAvailableError,
    ProviderNotConfiguredError,
    ProviderTimeoutError,
    ToolCall,
    ToolSpec,
    UsageLimitError,
    track_usage,
)
from tests.ai_server import (
    AIServer,
    endless,
    head_of,
    kept,
    raw,
    raw_then_hang,
    status,
    vector,
    with_content,
)
from tests.integration.ai.conftest import Make

KEY = "sk-hunter2-hunter2"


async def until(condition: Any) -> None:
    """Wait in the event loop until something is so."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


# Answers


async def test_a_prompt_is_answered(make: Make) -> None:
    assert await make().generate("Hello, wörld 🐍") == "You said: Hello, wörld 🐍"


async def test_any_text_goes_there_and_back(make: Make) -> None:
    for text in ("\0", "\ud800", '"\\', "\u2028\u2029", "שלום", "{}", "\r\ndata: [DONE]\r\n\r\n"):
        assert await make().generate(text) == f"You said: {text}"


async def test_an_answer_comes_piece_by_piece(make: Make) -> None:
    pieces = [piece async for piece in make().stream("one two three")]
    assert pieces == ["You", " said:", " one", " two", " three"]


async def test_a_stream_keeps_its_connection(make: Make, server: AIServer) -> None:
    provider = make()
    for _ in range(3):
        assert [piece async for piece in provider.stream("x")] == ["You", " said:", " x"]
    await provider.generate("x")
    assert server.connections == 1


async def test_a_stream_that_is_left_early_closes_its_connection(
    make: Make, server: AIServer
) -> None:
    provider = make()
    stream = provider.stream("one two three")
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    await until(lambda: server.closed == 1)
    assert await provider.generate("x") == "You said: x"


async def test_the_model_that_is_asked(make: Make, server: AIServer) -> None:
    provider = make(models={"default": "llama3.2", "small": "all-minilm"}, model=None)
    await provider.generate("x")
    await provider.generate("x", model="all-minilm")
    [_ async for _ in provider.stream("x", model="all-minilm")]
    assert [asked.json["model"] for asked in server.asked] == [
        "llama3.2",
        "all-minilm",
        "all-minilm",
    ]


async def test_options_reach_the_server_under_its_names(make: Make, server: AIServer) -> None:
    provider = make(temperature=7, max_tokens=50)
    await provider.generate("x", top_p=0.5, stop=["END"], seed=1, system="Be brief.")
    body = server.asked[0].json
    options = body.get("options", body)
    assert options["temperature"] == 2.0
    assert options.get("num_predict", options.get("max_tokens")) == 50
    assert (options["top_p"], options["stop"], options["seed"]) == (0.5, ["END"], 1)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}


async def test_an_unknown_option_is_named_in_the_log(
    make: Make, server: AIServer, caplog: pytest.LogCaptureFixture
) -> None:
    await make().generate("x", temprature=1)
    assert "ignores unknown options: temprature" in caplog.text
    assert "temprature" not in server.asked[0].body.decode()


async def test_a_picture_is_sent(make: Make, server: AIServer) -> None:
    await make().generate("What is it?", images=[Image(b"\x89PNG", "image/png")])
    message = server.asked[0].json["messages"][0]
    assert "iVBORw==" in json.dumps(message)
    with pytest.raises(TypeError, match="not an Image"):
        await make().generate("x", images=["https://example.org/x.png"])


async def test_vectors(make: Make, server: AIServer) -> None:
    provider = make(embed_model="all-minilm")
    assert await provider.embed("abc") == vector("abc")
    texts = ["a", "bb", "ccc"]
    assert await provider.embed_many(texts) == [vector(text) for text in texts]
    assert await provider.embed_many([]) == []
    assert [asked.json["model"] for asked in server.asked] == ["all-minilm"] * 2


async def test_a_model_may_call_tools(make: Make, server: AIServer) -> None:
    server.says.append([("weather", {"city": "Wien"}), ("time", {})])
    spec = ToolSpec("weather", "The weather.", {"type": "object", "properties": {}})
    reply = await make().chat([Message("user", "Weather?")], tools=[spec])
    assert [(call.name, json.loads(call.arguments)) for call in reply.tool_calls] == [
        ("weather", {"city": "Wien"}),
        ("time", {}),
    ]
    (tool,) = server.asked[0].json["tools"]
    assert tool["type"] == "function" and tool["function"]["name"] == "weather"


async def test_results_of_tools_go_back(make: Make, server: AIServer) -> None:
    call = ToolCall("weather", '{"city": "Wien"}', "call_0")
    await make().chat(
        [
            Message("user", "Weather?"),
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", "rain", tool_name="weather", call_id="call_0"),
        ]
    )
    _, called, result = server.asked[0].json["messages"]
    arguments = called["tool_calls"][0]["function"]["arguments"]
    assert arguments in ({"city": "Wien"}, '{"city": "Wien"}')
    assert result["role"] == "tool" and result["content"] == "rain"
    assert result.get("tool_name") == "weather" or result["tool_call_id"] == "call_0"


async def test_a_schema_reaches_the_server(make: Make, server: AIServer) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"x": {"type": "integer"}}}
    await make().chat([Message("user", "x")], schema=schema)
    body = server.asked[0].json
    assert (
        body.get("format") == schema or body["response_format"]["json_schema"]["schema"] == schema
    )


async def test_moderation_asks_the_model(make: Make, server: AIServer) -> None:
    server.says.append('{"classification": "hate", "confidence": 0.9, "reason": "rude"}')
    result = await make().moderate("you ...")
    assert result["classification"] == "hate" and result["is_safe"] is False


async def test_hooks_of_subclasses_are_asked(server: AIServer) -> None:
    class Shouting(OllamaProvider):
        async def before_inference(
            self, prompt: str, kwargs: dict[str, object]
        ) -> tuple[str, dict[str, object]]:
            return prompt.upper(), {**kwargs, "seed": 7}

        async def after_inference(self, prompt: str, response: str) -> str:
            return f"{response}!"

    provider = Shouting({"base_url": server.url, "model": "llama3.2"})
    assert await provider.generate("hello") == "You said: HELLO!"
    assert [piece async for piece in provider.stream("hello")][-1] == " HELLO"
    assert server.asked[0].json["options"]["seed"] == 7


# Tokens and money


async def test_tokens_and_money_are_counted(make: Make) -> None:
    provider = make(prices={"llama3.2": {"input": "0.15", "output": 0.6}}, embed_model="all-minilm")
    with track_usage() as usage:
        await provider.generate("x")
        [_ async for _ in provider.stream("x")]
        await provider.embed("x")
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (3, 7 + 7 + 3, 10)
    assert usage.cost == 2 * (7 * Decimal("0.15") + 5 * Decimal("0.6")) / 1_000_000
    assert usage.unpriced_calls == 1 and usage.by_model["all-minilm"].calls == 1
    await provider.generate("outside")
    assert usage.calls == 3


async def test_each_task_counts_its_own(make: Make) -> None:
    provider = make()

    async def work(times: int) -> int:
        with track_usage() as usage:
            for _ in range(times):
                await provider.generate("x")
        return usage.calls

    with track_usage() as total:
        assert list(await asyncio.gather(work(1), work(2), work(3))) == [1, 2, 3]
    assert total.calls == 6


async def test_a_limit_ends_further_calls(make: Make, server: AIServer) -> None:
    provider = make(prices={"llama3.2": {"input": 1, "output": 1}})
    with track_usage(max_tokens=20):
        await provider.generate("x")
        await provider.generate("x")
        with pytest.raises(UsageLimitError, match="24 of 20 tokens"):
            await provider.generate("x")
    with track_usage(max_cost=Decimal("0.00001")):
        await provider.generate("x")
        with pytest.raises(UsageLimitError, match="are spent"):
            [_ async for _ in provider.stream("x")]
    assert len(server.asked) == 3


async def test_tokens_that_are_not_told_are_estimated(make: Make, server: AIServer) -> None:
    message = {"role": "assistant", "content": "x" * 40}
    answer = {"message": message, "done": True, "choices": [{"message": message}]}
    server.next(with_content(json.dumps(answer).encode()))
    with track_usage() as usage:
        await make().generate("y" * 8)
    assert (usage.input_tokens, usage.output_tokens, usage.estimated_calls) == (2, 10, 1)


# Errors


async def test_an_unknown_model_is_named(make: Make) -> None:
    with pytest.raises(ModelUnavailableError, match="'nope'") as caught:
        await make().generate("x", model="nope")
    assert "not found" in str(caught.value)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.model) == (str(caught.value), "nope")


@pytest.mark.parametrize("code", [408, 429, 502, 503, 504])
async def test_a_server_that_cannot_now_is_asked_again(
    make: Make, server: AIServer, code: int
) -> None:
    server.next(status(code), status(code, {"Retry-After": "0"}))
    assert await make(retry_delay=0.001).generate("x") == "You said: x"
    assert len(server.asked) == 3
    # Errors are read to their end, so the connection goes on.
    assert server.connections == 1


@pytest.mark.parametrize("code", [400, 401, 403, 409, 413, 422, 500, 501])
async def test_other_errors_are_final(make: Make, server: AIServer, code: int) -> None:
    server.next(status(code))
    with pytest.raises(AIException, match=f"status {code}"):
        await make(retry_delay=0.001).generate("x")
    assert len(server.asked) == 1


async def test_the_last_error_is_told(make: Make, server: AIServer) -> None:
    server.next(*[status(429, {"Retry-After": "0"})] * 3)
    with pytest.raises(ProviderNotAvailableError, match="too many requests") as caught:
        await make(retry_delay=0.001, max_retries=2).generate("x")
    assert (caught.value.status, caught.value.retry_after) == (429, 0.0)
    assert len(server.asked) == 3


async def test_a_wait_beyond_the_time_is_not_begun(make: Make, server: AIServer) -> None:
    server.next(status(429, {"Retry-After": "3000"}))
    with pytest.raises(ProviderNotAvailableError) as caught:
        await make().generate("x")
    assert caught.value.retry_after == 3000.0 and len(server.asked) == 1


async def test_a_stream_is_opened_again_but_not_begun_again(make: Make, server: AIServer) -> None:
    server.next(status(503), status(503))
    provider = make(retry_delay=0.001)
    assert [piece async for piece in provider.stream("x")] == ["You", " said:", " x"]
    assert len(server.asked) == 3
    piece = _stream_piece(provider, "half")
    server.next(raw(head_of(200, {"Content-Type": provider.STREAM_TYPE}) + piece))
    said: list[str] = []
    with pytest.raises(ProviderAnswerError, match="ends in the middle"):
        async for text in provider.stream("x"):
            said.append(text)
    assert said == ["half"] and len(server.asked) == 4


def _stream_piece(provider: Any, text: str) -> bytes:
    """Return a piece of a stream in the provider's form."""
    if isinstance(provider, OllamaProvider):
        line = {"message": {"role": "assistant", "content": text}, "done": False}
        return json.dumps(line).encode() + b"\n"
    line = {"choices": [{"index": 0, "delta": {"content": text}}]}
    return b"data: " + json.dumps(line).encode() + b"\n\n"


async def test_a_stream_without_its_last_word_is_whole_if_the_model_has_finished(
    server: AIServer,
) -> None:
    events = (
        b'data: {"choices": [{"delta": {"content": "all"}, "finish_reason": null}]}\n\n'
        b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    )
    server.next(with_content(events, "text/event-stream"))
    provider = OpenAIProvider({"base_url": f"{server.url}/v1", "model": "llama3.2"})
    assert [piece async for piece in provider.stream("x")] == ["all"]


async def test_an_error_in_a_stream_is_told(make: Make, server: AIServer) -> None:
    provider = make()
    error = json.dumps({"error": {"message": "out of memory"}})
    if isinstance(provider, OllamaProvider):
        error = json.dumps({"error": "out of memory"})
    else:
        error = f"data: {error}\n"
    content = _stream_piece(provider, "a") + error.encode() + b"\n"
    server.next(with_content(content, provider.STREAM_TYPE))
    with pytest.raises(ProviderNotAvailableError, match="out of memory"):
        [_ async for _ in provider.stream("x")]


WRONG = {
    "empty": with_content(b""),
    "not json": with_content(b"<html>"),
    "half a json": with_content(b'{"message": {"content": "x"'),
    "not utf-8": with_content(b'{"message": "\xff"}'),
    "a list": with_content(b"[]"),
    "null": with_content(b"null"),
    "no message": with_content(b'{"choices": [], "done": true}'),
    "a message of another form": with_content(b'{"message": 7, "choices": [{"message": []}]}'),
    "nested deeply": with_content(b"[" * 100_000),
    "a number of many digits": with_content(b'{"x": ' + b"9" * 100_000 + b"}"),
    "NaN": with_content(b'{"message": NaN}'),
    "html": with_content(b"<html>", "text/html"),
    "a call without a name": with_content(
        b'{"message": {"content": "", "tool_calls": [{}]},'
        b' "choices": [{"message": {"content": "", "tool_calls": [{}]}}]}'
    ),
    "cut off": raw(head_of(200, {"Content-Length": "100"}) + b"{"),
    "for ever": endless(head_of(200, {}), b" " * 100_000),
    "a redirect": kept(
        head_of(307, {"Location": "http://169.254.169.254/", "Content-Length": "0"})
    ),
    "a status that means nothing": kept(head_of(204, {})),
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_answer_of_another_form_is_an_error(
    make: Make, server: AIServer, name: str
) -> None:
    server.next(WRONG[name])
    provider = make(max_answer_bytes=500_000)
    with pytest.raises(ProviderAnswerError):
        await provider.generate("x")
    assert len(server.asked) == 1
    assert await provider.generate("x") == "You said: x"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n\n",
        b"data: {\n\n",
        b"data: []\n\n",
        b"[]\n",
        b"{}\n",
        b"data: {}\n\n",
        b"x" * 2_000_000,
        b"data: " + b"[" * 100_000 + b"\n\n",
    ],
)
async def test_a_stream_of_another_form_is_an_error(
    make: Make, server: AIServer, content: bytes
) -> None:
    provider = make()
    server.next(with_content(content, provider.STREAM_TYPE))
    with pytest.raises(ProviderAnswerError):
        [_ async for _ in provider.stream("x")]


async def test_a_stream_of_another_type_is_an_error(make: Make, server: AIServer) -> None:
    server.next(with_content(b"{}", "text/html"))
    with pytest.raises(ProviderAnswerError, match="'text/html', not a stream"):
        [_ async for _ in make().stream("x")]


VECTORS: list[Any] = [
    [],
    [[]],
    [["x"]],
    [[True]],
    [[1.0], [2.0]],
    [None],
    {"0": [1.0]},
]


@pytest.mark.parametrize("vectors", VECTORS)
async def test_vectors_of_another_form_are_an_error(
    make: Make, server: AIServer, vectors: Any
) -> None:
    data = vectors
    if isinstance(vectors, list):
        data = [{"index": number, "embedding": each} for number, each in enumerate(vectors)]
    server.next(with_content(json.dumps({"embeddings": vectors, "data": data}).encode()))
    with pytest.raises(ProviderAnswerError):
        await make().embed("x")


@pytest.mark.parametrize("indexes", [[0, 0], [1, 2], [None, 1], ["0", "1"], [0, 10**9]])
async def test_vectors_belong_to_their_texts(server: AIServer, indexes: list[Any]) -> None:
    data = [{"index": index, "embedding": [1.0]} for index in indexes]
    server.next(with_content(json.dumps({"data": data}).encode()))
    provider = OpenAIProvider({"base_url": f"{server.url}/v1", "model": "llama3.2"})
    with pytest.raises(ProviderAnswerError):
        await provider.embed_many(["a", "b"])


async def test_vectors_of_one_call_are_of_one_length(make: Make, server: AIServer) -> None:
    vectors = [[1.0, 2.0], [3.0]]
    data = [{"index": number, "embedding": each} for number, each in enumerate(vectors)]
    server.next(with_content(json.dumps({"embeddings": vectors, "data": data}).encode()))
    with pytest.raises(ProviderAnswerError, match="its vectors have 1 numbers and 2"):
        await make().embed_many(["a", "b"])


# Time


async def test_a_silent_server_has_its_time(make: Make, server: AIServer) -> None:
    server.next(raw_then_hang())
    with pytest.raises(
        ProviderTimeoutError, match="the first token was not done within 0.2 s"
    ) as caught:
        await make(first_token_timeout=0.2).generate("x")
    assert isinstance(caught.value, TimeoutError)
    # It may be at work on it, so it is not asked again.
    assert len(server.asked) == 1


async def test_signs_of_life_are_no_token(server: AIServer) -> None:
    head = head_of(200, {"Content-Type": "text/event-stream"})
    server.next(endless(head, b": still there\n\n"))
    provider = OpenAIProvider(
        {"base_url": f"{server.url}/v1", "model": "llama3.2", "first_token_timeout": 0.3}
    )
    with pytest.raises((ProviderTimeoutError, ProviderAnswerError)):
        [_ async for _ in provider.stream("x")]


async def test_a_stream_that_stops_has_its_time_in_all(make: Make, server: AIServer) -> None:
    provider = make(timeout=0.5, first_token_timeout=0.4)
    head = head_of(200, {"Content-Type": provider.STREAM_TYPE})
    server.next(raw_then_hang(head + _stream_piece(provider, "a")))
    said: list[str] = []
    with pytest.raises(ProviderTimeoutError, match="the answer was not done within 0.5 s"):
        async for piece in provider.stream("x"):
            said.append(piece)
    assert said == ["a"]


async def test_a_cancelled_call_closes_its_connection(make: Make, server: AIServer) -> None:
    server.next(raw_then_hang())
    task = asyncio.create_task(make().generate("x"))
    await until(lambda: server.asked)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: server.closed == 1)


async def test_nobody_listening(server: AIServer) -> None:
    provider = OllamaProvider(
        {"base_url": "http://127.0.0.1:1", "model": "m", "retry_delay": 0.001}
    )
    with pytest.raises(ProviderNotAvailableError) as caught:
        await provider.generate("x")
    assert str(caught.value) == (
        "provider 'ollama' is not available: connecting to 127.0.0.1:1 failed: Connection refused"
    )


# Keys


async def test_the_key_is_sent(make: Make, server: AIServer) -> None:
    server.key = KEY
    assert await make(api_key=KEY).generate("x") == "You said: x"
    with pytest.raises(ProviderNotAvailableError, match="refuses the key"):
        await make(api_key="sk-other").generate("x")


async def test_the_key_is_shown_nowhere(
    make: Make, server: AIServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider = make(api_key=KEY, headers={"X-Secret-Token": "tok-hunter2"})
    body = {"error": {"message": f"Incorrect API key provided: {KEY} tok-hunter2\n\x1b[31m"}}
    if isinstance(provider, OllamaProvider):
        body = {"error": body["error"]["message"]}  # type: ignore[dict-item]  # its own form
    server.next(status(401, body=body), status(500, body=body), raw(b"?"))
    shown = [repr(provider), str(provider.config), f"{provider.config}"]
    for _ in range(3):
        with pytest.raises(AIException) as caught:
            await provider.generate("x")
        shown += [str(caught.value), repr(caught.value), repr(vars(caught.value))]
    assert "hunter2" not in "".join(shown) + caplog.text
    assert "\x1b" not in "".join(shown)
    assert provider.config["api_key"] == KEY


async def test_a_long_error_is_cut(make: Make, server: AIServer) -> None:
    server.next(status(400, body={"error": "x" * 60_000}))
    with pytest.raises(AIException) as caught:
        await make().generate("x")
    assert len(str(caught.value)) < 500


def test_the_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ProviderNotConfiguredError, match="OPENAI_API_KEY"):
        OpenAIProvider({"model": "m"})
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert "hunter2" not in repr(OpenAIProvider({"model": "m"}))
    monkeypatch.setenv("OTHER_KEY", "sk-hunter2\nX: 1")
    with pytest.raises(ProviderNotConfiguredError, match="cannot be sent") as caught:
        OpenAIProvider({"model": "m", "api_key_env": "OTHER_KEY"})
    assert "hunter2" not in str(caught.value)


# Configuration

BAD: list[tuple[dict[str, object], str]] = [
    ({"base_url": "http://example.org"}, "not encrypted"),
    ({"base_url": "https://me:hunter2@h"}, "user name or password"),
    ({"base_url": 7}, "base_url is a int"),
    ({"api_key": 7}, "api_key is a int"),
    ({"timeout": 0}, "timeout is 0"),
    ({"timeout": "10"}, "timeout is '10'"),
    ({"timeout": float("nan")}, "timeout is nan"),
    ({"timeout": float("inf")}, "timeout is inf"),
    ({"connect_timeout": True}, "connect_timeout is True"),
    ({"max_retries": -1}, "max_retries is -1"),
    ({"max_retries": 1.5}, "max_retries is 1.5"),
    ({"max_tokens": 0}, "max_tokens is 0"),
    ({"temperature": "hot"}, "temperature is 'hot'"),
    ({"proxy": "socks://u:hunter2@p"}, "proxy"),
    ({"headers": ["x"]}, "headers is a list"),
    ({"headers": {"X": 1}}, "headers holds 'X'"),
    ({"headers": {"X": "a\r\nb"}}, "header field 'X'"),
    ({"prices": {"m": 1}}, "price of 'm'"),
    ({"prices": {"m": {"input": -1}}}, "-1, not an amount"),
    ({"prices": {"m": {"input": "NaN"}}}, "not an amount"),
    ({"prices": {"m": {"in": 1}}}, "price of 'm'"),
    ({"basse_url": "https://h"}, "did you mean 'base_url'"),
    ({"allow_http": "yes"}, "allow_http is 'yes'"),
    ({"public_only": True, "proxy": "http://p:1"}, "public_only"),
    ({"model": None}, "names no model"),
    ({"model": {}}, "names no model"),
]


@pytest.mark.parametrize(("config", "error"), BAD)
def test_a_configuration_that_cannot_work_is_refused(
    make: Make, config: dict[str, object], error: str
) -> None:
    with pytest.raises(ProviderNotConfiguredError) as caught:
        make(**config)
    assert error in str(caught.value)
    assert "hunter2" not in str(caught.value)


# Floods


def _flood(provider: Any, line: bytes) -> Any:
    return endless(head_of(200, {"Content-Type": provider.STREAM_TYPE}), line * 500)


async def test_a_flood_of_tokens_ends_in_time_and_leaves_the_loop_to_others(
    make: Make, server: AIServer
) -> None:
    provider = make(timeout=1.0)
    server.next(_flood(provider, _stream_piece(provider, "a")))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    try:
        with pytest.raises((ProviderTimeoutError, ProviderAnswerError)):
            [_ async for _ in provider.stream("x")]
    finally:
        task.cancel()
    # A turn for each 200 lines at least.
    assert turns > 5


async def test_a_flood_of_lines_that_say_nothing_ends(make: Make, server: AIServer) -> None:
    provider = make(timeout=1.0)
    server.next(_flood(provider, b"\n"))
    with pytest.raises((ProviderTimeoutError, ProviderAnswerError)):
        [_ async for _ in provider.stream("x")]


async def test_many_vectors_are_asked_for_in_batches(make: Make, server: AIServer) -> None:
    texts = [f"{number:>{number + 1}}" for number in range(150)]
    assert await make().embed_many(texts) == [vector(text) for text in texts]
    assert [len(asked.json["input"]) for asked in server.asked] == [64, 64, 22]
