"""Private work directories and partial files, and clearing away what dead runs left of them.

A live run holds a lock (`flock`) on the record in its directory and on its partial file; the system drops both when
the process ends, however it ends. So what has our name, belongs to our user and can be locked was left by a dead run,
on any host and in any process namespace, without a look at process ids. Partial files are removed only when the
record of a dead run names them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from openviper.utils.atomic_files import sync_directory

_PREFIX = ".openviper-work-"
# Lists the partial files of the run and carries its lock. (A directory cannot be locked on every network file system.)
_RECORD = "record"


class Workspace:
    """A private directory (mode 0700) inside `parent`, removed at the end together with unfinished results.

    Entering it also removes what dead runs left in `parent`.

    Args:
        parent: The directory of the results; must exist.
    """

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self.path = parent
        self._record = -1
        self._partials: dict[Path, BinaryIO] = {}

    def __enter__(self) -> Workspace:
        remove_leftovers(self.parent)
        while self._record < 0:
            self.path = self.parent / f"{_PREFIX}{secrets.token_hex(8)}"
            self.path.mkdir(mode=0o700)
            self._record = _lock_record(self.path)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for partial, file in self._partials.items():
            # Once ours has its final name, the partial name may belong to another run. The lock goes last, so that
            # nobody takes the name while we remove it.
            if _still_names(partial, file.fileno()):
                partial.unlink(missing_ok=True)
            file.close()
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._record)

    def open_partial(self, final: Path) -> tuple[Path, BinaryIO]:
        """Open ``.<name>.partial``, mode 0600 and locked, beside the result it is going to be.

        It stays open and locked until the workspace ends, and is removed then unless it was renamed.

        Raises:
            FileExistsError: If another run is writing this result.
            OSError: If it cannot be created.
        """
        path = partial_path(final)
        # Named before it exists: a run killed in between has listed a file that is not there, which harms nobody.
        os.write(self._record, os.fsencode(path.name) + b"\n")
        file = os.fdopen(_create_locked(path), "w+b")
        self._partials[path] = file
        return path, file


def partial_path(final: Path) -> Path:
    """Return the name a result has while it is being written."""
    return final.with_name(f".{final.name}.partial")


def publish(partial: Path, final: Path, *, overwrite: bool) -> None:
    """Give a finished file its final name in one step.

    Raises:
        FileExistsError: If `final` exists and `overwrite` is false.
        OSError: If the file system refuses.
    """
    if overwrite:
        os.replace(partial, final)
    else:
        try:
            # Unlike a rename, a link never replaces a file that came to be meanwhile.
            os.link(partial, final)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if final.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from None
            os.rename(partial, final)
        else:
            partial.unlink()
    sync_directory(final.parent)


def remove_leftovers(parent: Path) -> None:
    """Remove work directories in `parent`, and the partial files they name, whose runs are dead."""
    for path in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if not _is_ours(path, stat.S_ISDIR):
                continue
            _remove_dead(path)


def _remove_dead(path: Path) -> None:
    """Remove a work directory whose run is dead, and the partial files it names."""
    record = _lock_record(path)
    if record < 0:
        return
    try:
        _remove_partials(path)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(record)


def _remove_partials(directory: Path) -> None:
    for line in (directory / _RECORD).read_bytes().splitlines():
        name = os.fsdecode(line)
        if "/" not in name and name.startswith(".") and name.endswith(".partial"):
            _remove_dead_file(directory.parent / name)


def _remove_dead_file(path: Path) -> bool:
    """Remove a partial file no live run holds; return whether its name is free now."""
    try:
        if not _is_ours(path, stat.S_ISREG):
            return False
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    try:
        if not _try_lock(descriptor):
            return False
        if _still_names(path, descriptor):
            path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _create_locked(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        if not _remove_dead_file(path):
            raise
        descriptor = os.open(path, flags, 0o600)
    # Losing this race means that another run took the file for a dead one's in the instant before the lock.
    if not _try_lock(descriptor) or not _still_names(path, descriptor):
        os.close(descriptor)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    os.fchmod(descriptor, 0o600)
    return descriptor


def _lock_record(directory: Path) -> int:
    """Return a descriptor holding the lock on a run's record, or -1 when another run has it or removed it."""
    path = directory / _RECORD
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        return -1
    if _try_lock(descriptor) and _still_names(path, descriptor):
        return descriptor
    os.close(descriptor)
    return -1


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def _still_names(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _is_ours(path: Path, is_kind: Callable[[int], bool]) -> bool:
    info = os.stat(path, follow_symlinks=False)
    return is_kind(info.st_mode) and info.st_uid == os.geteuid()
