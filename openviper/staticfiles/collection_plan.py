"""Deciding what a collection does, before anything is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from openviper.project.directory import project_directory
from openviper.staticfiles.collection_record import Known, Record, load_record
from openviper.staticfiles.exceptions import CollectError, UnsafeDestinationError
from openviper.staticfiles.finders import unique
from openviper.staticfiles.ignored_names import IgnoredNames
from openviper.staticfiles.scan import (
    FileEntry,
    Present,
    Scanning,
    is_leftover,
    scan_destination,
    scan_source,
)
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
        left_out: Paths of files and folders that are left out for their names.
        record: What the last collection wrote.
        present: What lies in the destination.
        clear: Whether everything is removed that is not collected.
    """

    destination: Path
    exists: bool
    clear: bool
    record: Record
    present: Present
    items: list[Item] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def stale(self) -> list[str]:
        """Return the names of copies that no source has any more and that clearing removes."""
        if not self.clear:
            return []
        names = {item.entry.name for item in self.items}
        return sorted(name for name in self.record.files if name not in names and self._owns(name))

    def foreign(self) -> list[str]:
        """Return the names of what no collection wrote, or somebody has changed since, and clearing removes."""
        if not self.clear:
            return []
        names = {item.entry.name for item in self.items}
        unknown = [
            name for name in self.present.files if name not in names and not self._is_ours(name)
        ]
        return sorted([*unknown, *(self.present.others - names)])

    def _is_ours(self, name: str) -> bool:
        return self._owns(name) or is_leftover(name.rpartition("/")[2])

    def _owns(self, name: str) -> bool:
        status = self.present.files.get(name)
        return status is not None and self.record.owns(name, status)


def make_plan(
    sources: Sequence[Path],
    destination: Path,
    *,
    clear: bool = False,
    ignored: IgnoredNames | None = None,
) -> Plan:
    """Look at sources and destination and decide what is to be done.

    Args:
        sources: Directories; of files with the same name the one in the first directory counts.
        destination: Where the files are to go.
        clear: Also remove everything else from it, and copy unchanged files again.
        ignored: Names that are left out; hidden and editor files when not given.

    Raises:
        UnsafeDestinationError: If `clear` could delete something of worth: see `check_clear`.
        CollectError: If a file is in the way of a directory, or the other way round.
    """
    directories = unique(sources)
    if clear:
        check_clear(directories, destination)
    plan = _empty_plan(destination, clear=clear)
    winners = _Choice(plan, ignored or IgnoredNames()).among(directories)
    if plan.exists:
        winners = _without_obstructed(plan, winners)
    plan.items = [_item(plan, *winners[name]) for name in sorted(winners)]
    return plan


def _empty_plan(destination: Path, *, clear: bool) -> Plan:
    """Return a plan with what is known of a destination."""
    real = Path(os.path.realpath(destination))
    if real.exists() and not real.is_dir():
        raise CollectError(f"the destination {str(destination)!r} is not a directory")
    plan = Plan(real, real.exists(), clear, load_record(real), scan_destination(str(real)))
    if clear:
        _check_was_collected_into(plan)
    return plan


Winners = dict[str, tuple[FileEntry, bool]]
"""The file to collect for each name, with whether it lies in the destination."""


class _Choice:
    """The file to take for each name, from sources of which the first one counts."""

    def __init__(self, plan: Plan, ignored: IgnoredNames) -> None:
        self._plan = plan
        self._destination = str(plan.destination)
        self._scanning = Scanning(
            self._destination, ignored, plan.warnings.append, plan.left_out.append
        )
        self._chosen: Winners = {}
        self._folders: dict[str, str | None] = {"": None}
        """Each folder that was met, with the chosen file that is in its way."""

    def among(self, directories: Iterable[Path]) -> Winners:
        """Return what is taken."""
        for directory in directories:
            in_place = os.path.realpath(directory) == self._destination
            for entry in scan_source(str(directory), self._scanning):
                if not self._is_own_work(entry, in_place):
                    self._consider(entry, in_place)
        return self._chosen

    def _is_own_work(self, entry: FileEntry, in_place: bool) -> bool:
        """Return whether an earlier collection put a file into its source; its own source decides about it then."""
        if entry.name == RECORD_NAME:
            return True
        return in_place and self._plan.record.owns(entry.name, (entry.size, entry.mtime_ns))

    def _consider(self, entry: FileEntry, in_place: bool) -> None:
        name = entry.name
        rival = self._rival(name)
        if rival is not None:
            self._hide(entry, behind=self._chosen[rival][0].path)
        elif name in self._folders:
            self._hide(entry, behind=os.path.join(self._destination, name))
        else:
            self._chosen[name] = (entry, in_place)

    def _hide(self, entry: FileEntry, *, behind: str) -> None:
        self._plan.conflicts.append(Conflict(entry.name, behind, entry.path))

    def _rival(self, name: str) -> str | None:
        folder = name.rpartition("/")[0]
        if folder not in self._folders:
            self._enter(folder)
        return name if name in self._chosen else self._folders[folder]

    def _enter(self, folder: str) -> None:
        parents = _parents(folder)
        obstacle = next((name for name in parents if name in self._chosen), None)
        for name in parents:
            self._folders.setdefault(name, obstacle)


def _parents(folder: str) -> list[str]:
    """Return a folder and those that it lies in, the outermost first."""
    parts = folder.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)] if folder else []


def _without_obstructed(plan: Plan, winners: Winners) -> Winners:
    """Return the files to collect without those whose place a link in the destination leads away from.

    Raises:
        CollectError: If a file is in the way of a directory, or the other way round.
    """
    through_links = _folders_through_links(plan, {name.rpartition("/")[0] for name in winners})
    free = {}
    for name, (entry, in_place) in winners.items():
        if name in plan.present.directories:
            raise CollectError(
                f"{str(plan.destination / name)!r} is a directory, and {entry.path!r} a file; remove one of them"
            )
        if in_place or name.rpartition("/")[0] not in through_links:
            free[name] = (entry, in_place)
        else:
            _warn_of_link(plan, name, entry)
    return free


def _warn_of_link(plan: Plan, name: str, entry: FileEntry) -> None:
    target = str(plan.destination / name)
    plan.warnings.append(
        f"skipped {entry.path!r}: {target!r} leads out of the destination through a link"
    )


def _folders_through_links(plan: Plan, folders: Iterable[str]) -> set[str]:
    """Return the folders that lie behind a link.

    Raises:
        CollectError: If a file has the name of one.
    """
    through_links = set()
    for folder in sorted(folders):
        parents = _parents(folder)
        _check_no_file(plan, folder, parents)
        if not plan.present.others.isdisjoint(parents):
            through_links.add(folder)
    return through_links


def _check_no_file(plan: Plan, folder: str, parents: Iterable[str]) -> None:
    for name in parents:
        if name in plan.present.files:
            raise CollectError(
                f"{str(plan.destination / name)!r} is a file, and the files of {folder!r} need a directory there"
            )


def _item(plan: Plan, entry: FileEntry, in_place: bool) -> Item:
    seen = (entry.size, entry.mtime_ns)
    known = plan.record.files.get(entry.name)
    if known is not None and known[:2] != seen:
        known = None
    if in_place:
        return Item(entry, in_place, copy=False, known=known)
    if plan.clear:
        return Item(entry, in_place, copy=True, known=None)
    return Item(entry, in_place, copy=plan.present.files.get(entry.name) != seen, known=known)


def check_clear(sources: Iterable[Path], destination: Path) -> None:
    """Make sure that a destination that is to be cleared is nobody's home, project or source.

    Raises:
        UnsafeDestinationError: If the destination is a symbolic link, or is or holds a source, the working directory,
            the home directory, a project or a file system.
    """
    danger = _danger(sources, destination)
    if danger is not None:
        raise UnsafeDestinationError(f"cannot clear {str(destination)!r}: {danger}")


def _danger(sources: Iterable[Path], destination: Path) -> str | None:
    """Return why a destination must not be cleared, or `None`."""
    if destination.is_symlink():
        return "it is a symlink"
    real = Path(os.path.realpath(destination))
    for path, what in _kept(sources):
        if Path(path).is_relative_to(real):
            return f"it is or holds {what}"
    mark = next(iter(_project_marks(real)), None)
    return f"it holds {mark!r}, so it is more than static files" if mark is not None else None


def _project_marks(directory: Path) -> list[str]:
    names = sorted(os.listdir(directory)) if directory.is_dir() else []
    return [name for name in names if name in PROJECT_MARKS or name.endswith(".py")]


def _kept(sources: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield the real paths that no destination may be or hold, each with what it is."""
    for source in sources:
        yield os.path.realpath(source), f"the source {str(source)!r}"
    yield os.getcwd(), "the working directory"
    yield os.path.realpath(project_directory()), "the project"
    yield os.path.realpath(os.path.expanduser("~")), "the home directory"


def _check_was_collected_into(plan: Plan) -> None:
    """Make sure that a destination that is to be emptied is known to be one.

    Raises:
        UnsafeDestinationError: If there is something in it, and no record of a collection.
    """
    is_empty = not (plan.present.files or plan.present.others or plan.present.directories)
    if not is_empty and not plan.record.is_stored:
        raise UnsafeDestinationError(
            f"cannot clear {str(plan.destination)!r}: it holds files, and nothing was ever collected into it; "
            "collect once without clearing, or remove it by hand"
        )
