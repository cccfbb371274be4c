"""Helpers for authors of providers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from openviper.ai import (
    AIException,
    ModelUnavailableError,
    ProviderNotAvailableError,
    SimpleProvider,
    StreamingAdapter,
    clamp_temperature,
    filter_kwargs,
    map_http_error,
    normalize_response,
)
from openviper.ai.provider_utils import estimate_tokens


async def test_a_blocking_generator_is_iterated_in_threads() -> None:
    threads: set[int] = set()

    def source() -> Iterator[str | None]:
        for item in ("a", None, "b"):
            threads.add(threading.get_ident())
            yield item

    assert [item async for item in StreamingAdapter(source)] == ["a", None, "b"]
    assert [item async for item in StreamingAdapter(source())] == ["a", None, "b"]
    assert threading.get_ident() not in threads


async def test_a_generator_that_is_left_early_is_closed() -> None:
    closed = threading.Event()

    def source() -> Iterator[str | None]:
        try:
            while True:
                yield "a"
        finally:
            closed.set()

    stream = aiter(StreamingAdapter(source))
    assert await anext(stream) == "a"
    await stream.aclose()
    assert closed.is_set()


async def test_a_generator_that_is_cancelled_in_a_step_is_closed() -> None:
    began, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def source() -> Iterator[str | None]:
        try:
            began.set()
            go_on.wait(60)
            yield "a"
        finally:
            closed.set()

    async def read() -> None:
        async for _ in StreamingAdapter(source):
            pass

    task = asyncio.create_task(read())
    await asyncio.to_thread(began.wait, 60)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()


async def test_errors_of_a_generator_go_on() -> None:
    def source() -> Iterator[str | None]:
        yield "a"
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        [_ async for _ in StreamingAdapter(source)]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  a  ", "a"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("a\n \t\n\n  b", "a\n\nb"),
        ("a\r\n\r\n\r\nb", "a\n\nb"),
        ("a\nb\n", "a\nb"),
        ("", ""),
    ],
)
def test_answers_are_tidied(text: str, normal: str) -> None:
    assert normalize_response(text) == normal


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (401, ProviderNotAvailableError, "refuses the key"),
        (403, ProviderNotAvailableError, "refuses the key"),
        (429, ProviderNotAvailableError, "too many requests"),
        (500, ProviderNotAvailableError, "the server failed"),
        (503, ProviderNotAvailableError, "the server failed"),
        (404, ModelUnavailableError, "'m'"),
        (400, AIException, "refuses the request (status 400): why"),
    ],
)
def test_statuses_are_errors(status: int, kind: type[AIException], told: str) -> None:
    error = map_http_error(status, "why", provider="p", model="m")
    assert type(error) is kind
    assert told in str(error) and "'p'" in str(error) and "why" in str(error)


def test_404_without_a_model_is_a_plain_error() -> None:
    assert type(map_http_error(404)) is AIException


@pytest.mark.parametrize(
    ("value", "clamped"),
    [
        (0.5, 0.5),
        (-1, 0.0),
        (9, 2.0),
        ("1", 1.0),
        (float("inf"), 2.0),
        (float("nan"), None),
        ("nan", None),
        ("hot", None),
        (None, None),
        (True, None),
        ([], None),
        (10**400, None),
    ],
)
def test_temperatures(value: object, clamped: float | None) -> None:
    assert clamp_temperature(value) == clamped


def test_unknown_options_are_named(caplog: pytest.LogCaptureFixture) -> None:
    assert filter_kwargs({"a": 1, "b": 2, "c": 3}, {"a"}, provider="P") == {"a": 1}
    assert "P ignores unknown options: b, c" in caplog.text


def test_tokens_are_estimated() -> None:
    assert [estimate_tokens("x" * length) for length in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_an_instance_may_have_a_name() -> None:
    class Simple(SimpleProvider):
        async def generate(self, prompt: str, **kwargs: object) -> str:
            return prompt

    assert Simple({}, name="mine").provider_name() == "mine"
    assert Simple({}).provider_name() == "base"
