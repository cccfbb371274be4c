"""What tests of backups share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Give a directory that others can reach, which `tmp_path` is not: each run of pytest closes the one above it."""
    with tempfile.TemporaryDirectory(prefix="openviper-test-") as name:
        place = Path(name)
        place.chmod(0o755)
        yield place
