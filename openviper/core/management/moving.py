"""What `copy-data`, `dump-data` and `load-data` do: prove, ask, move, and report."""

from __future__ import annotations

import time
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from openviper.backup.interruption import Interruption
from openviper.core.management.agreeing import agree
from openviper.core.management.aliases import check_alias
from openviper.core.management.aligned_rows import aligned
from openviper.core.management.apps import find_installed_apps, import_all_models
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.labels import all_named
from openviper.core.management.work import CommandWork
from openviper.db.models import model_registry
from openviper.db.transfer.copying import (
    CopiedTable,
    Copy,
    Observer,
    Proof,
    copy_data,
    prove_copy,
    rehearse,
)
from openviper.db.transfer.tables import transfer_tables

T = TypeVar("T")


class Moving(CommandWork):
    """What the commands that move rows have in common."""

    def __init__(self, command: BaseCommand) -> None:
        super().__init__(command)
        self.apps: dict[str, str] = {}

    def load_models(self) -> None:
        """Import the models of all installed apps.

        Raises:
            CommandError: If a module cannot be imported.
        """
        self.apps = find_installed_apps(with_builtin=True)
        import_all_models(self.apps)

    async def interruptible(self, work: Callable[[], Awaitable[T]], stake: str) -> T:
        """Wait for work, which SIGINT, SIGTERM and SIGHUP stop in order.

        Args:
            work: The work.
            stake: What is so after it has been stopped, as the rest of a sentence.

        Raises:
            CommandError: If it was stopped.
        """
        with Interruption(self.terminal.warning) as interruption:
            interruption.set_stake(f"still taking back what was written; {stake}")
            try:
                return await work()
            except CancelledError as error:
                if interruption.received is None:
                    raise
                raise CommandError(
                    f"Interrupted by {interruption.name}: {str(error) or stake}",
                    interruption.exit_code,
                ) from None

    @contextmanager
    def progress(self, total: int) -> Iterator[Observer]:
        """Show a bar per step while rows are moved; each step goes over all of them."""
        with self.terminal.progress(total, "") as bar:

            def observe(step: str, table: str, rows: int) -> None:
                label = f"{step} {table}"
                if not bar.label.startswith(f"{step} "):
                    bar.restart(label)
                    bar.total = total
                bar.label = label
                bar.advance(rows)

            yield observe


class Copying(Moving):
    """What `copy-data` does."""

    async def run(self, options: Mapping[str, Any]) -> None:
        """Copy, and print what was copied.

        Raises:
            CommandError: If it cannot be done, or was interrupted; the target is as it was.
        """
        source, target = check_alias(options["source"]), check_alias(options["target"])
        self.load_models()
        copy = Copy(
            source,
            target,
            transfer_tables(all_named(options["labels"])),
            everything=not options["labels"],
            replace=options["replace"],
        )
        await self.interruptible(
            lambda: self._copy(copy, options), f"database {target!r} is unchanged"
        )

    async def _copy(self, copy: Copy, options: Mapping[str, Any]) -> None:
        proof = await prove_copy(copy, self.apps, transfer_tables(model_registry.all()))
        for remark in proof.remarks:
            self.terminal.warning(remark)
        self._clear_the_way(copy, proof, options)
        started = time.monotonic()
        work = rehearse if options["dry_run"] else copy_data
        with self.progress(proof.total) as observe:
            copied = await work(copy, observe)
        seconds = time.monotonic() - started
        if options["json"]:
            self._print_json(copy, copied, seconds, options["dry_run"])
        else:
            self._report(copy, copied, seconds, options["dry_run"])

    def _clear_the_way(self, copy: Copy, proof: Proof, options: Mapping[str, Any]) -> None:
        if not proof.in_the_way:
            return
        rows = sum(proof.in_the_way.values())
        held = ", ".join(f"{name}: {count}" for name, count in proof.in_the_way.items())
        if not copy.replace:
            raise CommandError(
                f"database {copy.target!r} has rows already ({held}); --replace deletes them first"
            )
        if options["dry_run"]:
            self.stderr(f"Would delete {rows} rows of {copy.target!r} first ({held}).")
            return
        self.stderr(f"Rows of {copy.target!r}: {held}")
        agree(
            self.terminal,
            f"Delete these {rows} rows of {copy.target!r}?",
            no_input=options["no_input"],
        )

    def _report(
        self, copy: Copy, copied: Sequence[CopiedTable], seconds: float, dry_run: bool
    ) -> None:
        rows = [(table.name, str(table.rows), table.checksum) for table in copied if table.rows]
        for line in aligned(rows) if rows else ():
            self.stdout(line)
        total = sum(table.rows for table in copied)
        if dry_run:
            self.stdout(f"{total} rows can be copied; nothing was written.")
        else:
            self._report_success(copy, f"{total} rows of {len(rows)} tables", seconds)

    def _report_success(self, copy: Copy, what: str, seconds: float) -> None:
        said = (
            f"Copied {what} from {copy.source!r} to {copy.target!r} in {seconds:.1f} s; "
            "every table was read back and is equal."
        )
        self.stdout(self.style_success(said))

    def _print_json(
        self, copy: Copy, copied: Sequence[CopiedTable], seconds: float, dry_run: bool
    ) -> None:
        import json  # Late: most people read the lines.

        document = {
            "from": copy.source,
            "to": copy.target,
            "dry_run": dry_run,
            "seconds": round(seconds, 3),
            "tables": {
                table.name: {"rows": table.rows, "checksum": table.checksum} for table in copied
            },
        }
        self.stdout(json.dumps(document, indent=2, ensure_ascii=False))
