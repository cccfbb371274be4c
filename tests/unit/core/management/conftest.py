"""A project for the tests of commands."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.conf import Settings, settings
from tests.projects import KEY, write
from tests.shop.files import shop, shop_file

__all__ = ["installed", "shop", "shop_file"]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Settings with one app that exists and one that does not, in a project of its own."""
    databases: Any = {"default": {"OPTIONS": {"URL": "sqlite:///x.db"}}, "empty": {}, "ROUTERS": []}
    monkeypatch.setattr(
        settings,
        "instance",
        Settings(SECRET_KEY=KEY, INSTALLED_APPS=("util_blog", "util_nope"), DATABASES=databases),
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield write(tmp_path, {"util_blog/__init__.py": "", "util_blog/models.py": "x = 1\n"})
    for name in set(sys.modules) - before:
        del sys.modules[name]
