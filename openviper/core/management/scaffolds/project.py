"""Generating a project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openviper.conf import generate_secret_key
from openviper.core.management.scaffolds.names import validate_package_name
from openviper.core.management.scaffolds.renderer import GeneratedFile, fill_directory, write_tree

PRIVATE = 0o600
EXECUTABLE = 0o777

TREE = (
    GeneratedFile("viperctl.py", "project/viperctl.py.tmpl", EXECUTABLE),
    GeneratedFile("pyproject.toml", "project/pyproject.toml.tmpl"),
    GeneratedFile("conftest.py", "project/conftest.py.tmpl"),
    GeneratedFile(".gitignore", "project/gitignore.tmpl"),
    GeneratedFile("static/.gitkeep"),
    GeneratedFile("templates/home.html", "project/home.html.tmpl"),
    GeneratedFile("tests/__init__.py", "project/tests.py.tmpl"),
    GeneratedFile("tests/test_smoke.py", "project/test_smoke.py.tmpl"),
    GeneratedFile("$name/__init__.py", "project/package.py.tmpl"),
    # Holds the key, so nobody else on the machine may read it.
    GeneratedFile("$name/settings.py", "project/settings.py.tmpl", PRIVATE),
    GeneratedFile("$name/settings_production.py", "project/settings_production.py.tmpl"),
    GeneratedFile("$name/asgi.py", "project/asgi.py.tmpl"),
    GeneratedFile("$name/routes.py", "project/routes.py.tmpl"),
    GeneratedFile("$name/views.py", "project/views.py.tmpl"),
)

EXTRAS = {
    "accounts": (
        GeneratedFile("templates/home.html", "accounts/home.html.tmpl"),
        GeneratedFile("tests/test_accounts.py", "accounts/test_accounts.py.tmpl"),
        GeneratedFile("$name/settings.py", "accounts/settings.py.tmpl", PRIVATE),
        GeneratedFile("$name/routes.py", "accounts/routes.py.tmpl"),
    ),
}
"""What a project can be made with: files that come beside those above, or in their place."""


def create_project(
    name: str, directory: Path, *, here: bool = False, extras: Sequence[str] = ()
) -> Path:
    """Create a project that starts, with a fresh development key.

    Args:
        name: Name of the project and of its package; ``.`` for that of `directory`, with `here`.
        directory: Existing directory in which the project's directory is made; an empty one of that name is filled.
        here: Put the project into `directory` itself.
        extras: What it has beside; names in `EXTRAS`.

    Returns:
        The absolute path of the new project.

    Raises:
        ScaffoldError: If the name cannot be used, the target exists or the directory does not; nothing was written.
        OSError: If the directory is not writable or full; nothing was left.
    """
    base = directory.resolve()
    if name == ".":
        name, here = base.name, True
    validate_package_name(name, "project name")
    target = base if here else base / name
    values = {"name": name, "secret_key": generate_secret_key()}
    tree = _tree(extras)
    if target.is_dir():
        fill_directory(target, tree, values)
    else:
        write_tree(target, tree, values)
    return target


def _tree(extras: Sequence[str]) -> list[GeneratedFile]:
    files = {file.path: file for file in TREE}
    for extra in dict.fromkeys(extras):
        files.update({file.path: file for file in EXTRAS[extra]})
    return list(files.values())
