"""The router asks the provider of the chosen model, for that model."""

from __future__ import annotations

import asyncio

import pytest

from openviper.ai import Message, ModelNotFoundError, ModelRouter, ProviderRegistry
from tests.unit.ai.fakes import Fake


@pytest.fixture
def fake() -> Fake:
    """Return a provider with three models."""
    return Fake({"models": ["a", "b", "c"]})


@pytest.fixture
def router(fake: Fake) -> ModelRouter:
    """Return a router of one provider."""
    registry = ProviderRegistry()
    registry.register_provider(fake)
    return ModelRouter(registry)


async def test_the_chosen_model_is_passed_on(router: ModelRouter, fake: Fake) -> None:
    router.set_model("b")
    assert await router.generate("x") == "fake/b: x"
    assert await router.generate("x", model="c") == "fake/c: x"
    assert [piece async for piece in router.stream("x")] == ["fake/b:", "x"]
    assert (await router.chat([Message("user", "x")])).model == "b"
    await router.moderate("x")
    await router.embed("x", model="c")
    assert [options["model"] for _, options in fake.asked] == ["b", "c", "b", "b", "b", "c"]


async def test_without_a_choice_nobody_is_asked(router: ModelRouter) -> None:
    with pytest.raises(RuntimeError, match="no model is chosen"):
        await router.generate("x")


async def test_an_unknown_model_is_seen_when_it_is_asked(router: ModelRouter) -> None:
    router.set_model("nope")
    assert router.get_model() == "nope"
    with pytest.raises(ModelNotFoundError):
        router.get_provider()


async def test_using_is_for_the_task_alone(router: ModelRouter) -> None:
    router.set_model("a")

    async def ask(model: str) -> str:
        with router.using(model):
            await asyncio.sleep(0)
            return await router.generate("x")

    assert list(await asyncio.gather(ask("b"), ask("c"))) == ["fake/b: x", "fake/c: x"]
    assert router.get_model() == "a"
    with router.using("b"):
        router.set_model("c")
        assert router.get_model() == "b"
    assert router.get_model() == "c"


async def test_options_are_passed_on(router: ModelRouter, fake: Fake) -> None:
    await router.generate("x", model="a", temperature=0.1)
    assert fake.asked == [("x", {"model": "a", "temperature": 0.1})]


async def test_vectors_come_from_the_model_that_is_configured_for_them() -> None:
    fake = Fake({"model": "a", "embed_model": "e"})
    registry = ProviderRegistry()
    registry.register_provider(fake)
    router = ModelRouter(registry, "a")
    await router.embed("x")
    await router.embed("x", model="a")
    assert [options for _, options in fake.asked] == [{}, {"model": "a"}]


async def test_a_stream_that_is_left_ends_the_provider_s(router: ModelRouter, fake: Fake) -> None:
    stream = router.stream("x", model="a")
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert fake.closed == 1


def test_it_shows_the_model(router: ModelRouter) -> None:
    router.set_model("b")
    assert repr(router) == "<ModelRouter: 'b'>"
    assert router.list_models() == ["a", "b", "c"]
