"""What `restore-db` does: check a backup or restore it, and report."""

from __future__ import annotations

import signal
from asyncio import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from openviper.backup.engines.base import RestoreOptions
from openviper.backup.interruption import Interruption
from openviper.backup.reading import check_backup
from openviper.backup.restore import restore_backup
from openviper.conf import settings
from openviper.core.management.aliases import chosen_url
from openviper.core.management.backing_up import warn_of_password
from openviper.core.management.base import CommandError
from openviper.core.management.work import CommandWork
from openviper.db.connections.url import DatabaseURL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openviper.backup.restore import RestoreResult, StepObserver


class Restoring(CommandWork):
    """What `restore-db` does: check a backup or restore it, and report."""

    async def run(self, options: dict[str, Any]) -> None:
        """Restore, or check the file, and print what was done.

        Raises:
            CommandError: If the command was interrupted; it says what the target holds.
        """
        warn_of_password(self.terminal, options["db"])
        with Interruption(self.terminal.warning) as interruption:
            try:
                if options["check"]:
                    await self._check(options)
                else:
                    await self._restore(options, interruption)
            except CancelledError as error:
                if interruption.received is None:
                    raise
                state = str(error) or "the target is unchanged"
                raise CommandError(
                    f"Interrupted by {interruption.name}: {state}", interruption.exit_code
                ) from None

    async def _restore(self, options: dict[str, Any], interruption: Interruption) -> None:
        url = chosen_url(options.get("db"), options.get("database"))
        with self._progress() as observe:
            result = await restore_backup(
                options["file"],
                url,
                force=options["force"],
                verify=not options["no_verify"],
                safety_backup=options["safety_backup"],
                confirm=self._confirm if self.terminal.is_interactive else None,
                warn=self.terminal.warning,
                options=_options_of(options),
                work_path=options["work_path"],
                safety_path=options["safety_path"],
                media=settings.MEDIA_ROOT if options["with_media"] else None,
                at_stake=interruption.set_stake,
                observe=observe,
            )
        self._report(result, url)

    def _report(self, result: RestoreResult, url: str) -> None:
        self.stdout(self.style_success("Database restored successfully."))
        self.stdout(f"  Source:   {result.source}")
        self.stdout(f"  Target:   {DatabaseURL.parse(url).redacted()}")
        self.stdout(f"  Duration: {result.duration:.1f} s")
        if result.safety_copy is not None:
            self.stdout(f"  Previous content saved as {result.safety_copy}")
        if result.set_aside is not None:
            self.stdout(f"  The damaged database was set aside as {result.set_aside}")
        if result.media_files is not None:
            self.stdout(f"  Media:    {result.media_files} files")
        if result.media_set_aside is not None:
            self.stdout(f"  The media files from before are in {result.media_set_aside}")
        self.stdout(
            "Restart running servers and workers, or let them reconnect, so that they see the new content."
        )

    async def _check(self, options: dict[str, Any]) -> None:
        try:
            url = chosen_url(options.get("db"), options.get("database"))
        except CommandError:
            url = None
        result = await check_backup(
            options["file"],
            url=url,
            warn=self.terminal.warning,
            options=_options_of(options),
            work_path=options["work_path"],
        )
        verdict = "Backup can be restored." if result.proved else "Backup is readable."
        self.stdout(self.style_success(verdict))
        self.stdout(f"  File:     {result.path}")
        self.stdout(f"  Engine:   {result.engine or 'unknown, so only the archive was checked'}")
        self.stdout(f"  Content:  {result.content_size} bytes")
        self.stdout(
            f"  Checksum: {'as in the sidecar' if result.has_sidecar else 'not verified, there is no sidecar'}"
        )
        if result.proved:
            self.stdout("  Target:   asked, and would take it")
        else:
            self.stdout(f"  Target:   not asked: {result.unproved_because}")

    def _confirm(self, loss: str) -> bool:
        # While the event loop runs, a signal only cancels the task, which a question does not notice.
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        previous = {number: signal.signal(number, _interrupt) for number in numbers}
        try:
            return self.terminal.confirm(f"This replaces {loss}. Continue?")
        except KeyboardInterrupt:
            return False
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextmanager
    def _progress(self) -> Iterator[StepObserver]:
        with self.terminal.progress(0, "Restoring", in_bytes=True) as bar:

            def observe(step: str, done: int, total: int | None) -> None:
                if bar.label != step:
                    bar.restart(step)
                bar.total = total or 0
                bar.advance(done - bar.done)

            yield observe


def _options_of(options: dict[str, Any]) -> RestoreOptions:
    return RestoreOptions(
        lock_timeout=options["lock_timeout"],
        skip_definers=options["skip_definers"],
        trust_dump=options["trust_dump"],
    )


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
