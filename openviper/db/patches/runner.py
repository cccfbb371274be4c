"""Running patches, each once per database and in one transaction with the row that says so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openviper.core.context import ignore_permissions
from openviper.db.connection import connections, transaction
from openviper.db.connections.databases import Connection
from openviper.db.dialects.ddl import PATCHES_TABLE
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.patches.authorship import AUTHOR, add_author_column, author
from openviper.db.patches.patch_registry import PatchEntry, get_registry
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Table

Key = tuple[str, str, str]
"""App, name and phase of a patch."""

_TABLE: Table = {
    "model": "Patch",
    "app": "openviper",
    "columns": [
        {
            "name": "id",
            "type": "INTEGER",
            "nullable": False,
            "default": None,
            "primary_key": True,
            "autoincrement": True,
        },
        {"name": "app", "type": "VARCHAR(100)", "nullable": False, "default": None},
        {"name": "name", "type": "VARCHAR(255)", "nullable": False, "default": None},
        {"name": "phase", "type": "VARCHAR(4)", "nullable": False, "default": None},
        {"name": "applied_at", "type": "DATETIME", "nullable": False, "default": None},
        AUTHOR,
    ],
    "indexes": [],
    "unique_together": [["app", "name", "phase"]],
    "index_together": [],
    "constraints": [],
    "single": False,
    "managed": True,
}


async def ensure_patch_table(*, database: str = "default") -> None:
    """Create the table that remembers the patches, if it does not exist."""
    target = connections.get(database)
    if await _applied(database) is not None:
        async with target.connection() as connection:
            await add_author_column(connection, PATCHES_TABLE)
        return
    dialect = ddl_dialect(target.vendor)
    # MariaDB would end the transaction; there the table and its index are one statement anyway.
    scope = transaction(using=database) if dialect.transactional else target.connection()
    async with scope as connection:
        for statement in dialect.create_table(PATCHES_TABLE, _TABLE):
            await connection.execute(statement)


async def get_applied_patches(*, database: str = "default") -> set[Key]:
    """Return app, name and phase of every patch that has run on a database."""
    return await _applied(database) or set()


async def _applied(database: str) -> set[Key] | None:
    """Return the patches that have run, or `None` if there is no table that says so."""
    target = connections.get(database)
    async with target.connection() as connection:
        try:
            rows = await connection.fetch_all(f"SELECT app, name, phase FROM {PATCHES_TABLE}")
        except Exception as error:
            if target.dialect.missing_table(error.__cause__ or error) is None:
                raise
            return None
    return {(app, name, phase) for app, name, phase in rows}


async def record_patch(entry: PatchEntry, connection: Connection) -> None:
    """Write that a patch has run, as part of the transaction of `connection`."""
    mark = connection.dialect.placeholder
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    await connection.insert(
        f"INSERT INTO {PATCHES_TABLE} (app, name, phase, applied_at, applied_by) "
        f"VALUES ({mark}, {mark}, {mark}, {mark}, {mark})",
        (*entry.key, at, author()),
    )


def pending(entries: Iterable[PatchEntry], applied: Collection[Key]) -> list[PatchEntry]:
    """Return the patches that have not run.

    OpenViper 0.1 remembered the first part of the module and the bare name of the function; such a row counts when it
    can only mean one patch.
    """
    entries = list(entries)
    old_names = [(entry.root, entry.name.rpartition(".")[2], entry.phase) for entry in entries]
    return [
        entry
        for entry, old_name in zip(entries, old_names, strict=True)
        if entry.key not in applied and not (old_name in applied and old_names.count(old_name) == 1)
    ]


async def run_patches(
    post_migrate: bool = True,
    *,
    database: str = "default",
    apps: Collection[str] | None = None,
    fresh: Collection[str] = (),
    report: Callable[[str, bool], None] | None = None,
) -> list[str]:
    """Run the pending patches of a phase, in order; the first that fails stops the run.

    Args:
        post_migrate: The phase: after the schema step, or before it.
        database: The alias; the models in a patch use it too.
        apps: Labels of the apps whose patches are meant; all when not given.
        fresh: Labels of apps that have no tables yet; their patches are recorded without running.
        report: Takes a line for a person, and whether it is a detail.

    Returns:
        ``app.name`` of the patches that ran.

    Raises:
        MigrationError: If a patch fails; what it did is undone, those before it stay recorded.
    """
    entries = get_registry().entries(post_migrate=post_migrate, apps=apps)
    if not entries:
        return []
    waiting = pending(entries, await get_applied_patches(database=database))
    if waiting:
        await ensure_patch_table(database=database)
    return await _run(waiting, database, fresh, report or _say_nothing)


async def _run(
    waiting: list[PatchEntry],
    database: str,
    fresh: Collection[str],
    say: Callable[[str, bool], None],
) -> list[str]:
    meant = [entry for entry in waiting if entry.app not in fresh]
    if meant:
        say(f"Running {'post' if meant[0].post_migrate else 'pre'}-migrate patches...", False)
    for entry in waiting:
        await _apply(entry, database, runs=entry in meant)
        if entry in meant:
            say(f"{entry.label}: {entry.summary or 'no description'} - done", False)
    return [entry.label for entry in meant]


async def _apply(entry: PatchEntry, database: str, *, runs: bool) -> None:
    async with transaction(using=database) as connection:
        if runs:
            await _call(entry)
        await record_patch(entry, connection)


def _say_nothing(_line: str, _detail: bool) -> None:
    pass


async def _call(entry: PatchEntry) -> None:
    try:
        with ignore_permissions():
            await entry.function()
    except Exception as error:
        raise MigrationError(
            f"patch {entry.label!r} failed and was undone: {type(error).__name__}: {error}"
        ) from error
