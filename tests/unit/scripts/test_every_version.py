"""The tests of whole processes that run on every version of Python."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import EVERY_VERSION, HERE


@pytest.mark.parametrize("file", sorted(EVERY_VERSION))
def test_what_runs_on_every_version_is_there(file: str) -> None:
    assert (HERE / file).is_file()
