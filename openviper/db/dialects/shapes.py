"""The shapes of what schema files say, for the type checker.

Import this module under ``TYPE_CHECKING`` only: at run time these are plain dictionaries.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

SQLText = str | dict[str, str]
"""SQL, or SQL by vendor where it differs; a vendor that is missing cannot have it."""


class Generated(TypedDict):
    """How the database works out a generated column.

    `stored` tells whether the value is kept, or worked out whenever it is read.
    """

    expression: SQLText
    stored: bool


class Column(TypedDict):
    """A column as a schema file states it; in a live table `type` is the database's own text."""

    name: str
    type: str
    nullable: bool
    default: Any
    primary_key: NotRequired[bool]
    autoincrement: NotRequired[bool]
    unique: NotRequired[bool]
    db_default: NotRequired[SQLText]
    generated: NotRequired[Generated]
    choices: NotRequired[list[dict[str, Any]]]
    target_table: NotRequired[str]
    on_delete: NotRequired[str]
    deferrable: NotRequired[str]
    old_name: NotRequired[str]
    older_names: NotRequired[list[str]]
    old_type: NotRequired[str]
    changed_at: NotRequired[str]


class IndexEntry(TypedDict):
    """An index of a schema file, over `fields` (``-name`` is descending) or over `expressions`."""

    name: str
    fields: NotRequired[list[str]]
    expressions: NotRequired[list[SQLText]]
    include: NotRequired[list[str]]
    using: NotRequired[str]
    opclasses: NotRequired[list[str]]
    condition: NotRequired[SQLText]
    deferrable: NotRequired[str]
    nulls_distinct: NotRequired[bool]


class ConstraintEntry(IndexEntry):
    """A ``CHECK``, ``UNIQUE`` or ``EXCLUDE`` constraint of a schema file.

    `elements` are what an exclusion compares, each with its operator.
    """

    type: str
    check: NotRequired[SQLText]
    elements: NotRequired[list[tuple[SQLText, str]]]


class Table(TypedDict):
    """What a schema file says about one table."""

    model: str
    app: str
    columns: list[Column]
    indexes: list[IndexEntry]
    unique_together: list[list[str]]
    index_together: list[list[str]]
    constraints: list[ConstraintEntry]
    single: bool
    managed: bool
    old_table_name: NotRequired[str]


State = dict[str, Table]
"""Tables by name."""
