"""Settings of mail for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from openviper.testing.settings import override_openviper_settings

Configure = Callable[..., None]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Return a function that changes settings for the rest of the test."""
    with ExitStack() as stack:

        def change(**values: Any) -> None:
            stack.enter_context(override_openviper_settings(**values))

        yield change
