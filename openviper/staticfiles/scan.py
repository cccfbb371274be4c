"""Walking directories of static files: one look at each file, none into it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

from openviper.staticfiles.ignored_names import IgnoredNames

PLACEHOLDER = ".gitkeep"
"""Lies in a directory for the sole purpose that git keeps it; not worth telling."""
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.partial")


def is_leftover(name: str) -> bool:
    """Return whether a file or directory is called like the unfinished work of a collection."""
    return _LEFTOVER.fullmatch(name) is not None


class FileEntry(NamedTuple):
    """A regular file in a directory of static files.

    Attributes:
        name: Its path below that directory, with ``/``.
        path: Where it is.
        size: In bytes.
        mtime_ns: When it was last changed, in nanoseconds since the epoch.
        mode: Its permission bits.
    """

    name: str
    path: str
    size: int
    mtime_ns: int
    mode: int


class Scanning(NamedTuple):
    """How a source is looked through.

    Attributes:
        excluded: The real path of a directory that is passed over wherever it is met, so that a destination inside a
            source is not collected into itself.
        ignored: The names that are left out.
        warn: Called with a sentence for each link that leads outside and each thing that is not a file.
        leave_out: Called with the path of each file and folder that is left out for its name.
    """

    excluded: str | None
    ignored: IgnoredNames
    warn: Callable[[str], None]
    leave_out: Callable[[str], None]


def scan_source(root: str, scanning: Scanning) -> Iterator[FileEntry]:
    """Yield the files below a directory, in the order of their names."""
    real_root = os.path.realpath(root)
    yield from _Walk(real_root, scanning).folder(real_root, "", (real_root,))


class _Walk:
    """One look through a source.

    Args:
        root: The real path of the source.
        scanning: How.
    """

    def __init__(self, root: str, scanning: Scanning) -> None:
        self._root = root
        self._scanning = scanning

    def folder(self, directory: str, prefix: str, above: tuple[str, ...]) -> Iterator[FileEntry]:
        """Yield the files below a folder; `above` are the real paths of the folders that it lies in."""
        with os.scandir(directory) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
        for entry in entries:
            name = prefix + entry.name
            if self._scanning.ignored.matches(entry.name, name) or is_leftover(entry.name):
                if entry.name != PLACEHOLDER:
                    self._scanning.leave_out(entry.path)
            else:
                yield from self._entry(entry, name, above)

    def _entry(
        self, entry: os.DirEntry[str], name: str, above: tuple[str, ...]
    ) -> Iterator[FileEntry]:
        if entry.is_symlink():
            yield from self._follow(entry, name, above)
        elif not entry.is_dir(follow_symlinks=False):
            yield from self._file(entry.path, name, entry.stat(follow_symlinks=False))
        elif entry.path != self._scanning.excluded:
            yield from self.folder(entry.path, name + "/", (*above, entry.path))

    def _follow(
        self, entry: os.DirEntry[str], name: str, above: tuple[str, ...]
    ) -> Iterator[FileEntry]:
        target = os.path.realpath(entry.path)
        if not target.startswith(self._root + os.sep) or not os.path.exists(target):
            self._skip(entry.path, "the link leads outside its source, or nowhere")
        elif not os.path.isdir(target):
            yield from self._file(target, name, os.stat(target))
        elif target in above:
            self._skip(entry.path, "the link leads to a directory that it lies in")
        elif target != self._scanning.excluded:
            yield from self.folder(target, name + "/", (*above, target))

    def _file(self, path: str, name: str, status: os.stat_result) -> Iterator[FileEntry]:
        if not stat.S_ISREG(status.st_mode):
            self._skip(path, "it is not a regular file")
            return
        yield FileEntry(name, path, status.st_size, status.st_mtime_ns, status.st_mode & 0o777)

    def _skip(self, path: str, why: str) -> None:
        self._scanning.warn(f"skipped {path!r}: {why}")


class Present(NamedTuple):
    """What lies in a destination.

    Attributes:
        files: Size and time of change, in nanoseconds, of each regular file by name.
        directories: Names of the directories.
        others: Names of links and whatever else; links are not followed.
    """

    files: dict[str, tuple[int, int]]
    directories: set[str]
    others: set[str]


def scan_destination(root: str) -> Present:
    """Return what lies below a directory; nothing if it does not exist."""
    present = Present({}, set(), set())
    pending = [""]
    while pending:
        pending += _scan_folder(root, pending.pop(), present)
    return present


def _scan_folder(root: str, prefix: str, present: Present) -> list[str]:
    """Note what lies in a folder, and return the prefixes of the folders in it."""
    inner = []
    try:
        scanned = os.scandir(f"{root}/{prefix}")
    except FileNotFoundError:
        return []
    with scanned:
        for entry in scanned:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                present.directories.add(name)
                inner.append(name + "/")
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                present.files[name] = (status.st_size, status.st_mtime_ns)
            else:
                present.others.add(name)
    return inner
