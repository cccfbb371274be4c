"""``makemigrations``: write the schema files of the models."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from openviper.core.management.apps import app_not_found, find_installed_apps, import_all_models
from openviper.core.management.base import BaseCommand, CommandError, UsageError
from openviper.db.schemas.autodetector import FileChange
from openviper.db.schemas.maker import AppChanges, AppModels, compare_apps, write_changes
from openviper.db.schemas.renames import RenameOptions, parse_renames


class Command(BaseCommand):
    """Compare the models with the schema files and write what changed."""

    help = "Write the schema files of the models."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare labels and options."""
        parser.add_argument(
            "app_labels",
            nargs="*",
            metavar="app_label",
            help="apps to look at; all of the project by default",
        )
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit 1 when a file would change"
        )
        parser.add_argument(
            "--json", action="store_true", help="print what would change as JSON; needs --check"
        )
        parser.add_argument(
            "--force", action="store_true", help="accept changes of type that may lose data"
        )
        parser.add_argument(
            "--rename",
            action="append",
            default=[],
            metavar="TABLE.OLD=NEW",
            help="this column was renamed; repeatable",
        )
        parser.add_argument(
            "--no-rename", action="store_true", help="take no other column as renamed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare everything, then write.

        Raises:
            CommandError: If an app is unknown or cannot be imported, or with `--check` if something would change.
            MigrationError: If the models cannot be written down; nothing was.
        """
        as_json = bool(options.get("json"))
        if as_json and not options["check"]:
            raise UsageError("--json needs --check")
        apps, others = self._apps(options["app_labels"])
        if not as_json:
            for app in apps:
                self.stdout(f"{app.name} -> {_shown(app.directory)}")
        may_ask = self.terminal.is_interactive and not options["check"]
        ask = self.terminal.confirm if may_ask else None
        renames = RenameOptions(parse_renames(options["rename"]), options["no_rename"], ask)
        compared = compare_apps(apps, force=options["force"], renames=renames, others=others)
        if as_json:
            self._print_json(compared)
            return
        self._explain(compared)
        if options["check"]:
            self._check(compared)
            return
        write_changes(compared)
        self._summarise(compared, any(app.models for app in apps))

    def _apps(self, labels: Sequence[str]) -> tuple[list[AppModels], list[Any]]:
        """Return the apps to look at with their models, and the models of all other apps, which are imported as well."""
        found = find_installed_apps(with_builtin=True)
        selected = self._selected(labels, found)
        modules = import_all_models(found)
        models = {name: models_of(name, modules.get(name)) for name in found}
        apps = [AppModels(name, found[name], models[name]) for name in selected]
        others = [model for name in found if name not in selected for model in models[name]]
        return apps, others

    def _selected(self, labels: Sequence[str], found: Mapping[str, str]) -> list[str]:
        if not labels:
            return [name for name in found if not name.startswith("openviper.")]
        selected = []
        for label in labels:
            matches = [name for name in found if label in (name, name.rpartition(".")[2])]
            if not matches:
                raise app_not_found(label)
            selected += matches
        return list(dict.fromkeys(selected))

    def _explain(self, compared: Iterable[AppChanges]) -> None:
        for app, change in _each(compared):
            if change.kind == "updated":
                for note in change.notes:
                    self.stdout(f"  {app.name}.{change.model}: {note}")
            for warning in change.warnings:
                self.terminal.warning(warning)

    def _check(self, compared: Sequence[AppChanges]) -> None:
        for app, changes in compared:
            self.stdout(
                f"{'Pending changes for' if changes else 'No changes detected for'} {app.name}"
            )
        if any(changes for _, changes in compared):
            raise CommandError("Changes detected.")
        self.stdout("No changes detected.")

    def _print_json(self, compared: Sequence[AppChanges]) -> None:
        import json

        apps = [
            {
                "name": app.name,
                "path": _shown(app.directory),
                "changes": [_document(change) for change in changes],
            }
            for app, changes in compared
        ]
        pending = any(app["changes"] for app in apps)
        self.stdout(json.dumps({"pending": pending, "apps": apps}, indent=2, ensure_ascii=False))
        if pending:
            raise CommandError("Changes detected.")

    def _summarise(self, compared: Sequence[AppChanges], in_scope: bool) -> None:
        counts = dict.fromkeys(("created", "updated", "deleted"), 0)
        for app, change in _each(compared):
            counts[change.kind] += 1
            path = f"{_shown(app.directory)}/schemas/{change.model}.json"
            self.stdout(self.style_success(f"{change.kind.capitalize()} {path}"))
        parts = [f"{count} {kind}" for kind, count in counts.items() if count]
        if parts:
            self.stdout(f"Schemas: {', '.join(parts)}.")
        else:
            self.stdout("No schemas changed." if in_scope else "No schemas created.")


def _each(compared: Iterable[AppChanges]) -> Iterator[tuple[AppModels, FileChange]]:
    for app, changes in compared:
        for change in changes:
            yield app, change


def _document(change: FileChange) -> dict[str, Any]:
    return {
        "model": change.model,
        "kind": change.kind,
        "notes": [*change.notes],
        "warnings": [*change.warnings],
    }


def models_of(name: str, module: ModuleType | None) -> list[Any]:
    """Return the registered models that live in an app, generated join models included."""
    if module is None:
        return []
    # Late: `--help` needs no ORM.
    from openviper.db.models import model_registry

    # With a dot behind: `blog` is not the package of `blogging.models`.
    packages = (f"{name}.", f"{module.__name__.removesuffix('.models')}.")
    return [model for model in model_registry.all() if f"{model.__module__}.".startswith(packages)]


def _shown(directory: str) -> str:
    relative = os.path.relpath(directory)
    return directory if relative.startswith("..") else relative
