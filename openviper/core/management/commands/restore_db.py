"""`restore-db`: put a backup back, all of it or nothing."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from typing import Any

from openviper.core.management.aliases import chosen_url
from openviper.core.management.base import BaseCommand


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
        parser.add_argument(
            "--safety-backup",
            action="store_true",
            help="save the target first (SQLite and MariaDB targets are always saved)",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="check whether the file could be restored, and touch nothing",
        )
        parser.add_argument(
            "--no-verify", action="store_true", help="accept a missing or different checksum"
        )

    async def handle(self, *args: Any, **options: Any) -> None:
        """Restore, or check the file, and print what was done."""
        if options["check"]:
            await self._check(options["file"])
            return
        # The library loads the compressor, the archive format and SQLite; `--help` needs none of them.
        from openviper.backup.restore import restore_backup
        from openviper.db.connections.url import DatabaseURL

        url = chosen_url(options.get("db"), options.get("database"))
        result = await restore_backup(
            options["file"],
            url,
            force=options["force"],
            verify=not options["no_verify"],
            safety_backup=options["safety_backup"],
            confirm=self._confirm if self.terminal.is_interactive else None,
            warn=self.terminal.warning,
        )
        self.stdout(self.style_success("Database restored successfully."))
        self.stdout(f"  Source:   {result.source}")
        self.stdout(f"  Target:   {DatabaseURL.parse(url).redacted()}")
        self.stdout(f"  Duration: {result.duration:.1f} s")
        if result.safety_copy is not None:
            self.stdout(f"  Previous content saved as {result.safety_copy}")
        if result.set_aside is not None:
            self.stdout(f"  The damaged database was set aside as {result.set_aside}")
        self.stdout(
            "Restart running servers and workers, or let them reconnect, so that they see the new content."
        )

    async def _check(self, file: str) -> None:
        from openviper.backup.reading import check_backup

        result = await check_backup(file, warn=self.terminal.warning)
        self.stdout(self.style_success("Backup can be restored."))
        self.stdout(f"  File:     {result.path}")
        self.stdout(f"  Engine:   {result.engine or 'unknown, so only the archive was checked'}")
        self.stdout(f"  Content:  {result.content_size} bytes")
        self.stdout(
            f"  Checksum: {'as in the sidecar' if result.has_sidecar else 'not verified, there is no sidecar'}"
        )

    def _confirm(self, loss: str) -> bool:
        # While the event loop runs, the first Ctrl-C only cancels the task, which a question does not notice.
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return self.terminal.confirm(f"This replaces {loss}. Continue?")
        except KeyboardInterrupt:
            return False
        finally:
            signal.signal(signal.SIGINT, previous)
