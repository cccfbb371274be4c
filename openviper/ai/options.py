"""The options of a call that every provider understands."""

from __future__ import annotations

from typing import TypedDict


class ChatOptions(TypedDict, total=False):
    """Options of `AIProvider.chat`.

    Attributes:
        model: The model to ask.
        temperature: How much chance there is in the answer, from 0.
        max_tokens: Longest answer.
        top_p: Share of the likeliest words to choose from.
        stop: Texts at which the answer ends.
        seed: Makes answers repeatable, where the server can.
    """

    model: str
    temperature: float
    max_tokens: int
    top_p: float
    stop: list[str]
    seed: int


CHAT_OPTIONS = frozenset(ChatOptions.__annotations__)
PROMPT_OPTIONS = CHAT_OPTIONS | {"system", "images"}
"""Options of `generate` and `stream` of the providers that ask a server."""
