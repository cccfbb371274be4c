"""A server of models on loopback: it speaks the interfaces of Ollama and OpenAI as they are documented, or misbehaves.

In a test::

    with AIServer() as server:
        provider = OllamaProvider({"base_url": server.url, "model": "llama3.2"})
        assert await provider.generate("Hello") == "You said: Hello"
        server.next(status(429, {"Retry-After": "1"}))

`next` says how the following requests are answered, one each; afterwards the server behaves again.
"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeAlias

from tests.smtp_server import Certificate

MODELS = ("llama3.2", "all-minilm")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came.

    Attributes:
        connection: The number of the connection it came over.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        """The body as a value."""
        return json.loads(self.body)


Send: TypeAlias = Callable[[bytes], None]
Behaviour: TypeAlias = "Callable[[AIServer, Asked, Send], bool | None]"
"""Answers one request, and returns whether the connection goes on; `None` to do nothing until the client leaves."""
Said: TypeAlias = "str | Sequence[tuple[str, Mapping[str, Any] | str]]"
"""What a model says: a text, or calls of tools with their arguments."""


@dataclass
class AIServer:
    """The server; a context manager.

    Attributes:
        certificate: Makes it speak TLS.
        asked: The requests that came.
        says: What the model says next, in order; then it repeats what it is told.
        connections: How many there were.
        key: The key that is demanded.
    """

    certificate: Certificate | None = None
    key: str = ""
    asked: list[Asked] = field(default_factory=list)
    says: deque[Said] = field(default_factory=deque)
    connections: int = 0
    closed: int = 0
    _next: deque[Behaviour] = field(default_factory=deque)

    def __enter__(self) -> AIServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.stopping = threading.Event()
        self.changed = threading.Condition()
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.stopping.set()
        # Wakes the thread that waits for connections, which closing does not.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)
        self._listener.close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The address for `OllamaProvider`; with ``/v1`` behind it that for `OpenAIProvider`."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://localhost:{self.port}"

    def next(self, *behaviours: Behaviour) -> None:
        """Have the next requests answered in these ways."""
        self._next.extend(behaviours)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so; to be called in a thread."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout=60)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.stopping.is_set():
                sock.close()
                return
            self.connections += 1
            self._sockets.append(sock)
            self._start(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), contextlib.closing(self._secured(sock)) as secured:
            secured.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with secured.makefile("rb") as file:
                while (asked := _read(file, number)) is not None:
                    with self.changed:
                        self.asked.append(asked)
                        self.changed.notify_all()
                    behaviour = self._next.popleft() if self._next else answer
                    goes_on = behaviour(self, asked, secured.sendall)
                    if goes_on is None:
                        file.read()
                    if not goes_on:
                        break
        with self.changed:
            self.closed += 1
            self.changed.notify_all()

    def _secured(self, sock: socket.socket) -> socket.socket:
        if self.certificate is None:
            return sock
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.chain, self.certificate.key)
        try:
            secured = context.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            raise
        self._sockets.append(secured)
        return secured


def _read(file: Any, connection: int) -> Asked | None:
    line = file.readline().decode("latin-1").split()
    # The beginning of TLS, which is random, may have three words too.
    if len(line) != 3 or not line[2].startswith("HTTP/"):
        return None
    headers: dict[str, str] = {}
    while (text := file.readline().decode("latin-1").rstrip("\r\n")) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = file.read(int(headers.get("content-length", "0")))
    return Asked(line[0], line[1], headers, body, connection)


# The documented behaviour.


def answer(server: AIServer, asked: Asked, send: Send) -> bool | None:
    """Answer as the documentation says."""
    is_openai = asked.path.startswith("/v1/")
    if server.key and asked.headers.get("authorization") != f"Bearer {server.key}":
        return status(401, body=_error("Incorrect API key provided", is_openai))(
            server, asked, send
        )
    model = asked.json.get("model")
    if model not in MODELS:
        text = f"model '{model}' not found"
        return status(404, body=_error(text, is_openai))(server, asked, send)
    handlers = {
        "/api/chat": _ollama_chat,
        "/api/embed": _ollama_embed,
        "/v1/chat/completions": _openai_chat,
        "/v1/embeddings": _openai_embed,
    }
    handlers[asked.path](server, asked, send)
    return True


def _error(text: str, is_openai: bool) -> Any:
    if is_openai:
        return {"error": {"message": text, "type": "invalid_request_error", "code": None}}
    return {"error": text}


def _said(server: AIServer, asked: Asked) -> Said:
    if server.says:
        return server.says.popleft()
    content = asked.json["messages"][-1]["content"]
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return f"You said: {content}"


def _words(text: str) -> Iterator[str]:
    for number, word in enumerate(text.split(" ")):
        yield word if number == 0 else f" {word}"


def _ollama_chat(server: AIServer, asked: Asked, send: Send) -> None:
    said = _said(server, asked)
    head = {"model": asked.json["model"], "created_at": "2026-11-29T12:00:00Z"}
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 5}
    if not isinstance(said, str):
        calls = [{"function": {"name": name, "arguments": value}} for name, value in said]
        message = {"role": "assistant", "content": "", "tool_calls": calls}
        if not asked.json["stream"]:
            send_json(send, {**head, "message": message, **end})
            return
        last = {**head, "message": {"role": "assistant", "content": ""}, **end}
        values = [{**head, "message": message, "done": False}, last]
        send_chunks(send, "application/x-ndjson", [json.dumps(line) + "\n" for line in values])
    elif not asked.json["stream"]:
        send_json(send, {**head, "message": {"role": "assistant", "content": said}, **end})
    else:
        lines = [
            {**head, "message": {"role": "assistant", "content": word}, "done": False}
            for word in _words(said)
        ]
        lines.append({**head, "message": {"role": "assistant", "content": ""}, **end})
        send_chunks(send, "application/x-ndjson", [json.dumps(line) + "\n" for line in lines])


def _openai_chat(server: AIServer, asked: Asked, send: Send) -> None:
    said = _said(server, asked)
    head = {"id": "chatcmpl-1", "created": 1764417600, "model": asked.json["model"]}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    if asked.json.get("stream"):
        with_usage = asked.json.get("stream_options", {}).get("include_usage")
        send_chunks(send, "text/event-stream", _events(head, said, usage if with_usage else None))
        return
    message: dict[str, Any] = {"role": "assistant", "content": said}
    finish = "stop"
    if not isinstance(said, str):
        message = {"role": "assistant", "content": None, "tool_calls": _openai_calls(said)}
        finish = "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": finish}
    send_json(send, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _openai_calls(said: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": value if isinstance(value, str) else json.dumps(value),
            },
        }
        for number, (name, value) in enumerate(said)
    ]


def _call_parts(number: int, call: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a call as a stream has it: name and id first, then the arguments in small pieces."""
    function = call["function"]
    yield {**call, "index": number, "function": {**function, "arguments": ""}}
    text = function["arguments"]
    for start in range(0, len(text), 3):
        yield {"index": number, "function": {"arguments": text[start : start + 3]}}


def _events(head: Mapping[str, Any], said: Said, usage: Any) -> Iterator[str]:
    head = {**head, "object": "chat.completion.chunk"}

    def event(delta: Mapping[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"

    yield ": a comment, as the standard allows\n\n"
    if isinstance(said, str):
        yield event({"role": "assistant", "content": ""})
        for word in _words(said):
            yield event({"content": word})
        yield event({}, "stop")
    else:
        yield event({"role": "assistant", "content": None})
        for number, call in enumerate(_openai_calls(said)):
            for part in _call_parts(number, call):
                yield event({"tool_calls": [part]})
        yield event({}, "tool_calls")
    if usage:
        yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n"
    yield "data: [DONE]\n\n"


def vector(text: str) -> list[float]:
    """Return the vector that the server gives a text."""
    return [float(len(text)), math.sqrt(2), -1.0]


def _ollama_embed(server: AIServer, asked: Asked, send: Send) -> None:
    vectors = [vector(text) for text in asked.json["input"]]
    send_json(send, {"model": "all-minilm", "embeddings": vectors, "prompt_eval_count": 3})


def _openai_embed(server: AIServer, asked: Asked, send: Send) -> None:
    data = [
        {"object": "embedding", "index": index, "embedding": vector(text)}
        for index, text in enumerate(asked.json["input"])
    ]
    # In no promised order; the index tells.
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    send_json(send, {"object": "list", "data": data[::-1], "usage": usage})


# The pieces that behaviours are made of.


def head_of(code: int, headers: Mapping[str, str]) -> bytes:
    """Return status line and header fields."""
    lines = [f"HTTP/1.1 {code} Whatever", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*lines, "", ""]).encode()


def send_json(
    send: Send, value: Any, code: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """Send a whole answer."""
    body = json.dumps(value).encode()
    fields = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body))}
    send(head_of(code, {**fields, **(headers or {})}) + body)


def send_chunks(send: Send, content_type: str, pieces: Iterator[str] | Sequence[str]) -> None:
    """Send a stream, each piece as a chunk."""
    send(head_of(200, {"Content-Type": content_type, "Transfer-Encoding": "chunked"}))
    for piece in pieces:
        send(chunk(piece.encode()))
    send(b"0\r\n\r\n")


def chunk(data: bytes) -> bytes:
    """Return data as one chunk."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


# Ways to misbehave.


def status(code: int, headers: Mapping[str, str] | None = None, body: Any = None) -> Behaviour:
    """Answer with a status, and an error of the given content."""

    def behave(server: AIServer, asked: Asked, send: Send) -> bool:
        content = _error("as you wish", asked.path.startswith("/v1/")) if body is None else body
        send_json(send, content, code, headers)
        return True

    return behave


def raw(*pieces: bytes) -> Behaviour:
    """Send bytes and close the connection."""

    def behave(server: AIServer, asked: Asked, send: Send) -> bool:
        for piece in pieces:
            send(piece)
        return False

    return behave


def raw_then_hang(*pieces: bytes) -> Behaviour:
    """Send bytes, then nothing, for as long as the client stays."""

    def behave(server: AIServer, asked: Asked, send: Send) -> None:
        for piece in pieces:
            send(piece)
        return None

    return behave


def endless(head: bytes, piece: bytes) -> Behaviour:
    """Send a piece again and again."""

    def behave(server: AIServer, asked: Asked, send: Send) -> bool:
        send(head)
        while not server.stopping.is_set():
            send(piece)
        return False

    return behave


def with_content(content: bytes, content_type: str = "application/json") -> Behaviour:
    """Answer 200 with some content."""
    fields = {"Content-Type": content_type, "Content-Length": str(len(content))}
    return kept(head_of(200, fields) + content)


def kept(data: bytes) -> Behaviour:
    """Send bytes and go on with the connection."""

    def behave(server: AIServer, asked: Asked, send: Send) -> bool:
        send(data)
        return True

    return behave
