"""The tables that are moved, their columns, and the order in which they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openviper.db.dialects.definitions import targets_first
from openviper.db.fields.base import Field
from openviper.db.fields.relations import ForeignKey
from openviper.db.schemas.state import generated_joins, has_table
from openviper.db.transfer.values import base_of

MADE_BY_MIGRATE = frozenset({"auth_content_types"})
"""Tables that `migrate` fills. Their rows describe the models and are no data of the project, so they are replaced."""
UNBOUNDED = frozenset({"TEXT", "JSON", "BINARY"})
WIDE = 2000
"""Characters from which on a column counts as one of unknown size."""


@dataclass(frozen=True, eq=False)
class TransferColumn:
    """A column that is moved.

    Attributes:
        name: In the database.
        field: The model's.
        type: The neutral type.
        target_model: The model that it refers to, `None` if it is no foreign key.
    """

    name: str
    field: Field[Any]
    type: str
    target_model: Any

    @property
    def target(self) -> str | None:
        """The table that it refers to, if it is a foreign key."""
        return None if self.target_model is None else str(self.target_model._meta.table_name)

    @property
    def is_wide(self) -> bool:
        """Whether a value may take much memory."""
        if self.type.endswith("[]") or base_of(self.type) in UNBOUNDED:
            return True
        _, _, length = self.type.partition("(")
        return base_of(self.type) == "VARCHAR" and int(length.rstrip(")")) >= WIDE


@dataclass(frozen=True, eq=False)
class TransferTable:
    """A table that is moved.

    Attributes:
        name: In the database.
        model: The model.
        columns: Those that hold values of their own; generated ones are worked out by the target.
        key: The primary key among them.
    """

    name: str
    model: Any
    columns: tuple[TransferColumn, ...]
    key: TransferColumn

    @property
    def label(self) -> str:
        """The model's, such as ``shop.Product``."""
        return str(self.model._meta.label)

    @property
    def references(self) -> list[TransferColumn]:
        """The foreign keys."""
        return [column for column in self.columns if column.target is not None]

    @property
    def numbered(self) -> bool:
        """Whether the database numbers the rows."""
        return bool(self.key.field.auto_increment)


def transfer_table(model: Any) -> TransferTable:
    """Return the table of a model."""
    columns = {name: _column(field) for name, field in model._fields.items() if not field.generated}
    key = next(column for column in columns.values() if column.field.primary_key)
    return TransferTable(model._meta.table_name, model, tuple(columns.values()), key)


def _column(field: Field[Any]) -> TransferColumn:
    target = field.remote_model if isinstance(field, ForeignKey) else None
    return TransferColumn(field.column_name, field, field.db_type(), target)


def transfer_tables(models: Iterable[Any]) -> list[TransferTable]:
    """Return the tables of models and of the joins between them, those that others refer to first.

    Models without a table that OpenViper looks after are left out.
    """
    chosen = list(dict.fromkeys(filter(has_table, models)))
    tables = {
        table.name: table for table in map(transfer_table, [*chosen, *generated_joins(chosen)])
    }
    order = targets_first(
        {name: _targets(tables[name]) - {name} for name in sorted(tables, key=_by_label(tables))}
    )
    return [tables[name] for name in order]


def _by_label(tables: Mapping[str, TransferTable]) -> Any:
    return lambda name: tables[name].label


def _targets(table: TransferTable) -> set[str]:
    return {column.target for column in table.references if column.target is not None}


def backward_references(tables: Sequence[TransferTable]) -> list[tuple[str, str]]:
    """Return the foreign keys, as table and column, that may refer to rows which come later: to itself, or in a circle."""
    place = {table.name: number for number, table in enumerate(tables)}
    return [
        (table.name, column.name)
        for table in tables
        for column in table.references
        if place.get(str(column.target), -1) >= place[table.name]
    ]
