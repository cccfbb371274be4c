"""Reading a tree where it lies: in a folder or in an archive."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile, ZipFile, ZipInfo, is_zipfile
from zipimport import ZipImportError, zipimporter

from openviper.vendoring.exceptions import DamagedFileError, VendorError
from openviper.vendoring.manifest import MANIFEST, MAX_MANIFEST, Manifest, read_manifest

MAX_FILE = 64 * 1024 * 1024
"""Largest file of a tree that is read, in bytes."""
CACHES = "__pycache__"
_DAMAGES = (
    *(BadZipFile, ZipImportError, zlib.error),
    *(EOFError, ValueError, NotImplementedError, RuntimeError),
)
"""What is raised for an entry that was damaged, or has been made to look encrypted or packed otherwise."""
_LAST = 22
"""Bytes of the record that ends an archive without a comment."""
_LOCATOR = 20
"""Bytes of the record before it, by which `zipfile`, but not `zipimport`, finds another directory (zip64)."""


class Place(Protocol):
    """A tree that somebody has put somewhere."""

    @property
    def path(self) -> str:
        """The path of the folder or archive."""
        ...

    def names(self) -> Iterator[str]:
        """Yield the names of all files, links and special files included.

        Raises:
            VendorError: If it cannot be read.
        """
        ...

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; `None` if there is no ordinary file of this name.

        Raises:
            DamagedFileError: If it is in an archive and cannot be unpacked.
            VendorError: If it cannot be read, or is larger than `MAX_FILE`.
        """
        ...


def open_place(path: str | os.PathLike[str]) -> Place:
    """Return the tree in a folder or archive.

    Raises:
        VendorError: If there is none.
    """
    text = os.fspath(path)
    if os.path.isdir(text):
        return Folder(text)
    if not os.path.isfile(text):
        raise VendorError(f"there is no folder or archive {text!r}")
    try:
        is_archive = is_zipfile(text)
    except OSError as error:
        raise VendorError(f"cannot read {text!r}: {error.strerror or error}") from error
    if not is_archive:
        raise VendorError(f"{text!r} is neither a folder nor an archive")
    return Archive(text)


def manifest_of(place: Place) -> tuple[Manifest, bytes]:
    """Return the manifest of a tree, and its bytes.

    Raises:
        VendorError: If there is none, or it is not one.
    """
    content = place.read(MANIFEST)
    if content is None:
        raise VendorError(
            f"there is no {MANIFEST} in {place.path!r}: `openviper vendor` made no tree there"
        )
    return read_manifest(content, place.path), content


class Folder:
    """A tree in a folder; links in it are not followed.

    Args:
        path: The folder.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def names(self) -> Iterator[str]:
        """Yield the names of all files; see `Place.names`."""
        for folder, folders, files in os.walk(self.path, onerror=self._refuse):
            below = Path(folder).relative_to(self.path).as_posix()
            prefix = "" if below == "." else f"{below}/"
            # A link to a folder is not walked into; it is something that lies there all the same.
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in (*files, *links):
                yield prefix + name

    def _refuse(self, error: OSError) -> None:
        raise self._unreadable(error.filename or self.path, error)

    @staticmethod
    def _unreadable(path: str, error: OSError) -> VendorError:
        return VendorError(f"cannot read {path!r}: {error.strerror or error}")

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; see `Place.read`."""
        path = os.path.join(self.path, name)
        try:
            status = os.lstat(path)
            is_file = stat.S_ISREG(status.st_mode)
            if not is_file:
                return None
            _refuse_large(path, status.st_size)
            with open(path, "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(path, error) from error


class Archive:
    """A tree in an archive.

    Python imports from an archive with a reader of its own (`zipimport`), which believes other parts of a damaged or forged
    archive than `zipfile` does. So an archive has to be packed in the one way in which both see the same, and each file is
    read by both.

    Args:
        path: The archive.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def names(self) -> Iterator[str]:
        """Yield the names of all files; see `Place.names`."""
        yield from (name for name in self._archive.namelist() if not name.endswith("/"))

    @cached_property
    def _archive(self) -> ZipFile:
        try:
            archive = ZipFile(self.path)
            problem = _oddity(self.path, archive.infolist())
        except (OSError, *_DAMAGES) as error:
            raise VendorError(f"cannot read {self.path!r}: {error}") from error
        if problem is not None:
            raise VendorError(f"{self.path!r} is not packed as `openviper vendor` packs: {problem}")
        return archive

    @cached_property
    def _importer(self) -> zipimporter:
        try:
            importer = zipimporter(self.path)
            # It remembers the directory of an archive that this file has taken the place of.
            importer.invalidate_caches()
        except ZipImportError as error:
            raise VendorError(f"Python cannot import from {self.path!r}: {error}") from error
        return importer

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; see `Place.read`."""
        try:
            info = self._archive.getinfo(name)
        except KeyError:
            return None
        _refuse_large(name, info.file_size)
        try:
            content = self._archive.read(info)
            imported = self._importer.get_data(name)
        except _DAMAGES as error:
            raise DamagedFileError(f"cannot unpack {name!r} in {self.path!r}: {error}") from error
        except OSError as error:
            raise VendorError(f"cannot read {self.path!r}: {error.strerror or error}") from error
        if content != imported:
            raise DamagedFileError(f"Python would import something else as {name!r}")
        return content


def _oddity(path: str, entries: Sequence[ZipInfo]) -> str | None:
    """Return what makes different readers see different files in an archive, or `None`."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _LAST - _LOCATOR, 0))
        ending = file.read()
    if not ending[-_LAST:].startswith(b"PK\5\6") or ending.startswith(b"PK\6\7"):
        return "the directory is not the plain one at its end"
    seen: set[str] = set()
    for entry in entries:
        if entry.filename != entry.orig_filename:
            return f"{entry.orig_filename!r} passes for {entry.filename!r}"
        if entry.filename in seen:
            return f"{entry.filename!r} is in it twice"
        seen.add(entry.filename)
    return None


def _refuse_large(path: str, size: int) -> None:
    limit = MAX_MANIFEST if path.endswith(MANIFEST) else MAX_FILE
    if size > limit:
        raise VendorError(f"{path!r} has {size} bytes, more than the {limit} that a tree may hold")
