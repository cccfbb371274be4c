"""``migrate``: bring a database to the state of the schema files."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.core.management.utils import report_app_not_found, resolve_installed_apps


class Command(BaseCommand):
    """Apply the difference between the schema files and the database, and run pending data patches."""

    help = "Bring the database to the state of the schema files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the app, the database and the kinds of run."""
        parser.add_argument("app_label", nargs="?", help="only this app")
        parser.add_argument(
            "--database", default="default", metavar="ALIAS", help="the database (default: %(default)s)"
        )
        parser.add_argument("-v", "--verbose", action="store_true", help="show apps and operations")
        parser.add_argument("--plan", action="store_true", help="show operations and SQL; change nothing")
        parser.add_argument(
            "--drop-orphans", action="store_true", help="drop tables that no schema file describes any more"
        )

    async def handle(self, *args: Any, **options: Any) -> None:
        """Plan or apply."""
        from openviper.db.schemas.sync import SchemaSync

        _, found = resolve_installed_apps(include_builtin=True)
        apps = dict(sorted(found.items(), key=lambda item: not item[0].startswith("openviper.")))
        label: str | None = options["app_label"]
        if label is not None and not any(label in (name, name.rpartition(".")[2]) for name in apps):
            raise report_app_not_found(self, label)
        verbose: bool = options["verbose"]
        if verbose:
            for name, path in apps.items():
                self.stdout(f"{name} -> {path}")

        def report(line: str, detail: bool) -> None:
            if verbose or not detail:
                self.stdout(f"  {line}" if detail else line)

        sync = SchemaSync(apps, report)
        if options["plan"]:
            await self._plan(sync, label, options)
            return
        result = await sync.migrate(label, database=options["database"], drop_orphans=options["drop_orphans"])
        for warning in result.warnings:
            self.terminal.warning(warning)
        if result.operations:
            self.stdout(self.style_success("Schema sync complete."))
        else:
            self.stdout("No schema changes to apply.")

    async def _plan(self, sync: Any, label: str | None, options: dict[str, Any]) -> None:
        plan = await sync.plan(label, database=options["database"], drop_orphans=options["drop_orphans"])
        for warning in plan.warnings:
            self.terminal.warning(warning)
        for patch in plan.patches:
            self.stdout(f"-> run patch {patch}")
        for operation in plan.operations:
            self.stdout(f"-> {operation}")
        for statement in plan.statements:
            self.stdout(f"{statement};")
        if not plan.operations:
            self.stdout("No schema changes to apply.")
