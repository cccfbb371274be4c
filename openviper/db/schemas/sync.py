"""`migrate`: the schema files state what is wanted, the live database is the truth, the difference is applied."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from openviper.conf import settings
from openviper.db.connection import connections, transaction
from openviper.db.connections.databases import Connection, Database
from openviper.db.dialects.ddl import BOOKKEEPING_TABLE, DDLDialect
from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.dialects.support import refuse
from openviper.db.exceptions import DatabaseReadOnlyError
from openviper.db.patches import (
    PATCH_DIRECTORY,
    discover_patches,
    get_applied_patches,
    get_registry,
    run_patches,
)
from openviper.db.patches.patch_registry import PatchEntry
from openviper.db.patches.runner import pending
from openviper.db.schemas.apply import Step, all_statements, apply_step
from openviper.db.schemas.diff import diff_states
from openviper.db.schemas.holders import limited_waits
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.schemas.lock import migration_lock
from openviper.db.schemas.recorder import outdated, read_applied, remember
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
        early_patches: Patches that have not run, and will before the operations.
        late_patches: Patches that have not run, and will after them.
    """

    operations: list[str]
    statements: list[str]
    warnings: list[str]
    early_patches: list[str]
    late_patches: list[str]

    @property
    def patches(self) -> list[str]:
        """All patches that have not run, in the order in which they will."""
        return self.early_patches + self.late_patches


class Orphan(NamedTuple):
    """A table that OpenViper created and no schema file describes any more, with the number of its rows."""

    table: str
    rows: int


class _Work(NamedTuple):
    """What a look at the database found.

    Attributes:
        step: What there is to do; its orphans are all there are.
        warnings: What is kept although no schema file names it, orphans left out.
    """

    step: Step
    warnings: list[str]


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

    Attributes:
        missing: Apps of `INSTALLED_APPS` that cannot be found. Their tables look as if nobody wanted them any more, so no
            table is dropped as long as there are any.
    """

    def __init__(
        self, resolved_apps: Mapping[str, str] | None = None, report: Report | None = None
    ) -> None:
        self.apps = dict(installed_app_directories() if resolved_apps is None else resolved_apps)
        self.missing = [
            app
            for app in settings.INSTALLED_APPS
            if app not in self.apps and not app.startswith("openviper.")
        ]
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
        drop_orphans: bool | Collection[str] = False,
    ) -> SyncResult:
        """Apply the difference and run the pending patches, alone among all runs on this database.

        The schema step is one transaction with its bookkeeping. Patches are one transaction each.

        Args:
            target_app: Only this app, by label or dotted name.
            database: The alias.
            drop_orphans: Drop tables that OpenViper created and no schema file describes any more: all, or those named.

        Raises:
            MigrationError: If a file cannot be read, orphans are to be dropped while an app is missing, rows stand in the way, the database refuses, a patch fails, or
                another run does not end within 60 s.
            DatabaseAliasNotFoundError: If there is no such database.
        """
        apps, wanted, target = await self._begin(target_app, database)
        if drop_orphans:
            self._refuse_while_missing()
        with_patches = _with_patches(apps)
        if with_patches:
            discover_patches(with_patches)
        async with migration_lock(target):
            patches = await self._run_patches(with_patches, target, post_migrate=False)
            result = await self._schema_step(target, wanted, target_app is None, drop_orphans)
            patches += await self._run_patches(with_patches, target, post_migrate=True)
            # Warnings are to be seen again at the next run, so that one has to look again.
            if target_app is None and wanted and not result.warnings:
                await self._remember(target)
        return result._replace(patches=patches)

    async def orphans(self, *, database: str = "default") -> list[Orphan]:
        """Return the tables that `drop_orphans` would drop, with the rows that would be lost.

        Raises:
            MigrationError: If a file cannot be read, an app of `INSTALLED_APPS` cannot be found, or another table refers
                to one of them.
            DatabaseAliasNotFoundError: If there is no such database.
        """
        _, wanted, target = await self._begin(None, database)
        self._refuse_while_missing()
        if not exists(target):
            return []
        quote = target.dialect.quote
        async with target.connection() as connection:
            work = await _look(connection, wanted, everything=True)
            _refuse_referenced(work.step.orphans, work.step.live)
            orphans = []
            for name in work.step.orphans:
                row = await connection.fetch_one(f"SELECT count(*) FROM {quote(name)}")
                orphans.append(Orphan(name, row[0] if row else 0))
        return orphans

    def _refuse_while_missing(self) -> None:
        if self.missing:
            raise MigrationError(
                f"no table is dropped while {_apps(self.missing)} of INSTALLED_APPS cannot be found: its tables look as if "
                "nobody wanted them; make it importable, or take it out of INSTALLED_APPS"
            )

    async def plan(
        self,
        target_app: str | None = None,
        *,
        database: str = "default",
        drop_orphans: bool = False,
    ) -> Plan:
        """Return what `migrate` would do, without changing anything; the arguments are the same.

        Raises:
            MigrationError: If a file cannot be read, or others hold a table for too long; they are named.
            DatabaseAliasNotFoundError: If there is no such database.
        """
        apps, wanted, target = await self._begin(target_app, database)
        if drop_orphans:
            self._refuse_while_missing()
        if exists(target):
            async with target.connection() as connection:
                work = await _look(connection, wanted, everything=target_app is None)
        else:
            work = _compared(wanted, {}, {}, ddl_dialect(target.vendor), everything=True)
        step, warnings = self._decided(work, drop_orphans)
        patches = await self._pending_patches(_with_patches(apps), target, bool(step.live))
        return Plan(
            _operations(step),
            all_statements(step, ddl_dialect(target.vendor)),
            warnings,
            [patch.label for patch in patches if patch.phase == "pre"],
            [patch.label for patch in patches if patch.phase == "post"],
        )

    async def _begin(
        self, target_app: str | None, alias: str
    ) -> tuple[dict[str, str], State, Database]:
        """Return the apps and tables in question and the database, once it is clear that it can have the tables."""
        apps, wanted = self._wanted(target_app)
        target = connections.get(alias)
        wanted = await _allowed(wanted, alias)
        refuse(target.vendor, wanted, alias)
        return apps, wanted, target

    def _decided(self, work: _Work, drop_orphans: bool | Collection[str]) -> tuple[Step, list[str]]:
        """Return the step with the orphans that are to be dropped, and the warnings about those that are kept."""
        dropped = [name for name in work.step.orphans if _is_named(name, drop_orphans)]
        kept = [name for name in work.step.orphans if name not in dropped]
        step = work.step._replace(orphans=dropped, forget=[*work.step.forget, *dropped])
        return step, [*work.warnings, *(self._orphan(name) for name in kept)]

    def _orphan(self, name: str) -> str:
        said = f"table {name} has no schema file any more and was kept"
        if self.missing:
            return f"{said}; {_apps(self.missing)} of INSTALLED_APPS cannot be found"
        return f"{said}; --drop-orphans drops it with its rows"

    def _wanted(self, target_app: str | None) -> tuple[dict[str, str], State]:
        """Return the apps and tables in question; all files are read either way, so that contradictions show."""
        wanted = discover_json_schemas(self.apps)
        if target_app is None:
            return self.apps, wanted
        apps = self._named(target_app)
        own = discover_json_schemas(apps)
        return apps, {name: table for name, table in wanted.items() if name in own}

    def _named(self, label: str) -> dict[str, str]:
        apps = {
            app: path for app, path in self.apps.items() if label in (app, app.rpartition(".")[2])
        }
        if not apps:
            raise MigrationError(f"App {label!r} not found")
        return apps

    async def _schema_step(
        self,
        target: Database,
        wanted: State,
        everything: bool,
        drop_orphans: bool | Collection[str],
    ) -> SyncResult:
        async with target.connection() as connection:
            work = await _look(connection, wanted, everything=everything)
            step, warnings = self._decided(work, drop_orphans)
            if not step:
                return SyncResult([], [], warnings, [])
            if target.is_read_only:
                raise DatabaseReadOnlyError(
                    f"database {target.alias!r} is read-only and its schema is not up to date"
                )
            _refuse_referenced(step.orphans, step.live)
            if step.changes or step.orphans:
                self._report("Migrating...", False)
            warnings += await apply_step(connection, ddl_dialect(target.vendor), step)
        labels = [change.label for change in step.changes]
        return SyncResult(self._tell(step), labels, warnings, [])

    def _tell(self, step: Step) -> list[str]:
        """Report what was done, and return one sentence per operation."""
        for change in step.changes:
            self._report(change.label, False)
            for line in change.describe():
                self._report(f"-> {line}", True)
        for name in step.orphans:
            self._report(f"-> drop table {name}", False)
        return _operations(step)

    async def _remember(self, target: Database) -> None:
        if target.vendor != "sqlite" or target.url.is_memory or target.is_read_only:
            return
        async with transaction(using=target.alias) as connection:
            await remember(connection, self.apps)

    async def _run_patches(
        self, apps: Mapping[str, str], target: Database, *, post_migrate: bool
    ) -> list[str]:
        if not apps:
            return []
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
    ) -> list[PatchEntry]:
        if not apps:
            return []
        discover_patches(apps)
        done = await get_applied_patches(database=target.alias) if exists else set()
        return pending(get_registry().entries(apps=_labels(apps)), done)

    @staticmethod
    async def _apps_without_tables(apps: Mapping[str, str], target: Database) -> set[str]:
        dialect = ddl_dialect(target.vendor)
        async with target.connection() as connection, limited_waits(connection, dialect):
            live = await read_live_tables(connection, dialect)
        return _labels(app for app, path in apps.items() if _has_no_table(app, path, live))


def _has_no_table(app: str, path: str, live: Mapping[str, LiveTable]) -> bool:
    own = discover_json_schemas({app: path})
    return not live or (bool(own) and not own.keys() & live.keys())


async def _allowed(wanted: State, alias: str) -> State:
    """Return the tables that the routers let into a database; all of them where there are no routers."""
    if not connections.has_routers:
        return wanted
    # Late: few projects have routers.
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


def _operations(step: Step) -> list[str]:
    """Return one sentence per operation of a step."""
    operations = [line for change in step.changes for line in change.describe()]
    return operations + [f"drop table {name}" for name in step.orphans]


def _is_named(name: str, chosen: bool | Collection[str]) -> bool:
    return chosen if isinstance(chosen, bool) else name in chosen


def _apps(names: list[str]) -> str:
    return f"app{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"


def exists(target: Database) -> bool:
    """Return whether there is a database to look at; opening an SQLite database would create its file."""
    is_file = target.vendor == "sqlite" and not target.url.is_memory
    return not is_file or os.path.exists(target.url.path)


async def _look(connection: Connection, wanted: State, *, everything: bool) -> _Work:
    """Compare the database with what is wanted.

    Args:
        connection: The database.
        wanted: The tables of the schema files.
        everything: Whether that is all there should be, so that other tables of ours are orphans.
    """
    dialect = ddl_dialect(connection.vendor)
    async with limited_waits(connection, dialect):
        live = await read_live_tables(connection, dialect)
        applied = await read_applied(connection) if BOOKKEEPING_TABLE in live else {}
    return _compared(wanted, live, applied, dialect, everything=everything)


def _compared(
    wanted: State,
    live: Mapping[str, LiveTable],
    applied: State,
    dialect: DDLDialect,
    *,
    everything: bool,
) -> _Work:
    changes, warnings = diff_states(wanted, live, applied, dialect)
    renamed = {change.renamed_from for change in changes}
    surplus = [name for name in applied if name not in wanted] if everything else []
    orphans = [name for name in surplus if name in live and name not in renamed]
    forget = [name for name in surplus if name not in orphans]
    step = Step(changes, orphans, outdated(wanted, applied), forget, live)
    return _Work(step, warnings)


def _refuse_referenced(orphans: Sequence[str], live: Mapping[str, LiveTable]) -> None:
    for name, table in live.items():
        if name in orphans:
            continue
        for column in table.columns.values():
            target = column.get("target_table")
            if target in orphans:
                raise MigrationError(
                    f"cannot drop table {target!r}: column {name}.{column['name']} references it"
                )
