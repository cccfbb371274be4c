"""Carrying a plan out: everything under temporary names first, renamed at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from openviper.staticfiles.collection_extras import Extras
from openviper.staticfiles.collection_output import Output
from openviper.staticfiles.collection_plan import Item, Plan
from openviper.staticfiles.collection_record import Known, Record
from openviper.staticfiles.copying import compress_file, copy_file, link_or_copy
from openviper.staticfiles.hashed_names import check_free, digest_of_file, hashed_name
from openviper.staticfiles.linked_copies import LinkedCopies, as_text
from openviper.staticfiles.references import MAX_READ, find_references, may_refer
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
        foreign: Those of them that no collection had written.
        warnings: References that name no file.
    """

    total: int = 0
    copied: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class CollectionRun:
    """One collection, from the first file that is written to the last name that is given."""

    def __init__(self, plan: Plan, extras: Extras) -> None:
        self.plan = plan
        self.extras = extras
        self.final = plan.destination
        self.output = Output(plan.destination, is_new=not plan.exists)
        self.names = {item.entry.name for item in plan.items}
        self.record = Record()
        self.warnings: list[str] = []

    def prepare(self) -> None:
        """Make the directories."""
        folders = {os.path.dirname(item.entry.name) for item in self.plan.items if item.copy}
        self.output.make_folders(folders - self.plan.present.directories - {""})

    def produce(self, advance: Advance) -> None:
        """Write every file that is needed, several at a time."""
        work = [item for item in self.plan.items if self._needs_work(item)]
        self._remember_the_rest(work)
        advance(len(self.plan.items) - len(work))
        if work:
            self._work_in_threads(work, advance)
        if self.extras.hashed:
            self._make_linked_copies()

    def _remember_the_rest(self, work: Iterable[Item]) -> None:
        busy = {item.entry.name for item in work}
        for item in self.plan.items:
            if item.entry.name not in busy:
                self._remember(item, item.known)

    def _make_linked_copies(self) -> None:
        linked = LinkedCopies(self.plan, self.record, self.output, self.extras)
        linked.produce()
        self.warnings += linked.warnings

    def _work_in_threads(self, work: list[Item], advance: Advance) -> None:
        # Late: a run with nothing to do needs no threads.
        from concurrent.futures import ThreadPoolExecutor, as_completed

        executor = ThreadPoolExecutor(WORKERS, "collectstatic")
        try:
            futures = [executor.submit(self._batch, batch) for batch in batches(work)]
            for future in as_completed(futures):
                for item, known in future.result():
                    self._remember(item, known)
                    advance(1)
        finally:
            executor.shutdown(cancel_futures=True)

    # What one file needs

    def _needs_work(self, item: Item) -> bool:
        if item.copy:
            return True
        known = item.known or Known(item.entry.size, item.entry.mtime_ns)
        if self._lacks_knowledge(item, known):
            return True
        return any(name not in self.plan.present.files for name in self._names_of(item, known))

    def _lacks_knowledge(self, item: Item, known: Known) -> bool:
        if self.extras.hashed:
            is_looked_into = known.references is not None or not self._may_refer(item)
            if known.digest is None or not is_looked_into:
                return True
        return self._wants_gzip(item) and known.smaller is None

    def _names_of(self, item: Item, known: Known) -> list[str]:
        """Return the names that a file has to have in the destination, but for those that depend on other files."""
        names = [item.entry.name]
        if self.extras.hashed and known.digest is not None and not known.references:
            names.append(hashed_name(item.entry.name, known.digest))
        if known.smaller and self._wants_gzip(item):
            names += [f"{name}.gz" for name in names]
        return names

    def _may_refer(self, item: Item) -> bool:
        return may_refer(item.entry.name) and item.entry.size <= MAX_READ

    def _wants_gzip(self, item: Item) -> bool:
        return self.extras.wants_gzip(item.entry.name, item.entry.size, self.names)

    # In threads

    def _batch(self, items: Iterable[Item]) -> list[tuple[Item, Known]]:
        return [(item, self._produce_file(item)) for item in items]

    def _produce_file(self, item: Item) -> Known:
        entry = item.entry
        known = item.known or Known(entry.size, entry.mtime_ns)
        path = self._copied(item) if item.copy else f"{self.output.base}/{entry.name}"
        if self.extras.hashed:
            known = self._with_hash(item, known, path)
        names = [entry.name, *self._hashed_copies(item, known, path)]
        if self._wants_gzip(item):
            known = known._replace(smaller=self._companions(path, names, item))
        return known

    def _copied(self, item: Item) -> str:
        """Copy a file, and return where to."""
        entry = item.entry
        path = self.output.stage(entry.name)
        copy_file(entry.path, path, entry.size, entry.mode, entry.mtime_ns)
        return path

    def _hashed_copies(self, item: Item, known: Known, path: str) -> list[str]:
        """Give a file its second name, and return it; files that refer to others get theirs later."""
        if not self.extras.hashed or known.references or known.digest is None:
            return []
        name = hashed_name(item.entry.name, known.digest)
        check_free(name, item.entry.name, self.names)
        self._second_name(path, name, item)
        return [name]

    def _with_hash(self, item: Item, known: Known, path: str) -> Known:
        """Return what is known of a file with its references, and its digest if it has none."""
        if known.references is None and self._may_refer(item):
            known = known._replace(references=self._references(item, path))
        if known.digest is None and not known.references:
            known = known._replace(digest=digest_of_file(path))
        return known

    def _references(self, item: Item, path: str) -> tuple[str, ...]:
        with open(path, "rb") as file:
            text = as_text(file.read())
        references = find_references(item.entry.name, text, self.extras.static_url)
        return tuple(dict.fromkeys(reference.target for reference in references))

    def _companions(self, path: str, names: list[str], item: Item) -> bool:
        compressed = self.output.path(f"{names[0]}.gz")
        if not compress_file(path, compressed, item.entry.mode, item.entry.mtime_ns):
            return False
        self.output.stage(f"{names[0]}.gz")
        for name in names[1:]:
            self._second_name(compressed, f"{name}.gz", item)
        return True

    def _second_name(self, path: str, name: str, item: Item) -> None:
        link_or_copy(path, self.output.stage(name), item.entry.mode, item.entry.mtime_ns)

    def _remember(self, item: Item, known: Known | None) -> None:
        entry = item.entry
        known = (known or Known(entry.size, entry.mtime_ns))._replace(is_copy=not item.in_place)
        self.record.files[entry.name] = known
        if self.extras.hashed and known.digest is not None and not known.references:
            self.record.hashed[entry.name] = hashed_name(entry.name, known.digest)

    # The end

    def finish(self) -> Collected:
        """Give everything its name, remove what has to go, and write the record."""
        self.output.give_names()
        self._remember_others()
        removed = self._superfluous()
        self._write_record(removed)
        self.output.remove(removed, empty_folders=self._folders_to_look_at(removed))
        self.output.take_place()
        foreign = set(self.plan.foreign())
        return Collected(
            total=len(self.plan.items),
            copied=[item.entry.name for item in self.plan.items if item.copy],
            removed=removed,
            foreign=[name for name in removed if name in foreign],
            warnings=self.warnings,
        )

    def _write_record(self, removed: Iterable[str]) -> None:
        for name in removed:
            self.record.extra.pop(name, None)
        if self.record != self.plan.record or RECORD_NAME not in self.plan.present.files:
            self.record.write(Path(self.output.base))

    def _remember_others(self) -> None:
        """Record hashed names and companions, new and old, and files whose source has gone."""
        old = self.plan.record
        for name in [*old.files, *old.extra]:
            status = self.plan.present.files.get(name)
            is_ours = status is not None and old.owns(name, status)
            if is_ours and status is not None and name not in self.names:
                self.record.extra[name] = status
        for name in self._outputs() - self.names:
            found = os.stat(f"{self.output.base}/{name}")
            self.record.extra[name] = (found.st_size, found.st_mtime_ns)

    def _outputs(self) -> set[str]:
        """Return the names of everything that this collection means to be there."""
        outputs = self.names | set(self.record.hashed.values())
        if self.extras.compress:
            outputs |= {f"{name}.gz" for name in self._smaller()}
        return outputs

    def _smaller(self) -> set[str]:
        names = {name for name, known in self.record.files.items() if known.smaller}
        return names | {self.record.hashed[name] for name in names if name in self.record.hashed}

    def _superfluous(self) -> list[str]:
        """Return the names to remove."""
        wanted = self._outputs()
        present = self.plan.present
        # Nobody is at work on these any more, as one collection waits for the other.
        superfluous = {name for name in present.files if is_leftover(name.rpartition("/")[2])}
        if not self.extras.compress:
            superfluous |= self._outdated_companions()
        if self.plan.clear:
            superfluous |= set(self.record.extra) | set(present.files) | present.others
        return sorted(superfluous - wanted - {RECORD_NAME})

    def _outdated_companions(self) -> set[str]:
        """Return the companions of changed files: a server would go on sending what the file was before."""
        changed = {f"{item.entry.name}.gz" for item in self.plan.items if item.copy}
        return {name for name in changed if name in self.record.extra}

    def _folders_to_look_at(self, removed: Iterable[str]) -> set[str]:
        folders = {os.path.dirname(name) for name in removed}
        return folders | self.plan.present.directories if self.plan.clear else folders

    def undo(self) -> None:
        """Remove everything that has no final name yet."""
        self.output.undo()


def batches(items: Iterable[Item]) -> list[list[Item]]:
    """Return the work in portions, those of large files and those of many small ones by turns.

    Copying a large file happens in the kernel and keeps no other thread waiting; small ones are mostly work of the
    interpreter, which one thread at a time can do. Side by side they take the time of the slower kind only.
    """
    ordered = sorted(items, key=lambda item: -item.entry.size)
    large = [[item] for item in ordered if item.entry.size >= LARGE]
    rest = ordered[len(large) :]
    small = [rest[start : start + BATCH_FILES] for start in range(0, len(rest), BATCH_FILES)]
    by_turns = zip_longest(large, small)
    return [batch for pair in by_turns for batch in pair if batch]
