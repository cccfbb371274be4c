"""Functions that turn instances into rows, generated once per model and dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from openviper.db.dialects.base import Converter
from openviper.db.fields.base import Field
from openviper.db.sql.rows.from_rows import Row

_NAMES = {"UTC": UTC, "Decimal": Decimal, "date": date, "datetime": datetime}


def names_for(code: str) -> dict[str, Any]:
    """Return what the tests of fields, which are in the code, may name."""
    names: dict[str, Any] = dict(_NAMES)
    if "UUID" in code:
        from uuid import UUID  # Only where it is needed: it imports a lot.

        names["UUID"] = UUID
    return names


class Extractor(NamedTuple):
    """The generated functions.

    Attributes:
        one: Returns the row of the attributes of one instance.
        many: Yields the rows of instances, their keys replaced by the numbers of the second argument, if given, and calls
            the third with each.
    """

    one: Callable[[dict[str, Any]], Row]
    many: Callable[[Iterable[Any], Iterable[int] | None, Callable[[Row], object]], Iterator[Row]]


def make_extractor(
    name: str,
    fields: Sequence[Field[Any]],
    writers: Sequence[Converter | None],
    key: int,
    *,
    aware: bool,
) -> Extractor:
    """Return functions from instances to rows as the driver takes them.

    A value that is of its field's type already takes no call but the writer's; any other is converted in place.

    Args:
        name: The model's name.
        fields: The columns in order.
        writers: What converts the values of each for the driver.
        key: The position of the primary key.
        aware: Whether time stamps are aware.
    """
    namespace: dict[str, Any] = {}
    body = []
    for position, (field, writer) in enumerate(zip(fields, writers, strict=True)):
        value = f"c{position}"
        namespace[f"convert{position}"] = _converter(field, writer)
        test = field.exact_test(aware=aware)
        exact = "False" if test is None else test.format(value)
        body.append(f"{value} = values[{field.attname!r}]")
        if writer is None:
            body.append(
                f"if not ({exact}) and {value} is not None: {value} = convert{position}(values, {value})"
            )
        elif writer is int:  # True and False, for which a call takes longer than all the rest.
            body.append(
                f"{value} = 1 if {value} is True else 0 if {value} is False "
                f"else None if {value} is None else convert{position}(values, {value})"
            )
        else:
            namespace[f"write{position}"] = writer
            body.append(f"if {exact}: {value} = write{position}({value})")
            body.append(f"elif {value} is not None: {value} = convert{position}(values, {value})")
    code = "\n".join(body)
    row = "".join(f"c{position}, " for position in range(len(fields)))
    numbered = "".join(
        "number, " if position == key else f"c{position}, " for position in range(len(fields))
    )
    # The names are those of fields, which are Python identifiers, and are quoted; the tests are the fields' own.
    source = (
        f"def one(values):\n{_indent(code, 1)}\n    return ({row})\n"
        "def many(instances, numbers, keep):\n"
        "    if numbers is None:\n"
        "        for instance in instances:\n"
        "            row = one(instance.__dict__)\n"
        "            keep(row)\n"
        "            yield row\n"
        "        return\n"
        "    for instance, number in zip(instances, numbers):\n"
        "        values = instance.__dict__\n"
        f"{_indent(code, 2)}\n"
        f"        row = ({numbered})\n"
        "        keep(row)\n"
        "        yield row\n"
    )
    namespace.update(names_for(code))
    exec(compile(source, f"<values of {name}>", "exec"), namespace)
    return Extractor(namespace["one"], namespace["many"])


def _indent(code: str, levels: int) -> str:
    return "\n".join("    " * levels + line for line in code.splitlines())


def _converter(field: Field[Any], writer: Converter | None) -> Callable[[dict[str, Any], Any], Any]:
    attname = field.attname
    is_own = type(field).to_db is Field.to_db
    to_db = field.to_python if is_own else field.to_db

    def convert(values: dict[str, Any], value: Any) -> Any:
        converted = to_db(value)
        values[attname] = converted
        return converted if converted is None or writer is None else writer(converted)

    return convert
