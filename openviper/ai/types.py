"""What goes to a model and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

AIConfig: TypeAlias = dict[str, object]
"""The configuration of a provider: an entry of `AI_PROVIDERS` without its type."""
AIOptions: TypeAlias = dict[str, object]
"""Keyword arguments of `generate` and its like."""
ModerationResult: TypeAlias = dict[str, object]
"""What `moderate` returns: ``classification``, ``confidence``, ``reason``, ``is_safe``, ``truncated``."""
Schema: TypeAlias = dict[str, object]
"""A JSON schema."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call has used.

    Attributes:
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer.
        cost: Their price, if the provider's `prices` name the model.
        is_estimated: Whether the tokens were counted by the length of the texts, because the server did not say.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None
    is_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for a model that sees.

    Attributes:
        data: The bytes of the file.
        content_type: ``image/png`` and the like.
    """

    data: bytes = field(repr=False)
    content_type: str = "image/png"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a function to be called.

    Attributes:
        name: The name of the tool.
        arguments: JSON text of an object, as the model wrote it.
        call_id: What the result is given back under; may be empty.
    """

    name: str
    arguments: str
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: Who speaks.
        content: The text.
        images: Pictures beside it.
        tool_calls: What an assistant wants to be called.
        tool_name: Of a result: the name of the tool.
        call_id: Of a result: the call it belongs to.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    images: tuple[Image, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """How a tool is described to a model.

    Attributes:
        name: A Python identifier.
        description: What it does and when to use it.
        parameters: The JSON schema of its arguments, an object.
    """

    name: str
    description: str
    parameters: Schema


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer.

    Attributes:
        text: What the model says; empty if it only calls tools.
        model: The model that was asked.
        usage: What it has used.
        tool_calls: What it wants to be called.
        finish_reason: Why it stopped, in the server's words: ``stop``, ``length`` and the like; may be empty.
    """

    text: str
    model: str
    usage: Usage = Usage()
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = ""


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A model goes on with its answer.

    Attributes:
        text: The next piece of it, never empty.
    """

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallEvent:
    """A function is about to be called for a model.

    Attributes:
        call: What the model asks for.
    """

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolResultEvent:
    """A function was called for a model.

    Attributes:
        call: What the model has asked for.
        result: What the model is told: the result as text, or what went wrong.
    """

    call: ToolCall
    result: str


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """An answer is whole; nothing follows.

    Attributes:
        reply: All of it.
    """

    reply: Reply


ChatEvent: TypeAlias = TextEvent | DoneEvent
"""What `AIProvider.stream_chat` yields."""
ToolEvent: TypeAlias = TextEvent | ToolCallEvent | ToolResultEvent | DoneEvent
"""What `stream_tools` yields."""
