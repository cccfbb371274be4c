"""Importing objects by their dotted path."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


def import_string(path: str) -> Any:
    """Import the object that a dotted path names.

    Args:
        path: ``"package.module.name"`` or ``"package.module:name"``.

    Raises:
        ImportError: If the path has no module part, the module cannot be imported, or it has no such name.
    """
    module_name, _, name = path.partition(":") if ":" in path else path.rpartition(".")
    if not module_name or not name or module_name.startswith("."):
        raise ImportError(f"{path!r} is not a dotted path of the form 'module.name'")
    module = importlib.import_module(module_name)
    try:
        return getattr(module, name)
    except AttributeError:
        raise ImportError(f"module {module_name!r} has no {name!r}", name=module_name) from None


def is_missing(error: ImportError, module_name: str) -> bool:
    """Return whether `error` says that exactly this module, or a package it lies in, does not exist.

    Distinguishes "there is no such module" from "the module exists and one of its own imports fails".
    """
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return False
    return module_name == error.name or module_name.startswith(error.name + ".")


def import_if_there(name: str) -> ModuleType | None:
    """Import a module that may be left out.

    Returns:
        The module, or `None` if exactly it, or a package it lies in, does not exist.

    Raises:
        Exception: Whatever the module itself raises when imported.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if is_missing(error, name):
            return None
        raise


def lazy_module(name: str) -> ModuleType:
    """Return a module that is really imported when something of it is first used.

    For modules that take long to import and are not needed on every path, such as `asyncio` in a command that turns out
    to have nothing to do. The standard library's own `importlib.util.LazyLoader` does the work.

    Raises:
        ModuleNotFoundError: If there is no such module.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no module named {name!r}", name=name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
