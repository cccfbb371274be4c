"""The public names of a package, each imported when it is first used."""

from __future__ import annotations

import importlib
import sys

# Not from `typing`: this module is part of every start, and `typing` would be most of its cost.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


def lazy_exports(
    package: str, names: Mapping[str, Sequence[str]], *, eager: Sequence[str] = ()
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return what a package needs to import its public names when they are first used (PEP 562).

    For the head of a package: ``__all__, __getattr__, __dir__ = lazy_exports(__name__, {...})``. The type checker
    reads the same names from an ``if TYPE_CHECKING:`` block beside it; a test compares the two.

    Args:
        package: The package's ``__name__``.
        names: The names to export, by the module they are imported from.
        eager: Names that the package imports at once and exports too.

    Returns:
        The values of ``__all__``, ``__getattr__`` and ``__dir__``.
    """
    homes = {name: module for module, exported in names.items() for name in exported}
    public = sorted([*homes, *eager])

    def __getattr__(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home), name)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *public})

    return public, __getattr__, __dir__
