"""Reading `INSTALLED_APPS` from the text of a settings module.

Loading settings imports dataclasses, logging and whatever the project's own module wants; to list commands, that would
be most of the time it takes. Nearly all projects write the setting as plain strings in one class, which the parser
alone can read. Where that is not so the answer is `None`, and the caller loads the settings.
"""

from __future__ import annotations

import os

from openviper.project.dotenv_file import find_dotenv
from openviper.project.source import (
    find_attribute,
    find_classes,
    find_source,
    has_unannotated_setting,
    literal_texts,
)

# Not from `typing`: see `openviper.utils.terminal`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


SETTING = "INSTALLED_APPS"


def read_installed_apps(module: str) -> tuple[str, ...] | None:
    """Return the installed apps of a settings module with the package it lies in, or `None` if that takes loading it.

    Args:
        module: Dotted name of the settings module.
    """
    if f"OPENVIPER_{SETTING}" in os.environ or SETTING in os.environ or _mentioned_in_dotenv():
        return None
    path = find_source(module)
    apps = _apps_in(path) if path is not None else None
    package, dot, _ = module.partition(".")
    if apps is None or not dot or package == "settings" or package in apps:
        return apps
    return (package, *apps)


def _mentioned_in_dotenv() -> bool:
    choice = os.environ.get("OPENVIPER_DOTENV")
    path = None if choice == "0" else choice or find_dotenv()
    return _is_mentioned_in(path) if path else False


def _is_mentioned_in(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return SETTING in file.read()
    except OSError:
        return True  # Loading the settings says what is wrong with it.


def _apps_in(path: str) -> tuple[str, ...] | None:
    classes = find_classes(path) or []
    if len(classes) != 1 or _base_names(classes[0]) != ["Settings"]:
        return None
    if has_unannotated_setting(classes[0]):
        return None  # Loading the settings refuses it.
    value = find_attribute(classes[0], SETTING)
    return () if value is None else literal_texts(value)


def _base_names(class_node: Any) -> list[str | None]:
    return [getattr(base, "id", None) for base in class_node.bases]
