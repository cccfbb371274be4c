"""`schema-status`: what is applied to a database, and what is pending."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from openviper.core.management.aliases import check_alias
from openviper.core.management.apps import find_installed_apps
from openviper.core.management.base import BaseCommand
from openviper.core.management.schema_state import (
    AppliedPatch,
    AppliedTable,
    SchemaState,
    read_schema_state,
)


class Command(BaseCommand):
    """Show the tables and patches that were applied, with the time, and what `migrate` would do."""

    help = "Show what is applied to a database, when, and what is pending."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--database",
            default="default",
            metavar="ALIAS",
            help="the database (default: %(default)s)",
        )
        parser.add_argument("--json", action="store_true", help="print it as JSON")

    async def handle(self, **options: Any) -> None:
        """Print it; nothing is changed.

        Raises:
            CommandError: If there is no such database.
        """
        alias = check_alias(options["database"])
        state = await read_schema_state(find_installed_apps(with_builtin=True), alias)
        if options["json"]:
            import json  # Late: most people read the lines.

            document = {"database": alias, "pending": state.is_pending, **state.as_dict()}
            self.stdout(json.dumps(document, indent=2, ensure_ascii=False))
            return
        self._show(state)

    def _show(self, state: SchemaState) -> None:
        for line in _lines(state):
            self.stdout(line)
        for warning in state.warnings:
            self.terminal.warning(warning)
        pending = "Pending; run: python viperctl.py migrate"
        self.stdout(pending if state.is_pending else "Everything is applied.")


def _lines(state: SchemaState) -> Iterator[str]:
    """Yield what has been applied, then what has not."""
    for table in state.tables:
        yield f"[x] {table.model}  {_when(table)}  table {table.name}"
    for patch in state.patches:
        yield f"[x] {patch.name}  {_when(patch)}  patch"
    for operation in state.operations:
        yield f"[ ] {operation}"
    for name in state.pending_patches:
        yield f"[ ] patch {name}"


def _when(applied: AppliedTable | AppliedPatch) -> str:
    return (
        f"{applied.applied_at} by {applied.applied_by}"
        if applied.applied_by
        else applied.applied_at
    )
