"""What `collectstatic` does: plan, ask, collect, and say what became of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openviper.conf import settings
from openviper.core.app_resolver import AppResolver
from openviper.core.management.base import CommandError
from openviper.core.management.work import CommandWork
from openviper.project.directory import in_project
from openviper.staticfiles.collect import Extras, carry_out
from openviper.staticfiles.collection_lock import only_collection
from openviper.staticfiles.collection_output import remove_remains
from openviper.staticfiles.collection_plan import make_plan
from openviper.staticfiles.finders import discover_app_static_dirs, register_app_locator
from openviper.staticfiles.ignored_names import IgnoredNames
from openviper.utils.printable import printable

if TYPE_CHECKING:
    from openviper.staticfiles.collect import Collected
    from openviper.staticfiles.collection_plan import Plan


class Collecting(CommandWork):
    """What `collectstatic` does: plan, ask, collect, and say what became of it."""

    def run(self, options: dict[str, Any]) -> None:
        """Plan, ask, collect, and print how many files there are."""
        sources, destination = self._places()
        try:
            ignored = IgnoredNames(
                options["ignore"], with_defaults=not options["no_default_ignore"]
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["dry_run"]:
            plan = make_plan(sources, destination, clear=options["clear"], ignored=ignored)
            self._show_plan(plan, options)
            return
        if not options["no_input"]:
            plan = make_plan(sources, destination, clear=options["clear"], ignored=ignored)
            self._ask(sources, destination, plan)
        extras = Extras(
            hashed=options["hash"], compress=options["gzip"], static_url=self._static_url()
        )
        self._collect(sources, destination, ignored, extras, options)

    def _static_url(self) -> str:
        return settings.STATIC_URL

    def _places(self) -> tuple[list[Path], Path]:
        if not settings.STATIC_ROOT:
            raise CommandError(
                "STATIC_ROOT is empty; name the directory that the files are to be collected in"
            )
        register_app_locator(lambda name: AppResolver().resolve_app(name)[0])
        self._warn_of_missing(settings.STATICFILES_DIRS)
        project = [_seen(in_project(directory)) for directory in settings.STATICFILES_DIRS]
        return [*project, *discover_app_static_dirs()], _seen(in_project(settings.STATIC_ROOT))

    def _warn_of_missing(self, directories: Sequence[str]) -> None:
        for name in directories:
            if not in_project(name).is_dir() and name != "static":  # The default need not exist.
                self.terminal.warning(f"STATICFILES_DIRS: {name!r} is not a directory")

    def _ask(self, sources: Sequence[Path], destination: Path, plan: Plan) -> None:
        self._warn(plan)
        self.stderr("Collecting the static files of")
        for source in sources:
            if source.is_dir():
                self.stderr(f"  {source}")
        what = f"This overwrites files in {str(destination)!r}"
        if plan.clear:
            what += f" and removes what is not collected: {self._said_of_removal(plan)}"
        if not self.terminal.confirm(f"{what}. Continue?"):
            raise CommandError("Aborted.")

    def _said_of_removal(self, plan: Plan) -> str:
        stale, foreign = len(plan.stale()), len(plan.foreign())
        return f"{stale} file(s) of earlier runs, {foreign} that no run has written"

    def _warn(self, plan: Plan) -> None:
        for warning in plan.warnings:
            self.terminal.warning(warning)

    def _collect(
        self,
        sources: Sequence[Path],
        destination: Path,
        ignored: IgnoredNames,
        extras: Extras,
        options: Mapping[str, Any],
    ) -> None:
        """Collect when no other collection runs; what was asked about is looked at again by then."""
        with only_collection(destination, self._say_waiting) as is_alone:
            if is_alone:
                remove_remains(destination)
            plan = make_plan(sources, destination, clear=options["clear"], ignored=ignored)
            if options["no_input"]:
                self._warn(plan)
            if plan.foreign():
                self.terminal.note(
                    f"Removing from {str(destination)!r}: {self._said_of_removal(plan)}."
                )
            with self.terminal.progress(len(plan.items), "Collecting") as bar:
                result = carry_out(plan, extras, advance=bar.advance)
        self._report(plan, result, options)

    def _say_waiting(self) -> None:
        self.terminal.note("Another collection is under way; waiting for it.")

    def _report(self, plan: Plan, result: Collected, options: Mapping[str, Any]) -> None:
        if options["json"]:
            self._print_json(plan, options, result)
            return
        if options["verbose"]:
            self._show_files(plan, [item.entry.name for item in plan.items if item.copy])
            for name in result.removed:
                self.stdout(f"removed {printable(str(plan.destination / name))}")
        for warning in result.warnings:
            self.terminal.warning(warning)
        self._report_conflicts(plan, in_full=options["verbose"])
        self._report_left_out(plan, in_full=options["verbose"])
        unchanged = result.total - len(result.copied)
        self.terminal.note(
            f"{len(result.copied)} copied, {unchanged} unchanged, {len(result.removed)} removed."
        )
        self.stdout(
            self.style_success(
                f"Collected {result.total} static file(s) to '{_shown(str(plan.destination))}'."
            )
        )

    def _show_plan(self, plan: Plan, options: Mapping[str, Any]) -> None:
        self._warn(plan)
        if options["json"]:
            self._print_json(plan, options, None)
            return
        self._show_files(plan, [item.entry.name for item in plan.items])
        self._report_conflicts(plan, in_full=True)
        self._report_left_out(plan, in_full=True)
        leaving = [*plan.stale(), *plan.foreign()]
        for name in leaving:
            self.stdout(f"would remove {printable(str(plan.destination / name))}")
        self.stdout(
            f"Would collect {len(plan.items)} static file(s) to '{_shown(str(plan.destination))}'."
        )

    def _report_left_out(self, plan: Plan, *, in_full: bool) -> None:
        if in_full:
            for path in plan.left_out:
                self.terminal.note(f"{_shown(path)} is left out")
        elif plan.left_out:
            self.terminal.note(
                f"{len(plan.left_out)} hidden, editor or ignored file(s) and folder(s) are left out; --verbose shows them."
            )

    def _show_files(self, plan: Plan, names: list[str]) -> None:
        shown = set(names)
        for item in plan.items:
            if item.entry.name in shown:
                self.stdout(
                    f"{_shown(item.entry.path)} -> {_shown(str(plan.destination / item.entry.name))}"
                )

    def _report_conflicts(self, plan: Plan, *, in_full: bool) -> None:
        if in_full:
            for conflict in plan.conflicts:
                self.terminal.note(
                    f"{printable(conflict.name)}: {_shown(conflict.winner)} hides {_shown(conflict.loser)}"
                )
        elif plan.conflicts:
            self.terminal.note(
                f"{len(plan.conflicts)} file(s) are hidden by others of the same name; --verbose shows them."
            )

    def _print_json(self, plan: Plan, options: Mapping[str, Any], result: Collected | None) -> None:
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
            "left_out": plan.left_out,
            "removed": [*plan.stale(), *plan.foreign()] if result is None else result.removed,
            "foreign": plan.foreign() if result is None else result.foreign,
            "warnings": plan.warnings + ([] if result is None else result.warnings),
        }
        self.stdout(json.dumps(document, indent=2))


def _short(path: str) -> str:
    """Return a path as seen from the working directory, if it lies below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _shown(path: str) -> str:
    """Return a path as `_short` does, fit for a terminal, whatever its name holds."""
    return printable(_short(path))


def _seen(path: Path) -> Path:
    """Return the same place as a person in the working directory would write it."""
    return Path(_short(str(path)))
