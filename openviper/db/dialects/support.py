"""What a database cannot have: asked before anything is written or sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.definitions import (
    Definition,
    Index,
    for_vendor,
    is_by_vendor,
    table_checks,
    table_indexes,
)
from openviper.db.dialects.name_clashes import clashes
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Table

WORDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB or MySQL"}
"""What people call a vendor."""
POSTGRESQL_BYTES = 63
MYSQL_CHARACTERS = 64
_LONG = ("TEXT", "JSON", "BINARY")
"""Types without a length, which MariaDB and MySQL cannot compare as a whole."""


def refuse(vendor: str, tables: Mapping[str, Table], alias: str) -> None:
    """Refuse tables that a database cannot have.

    Args:
        vendor: ``sqlite``, ``postgresql`` or ``mysql``.
        tables: The wanted tables by name.
        alias: The database, for the message.

    Raises:
        MigrationError: If there is anything; the message has a line for each.
    """
    problems = [
        problem for name, table in tables.items() for problem in refusals(vendor, name, table)
    ]
    # An index of which nothing is said for this vendor has no definition to go by.
    _raise(problems or _clashes(vendor, tables.items()), alias)


def refuse_clashes(vendor: str, tables: Iterable[tuple[str, Table]], alias: str) -> None:
    """Refuse tables, indexes and constraints that would have the same name in a database.

    Raises:
        MigrationError: If there are any; the message names both.
    """
    _raise(_clashes(vendor, tables), alias)


def _clashes(vendor: str, tables: Iterable[tuple[str, Table]]) -> list[str]:
    return clashes(vendor, [(name, for_vendor(table, vendor)) for name, table in tables])


def _raise(problems: Iterable[str], alias: str) -> None:
    text = "\n".join(f"{problem} (database {alias!r})" for problem in problems)
    if text:
        raise MigrationError(text)


def refusals(vendor: str, name: str, table: Table) -> list[str]:
    """Return one sentence for everything that a vendor cannot have of a wanted table.

    Args:
        vendor: ``sqlite``, ``postgresql`` or ``mysql``.
        name: The table's name.
        table: What its schema file says.
    """
    label = f"{table['app']}.{table['model']}"
    problems = [f"{what} is not known to {WORDS[vendor]}" for what in _unstated(vendor, table)]
    if not problems:
        problems = [*_judgements(vendor, name, for_vendor(table, vendor))]
    return [f"{label}: {problem}" for problem in problems]


def _unstated(vendor: str, table: Table) -> Iterator[str]:
    """Yield what has SQL for other vendors only."""
    entries: list[Any] = [*table["columns"], *table["indexes"], *table["constraints"]]
    for entry in entries:
        for key, value in _walk(entry):
            if is_by_vendor(value) and vendor not in value:
                yield f"{key.replace('_', ' ')} of {entry['name']!r}"


def _walk(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield everything in an entry of a schema file that may be SQL, with its key."""
    for key, value in entry.items():
        if key in ("default", "choices"):
            continue
        if isinstance(value, list):
            yield from ((key, item) for item in _flat(value))
        elif key == "generated":
            yield "formula", value["expression"]
        else:
            yield key, value


def _flat(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, (list, tuple)):
            yield from item
        else:
            yield item


def _judgements(vendor: str, name: str, table: Table) -> Iterator[str]:
    yield from _long_names(vendor, name, table)
    for column in table["columns"]:
        yield from _column_problems(vendor, column)
    for constraint in table["constraints"]:
        if constraint["type"] == "EXCLUDE" and vendor != "postgresql":
            yield f"{WORDS[vendor]} has no exclusion constraints, such as {constraint['name']!r}"
    for index in table_indexes(name, table):
        yield from _judged_index(vendor, index, table)


def _judged_index(vendor: str, index: Index, table: Table) -> Iterator[str]:
    unique = index.definition.unique
    word = "constraint" if unique else "index"
    for problem in _index_problems(vendor, index.definition):
        yield f"{word} {index.name!r} {problem}"
    if unique and vendor == "mysql":
        yield from _long_texts(index.name, index.columns, table)


# Names


def _long_names(vendor: str, name: str, table: Table) -> Iterator[str]:
    if not is_too_long(vendor, name):
        names = {column["name"]: "column" for column in table["columns"]}
        names |= {index.name: "index or constraint" for index in table_indexes(name, table)}
        names |= {check.name: "constraint" for check in table_checks(name, table)}
    else:
        names = {name: "table"}
    for each, kind in names.items():
        if is_too_long(vendor, each):
            yield f"the name of {kind} {each!r} is longer than the {_limit(vendor)} of {WORDS[vendor]}"


def is_too_long(vendor: str, name: str) -> bool:
    """Return whether a database would cut a name off, or refuse it."""
    if vendor == "postgresql":
        return len(name.encode()) > POSTGRESQL_BYTES
    return vendor == "mysql" and len(name) > MYSQL_CHARACTERS


def _limit(vendor: str) -> str:
    return (
        f"{POSTGRESQL_BYTES} bytes" if vendor == "postgresql" else f"{MYSQL_CHARACTERS} characters"
    )


# Columns


def _column_problems(vendor: str, column: Column) -> Iterator[str]:
    if vendor == "mysql":
        yield from _mysql_key_problems(column)
    if "generated" in column:
        yield from _formula_problems(vendor, column)


def _mysql_key_problems(column: Column) -> Iterator[str]:
    name = column["name"]
    if column.get("on_delete") == "SET DEFAULT":
        yield f"column {name!r}: MariaDB and MySQL know no ON DELETE SET DEFAULT"
    if column.get("deferrable"):
        yield f"the foreign key {name!r} is deferrable, which MariaDB and MySQL cannot"


def _formula_problems(vendor: str, column: Column) -> Iterator[str]:
    name = column["name"]
    if vendor == "postgresql" and not column["generated"]["stored"]:
        yield f"generated column {name!r} must be stored: PostgreSQL keeps the value of each"
    if column.get("primary_key"):
        yield f"generated column {name!r} cannot be the primary key"


# Indexes

_POSTGRESQL_ONLY = {
    "include": "includes columns",
    "method": "uses the method {!r}",
    "deferrable": "is deferrable",
}


def _index_problems(vendor: str, definition: Definition) -> Iterator[str]:
    if vendor != "postgresql":
        yield from _foreign_words(vendor, definition)
    if vendor == "mysql":
        yield from _mysql_index_problems(definition)
    if definition.deferrable and (definition.condition or _has_expressions(definition)):
        yield "is deferrable, so it can have neither a condition nor expressions"


def _foreign_words(vendor: str, definition: Definition) -> Iterator[str]:
    for key, words in _POSTGRESQL_ONLY.items():
        value = getattr(definition, key)
        if value:
            yield f"{words.format(value)}, which {WORDS[vendor]} cannot"
    if any(part.operator_class for part in definition.parts):
        yield f"names operator classes, which {WORDS[vendor]} has none of"
    if not definition.nulls_distinct:
        yield f"lets NULL occur once, which {WORDS[vendor]} cannot"


def _mysql_index_problems(definition: Definition) -> Iterator[str]:
    if definition.condition:
        yield (
            "has a condition, and MariaDB and MySQL know no partial indexes; drop the condition, or check it in validate()"
        )
    if _has_expressions(definition):
        yield "is over expressions, which MariaDB cannot; add a generated column, and index that"


def _has_expressions(definition: Definition) -> bool:
    return any(part.expression for part in definition.parts)


def _long_texts(name: str, columns: Iterable[str], table: Table) -> Iterator[str]:
    types = {column["name"]: column["type"] for column in table["columns"]}
    for column in columns:
        neutral = types.get(column, "").upper()
        if neutral in _LONG or neutral.endswith("[]"):
            yield (
                f"unique {name!r}: MariaDB and MySQL can only compare texts of limited length; give {column!r} a max_length"
            )
