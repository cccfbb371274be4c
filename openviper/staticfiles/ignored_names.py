"""Which files of a source are left out: hidden ones, what editors leave behind, and what the caller names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

DEFAULT_PATTERNS = (
    ".*",
    "*~",
    "#*#",
    "*.swp",
    "*.swo",
    "*.orig",
    "*.rej",
    "*.pyc",
    "__pycache__",
    "CVS",
    "Thumbs.db",
    "desktop.ini",
)
"""Names of files and folders that nobody means to publish."""
PUBLIC_HIDDEN = frozenset({".well-known"})
"""Hidden by its name, and there to be asked for (RFC 8615)."""


class IgnoredNames:
    """Patterns of names; one with a ``/`` is compared with the whole path below the source.

    Args:
        patterns: As of `fnmatch`: ``*``, ``?`` and ``[...]``; upper and lower case differ.
        with_defaults: Leave out `DEFAULT_PATTERNS` too.

    Raises:
        ValueError: If a pattern is empty or leads out of a source.
    """

    def __init__(self, patterns: Iterable[str] = (), *, with_defaults: bool = True) -> None:
        given = [_checked(pattern) for pattern in patterns]
        names = [pattern for pattern in given if "/" not in pattern]
        self._defaults = _compiled(DEFAULT_PATTERNS if with_defaults else ())
        self._names = _compiled(names)
        self._paths = _compiled([pattern for pattern in given if "/" in pattern])

    def matches(self, name: str, path: str) -> bool:
        """Return whether a file or folder is left out.

        Args:
            name: Its last part.
            path: Its path below the source, with ``/``.
        """
        if self._defaults.match(name) and name not in PUBLIC_HIDDEN:
            return True
        return self._names.match(name) is not None or self._paths.match(path) is not None


def _checked(pattern: str) -> str:
    stripped = pattern.rstrip("/")
    if not stripped or stripped.startswith("/") or ".." in stripped.split("/"):
        raise ValueError(f"{pattern!r} is not a pattern of names below a directory of static files")
    return stripped


def _compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    expressions = [translate(pattern) for pattern in patterns]
    return re.compile("|".join(expressions) if expressions else r"(?!)")
