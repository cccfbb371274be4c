"""Providers for tests that ask nobody."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Unpack

from openviper.ai.base import AIProvider
from openviper.ai.options import ChatOptions
from openviper.ai.types import Message, Reply, Schema, ToolSpec


class Fake(AIProvider):
    """Answers with its name, the model and the prompt; keeps what it was asked."""

    name = "fake"

    def __init__(self, config: Mapping[str, object], name: str = "fake") -> None:
        super().__init__(config)
        self.name = name
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.closed = 0

    async def generate(self, prompt: str, **kwargs: object) -> str:
        self.asked.append((prompt, kwargs))
        return f"{self.name}/{kwargs.get('model') or self.default_model}: {prompt}"

    async def stream(self, prompt: str, **kwargs: object) -> AsyncIterator[str]:
        try:
            for word in (await self.generate(prompt, **kwargs)).split():
                yield word
        finally:
            self.closed += 1

    async def embed(self, text: str, **kwargs: object) -> list[float]:
        self.asked.append((text, kwargs))
        return [float(len(text))]

    async def close(self) -> None:
        self.closed += 1


class Scripted(AIProvider):
    """Gives the replies of a conversation, one after the other."""

    name = "scripted"

    def __init__(self, *replies: Reply | str) -> None:
        super().__init__({"model": "m"})
        self.replies = deque(replies)
        self.conversations: list[list[Message]] = []
        self.tools: list[ToolSpec] = []
        self.schema: Schema | None = None

    async def generate(self, prompt: str, **kwargs: object) -> str:
        return (await self.chat([Message("user", prompt)])).text

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Schema | None = None,
        **options: Unpack[ChatOptions],
    ) -> Reply:
        self.conversations.append(list(messages))
        self.tools, self.schema = list(tools), schema
        reply = self.replies.popleft()
        return reply if isinstance(reply, Reply) else Reply(reply, "m")
