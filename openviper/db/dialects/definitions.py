"""Indexes, checks and tables: what a schema file asks for, and what a database says it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from openviper.db.dialects.identifiers import shorten
from openviper.db.dialects.sql_text import normalise_expression, rename_identifiers

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, ConstraintEntry, IndexEntry, SQLText, Table

EXCLUDE = "EXCLUDE USING "
"""How the text of an exclusion constraint begins, which no CHECK expression does."""


class Part(NamedTuple):
    """One of the things an index sorts by.

    Attributes:
        column: Its name, empty for an expression.
        expression: The SQL, empty for a column.
        operator_class: PostgreSQL's; empty for the default one of the type.
    """

    column: str
    expression: str = ""
    descending: bool = False
    operator_class: str = ""

    def renamed(self, names: Mapping[str, str]) -> Part:
        """Return it with columns under other names."""
        return self._replace(
            column=names.get(self.column, self.column),
            expression=rename_identifiers(self.expression, names),
        )


class Definition(NamedTuple):
    """What an index is, whatever its name.

    Attributes:
        parts: Empty for a live index that cannot be stated in a schema file, such as one with a collation of its own.
        include: Columns that the index carries without sorting by them; PostgreSQL.
        method: ``gin``, ``gist`` and so on; empty for a B-tree.
        deferrable: ``immediate`` or ``deferred`` for a constraint that may wait for the commit, else empty; PostgreSQL.
        nulls_distinct: Whether a unique index takes NULL more than once.
    """

    parts: tuple[Part, ...]
    unique: bool = False
    condition: str | None = None
    include: tuple[str, ...] = ()
    method: str = ""
    deferrable: str = ""
    nulls_distinct: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it sorts by, in order."""
        return tuple(part.column for part in self.parts if part.column)

    @property
    def expressions(self) -> list[str]:
        """All SQL in it, the condition included."""
        return [
            text for text in (*(part.expression for part in self.parts), self.condition) if text
        ]

    @property
    def key(self) -> Definition:
        """The same, written so that what means the same is equal."""
        parts = tuple(
            part._replace(expression=normalise_expression(part.expression)) for part in self.parts
        )
        return self._replace(parts=parts, condition=normalise_expression(self.condition or ""))

    @property
    def outline(self) -> Definition:
        """The same without what servers store in words of their own: expressions and the condition."""
        parts = tuple(
            part._replace(expression="*" if part.expression else "") for part in self.parts
        )
        return self._replace(parts=parts, condition="*" if self.condition else None)

    def renamed(self, names: Mapping[str, str]) -> Definition:
        """Return it with columns under other names."""
        if not names:
            return self
        condition = rename_identifiers(self.condition, names) if self.condition else None
        return self._replace(
            parts=tuple(part.renamed(names) for part in self.parts),
            condition=condition,
            include=tuple(names.get(name, name) for name in self.include),
        )


class Index(NamedTuple):
    """An index, unique or not; a wanted unique constraint is one too."""

    name: str
    definition: Definition

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it sorts by, in order."""
        return self.definition.columns

    @property
    def words(self) -> str:
        """What it sorts by, for people."""
        parts = self.definition.parts
        return ", ".join(
            f"{part.column or part.expression}{' DESC' if part.descending else ''}"
            for part in parts
        )


class LiveIndex(NamedTuple):
    """An index in the database.

    Attributes:
        is_constraint: It belongs to a constraint of the table and goes only with that.
        sql: The statement that made it, empty for a constraint's.
    """

    name: str
    definition: Definition
    is_constraint: bool
    sql: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it sorts by, in order."""
        return self.definition.columns


class Check(NamedTuple):
    """A ``CHECK`` or exclusion constraint.

    Attributes:
        expression: What is checked; for an exclusion constraint everything from `EXCLUDE` on.
        column: Set for a live one that stands in the definition of a column.
    """

    name: str
    expression: str
    column: str | None = None

    @property
    def is_exclusion(self) -> bool:
        """Whether it compares each row with the others."""
        return self.expression.startswith(EXCLUDE)

    @property
    def sql(self) -> str:
        """What stands behind the name of the constraint."""
        return self.expression if self.is_exclusion else f"CHECK ({self.expression})"


class LiveTable(NamedTuple):
    """A table in the database.

    Attributes:
        source: What the dialect wants to remember, such as the statement that made the table.
    """

    name: str
    columns: dict[str, Column]
    indexes: list[LiveIndex]
    checks: list[Check]
    source: Any


# What follows from a wanted table


def table_indexes(name: str, table: Table) -> list[Index]:
    """Return every index a wanted table has, the unique constraints included, each definition once."""
    found: dict[Definition, Index] = {}
    for index in _stated_indexes(name, table):
        found.setdefault(index.definition.key, index)
    return list(found.values())


def _stated_indexes(name: str, table: Table) -> Iterable[Index]:
    yield from _unique_constraints(table)
    yield from _unique_columns(name, table)
    for group in table["unique_together"]:
        yield Index(shorten(f"uniq_{name}_{'_'.join(group)}"), _plain(group, unique=True))
    for entry in table["indexes"]:
        yield Index(entry["name"], _definition(entry, unique=False))
    for group in table["index_together"]:
        yield Index(shorten(f"idx_{name}_{'_'.join(group)}"), _plain(group, unique=False))


def _unique_constraints(table: Table) -> Iterable[Index]:
    for constraint in table["constraints"]:
        if constraint["type"] == "UNIQUE":
            yield Index(constraint["name"], _definition(constraint, unique=True))


def _unique_columns(name: str, table: Table) -> Iterable[Index]:
    for column in table["columns"]:
        if column.get("unique") and not column.get("primary_key"):
            index_name = shorten(f"uq_{name}_{column['name']}")
            yield Index(index_name, _plain([column["name"]], unique=True))


def _plain(columns: Iterable[str], *, unique: bool) -> Definition:
    return Definition(tuple(map(Part, columns)), unique)


def _definition(entry: IndexEntry | ConstraintEntry, *, unique: bool) -> Definition:
    return Definition(
        parts=tuple(_parts(entry)),
        unique=unique,
        condition=_sql(entry.get("condition")),
        include=tuple(entry.get("include", ())),
        method=_method(entry),
        deferrable=entry.get("deferrable", ""),
        nulls_distinct=entry.get("nulls_distinct", True),
    )


def _method(entry: IndexEntry | ConstraintEntry) -> str:
    method = entry.get("using", "btree").lower()
    return "" if method == "btree" else method


def _parts(entry: IndexEntry | ConstraintEntry) -> Iterable[Part]:
    classes = entry.get("opclasses") or ()
    items = [_part(field) for field in entry.get("fields") or ()]
    items += [_computed(text) for text in entry.get("expressions") or ()]
    for number, part in enumerate(items):
        yield part._replace(operator_class=classes[number]) if number < len(classes) else part


def _part(field: str) -> Part:
    return Part(field[1:], descending=True) if field.startswith("-") else Part(field)


def _computed(text: SQLText) -> Part:
    sql = str(_sql(text))
    bare = sql.removesuffix(" DESC")
    return Part("", bare, descending=bare != sql)


def _sql(text: SQLText | None) -> str | None:
    """Return SQL of a table that was made for one vendor, see `for_vendor`."""
    return cast("str | None", text)


def table_checks(name: str, table: Table) -> list[Check]:
    """Return every ``CHECK`` and exclusion constraint of a wanted table."""
    stated = [entry for entry in table["constraints"] if entry["type"] != "UNIQUE"]
    checks = [Check(entry["name"], _checked(entry)) for entry in stated]
    if table["single"]:
        key = primary_key(table)
        checks.append(Check(shorten(f"chk_{name}_single_row"), f"{key} = 1"))
    return checks


def _checked(entry: ConstraintEntry) -> str:
    return _exclusion(entry) if entry["type"] == "EXCLUDE" else str(_sql(entry["check"]))


def _exclusion(entry: ConstraintEntry) -> str:
    elements = ", ".join(f"{_sql(text)} WITH {operator}" for text, operator in entry["elements"])
    condition = _sql(entry.get("condition"))
    where = f" WHERE ({condition})" if condition else ""
    return f"{EXCLUDE}{entry.get('using') or 'gist'} ({elements}){where}{deferral(entry.get('deferrable'))}"


def deferral(deferrable: str | None) -> str:
    """Return the words behind a constraint that may wait for the commit."""
    return f" DEFERRABLE INITIALLY {deferrable.upper()}" if deferrable else ""


def primary_key(table: Table) -> str:
    """Return the name of the primary key column, ``id`` if none is marked."""
    for column in table["columns"]:
        if column.get("primary_key"):
            return column["name"]
    return "id"


def targets_first(targets: Mapping[str, Iterable[str]]) -> list[str]:
    """Return tables with those they refer to first; of a circle, the first one in the order given is taken.

    Args:
        targets: The tables that each refers to, itself left out.
    """
    waiting = {name: set(refers) & targets.keys() for name, refers in targets.items()}
    ordered: list[str] = []
    while waiting:
        ready = [name for name, refers in waiting.items() if not refers & waiting.keys()]
        for name in ready or [next(iter(waiting))]:
            del waiting[name]
            ordered.append(name)
    return ordered


def live_targets(table: LiveTable) -> set[str]:
    """Return the tables that the foreign keys of a live table refer to."""
    targets = (column.get("target_table") for column in table.columns.values())
    return {target for target in targets if target is not None}


def fills_itself(column: Column) -> bool:
    """Return whether a new column needs no value for the rows there are."""
    if column["nullable"] or column.get("autoincrement"):
        return True
    return column["default"] is not None or "db_default" in column or "generated" in column


# One vendor's words


def for_vendor(table: Table, vendor: str) -> Table:
    """Return a wanted table with the SQL of one vendor wherever a schema file states several.

    What the vendor has no SQL for is left out; `openviper.db.dialects.support` refuses such a table before. A default of
    NULL is none.
    """
    chosen = {key: _chosen(value, vendor) for key, value in table.items()}
    chosen["columns"] = [_without_null_default(column) for column in chosen["columns"]]
    return cast("Table", chosen)


def _without_null_default(column: dict[str, Any]) -> dict[str, Any]:
    if "db_default" in column and is_null(column["db_default"]):
        return {key: value for key, value in column.items() if key != "db_default"}
    return column


def is_null(sql: object) -> bool:
    """Return whether SQL is no more than NULL."""
    return sql is None or normalise_expression(str(sql)) == "null"


VENDORS = frozenset({"sqlite", "postgresql", "mysql"})


def _chosen(value: Any, vendor: str) -> Any:
    if isinstance(value, list):
        return [_chosen(item, vendor) for item in value]
    if not isinstance(value, dict):
        return value
    if is_by_vendor(value):
        return value.get(vendor)
    return {key: kept if key in _VALUES else _chosen(kept, vendor) for key, kept in value.items()}


_VALUES = ("default", "choices")
"""Keys of a column that hold a project's own values, whatever they look like."""


def is_by_vendor(value: Any) -> bool:
    """Return whether a value of a schema file is SQL that differs by vendor."""
    return isinstance(value, dict) and bool(value) and value.keys() <= VENDORS


def by_vendor(texts: Mapping[str, str]) -> SQLText:
    """Return SQL as a schema file states it: one text where all vendors have the same.

    Args:
        texts: The SQL by vendor, without those that cannot have it.
    """
    if texts.keys() == VENDORS and len(set(texts.values())) == 1:
        return texts["sqlite"]
    return dict(texts)
