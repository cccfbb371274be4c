"""Checks of the settings of static files."""

from __future__ import annotations

import os
from collections.abc import Iterator

from openviper.conf import settings
from openviper.core.management.checks.findings import Finding
from openviper.project.directory import in_project
from openviper.staticfiles.finders import discover_app_static_dirs


def check_static() -> list[Finding]:
    """Return the findings about where static files come from and go."""
    if not settings.STATIC_ROOT:
        return []
    root = os.path.realpath(in_project(settings.STATIC_ROOT))
    return [
        Finding(
            "static.E001",
            f"STATIC_ROOT {settings.STATIC_ROOT!r} lies in {source!r}, which static files are collected from",
            "Name a directory of its own, such as 'staticfiles'.",
            where="STATIC_ROOT",
        )
        for source in _sources()
        if _is_in(root, os.path.realpath(in_project(source)))
    ]


def _sources() -> Iterator[str]:
    # By default the two are the same, which harms nobody until there is such a directory.
    yield from (name for name in settings.STATICFILES_DIRS if in_project(name).is_dir())
    yield from map(str, discover_app_static_dirs())


def _is_in(path: str, directory: str) -> bool:
    return os.path.commonpath([path, directory]) == directory
