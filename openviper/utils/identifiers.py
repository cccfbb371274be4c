"""Names that Python code can use."""

from __future__ import annotations

import keyword
import sys


def is_identifier(name: str) -> bool:
    """Tell whether `name` can name a variable or module: an ASCII identifier that is no keyword."""
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name)


def is_dotted_path(name: str) -> bool:
    """Tell whether every part of ``a.b.c`` is an identifier."""
    return all(is_identifier(part) for part in name.split("."))


def shadows_module(name: str) -> bool:
    """Tell whether a package of this name would hide OpenViper or a module of the standard library."""
    return name == "openviper" or name in sys.stdlib_module_names


def closest(name: str, candidates: list[str]) -> str | None:
    """Return the candidate most like `name`, if one is like it at all."""
    import difflib

    matches = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return matches[0] if matches else None
