"""`backup-db`: write a verified backup of a database."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.core.management.utils import resolve_db_url


class Command(BaseCommand):
    """Back up a database into a verified archive with a checksum beside it."""

    help = "Back up a database into a verified archive with a checksum beside it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--path", default="./backup", metavar="DIR", help="directory of the results (default: %(default)s)"
        )
        parser.add_argument("--name", help="file name without extension (default: database name and UTC time)")
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--db", metavar="URL", help="database URL (default: that of the settings)")
        source.add_argument(
            "--database", default="default", metavar="ALIAS", help="alias in DATABASES (default: %(default)s)"
        )
        parser.add_argument(
            "--compress",
            action=BooleanOptionalAction,
            default=True,
            help="write a .tar.gz instead of a plain .sql file",
        )
        parser.add_argument("--overwrite", action="store_true", help="replace an existing result of the same --name")

    async def handle(self, *args: Any, **options: Any) -> None:
        """Make the backup and print what and where it is."""
        # The library loads the compressor, the archive format and SQLite; `--help` needs none of them.
        from openviper.db.tools.backup.backup_engine import create_backup

        result = await create_backup(
            resolve_db_url(options),
            options["path"],
            name=options["name"],
            compress=options["compress"],
            overwrite=options["overwrite"],
        )
        self.stdout(self.style_success("Backup completed successfully"))
        self.stdout(f"  Database: {result.database_name}")
        self.stdout(f"  Engine:   {result.engine}")
        self.stdout(f"  File:     {result.path}")
        self.stdout(f"  SHA-256:  {result.checksum}")
        self.stdout(f"  Size:     {result.size} bytes")
