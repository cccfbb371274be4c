"""The shapes of what schema files say, for the type checker.

Import this module under ``TYPE_CHECKING`` only: at run time these are plain dictionaries.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Column(TypedDict):
    """A column as a schema file states it; in a live table `type` is the database's own text."""

    name: str
    type: str
    nullable: bool
    default: Any
    primary_key: NotRequired[bool]
    autoincrement: NotRequired[bool]
    unique: NotRequired[bool]
    choices: NotRequired[list[dict[str, Any]]]
    target_table: NotRequired[str]
    on_delete: NotRequired[str]
    old_name: NotRequired[str]
    older_names: NotRequired[list[str]]
    old_type: NotRequired[str]
    changed_at: NotRequired[str]


class IndexEntry(TypedDict):
    """An index of a schema file."""

    name: str
    fields: list[str]
    condition: NotRequired[str]


class ConstraintEntry(TypedDict):
    """A ``CHECK`` or ``UNIQUE`` constraint of a schema file."""

    name: str
    type: str
    check: NotRequired[str]
    fields: NotRequired[list[str]]
    condition: NotRequired[str]


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
