"""`backup-db`: write a verified backup of a database."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from openviper.core.management.aliases import chosen_url
from openviper.core.management.base import BaseCommand, CommandError, UsageError, describe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from openviper.backup.engines.base import Observer
    from openviper.backup.inventory import BackupEntry
    from openviper.backup.result import BackupResult
    from openviper.backup.retention import Retention

AFTER_FAILED = 3
"""The exit code when the backup is complete, and the function of `BACKUP["after"]` failed."""
AGE = re.compile(r"(\d{1,6})\s*(h|d|w|m|y)")
HOURS = {"h": 1, "d": 24, "w": 24 * 7, "m": 24 * 30, "y": 24 * 365}


def at_least_one(text: str) -> int:
    """Read a count for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def age(text: str) -> timedelta:
    """Read an age for argparse: a number and ``h``, ``d``, ``w``, ``m`` (30 days) or ``y`` (365 days)."""
    match = AGE.fullmatch(text.strip())
    if match is None or int(match[1]) < 1:
        raise ArgumentTypeError(f"{text!r} is not an age such as 36h, 14d, 8w, 6m or 1y")
    return timedelta(hours=int(match[1]) * HOURS[match[2]])


def seconds(text: str) -> float:
    """Read a time in seconds for argparse, more than none and at most a day."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86400:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds up to 86400")
    return value


class Command(BaseCommand):
    """Back up a database into a verified archive with a checksum beside it."""

    help = "Back up a database into a verified archive with a checksum beside it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        _add_places(parser)
        _add_sources(parser)
        _add_form(parser)
        _add_retention(parser)
        parser.add_argument(
            "--lock-timeout",
            type=seconds,
            default=10.0,
            metavar="SECONDS",
            help="longest wait for a lock of others (default: %(default)g)",
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    async def handle(self, *args: Any, **options: Any) -> None:
        """Make the backup, or list those that are there, and print what and where they are.

        Raises:
            CommandError: If at least one database could not be backed up, or the command was interrupted.
        """
        check_together(options)
        if options["list"]:
            self._list(options)
            return
        # The library loads the compressor, the archive format and SQLite; `--help` needs none of them.
        from asyncio import CancelledError

        from openviper.backup.interruption import Interruption

        with Interruption(self.terminal.warning) as interruption:
            interruption.set_stake("still clearing up; nothing but the unfinished backup is lost")
            try:
                await self._run(options)
            except CancelledError:
                if interruption.received is None:
                    raise
                raise CommandError(
                    f"Interrupted by {interruption.name}: no backup was made",
                    interruption.exit_code,
                ) from None

    async def _run(self, options: dict[str, Any]) -> None:
        if options["all"]:
            await self._back_up_all(options)
            return
        url = chosen_url(options.get("db"), options.get("database"))
        warn_of_password(self, options["db"])
        if options["dry_run"]:
            self._show_plan(url, options)
            return
        from openviper.backup.after import AfterBackupError

        try:
            result, failure = await self._back_up(url, options), None
        except AfterBackupError as error:
            result, failure = error.result, error
        if options["json"]:
            self._json(facts_of(result))
        else:
            self._report(result)
        if failure is not None:
            self.terminal.warning(describe(failure))
            raise SystemExit(AFTER_FAILED)

    async def _back_up(self, url: str, options: dict[str, Any]) -> BackupResult:
        from openviper.backup.after import BackupSettings, run_after
        from openviper.backup.create import create_backup
        from openviper.conf import settings

        after = BackupSettings.read(settings.BACKUP)
        with self._progress() as observe:
            result = await create_backup(
                url,
                options["path"],
                name=options["name"],
                filename=options["filename"],
                compress=options["compress"],
                overwrite=options["overwrite"],
                level=options["level"],
                keep=retention_of(options),
                work_path=options["work_path"],
                media=settings.MEDIA_ROOT if options["with_media"] else None,
                lock_timeout=options["lock_timeout"],
                observe=observe,
            )
        for warning in result.warnings:
            self.terminal.warning(warning)
        await run_after(after, result)
        return result

    async def _back_up_all(self, options: dict[str, Any]) -> None:
        from openviper.backup.scheduled import configured_urls
        from openviper.conf import settings

        urls = configured_urls(settings.DATABASES)
        if not urls:
            raise CommandError(
                "No database URL configured: set DATABASES['default']['OPTIONS']['URL']"
            )
        if options["dry_run"]:
            for url in urls.values():
                self._show_plan(url, options)
            return
        outcomes = [await self._outcome(alias, url, options) for alias, url in urls.items()]
        if options["json"]:
            self._json(outcomes)
        failed = [str(outcome["alias"]) for outcome in outcomes if "error" in outcome]
        if failed:
            raise CommandError(
                f"{len(failed)} of {len(urls)} databases are not backed up: {', '.join(failed)}"
            )
        if any("after_error" in outcome for outcome in outcomes):
            raise SystemExit(AFTER_FAILED)

    async def _outcome(self, alias: str, url: str, options: dict[str, Any]) -> dict[str, object]:
        """Back up one of several databases; return what came of it as JSON has it."""
        from openviper.backup.after import AfterBackupError
        from openviper.exceptions import OpenViperException

        failure: dict[str, object] = {}
        try:
            result = await self._back_up(url, options)
        except AfterBackupError as error:
            result = error.result
            failure = {"after_error": describe(error)}
            self.terminal.warning(f"{alias}: {describe(error)}")
        except (OpenViperException, OSError) as error:
            self.terminal.error(f"{alias}: {describe(error)}")
            return {"alias": alias, "error": describe(error)}
        if not options["json"]:
            self._report(result, alias)
        return {"alias": alias, **facts_of(result), **failure}

    def _show_plan(self, url: str, options: dict[str, Any]) -> None:
        from openviper.backup.engines.by_url import detect_engine_from_url
        from openviper.backup.inventory import planned_removals
        from openviper.backup.names import parse_db_name_from_url

        engine = detect_engine_from_url(url)
        retention = retention_of(options)
        assert retention is not None  # demanded by `check_together`
        removals = planned_removals(
            options["path"],
            retention,
            database_name=parse_db_name_from_url(url),
            engine=engine.engine_name,
            source=engine.identify(url),
            name=options["name"],
        )
        if options["json"]:
            self._json({"would_remove": [str(path) for path in removals]})
            return
        for path in removals:
            self.stdout(f"Would remove: {path}")
        if not removals:
            self.stdout("Nothing would be removed.")

    def _list(self, options: dict[str, Any]) -> None:
        from datetime import UTC, datetime

        from openviper.backup.inventory import list_backups

        entries = list_backups(options["path"])
        if options["json"]:
            self._json([listed_facts(entry) for entry in entries])
            return
        if not entries:
            self.stderr(f"No backups in {options['path']}")
            return
        now = datetime.now(UTC)
        rows = [("File", "Age", "Size", "Engine", "State")]
        rows += [_row(entry, now) for entry in entries]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = map(str.ljust, row, widths)
            self.stdout("  ".join(cells).rstrip())

    def _report(self, result: BackupResult, alias: str | None = None) -> None:
        self.stdout(self.style_success("Backup completed successfully"))
        if alias is not None:
            self.stdout(f"  Alias:    {alias}")
        self.stdout(f"  Database: {result.database_name}")
        self.stdout(f"  Engine:   {result.engine}")
        self.stdout(f"  File:     {result.path}")
        self.stdout(f"  SHA-256:  {result.checksum}")
        self.stdout(f"  Size:     {result.size} bytes")
        if result.media_files is not None:
            self.stdout(f"  Media:    {result.media_files} files")
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


def _row(entry: BackupEntry, now: datetime) -> tuple[str, str, str, str, str]:
    from openviper.utils.terminal import human_size

    size = "-" if entry.size is None else human_size(entry.size)
    age = human_age((now - entry.made_at).total_seconds())
    return entry.path.name, age, size, entry.engine or "-", entry.state


def _add_places(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--path",
        default="./backup",
        metavar="DIR",
        help="directory of the results (default: %(default)s)",
    )
    parser.add_argument(
        "--work-path",
        metavar="DIR",
        help="directory for private files while the backup is made (default: that of the results)",
    )
    names = parser.add_mutually_exclusive_group()
    names.add_argument(
        "--name", help="what file names begin with, before the UTC time (default: database name)"
    )
    names.add_argument("--filename", metavar="FILE", help="the exact file name")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an existing result of this --filename"
    )


def _add_sources(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--db", metavar="URL", help="database URL (default: that of the settings)")
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


def _add_form(parser: ArgumentParser) -> None:
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
        "--with-media",
        action="store_true",
        help="put the files of MEDIA_ROOT into the same archive",
    )


def _add_retention(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        type=at_least_one,
        metavar="N",
        help="afterwards delete all but the newest N results of this database",
    )
    for period in ("daily", "weekly", "monthly"):
        unit = {"daily": "day", "weekly": "week", "monthly": "month"}[period]
        parser.add_argument(
            f"--keep-{period}",
            type=at_least_one,
            metavar="N",
            help=f"keep the newest result of each of the last N {unit}s that have one",
        )
    parser.add_argument(
        "--keep-within",
        type=age,
        metavar="AGE",
        help="keep what is younger: 36h, 14d, 8w, 6m, 1y",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show what the --keep options would delete, and make and delete nothing",
    )


def check_together(options: dict[str, Any]) -> None:
    """Check that the options go together.

    Raises:
        UsageError: If they do not.
    """
    if options["dry_run"] and retention_of(options) is None:
        raise UsageError("--dry-run shows what --keep... would delete, so it needs one of these")
    if options["overwrite"] and options["filename"] is None:
        raise UsageError("--overwrite replaces a result of an exact name, so it needs --filename")
    if options["all"] and options["filename"] is not None:
        raise UsageError("--filename names one result, so it does not go with --all")


def retention_of(options: dict[str, Any]) -> Retention | None:
    """Return the rule of the --keep options; `None` when there is none of them."""
    from openviper.backup.retention import Retention

    names = ("keep", "keep_daily", "keep_weekly", "keep_monthly", "keep_within")
    return Retention(*(options[name] for name in names)) or None


def warn_of_password(command: BaseCommand, url: str | None) -> None:
    """Warn that a password on the command line can be seen by everybody on this machine."""
    from openviper.db.connections.url import DatabaseURL

    if url is not None and "://" in url and DatabaseURL.parse(url).password:
        command.terminal.warning(
            "the password of --db is visible in the process list; put the URL into the settings or the environment"
        )


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
        "warnings": list(result.warnings),
        "media_files": result.media_files,
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
