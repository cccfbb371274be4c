"""Fixtures of the tests that drive the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.commands.forks import FRONTS, Forks


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """The process whose forks run command lines."""
    with Forks() as forks:
        yield forks


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    """Each of the front ends."""
    return str(request.param)
