"""Functions that a model may call: described from their annotations, called with arguments that were checked."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import inspect
import json
import logging
import re
import typing
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeAlias, Unpack

from openviper.ai.base import AIProvider
from openviper.ai.exceptions import ProviderAnswerError, ToolError, ToolLoopError
from openviper.ai.options import ChatOptions
from openviper.ai.providers.json_data import parse_json
from openviper.ai.types import (
    DoneEvent,
    Message,
    Reply,
    ToolCall,
    ToolCallEvent,
    ToolEvent,
    ToolResultEvent,
    ToolSpec,
)
from openviper.utils.signatures import signature_of
from openviper.validation import ParseError, UnsupportedTypeError, dump
from openviper.validation.json_schema import schema_of
from openviper.validation.parsers import Parser

logger = logging.getLogger("openviper.ai")

MAX_ROUNDS = 8
"""How often a model may ask for tools before it has to answer."""
MAX_CALLS = 16
"""Most calls in one round."""
MAX_RESULT = 64 * 1024
"""Characters of a result that the model is given."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_Function: TypeAlias = Callable[..., object]
_KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Tool:
    """A function that a model may call.

    Its name, its docstring and its annotations are what the model is told; `Annotated` with the marks and constraints of
    `openviper.validation` says more. A plain function is called in a thread.

    Args:
        function: The function.

    Raises:
        ToolError: If it has a parameter without an annotation, or of a type that cannot be read from JSON.
    """

    def __init__(self, function: _Function) -> None:
        self.function = function
        self.name = getattr(function, "__name__", "")
        if not _NAME.fullmatch(self.name):
            raise ToolError(f"a tool cannot be called {self.name!r}; use a function with a name")
        try:
            self._parser: Parser[Any] = Parser(_arguments_class(function, self.name))
        except UnsupportedTypeError as error:
            raise ToolError(f"tool {self.name!r}: {error}") from error
        self.spec = ToolSpec(self.name, inspect.getdoc(function) or "", self._schema())

    def __repr__(self) -> str:
        return f"<Tool {self.name!r}>"

    async def call(self, arguments: str) -> str:
        """Call the function with arguments that a model wrote, and return what the model is told.

        What is wrong with the arguments, or goes wrong in the function, is told to the model, so that it can try again;
        an error of the function is logged, and the model is told its type only.

        Args:
            arguments: JSON text of an object.
        """
        try:
            values = self._values(arguments)
        except ToolError as error:
            return _failed(str(error))
        try:
            return _written(await self._run(values))
        except Exception as error:  # The function is the project's.
            logger.exception("tool %r failed", self.name)
            return _failed(f"the tool failed with {type(error).__name__}")

    def _values(self, arguments: str) -> Mapping[str, object]:
        """Return the arguments as values of their types.

        Raises:
            ToolError: If they do not fit; the message is for the model.
        """
        given = _object_in(arguments)
        try:
            return self._parser.parse_fields(given)
        except ParseError as error:
            faults = "; ".join(f"{fault.pointer}: {fault.message}" for fault in error.faults)
            raise ToolError(f"the arguments do not fit: {faults}") from None

    async def _run(self, values: Mapping[str, object]) -> object:
        if inspect.iscoroutinefunction(self.function):
            result: object = await self.function(**values)
            return result
        return await asyncio.to_thread(self.function, **values)

    def _schema(self) -> dict[str, object]:
        schema = schema_of(self._parser.node)
        schema.pop("description", None)
        return schema


def _object_in(arguments: str) -> Mapping[str, object]:
    try:
        given = parse_json(arguments or "{}")
    except ValueError as error:
        raise ToolError(f"the arguments are not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ToolError("the arguments are not a JSON object")
    return given


def _arguments_class(function: _Function, name: str) -> type[object]:
    """Return a dataclass with the parameters of a function."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ToolError(
            f"tool {name!r}: its annotations name {error.name!r}, which its module does not have"
        ) from None
    fields: list[tuple[str, Any, Any]] = []
    for parameter in signature_of(function).parameters.values():
        _check_parameter(parameter, hints, name)
        fields.append((parameter.name, hints[parameter.name], _field_of(parameter)))
    made: type[object] = dataclasses.make_dataclass(f"{name}_arguments", fields, kw_only=True)
    return made


def _check_parameter(parameter: inspect.Parameter, hints: Mapping[str, object], name: str) -> None:
    if parameter.kind not in _KINDS:
        raise ToolError(f"tool {name!r}: parameter {parameter.name!r} has no name of its own")
    if parameter.name not in hints:
        raise ToolError(f"tool {name!r}: parameter {parameter.name!r} has no annotation")


def _field_of(parameter: inspect.Parameter) -> Any:
    default = parameter.default
    if default is inspect.Parameter.empty:
        return dataclasses.field()
    return dataclasses.field(default_factory=lambda: copy.copy(default))


def _failed(reason: str) -> str:
    return json.dumps({"error": reason})


def _written(result: object) -> str:
    """Return a result as text: a text as it is, anything else as JSON."""
    text = result if isinstance(result, str) else json.dumps(dump(result), ensure_ascii=False)
    if len(text) <= MAX_RESULT:
        return text
    return f"{text[:MAX_RESULT]}\n[cut off: {len(text)} characters in all]"


async def run_tools(
    provider: AIProvider,
    prompt: str | Sequence[Message],
    tools: Sequence[_Function | Tool],
    *,
    max_rounds: int = MAX_ROUNDS,
    **options: Unpack[ChatOptions],
) -> Reply:
    """Return the answer to a prompt, calling functions for the model until it has one.

    The calls of one round run one after the other, in the model's order.

    Args:
        provider: Who is asked.
        prompt: What to answer, or a conversation.
        tools: The functions.
        max_rounds: How often the model may be asked.
        options: See `ChatOptions`.

    Raises:
        ToolError: If a function cannot be a tool, or two have the same name.
        ToolLoopError: If the model goes on calling tools.
        AIException: If there is no answer.
    """
    conversation = _Conversation(prompt, tools, max_rounds)
    for _ in range(max_rounds):
        reply = await provider.chat(conversation.messages, tools=conversation.specs, **options)
        if not reply.tool_calls:
            return reply
        async for _event in conversation.go_on(reply):
            pass
    raise conversation.endless(provider, options.get("model"))


async def stream_tools(
    provider: AIProvider,
    prompt: str | Sequence[Message],
    tools: Sequence[_Function | Tool],
    *,
    max_rounds: int = MAX_ROUNDS,
    **options: Unpack[ChatOptions],
) -> AsyncGenerator[ToolEvent, None]:
    """Yield the answer to a prompt as it comes, calling functions for the model until it has one; see `run_tools`.

    Whoever leaves early closes the generator (`contextlib.aclosing`), which ends the request.

    Yields:
        Pieces of text, also such that a model says before it calls tools; each call before and after it; at last, once, the
        last reply.

    Raises:
        ToolError: If a function cannot be a tool, or two have the same name.
        ToolLoopError: If the model goes on calling tools.
        AIException: If there is no answer, or it breaks off.
    """
    conversation = _Conversation(prompt, tools, max_rounds)
    for _ in range(max_rounds):
        reply: Reply | None = None
        async with aclosing(
            provider.stream_chat(conversation.messages, tools=conversation.specs, **options)
        ) as events:
            async for event in events:
                if isinstance(event, DoneEvent):
                    reply = event.reply
                else:
                    yield event
        if reply is None:
            raise ProviderAnswerError(provider.provider_name(), "its stream has no end")
        if not reply.tool_calls:
            yield DoneEvent(reply)
            return
        async for step in conversation.go_on(reply):
            yield step
    raise conversation.endless(provider, options.get("model"))


class _Conversation:
    """What was said between a model and its tools.

    Args:
        prompt: What it begins with.
        tools: The functions.
        rounds: How often the model is asked.

    Raises:
        ToolError: If a function cannot be a tool, or two have the same name.
        ValueError: If the model is never asked.
    """

    def __init__(
        self, prompt: str | Sequence[Message], tools: Sequence[_Function | Tool], rounds: int
    ) -> None:
        if rounds < 1:
            raise ValueError(f"max_rounds is {rounds!r}, less than 1")
        self._tools = _by_name(tools)
        self._rounds = rounds
        self._called: list[str] = []
        self.specs = [tool.spec for tool in self._tools.values()]
        self.messages = [Message("user", prompt)] if isinstance(prompt, str) else list(prompt)

    async def go_on(self, reply: Reply) -> AsyncGenerator[ToolCallEvent | ToolResultEvent, None]:
        """Call what a reply asks for, one after the other, and add the results to what was said."""
        self._called += [call.name[:64] for call in reply.tool_calls]
        self.messages.append(Message("assistant", reply.text, tool_calls=reply.tool_calls))
        for number, call in enumerate(reply.tool_calls):
            yield ToolCallEvent(call)
            result = await _result(self._tools, call, number)
            self.messages.append(Message("tool", result, tool_name=call.name, call_id=call.call_id))
            yield ToolResultEvent(call, result)

    def endless(self, provider: AIProvider, model: str | None) -> ToolLoopError:
        """Return the error of a model that does not come to an answer."""
        return ToolLoopError(model or provider.default_model or "", self._rounds, self._called)


def _by_name(tools: Sequence[_Function | Tool]) -> dict[str, Tool]:
    found: dict[str, Tool] = {}
    for each in tools:
        tool = each if isinstance(each, Tool) else Tool(each)
        if tool.name in found:
            raise ToolError(f"two tools are called {tool.name!r}")
        found[tool.name] = tool
    return found


async def _result(tools: Mapping[str, Tool], call: ToolCall, number: int) -> str:
    if number >= MAX_CALLS:
        return _failed(f"no more than {MAX_CALLS} calls at once")
    tool = tools.get(call.name)
    if tool is None:
        return _failed(f"there is no tool {call.name[:64]!r}; there are {', '.join(tools)}")
    return await tool.call(call.arguments)
