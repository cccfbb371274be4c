"""What `dump-data` and `load-data` do: open the file, move the rows, and report."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from openviper.core.management.aliases import check_alias
from openviper.core.management.base import CommandError, UsageError
from openviper.core.management.labels import all_named
from openviper.core.management.moving import Moving
from openviper.db.models import model_registry
from openviper.db.transfer.dumping import Dump, Dumped, Write, count_dump, dump_data
from openviper.db.transfer.lines import read_lines
from openviper.db.transfer.loading import Load, Loaded, load_data
from openviper.db.transfer.tables import TransferTable, transfer_tables
from openviper.utils.atomic_files import atomic_write

PRIVATE = 0o600
GZIP = b"\x1f\x8b"
"""How a compressed file begins (RFC 1952, section 2.3.1)."""
STDIN = "-"


class Dumping(Moving):
    """What `dump-data` does."""

    async def run(self, options: Mapping[str, Any]) -> None:
        """Write the rows.

        Raises:
            CommandError: If it cannot be done, or was interrupted; there is no file then.
        """
        alias = check_alias(options["database"])
        if options["overwrite"] and options["output"] is None:
            raise UsageError("--overwrite needs --output")
        self.load_models()
        dump = Dump(
            alias,
            chosen_tables(options["labels"], options["exclude"]),
            natural=options["natural"],
            with_secrets=options["with_secrets"],
        )
        await self.interruptible(lambda: self._dump(dump, options), "nothing was written")

    async def _dump(self, dump: Dump, options: Mapping[str, Any]) -> None:
        total = await count_dump(dump)
        with self._opened(options) as write, self.progress(total) as observe:
            dumped = await dump_data(
                dump, write, lambda table, rows: observe("Writing", table, rows)
            )
        self._report(dump, dumped, options["output"])

    def _report(self, dump: Dump, dumped: Dumped, output: str | None) -> None:
        if dump.left_out:
            fields = ", ".join(dump.left_out)
            self.terminal.warning(f"left out because secret: {fields}; --with-secrets writes them")
        if output is not None:
            self.stdout(self.style_success(f"Wrote {dumped.total} rows to {output!r}."))

    @contextmanager
    def _opened(self, options: Mapping[str, Any]) -> Iterator[Write]:
        """Open what is written to, and give what takes a line."""
        if options["output"] is None:
            yield self._write_out
            return
        path = self._checked(Path(options["output"]), overwrite=options["overwrite"])
        with ExitStack() as stack:
            file = stack.enter_context(atomic_write(path, mode=PRIVATE))
            if path.suffix == ".gz":
                # Without a name and time, so that the same rows are the same file.
                file = cast(
                    "BinaryIO",
                    stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0)),
                )
            yield lambda text: file.write(text.encode())

    @staticmethod
    def _checked(path: Path, *, overwrite: bool) -> Path:
        if path.exists() and not overwrite:
            raise CommandError(f"file {str(path)!r} exists already; --overwrite replaces it")
        if not path.parent.is_dir():
            raise CommandError(f"there is no directory {str(path.parent)!r}")
        return path

    def _write_out(self, text: str) -> None:
        buffer = getattr(self.terminal.out, "buffer", None)
        if buffer is None:
            self.terminal.line(text, end="")
            return
        # Whatever the encoding of standard output is: a file of rows is UTF-8.
        try:
            buffer.write(text.encode())
        except BrokenPipeError:
            raise  # The reader has seen enough.
        except OSError as error:
            self.terminal.refuse_output(error)


def chosen_tables(labels: list[str], excluded: list[str]) -> list[TransferTable]:
    """Return the tables that labels name, or all, without those that are excluded.

    Raises:
        CommandError: If a label names no model.
    """
    left_out = set(all_named(excluded)) if excluded else set()
    models = [model for model in all_named(labels) if model not in left_out]
    return [table for table in transfer_tables(models) if table.model not in left_out]


class Loading(Moving):
    """What `load-data` does."""

    async def run(self, options: Mapping[str, Any]) -> None:
        """Store the rows.

        Raises:
            CommandError: If it cannot be done, or was interrupted; the database is as it was.
        """
        alias = check_alias(options["database"])
        self.load_models()
        load = Load(
            alias,
            transfer_tables(model_registry.all()),
            update=options["update"],
            store=not options["dry_run"],
        )
        await self.interruptible(
            lambda: self._load(load, options["file"]), f"database {alias!r} is unchanged"
        )

    async def _load(self, load: Load, name: str) -> None:
        with opened_rows(name) as file, self.progress(0) as observe:
            loaded = await load_data(
                load,
                read_lines(file),
                self.apps,
                lambda table, rows: observe("Loading", table, rows),
            )
        self._report(load, loaded)

    def _report(self, load: Load, loaded: Loaded) -> None:
        if not load.store:
            more = f", and {loaded.updated} to update" if loaded.updated else ""
            self.stdout(f"{loaded.inserted} rows{more} can be loaded; nothing was stored.")
            return
        more = f" and updated {loaded.updated}" if loaded.updated else ""
        self.stdout(self.style_success(f"Loaded {loaded.inserted} rows{more} in {load.alias!r}."))


@contextmanager
def opened_rows(name: str) -> Iterator[BinaryIO]:
    """Open a file of rows, compressed or not, or standard input.

    Raises:
        CommandError: If there is no such input.
        OSError: If it cannot be opened.
    """
    with ExitStack() as stack:
        file: BinaryIO = (
            _standard_input() if name == STDIN else stack.enter_context(_opened_file(name))
        )
        if _begins_with_gzip(file):
            file = cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=file)))
        yield file


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # Closed before Python started, as `<&-` does.
        raise CommandError("standard input is closed, so there are no rows in it")
    return sys.stdin.buffer


def _opened_file(name: str) -> BinaryIO:
    if os.path.isdir(name):
        raise CommandError(f"{name!r} is a directory, not a file of rows")
    return open(name, "rb")


def _begins_with_gzip(file: Any) -> bool:
    return bytes(file.peek(len(GZIP))[: len(GZIP)]) == GZIP
