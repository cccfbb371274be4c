"""The contract of schema statements: wanted and live tables, and what a dialect makes of their difference.

A *wanted* table is the content of a schema file, see `openviper.db.dialects.shapes`. A *live* table is what the database says. Both are compared in
`openviper.db.schemas.diff`, which describes the difference as a `TableChange`; a dialect turns that into statements.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from openviper.db.dialects.identifiers import shorten

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Table

BOOKKEEPING_TABLE = "openviper_schema"
PATCHES_TABLE = "openviper_patches"
OWN_TABLES = frozenset({BOOKKEEPING_TABLE, PATCHES_TABLE})
"""Tables that belong to schema sync itself and are never compared."""


class Index(NamedTuple):
    """An index, unique or not; a wanted unique constraint is one too."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    condition: str | None = None

    @property
    def key(self) -> tuple[tuple[str, ...], bool, str]:
        """What makes two indexes the same whatever their names are."""
        return self.columns, self.unique, normalise_expression(self.condition or "")


class LiveIndex(NamedTuple):
    """An index in the database.

    Attributes:
        columns: Empty for an index that cannot be stated in a schema file: on an expression, descending, collated.
        is_constraint: It belongs to a constraint of the table and goes only with that.
        sql: The statement that made it, empty for a constraint's.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool
    condition: str | None
    is_constraint: bool
    sql: str

    @property
    def key(self) -> tuple[tuple[str, ...], bool, str]:
        """What makes two indexes the same whatever their names are."""
        return self.columns, self.unique, normalise_expression(self.condition or "")


class Check(NamedTuple):
    """A ``CHECK`` constraint; `column` is set for a live one that stands in the definition of a column."""

    name: str
    expression: str
    column: str | None = None


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


class TableChange:
    """The difference between a wanted and a live table, in the order in which it is carried out.

    Attributes:
        live: `None` when the table has to be created.
        renamed_from: The table's name in the database, when it differs.
        renames: Pairs of old and new column name, in an order that never meets a name in use.
        added: Wanted columns that do not exist.
        altered: Wanted columns that differ, by name, with the words for what differs.
        dropped: Live columns to drop, by their live names.
        kept: Live columns that nobody wants and that OpenViper did not create.
        index_renames: Pairs of live index and wanted index with the same definition.
    """

    __slots__ = (
        "added",
        "added_checks",
        "added_indexes",
        "altered",
        "dropped",
        "dropped_checks",
        "dropped_indexes",
        "index_renames",
        "kept",
        "live",
        "renamed_from",
        "renames",
        "table",
        "wanted",
    )

    def __init__(self, table: str, wanted: Table, live: LiveTable | None) -> None:
        self.table = table
        self.wanted = wanted
        self.live = live
        self.renamed_from: str | None = None
        self.renames: list[tuple[str, str]] = []
        self.added: list[Column] = []
        self.altered: dict[str, list[str]] = {}
        self.dropped: list[str] = []
        self.kept: list[str] = []
        self.added_indexes: list[Index] = []
        self.dropped_indexes: list[LiveIndex] = []
        self.index_renames: list[tuple[LiveIndex, Index]] = []
        self.added_checks: list[Check] = []
        self.dropped_checks: list[Check] = []

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.live is None or self.renamed_from or self.describe())

    @property
    def label(self) -> str:
        """The model's label, ``app.Model``."""
        return f"{self.wanted['app']}.{self.wanted['model']}"

    def live_name(self, column: str) -> str:
        """Return the name a wanted column has in the database before the change."""
        for old, new in self.renames:
            if new == column:
                return old
        return column

    def describe(self) -> list[str]:
        """Return one sentence per operation."""
        if self.live is None:
            return [f"create table {self.table}"]
        where = f"{self.table}."
        lines = [f"rename table {self.renamed_from} to {self.table}"] if self.renamed_from else []
        lines += [f"rename column {where}{old} to {new}" for old, new in self.renames]
        lines += [f"add column {where}{column['name']} {column['type']}" for column in self.added]
        lines += [
            f"alter column {where}{name}: {', '.join(what)}" for name, what in self.altered.items()
        ]
        lines += [f"drop column {where}{name}" for name in self.dropped]
        lines += [f"rename index {live.name} to {index.name}" for live, index in self.index_renames]
        for index in self.added_indexes:
            kind = "unique constraint" if index.unique else "index"
            lines.append(f"add {kind} {index.name} on {self.table} ({', '.join(index.columns)})")
        lines += [f"drop index {live.name} of {self.table}" for live in self.dropped_indexes]
        lines += [
            f"add check {check.name} to {self.table}: {check.expression}"
            for check in self.added_checks
        ]
        lines += [
            f"drop check {check.name or check.expression} of {self.table}"
            for check in self.dropped_checks
        ]
        return lines


class RowCheck(NamedTuple):
    """A look at the rows before a change.

    Attributes:
        problem: What is wrong with the rows found, as in "rows with NULL in t.c".
        counting: A statement that returns the number of rows concerned.
        sample: A statement that shows some of them, for the person who repairs them.
        fatal: Whether any such row stops the run; otherwise the number is only reported.
    """

    problem: str
    counting: str
    sample: str
    fatal: bool = True


class DDLDialect(Protocol):
    """Schema statements for one kind of database; nothing here performs I/O."""

    transactional: ClassVar[bool]
    """Whether a transaction undoes schema statements."""
    compares_numbering: ClassVar[bool]
    """Whether the live table tells if a key numbers itself."""

    def introspection_queries(self) -> Sequence[str]:
        """Return the reads that together describe all tables; their results go to `read_tables` in the same order."""
        ...

    def read_tables(
        self, results: Sequence[Sequence[Sequence[Any]]], tables: Iterable[str] | None
    ) -> dict[str, LiveTable]:
        """Return the live tables by name, only those of `tables` unless that is `None`."""
        ...

    def adapted(self, table: Table) -> Table:
        """Return a wanted table as this database can have it; the same one where nothing stands in the way."""
        ...

    def same_type(self, wanted: Column, live_type: str) -> bool:
        """Tell whether a live type stores exactly what the wanted column asks for."""
        ...

    def create_table(self, name: str, table: Table) -> list[str]:
        """Return the statements that create a table with its indexes and constraints."""
        ...

    def drop_tables(self, names: Sequence[str]) -> list[str]:
        """Return the statements that drop tables, which may refer to each other."""
        ...

    def early(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements before those of the tables: what stands in the way of them is dropped."""
        ...

    def late(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements after those of the tables: what refers from one to another is added."""
        ...

    def alter_table(self, change: TableChange) -> list[str]:
        """Return the statements that carry out a change of an existing table."""
        ...

    def row_checks(self, change: TableChange, live: Mapping[str, LiveTable]) -> list[RowCheck]:
        """Return what has to be looked at before the change; the statements use the names of the live tables."""
        ...

    def rebuilds(self, change: TableChange) -> bool:
        """Tell whether the change copies the whole table."""
        ...

    def foreign_key_query(self, table: str) -> str | None:
        """Return a read of the rows of a table that break a foreign key, or `None` if the database sees to that."""
        ...

    @property
    def before(self) -> Sequence[str]:
        """Statements before the transaction of a schema step."""
        ...

    @property
    def after(self) -> Sequence[str]:
        """Statements after the transaction, whatever became of it."""
        ...

    @property
    def begin(self) -> str:
        """The statement that begins the transaction of a schema step; empty where there is none."""
        ...


# What follows from a wanted table


def table_indexes(name: str, table: Table) -> list[Index]:
    """Return every index a wanted table has, the unique constraints included, each definition once."""
    found: dict[tuple[tuple[str, ...], bool, str], Index] = {}

    def add(index: Index) -> None:
        found.setdefault(index.key, index)

    for constraint in table["constraints"]:
        if constraint["type"] == "UNIQUE":
            columns = tuple(constraint["fields"])
            add(Index(constraint["name"], columns, True, constraint.get("condition")))
    for column in table["columns"]:
        if column.get("unique") and not column.get("primary_key"):
            add(Index(shorten(f"uq_{name}_{column['name']}"), (column["name"],), True))
    for group in table["unique_together"]:
        add(Index(shorten(f"uniq_{name}_{'_'.join(group)}"), tuple(group), True))
    for entry in table["indexes"]:
        add(Index(entry["name"], tuple(entry["fields"]), False, entry.get("condition")))
    for group in table["index_together"]:
        add(Index(shorten(f"idx_{name}_{'_'.join(group)}"), tuple(group)))
    return list(found.values())


def table_checks(name: str, table: Table) -> list[Check]:
    """Return every ``CHECK`` constraint of a wanted table."""
    checks = [
        Check(constraint["name"], constraint["check"])
        for constraint in table["constraints"]
        if constraint["type"] == "CHECK"
    ]
    if table["single"]:
        key = primary_key(table)
        checks.append(Check(shorten(f"chk_{name}_single_row"), f"{key} = 1"))
    return checks


def primary_key(table: Table) -> str:
    """Return the name of the primary key column, ``id`` if none is marked."""
    for column in table["columns"]:
        if column.get("primary_key"):
            return column["name"]
    return "id"


def sql_literal(value: Any, neutral_type: str) -> str:
    """Return a default of a schema file as SQL text, without the boolean words, which differ."""
    if value is None:
        return "NULL"
    base = neutral_type.partition("(")[0].upper()
    if base == "JSON" or isinstance(value, (dict, list)):
        return _quoted(json.dumps(value))
    if base == "BINARY":
        return f"X'{value}'"
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, float)):
        return repr(value)
    return _quoted(str(value))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# SQL text

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\])
      | (?P<word>[A-Za-z_0-9$.\x80-\U0010ffff]+)
      | (?P<other><=|>=|<>|!=|==|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)


def tokens(sql: str) -> list[tuple[str, str, int]]:
    """Split SQL text into (kind, text, position); kinds are space, string, quoted, word and other."""
    return [
        (match.lastgroup or "other", match.group(), match.start()) for match in _TOKEN.finditer(sql)
    ]


def unquote(token: str) -> str:
    """Return an identifier without its quotation marks."""
    if token[:1] == "[":
        return token[1:-1]
    if token[:1] in ('"', "`"):
        return token[1:-1].replace(token[0] * 2, token[0])
    return token


def normalise_expression(sql: str) -> str:
    """Return an expression for comparison.

    Comments, spaces, letter case, the quotation marks of names and outer parentheses do not count.
    """
    if not sql:
        return ""
    parts: list[str] = []
    for kind, text, _ in tokens(sql):
        if kind == "space":
            continue
        if kind in ("word", "quoted"):
            text = unquote(text).lower()
        parts.append({"==": "=", "!=": "<>"}.get(text, text))
    while len(parts) > 1 and parts[0] == "(" and _closing(parts) == len(parts) - 1:
        parts = parts[1:-1]
    return " ".join(parts)


def _closing(parts: Sequence[str]) -> int:
    depth = 0
    for number, part in enumerate(parts):
        depth += (part == "(") - (part == ")")
        if not depth:
            return number
    return -1


def rename_identifiers(sql: str, names: Mapping[str, str]) -> str:
    """Return SQL text with identifiers replaced, strings and comments untouched."""
    if not names:
        return sql
    parts = []
    for kind, text, _ in tokens(sql):
        new = names.get(unquote(text)) if kind in ("word", "quoted") else None
        parts.append(text if new is None else '"' + new.replace('"', '""') + '"')
    return "".join(parts)


def mentions(sql: str, names: Iterable[str]) -> bool:
    """Tell whether SQL text names one of the identifiers, in any letter case."""
    wanted = {name.lower() for name in names}
    return any(
        kind in ("word", "quoted") and unquote(text).lower() in wanted
        for kind, text, _ in tokens(sql)
    )
