"""Helpers for writing providers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Final

from openviper.ai.base import AIProvider
from openviper.ai.exceptions import ModelUnavailableError, ProviderNotAvailableError
from openviper.ai.provider_utils import clamp_temperature, filter_kwargs
from openviper.exceptions import AIException

__all__ = [
    "SimpleProvider",
    "StreamingAdapter",
    "clamp_temperature",
    "filter_kwargs",
    "map_http_error",
    "normalize_response",
]

_END: Final = object()
_EMPTY_LINES = re.compile(r"\n[ \t\r\f\v]*(?:\n[ \t\r\f\v]*)+")


class SimpleProvider(AIProvider):
    """A provider whose name is given to the instance.

    Args:
        config: An entry of `AI_PROVIDERS`.
        name: Its name; that of the class when not given.
    """

    def __init__(self, config: Mapping[str, object], *, name: str | None = None) -> None:
        super().__init__(config)
        if name is not None:
            self.name = name


class StreamingAdapter:
    """Asynchronous iteration over a generator that blocks: each step runs in a thread.

    The generator is closed when the iteration ends, early too; its errors go on to whoever iterates.

    Args:
        source: The generator, or what makes it.
        executor: Where the steps run; the default one of the event loop when not given.
    """

    def __init__(
        self,
        source: Iterator[str | None] | Callable[[], Iterator[str | None]],
        executor: Executor | None = None,
    ) -> None:
        self._source = source
        self._executor = executor

    def __aiter__(self) -> AsyncGenerator[str | None, None]:
        return self._iterate()

    async def _iterate(self) -> AsyncGenerator[str | None, None]:
        loop = asyncio.get_running_loop()
        steps = self._steps()
        pending: asyncio.Future[str | None | object] | None = None
        try:
            while True:
                pending = loop.run_in_executor(self._executor, next, steps, _END)
                item = await asyncio.shield(pending)
                if item is _END:
                    return
                yield _as_text(item)
        finally:
            await self._close(steps, pending)

    def _steps(self) -> Iterator[str | None]:
        source = self._source
        return source() if callable(source) else source

    async def _close(
        self, steps: Iterator[str | None], pending: asyncio.Future[str | None | object] | None
    ) -> None:
        # A generator cannot be closed while a step of it runs.
        if pending is not None and not pending.done():
            await asyncio.wait([pending])
        close = getattr(steps, "close", None)
        if close is not None:
            await asyncio.get_running_loop().run_in_executor(self._executor, close)


def normalize_response(text: str) -> str:
    """Return a text without space around it, and with at most one empty line in a row."""
    return _EMPTY_LINES.sub("\n\n", text.replace("\r\n", "\n")).strip()


def map_http_error(
    status: int,
    detail: str = "",
    *,
    provider: str = "unknown",
    model: str = "",
    retry_after: float | None = None,
) -> AIException:
    """Return the error for a status of HTTP.

    Args:
        status: The status, from 400 on.
        detail: What the server says; no secrets.
        provider: The name of the provider.
        model: The model that was asked.
        retry_after: Seconds after which the server wants to be asked again.
    """
    if status == 404 and model:
        return ModelUnavailableError(model, provider, detail or "status 404")
    said = f" (status {status}): {detail}" if detail else f" (status {status})"
    reason = _unavailable(status)
    if reason is None:
        return AIException(f"provider {provider!r} refuses the request{said}")
    return ProviderNotAvailableError(
        provider, f"{reason}{said}", status=status, retry_after=retry_after
    )


def _unavailable(status: int) -> str | None:
    """Return why a provider cannot be used; `None` if it is the request that is wrong."""
    if status in (401, 403):
        return "it refuses the key"
    if status == 429:
        return "too many requests"
    return "the server failed" if status >= 500 else None


def _as_text(piece: object) -> str | None:
    return None if piece is None else str(piece)
