"""The text of a module of models."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence

from openviper.db.inspection.shapes import FieldSketch, Inspection, ModelSketch

WIDTH = 100
_CALLED = re.compile(r"\b([A-Z]\w*(?:Field|Key)|Index|CheckConstraint|UniqueConstraint|SQL)\(")
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_STANDARD = {
    "UUID": "from uuid import UUID",
    "Decimal": "from decimal import Decimal",
    "Any": "from typing import Any",
}
_MOMENTS = ("date", "datetime", "time")


def module_text(inspection: Inspection, title: str) -> str:
    """Return the source of the models.

    Args:
        inspection: What was found.
        title: The first line of its docstring, which says where it comes from.
    """
    bodies = ["\n".join(_model_lines(model)) for model in inspection.models]
    head = [f'"""{_in_docstring(title)}"""', "", "from __future__ import annotations", ""]
    parts = ["\n".join([*head, *_imports(inspection, bodies)]), *bodies]
    remarks = [line for remark in inspection.remarks for line in _comment(remark)]
    return "\n\n\n".join([*parts, *(["\n".join(remarks)] if remarks else [])]) + "\n"


def _in_docstring(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', "'")


def _imports(inspection: Inspection, bodies: Sequence[str]) -> list[str]:
    used = {name for body in bodies for name in _CALLED.findall(_STRING.sub("''", body))}
    standard = _standard_imports(_key_types(inspection))
    own = "SQL, Model" if "SQL" in used else "Model"
    return [
        *standard,
        *([""] if standard else []),
        f"from openviper.db import {own}",
        *_import_of(sorted(used - {"SQL"})),
    ]


def _key_types(inspection: Inspection) -> set[str]:
    fields = (one for model in inspection.models for one in model.fields)
    return {one.key_type.removesuffix(" | None") for one in fields}


def _standard_imports(types: Container[str]) -> list[str]:
    lines = [line for name, line in _STANDARD.items() if name in types]
    moments = [name for name in _MOMENTS if name in types]
    return sorted([*lines, *([f"from datetime import {', '.join(moments)}"] if moments else [])])


def _import_of(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return ["from openviper.db.fields import (", *(f"    {name}," for name in names), ")"]


def _model_lines(model: ModelSketch) -> Iterator[str]:
    for remark in model.remarks:
        yield from _comment(remark)
    yield f"class {model.name}(Model):"
    for one in model.fields:
        yield from _field_lines(one)
    yield ""
    yield "    class Meta:"
    yield f'        table_name = "{model.table}"'
    if not model.is_exact:
        yield "        managed = False"
    if not model.is_writable:
        yield "        read_only = True"
    for option, items in sorted(model.options.items()):
        yield f"        {option} = ["
        for item in items:
            yield f"            {item},"
        yield "        ]"


def _field_lines(one: FieldSketch) -> Iterator[str]:
    line = f"    {one.name} = {one.cls}({', '.join(one.arguments)})"
    if len(line) <= WIDTH:
        yield line
    else:
        yield f"    {one.name} = {one.cls}("
        for argument in one.arguments:
            yield f"        {argument},"
        yield "    )"
    if one.key_type:
        yield f"    {one.name}_id: {one.key_type}"


def _comment(text: str) -> Iterator[str]:
    """Yield the lines of a comment; a name with a line break cannot end it."""
    line = "#"
    for word in " ".join(text.split()).split(" "):
        if len(line) + len(word) >= WIDTH:
            yield line
            line = "#"
        line = f"{line} {word}"
    yield line
