"""Settings for the tests of accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openviper.conf import Settings, settings

Configure = Callable[..., None]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Return a function that replaces the settings for the time of the test."""
    before = settings.instance, settings.configured

    def apply(**values: Any) -> None:
        settings.instance, settings.configured = Settings(SECRET_KEY="k" * 60, **values), True

    apply()
    yield apply
    settings.instance, settings.configured = before
