"""``migrate``: bring a database to the state of the schema files."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from openviper.core.management.aliases import check_alias, url_of
from openviper.core.management.apps import app_not_found, find_installed_apps
from openviper.core.management.base import BaseCommand, CommandError, UsageError

if TYPE_CHECKING:
    from openviper.db.schemas.sync import Plan, SchemaSync


class Command(BaseCommand):
    """Apply the difference between the schema files and the database, and run pending data patches."""

    help = "Bring the database to the state of the schema files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the app, the database and the kinds of run."""
        parser.add_argument("app_label", nargs="?", help="only this app")
        parser.add_argument(
            "--database",
            default="default",
            metavar="ALIAS",
            help="the database (default: %(default)s)",
        )
        parser.add_argument("-v", "--verbose", action="store_true", help="show apps and operations")
        parser.add_argument(
            "--plan", action="store_true", help="show operations and SQL; change nothing"
        )
        parser.add_argument(
            "--json", action="store_true", help="print the plan as JSON; needs --plan"
        )
        parser.add_argument(
            "--drop-orphans",
            action="store_true",
            help="drop tables that no schema file describes any more, after saying how many rows they hold",
        )
        parser.add_argument(
            "--no-input",
            action="store_true",
            help="drop orphans without asking; needs --drop-orphans",
        )

    def handle(self, *args: Any, **options: Any) -> Any:
        """Say that there is nothing to do where that is known; else plan or apply, in a coroutine."""
        _refuse_lonely(options, "json", "plan")
        _refuse_lonely(options, "no_input", "drop_orphans")
        check_alias(options["database"])
        found = find_installed_apps(with_builtin=True)
        apps = dict(sorted(found.items(), key=lambda item: not item[0].startswith("openviper.")))
        label = _known_label(options["app_label"], apps)
        is_verbose = options["verbose"] and not options["json"]
        if is_verbose:
            self._show_apps(apps)
        if _has_nothing_to_do(options, apps):
            self.stdout("No schema changes to apply.")
            return None
        return self._migrate(apps, label, options)

    def _show_apps(self, apps: Mapping[str, str]) -> None:
        for name, path in apps.items():
            self.stdout(f"{name} -> {path}")

    async def _migrate(
        self, apps: Mapping[str, str], label: str | None, options: Mapping[str, Any]
    ) -> None:
        # Imported here: the event loop and the connection pool take more time than a run with nothing to do.
        from openviper.db.schemas.sync import SchemaSync

        def report(line: str, detail: bool) -> None:
            if options["verbose"] or not detail:
                self.stdout(f"  {line}" if detail else line)

        sync = SchemaSync(apps, report)
        if options["plan"]:
            await self._plan(sync, label, options)
            return
        dropped = await self._confirmed(sync, label, options) if options["drop_orphans"] else []
        result = await sync.migrate(label, database=options["database"], drop_orphans=dropped)
        for warning in result.warnings:
            self.terminal.warning(warning)
        if result.operations:
            await self._sync_content_types(apps, options["database"])
            self.stdout(self.style_success("Schema sync complete."))
        else:
            self.stdout("No schema changes to apply.")

    async def _confirmed(
        self, sync: SchemaSync, label: str | None, options: Mapping[str, Any]
    ) -> list[str]:
        """Return the orphans that are to go with their rows.

        Raises:
            UsageError: If an app is named, as orphans belong to none.
            CommandError: If there is nobody to ask and `--no-input` is not given, or the answer is no.
        """
        if label is not None:
            raise UsageError("--drop-orphans looks at all apps; leave out the app label")
        orphans = await sync.orphans(database=options["database"])
        for orphan in orphans:
            rows = "1 row" if orphan.rows == 1 else f"{orphan.rows} rows"
            self.terminal.warning(f"table {orphan.table} will be dropped with {rows}")
        if orphans and not options["no_input"]:
            self._ask_to_drop(options["database"])
        return [orphan.table for orphan in orphans]

    def _ask_to_drop(self, alias: str) -> None:
        if not self.terminal.is_interactive:
            raise CommandError(
                "--drop-orphans asks before it drops a table; without a terminal give --no-input"
            )
        if not self.terminal.confirm(f"Drop what is named above from database {alias!r}?"):
            raise CommandError("Nothing was changed.")

    async def _sync_content_types(self, apps: Mapping[str, str], alias: str) -> None:
        # Rights are kept in the default database.
        if alias != "default" or "openviper.auth" not in apps:
            return
        # Late: a run with nothing to do comes without the ORM.
        from openviper.auth.content_types import sync_described_content_types

        await sync_described_content_types(apps.values())

    async def _plan(self, sync: SchemaSync, label: str | None, options: Mapping[str, Any]) -> None:
        plan = await sync.plan(
            label, database=options["database"], drop_orphans=options["drop_orphans"]
        )
        if options["json"]:
            self._print_json(plan, options["database"])
            return
        for warning in plan.warnings:
            self.terminal.warning(warning)
        steps = [f"run patch {patch}" for patch in plan.early_patches]
        steps += plan.operations
        steps += [f"run patch {patch}" for patch in plan.late_patches]
        for step in steps:
            self.stdout(f"-> {step}")
        for statement in plan.statements:
            self.stdout(f"{statement};")
        if not plan.operations:
            self.stdout("No schema changes to apply.")

    def _print_json(self, plan: Plan, alias: str) -> None:
        import json

        pending = bool(plan.operations or plan.patches)
        self.stdout(
            json.dumps(
                {"database": alias, "pending": pending, "patches": plan.patches, **plan._asdict()},
                indent=2,
                ensure_ascii=False,
            )
        )


def _refuse_lonely(options: Mapping[str, Any], option: str, needed: str) -> None:
    if options[option] and not options[needed]:
        raise UsageError(f"--{option.replace('_', '-')} needs --{needed.replace('_', '-')}")


def _known_label(label: str | None, apps: Iterable[str]) -> str | None:
    if label is not None and label not in _labels(apps):
        raise app_not_found(label)
    return label


def _labels(apps: Iterable[str]) -> set[str]:
    """Return what apps may be called: by their dotted names and by the last parts of these."""
    return {label for name in apps for label in (name, name.rpartition(".")[2])}


def _has_nothing_to_do(options: Mapping[str, Any], apps: Mapping[str, str]) -> bool:
    looks_further = options["plan"] or options["drop_orphans"]
    return not looks_further and _is_up_to_date(options["database"], apps)


def _is_up_to_date(alias: str, apps: Mapping[str, str]) -> bool:
    # Late: `--help` needs no database.
    from openviper.db.schemas.fingerprint import has_nothing_to_do

    return has_nothing_to_do(url_of(alias), apps)
