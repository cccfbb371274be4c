"""Walking directories of static files: one look at each file, none into it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

PLACEHOLDER = ".gitkeep"
"""Lies in a directory for the sole purpose that git keeps it."""
Warn = Callable[[str], None]
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.partial")


def is_leftover(name: str) -> bool:
    """Tell whether a file or directory is called like the unfinished work of a collection."""
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


def scan_source(root: str, excluded: str | None, warn: Warn) -> Iterator[FileEntry]:
    """Yield the files below a directory, in the order of their names.

    Args:
        root: The directory.
        excluded: The real path of a directory that is passed over wherever it is met, so that a destination inside a
            source is not collected into itself.
        warn: Called with a sentence for each link that leads outside and each thing that is not a file.
    """
    real_root = os.path.realpath(root)
    return _walk(real_root, "", _Rules(real_root, excluded, warn), (real_root,))


class _Rules(NamedTuple):
    root: str
    excluded: str | None
    warn: Warn


def _walk(
    directory: str, prefix: str, rules: _Rules, above: tuple[str, ...]
) -> Iterator[FileEntry]:
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = prefix + entry.name
        if entry.name == PLACEHOLDER or is_leftover(entry.name):
            continue
        if entry.is_symlink():
            yield from _follow(entry, name, rules, above)
        elif entry.is_dir(follow_symlinks=False):
            if entry.path != rules.excluded:
                yield from _walk(entry.path, name + "/", rules, (*above, entry.path))
        else:
            yield from _file(entry.path, name, entry.stat(follow_symlinks=False), rules)


def _follow(
    entry: os.DirEntry[str], name: str, rules: _Rules, above: tuple[str, ...]
) -> Iterator[FileEntry]:
    target = os.path.realpath(entry.path)
    if not target.startswith(rules.root + os.sep) or not os.path.exists(target):
        rules.warn(f"skipped {entry.path!r}: the link leads outside its source, or nowhere")
    elif not os.path.isdir(target):
        yield from _file(target, name, os.stat(target), rules)
    elif target in above:
        rules.warn(f"skipped {entry.path!r}: the link leads to a directory that it lies in")
    elif target != rules.excluded:
        yield from _walk(target, name + "/", rules, (*above, target))


def _file(path: str, name: str, status: os.stat_result, rules: _Rules) -> Iterator[FileEntry]:
    if not stat.S_ISREG(status.st_mode):
        rules.warn(f"skipped {path!r}: it is not a regular file")
        return
    yield FileEntry(name, path, status.st_size, status.st_mtime_ns, status.st_mode & 0o777)


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
    pending = [(root, "")]
    while pending:
        directory, prefix = pending.pop()
        try:
            found = os.scandir(directory)
        except FileNotFoundError:
            continue
        with found:
            for entry in found:
                name = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    present.directories.add(name)
                    pending.append((entry.path, name + "/"))
                elif entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    present.files[name] = (status.st_size, status.st_mtime_ns)
                else:
                    present.others.add(name)
    return present
