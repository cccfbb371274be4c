"""Templates: Jinja2, sandboxed and with autoescape, imported at first use."""

from __future__ import annotations

from openviper.template.environment import (
    TemplateNotFoundError,
    get_jinja2_env,
    get_template_directories,
    has_template,
    render_block,
    render_to_string,
)

__all__ = [
    "TemplateNotFoundError",
    "get_jinja2_env",
    "get_template_directories",
    "has_template",
    "render_block",
    "render_to_string",
]
