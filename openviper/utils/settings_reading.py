"""Reading `INSTALLED_APPS` from the text of a settings module.

Loading settings imports dataclasses, logging and whatever the project's own module wants; to list commands, that would be
most of the time it takes. Nearly all projects write the setting as plain strings in one class, which the parser alone can
read. Where that is not so the answer is `None`, and the caller loads the settings.
"""

from __future__ import annotations

import os
import sys

# Not from `typing`: see `openviper.utils.terminal`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast

SETTING = "INSTALLED_APPS"
_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST; the module `ast` itself is not needed.


def read_installed_apps(module: str) -> tuple[str, ...] | None:
    """Return the installed apps of a settings module, the package it lies in included, or `None` if that takes loading it.

    Args:
        module: Dotted name of the settings module.
    """
    if f"OPENVIPER_{SETTING}" in os.environ or _mentioned_in_dotenv():
        return None
    path = find_source(module)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            tree = compile(file.read(), path, "exec", _ONLY_AST, True)
    except (OSError, SyntaxError, ValueError):
        return None
    apps = _apps_in(tree)
    package, dot, _ = module.partition(".")
    if apps is None or not dot or package == "settings" or package in apps:
        return apps
    return (package, *apps)


def find_source(module: str) -> str | None:
    """Return the file of a module that lies in a folder on `sys.path`; nothing is imported."""
    relative = module.replace(".", os.sep)
    for entry in sys.path:
        for name in (os.path.join(relative, "__init__.py"), f"{relative}.py"):
            path = os.path.join(entry or os.getcwd(), name)
            if os.path.isfile(path):
                return path
    return None


def _mentioned_in_dotenv() -> bool:
    try:
        with open(".env", encoding="utf-8", errors="replace") as file:
            return SETTING in file.read()
    except OSError:
        return False


def _apps_in(tree: ast.Module) -> tuple[str, ...] | None:
    classes = [node for node in tree.body if type(node).__name__ == "ClassDef"]
    if len(classes) != 1 or _names(classes[0].bases) != ["Settings"]:  # type: ignore[attr-defined]  # a ClassDef, by name
        return None
    for statement in classes[0].body:  # type: ignore[attr-defined]  # as above
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        if SETTING in _names(targets):
            return _strings(getattr(statement, "value", None))
    return ()


def _names(nodes: list[ast.expr]) -> list[str]:
    return [getattr(node, "id", "") or getattr(node, "attr", "") for node in nodes]


def _strings(node: ast.expr | None) -> tuple[str, ...] | None:
    if type(node).__name__ not in ("Tuple", "List"):
        return None
    values = [getattr(element, "value", None) for element in node.elts]  # type: ignore[union-attr]  # a Tuple or List
    return tuple(values) if all(isinstance(value, str) for value in values) else None  # type: ignore[arg-type]  # checked
