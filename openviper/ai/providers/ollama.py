"""Ollama: models on this machine, or on one of the same network.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

from openviper.ai.providers.configuration import KEYS
from openviper.ai.providers.dialect import ChatRequest, Piece, ServerSaidError, tools_in
from openviper.ai.providers.json_data import at, items_at, list_at, parse_json, said_at, text_at
from openviper.ai.providers.remote import RemoteProvider
from openviper.ai.types import Image, Message, ToolCall
from openviper.ai.usage import counted

OPTION_NAMES = {
    "temperature": "temperature",
    "max_tokens": "num_predict",
    "top_p": "top_p",
    "stop": "stop",
    "seed": "seed",
}
"""The server's names of our options."""


class OllamaDialect:
    """The interface of Ollama.

    Args:
        keep_alive: How long a model stays in memory after a request, in the server's form; `None` for its default.
    """

    chat_path = "/api/chat"
    embed_path = "/api/embed"

    def __init__(self, keep_alive: str | None = None) -> None:
        self._keep_alive = keep_alive

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """Return the body of a request for an answer."""
        body: dict[str, object] = {
            "model": request.model,
            "messages": [_message(message) for message in request.messages],
            "stream": request.is_stream,
            **_options(request),
        }
        if request.schema is not None:
            body["format"] = request.schema
        return {**body, **tools_in(request), **self._memory()}

    def _memory(self) -> dict[str, object]:
        """Return how long the model stays in memory, where that is said."""
        return {} if self._keep_alive is None else {"keep_alive": self._keep_alive}

    def read_reply(self, value: object) -> Piece:
        """Understand a whole answer."""
        piece = self._read(value)
        if not piece.is_last:
            raise ValueError("it ends in the middle")
        return piece

    def _read(self, value: object) -> Piece:
        _raise_error(value)
        message = at(value, "message")
        if not isinstance(message, Mapping):
            raise ValueError("it has no message")
        return Piece(
            text=said_at(message, "content"),
            tool_calls=tuple(map(_tool_call, items_at(message, "tool_calls"))),
            finish_reason=text_at(value, "done_reason"),
            input_tokens=counted(at(value, "prompt_eval_count")),
            output_tokens=counted(at(value, "eval_count")),
            is_last=at(value, "done") is True,
        )

    def read_line(self, line: bytes) -> Piece | None:
        """Understand a line of a stream: a JSON object."""
        if not line.strip():
            return None
        return self._read(parse_json(line))

    def embed_body(self, model: str, texts: Sequence[str]) -> dict[str, object]:
        """Return the body of a request for vectors."""
        return {"model": model, "input": list(texts), **self._memory()}

    def read_vectors(self, value: object) -> tuple[list[object], int | None]:
        """Return the vectors."""
        return list_at(value, "embeddings"), counted(at(value, "prompt_eval_count"))

    def read_error(self, value: object) -> str:
        """Return the text of an error."""
        return text_at(value, "error")


class OllamaProvider(RemoteProvider):
    """Asks an Ollama server.

    Beside the keys of every provider: ``keep_alive``, how long a model stays in memory (``"5m"``, ``"0"``, ``"-1"``).
    """

    name = "ollama"
    DEFAULT_URL = "http://localhost:11434"
    KEYS = KEYS | {"keep_alive"}
    STREAM_TYPE = "application/x-ndjson"

    def __init__(self, config: Mapping[str, object]) -> None:
        super().__init__(config)
        keep_alive = self.config.get("keep_alive")
        self.dialect = OllamaDialect(None if keep_alive is None else str(keep_alive))


def _options(request: ChatRequest) -> dict[str, object]:
    options = {OPTION_NAMES[name]: value for name, value in request.options.items()}
    return {"options": options} if options else {}


def _message(message: Message) -> dict[str, object]:
    body: dict[str, object] = {"role": message.role, "content": message.content}
    if message.images:
        body["images"] = [_encoded(image) for image in message.images]
    if message.tool_calls:
        body["tool_calls"] = [_written_call(call) for call in message.tool_calls]
    if message.role == "tool":
        body["tool_name"] = message.tool_name
    return body


def _encoded(image: Image) -> str:
    return base64.b64encode(image.data).decode("ascii")


def _written_call(call: ToolCall) -> dict[str, object]:
    return {"function": {"name": call.name, "arguments": _arguments(call)}}


def _arguments(call: ToolCall) -> object:
    """Return arguments as the server wants to see them again: an object."""
    try:
        value = parse_json(call.arguments)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _tool_call(value: object) -> ToolCall:
    name = text_at(value, "function", "name")
    if not name:
        raise ValueError("it calls a tool without a name")
    arguments = at(value, "function", "arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return ToolCall(name, text, text_at(value, "id"))


def _raise_error(value: object) -> None:
    error = at(value, "error")
    if error is not None:
        said = text_at(value, "error") or text_at(error, "message")
        raise ServerSaidError(said or "it does not say how")
