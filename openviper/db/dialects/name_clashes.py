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
    named = [one for name, table in tables for one in _named(vendor, name, table)]
    pairs = [(one, found.setdefault(_key(vendor, one), one)) for one in named]
    return [_sentence(one, other) for one, other in pairs if one is not other]


def _key(vendor: str, one: Named) -> tuple[str, str]:
    # PostgreSQL alone tells names apart that differ in case.
    return one.scope, one.name if vendor == "postgresql" else one.name.lower()


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
    yield from _indexes(vendor, name, table, owner)
    yield from _checks(name, table, owner)
    yield from _keys(vendor, name, table, owner)


def _indexes(vendor: str, name: str, table: Table, owner: str) -> Iterator[Named]:
    scope = f"table {name}" if vendor == "mysql" else _EVERYWHERE
    for index in table_indexes(name, table):
        what = "constraint" if index.definition.unique else "index"
        yield Named(scope, index.name, what, owner)


def _keys(vendor: str, name: str, table: Table, owner: str) -> Iterator[Named]:
    scope = "foreign keys" if vendor == "mysql" else f"constraints of {name}"
    for column in table["columns"]:
        if "target_table" in column:
            yield Named(scope, shorten(f"fk_{name}_{column['name']}"), "foreign key", owner)


def _checks(name: str, table: Table, owner: str) -> Iterator[Named]:
    exclusions = {each["name"] for each in table["constraints"] if each["type"] == "EXCLUDE"}
    for check in table_checks(name, table):
        # An exclusion is kept by an index of its name.
        scope = _EVERYWHERE if check.name in exclusions else f"constraints of {name}"
        yield Named(scope, check.name, "constraint", owner)
