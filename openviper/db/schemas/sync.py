"""`migrate`: the schema files state what is wanted, the live database is the truth, the difference is applied."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from openviper.db.connection import connections, transaction
from openviper.db.connections.databases import Database
from openviper.db.dialects.ddl import BOOKKEEPING_TABLE, DDLDialect, LiveTable
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.exceptions import DatabaseReadOnlyError
from openviper.db.patches import (
    PATCH_DIRECTORY,
    discover_patches,
    get_applied_patches,
    get_registry,
    run_patches,
)
from openviper.db.patches.runner import pending
from openviper.db.schemas.diff import diff_states
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.schemas.lock import migration_lock
from openviper.db.schemas.recorder import outdated, read_applied
from openviper.db.schemas.schema_files import discover_json_schemas, installed_app_directories
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import State

Report = Callable[[str, bool], None]
"""Takes a line for the person who waits, and whether it is a detail."""


class Plan(NamedTuple):
    """What `migrate` would do.

    Attributes:
        operations: One sentence per operation.
        statements: The SQL.
        warnings: What is kept although no schema file names it.
        patches: Patches that have not run.
    """

    operations: list[str]
    statements: list[str]
    warnings: list[str]
    patches: list[str]


class SyncResult(NamedTuple):
    """What a run did.

    Attributes:
        operations: One sentence per operation.
        models: Labels of the models whose tables changed.
        warnings: What was kept or lost, one sentence each.
        patches: Patches that ran, as ``app.name``.
    """

    operations: list[str]
    models: list[str]
    warnings: list[str]
    patches: list[str]


class SchemaSync:
    """Brings a database to the state of the schema files.

    Args:
        resolved_apps: The directory of each app by its name, built-in apps first; `INSTALLED_APPS` when not given.
        report: Takes lines while the work goes on.
    """

    def __init__(
        self, resolved_apps: Mapping[str, str] | None = None, report: Report | None = None
    ) -> None:
        self.apps = dict(installed_app_directories() if resolved_apps is None else resolved_apps)
        self._report = report or (lambda _line, _detail: None)

    async def sync(self, target_app: str | None = None, *, database: str = "default") -> list[str]:
        """Apply the difference and run the pending patches.

        Args:
            target_app: Only this app, by label or dotted name.
            database: The alias.

        Returns:
            One sentence per applied operation.

        Raises:
            MigrationError: If anything stands in the way; see `migrate`.
            DatabaseAliasNotFoundError: If there is no such database.
        """
        return (await self.migrate(target_app, database=database)).operations

    async def migrate(
        self,
        target_app: str | None = None,
        *,
        database: str = "default",
        drop_orphans: bool = False,
    ) -> SyncResult:
        """Apply the difference and run the pending patches, alone among all runs on this database.

        The schema step is one transaction with its bookkeeping. Patches are one transaction each.

        Args:
            target_app: Only this app, by label or dotted name.
            database: The alias.
            drop_orphans: Drop tables that OpenViper created and no schema file describes any more.

        Raises:
            MigrationError: If a file cannot be read, rows stand in the way, the database refuses, a patch fails, or
                another run does not end within 60 s.
            DatabaseAliasNotFoundError: If there is no such database.
        """
        apps, wanted = self._wanted(target_app)
        target = connections.get(database)
        wanted = await _allowed(wanted, database)
        dialect = ddl_dialect(target.vendor)
        with_patches = _with_patches(apps)
        if with_patches:
            discover_patches(with_patches)
        async with migration_lock(target):
            patches: list[str] = []
            if with_patches:
                patches += await self._run_patches(with_patches, target, post_migrate=False)
            result = await self._schema_step(
                target, dialect, wanted, target_app is None, drop_orphans
            )
            if with_patches:
                patches += await self._run_patches(with_patches, target, post_migrate=True)
            # Warnings are to be seen again at the next run, so that one has to look again.
            if target_app is None and wanted and not result.warnings and not target.is_read_only:
                await self._remember(target)
        return result._replace(patches=patches)

    async def plan(
        self,
        target_app: str | None = None,
        *,
        database: str = "default",
        drop_orphans: bool = False,
    ) -> Plan:
        """Return what `migrate` would do, without changing anything; the arguments are the same.

        Raises:
            MigrationError: If a file cannot be read.
            DatabaseAliasNotFoundError: If there is no such database.
        """
        from openviper.db.schemas.apply import Step, all_statements

        apps, wanted = self._wanted(target_app)
        target = connections.get(database)
        wanted = await _allowed(wanted, database)
        dialect = ddl_dialect(target.vendor)
        if target.vendor != "sqlite" or target.url.is_memory or os.path.exists(target.url.path):
            async with target.connection() as connection:
                live = await read_live_tables(connection, dialect)
                applied = await read_applied(connection) if BOOKKEEPING_TABLE in live else {}
        else:  # Opening the database would create its file.
            live, applied = {}, {}
        changes, warnings = diff_states(wanted, live, applied, dialect)
        orphans = (
            [name for name in applied if name not in wanted and name in live]
            if target_app is None
            else []
        )
        operations = [line for change in changes for line in change.describe()]
        if drop_orphans:
            operations += [f"drop table {name}" for name in orphans]
        else:
            warnings += [_orphan(name) for name in orphans]
            orphans = []
        sql = all_statements(Step(changes, orphans, {}, [], live), dialect)
        return Plan(
            operations,
            sql,
            warnings,
            await self._pending_patches(_with_patches(apps), target, bool(live)),
        )

    def _wanted(self, target_app: str | None) -> tuple[dict[str, str], State]:
        """Return the apps and tables in question; all files are read either way, so that contradictions show."""
        wanted = discover_json_schemas(self.apps)
        if target_app is None:
            return self.apps, wanted
        apps = {
            app: path
            for app, path in self.apps.items()
            if target_app in (app, app.rpartition(".")[2])
        }
        if not apps:
            raise MigrationError(f"App {target_app!r} not found")
        own = discover_json_schemas(apps)
        return apps, {name: table for name, table in wanted.items() if name in own}

    async def _schema_step(
        self,
        target: Database,
        dialect: DDLDialect,
        wanted: State,
        everything: bool,
        drop_orphans: bool,
    ) -> SyncResult:
        async with target.connection() as connection:
            live = await read_live_tables(connection, dialect)
            applied = await read_applied(connection) if BOOKKEEPING_TABLE in live else {}
            changes, warnings = diff_states(wanted, live, applied, dialect)
            renamed = {change.renamed_from for change in changes}
            surplus = [name for name in applied if name not in wanted] if everything else []
            orphans = [name for name in surplus if name in live and name not in renamed]
            forget = [name for name in surplus if name not in orphans]
            if not drop_orphans:
                warnings += [_orphan(name) for name in orphans]
                orphans = []
            news = outdated(wanted, applied)
            if not (changes or orphans or forget or news):
                return SyncResult([], [], warnings, [])
            if target.is_read_only:
                raise DatabaseReadOnlyError(
                    f"database {target.alias!r} is read-only and its schema is not up to date"
                )
            from openviper.db.schemas.apply import Step, apply_step

            _refuse_referenced(orphans, live)
            if changes or orphans:
                self._report("Migrating...", False)
            step = Step(changes, orphans, news, forget + orphans, live)
            warnings += await apply_step(connection, dialect, step)
        operations = []
        for change in changes:
            self._report(change.label, False)
            for line in change.describe():
                operations.append(line)
                self._report(f"-> {line}", True)
        for name in orphans:
            operations.append(f"drop table {name}")
            self._report(f"-> drop table {name}", False)
        return SyncResult(operations, [change.label for change in changes], warnings, [])

    async def _remember(self, target: Database) -> None:
        from openviper.db.schemas.recorder import remember

        if target.vendor == "sqlite" and not target.url.is_memory:
            async with transaction(using=target.alias) as connection:
                await remember(connection, self.apps)

    async def _run_patches(
        self, apps: Mapping[str, str], target: Database, *, post_migrate: bool
    ) -> list[str]:
        fresh = set() if post_migrate else await self._apps_without_tables(apps, target)
        return await run_patches(
            post_migrate,
            database=target.alias,
            apps=_labels(apps),
            fresh=fresh,
            report=self._report,
        )

    @staticmethod
    async def _pending_patches(
        apps: Mapping[str, str], target: Database, exists: bool
    ) -> list[str]:
        if not apps:
            return []
        discover_patches(apps)
        done = await get_applied_patches(database=target.alias) if exists else set()
        return [entry.label for entry in pending(get_registry().entries(apps=_labels(apps)), done)]

    @staticmethod
    async def _apps_without_tables(apps: Mapping[str, str], target: Database) -> set[str]:
        async with target.connection() as connection:
            live = await read_live_tables(connection, ddl_dialect(target.vendor))
        fresh = set()
        for app, path in apps.items():
            own = discover_json_schemas({app: path})
            if not live or (own and not own.keys() & live.keys()):
                fresh |= _labels([app])
        return fresh


async def _allowed(wanted: State, alias: str) -> State:
    """Return the tables that the routers let into a database; all of them where there are no routers."""
    if not connections.has_routers:
        return wanted
    from openviper.db.routing import DefaultRouterResolver

    resolver = DefaultRouterResolver()
    return {
        name: table
        for name, table in wanted.items()
        if await resolver.resolve_migrate(
            alias, None, table=name, app_label=table["app"], model_name=table["model"]
        )
    }


def _labels(apps: Iterable[str]) -> set[str]:
    return {app.rpartition(".")[2] for app in apps}


def _with_patches(apps: Mapping[str, str]) -> dict[str, str]:
    return {
        app: path
        for app, path in apps.items()
        if os.path.isdir(os.path.join(path, PATCH_DIRECTORY))
    }


def _orphan(name: str) -> str:
    return f"table {name} has no schema file any more and was kept; --drop-orphans drops it with its rows"


def _refuse_referenced(orphans: list[str], live: Mapping[str, LiveTable]) -> None:
    for name, table in live.items():
        for column in table.columns.values():
            target = column.get("target_table")
            if name not in orphans and target in orphans:
                raise MigrationError(
                    f"cannot drop table {target!r}: column {name}.{column['name']} references it"
                )
