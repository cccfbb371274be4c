"""Functions that find the fields whose values need a closer look, generated once per model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.rows.to_rows import good_test, names_for

FindSuspects = Callable[[dict[str, Any]], list[Field[Any]]]


def make_suspect_finder(meta: ModelOptions) -> FindSuspects:
    """Return a function from an instance's attributes to the fields that `Field.validate` has to be asked about.

    Fields that were not loaded are left out, and so are those whose value is evidently good, which are nearly all.
    """
    namespace: dict[str, Any] = {}
    lines = ["def find(values):", "    suspects = []"]
    for position, field in enumerate(meta.checked_fields):
        namespace[f"field{position}"] = field
        lines.append(f"    if {field.attname!r} in values:")
        lines.append(f"        value = values[{field.attname!r}]")
        good = good_test(field, "value")
        test = ""
        if good is not None:
            test = f"if not {good}: "
        elif field.null:
            test = "if value is not None: "
        lines.append(f"        {test}suspects.append(field{position})")
    lines.append("    return suspects")
    code = "\n".join(lines)
    namespace.update(names_for(code))
    exec(compile(code, f"<validation of {meta.model_name}>", "exec"), namespace)
    find: FindSuspects = namespace["find"]
    return find
