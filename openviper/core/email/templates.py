"""Bodies from templates: Jinja2 in its sandbox, and Markdown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from openviper.core.email.markdown_mail import (
    render_markdown,
    render_markdown_source,
    with_marks,
)
from openviper.template.environment import get_jinja2_env, get_template_directories

if TYPE_CHECKING:
    from jinja2 import Environment

DEFAULT_DIRECTORY = "templates"
MARKDOWN = (".md", ".markdown")
HTML = (".html", ".htm")
_ENCODED = (("%2f", "/"), ("%5c", "\\"))
_DRIVE = re.compile(r"[a-z]:")
_HIDDEN = ("\0", "%25")
"""What only somebody writes into a name who wants it to be read twice."""

__all__ = ["check_mail_template_name", "render_markdown", "render_template_content"]


def check_mail_template_name(name: str) -> str:
    """Return the name of a template if it stays below the search directories.

    Raises:
        ValueError: If it is empty, has a NUL or an encoded percent sign, leads upwards, or is absolute.
    """
    if not name:
        raise ValueError(f"{name!r} is not the name of a mail template")
    decoded = name.lower()
    for escape, character in _ENCODED:
        decoded = decoded.replace(escape, character)
    is_absolute = decoded.startswith(("/", "\\")) or _DRIVE.match(decoded)
    if is_absolute or ".." in decoded or any(mark in name for mark in _HIDDEN):
        raise ValueError(f"mail template {name!r} leads outside of the template directories")
    return name


class _Environments(NamedTuple):
    """Jinja2 for HTML, which escapes, for plain text, which does not, and for Markdown, which puts values in later."""

    html: Environment
    text: Environment
    markdown: Environment


@lru_cache(maxsize=16)
def _overlays(base: Environment) -> _Environments:
    return _Environments(
        base.overlay(autoescape=True), base.overlay(autoescape=False), with_marks(base)
    )


@lru_cache(maxsize=16)
def _paths(template_dir: str, configured: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([os.path.abspath(template_dir), *configured[1:]]))


def _environments(template_dir: str | Path) -> _Environments:
    directories = tuple(get_template_directories())
    if str(template_dir) != DEFAULT_DIRECTORY:
        directories = _paths(str(template_dir), directories)
    overlays = _overlays(get_jinja2_env(directories))
    if not overlays.html.autoescape:
        raise RuntimeError("autoescaping is off, so HTML mail would carry markup from the context")
    return overlays


def render_template_content(
    template: str,
    context: Mapping[str, object] | None = None,
    template_dir: str | Path = DEFAULT_DIRECTORY,
) -> tuple[str | None, str | None]:
    """Return the plain and the HTML body that a template gives.

    A name that ends in ``.md`` or ``.markdown`` gives both, one in ``.html`` or ``.htm`` HTML, any other plain text. Values are
    escaped where the result is HTML, and only there; in Markdown they are text, never Markdown of their own.

    Args:
        template: The name below the search directories.
        context: What the template is given.
        template_dir: The first search directory, `TEMPLATES_DIR` when not given; the folders of the installed apps follow.

    Raises:
        ValueError: If the name leads outside, or Markdown is too long.
        jinja2.TemplateNotFound: If there is no such template.
        MissingDependencyError: If Jinja2, or Markdown where it is needed, is not installed.
        RuntimeError: If autoescaping is off.
    """
    check_mail_template_name(template)
    environments = _environments(template_dir)
    values: dict[str, Any] = dict(context or {})
    ending = template[template.rfind(".") :].lower()
    if ending in HTML:
        return None, environments.html.get_template(template).render(values)
    text = environments.text.get_template(template).render(values)
    is_markdown = ending in MARKDOWN
    return text, render_markdown_source(
        environments.markdown, template, values
    ) if is_markdown else None
