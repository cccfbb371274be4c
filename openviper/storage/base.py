"""What every storage promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import BinaryIO, Protocol, TypeAlias, runtime_checkable

Content: TypeAlias = "bytes | BinaryIO | AsyncIterator[bytes]"
"""What can be saved: all of it, a file open for reading, or its pieces."""
MAX_READ = 100 * 1024 * 1024
"""The largest file, in bytes, that `read` returns as a whole."""


@runtime_checkable
class Storage(Protocol):
    """A place for uploaded files; names are relative paths with ``/``."""

    async def save(self, name: str, content: Content) -> str:
        """Store a file; readers see all of it or none of it, and no file is ever replaced.

        Args:
            name: The name wanted; it is cleaned, and gets a suffix where it is taken.
            content: What to store.

        Returns:
            The name that the file has got.

        Raises:
            ValueError: If nothing of the name is left, or it leads out of the storage.
            TypeError: If the content is neither bytes nor a binary file nor asynchronous pieces of bytes; nothing is left behind.
            OSError: If the content cannot be read or stored; nothing is left behind.
        """
        ...

    async def open(self, name: str) -> BinaryIO:
        """Return a file, open for reading; the caller closes it.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If the name leads out of the storage.
        """
        ...

    async def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is larger than `MAX_READ`, or the name leads out of the storage.
        """
        ...

    async def delete(self, name: str) -> None:
        """Remove a file; one that does not exist is no error.

        Raises:
            ValueError: If the name leads out of the storage.
        """
        ...

    async def exists(self, name: str) -> bool:
        """Tell whether there is a file of this name.

        Raises:
            ValueError: If the name leads out of the storage.
        """
        ...

    async def size(self, name: str) -> int:
        """Return the size of a file, in bytes.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If the name leads out of the storage.
        """
        ...

    async def listdir(self, path: str = "") -> tuple[list[str], list[str]]:
        """Return the names of the directories and of the files in a directory, sorted.

        Raises:
            FileNotFoundError: If there is no such directory.
            ValueError: If the path leads out of the storage.
        """
        ...

    def url(self, name: str) -> str:
        """Return the address of a file, percent-encoded.

        Raises:
            ValueError: If the name leads out of the storage.
        """
        ...


def check_content(name: str, content: object) -> None:
    """Check that what is to be stored is what a storage takes.

    Raises:
        TypeError: If it is text or something else.
    """
    is_bytes = isinstance(content, (bytes, bytearray, memoryview))
    if not (is_bytes or hasattr(content, "__aiter__") or hasattr(content, "read")):
        raise TypeError(
            f"the content of {name!r} must be bytes, a binary file or asynchronous pieces of bytes, not {_kind(content)}"
        )


def checked_piece(name: str, piece: object) -> bytes:
    """Return a piece of content as bytes.

    Raises:
        TypeError: If it is text or something else.
    """
    if not isinstance(piece, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"the content of {name!r} must be bytes, and a piece of it is {_kind(piece)}"
        )
    return bytes(piece)


def _kind(value: object) -> str:
    return "text" if isinstance(value, str) else f"a {type(value).__name__!r}"
