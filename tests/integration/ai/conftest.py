"""Servers and providers for the tests of AI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from openviper.ai.providers.ollama import OllamaProvider
from openviper.ai.providers.openai import OpenAIProvider
from openviper.ai.providers.remote import RemoteProvider
from tests.ai_server import AIServer

Make: TypeAlias = Callable[..., RemoteProvider]


@pytest.fixture
def server() -> Iterator[AIServer]:
    """Run a server that speaks plain HTTP."""
    with AIServer() as running:
        yield running


@pytest.fixture(params=["ollama", "openai"])
def make(request: pytest.FixtureRequest, server: AIServer) -> Make:
    """Return what makes a provider of the server, of each type in turn."""

    def make_provider(**config: object) -> RemoteProvider:
        if request.param == "ollama":
            return OllamaProvider({"base_url": server.url, "model": "llama3.2", **config})
        return OpenAIProvider({"base_url": f"{server.url}/v1", "model": "llama3.2", **config})

    return make_provider
