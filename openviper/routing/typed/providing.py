"""Providers while a request is answered: begun, ended after the answer, replaced in tests."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from openviper.http.request import Request
from openviper.utils.cancellation import uncancelled
from openviper.utils.printable import printable

logger = logging.getLogger("openviper.request")
Provided: TypeAlias = "AsyncGenerator[Any, None] | Generator[Any, None, None]"
Overrides: TypeAlias = Mapping[Callable[..., Any], Callable[..., Any]]

overrides: ContextVar[Overrides] = ContextVar("overrides", default={})  # noqa: B039 - never changed in place


@contextmanager
def override_provider(
    provider: Callable[..., Any], replacement: Callable[..., Any]
) -> Iterator[None]:
    """Call another function wherever a provider is asked for, in tests.

    Args:
        provider: The function that handlers name in `Provide`.
        replacement: What is called in its place; its parameters are filled in like those of a provider.
    """
    token = overrides.set({**overrides.get(), provider: replacement})
    try:
        yield
    finally:
        overrides.reset(token)


class Provisions:
    """The providers of one request that yield.

    Args:
        request: The request.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._open: list[Provided] = []

    async def enter(self, generator: Provided) -> Any:
        """Run a provider to its ``yield`` and return what it yields.

        Raises:
            RuntimeError: If it does not yield.
        """
        self._open.append(generator)
        try:
            if inspect.isasyncgen(generator):
                return await anext(generator)
            assert inspect.isgenerator(generator)  # The plan has asked.
            return next(generator)
        except (StopIteration, StopAsyncIteration):
            self._open.pop()
            raise RuntimeError(f"provider {_name(generator)} yields nothing") from None

    def keep(self) -> None:
        """Have the providers ended after the answer."""
        if self._open:
            self._request.release_later(self.close)

    async def fail(self, error: BaseException) -> None:
        """Raise an error at the ``yield`` of each provider, the last one first.

        Raises:
            BaseException: What a provider raises in its place.
        """
        while self._open:
            try:
                await _throw(self._open.pop(), error)
            except (StopIteration, StopAsyncIteration):
                continue  # It is done with it; the error goes on.
            except BaseException as raised:
                if raised is not error:
                    await self.fail(raised)
                    raise

    async def close(self) -> None:
        """Run each provider to its end, the last one first; what one raises is logged, and stops no other."""
        while self._open:
            generator = self._open.pop()
            try:
                await uncancelled(_finish(generator))
            except Exception as error:
                where = printable(self._request.path)
                logger.error("provider %s after %s failed", _name(generator), where, exc_info=error)


async def _throw(generator: Provided, error: BaseException) -> None:
    if inspect.isasyncgen(generator):
        await generator.athrow(error)
        await generator.aclose()
    elif inspect.isgenerator(generator):
        generator.throw(error)
        generator.close()


async def _finish(generator: Provided) -> None:
    if inspect.isasyncgen(generator):
        async for _ in generator:
            await generator.aclose()
            raise RuntimeError("it yields twice")
    elif inspect.isgenerator(generator):
        for _ in generator:
            generator.close()
            raise RuntimeError("it yields twice")


def _name(generator: Any) -> str:
    return str(generator.__qualname__)
