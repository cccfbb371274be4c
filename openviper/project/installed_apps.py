"""Reading `INSTALLED_APPS` from the text of a settings module.

Loading settings imports dataclasses, logging and whatever the project's own module wants; to list commands, that would
be most of the time it takes. Nearly all projects write the setting as plain strings in one class, which the parser
alone can read. Where that is not so the answer is `None`, and the caller loads the settings.
"""

from __future__ import annotations

import os

from openviper.project.source import find_attribute, find_classes, find_source, literal_text

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
    # Looks further than `openviper.conf.dotenv`, which stops at the project's root: a wrong yes only costs time.
    choice = os.environ.get("OPENVIPER_DOTENV")
    if choice is not None:
        return choice != "0"
    directory = os.getcwd()
    while True:
        try:
            with open(os.path.join(directory, ".env"), encoding="utf-8", errors="replace") as file:
                if SETTING in file.read():
                    return True
        except OSError:
            pass
        directory, below = os.path.dirname(directory), directory
        if directory == below:
            return False


def _apps_in(path: str) -> tuple[str, ...] | None:
    classes = find_classes(path) or ()
    if len(classes) != 1 or [getattr(base, "id", None) for base in classes[0].bases] != [
        "Settings"
    ]:
        return None
    value = find_attribute(classes[0], SETTING)
    if value is None:
        return ()
    if type(value).__name__ not in ("Tuple", "List"):
        return None
    apps = [literal_text(element) for element in value.elts]
    return tuple(app for app in apps if app) if all(apps) else None
