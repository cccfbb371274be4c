"""Bodies from templates: Jinja2 in its sandbox, and Markdown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from openviper.template.environment import (
    MissingDependencyError,
    get_jinja2_env,
    get_template_directories,
)

if TYPE_CHECKING:
    from jinja2 import Environment

DEFAULT_DIRECTORY = "templates"
MARKDOWN = (".md", ".markdown")
HTML = (".html", ".htm")
_ESCAPES = (("%2f", "/"), ("%5c", "\\"))
_TARGET = re.compile(r"""(<[^<>]*?\s(?:href|src)\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_DANGEROUS = re.compile(r"(?:javascript|vbscript|data):", re.IGNORECASE)


def check_mail_template_name(name: str) -> str:
    """Return the name of a template if it stays below the search directories.

    Raises:
        ValueError: If it is empty, has a NUL or an encoded percent sign, leads upwards, or is absolute.
    """
    if not name:
        raise ValueError(f"{name!r} is no name of a mail template")
    decoded = name.lower()
    for escape, character in _ESCAPES:
        decoded = decoded.replace(escape, character)
    if (
        "\0" in name
        or "%25" in name
        or ".." in decoded
        or decoded.startswith(("/", "\\"))
        or re.match(r"[a-z]:", decoded)
    ):
        raise ValueError(f"mail template {name!r} leads outside of the template directories")
    return name


class _Environments(NamedTuple):
    """Jinja2 for HTML, which escapes, and for plain text, which does not."""

    html: Environment
    text: Environment


@lru_cache(maxsize=16)
def _overlays(base: Environment) -> _Environments:
    return _Environments(base.overlay(autoescape=True), base.overlay(autoescape=False))


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
    escaped where the result is HTML, and only there.

    Args:
        template: The name below the search directories.
        context: What the template is given.
        template_dir: The first search directory, `TEMPLATES_DIR` when not given; the folders of the installed apps follow.

    Raises:
        ValueError: If the name leads outside.
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
    if ending not in MARKDOWN:
        return text, None
    return text, render_markdown(environments.html.get_template(template).render(values))


def render_markdown(text: str) -> str:
    """Return Markdown as HTML, without link targets that run scripts.

    Raises:
        MissingDependencyError: If Markdown is not installed.
    """
    try:
        import markdown
    except ImportError as error:
        raise MissingDependencyError(
            "Markdown mail needs the package 'markdown'; run: pip install markdown"
        ) from error
    return _TARGET.sub(_harmless, markdown.markdown(text, extensions=["extra", "sane_lists"]))


def _harmless(match: re.Match[str]) -> str:
    # As a browser reads it: character references resolved, white space and control characters dropped.
    target = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]", "", unescape(unescape(match[2][1:-1])))
    return f'{match[1]}"#"' if _DANGEROUS.match(target) else match[0]
