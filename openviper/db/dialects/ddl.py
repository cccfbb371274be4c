"""The contract of schema statements: wanted and live tables, and what a dialect makes of their difference.

A *wanted* table is the content of a schema file, see `openviper.db.dialects.shapes`. A *live* table is what the database says. Both are compared in
`openviper.db.schemas.diff`, which describes the difference as a `TableChange`; a dialect turns that into statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from openviper.db.dialects.definitions import Check, Index, LiveIndex, LiveTable

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Table

BOOKKEEPING_TABLE = "openviper_schema"
PATCHES_TABLE = "openviper_patches"
OWN_TABLES = frozenset({BOOKKEEPING_TABLE, PATCHES_TABLE})
"""Tables that belong to schema sync itself and are never compared."""


NEW_FORMULA = "new formula"
"""The word for a generated column whose expression, or way of being kept, differs."""


class TableChange:
    """The difference between a wanted and a live table, in the order in which it is made.

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

    @property
    def remade(self) -> set[str]:
        """Wanted columns whose formula differs, which servers cannot change: they are dropped and made anew."""
        return {name for name, what in self.altered.items() if NEW_FORMULA in what}

    @property
    def ordered(self) -> list[Column]:
        """The added columns, those last that are worked out from others."""
        return sorted(self.added, key=lambda column: "generated" in column)

    @property
    def leaving(self) -> list[str]:
        """The dropped columns, those first that are worked out from others."""
        columns = {} if self.live is None else self.live.columns
        return sorted(self.dropped, key=lambda name: "generated" not in columns[name])

    @property
    def overwritten(self) -> set[str]:
        """Wanted columns that become generated, which costs the values they have."""
        columns = {} if self.live is None else self.live.columns
        return {name for name in self.remade if "generated" not in columns[self.live_name(name)]}

    def describe(self) -> list[str]:
        """Return one sentence per operation."""
        if self.live is None:
            return [f"create table {self.table}"]
        lines = [f"rename table {self.renamed_from} to {self.table}"] if self.renamed_from else []
        return [
            *lines,
            *self._describe_columns(),
            *self._describe_indexes(),
            *self._describe_checks(),
        ]

    def _describe_columns(self) -> Iterable[str]:
        where = f"{self.table}."
        for old, new in self.renames:
            yield f"rename column {where}{old} to {new}"
        for column in self.added:
            yield f"add column {where}{column['name']} {column['type']}"
        for name, what in self.altered.items():
            yield f"alter column {where}{name}: {', '.join(what)}"
        for name in self.dropped:
            yield f"drop column {where}{name}"

    def _describe_indexes(self) -> Iterable[str]:
        for live, index in self.index_renames:
            yield f"rename index {live.name} to {index.name}"
        for index in self.added_indexes:
            word = "unique constraint" if index.definition.unique else "index"
            yield f"add {word} {index.name} on {self.table} ({index.words})"
        for live in self.dropped_indexes:
            yield f"drop index {live.name} of {self.table}"

    def _describe_checks(self) -> Iterable[str]:
        for check in self.added_checks:
            word = "exclusion" if check.is_exclusion else "check"
            yield f"add {word} {check.name} to {self.table}: {check.expression}"
        for check in self.dropped_checks:
            yield f"drop check {check.name or check.expression} of {self.table}"


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

    vendor: ClassVar[str]
    """Its name in schema files that state the SQL of each."""
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
        """Return a wanted table as this database can have it, with SQL in its own words."""
        ...

    def same_type(self, wanted: Column, live_type: str) -> bool:
        """Return whether a live type stores exactly what the wanted column asks for."""
        ...

    def create_table(self, name: str, table: Table) -> list[str]:
        """Return the statements that create a table with its indexes and constraints."""
        ...

    def drop_tables(self, names: Sequence[str], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements that drop tables, which may refer to each other: those that refer first."""
        ...

    def early(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements before those of the tables: what stands in the way of them is dropped."""
        ...

    def late(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements after those of the tables: what refers from one to another is added."""
        ...

    def alter_table(self, change: TableChange) -> list[str]:
        """Return the statements that make a change of an existing table."""
        ...

    def row_checks(self, change: TableChange, live: Mapping[str, LiveTable]) -> list[RowCheck]:
        """Return what has to be looked at before the change; the statements use the names of the live tables."""
        ...

    def rebuilds(self, change: TableChange) -> bool:
        """Return whether the change copies the whole table."""
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
