"""Typed path parameters: ``{id:int}``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple


class Converter(NamedTuple):
    """What a parameter matches and what it becomes."""

    pattern: str
    convert: Callable[[str], Any] | None = None


CONVERTERS: dict[str, Converter] = {
    "str": Converter(r"[^/]+"),
    # Eighteen digits always fit 64 bits, which is what databases take.
    "int": Converter(r"[0-9]{1,18}", int),
    "float": Converter(r"[0-9]+(?:\.[0-9]+)?", float),
    "slug": Converter(r"[A-Za-z0-9_-]+"),
    "uuid": Converter(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", str.lower),
    "path": Converter(r".+"),
}

PARAMETER = re.compile(r"\{([^{}]*)\}")


def parse_parameter(text: str, path: str) -> tuple[str, str]:
    """Return the name and the converter of the inside of ``{...}``.

    Raises:
        ValueError: If the name is no identifier or the converter is unknown.
    """
    name, _, converter = text.partition(":")
    converter = converter or "str"
    if not name.isidentifier():
        raise ValueError(f"{name!r} in path {path!r} is not a valid parameter name")
    if converter not in CONVERTERS:
        known = ", ".join(CONVERTERS)
        raise ValueError(f"unknown converter {converter!r} in path {path!r}; known: {known}")
    return name, converter
