"""Answers as values of a type: the model is told the form, and what it says is checked."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Generic, TypeVar, Unpack, overload

from openviper.ai.base import AIProvider
from openviper.ai.exceptions import StructuredAnswerError
from openviper.ai.options import ChatOptions
from openviper.ai.providers.json_data import parse_json
from openviper.ai.types import Message, Schema
from openviper.validation import ParseError
from openviper.validation.json_schema import schema_of
from openviper.validation.nodes import RecordNode
from openviper.validation.parsers import Parser

T = TypeVar("T")

ATTEMPTS = 2
"""How often a model is asked for an answer of the right form."""
_ORDER = """\
Answer with one JSON value that follows this JSON schema, and with nothing else:
{schema}"""
_AGAIN = """\
That does not follow the schema: {errors}.
Answer again, with the whole JSON value and nothing else."""


class _Form(Generic[T]):
    """How answers of a type look, and how they are read.

    Models answer with an object; any other type is put into one.
    """

    def __init__(self, returns: type[T]) -> None:
        parser: Parser[Any] = Parser(returns, ignore_unknown=True)
        self._is_wrapped = not isinstance(parser.node, RecordNode)
        if self._is_wrapped:
            wrapper = dataclasses.make_dataclass("Answer", [("answer", returns)])
            parser = Parser(wrapper, ignore_unknown=True)
        self._parser = parser
        self.schema: Schema = schema_of(parser.node)

    def read(self, text: str) -> T:
        """Return the value in an answer.

        Raises:
            ValueError: If it is not JSON.
            ParseError: If it does not fit.
        """
        value = self._parser.parse(parse_json(_without_fence(text)))
        found: T = value.answer if self._is_wrapped else value
        return found


@overload
async def ask_for(
    provider: AIProvider,
    prompt: str,
    returns: type[T],
    *,
    attempts: int = ...,
    **options: Unpack[ChatOptions],
) -> T: ...
@overload
async def ask_for(
    provider: AIProvider,
    prompt: str,
    returns: Any,
    *,
    attempts: int = ...,
    **options: Unpack[ChatOptions],
) -> Any: ...
async def ask_for(
    provider: AIProvider,
    prompt: str,
    returns: Any,
    *,
    attempts: int = ATTEMPTS,
    **options: Unpack[ChatOptions],
) -> Any:
    """Return the answer to a prompt as a value of a type.

    An answer that does not fit is given back to the model with what is wrong.

    Args:
        provider: Who is asked.
        prompt: What to answer.
        returns: The type: a dataclass, or anything else that `openviper.validation` can read.
        attempts: How often the model is asked.
        options: See `ChatOptions`.

    Raises:
        StructuredAnswerError: If no answer fits.
        UnsupportedTypeError: If the type cannot be read from data.
        AIException: If there is no answer.
    """
    if attempts < 1:
        raise ValueError(f"attempts is {attempts!r}, less than 1")
    form: _Form[Any] = _Form(returns)
    messages = [
        Message("system", _ORDER.format(schema=json.dumps(form.schema))),
        Message("user", prompt),
    ]
    errors: list[str] = []
    answer = ""
    for _ in range(attempts):
        reply = await provider.chat(messages, schema=form.schema, **options)
        answer = reply.text
        try:
            return form.read(answer)
        except (ParseError, ValueError) as error:
            errors = _told(error)
        messages += [
            Message("assistant", answer),
            Message("user", _AGAIN.format(errors="; ".join(errors))),
        ]
    model = options.get("model") or provider.default_model or ""
    raise StructuredAnswerError(model, getattr(returns, "__name__", str(returns)), errors, answer)


def _told(error: Exception) -> list[str]:
    """Return what is wrong with an answer, without what it says."""
    if isinstance(error, ParseError):
        return [f"{fault.pointer or 'it'}: {fault.message}" for fault in error.faults]
    return [f"it is not JSON: {error}"]


def _without_fence(text: str) -> str:
    """Return what stands between the marks of a code block, if the whole text is one."""
    text = text.strip()
    if not text.startswith("```") or not text.endswith("```") or len(text) < 6:
        return text
    return text[3:-3].removeprefix("json").strip()
