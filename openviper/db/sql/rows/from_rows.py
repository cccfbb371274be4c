"""Functions that turn rows into instances, generated once per model and set of columns.

A generated loop writes each row straight into the attributes: no ``__init__``, no descriptor, no dict of columns. The row
itself is kept as the state that was loaded, so that change tracking copies nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from openviper.db.dialects.base import SHORT_FORMS, Converter
from openviper.db.fields.instance_state import LAYOUT, ROW, has_plain_attributes

Row = tuple[Any, ...]
Build = Callable[[list[Row]], list[Any]]


def make_builder(
    model: type[Any],
    attnames: Sequence[str],
    readers: Sequence[Converter | None],
    layout: tuple[str, ...] | None,
) -> Build:
    """Return a function from rows to instances.

    Args:
        model: The class of the instances.
        attnames: The attribute for each column.
        readers: What converts each column, `None` for those that need nothing.
        layout: The attributes in order when they are not all of the model's, kept in each instance.
    """
    namespace: dict[str, Any] = {"model": model, "new": object.__new__, "layout": layout}
    namespace["fromisoformat"] = datetime.fromisoformat
    namespace |= {f"r{position}": reader for position, reader in enumerate(readers)}
    further = {ROW: "row"} if layout is None else {ROW: "row", LAYOUT: "layout"}
    if has_plain_attributes(model, attnames):
        # Half the time of a dict, which the instance does not need as long as it stores its values by place
        # (https://docs.python.org/3/c-api/typeobj.html#c.Py_TPFLAGS_MANAGED_DICT).
        place = "instance.{}"
        before, after = "", ""
    else:
        place = "values[{!r}]"
        # Past whatever the class does when they are set.
        before, after = "        values = {}\n", "        instance.__dict__ = values\n"
    lines = _assignments(list(map(place.format, attnames)), readers)
    lines += [f"{place.format(name)} = {value}" for name, value in further.items()]
    # The names are those of fields, which are Python identifiers; nothing else enters the text.
    source = (
        "def build(rows, *, new=new, model=model):\n"
        "    instances = []\n"
        "    for row in rows:\n"
        "        instance = new(model)\n"
        f"{before}{_indented(lines)}{after}"
        # Called so, it takes half the time of a method that is at hand: the interpreter knows it.
        "        instances.append(instance)\n"
        "    return instances\n"
    )
    exec(compile(source, f"<rows of {model.__name__}>", "exec"), namespace)  # noqa: S102
    build: Build = rowwise(namespace["build"])
    return build


def _indented(lines: Iterable[str]) -> str:
    return "".join(f"        {line}\n" for line in lines)


def _assignments(targets: Sequence[str], readers: Sequence[Converter | None]) -> list[str]:
    """Return the code that assigns the values of a row, those that need it converted."""
    places = [
        target if reader is None else f"c{position}"
        for position, (target, reader) in enumerate(zip(targets, readers, strict=True))
    ]
    lines = [f"{', '.join(places)}, = row"]
    for position, (target, reader) in enumerate(zip(targets, readers, strict=True)):
        if reader is not None:
            lines += _conversion(target, f"c{position}", f"r{position}", reader)
    return lines


_BUILT_IN: dict[Any, str] = {
    bool: "None if {value} is None else not not {value}",
    float: "{value} if {value}.__class__ is float or {value} is None else float({value})",
}
"""What takes less time than a call of the class."""


def _conversion(target: str, value: str, name: str, reader: Converter) -> list[str]:
    """Return the code that assigns one value.

    Args:
        target: What it is assigned to.
        value: The name of what the driver gave.
        name: The name of the reader.
        reader: What converts it.
    """
    if reader in _BUILT_IN:
        return [f"{target} = {_BUILT_IN[reader].format(value=value)}"]
    short = SHORT_FORMS.get(reader)
    if short is None:
        return [f"{target} = None if {value} is None else {name}({value})"]
    return [
        "try:",
        f"    {target} = None if {value} is None else {short.format(value=value)}",
        "except (TypeError, ValueError):",
        f"    {target} = {name}({value})",
    ]


def rowwise(build: Any) -> Any:
    """Mark a function that returns one thing per row, so that a driver may call it with a part of the rows at a time."""
    build.is_rowwise = True
    return build


def make_row_converter(
    readers: Sequence[Converter | None],
) -> Callable[[list[Row]], list[Row]] | None:
    """Return a function that converts all rows, or `None` if no column needs it."""
    converted = [
        (position, reader) for position, reader in enumerate(readers) if reader is not None
    ]
    if not converted:
        return None

    return partial(_convert_rows, converted)


def _convert_rows(converted: list[tuple[int, Converter]], rows: list[Row]) -> list[Row]:
    result = []
    for row in rows:
        values = list(row)
        for position, reader in converted:
            if values[position] is not None:
                values[position] = reader(values[position])
        result.append(tuple(values))
    return result


def annotated_builder(
    build: Build, width: int, names: Sequence[str], readers: Sequence[Converter | None]
) -> Build:
    """Return a function that builds instances and gives them computed values as attributes.

    Args:
        build: Builds the instances.
        width: How many columns belong to them; the computed ones stand behind.
        names: The attributes.
        readers: What converts each computed value, `None` for those that need nothing.
    """
    places = [
        (width + place, name, reader)
        for place, (name, reader) in enumerate(zip(names, readers, strict=True))
    ]

    def annotated(rows: list[Row]) -> list[Any]:
        instances = build([row[:width] for row in rows])
        _annotate(instances, rows, places)
        return instances

    made: Build = rowwise(annotated)
    return made


def _annotate(
    instances: list[Any], rows: list[Row], places: list[tuple[int, str, Converter | None]]
) -> None:
    for instance, row in zip(instances, rows, strict=True):
        values = instance.__dict__
        for place, name, reader in places:
            value = row[place]
            values[name] = value if value is None or reader is None else reader(value)


def join_builder(
    root: Build, width: int, branches: Sequence[tuple[int, int, str, str, Build]]
) -> Build:
    """Return a function that builds instances together with their related ones from rows of a join.

    Args:
        root: Builds the instances themselves.
        width: How many columns belong to them.
        branches: For each joined table, parents first: position among `branches` of the instance that refers to it,
            -1 for the root; width; attribute for the related instance; attribute of its key; builder.
    """

    def build(rows: list[Row]) -> list[Any]:
        instances = root([row[:width] for row in rows])
        # The root is the last, so that its place among the tables is -1 for all that refer to it.
        built: list[list[Any]] = [[] for _ in branches] + [instances]
        start = width
        for place, (parent, columns, name, key, make) in enumerate(branches):
            end = start + columns
            built[place] = make([row[start:end] for row in rows])
            start = end
            _connect(built[parent], built[place], name, key)
        return instances

    joined: Build = rowwise(build)
    return joined


def _connect(owners: list[Any], related: list[Any], name: str, key: str) -> None:
    """Give instances the related ones that stand in the same rows."""
    for owner, instance in zip(owners, related, strict=True):
        # A row of NULLs is what an outer join gives for a missing one; the owner may be one itself.
        if owner.__dict__.get(key) is not None and instance.pk is not None:
            owner.__dict__[name] = instance


def as_dicts(keys: tuple[str, ...], rows: list[Row]) -> list[dict[str, Any]]:
    """Return each row as a dict."""
    return [dict(zip(keys, row, strict=True)) for row in rows]
