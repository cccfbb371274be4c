"""Checks of the templates: do they compile, and do those they build on exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from openviper.conf import Settings, settings
from openviper.core.management.checks.findings import Finding
from openviper.template.environment import (
    MissingDependencyError,
    get_jinja2_env,
    get_template_directories,
)

if TYPE_CHECKING:
    from jinja2 import Environment

SUFFIXES = (".html", ".htm", ".xml", ".txt", ".jinja", ".jinja2", ".j2")
"""Files that are taken for templates."""


def check_templates() -> list[Finding]:
    """Return the findings about templates."""
    findings = list(_missing_directory())
    directories = get_template_directories()
    found = [(directory, path) for directory in directories for path in _files(directory)]
    if not found:
        return findings
    try:
        environment = get_jinja2_env(directories)
    except MissingDependencyError as error:
        return [*findings, Finding("templates.W002", str(error))]
    for directory, path in found:
        findings += _check(environment, path, path.relative_to(directory).as_posix())
    return findings


def _missing_directory() -> Iterator[Finding]:
    directory = settings.TEMPLATES_DIR
    # Not every project has templates; only who names another place than the default wants it to be there.
    if directory != Settings.__dataclass_fields__["TEMPLATES_DIR"].default and not os.path.isdir(
        directory
    ):
        yield Finding(
            "templates.W001", f"TEMPLATES_DIR {directory!r} does not exist", where="TEMPLATES_DIR"
        )


def _files(directory: str) -> list[Path]:
    return sorted(
        path for path in Path(directory).rglob("*") if path.suffix in SUFFIXES and path.is_file()
    )


def _check(environment: Environment, path: Path, name: str) -> Iterator[Finding]:
    from jinja2 import TemplateSyntaxError, meta

    try:
        source = path.read_text(encoding="utf-8")
        tree = environment.parse(source, name, str(path))
        environment.compile(source, name, str(path))  # Finds filters and tests that do not exist.
    except TemplateSyntaxError as error:
        yield Finding(
            "templates.E001",
            f"{name}, line {error.lineno}: {error.message}",
            where=f"{path}:{error.lineno}",
        )
        return
    except (OSError, UnicodeError) as error:
        yield Finding("templates.E001", f"{name} cannot be read: {error}", where=str(path))
        return
    known = set(environment.list_templates())
    for wanted in meta.find_referenced_templates(tree):
        if wanted is not None and wanted not in known:
            yield Finding(
                "templates.E002",
                f"{name} uses the template {wanted!r}, which does not exist",
                where=str(path),
            )
