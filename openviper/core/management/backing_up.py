"""What `backup-db` does: make backups, or list those that are there, and report."""

from __future__ import annotations

import json
from asyncio import CancelledError
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openviper.backup.interruption import Interruption
from openviper.backup.inventory import list_backups, planned_removals
from openviper.backup.names import parse_db_name_from_url
from openviper.backup.retention import Retention
from openviper.conf import settings
from openviper.core.management.aliases import chosen_url
from openviper.core.management.aligned_rows import aligned
from openviper.core.management.base import CommandError, UsageError, describe
from openviper.core.management.work import CommandWork
from openviper.db.connections.url import DatabaseURL
from openviper.exceptions import OpenViperException
from openviper.utils.importing import lazy_module
from openviper.utils.terminal import Terminal, human_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openviper.backup import after as after_backup
    from openviper.backup import create, scheduled
    from openviper.backup.engines import by_url
    from openviper.backup.engines.base import Observer
    from openviper.backup.inventory import BackupEntry
    from openviper.backup.result import BackupResult
else:
    # Listing what there is takes none of them, nor `tarfile` and its kin, which they bring along.
    after_backup = lazy_module("openviper.backup.after")
    by_url = lazy_module("openviper.backup.engines.by_url")
    create = lazy_module("openviper.backup.create")
    scheduled = lazy_module("openviper.backup.scheduled")

AFTER_FAILED = 3
"""The exit code when the backup is complete, and the function of `BACKUP["after"]` failed."""


class BackingUp(CommandWork):
    """What `backup-db` does: make backups, or list those that are there, and report."""

    async def run(self, options: dict[str, Any]) -> None:
        """Make the backup, or list those that are there, and print what and where they are.

        Raises:
            CommandError: If at least one database could not be backed up, or the command was interrupted.
        """
        check_together(options)
        if options["list"]:
            self._list(options)
            return
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
        warn_of_password(self.terminal, options["db"])
        if options["dry_run"]:
            self._show_plan(url, options)
            return
        try:
            result, failure = await self._back_up(url, options), None
        except after_backup.AfterBackupError as error:
            result, failure = error.result, error
        if options["json"]:
            self._json(facts_of(result))
        else:
            self._report(result)
        if failure is not None:
            self.terminal.warning(describe(failure))
            raise SystemExit(AFTER_FAILED)

    async def _back_up(self, url: str, options: dict[str, Any]) -> BackupResult:
        after = after_backup.BackupSettings.read(settings.BACKUP)
        with self._progress() as observe:
            result = await create.create_backup(
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
        await after_backup.run_after(after, result)
        return result

    async def _back_up_all(self, options: dict[str, Any]) -> None:
        urls = scheduled.configured_urls(settings.DATABASES)
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
        failure: dict[str, object] = {}
        try:
            result = await self._back_up(url, options)
        except after_backup.AfterBackupError as error:
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
        engine = by_url.detect_engine_from_url(url)
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
        for line in aligned(rows):
            self.stdout(line)

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
        self.stdout(json.dumps(value, indent=2))

    @contextmanager
    def _progress(self) -> Iterator[Observer]:
        with self.terminal.progress(0, "Backing up", in_bytes=True) as bar:

            def observe(done: int, total: int | None) -> None:
                bar.total = total or 0
                bar.advance(done - bar.done)

            yield observe


def _row(entry: BackupEntry, now: datetime) -> tuple[str, str, str, str, str]:
    size = "-" if entry.size is None else human_size(entry.size)
    age = human_age((now - entry.made_at).total_seconds())
    return entry.path.name, age, size, entry.engine or "-", entry.state


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
    names = ("keep", "keep_daily", "keep_weekly", "keep_monthly", "keep_within")
    return Retention(*(options[name] for name in names)) or None


def warn_of_password(terminal: Terminal, url: str | None) -> None:
    """Warn that a password on the command line can be seen by everybody on this machine."""
    if url is not None and "://" in url and DatabaseURL.parse(url).password:
        terminal.warning(
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
