"""Deciding what a collection does, before anything is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from openviper.staticfiles.exceptions import CollectError, UnsafeDestinationError
from openviper.staticfiles.finders import unique
from openviper.staticfiles.record import Known, Record, load_record
from openviper.staticfiles.scan import FileEntry, Present, scan_destination, scan_source
from openviper.template.assets import RECORD_NAME

PROJECT_MARKS = (".git", "viperctl.py", "pyproject.toml")
"""A directory with one of these, or with Python code, is somebody's work and never emptied."""


class Conflict(NamedTuple):
    """Two sources have a file of the same name.

    Attributes:
        name: The name.
        winner: The file that is collected.
        loser: The file that is not.
    """

    name: str
    winner: str
    loser: str


@dataclass(slots=True)
class Item:
    """A file to collect.

    Attributes:
        entry: The source file.
        in_place: Whether it lies in the destination already.
        copy: Whether it has to be copied.
        known: What the last collection found out about the same content.
    """

    entry: FileEntry
    in_place: bool
    copy: bool
    known: Known | None


@dataclass
class Plan:
    """What a collection is going to do.

    Attributes:
        destination: Where the files go; a real path.
        exists: Whether the destination is there.
        items: The files, in the order of their names.
        conflicts: Files that an earlier source hides.
        warnings: What was skipped, and why.
        record: What the last collection wrote.
        present: What lies in the destination.
        clear: Whether files of earlier collections that are not collected any more are removed.
    """

    destination: Path
    exists: bool
    clear: bool
    record: Record
    present: Present
    items: list[Item] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def stale(self) -> list[str]:
        """Return the names of copies that no source has any more and that clearing removes."""
        names = {item.entry.name for item in self.items}
        stats = self.present.files
        return sorted(
            name
            for name in self.record.files
            if self.clear
            and name not in names
            and name in stats
            and self.record.owns(name, stats[name])
        )


def make_plan(sources: Sequence[Path], destination: Path, *, clear: bool = False) -> Plan:
    """Look at sources and destination and decide what is to be done.

    Args:
        sources: Directories; of files with the same name the one in the first directory counts.
        destination: Where the files are to go.
        clear: Also remove what earlier collections wrote, and copy unchanged files again.

    Raises:
        UnsafeDestinationError: If `clear` could delete something that was not collected.
        CollectError: If a file is in the way of a directory, or the other way round.
    """
    directories = unique(sources)
    if clear:
        check_clear(directories, destination)
    real = Path(os.path.realpath(destination))
    if real.exists() and not real.is_dir():
        raise CollectError(f"the destination {str(destination)!r} is not a directory")
    plan = Plan(real, real.exists(), clear, load_record(real), scan_destination(str(real)))
    winners = _choose(plan, directories)
    if plan.exists:
        winners = _without_obstructed(plan, winners)
    plan.items = [_item(plan, *winners[name]) for name in sorted(winners)]
    return plan


Winners = dict[str, tuple[FileEntry, bool]]
"""The file to collect for each name, with whether it lies in the destination."""


def _choose(plan: Plan, directories: Iterable[Path]) -> Winners:
    chosen: Winners = {}
    folders: dict[str, str | None] = {"": None}
    """Each folder that was met, with the chosen file that is in its way."""
    destination = str(plan.destination)
    for directory in directories:
        in_place = os.path.realpath(directory) == destination
        for entry in scan_source(str(directory), destination, plan.warnings.append):
            name = entry.name
            if in_place and plan.record.owns(name, entry[2:4]):
                continue  # An earlier collection put it here; its own source decides about it.
            if name == RECORD_NAME:
                continue
            folder = name.rpartition("/")[0]
            if folder not in folders:
                _enter(folder, folders, chosen)
            rival = name if name in chosen else folders[folder]
            if rival is None and name not in folders:
                chosen[name] = (entry, in_place)
                continue
            winner = chosen[rival][0].path if rival is not None else os.path.join(destination, name)
            plan.conflicts.append(Conflict(name, winner, entry.path))
    return chosen


def _enter(folder: str, folders: dict[str, str | None], chosen: Winners) -> None:
    parents = _parents(folder)
    obstacle = next((name for name in parents if name in chosen), None)
    for name in parents:
        folders.setdefault(name, obstacle)


def _parents(folder: str) -> list[str]:
    """Return a folder and those that it lies in, the outermost first."""
    parts = folder.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)] if folder else []


def _without_obstructed(plan: Plan, winners: Winners) -> Winners:
    present, free, through_links = plan.present, {}, set()
    for folder in sorted({name.rpartition("/")[0] for name in winners}):
        parents = _parents(folder)
        if not present.others.isdisjoint(parents):
            through_links.add(folder)
        blocking = next((name for name in parents if name in present.files), None)
        if blocking is not None:
            raise CollectError(
                f"{str(plan.destination / blocking)!r} is a file, and the files of {folder!r} need a directory there"
            )
    for name, (entry, in_place) in winners.items():
        if name in present.directories:
            raise CollectError(
                f"{str(plan.destination / name)!r} is a directory, and {entry.path!r} a file; remove one of them"
            )
        if not in_place and name.rpartition("/")[0] in through_links:
            target = str(plan.destination / name)
            plan.warnings.append(
                f"skipped {entry.path!r}: {target!r} leads out of the destination through a link"
            )
            continue
        free[name] = (entry, in_place)
    return free


def _item(plan: Plan, entry: FileEntry, in_place: bool) -> Item:
    known = plan.record.files.get(entry.name)
    if known is not None and known[:2] != entry[2:4]:
        known = None
    unchanged = in_place or (not plan.clear and plan.present.files.get(entry.name) == entry[2:4])
    return Item(entry, in_place, not unchanged, None if plan.clear and not in_place else known)


def check_clear(sources: Iterable[Path], destination: Path) -> None:
    """Make sure that nothing but collected files can be in danger when a destination is cleared.

    Raises:
        UnsafeDestinationError: If the destination is a symbolic link, or is or holds a source, the working directory,
            the home directory, a project or a file system.
    """
    shown = str(destination)
    if destination.is_symlink():
        raise UnsafeDestinationError(f"cannot clear {shown!r}: it is a symlink")
    real = Path(os.path.realpath(destination))
    kept = {os.path.realpath(source): f"the source {str(source)!r}" for source in sources}
    kept |= {
        os.getcwd(): "the working directory",
        os.path.realpath(os.path.expanduser("~")): "the home directory",
    }
    for path, what in kept.items():
        if Path(path).is_relative_to(real):
            raise UnsafeDestinationError(f"cannot clear {shown!r}: it is or holds {what}")
    if not real.is_dir():
        return
    for name in sorted(os.listdir(real)):
        if name in PROJECT_MARKS or name.endswith(".py"):
            raise UnsafeDestinationError(
                f"cannot clear {shown!r}: it holds {name!r}, so it is more than static files"
            )
