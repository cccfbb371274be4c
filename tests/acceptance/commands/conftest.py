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


EACH_FRONT = [FRONTS[0], pytest.param(FRONTS[1], marks=pytest.mark.one_version)]
"""Both ways to a management command, which part long before the command itself begins."""


@pytest.fixture(params=EACH_FRONT)
def front(request: pytest.FixtureRequest) -> str:
    """Each of the front ends."""
    return str(request.param)
