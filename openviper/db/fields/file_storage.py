"""The storage that file fields use, known to them by what it can do only.

A module of its own, as `openviper.setup()` registers the storage in every process, and few have models with files.
"""

from __future__ import annotations

from typing import BinaryIO, Protocol

from openviper.exceptions import ImproperlyConfigured


class FileStorage(Protocol):
    """Where the content of files is kept. Names are relative paths with ``/``, as `FileField` stores them.

    Every method refuses, with a `ValueError`, a name that leads out of the storage, be it by ``..`` or by a symbolic
    link among the directories.
    """

    async def save(self, name: str, content: bytes | BinaryIO) -> str:
        """Store a file under `name`, or one like it if that is taken, and return the name it got.

        Readers see all of it or none of it.
        """
        ...

    async def open(self, name: str) -> BinaryIO:
        """Open a file for reading.

        Raises:
            FileNotFoundError: If there is none.
        """
        ...

    async def delete(self, name: str) -> None:
        """Delete a file; one that does not exist is no error."""
        ...

    async def exists(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        ...

    async def size(self, name: str) -> int:
        """Return how many bytes a file has.

        Raises:
            FileNotFoundError: If there is none.
        """
        ...

    def url(self, name: str) -> str:
        """Return the address under which browsers find a file."""
        ...


_storage: FileStorage | None = None


def set_file_storage(storage: FileStorage | None) -> None:
    """Set where `FileField` stores uploads; `None` for nowhere."""
    global _storage
    _storage = storage


def get_file_storage() -> FileStorage:
    """Return where uploads are stored.

    Raises:
        ImproperlyConfigured: If none was set.
    """
    if _storage is None:
        raise ImproperlyConfigured("no storage for uploaded files is set up")
    return _storage
