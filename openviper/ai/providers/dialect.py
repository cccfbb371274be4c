"""How a server is spoken to: the differences between interfaces, without any connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from openviper.ai.types import Message, Schema, ToolCall, ToolSpec

MAX_CALLS = 128
"""Most calls of tools in an answer."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked.

    Attributes:
        model: The model.
        messages: The conversation.
        tools: What the model may call.
        schema: The form of the answer.
        options: `temperature` and the like.
        is_stream: Whether the answer is to come piece by piece.
    """

    model: str
    messages: Sequence[Message]
    tools: Sequence[ToolSpec] = ()
    schema: Schema | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    is_stream: bool = False


@dataclass(frozen=True, slots=True)
class CallPart:
    """A part of a call, in a stream that takes calls apart.

    Attributes:
        index: Which of the calls of the answer it belongs to.
        name: The name of the tool, if it is said here.
        arguments: What is to be added to its arguments.
        call_id: What the result is given back under, if it is said here.
    """

    index: int
    name: str = ""
    arguments: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """An answer, or a part of one that comes piece by piece.

    Attributes:
        text: The text in it.
        tool_calls: The calls in it.
        call_parts: The parts of calls in it.
        finish_reason: Why the model stopped, if it did.
        input_tokens: What the prompt took, if it is said here.
        output_tokens: What the answer took, if it is said here.
        is_last: Whether nothing follows.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    call_parts: tuple[CallPart, ...] = ()
    finish_reason: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    is_last: bool = False

    @property
    def says_something(self) -> bool:
        """Whether there is more in it than a sign of life."""
        return bool(self.text or self.tool_calls or self.call_parts or self.finish_reason)


class Answered:
    """What an answer that comes piece by piece has said so far.

    Attributes:
        finish_reason: Why the model stopped, if it has said so.
        input_tokens: What the prompt took, if that was said.
        output_tokens: What the answer took, if that was said.
    """

    def __init__(self) -> None:
        self.finish_reason = ""
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self._texts: list[str] = []
        self._calls: list[ToolCall] = []
        self._parts: dict[int, list[CallPart]] = {}

    def add(self, piece: Piece) -> None:
        """Add a piece.

        Raises:
            ValueError: If the model calls more tools than anybody has.
        """
        if piece.text:
            self._texts.append(piece.text)
        self._calls += piece.tool_calls
        for part in piece.call_parts:
            self._parts.setdefault(part.index, []).append(part)
        if len(self._calls) + len(self._parts) > MAX_CALLS:
            raise ValueError(f"it calls more than {MAX_CALLS} tools")
        self._note(piece)

    def _note(self, piece: Piece) -> None:
        self.finish_reason = piece.finish_reason or self.finish_reason
        if piece.input_tokens is not None:
            self.input_tokens = piece.input_tokens
        if piece.output_tokens is not None:
            self.output_tokens = piece.output_tokens

    def so_far(self) -> Piece:
        """Return what was said, as one piece; the answer may have broken off, in the middle of a call too."""
        return Piece(
            text="".join(self._texts),
            tool_calls=(*self._calls, *(_joined(self._parts[key]) for key in sorted(self._parts))),
            finish_reason=self.finish_reason,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
        )

    def whole(self) -> Piece:
        """Return the answer, which has ended, as one piece.

        Raises:
            ValueError: If the model calls a tool without a name, or has said nothing.
        """
        piece = self.so_far()
        if not all(call.name for call in piece.tool_calls):
            raise ValueError("it calls a tool without a name")
        check_content(piece)
        return piece


def check_content(piece: Piece) -> None:
    """Refuse a whole answer that says nothing.

    Raises:
        ValueError: If it has neither text nor calls.
    """
    if not piece.text and not piece.tool_calls:
        reason = f"; it ended with {piece.finish_reason!r}" if piece.finish_reason else ""
        raise ValueError(f"it has neither text nor calls{reason}")


def _joined(parts: Sequence[CallPart]) -> ToolCall:
    # The name and the id are said once, or again with each part.
    name = next((part.name for part in parts if part.name), "")
    call_id = next((part.call_id for part in parts if part.call_id), "")
    return ToolCall(name, "".join(part.arguments for part in parts) or "{}", call_id)


class Dialect(Protocol):
    """One interface. Whatever is read comes from a server that may send anything: errors are `ValueError`."""

    chat_path: str
    embed_path: str

    def chat_body(self, request: ChatRequest) -> dict[str, object]:
        """Return the body of a request for an answer."""
        ...

    def read_reply(self, value: object) -> Piece:
        """Understand a whole answer.

        Raises:
            ValueError: If it is none.
        """
        ...

    def read_line(self, line: bytes) -> Piece | None:
        """Understand a line of a stream; `None` if it says nothing.

        Raises:
            ValueError: If it is none.
            ServerSaidError: If it is an error of the server's.
        """
        ...

    def embed_body(self, model: str, texts: Sequence[str]) -> dict[str, object]:
        """Return the body of a request for vectors."""
        ...

    def read_vectors(self, value: object) -> tuple[list[object], int | None]:
        """Return the vectors, in the order of the texts, and the tokens they took.

        Raises:
            ValueError: If there are none.
        """
        ...

    def read_error(self, value: object) -> str:
        """Return what an answer with a status from 400 on says; empty if nothing."""
        ...


def described(tool: ToolSpec) -> dict[str, object]:
    """Return a tool as both interfaces describe one."""
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}


def tools_in(request: ChatRequest) -> dict[str, object]:
    """Return the field of a body with a request's tools; nothing where it has none."""
    if not request.tools:
        return {}
    return {"tools": [described(tool) for tool in request.tools]}


class ServerSaidError(ValueError):
    """The server reports an error in the middle of its stream."""
