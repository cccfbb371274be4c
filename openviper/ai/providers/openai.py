"""Servers that speak the interface of OpenAI: vLLM, llama.cpp, LocalAI, LM Studio, Ollama and many others.

Source: https://platform.openai.com/docs/api-reference/chat and .../embeddings; streams are server-sent events
(https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

from openviper.ai.providers.configuration import KEYS, ConfigReader, RemoteConfig
from openviper.ai.providers.dialect import (
    CallPart,
    ChatRequest,
    Piece,
    ServerSaidError,
    tools_in,
)
from openviper.ai.providers.json_data import at, items_at, list_at, parse_json, said_at, text_at
from openviper.ai.providers.remote import RemoteProvider
from openviper.ai.types import Message, ToolCall
from openviper.ai.usage import counted

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""May stand before the first line of a stream of events."""
VENDOR_URL = "https://api.openai.com/v1"


class OpenAIDialect:
    """The interface of OpenAI.

    Args:
        asks_usage: Whether streams are asked for the tokens they took.
    """

    chat_path = "/chat/completions"
    embed_path = "/embeddings"

    def __init__(self, *, asks_usage: bool = True) -> None:
        self._asks_usage = asks_usage

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """Return the body of a request for an answer."""
        body: dict[str, object] = {
            "model": request.model,
            "messages": [_message(message) for message in request.messages],
            **request.options,
        }
        if request.is_stream:
            body |= self._streaming()
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": request.schema},
            }
        return {**body, **tools_in(request)}

    def _streaming(self) -> dict[str, object]:
        if not self._asks_usage:
            return {"stream": True}
        return {"stream": True, "stream_options": {"include_usage": True}}

    def read_reply(self, value: object) -> Piece:
        """Understand a whole answer."""
        self._raise_error(value)
        message = at(value, "choices", 0, "message")
        if not isinstance(message, Mapping):
            raise ValueError("it has no message")
        return Piece(
            # A model that declines says so in a field of its own.
            text=said_at(message, "content") or said_at(message, "refusal"),
            tool_calls=tuple(map(_tool_call, items_at(message, "tool_calls"))),
            finish_reason=text_at(value, "choices", 0, "finish_reason"),
            input_tokens=counted(at(value, "usage", "prompt_tokens")),
            output_tokens=counted(at(value, "usage", "completion_tokens")),
            is_last=True,
        )

    def read_line(self, line: bytes) -> Piece | None:
        """Understand a line of a stream: a field of an event; only ``data`` says something."""
        field, _, data = line.removeprefix(BYTE_ORDER_MARK).partition(b":")
        data = data.strip()
        if field != b"data" or not data:
            return None
        if data == b"[DONE]":
            return Piece(is_last=True)
        value = parse_json(data)
        self._raise_error(value)
        delta = _delta(value)
        return Piece(
            text=said_at(delta, "content") or said_at(delta, "refusal"),
            call_parts=_call_parts(items_at(delta, "tool_calls")),
            finish_reason=text_at(value, "choices", 0, "finish_reason"),
            input_tokens=counted(at(value, "usage", "prompt_tokens")),
            output_tokens=counted(at(value, "usage", "completion_tokens")),
        )

    def embed_body(self, model: str, texts: Sequence[str]) -> dict[str, object]:
        """Return the body of a request for vectors."""
        return {"model": model, "input": list(texts), "encoding_format": "float"}

    def read_vectors(self, value: object) -> tuple[list[object], int | None]:
        """Return the vectors; each has the number of its text."""
        items = list_at(value, "data")
        found = {_index(item): at(item, "embedding") for item in items}
        if sorted(found) != list(range(len(items))):
            raise ValueError("it holds vectors whose numbers have gaps, or are there twice")
        tokens = counted(at(value, "usage", "prompt_tokens"))
        return [found[index] for index in range(len(items))], tokens

    def read_error(self, value: object) -> str:
        """Return the text of an error."""
        return text_at(value, "error", "message") or text_at(value, "error")

    def _raise_error(self, value: object) -> None:
        if at(value, "error") is not None:
            raise ServerSaidError(self.read_error(value) or "it does not say how")


class OpenAIProvider(RemoteProvider):
    """Asks a server with the interface of OpenAI.

    Beside the keys of every provider: ``stream_usage``, to be turned off for servers that do not know
    ``stream_options``. The key is ``api_key``, else the variable ``OPENAI_API_KEY``; servers other than the vendor's
    need none.
    """

    name = "openai"
    DEFAULT_URL = VENDOR_URL
    KEY_VARIABLE = "OPENAI_API_KEY"
    KEYS = KEYS | {"stream_usage"}
    STREAM_TYPE = "text/event-stream"

    def _check(self, remote: RemoteConfig, reader: ConfigReader) -> None:
        if remote.route.endpoint.url == VENDOR_URL and not remote.api_key:
            raise reader.wrong("it has no api_key, and OPENAI_API_KEY is not set")
        self.dialect = OpenAIDialect(asks_usage=reader.flag("stream_usage", True))


def _delta(value: object) -> object:
    """Return what a piece of a stream adds; nothing in one that tells the usage alone.

    Raises:
        ValueError: If it has another form.
    """
    choices = at(value, "choices")
    if not isinstance(choices, list):
        raise ValueError("a piece of it has no choices")
    if choices and not isinstance(choices[0], Mapping):
        raise ValueError("a piece of it has a choice that is not an object")
    delta = at(choices, 0, "delta")
    if delta is not None and not isinstance(delta, Mapping):
        raise ValueError("a piece of it has a delta that is not an object")
    return delta


def _index(item: object) -> int:
    index = at(item, "index")
    if not isinstance(index, int):
        raise ValueError("it holds a vector without a number")
    return index


def _message(message: Message) -> dict[str, object]:
    body: dict[str, object] = {"role": message.role, "content": message.content}
    if message.images:
        body["content"] = _parts(message)
    if message.tool_calls:
        body["tool_calls"] = list(map(_called, message.tool_calls))
    if message.role == "tool":
        body["tool_call_id"] = message.call_id
    return body


def _called(call: ToolCall) -> dict[str, object]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.call_id, "type": "function", "function": function}


def _parts(message: Message) -> list[dict[str, object]]:
    parts: list[dict[str, object]] = [{"type": "text", "text": message.content}]
    for image in message.images:
        data = base64.b64encode(image.data).decode("ascii")
        url = f"data:{image.content_type};base64,{data}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _call_parts(values: Sequence[object]) -> tuple[CallPart, ...]:
    return tuple(_call_part(value, position) for position, value in enumerate(values))


def _call_part(value: object, position: int) -> CallPart:
    """Understand a part of a call; servers that send calls whole leave out the index."""
    index = at(value, "index")
    return CallPart(
        index=index if isinstance(index, int) else position,
        name=text_at(value, "function", "name"),
        arguments=text_at(value, "function", "arguments"),
        call_id=text_at(value, "id"),
    )


def _tool_call(value: object) -> ToolCall:
    name = text_at(value, "function", "name")
    if not name:
        raise ValueError("it calls a tool without a name")
    arguments = at(value, "function", "arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return ToolCall(name, text or "{}", text_at(value, "id"))
