"""Which names a generated project, app or command may have."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from importlib.machinery import PathFinder

from openviper.exceptions import OpenViperException
from openviper.utils.identifiers import is_identifier, shadows_module

BUILT_IN_LABELS = frozenset({"admin", "auth", "sessions", "tasks"})
"""Labels of the framework's own apps; a second app of that label would share their tables."""

LAYOUT_NAMES = frozenset(
    {"asgi", "conftest", "routes", "settings", "static", "templates", "tests", "viperctl"}
)
"""What a project's root holds or the settings discovery gives a meaning to."""

HIDDEN_NAMES = frozenset(
    {"backup", "logs", "media", "migrations", "patches", "schemas", "staticfiles", "vendor", "venv"}
)
"""Directories that the generated `.gitignore` leaves out or the settings discovery skips."""

RESERVED = LAYOUT_NAMES | HIDDEN_NAMES

PACKAGE_NAMES = frozenset(
    {
        "IPython",
        "click",
        "h11",
        "jinja2",
        "markdown",
        "markupsafe",
        "mypy",
        "psycopg",
        "pymysql",
        "pip",
        "pytest",
        "redis",
        "setuptools",
        "sitecustomize",
        "test",  # Python's own tests, which `sys.stdlib_module_names` leaves out.
        "usercustomize",
        "uvicorn",
    }
)
"""Packages OpenViper may import; the project's directory comes first on the path and would hide them."""


class ScaffoldError(OpenViperException):
    """A project, app or command cannot be generated as asked; nothing was written."""


def validate_identifier(name: str, label: str) -> None:
    """Check that a name can be written in an import statement.

    Raises:
        ScaffoldError: If it is no ASCII identifier, or a keyword.
    """
    if not is_identifier(name):
        raise ScaffoldError(f"{label} {name!r} is not a valid Python identifier")


def validate_package_name(name: str, label: str, *, taken: Collection[str] = ()) -> None:
    """Check that a name may be given to a new project or app package.

    Args:
        name: The wanted name.
        label: What is being named, for the message.
        taken: Dotted names of the apps that are installed already.

    Raises:
        ScaffoldError: If the name is no identifier, or is used by Python, OpenViper or an installed app.
    """
    validate_identifier(name, label)
    _refuse_reserved(name, label)
    for app in taken:
        if name in (app, app.rpartition(".")[2]):
            raise ScaffoldError(f"{label} {name!r} is taken by the installed app {app!r}")


def _refuse_reserved(name: str, label: str) -> None:
    if hides_module(name):
        raise ScaffoldError(f"{label} {name!r} would hide the module {name!r}")
    if name in BUILT_IN_LABELS:
        raise ScaffoldError(f"{label} {name!r} is the label of an app of OpenViper")
    if name in RESERVED or name.startswith("__"):
        raise ScaffoldError(
            f"{label} {name!r} is reserved: it has a meaning of its own in a project's directory"
        )


def hides_module(name: str) -> bool:
    """Return whether a package of this name in a project would hide a module that others import.

    Python's own, ours, those we may need, and whatever is installed beside them.
    """
    return shadows_module(name) or name in PACKAGE_NAMES or _is_installed(name)


def _is_installed(name: str) -> bool:
    here = os.path.realpath(os.getcwd())
    elsewhere = [entry for entry in sys.path if entry and os.path.realpath(entry) != here]
    installed = [entry for entry in elsewhere if not os.path.exists(f"{entry}/viperctl.py")]
    spec = PathFinder.find_spec(name, installed)
    return spec is not None and spec.loader is not None  # Without a loader it is a mere folder.
