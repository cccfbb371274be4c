"""Asking whichever provider has the chosen model: `model_router`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar, Unpack, overload

from openviper.ai.base import AIProvider
from openviper.ai.options import ChatOptions
from openviper.ai.registry import ProviderRegistry, provider_registry
from openviper.ai.structured import ATTEMPTS, ask_for
from openviper.ai.tools import MAX_ROUNDS, run_tools, stream_tools
from openviper.ai.types import (
    ChatEvent,
    Message,
    ModerationResult,
    Reply,
    Schema,
    ToolEvent,
    ToolSpec,
)

T = TypeVar("T")


class ModelRouter:
    """Passes calls on to the provider of the chosen model, and the model with them.

    Args:
        registry: Where providers are looked up; `provider_registry` when not given.
        default_model: The model that is asked when nothing else is chosen.
    """

    def __init__(
        self, registry: ProviderRegistry | None = None, default_model: str | None = None
    ) -> None:
        self._registry = provider_registry if registry is None else registry
        self._model = default_model
        self._of_task: ContextVar[str | None] = ContextVar("openviper_ai_model", default=None)

    def __repr__(self) -> str:
        return f"<ModelRouter: {self.get_model()!r}>"

    def set_model(self, model: str | None) -> None:
        """Choose the model for the whole process; whether a provider has it is seen when it is asked."""
        self._model = model

    def get_model(self) -> str | None:
        """Return the model that is chosen here: that of `using`, else that of `set_model`."""
        return self._of_task.get() or self._model

    @contextlib.contextmanager
    def using(self, model: str) -> Iterator[None]:
        """Choose the model for this task, and those it starts, inside the block."""
        token = self._of_task.set(model)
        try:
            yield
        finally:
            self._of_task.reset(token)

    def get_provider(self, model: str | None = None) -> AIProvider:
        """Return the provider of a model, or of the chosen one.

        Raises:
            RuntimeError: If no model is given or chosen.
            ModelNotFoundError: If no provider has it.
        """
        return self._found(model)[0]

    async def generate(self, prompt: str, *, model: str | None = None, **kwargs: object) -> str:
        """Return the answer to a prompt; see `AIProvider.generate`."""
        provider, chosen = self._found(model)
        return await provider.generate(prompt, model=chosen, **kwargs)

    async def stream(
        self, prompt: str, *, model: str | None = None, **kwargs: object
    ) -> AsyncIterator[str]:
        """Yield the answer to a prompt piece by piece; see `AIProvider.stream`."""
        provider, chosen = self._found(model)
        pieces = provider.stream(prompt, model=chosen, **kwargs)
        try:
            async for piece in pieces:
                yield piece
        finally:
            # One that is left early closes its connection at once.
            close = getattr(pieces, "aclose", None)
            if close is not None:
                await close()

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Schema | None = None,
        **options: Unpack[ChatOptions],
    ) -> Reply:
        """Return the reply to a conversation; see `AIProvider.chat`."""
        provider, options["model"] = self._found(options.get("model"))
        return await provider.chat(messages, tools=tools, schema=schema, **options)

    @overload
    async def ask(
        self,
        prompt: str,
        returns: type[T],
        *,
        attempts: int = ...,
        **options: Unpack[ChatOptions],
    ) -> T: ...
    @overload
    async def ask(
        self,
        prompt: str,
        returns: Any,
        *,
        attempts: int = ...,
        **options: Unpack[ChatOptions],
    ) -> Any: ...
    async def ask(
        self,
        prompt: str,
        returns: Any,
        *,
        attempts: int = ATTEMPTS,
        **options: Unpack[ChatOptions],
    ) -> Any:
        """Return the answer to a prompt as a value of a type; see `openviper.ai.structured.ask_for`."""
        provider, options["model"] = self._found(options.get("model"))
        return await ask_for(provider, prompt, returns, attempts=attempts, **options)

    async def run(
        self,
        prompt: str | Sequence[Message],
        tools: Sequence[Callable[..., object]],
        *,
        max_rounds: int = MAX_ROUNDS,
        **options: Unpack[ChatOptions],
    ) -> Reply:
        """Return the answer to a prompt, calling functions for the model; see `openviper.ai.tools.run_tools`."""
        provider, options["model"] = self._found(options.get("model"))
        return await run_tools(provider, prompt, tools, max_rounds=max_rounds, **options)

    async def stream_chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Schema | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncGenerator[ChatEvent, None]:
        """Yield the reply to a conversation as it comes; see `AIProvider.stream_chat`."""
        provider, options["model"] = self._found(options.get("model"))
        events = provider.stream_chat(messages, tools=tools, schema=schema, **options)
        async with contextlib.aclosing(events):
            async for event in events:
                yield event

    async def stream_run(
        self,
        prompt: str | Sequence[Message],
        tools: Sequence[Callable[..., object]],
        *,
        max_rounds: int = MAX_ROUNDS,
        **options: Unpack[ChatOptions],
    ) -> AsyncGenerator[ToolEvent, None]:
        """Yield the answer to a prompt as it comes, calling functions for the model; see `openviper.ai.tools.stream_tools`."""
        provider, options["model"] = self._found(options.get("model"))
        events = stream_tools(provider, prompt, tools, max_rounds=max_rounds, **options)
        async with contextlib.aclosing(events):
            async for event in events:
                yield event

    async def moderate(
        self, content: str, *, model: str | None = None, **kwargs: object
    ) -> ModerationResult:
        """Return whether a text is fit to be shown; see `AIProvider.moderate`."""
        provider, chosen = self._found(model)
        return await provider.moderate(content, model=chosen, **kwargs)

    async def embed(self, text: str, *, model: str | None = None, **kwargs: object) -> list[float]:
        """Return the vector of a text; see `AIProvider.embed`.

        Where no model is given and the provider of the chosen one names an ``embed_model``, that one is asked.
        """
        provider, chosen = self._found(model)
        if model is None and provider.config.get("embed_model"):
            return await provider.embed(text, **kwargs)
        return await provider.embed(text, model=chosen, **kwargs)

    def list_models(self) -> list[str]:
        """Return the ids of all models, sorted."""
        return self._registry.list_models()

    def _found(self, model: str | None) -> tuple[AIProvider, str]:
        chosen = model or self.get_model()
        if not chosen:
            raise RuntimeError(
                "no model is chosen; pass model=, or use set_model() or using() of the router"
            )
        return self._registry.get_by_model(chosen), chosen


model_router = ModelRouter()
"""The router of the project."""
