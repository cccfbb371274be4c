"""`backup-db`: write a verified backup of a database."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from openviper.core.management.aliases import chosen_url
from openviper.core.management.base import BaseCommand, CommandError, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openviper.backup.inventory import BackupEntry
    from openviper.backup.result import BackupResult, Observer


def at_least_one(text: str) -> int:
    """Read a count for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


class Command(BaseCommand):
    """Back up a database into a verified archive with a checksum beside it."""

    help = "Back up a database into a verified archive with a checksum beside it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--path",
            default="./backup",
            metavar="DIR",
            help="directory of the results (default: %(default)s)",
        )
        parser.add_argument(
            "--name", help="file name without extension (default: database name and UTC time)"
        )
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--db", metavar="URL", help="database URL (default: that of the settings)"
        )
        source.add_argument(
            "--database",
            default="default",
            metavar="ALIAS",
            help="alias in DATABASES (default: %(default)s)",
        )
        source.add_argument("--all", action="store_true", help="back up every configured database")
        source.add_argument(
            "--list", action="store_true", help="show the backups in the directory and make none"
        )
        parser.add_argument(
            "--compress",
            action=BooleanOptionalAction,
            default=True,
            help="write a .tar.gz instead of a plain .sql file",
        )
        parser.add_argument(
            "--level",
            type=int,
            choices=range(1, 10),
            default=6,
            metavar="1..9",
            help="compression: 1 is fastest, 9 smallest (default: %(default)s)",
        )
        parser.add_argument(
            "--keep",
            type=at_least_one,
            metavar="N",
            help="afterwards delete all but the newest N results of this database",
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="replace an existing result of the same --name"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    async def handle(self, *args: Any, **options: Any) -> None:
        """Make the backup, or list those that are there, and print what and where they are.

        Raises:
            CommandError: If at least one database could not be backed up.
        """
        if options["list"]:
            self._list(options)
        elif options["all"]:
            await self._back_up_all(options)
        else:
            result = await self._back_up(
                chosen_url(options.get("db"), options.get("database")), options
            )
            if options["json"]:
                self._json(facts_of(result))
            else:
                self._report(result)

    async def _back_up(self, url: str, options: dict[str, Any]) -> BackupResult:
        # The library loads the compressor, the archive format and SQLite; `--help` needs none of them.
        from openviper.backup.create import create_backup

        with self._progress() as observe:
            return await create_backup(
                url,
                options["path"],
                name=options["name"],
                compress=options["compress"],
                overwrite=options["overwrite"],
                level=options["level"],
                keep=options["keep"],
                observe=observe,
            )

    async def _back_up_all(self, options: dict[str, Any]) -> None:
        from openviper.backup.scheduled import configured_urls
        from openviper.conf import settings
        from openviper.exceptions import OpenViperException

        urls = configured_urls(settings.DATABASES)
        if not urls:
            raise CommandError(
                "No database URL configured: set DATABASES['default']['OPTIONS']['URL']"
            )
        if options["name"] is not None:
            raise CommandError("--name names one result, so it does not go with --all")
        outcomes: list[dict[str, object]] = []
        failed = []
        for alias, url in urls.items():
            try:
                result = await self._back_up(url, options)
            except (OpenViperException, OSError) as error:
                failed.append(alias)
                outcomes.append({"alias": alias, "error": describe(error)})
                self.terminal.error(f"{alias}: {describe(error)}")
            else:
                outcomes.append({"alias": alias, **facts_of(result)})
                if not options["json"]:
                    self._report(result, alias)
        if options["json"]:
            self._json(outcomes)
        if failed:
            raise CommandError(
                f"{len(failed)} of {len(urls)} databases are not backed up: {', '.join(failed)}"
            )

    def _list(self, options: dict[str, Any]) -> None:
        from datetime import UTC, datetime

        from openviper.backup.inventory import list_backups
        from openviper.utils.terminal import human_size

        entries = list_backups(options["path"])
        if options["json"]:
            self._json([listed_facts(entry) for entry in entries])
            return
        rows = [("File", "Age", "Size", "Engine", "State")]
        now = datetime.now(UTC)
        for entry in entries:
            size = "-" if entry.size is None else human_size(entry.size)
            age = human_age((now - entry.made_at).total_seconds())
            rows.append((entry.path.name, age, size, entry.engine or "-", entry.state))
        if not entries:
            self.stderr(f"No backups in {options['path']}")
            return
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            self.stdout(
                "  ".join(
                    text.ljust(width) for text, width in zip(row, widths, strict=True)
                ).rstrip()
            )

    def _report(self, result: BackupResult, alias: str | None = None) -> None:
        self.stdout(self.style_success("Backup completed successfully"))
        if alias is not None:
            self.stdout(f"  Alias:    {alias}")
        self.stdout(f"  Database: {result.database_name}")
        self.stdout(f"  Engine:   {result.engine}")
        self.stdout(f"  File:     {result.path}")
        self.stdout(f"  SHA-256:  {result.checksum}")
        self.stdout(f"  Size:     {result.size} bytes")
        for path in result.removed:
            self.stdout(f"  Removed:  {path}")

    def _json(self, value: object) -> None:
        import json

        self.stdout(json.dumps(value, indent=2))

    @contextmanager
    def _progress(self) -> Iterator[Observer]:
        with self.terminal.progress(0, "Backing up", in_bytes=True) as bar:

            def observe(done: int, total: int | None) -> None:
                bar.total = total or 0
                bar.advance(done - bar.done)

            yield observe


def facts_of(result: BackupResult) -> dict[str, object]:
    """Return a result as JSON has it; sizes are in bytes."""
    return {
        "database": result.database_name,
        "engine": result.engine,
        "path": str(result.path),
        "checksum": result.checksum,
        "size": result.size,
        "content_size": result.content_size,
        "removed": [str(path) for path in result.removed],
    }


def listed_facts(entry: BackupEntry) -> dict[str, object]:
    """Return an entry of the list as JSON has it; the size is in bytes, the time ISO 8601 in UTC."""
    return {
        "path": str(entry.path),
        "made_at": entry.made_at.isoformat(),
        "size": entry.size,
        "engine": entry.engine,
        "database": entry.database_name,
        "state": entry.state,
    }


def human_age(seconds: float) -> str:
    """Return an age in its largest unit, such as ``3 h``; minutes up to two hours, hours up to two days."""
    minutes = max(0, int(seconds // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
