"""Source text of generated functions, and the values that they name.

Nothing that a user sends, and no text of an annotation, enters the source: keys, defaults and bounds are bound to names.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any


class Code:
    """A namespace with functions that were compiled into it."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        # A counter that two threads cannot get one number from: each would then call the function of the other.
        self._numbers = itertools.count(1)

    def bind(self, value: object) -> str:
        """Return the name under which generated code finds a value; short integers are written as they are."""
        if type(value) is int and abs(value) < 10**20:
            return f"({value})"
        known = self._names.get(id(value))
        if known is not None:
            return known
        name = self.name("b", getattr(value, "__name__", ""))
        self.namespace[name] = value
        # The namespace keeps the value, so that its id stays its own.
        self._names[id(value)] = name
        return name

    def name(self, prefix: str, hint: str = "") -> str:
        """Return a name that was not used yet."""
        return f"{prefix}{next(self._numbers)}_{re.sub(r'[^A-Za-z0-9]', '', hint)[:40]}"

    def define(
        self, name: str, parameters: str, lines: Iterable[str], *, is_async: bool = False
    ) -> None:
        """Compile a function into the namespace."""
        word = "async def" if is_async else "def"
        source = "\n".join([f"{word} {name}({parameters}):", *indented(lines)])
        exec(compile(source, f"<validation {name}>", "exec"), self.namespace)  # noqa: S102 - see the module


def indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    """Return lines of code, further to the right."""
    return ["    " * levels + line for line in lines]
