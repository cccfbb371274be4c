"""Importing objects by their dotted path."""

from __future__ import annotations

import importlib
import os
import re
import sys
from types import ModuleType
from typing import Any, cast

from openviper.utils.resources import state_of


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


_absent: dict[str, object] = {}
"""Modules that were not there, each with the state of the folders it would lie in: an application that starts again and again,
as with each test, asks for the same ones."""


def import_if_there(name: str) -> ModuleType | None:
    """Import a module that may be left out.

    Returns:
        The module, or `None` if exactly it, or a package it lies in, does not exist.

    Raises:
        Exception: Whatever the module itself raises when imported.
    """
    if name not in sys.modules and name in _absent:
        places = _places_of(name)
        if places is not None and places == _absent[name]:
            return None
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if not is_missing(error, name):
            raise
    _absent[name] = _places_of(name)
    return None


def _places_of(name: str) -> object:
    """Return what changes when a module appears in its package; `None` if that cannot be told."""
    package = sys.modules.get(name.rpartition(".")[0])
    folders = list(getattr(package, "__path__", ()))
    try:
        states = [state_of(os.stat(folder)) for folder in folders]
    except OSError:  # It lies in an archive.
        return None
    is_known = bool(states) and None not in states
    # Finders that have been added may find it elsewhere.
    return (folders, states, [*sys.meta_path]) if is_known else None


class _LazyModule(ModuleType):
    """Stands for a module in the one that uses it, until something of it is first used.

    `importlib.util.LazyLoader` is not used: on Python 3.11 two threads that come first at the same time see half a module,
    and it looks for the file at once.
    """

    _used_in: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        """Import the module, put it in this one's place, and return what it has of that name."""
        module = importlib.import_module(self.__name__)
        used_in = self._used_in
        for alias in [alias for alias, value in used_in.items() if value is self]:
            used_in[alias] = module
        return getattr(module, name)


def lazy_module(name: str) -> ModuleType:
    """Return what is to be a global of the calling module: a module that is imported when something of it is first used.

    For modules that take long to import and are not needed on every path, such as `asyncio` in a command that turns out
    to have nothing to do. From its first use on, the global is the module itself.

    A name that does not exist is an `ImportError` of that first use.
    """
    if name in sys.modules:
        return sys.modules[name]
    module = _LazyModule(name)
    module._used_in = sys._getframe(1).f_globals
    return module


def lazy_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a regular expression that is compiled when it is first used; only its methods can be used.

    Compiling one takes as long as importing a small module, and most processes need few of them.
    """
    return cast("re.Pattern[str]", _LazyPattern(pattern, flags))


class _LazyPattern:
    """A pattern whose methods are those of the compiled one, once they were asked for."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        member = getattr(re.compile(self._pattern, self._flags), name)
        setattr(self, name, member)
        return member
