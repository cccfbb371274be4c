"""`collectstatic`: collect the static files of project and apps in one directory."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openviper.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from openviper.staticfiles.collect import Collected
    from openviper.staticfiles.plan import Plan


class Command(BaseCommand):
    """Collect the static files of project and apps in STATIC_ROOT."""

    help = "Collect the static files of project and apps in STATIC_ROOT."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--no-input", action="store_true", help="do not ask")
        parser.add_argument(
            "--clear",
            action="store_true",
            help="also remove what earlier runs collected and no source has any more",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be done; change nothing"
        )
        parser.add_argument(
            "--hash", action="store_true", help="also give each file a name with its content's hash"
        )
        parser.add_argument(
            "--gzip", action="store_true", help="also write a .gz file beside what becomes smaller"
        )
        parser.add_argument(
            "--json", action="store_true", help="print the result as one JSON object"
        )
        parser.add_argument(
            "-v",
            "--verbose",
            action="store_true",
            help="show every file, and files that are hidden",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Plan, ask, collect, and print how many files there are."""
        # Late, here and below: `--help` needs none of it.
        from openviper.staticfiles.plan import make_plan

        sources, destination = self._places()
        plan = make_plan(sources, Path(destination), clear=options["clear"])
        for warning in plan.warnings:
            self.terminal.warning(warning)
        if options["dry_run"]:
            self._show_plan(plan, destination, options)
            return
        if not options["no_input"]:
            self._ask(sources, destination, clear=options["clear"])
        self._collect(plan, destination, options)

    def _places(self) -> tuple[list[Path], str]:
        from openviper.conf import settings
        from openviper.core.app_resolver import AppResolver
        from openviper.staticfiles.finders import discover_app_static_dirs, register_app_locator

        destination = settings.STATIC_ROOT
        if not destination:
            raise CommandError(
                "STATIC_ROOT is empty; name the directory that the files are to be collected in"
            )
        register_app_locator(lambda name: AppResolver().resolve_app(name)[0])
        project = [Path(directory) for directory in settings.STATICFILES_DIRS]
        for directory in project:
            if not directory.is_dir() and str(directory) != "static":  # The default need not exist.
                self.terminal.warning(f"STATICFILES_DIRS: {str(directory)!r} is not a directory")
        return [*project, *discover_app_static_dirs()], destination

    def _ask(self, sources: list[Path], destination: str, *, clear: bool) -> None:
        self.stderr("Collecting the static files of")
        for source in sources:
            if source.is_dir():
                self.stderr(f"  {source}")
        what = "overwrites files and removes those of earlier runs" if clear else "overwrites files"
        if not self.terminal.confirm(f"This {what} in {destination!r}. Continue?"):
            raise CommandError("Aborted.")

    def _collect(self, plan: Plan, destination: str, options: Mapping[str, Any]) -> None:
        from openviper.staticfiles.collect import carry_out

        with self.terminal.progress(len(plan.items), "Collecting") as bar:
            result = carry_out(
                plan, hashed=options["hash"], compress=options["gzip"], advance=bar.advance
            )
        if options["json"]:
            self._print_json(plan, options, result)
            return
        if options["verbose"]:
            self._show_files(plan, [item.entry.name for item in plan.items if item.copy])
            for name in result.removed:
                self.stdout(f"removed {plan.destination / name}")
        self._report_conflicts(plan, in_full=options["verbose"])
        if result.kept:
            self.terminal.note(
                f"{len(result.kept)} other file(s) in {destination!r} were not collected and are kept."
            )
        unchanged = result.total - len(result.copied)
        self.terminal.note(
            f"{len(result.copied)} copied, {unchanged} unchanged, {len(result.removed)} removed."
        )
        self.stdout(
            self.style_success(f"Collected {result.total} static file(s) to '{destination}'.")
        )

    def _show_plan(self, plan: Plan, destination: str, options: Mapping[str, Any]) -> None:
        if options["json"]:
            self._print_json(plan, options, None)
            return
        self._show_files(plan, [item.entry.name for item in plan.items])
        self._report_conflicts(plan, in_full=True)
        for name in plan.stale():
            self.stdout(f"would remove {plan.destination / name}")
        self.stdout(f"Would collect {len(plan.items)} static file(s) to '{destination}'.")

    def _show_files(self, plan: Plan, names: list[str]) -> None:
        shown = set(names)
        for item in plan.items:
            if item.entry.name in shown:
                self.stdout(
                    f"{_short(item.entry.path)} -> {_short(str(plan.destination / item.entry.name))}"
                )

    def _report_conflicts(self, plan: Plan, *, in_full: bool) -> None:
        if in_full:
            for conflict in plan.conflicts:
                self.terminal.note(
                    f"{conflict.name}: {_short(conflict.winner)} hides {_short(conflict.loser)}"
                )
        elif plan.conflicts:
            self.terminal.note(
                f"{len(plan.conflicts)} file(s) are hidden by others of the same name; --verbose shows them."
            )

    def _print_json(self, plan: Plan, options: Mapping[str, Any], result: Collected | None) -> None:
        import json

        document = {
            "destination": str(plan.destination),
            "dry_run": result is None,
            "total": len(plan.items),
            "files": [
                {
                    "name": item.entry.name,
                    "source": item.entry.path,
                    "destination": str(plan.destination / item.entry.name),
                    "action": "copy" if item.copy else "keep",
                }
                for item in plan.items
            ],
            "conflicts": [conflict._asdict() for conflict in plan.conflicts],
            "removed": plan.stale() if result is None else result.removed,
            "kept": [] if result is None else result.kept,
            "warnings": plan.warnings,
        }
        self.stdout(json.dumps(document, indent=2))


def _short(path: str) -> str:
    """Return a path as seen from the working directory, if it lies below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
