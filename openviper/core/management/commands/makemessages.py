"""`makemessages`: collect the texts that are to be translated."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openviper.conf import settings
from openviper.conf.rules import language
from openviper.core.management.base import BaseCommand, CommandError
from openviper.i18n.catalogue import CatalogueError, Message, merge, read_po, write_po
from openviper.i18n.extraction import (
    combined,
    is_own_folder,
    python_messages,
    source_files,
    template_messages,
)
from openviper.i18n.translation import DOMAIN, catalogue_languages
from openviper.project.directory import in_project, project_directory
from openviper.template.environment import (
    SUFFIXES,
    MissingDependencyError,
    get_jinja2_env,
    get_template_directories,
)
from openviper.utils.atomic_files import atomic_write

if TYPE_CHECKING:
    from jinja2 import Environment


def _checked_languages(given: Sequence[str]) -> list[str]:
    """Return the languages that files are written for, those of the settings where none is given."""
    languages = [each.replace("_", "-") for each in given] or list(settings.LANGUAGES)
    for each in languages:
        fault = language(each)
        if fault is not None:
            raise CommandError(f"the language {each!r} {fault}")
    return languages


class Command(BaseCommand):
    """Collect the texts of the project in the .po file of each language."""

    help = "Collect the texts to translate in the .po file of each language."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "-l",
            "--language",
            action="append",
            default=[],
            metavar="LANGUAGE",
            help="only this one, such as de or pt-br; may be given again (default: LANGUAGES)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Write the files; translations that are there are kept."""
        root = Path(project_directory())
        messages = combined([*self._python(root), *self._templates(root)])
        for each in _checked_languages(options["language"]):
            path = po_path(each)
            translated = self._write(path, messages, each)
            self.terminal.line(f"{path}: {len(messages)} texts, {translated} translated")

    def _python(self, root: Path) -> list[Message]:
        found: list[Message] = []
        for path in source_files(root, (".py",)):
            name = path.relative_to(root).as_posix()
            try:
                found += python_messages(path.read_bytes(), name)
            except (SyntaxError, ValueError, RecursionError, OSError) as error:
                raise CommandError(f"{name} cannot be read: {error}") from error
        return found

    def _templates(self, root: Path) -> list[Message]:
        # Of apps deep inside the project too; those of installed packages have their own translations.
        installed = [Path(folder) for folder in get_template_directories()]
        own = [folder for folder in installed if _is_own(root, folder)]
        folders = {in_project(settings.TEMPLATES_DIR), *root.glob("*/templates"), *own}
        paths = [path for folder in sorted(folders) for path in source_files(folder, SUFFIXES)]
        # Where there are no templates, what reads them need not be installed.
        return self._in_templates(root, paths, _environment(folders)) if paths else []

    @staticmethod
    def _in_templates(root: Path, paths: Iterable[Path], environment: Environment) -> list[Message]:
        found: list[Message] = []
        for path in paths:
            name = _name_below(root, path)
            try:
                found += template_messages(environment, path.read_text("utf-8"), name)
            except Exception as error:  # Jinja2, which may not be installed, has errors of its own.
                raise CommandError(f"{name} cannot be read: {error}") from error
        return found

    def _write(self, path: Path, messages: list[Message], language: str) -> int:
        try:
            known = read_po(path.read_text("utf-8")) if path.exists() else []
        except (CatalogueError, UnicodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from error
        copies = [
            Message(
                message.text,
                message.plural,
                message.context,
                places=message.places,
                flags=list(message.flags),
            )
            for message in messages
        ]
        merged = merge(copies, known, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(write_po(merged).encode())
        return sum(message.is_translated for message in merged[1:])


def _environment(folders: Iterable[Path]) -> Environment:
    try:
        return get_jinja2_env([str(folder) for folder in folders])
    except MissingDependencyError as error:
        raise CommandError(str(error)) from error


def _is_own(root: Path, folder: Path) -> bool:
    above = [folder, *folder.parents]
    return root in above and all(map(is_own_folder, above[: above.index(root)]))


def _name_below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def po_path(language: str) -> Path:
    """Return where the texts of a language are, in the first of `LOCALE_DIRS`."""
    if not settings.LOCALE_DIRS:
        raise CommandError("LOCALE_DIRS is empty, so there is no place for translations")
    directory = in_project(settings.LOCALE_DIRS[0])
    folder = catalogue_languages(language)[0]
    return directory / folder / "LC_MESSAGES" / f"{DOMAIN}.po"
