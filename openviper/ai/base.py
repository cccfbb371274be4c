"""What every provider is: `AIProvider`."""

from __future__ import annotations

import abc
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Unpack

from openviper.ai.exceptions import ProviderAnswerError
from openviper.ai.moderation import moderation_prompt, read_verdict
from openviper.ai.options import ChatOptions
from openviper.ai.secrecy import ProviderConfig
from openviper.ai.types import (
    ChatEvent,
    DoneEvent,
    Message,
    ModerationResult,
    Reply,
    Schema,
    TextEvent,
    ToolSpec,
)
from openviper.ai.usage import estimated

logger = logging.getLogger("openviper.ai")


class AIProvider(abc.ABC):
    """A source of answers: a server of models, or anything else that turns a prompt into a text.

    Subclasses define `generate`; everything else has a default that says what it cannot do.

    Args:
        config: An entry of `AI_PROVIDERS` without its type.

    Attributes:
        config: A copy of it; its `repr` shows no keys.
        default_model: The model that is asked when a call names none; `None` if there is none.
    """

    name: str = "base"

    def __init__(self, config: Mapping[str, object]) -> None:
        self.config: dict[str, object] = ProviderConfig(config)
        self.default_model: str | None = _default_model(config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.provider_name()!r}: {', '.join(self.supported_models()) or 'no models'}>"

    @abc.abstractmethod
    async def generate(self, prompt: str, **kwargs: object) -> str:
        """Return the answer to a prompt.

        Args:
            prompt: What to answer.
            kwargs: Options; ``model`` names the model, else it is `default_model`.

        Raises:
            AIException: If there is no answer.
        """

    async def stream(self, prompt: str, **kwargs: object) -> AsyncIterator[str]:
        """Yield the answer piece by piece; by default all of it at once.

        Raises:
            AIException: If there is no answer, or it breaks off.
        """
        yield await self.generate(prompt, **kwargs)

    async def complete(self, prompt: str, **kwargs: object) -> str:
        """Return the answer to a prompt: another name of `generate`."""
        return await self.generate(prompt, **kwargs)

    async def stream_complete(self, prompt: str, **kwargs: object) -> AsyncIterator[str]:
        """Yield the answer to a prompt: another name of `stream`."""
        async for piece in self.stream(prompt, **kwargs):
            yield piece

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Schema | None = None,
        **options: Unpack[ChatOptions],
    ) -> Reply:
        """Return the reply to a conversation.

        The default joins the messages into one prompt for `generate`, and can neither call tools nor show pictures.

        Args:
            messages: What was said so far.
            tools: What the model may call.
            schema: The JSON schema that the answer is to follow; models that know no schemas are told in words.
            options: See `ChatOptions`.

        Raises:
            NotImplementedError: If the provider can do less than is asked for.
            AIException: If there is no reply.
        """
        if tools or any(message.images for message in messages):
            raise NotImplementedError(f"{type(self).__name__} knows no tools and no pictures")
        prompt = "\n\n".join(f"{message.role}: {message.content}" for message in messages)
        text = await self.generate(prompt, **options)
        model = options.get("model") or self.default_model or ""
        return Reply(text, model, estimated(prompt, text))

    async def stream_chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Schema | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncGenerator[ChatEvent, None]:
        """Yield the reply to a conversation as it comes: its text in pieces, at last all of it with the calls of tools.

        The default waits for the whole of `chat`.

        Args:
            messages: What was said so far.
            tools: What the model may call.
            schema: The JSON schema that the answer is to follow.
            options: See `ChatOptions`.

        Raises:
            NotImplementedError: If the provider can do less than is asked for.
            AIException: If there is no reply, or it breaks off.
        """
        reply = await self.chat(messages, tools=tools, schema=schema, **options)
        if reply.text:
            yield TextEvent(reply.text)
        yield DoneEvent(reply)

    async def moderate(self, content: str, **kwargs: object) -> ModerationResult:
        """Return whether a text is fit to be shown.

        Doubt means no: a reply that cannot be read, an unknown classification, little confidence or a text whose end
        was cut off are not safe.

        Args:
            content: The text; its first 2000 characters are looked at.
            kwargs: Options of `generate`.

        Returns:
            ``classification``, ``confidence`` from 0 to 1, ``reason``, ``is_safe`` and ``truncated``.

        Raises:
            AIException: If there is no answer; one that cannot be used counts as a reply that cannot be read.
        """
        prompt, is_truncated = moderation_prompt(content)
        try:
            reply = await self.generate(prompt, **kwargs)
        except ProviderAnswerError as error:
            logger.warning("a text counts as not safe: %s", error)
            reply = ""
        return read_verdict(reply, truncated=is_truncated)

    async def embed(self, text: str, **kwargs: object) -> list[float]:
        """Return the vector of a text.

        Raises:
            NotImplementedError: If the provider has none.
            AIException: If there is no answer.
        """
        raise NotImplementedError(f"{type(self).__name__} has no embeddings")

    async def embed_many(self, texts: Sequence[str], **kwargs: object) -> list[list[float]]:
        """Return the vectors of several texts, in their order; see `embed`."""
        return [await self.embed(text, **kwargs) for text in texts]

    def supported_models(self) -> list[str]:
        """Return the ids of the models that the configuration names, sorted."""
        models = {*_ids(self.config.get("models")), *_ids(self.config.get("model"))}
        return sorted(models)

    def provider_name(self) -> str:
        """Return the name of the provider."""
        return self.name

    async def before_inference(
        self, prompt: str, kwargs: dict[str, object]
    ) -> tuple[str, dict[str, object]]:
        """Change a prompt and its options before they are sent; for subclasses."""
        return prompt, kwargs

    async def after_inference(self, prompt: str, response: str) -> str:
        """Change an answer before it is returned; for subclasses."""
        return response

    async def close(self) -> None:  # noqa: B027 - a default that does nothing
        """Let go of connections. Called for registered providers when the application stops."""


def _default_model(config: Mapping[str, object]) -> str | None:
    model = config.get("model")
    if isinstance(model, str) and model:
        return model
    models = config.get("models")
    first = _first_of(model) if isinstance(model, Mapping) and model else _first_of(models)
    return first if isinstance(first, str) else None


def _first_of(models: object) -> object:
    """Return the model that stands for several: the one called ``default``, else the first."""
    if not models:
        return None
    if isinstance(models, Mapping):
        return models.get("default", next(iter(models.values())))
    if isinstance(models, str):
        return models
    return models[0] if isinstance(models, list | tuple) else None


def _ids(value: object) -> list[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    elif isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple):
        return []
    return [model for model in value if isinstance(model, str) and model]
