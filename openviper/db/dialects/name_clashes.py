"""Names that two things of one database would share.

What may bear the same name differs: SQLite and PostgreSQL have one list of names for tables and indexes, MariaDB and MySQL one
of indexes per table and one of foreign keys per database. All have one list of CHECK constraints per table: SQLite takes a name
twice there, but could not tell the two apart later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from openviper.db.dialects.definitions import table_checks, table_indexes
from openviper.db.dialects.identifiers import shorten

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Table

_EVERYWHERE = ""
"""The list that the whole database has."""


class Named(NamedTuple):
    """Something that has a name.

    Attributes:
        scope: The list in which the name may stand once: that of the database, of a table, or of all foreign keys.
        name: The name.
        what: What it is, for messages.
        owner: The model, for messages.
    """

    scope: str
    name: str
    what: str
    owner: str


def clashes(vendor: str, tables: Iterable[tuple[str, Table]]) -> list[str]:
    """Return one sentence for every name that would be given twice.

    Args:
        vendor: ``sqlite``, ``postgresql`` or ``mysql``.
        tables: The wanted tables of one database, each with its name.
    """
    found: dict[tuple[str, str], Named] = {}
    problems = []
    for name, table in tables:
        for one in _named(vendor, name, table):
            # PostgreSQL alone tells names apart that differ in case.
            key = (one.scope, one.name if vendor == "postgresql" else one.name.lower())
            other = found.setdefault(key, one)
            if other is not one:
                problems.append(_sentence(one, other))
    return problems


def _sentence(one: Named, other: Named) -> str:
    if one.what == other.what == "table":
        return f"{one.owner}: the table {one.name!r} is that of {other.owner} already"
    where = "" if one.owner == other.owner else f" of {other.owner}"
    return (
        f"{one.owner}: {one.what} {one.name!r} has the name of {other.what} {other.name!r}{where}; "
        "give one of them another name"
    )


def _named(vendor: str, name: str, table: Table) -> Iterator[Named]:
    owner = f"{table['app']}.{table['model']}"
    yield Named(_EVERYWHERE, name, "table", owner)
    of_table = f"table {name}"
    indexes = of_table if vendor == "mysql" else _EVERYWHERE
    for index in table_indexes(name, table):
        what = "constraint" if index.definition.unique else "index"
        yield Named(indexes, index.name, what, owner)
    yield from _checks(name, table, owner)
    keys = "foreign keys" if vendor == "mysql" else f"constraints of {name}"
    for column in table["columns"]:
        if "target_table" in column:
            yield Named(keys, shorten(f"fk_{name}_{column['name']}"), "foreign key", owner)


def _checks(name: str, table: Table, owner: str) -> Iterator[Named]:
    exclusions = {each["name"] for each in table["constraints"] if each["type"] == "EXCLUDE"}
    for check in table_checks(name, table):
        # An exclusion is kept by an index of its name.
        scope = _EVERYWHERE if check.name in exclusions else f"constraints of {name}"
        yield Named(scope, check.name, "constraint", owner)
