"""`restore-db`: put a backup back, all of it or nothing."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.core.management.commands.backup_db import seconds


class Command(BaseCommand):
    """Restore a database from a backup, after verifying it and saving what is there."""

    help = "Restore a database from a backup, after verifying it and saving what is there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("file", help="a .tar.gz archive or an .sql file of backup-db")
        target = parser.add_mutually_exclusive_group()
        target.add_argument(
            "--db", metavar="URL", help="database URL (default: that of the settings)"
        )
        target.add_argument(
            "--database",
            default="default",
            metavar="ALIAS",
            help="alias in DATABASES (default: %(default)s)",
        )
        parser.add_argument(
            "--force", action="store_true", help="replace the target's content without asking"
        )
        _add_saving(parser)
        parser.add_argument(
            "--check",
            action="store_true",
            help="check whether the target would take the file, and touch nothing",
        )
        parser.add_argument(
            "--no-verify", action="store_true", help="accept a missing or different checksum"
        )
        parser.add_argument(
            "--lock-timeout",
            type=seconds,
            default=10.0,
            metavar="SECONDS",
            help="longest wait for a lock of others (default: %(default)g)",
        )
        parser.add_argument(
            "--skip-definers",
            action="store_true",
            help="MariaDB: make views, routines, triggers and events the restoring user's own",
        )
        parser.add_argument(
            "--trust-dump",
            action="store_true",
            help="let statements through that could reach outside the database",
        )
        parser.add_argument(
            "--with-media", action="store_true", help="restore the files of MEDIA_ROOT too"
        )

    async def handle(self, *args: Any, **options: Any) -> None:
        """Restore, or check the file, and print what was done.

        Raises:
            CommandError: If the command was interrupted; it says what the target holds.
        """
        # Late: it loads the compressor, the archive format and SQLite; `--help` needs none of them.
        from openviper.core.management.restoring import Restoring

        await Restoring(self).run(options)


def _add_saving(parser: ArgumentParser) -> None:
    saving = parser.add_mutually_exclusive_group()
    saving.add_argument(
        "--safety-backup",
        action="store_true",
        default=None,
        help="save the target first (SQLite and MariaDB targets are saved without being asked)",
    )
    saving.add_argument(
        "--no-safety-backup",
        dest="safety_backup",
        action="store_false",
        help="do not save the target first",
    )
    parser.add_argument(
        "--safety-path",
        metavar="DIR",
        help="directory of the safety copy (default: that of the file)",
    )
    parser.add_argument(
        "--work-path",
        metavar="DIR",
        help="directory for private files (default: that of the file; of an SQLite target)",
    )
