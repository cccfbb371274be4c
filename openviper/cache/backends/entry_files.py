"""Entries as files in a private directory, each written beside its place and renamed; for calls from a worker thread.

``<directory>/<x>/<SHA-256 of the name>``, where ``x`` is the first digit of the hash. A line with the form, the end and the
name, then the content. Who changes an entry depending on what it is holds the lock of its sub-directory.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from openviper.cache.lifetimes import NEVER
from openviper.exceptions import ImproperlyConfigured

FORM = b"openviper-cache-1"
_HEAD = re.compile(FORM + rb" ([0-9]{1,20}(?:\.[0-9]{1,20})?) ([0-9]{1,18}) ([!-~]{1,255})\n")
MAX_HEAD = 512
"""Longest first line, in bytes."""
SHELVES = "0123456789abcdef"
LOCK = ".lock"
PARTIAL = ".partial-"
ABANDONED = 3600.0
"""Seconds after which a file that was never finished belongs to a process that has died."""


class Entry(NamedTuple):
    """What a file holds.

    Attributes:
        name: The name of the entry.
        end: When it ends, in seconds since 1970.
        content: Its bytes.
    """

    name: str
    end: float
    content: bytes


class EntryFiles:
    """The files of one cache.

    Args:
        directory: Where they lie; made with mode 0700 when it is first needed.
        max_entries: Most files.
        max_bytes: Most bytes that they take together.
        max_size: Longest content that is read, in bytes.

    Every method may raise `OSError`.
    """

    def __init__(self, directory: Path, max_entries: int, max_bytes: int, max_size: int) -> None:
        self.directory = directory
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._max_size = max_size
        self._is_ready = False
        self._written, self._bytes_written = 0, 0

    def _path(self, name: str) -> Path:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        return self.directory / digest[0] / digest

    def _prepare(self) -> None:
        """Make the directories, and refuse one that others can write into: they could plant entries.

        Raises:
            ImproperlyConfigured: If it is not ours alone.
        """
        if self._is_ready and self.directory.is_dir():
            return
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_owner()
        for shelf in SHELVES:
            (self.directory / shelf).mkdir(mode=0o700, exist_ok=True)
        self._is_ready = True

    def _check_owner(self) -> None:
        status = os.lstat(self.directory)
        is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if not is_own or status.st_mode & 0o022:
            raise ImproperlyConfigured(
                f"the cache's directory {str(self.directory)!r} must be a directory of this account that nobody else can "
                "write into; set the option 'cache_dir' to another one"
            )

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Be the only one, of all processes and threads, who changes files of a sub-directory."""
        self._prepare()
        descriptor = os.open(path.parent / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    # One entry

    def read(self, name: str) -> Entry | None:
        """Return an entry; `None` if it is not there, has ended, or its file makes no sense."""
        path = self._path(name)
        try:
            entry = self._parsed(path)
        except FileNotFoundError:
            return None
        if entry is None or entry.name != name:
            with suppress(FileNotFoundError):
                path.unlink()
            return None
        return entry if entry.end > time.time() else None

    def _parsed(self, path: Path, *, head_only: bool = False) -> Entry | None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags), "rb") as file:
            head = file.readline(MAX_HEAD)
            content = b"" if head_only else file.read(self._max_size + MAX_HEAD)
        parts = _HEAD.fullmatch(head)
        if parts is None:
            return None
        is_cut = not head_only and int(parts[2]) != len(content)
        return None if is_cut else Entry(parts[3].decode(), float(parts[1]), content)

    def write(self, name: str, content: bytes, end: float) -> None:
        """Write an entry, in place of the one that is there."""
        path = self._path(name)
        with self._locked(path):
            self._replace(path, name, content, end)
        self._bound(len(content))

    def _replace(self, path: Path, name: str, content: bytes, end: float) -> None:
        partial = path.with_name(PARTIAL + secrets.token_hex(8))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
                file.write(b"%s %r %d %s\n" % (FORM, end, len(content), name.encode("ascii")))
                file.write(content)
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def add(self, name: str, content: bytes, end: float) -> bool:
        """Write an entry unless there is one."""
        path = self._path(name)
        with self._locked(path):
            if self.read(name) is not None:
                return False
            self._replace(path, name, content, end)
        self._bound(len(content))
        return True

    def exchange(self, name: str, old: bytes, new: bytes | None, end: float) -> bool:
        """Write or remove an entry if it still holds what is given."""
        path = self._path(name)
        with self._locked(path):
            entry = self.read(name)
            if entry is None or entry.content != old:
                return False
            if new is None:
                path.unlink(missing_ok=True)
            else:
                self._replace(path, name, new, end)
            return True

    def extend(self, name: str, end: float) -> bool:
        """Give an entry another end."""
        path = self._path(name)
        with self._locked(path):
            entry = self.read(name)
            if entry is None:
                return False
            self._replace(path, name, entry.content, end)
            return True

    def remove(self, name: str) -> bool:
        """Remove an entry; return whether it was there."""
        path = self._path(name)
        with self._locked(path):
            present = self.read(name) is not None
            path.unlink(missing_ok=True)
            return present

    # All

    def _files(self) -> Iterator[os.DirEntry[str]]:
        for shelf in SHELVES:
            with suppress(FileNotFoundError), os.scandir(self.directory / shelf) as entries:
                yield from (entry for entry in entries if entry.name != LOCK)

    def names(self, start: str) -> Iterator[str]:
        """Yield the names of what is there that begin with a text."""
        now = time.time()
        for file in self._files():
            with suppress(FileNotFoundError):
                entry = self._parsed(Path(file.path), head_only=True)
                if entry is not None and entry.end > now and entry.name.startswith(start):
                    yield entry.name

    def prune(self) -> int:
        """Remove what has ended, then what would end first, until there is room again; return how many files that were."""
        self._written, self._bytes_written = 0, 0
        now = time.time()
        living: list[tuple[float, int, str]] = []
        removed = 0
        for file in self._files():
            with suppress(FileNotFoundError):
                status = file.stat(follow_symlinks=False)
                end = self._end_of(file, status, now)
                if end <= now:
                    removed += self._remove_ended(Path(file.path))
                elif end < NEVER * 2:
                    living.append((end, status.st_size, file.path))
        return removed + self._make_room(living)

    def _remove_ended(self, path: Path) -> bool:
        """Remove a file, unless another process has written it anew since it was looked at."""
        with self._locked(path):
            is_partial = path.name.startswith(PARTIAL)
            entry = None if is_partial else self._parsed(path, head_only=True)
            is_ended = entry is None or entry.end <= time.time()
            if is_ended:
                path.unlink()
            return is_ended

    def _end_of(self, file: os.DirEntry[str], status: os.stat_result, now: float) -> float:
        """Return when a file ends; 0 for rubbish, infinity for what is still being written."""
        if file.name.startswith(PARTIAL):
            return float("inf") if now - status.st_mtime < ABANDONED else 0.0
        entry = self._parsed(Path(file.path), head_only=True)
        return 0.0 if entry is None else entry.end

    def _make_room(self, living: list[tuple[float, int, str]]) -> int:
        count, size = len(living), sum(bytes_ for _, bytes_, _ in living)
        removed = 0
        for _, bytes_, path in sorted(living):
            if count <= self._max_entries and size <= self._max_bytes:
                break
            with suppress(FileNotFoundError):
                os.unlink(path)
            count, size, removed = count - 1, size - bytes_, removed + 1
        return removed

    def _bound(self, written: int) -> None:
        """Prune once this process has written a tenth of what is allowed."""
        self._written += 1
        self._bytes_written += written
        is_due = (
            self._written * 10 > self._max_entries or self._bytes_written * 10 > self._max_bytes
        )
        if is_due:
            self.prune()
