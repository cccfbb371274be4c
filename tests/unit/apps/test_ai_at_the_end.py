"""When an application stops, the connections of its AI providers are closed."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from openviper import OpenViper
from openviper.ai import provider_registry
from openviper.testing import lifespan
from tests.unit.ai.fakes import Fake
from tests.unit.lifespan import live


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Register a provider for two models, in a registry that is empty otherwise."""
    provider_registry.reset()
    made = Fake({"models": ["one", "two"]})
    provider_registry.register_provider(made)
    yield made
    provider_registry.reset()


async def test_a_provider_is_closed_once_when_the_application_stops(fake: Fake) -> None:
    app = OpenViper(debug=False)
    async with lifespan(app):
        assert fake.closed == 0
    assert fake.closed == 1


async def test_a_server_has_it_done_too(fake: Fake) -> None:
    messages = await live(OpenViper(debug=False))
    assert [message["type"] for message in messages] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert fake.closed == 1


async def test_one_that_cannot_be_closed_does_not_keep_the_application(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(Fake):
        async def close(self) -> None:
            raise OSError("stuck")

    provider_registry.register_provider(Stuck({"model": "three"}, "stuck"))
    with caplog.at_level(logging.ERROR, "openviper.ai"):
        messages = await live(OpenViper(debug=False))
    assert messages[-1]["type"] == "lifespan.shutdown.complete"
    assert fake.closed == 1 and "'stuck' could not be closed" in caplog.text


async def test_one_that_was_forgotten_is_not_closed(fake: Fake) -> None:
    provider_registry.unregister("one")
    provider_registry.unregister("two")
    async with lifespan(OpenViper(debug=False)):
        pass
    assert fake.closed == 0
