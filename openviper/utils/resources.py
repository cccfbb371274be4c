"""Files that may lie in an archive on the path, as everything of OpenViper does when it runs from one file.

A path below an archive, such as ``/srv/openviper.pyz/openviper/auth/schemas``, is one that the operating system calls
"not a directory"; only then is the archive looked at, so ordinary files cost nothing more.
"""

from __future__ import annotations

import atexit
import errno
import os
import time
from functools import lru_cache

# Not from `typing`: see `openviper.utils.terminal`. Every start of a command loads this module, so paths are strings here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

PACKAGE_PLACE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder of the package `openviper`, on the disk or in an archive."""


SETTLED_NANOSECONDS = 2 * 10**9
"""How long a file has to be unchanged until its times tell of every change: those of some file systems are that coarse."""


def state_of(status: os.stat_result) -> tuple[int, ...] | None:
    """Return what differs after every change of a file or of the names in a folder; `None` if the last one was just now."""
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    if changed > time.time_ns() - SETTLED_NANOSECONDS:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def library_place() -> str:
    """Return the folder or archive below which no code of the project lies: the package, or the vendored tree around it."""
    around = os.path.dirname(PACKAGE_PLACE)
    return around if is_file(os.path.join(around, "VENDOR.json")) else PACKAGE_PLACE


def list_names(folder: str | os.PathLike[str]) -> list[str]:
    """Return the names in a folder, in no order, as `os.listdir` does.

    Raises:
        OSError: If there is no such folder, or it cannot be read.
    """
    try:
        return os.listdir(folder)
    except NotADirectoryError:
        place = _in_archive(folder)
        if place is None:
            raise
        names = _children(*place)
        if not names:
            raise FileNotFoundError(
                errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(folder)
            ) from None
        return list(names)


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file.

    Raises:
        OSError: If there is no such file, or it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except NotADirectoryError:
        place = _in_archive(path)
        if place is None:
            raise
        return _read(*place, os.fspath(path))


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether there is a file of this name, on the disk or in an archive."""
    return os.path.isfile(path) or is_archived(path)


def is_archived(path: str | os.PathLike[str]) -> bool:
    """Return whether there is a file of this name in an archive; on the disk there is none then."""
    place = _in_archive(path)
    return place is not None and place[1] in _entries(place[0])


def is_directory(path: str | os.PathLike[str]) -> bool:
    """Return whether there is a folder of this name, on the disk or in an archive."""
    if os.path.isdir(path):
        return True
    place = _in_archive(path)
    return place is not None and bool(_children(*place))


def on_disk(folder: str | os.PathLike[str]) -> Path:
    """Return a folder as one on the disk, for what works with files only.

    One in an archive is unpacked once per process into a private temporary directory, which is deleted at the end.

    Raises:
        OSError: If it cannot be unpacked.
    """
    from pathlib import Path  # See the head of the module.

    place = None if os.path.isdir(folder) else _in_archive(folder)
    return Path(folder) if place is None else _unpacked(*place, os.getpid())


def _in_archive(path: str | os.PathLike[str]) -> tuple[str, str] | None:
    """Return the archive in which a path lies and the name in it, or `None`."""
    archive, name = os.path.abspath(path), ""
    while not os.path.lexists(archive):
        above, last = os.path.split(archive)
        if above == archive:
            return None
        archive, name = above, f"{last}/{name}" if name else last
    if not name or not os.path.isfile(archive) or not _entries(archive):
        return None
    return archive, name


@lru_cache(maxsize=8)
def _entries(archive: str) -> frozenset[str]:
    """Return the names of the files in an archive; none if it is not one."""
    # Late, here and below: few run from an archive.
    from zipfile import ZipFile, is_zipfile

    if not is_zipfile(archive):
        return frozenset()
    with ZipFile(archive) as opened:
        return frozenset(opened.namelist())


@lru_cache(maxsize=256)
def _children(archive: str, folder: str) -> tuple[str, ...]:
    prefix = f"{folder}/"
    below = (name[len(prefix) :] for name in _entries(archive) if name.startswith(prefix))
    return tuple(sorted({name.partition("/")[0] for name in below} - {""}))


def _read(archive: str, name: str, path: str) -> bytes:
    from zipfile import ZipFile

    # Opened each time: processes that were forked would share the place at which an open file is read.
    with ZipFile(archive) as opened:
        try:
            return opened.read(name)
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None


@lru_cache(maxsize=64)
def _unpacked(archive: str, folder: str, pid: int) -> Path:
    import tempfile
    from pathlib import Path

    target = Path(tempfile.mkdtemp(prefix="openviper-"))
    atexit.register(_remove, target, pid)
    prefix = f"{folder}/"
    for name in sorted(_entries(archive)):
        is_inside = name.startswith(prefix) and ".." not in name.split("/")
        if is_inside and not name.endswith("/"):
            path = target / name[len(prefix) :]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_read(archive, name, name))
    return target


def _remove(directory: Path, pid: int) -> None:
    import shutil

    if os.getpid() == pid:  # A forked child has the function, but not the directory.
        shutil.rmtree(directory, ignore_errors=True)
