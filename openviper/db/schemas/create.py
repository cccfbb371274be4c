"""Creating tables straight from the models, for tests and throw-away databases; `migrate` is for all others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from openviper.db.connection import Connection, connections
from openviper.db.dialects.ddl import TableChange
from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.dialects.support import refuse
from openviper.db.schemas.apply import Step, apply_step
from openviper.db.schemas.diff import check_targets, creation_order, targets_of
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.schemas.state import generated_joins, models_state

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import State


async def create_tables(
    models: Iterable[Any] | None = None, using: str = "default", drop_first: bool = False
) -> list[str]:
    """Create the tables of models that do not exist yet, in one transaction.

    Args:
        models: The model classes; every registered one when not given. The join models generated for their
            many-to-many fields come along as soon as both sides have a table.
        using: The alias of the database.
        drop_first: Drop the tables first, with their rows.

    Returns:
        The names of the tables created.

    Raises:
        MigrationError: If a foreign key's target cannot be found, or the database refuses.
        DatabaseAliasNotFoundError: If there is no such database.
    """
    if models is None:
        # Late: `migrate` reads files and needs no models.
        from openviper.db.models import model_registry  # Late: what is given needs no ORM.

        models = model_registry.all()
    models = list(models)
    database = connections.get(using)
    async with database.connection() as connection:
        wanted, live = await _wanted_and_live(connection, models)
        refuse(database.vendor, wanted, using)
        if drop_first and live:
            step = Step([], list(live), {}, list(live), live)
            await apply_step(connection, ddl_dialect(database.vendor), step)
            live = {}
        return await _create(connection, _without(wanted, live))


async def _wanted_and_live(
    connection: Connection, models: list[Any]
) -> tuple[State, dict[str, LiveTable]]:
    """Return the tables of models, join tables included, and those of them that exist.

    Raises:
        MigrationError: If a table refers to one that is neither wanted nor there. SQLite would take it, and refuse every
            row afterwards.
    """
    wanted, joins = models_state(models), models_state(generated_joins(models))
    targets = {target for table in (wanted | joins).values() for target in targets_of(table)}
    dialect = ddl_dialect(connection.vendor)
    live = await read_live_tables(connection, dialect, {*wanted, *joins, *targets})
    known = {*wanted, *live}
    check_targets(wanted, known)
    wanted.update(_complete(joins, known))
    return wanted, {name: table for name, table in live.items() if name in wanted}


def _complete(joins: State, known: set[str]) -> State:
    """Return the join tables both sides of which have a table."""
    return {name: join for name, join in joins.items() if targets_of(join) <= known}


def _without(wanted: State, live: Mapping[str, LiveTable]) -> State:
    return {name: table for name, table in wanted.items() if name not in live}


async def _create(connection: Connection, tables: State) -> list[str]:
    dialect = ddl_dialect(connection.vendor)
    changes = creation_order(
        TableChange(name, dialect.adapted(table), None) for name, table in tables.items()
    )
    if changes:
        await apply_step(connection, dialect, Step(changes, [], tables, [], {}))
    return [change.table for change in changes]


async def init_db(drop_first: bool = False) -> None:
    """Create the tables of all registered models in the default database.

    Args:
        drop_first: Drop them first, with their rows.

    Raises:
        MigrationError: If a foreign key's target cannot be found, or the database refuses.
    """
    await create_tables(drop_first=drop_first)
