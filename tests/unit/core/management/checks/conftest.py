"""A project whose settings a test chooses, in a directory of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.testing import override_openviper_settings
from tests.projects import forget_modules


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project on the import path, without apps; what is imported from it is forgotten."""
    for name in ("OPENVIPER_SETTINGS_MODULE", "OPENVIPER_ENV", "ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with override_openviper_settings(INSTALLED_APPS=()):
        yield tmp_path
    forget_modules(tmp_path)
