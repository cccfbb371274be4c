"""Functions that turn instances into rows, generated once per model and dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from openviper.db.dialects.base import MOMENT_FORMS, Converter
from openviper.db.fields.base import Field
from openviper.db.fields.decimals import UNITS
from openviper.db.fields.instance_state import ALIAS, ROW
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.moments import is_naive_in_utc
from openviper.db.sql.rows.from_rows import Row

_NAMES = {
    "UNITS": UNITS,
    "UTC": UTC,
    "Decimal": Decimal,
    "combine": datetime.combine,
    "date": date,
    "datetime": datetime,
    "is_naive_in_utc": is_naive_in_utc,
}


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
        many: Returns the rows of instances, their keys replaced by the numbers of the second argument, if given.
    """

    one: Callable[[dict[str, Any]], Row]
    many: Callable[[Iterable[Any], Iterable[int] | None], list[Row]]


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
        namespace[f"convert{position}"] = _converter(field, writer)
        namespace[f"write{position}"] = writer
        body.append(f"c{position} = values[{field.attname!r}]")
        body += _conversion(field, writer, position, aware=aware)
    code = "\n".join(body)
    row = "".join(f"c{position}, " for position in range(len(fields)))
    numbered = "".join(
        "number, " if position == key else f"c{position}, " for position in range(len(fields))
    )
    # The names are those of fields, which are Python identifiers, and are quoted; the tests are the fields' own.
    source = (
        f"def one(values):\n{_indent(code, 1)}\n    return ({row})\n"
        "def many(instances, numbers):\n"
        "    if numbers is None:\n"
        "        return [one(instance.__dict__) for instance in instances]\n"
        "    rows = []\n"
        "    append = rows.append\n"
        "    for instance, number in zip(instances, numbers):\n"
        "        values = instance.__dict__\n"
        f"{_indent(code, 2)}\n"
        f"        append(({numbered}))\n"
        "    return rows\n"
    )
    namespace.update(names_for(code))
    exec(compile(source, f"<values of {name}>", "exec"), namespace)
    return Extractor(namespace["one"], namespace["many"])


def _conversion(
    field: Field[Any], writer: Converter | None, position: int, *, aware: bool
) -> list[str]:
    """Return the code that converts the value of one field for the driver."""
    value = f"c{position}"
    test = field.exact_test(aware=aware)
    exact = "False" if test is None else test.format(value)
    convert = f"{value} = convert{position}(values, {value})"
    short = field.short_conversion(aware=aware)
    if short is not None:
        return _with_short_conversion(field, writer, position, short, exact)
    if writer is None:
        return [f"if not ({exact}) and {value} is not None: {convert}"]
    if writer is int:  # True and False, for which a call takes longer than all the rest.
        return [
            f"{value} = 1 if {value} is True else 0 if {value} is False "
            f"else None if {value} is None else convert{position}(values, {value})"
        ]
    return [
        f"if {exact}: {value} = write{position}({value})",
        f"elif {value} is not None: {convert}",
    ]


def _with_short_conversion(
    field: Field[Any], writer: Converter | None, position: int, short: tuple[str, str], exact: str
) -> list[str]:
    """Return the code that converts a value of a field with values for which no call is needed."""
    value = f"c{position}"
    test, result = (template.format(value) for template in short)
    keep = f"values[{field.attname!r}] = {result}"
    if writer is None:
        write, changed = "pass", f"{value} = {keep}"
    else:
        aware, naive = _written(writer, position)
        # Writers take a naive moment for one in UTC, and are quicker with it.
        write, changed = f"{value} = {aware}", f"{keep}; {value} = {naive}"
    return [
        f"if {exact}: {write}",
        f"elif {test}: {changed}",
        f"elif {value} is not None: {value} = convert{position}(values, {value})",
    ]


def _written(writer: Converter, position: int) -> tuple[str, str]:
    """Return the code for what is written for an aware moment and for a naive one."""
    forms = MOMENT_FORMS.get(writer)
    if forms is None:
        call = f"write{position}(c{position})"
        return call, call
    return forms.aware.format(value=f"c{position}"), forms.naive.format(value=f"c{position}")


def make_checked_row(
    meta: ModelOptions, writers: Sequence[Converter | None], *, aware: bool
) -> Callable[[dict[str, Any]], Row | None] | None:
    """Return a function from the attributes of an instance to its row without the key, `None` for a closer look.

    An instance that has a row or a key, or is meant for a database other than its model's, always gets that.

    It does what `make_suspect_finder` and `Extractor.one` do one after the other, for values which are evidently good.

    Args:
        meta: The model.
        writers: What converts the values of each written field for the driver.
        aware: Whether time stamps are aware.

    Returns:
        `None` if the model has fields that always need a closer look.
    """
    fields = meta.written_fields
    namespace: dict[str, Any] = {}
    tests = []
    body = []
    for position, (field, writer) in enumerate(zip(fields, writers, strict=True)):
        if field is meta.pk:
            continue
        test = good_test(field, f"c{position}")
        if test is None:
            return None
        tests.append(test)
        namespace[f"convert{position}"] = _converter(field, writer)
        namespace[f"write{position}"] = writer
        if not (writer is None and _is_exact_if_good(field, aware=aware)):
            body += _conversion(field, writer, position, aware=aware)
    others = [position for position, field in enumerate(fields) if field is not meta.pk]
    loads = [f"c{position} = values[{fields[position].attname!r}]" for position in others]
    row = "".join(f"c{position}, " for position in others)
    first = f"if values[{meta.pk.attname!r}] is not None or {ROW!r} in values or {ALIAS!r} in values: return None"
    good = f"if not ({' and '.join(tests) or True}): return None"
    code = "\n".join([first, *loads, good, *body])
    namespace.update(names_for(code))
    source = f"def checked(values):\n{_indent(code, 1)}\n    return ({row})\n"
    exec(compile(source, f"<checked values of {meta.model_name}>", "exec"), namespace)
    checked: Callable[[dict[str, Any]], Row | None] = namespace["checked"]
    return checked


def _is_exact_if_good(field: Field[Any], *, aware: bool) -> bool:
    """Return whether the test for good values contains the one for those that are stored as they are."""
    good, exact = field.valid_test(), field.exact_test(aware=aware)
    if good is None or exact is None:
        return False
    return good == exact or good.startswith(f"{exact} and ")


def good_test(field: Field[Any], value: str) -> str | None:
    """Return the code that tests whether a value is evidently good for a field; `None` if no code can tell."""
    test = None if field.choices is not None else field.valid_test()
    if test is None:
        return None
    good = test.format(value)
    return f"({value} is None or {good})" if field.null else f"({good})"


def _indent(code: str, levels: int) -> str:
    return "\n".join("    " * levels + line for line in code.splitlines())


def _converter(field: Field[Any], writer: Converter | None) -> Callable[[dict[str, Any], Any], Any]:
    attname = field.attname

    def convert(values: dict[str, Any], value: Any) -> Any:
        converted = field.to_column(value)
        values[attname] = converted
        return converted if converted is None or writer is None else writer(converted)

    return convert
