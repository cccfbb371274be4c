"""Collecting static files into one directory, for a web server to send.

Everything is written under temporary names first and renamed at the end, so a run that fails or is interrupted leaves the
destination as it was. A destination that does not exist yet is built beside its place and renamed as a whole.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from openviper.staticfiles.copying import (
    compress_file,
    copy_file,
    digest_of,
    hashed_name,
    is_compressible,
    link_or_copy,
)
from openviper.staticfiles.finders import discover_app_static_dirs
from openviper.staticfiles.plan import Item, Plan, make_plan
from openviper.staticfiles.record import Known, Record
from openviper.staticfiles.scan import is_leftover
from openviper.template.assets import RECORD_NAME

WORKERS = min(8, (os.cpu_count() or 1) * 2)
BATCH_FILES = 128
"""Small files go to a thread in portions of this many, so that they share the cost of handing them over."""
LARGE = 256 * 1024
"""From this size on, in bytes, a file is a portion of its own."""
Advance = Callable[[int], None]


@dataclass
class Collected:
    """What a collection did.

    Attributes:
        total: Files in the result that came from a source; an overridden file counts once.
        copied: Names that were copied.
        removed: Names that were removed.
        kept: Names in the destination that no collection wrote; only looked for when clearing.
    """

    total: int = 0
    copied: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def collect_static(
    source_dirs: Sequence[str | os.PathLike[str]],
    dest_dir: str | os.PathLike[str],
    *,
    clear: bool = False,
    hashed: bool = False,
    compress: bool = False,
) -> int:
    """Copy static files into one directory: first those of `source_dirs`, then those of the installed apps.

    Of files with the same name the first one counts. Unchanged files, told by size and time, are not even read.

    Args:
        source_dirs: Directories; those that do not exist are passed over.
        dest_dir: Where the files go.
        clear: Remove what earlier collections wrote and is no longer collected; other files are never removed.
        hashed: Also give each file a name that holds a hash of its content.
        compress: Also write a ``.gz`` file beside each one that becomes smaller.

    Returns:
        The number of files in the result that came from a source.

    Raises:
        UnsafeDestinationError: If clearing the destination could delete something that was not collected.
        CollectError: If a file is in the way of a directory, or the other way round.
        OSError: If reading or writing fails; the destination is as it was.
    """
    sources = [*map(Path, source_dirs), *discover_app_static_dirs()]
    plan = make_plan(sources, Path(dest_dir), clear=clear)
    return carry_out(plan, hashed=hashed, compress=compress).total


def carry_out(
    plan: Plan,
    *,
    hashed: bool = False,
    compress: bool = False,
    advance: Advance = lambda _amount: None,
) -> Collected:
    """Do what was planned.

    Args:
        plan: From `make_plan`.
        hashed: Also give each file a name that holds a hash of its content.
        compress: Also write a ``.gz`` file beside each one that becomes smaller.
        advance: Called with the number of files that were finished since the last call.

    Raises:
        OSError: If reading or writing fails; the destination is as it was.
    """
    run = _Run(plan, hashed=hashed, compress=compress)
    try:
        run.prepare()
        run.produce(advance)
        return run.finish()
    except BaseException:
        run.undo()
        raise


class _Run:
    def __init__(self, plan: Plan, *, hashed: bool, compress: bool) -> None:
        self.plan = plan
        self.hashed = hashed
        self.compress = compress
        self.token = secrets.token_hex(4)
        self.final = plan.destination
        # Building aside needs no renaming file by file.
        self.aside = (
            None
            if plan.exists
            else self.final.with_name(f".{self.final.name}.{self.token}.partial")
        )
        self.base = str(self.aside or self.final)
        self.names = {item.entry.name for item in plan.items}
        self.staged: list[tuple[str, str]] = []
        """Temporary paths with the names that they are going to have."""
        self.record = Record()

    def prepare(self) -> None:
        """Make the directories."""
        folders = {os.path.dirname(item.entry.name) for item in self.plan.items if item.copy}
        os.makedirs(self.base, exist_ok=True)
        for folder in sorted(folders - self.plan.present.directories - {""}):
            os.makedirs(f"{self.base}/{folder}", exist_ok=True)

    def produce(self, advance: Advance) -> None:
        """Write every file that is needed, several at a time."""
        work = [item for item in self.plan.items if self._needs_work(item)]
        busy = {id(item) for item in work}
        for item in self.plan.items:
            if id(item) not in busy:
                self._remember(item, item.known)
        advance(len(self.plan.items) - len(work))
        if not work:
            return
        # Imported here: a run with nothing to do needs no threads.
        from concurrent.futures import ThreadPoolExecutor, as_completed

        executor = ThreadPoolExecutor(WORKERS, "collectstatic")
        try:
            for future in as_completed(
                [executor.submit(self._batch, batch) for batch in _batches(work)]
            ):
                for item, known in future.result():
                    self._remember(item, known)
                    advance(1)
        finally:
            executor.shutdown(cancel_futures=True)

    def _needs_work(self, item: Item) -> bool:
        if item.copy:
            return True
        known, present = item.known, self.plan.present.files
        name = item.entry.name
        names = [name]
        if self.hashed:
            if known is None or known.digest is None:
                return True
            names.append(hashed_name(name, known.digest))
        if self._wants_gzip(item):
            if known is None or known.smaller is None:
                return True
            names += [f"{one}.gz" for one in names] if known.smaller else []
        return any(one not in present for one in names)

    def _wants_gzip(self, item: Item) -> bool:
        name = item.entry.name
        return (
            self.compress
            and is_compressible(name, item.entry.size)
            and f"{name}.gz" not in self.names
        )

    def _batch(self, items: Iterable[Item]) -> list[tuple[Item, Known]]:
        return [(item, self._produce_one(item)) for item in items]

    def _produce_one(self, item: Item) -> Known:
        entry, known = item.entry, item.known or Known(item.entry.size, item.entry.mtime_ns)
        path = f"{self.base}/{entry.name}"
        if item.copy:
            path = self._stage(entry.name)
            copy_file(entry.path, path, entry.size, entry.mode, entry.mtime_ns)
        names = [entry.name]
        if self.hashed:
            known = known._replace(digest=known.digest or digest_of(path))
            assert known.digest is not None
            names.append(hashed_name(entry.name, known.digest))
            self._second_name(path, names[1], item)
        if self._wants_gzip(item):
            known = known._replace(smaller=self._companions(path, names, item))
        return known

    def _companions(self, path: str, names: list[str], item: Item) -> bool:
        compressed = self._path(f"{names[0]}.gz")
        if not compress_file(path, compressed, item.entry.mode, item.entry.mtime_ns):
            return False
        self._stage(f"{names[0]}.gz")
        for name in names[1:]:
            self._second_name(compressed, f"{name}.gz", item)
        return True

    def _second_name(self, path: str, name: str, item: Item) -> None:
        target = self._stage(name)
        link_or_copy(path, target, item.entry.mode, item.entry.mtime_ns)

    def _stage(self, name: str) -> str:
        path = self._path(name)
        if self.aside is None:
            self.staged.append((path, name))
        return path

    def _path(self, name: str) -> str:
        if self.aside is not None:
            return f"{self.base}/{name}"
        folder, _, last = f"{self.base}/{name}".rpartition("/")
        return f"{folder}/.{last}.{self.token}.partial"

    def _remember(self, item: Item, known: Known | None) -> None:
        entry = item.entry
        known = (known or Known(entry.size, entry.mtime_ns))._replace(is_copy=not item.in_place)
        self.record.files[entry.name] = known
        if self.hashed and known.digest is not None:
            self.record.hashed[entry.name] = hashed_name(entry.name, known.digest)

    # The end

    def finish(self) -> Collected:
        """Give everything its name, remove what has to go, and write the record."""
        result = Collected(
            len(self.plan.items), [item.entry.name for item in self.plan.items if item.copy]
        )
        while self.staged:
            path, name = self.staged[-1]
            os.replace(path, f"{self.base}/{name}")
            self.staged.pop()
        self._remember_others()
        result.removed, result.kept = self._leftovers()
        for name in result.removed:
            self.record.extra.pop(name, None)
        if self.record != self.plan.record or RECORD_NAME not in self.plan.present.files:
            self.record.write(Path(self.base))
        for name in result.removed:
            with suppress(FileNotFoundError):
                os.unlink(f"{self.base}/{name}")
        self._remove_empty_folders(result.removed)
        if self.aside is not None:
            os.rename(self.aside, self.final)
        return result

    def _remember_others(self) -> None:
        """Record hashed names and companions, new and old, and files whose source has gone."""
        old = self.plan.record
        for name in [*old.files, *old.extra]:
            stat = self.plan.present.files.get(name)
            if stat is not None and name not in self.names and old.owns(name, stat):
                self.record.extra[name] = stat
        for name, known in self.record.files.items():
            names = [self.record.hashed[name]] if name in self.record.hashed else []
            if known.smaller and self.compress:
                names += [f"{one}.gz" for one in (name, *names)]
            for one in names:
                if one not in self.names:
                    status = os.stat(f"{self.base}/{one}")
                    self.record.extra[one] = (status.st_size, status.st_mtime_ns)

    def _leftovers(self) -> tuple[list[str], list[str]]:
        """Return the names to remove, and those in the destination that are none of our business."""
        wanted = self._outputs()
        removed = []
        if not self.compress:
            # A server would go on sending the compressed form of what the file was before.
            changed = [f"{item.entry.name}.gz" for item in self.plan.items if item.copy]
            removed = [name for name in changed if name in self.record.extra and name not in wanted]
        if not self.plan.clear:
            return removed, []
        removed = sorted(name for name in self.record.extra if name not in wanted)
        others = [
            name
            for name in self.plan.present.files
            if name not in wanted and name not in self.record.extra
        ]
        removed += sorted(name for name in others if is_leftover(name.rpartition("/")[2]))
        return removed, sorted(
            name for name in others if name != RECORD_NAME and name not in removed
        )

    def _outputs(self) -> set[str]:
        wanted = self.names | set(self.record.hashed.values())
        if self.compress:
            wanted |= {f"{name}.gz" for name, known in self.record.files.items() if known.smaller}
            wanted |= {
                f"{other}.gz"
                for name, other in self.record.hashed.items()
                if self.record.files[name].smaller
            }
        return wanted

    def _remove_empty_folders(self, removed: Iterable[str]) -> None:
        folders = {os.path.dirname(name) for name in removed}
        for folder in sorted(folders, key=len, reverse=True):
            while folder:
                try:
                    os.rmdir(f"{self.base}/{folder}")
                except OSError:  # Something else is in it.
                    break
                folder = os.path.dirname(folder)

    def undo(self) -> None:
        """Remove everything that has no final name yet."""
        if self.aside is not None:
            shutil.rmtree(self.aside, ignore_errors=True)
        for path, _ in self.staged:
            with suppress(OSError):
                os.unlink(path)


def _batches(items: Iterable[Item]) -> list[list[Item]]:
    """Return the work in portions, those of large files and those of many small ones by turns.

    Copying a large file happens in the kernel and keeps no other thread waiting; small ones are mostly work of the
    interpreter, which one thread at a time can do. Side by side they take the time of the slower kind only.
    """
    large: list[list[Item]] = []
    small: list[list[Item]] = [[]]
    for item in sorted(items, key=lambda one: -one.entry.size):
        if item.entry.size >= LARGE:
            large.append([item])
            continue
        if len(small[-1]) >= BATCH_FILES:
            small.append([])
        small[-1].append(item)
    by_turns = zip_longest(large, small)
    return [batch for pair in by_turns for batch in pair if batch]
