"""Names for models and fields, made from those of tables and columns."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Container

from openviper.db.models import Model

_WORD = re.compile(r"[A-Za-z0-9]+")
IMPORTED = frozenset(
    {
        "Any",
        "CheckConstraint",
        "Decimal",
        "Index",
        "Meta",
        "Model",
        "SQL",
        "UUID",
        "UniqueConstraint",
        "date",
        "datetime",
        "time",
    }
)
"""Names that the module of the models uses for something else; those of fields end in ``Field``."""


def words_of(name: str) -> list[str]:
    """Return the words of a name, in ASCII letters and digits."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _WORD.findall(plain)


def class_name(table: str, taken: Container[str]) -> str:
    """Return the name of the model of a table that no other one has."""
    name = "".join(word[:1].upper() + word[1:] for word in words_of(table))
    if not name or name[0].isdigit():
        name = f"Table{name}"
    if name in IMPORTED or name.endswith(("Field", "ForeignKey")) or keyword.iskeyword(name):
        name = f"{name}Row"
    return _free(name, taken)


def field_name(column: str, taken: Container[str]) -> str:
    """Return the name of the field of a column that no other one has, and that a model does not use itself."""
    name = "_".join(words_of(column)).lower()
    if not name or name[0].isdigit():
        name = f"field_{name}".rstrip("_")
    if keyword.iskeyword(name) or _is_of_models(name):
        name = f"{name}_field"
    return _free(name, taken)


def _is_of_models(name: str) -> bool:
    return name in ("objects", "pk") or hasattr(Model, name)


def _free(name: str, taken: Container[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}{number}", number + 1
    return candidate
