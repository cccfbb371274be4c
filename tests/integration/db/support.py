"""A SQLite file with the tables of some models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openviper.db.connection import close_db, configure_db, connections, get_connection
from openviper.db.fields import ForeignKey
from openviper.db.models import Model


def create_table(model: type[Model]) -> str:
    """Return the CREATE TABLE of a model, enough for these tests."""
    columns = []
    for field in model._fields.values():
        if field.auto_increment:
            columns.append(f'"{field.column_name}" INTEGER PRIMARY KEY AUTOINCREMENT')
            continue
        column = f'"{field.column_name}" {field.db_type()}'
        column += " PRIMARY KEY" if field.primary_key else ""
        column += "" if field.null else " NOT NULL"
        column += " UNIQUE" if field.unique else ""
        if isinstance(field, ForeignKey):
            remote = field.remote_model._meta
            column += f' REFERENCES "{remote.table_name}" ("{remote.pk.column_name}") ON DELETE {field.on_delete}'
        columns.append(column)
    return f'CREATE TABLE "{model._meta.table_name}" ({", ".join(columns)})'


@asynccontextmanager
async def database(folder: Path, *models: type[Any]) -> AsyncIterator[Path]:
    """Configure a new SQLite file as the default database, with the tables of these models."""
    path = folder / "test.db"
    await configure_db(f"sqlite:///{path}")
    try:
        async with get_connection() as connection:
            for model in models:
                await connection.execute(create_table(model))
        yield path
    finally:
        await close_db()
        connections.reset()
