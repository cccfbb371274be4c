"""`compilemessages`: make the .mo files that the application reads from the .po files that people edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openviper.core.management.base import BaseCommand, CommandError
from openviper.i18n.catalogue import read_po, write_mo
from openviper.i18n.catalogue_checks import check_catalogue
from openviper.i18n.translation import locale_directories
from openviper.utils.atomic_files import atomic_write


class Command(BaseCommand):
    """Make the .mo file of every .po file."""

    help = "Make the .mo files of translations from the .po files."

    def handle(self, *_: Any, **options: Any) -> None:
        """Read every file first, so that a broken one changes nothing."""
        compiled = [
            (path, *self._compiled(path))
            for directory in locale_directories()
            for path in sorted(directory.glob("*/LC_MESSAGES/*.po"))
        ]
        for path, content, count in compiled:
            target = path.with_suffix(".mo")
            # Those of OpenViper and of other packages came compiled, and lie where nothing is to be written.
            if not (target.is_file() and target.read_bytes() == content):
                with atomic_write(target) as file:
                    file.write(content)
            self.terminal.line(f"{target}: {count} texts")
        if not compiled:
            self.terminal.line("There are no .po files; makemessages makes them.")

    def _compiled(self, path: Path) -> tuple[bytes, int]:
        try:
            messages = read_po(path.read_text("utf-8"))
            check_catalogue(messages)
        except (ValueError, OSError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from error
        translated = [message for message in messages if message.is_translated]
        return write_mo(translated), sum(bool(message.text) for message in translated)
