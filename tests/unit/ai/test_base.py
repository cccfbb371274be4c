"""What every provider does unless it says otherwise."""

from __future__ import annotations

import pytest

from openviper.ai import AIProvider, Image, Message
from tests.unit.ai.fakes import Fake


class Plain(AIProvider):
    """Defines what it must, and nothing else."""

    async def generate(self, prompt: str, **kwargs: object) -> str:
        return f"<{prompt}>"


@pytest.mark.parametrize(
    ("config", "model"),
    [
        ({"model": "a", "models": ["b"]}, "a"),
        ({"model": {"x": "a", "default": "b"}}, "b"),
        ({"model": {"x": "a", "y": "b"}}, "a"),
        ({"models": {"x": "a", "default": "b"}}, "b"),
        ({"models": {"x": "a", "y": "b"}}, "a"),
        ({"models": ["a", "b"]}, "a"),
        ({"models": "a"}, "a"),
        ({"models": []}, None),
        ({"model": ""}, None),
        ({"model": {}, "models": ["a"]}, "a"),
        ({}, None),
        ({"model": 7}, None),
    ],
)
def test_the_default_model(config: dict[str, object], model: str | None) -> None:
    assert Plain(config).default_model == model


@pytest.mark.parametrize(
    ("config", "models"),
    [
        ({"model": "a", "models": ["c", "b", "a"]}, ["a", "b", "c"]),
        ({"model": {"x": "b", "y": "a"}, "models": {"z": "b"}}, ["a", "b"]),
        ({"models": ["a", 7, "", None]}, ["a"]),
        ({}, []),
    ],
)
def test_the_supported_models(config: dict[str, object], models: list[str]) -> None:
    assert Plain(config).supported_models() == models


def test_the_configuration_is_a_copy_and_shows_no_key() -> None:
    given: dict[str, object] = {
        "model": "m",
        "api_key": "hunter2",
        "nested": {"password": "hunter2"},
    }
    provider = Plain(given)
    given["model"] = "other"
    assert provider.config["model"] == "m" and provider.config["api_key"] == "hunter2"
    assert "hunter2" not in f"{provider!r} {provider.config!r} {provider.config}"


async def test_an_answer_is_streamed_at_once() -> None:
    provider = Plain({})
    assert [piece async for piece in provider.stream("x")] == ["<x>"]
    assert await provider.complete("x") == "<x>"
    assert [piece async for piece in provider.stream_complete("x")] == ["<x>"]


async def test_what_it_cannot_is_named() -> None:
    provider = Plain({})
    with pytest.raises(NotImplementedError, match="Plain"):
        await provider.embed("x")
    with pytest.raises(NotImplementedError, match="Plain"):
        await provider.chat([Message("user", "x", images=(Image(b""),))])
    await provider.close()


async def test_a_conversation_becomes_a_prompt() -> None:
    reply = await Plain({"model": "m"}).chat([Message("system", "Be brief."), Message("user", "x")])
    assert reply.text == "<system: Be brief.\n\nuser: x>"
    assert (reply.model, reply.usage.is_estimated) == ("m", True)


async def test_several_vectors_are_asked_for_one_by_one() -> None:
    assert await Fake({"model": "m"}).embed_many(["a", "bb"]) == [[1.0], [2.0]]
