"""The Jinja2 environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openviper.conf import settings
from openviper.exceptions import OpenViperException
from openviper.i18n import gettext, ngettext, npgettext, pgettext
from openviper.project.directory import in_project, project_directory
from openviper.template.assets import static_url
from openviper.template.context import base_context, csrf_field, url_for
from openviper.template.plugins import Place, load_plugins, plugin_folder
from openviper.utils.resources import is_directory

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

_UNSAFE = re.compile(r"\A[/\\]|\A[A-Za-z]:|\0|\\")


class TemplateNotFoundError(OpenViperException, LookupError):
    """No search directory has the template.

    Attributes:
        name: The template asked for.
        directories: Where it was searched.
    """

    def __init__(self, name: str, directories: Sequence[str]) -> None:
        self.name = name
        self.directories = list(directories)
        super().__init__(
            f"template {name!r} not found in {', '.join(self.directories) or 'any directory'}"
        )


class MissingDependencyError(OpenViperException, ImportError):
    """A package that is needed for this is not installed."""


def get_template_directories() -> list[str]:
    """Return where templates are searched: `TEMPLATES_DIR`, then the `templates` folder of each installed app."""
    apps = tuple(settings.INSTALLED_APPS)
    return list(_directories(project_directory(), settings.TEMPLATES_DIR, apps))


@lru_cache(maxsize=16)
def _directories(project: str, own: str, apps: tuple[str, ...]) -> tuple[str, ...]:
    folders = [Path(place, "templates") for app in apps for place in _locations(app)]
    present = [str(folder) for folder in folders if is_directory(folder)]
    return tuple(dict.fromkeys([os.path.normpath(os.path.join(project, own)), *present]))


def _locations(app: str) -> list[str]:
    """Return where the package of an app lies; nothing if it cannot be found."""
    try:
        spec = find_spec(app)
    except (ImportError, ValueError):
        return []
    return list(spec.submodule_search_locations or ()) if spec is not None else []


def get_jinja2_env(search_paths: Sequence[str]) -> SandboxedEnvironment:
    """Return the environment for some directories; the same one for the same directories.

    Raises:
        MissingDependencyError: If Jinja2 is not installed.
        ImproperlyConfigured: If `JINJA_PLUGINS` is wrong, or one of the plug-ins.
    """
    folder = plugin_folder(settings.JINJA_PLUGINS)
    places = (
        None if folder is None else (folder, str(in_project(".")), tuple(settings.INSTALLED_APPS))
    )
    return _environment(tuple(search_paths), settings.TEMPLATE_AUTO_RELOAD, places)


TEMPLATES = frozenset({"j2", "jinja", "jinja2"})
"""Endings that say that a file is a template; those before it say of what."""
PLAIN = frozenset(
    "bat cfg conf css csv eml ics ini js json log md mjs ps1 rst service sh sql tex text toml tsv txt yaml yml".split()
)
"""Endings of templates of plain text, in which values stand as they are."""
SUFFIXES = (".htm", ".html", ".j2", ".jinja", ".jinja2", ".md", ".svg", ".txt", ".xhtml", ".xml")
"""Endings of files in the folders of templates that are taken for templates."""


def is_escaped(name: str | None) -> bool:
    """Return whether values are escaped in a template: in all but those that are known to be plain text."""
    before, last = ["", *(name or "").lower().rpartition("/")[2].split(".")][-2:]
    return (before if last in TEMPLATES else last) not in PLAIN


@lru_cache(maxsize=16)
def _environment(
    search_paths: tuple[str, ...],
    auto_reload: bool,
    plugins: tuple[str, str, tuple[str, ...]] | None,
) -> SandboxedEnvironment:
    try:
        # Jinja2 is imported with them, at the first template: commands and workers run without it.
        from openviper.template.loader import DirectoryLoader
        from openviper.template.sandbox import TemplateSandbox
    except ImportError as error:
        raise MissingDependencyError(
            "templates need the package 'jinja2'; run: pip install jinja2"
        ) from error
    environment = TemplateSandbox(
        loader=DirectoryLoader(search_paths),
        autoescape=is_escaped,
        auto_reload=auto_reload,
        extensions=["jinja2.ext.i18n"],
    )
    environment.globals.update(static=static_url, url_for=url_for, csrf_field=csrf_field)
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        gettext, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
    )
    if plugins is not None:
        _add_plugins(environment, *plugins)
    return environment


def _add_plugins(
    environment: SandboxedEnvironment, folder: str, project: str, apps: Sequence[str]
) -> None:
    places = [Place(app, Path(where)) for app in apps for where in _locations(app)]
    # The project has the last word.
    found = load_plugins([*places, Place("", Path(project))], folder)
    environment.filters.update(found["filters"])
    environment.globals.update(found["globals"])


def check_template_name(name: str) -> str:
    """Return a template's name if it stays inside the template directories.

    Raises:
        ValueError: If not.
    """
    if not name or _UNSAFE.search(name) or ".." in name.split("/"):
        raise ValueError(f"{name!r} is not a valid template name")
    return name


def render_to_string(
    name: str,
    context: Mapping[str, Any] | None = None,
    *,
    template_dir: str | os.PathLike[str] | None = None,
    block: str | None = None,
) -> str:
    """Render a template.

    Args:
        name: Its name below the search directories.
        context: What it is given, beside what every template has: `request`, `user`, `messages`, `csp_nonce`,
            `csrf_token`, `language`, and the functions `csrf_field`, `url_for`, `static` and `gettext`.
        template_dir: A directory searched first.
        block: The name of one of its blocks, to render that alone.

    Raises:
        ValueError: If the name leads outside.
        TypeError: If the context is no mapping of names.
        TemplateNotFoundError: If there is no such template.
        LookupError: If it has no such block.
        MissingDependencyError: If Jinja2 is not installed.
    """
    template = _get_template(name, template_dir)
    values = base_context(_checked(name, context))
    from jinja2 import TemplateNotFound

    environment: Any = template.environment
    try:
        if block is None:
            return template.render(values)
        rendered: str = environment.render_block(template, block, values)
        return rendered
    except TemplateNotFound as error:
        # One that this one includes or extends.
        missing = error.name if isinstance(error.name, str) else name
        raise TemplateNotFoundError(missing, _searched(template)) from error


def _checked(name: str, context: object) -> Mapping[str, Any]:
    if context is None:
        return {}
    if not isinstance(context, Mapping):
        kind = type(context).__name__
        raise TypeError(f"the context of template {name!r} must be a mapping, not a {kind!r}")
    for key in context:
        if not isinstance(key, str):
            raise TypeError(f"the context of template {name!r} has {key!r} in place of a name")
    return context


def render_block(name: str, block: str, context: Mapping[str, Any] | None = None) -> str:
    """Render one block of a template, for a page that loads in parts; see `render_to_string`."""
    return render_to_string(name, context, block=block)


def has_template(name: str) -> bool:
    """Return whether there is a template of this name; `False` where Jinja2 is not installed.

    Raises:
        ValueError: If the name leads outside.
    """
    try:
        _get_template(name, None)
    except (TemplateNotFoundError, MissingDependencyError):
        return False
    return True


def _get_template(name: str, template_dir: str | os.PathLike[str] | None) -> Template:
    check_template_name(name)
    directories = get_template_directories()
    if template_dir is not None:
        directories = list(dict.fromkeys([os.path.abspath(template_dir), *directories]))
    environment = get_jinja2_env(directories)
    # Behind the line above, which says what to install where the package is missing.
    from jinja2 import TemplateNotFound

    try:
        return environment.get_template(name)
    except TemplateNotFound as error:
        missing = error.name if isinstance(error.name, str) else name
        raise TemplateNotFoundError(missing, directories) from None


def _searched(template: Template) -> list[str]:
    """Return the directories in which what a template includes was looked for."""
    directories: list[Path] = getattr(template.environment.loader, "directories", [])
    return list(map(str, directories))
