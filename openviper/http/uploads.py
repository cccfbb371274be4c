"""Files that came with a form."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from io import BytesIO
from typing import IO, TYPE_CHECKING, Protocol, TypeVar

from openviper.utils.datastructures import Headers

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK_SIZE = 256 * 1024
"""How much is read at a time, in bytes."""
WRITTEN_AT_ONCE = 128 * 1024
"""How much of a file that is on disk already waits to be written there, in bytes."""
MAX_NAME = 255
"""Longest name of a file, in bytes of UTF-8: what file systems take."""
_UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>:\"|?*]")
T = TypeVar("T")


class SavesFiles(Protocol):
    """What is asked of a storage here; see `openviper.storage.Storage`."""

    async def save(self, name: str, content: BinaryIO) -> str:
        """Store a file and return its name."""
        ...


def sanitize_filename(name: str) -> str:
    """Return a harmless form of the name that a client gave a file: its last part, without controls, at most 255 bytes.

    Names that are empty, hidden or lead upwards become ``upload``.
    """
    last = re.split(r"[/\\]", name)[-1]
    cleaned = _UNWANTED.sub("", last).strip(" ")
    if not cleaned.strip(".") or cleaned.startswith("."):
        return "upload"
    return _shortened(cleaned.rstrip(". "))


def _shortened(name: str) -> str:
    """Return a name of at most `MAX_NAME` bytes that keeps its extension."""
    encoded = name.encode()
    if len(encoded) <= MAX_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = (dot + extension).encode() if stem and len(extension) <= 20 else b""
    kept = encoded[: MAX_NAME - len(tail)].decode("utf-8", "ignore")
    return kept.rstrip(". ") + tail.decode()


class UploadFile:
    """A file that came with a form: in memory while it is small, else in a temporary file without a name.

    Args:
        filename: A harmless form of the name, or the name itself, which is then cleaned.
        content_type: What the client says it is; nobody has checked it.
        file: The content, open for reading.
        size: Its length, in bytes.
        headers: The headers of its part of the form.
    """

    def __init__(
        self,
        filename: str,
        content_type: str = "application/octet-stream",
        file: IO[bytes] | None = None,
        *,
        size: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.original_filename = filename
        self.filename = sanitize_filename(filename)
        self.content_type = content_type
        self.file: IO[bytes] = BytesIO() if file is None else file
        self.headers = Headers() if headers is None else headers
        self.size = _length(self.file) if size is None else size

    @property
    def is_in_memory(self) -> bool:
        """Whether the content lies in memory, where reading it cannot block."""
        return isinstance(self.file, BytesIO)

    async def read(self, size: int = -1) -> bytes:
        """Return the next bytes, empty at the end.

        Args:
            size: Most bytes; all that is left if negative.
        """
        return await self._call(lambda: self.file.read(size))

    async def seek(self, offset: int) -> int:
        """Go to a place, counted in bytes from the beginning."""
        return await self._call(lambda: self.file.seek(offset))

    async def chunks(self, size: int = CHUNK_SIZE) -> AsyncIterator[bytes]:
        """Yield the content from its beginning in pieces of `size` bytes."""
        await self.seek(0)
        while data := await self.read(size):
            yield data

    async def save(self, storage: SavesFiles, name: str | None = None) -> str:
        """Put the file into a storage, which reads it from where it lies, and return the name it has got there.

        Args:
            storage: Where to, such as `openviper.storage.default_storage`.
            name: The name wanted, with folders; its own when not given.

        Raises:
            ValueError: If the name leads out of the storage.
            OSError: If it cannot be stored.
        """
        await self.seek(0)
        return await storage.save(name or self.filename, self.file)  # type: ignore[arg-type]  # IO[bytes] is what BinaryIO means

    async def close(self) -> None:
        """Let go of the content; done by itself when the answer is sent."""
        await self._call(self.file.close)

    async def _call(self, function: Callable[[], T]) -> T:
        return function() if self.is_in_memory else await asyncio.to_thread(function)

    def __repr__(self) -> str:
        return f"<UploadFile {self.filename!r} ({self.content_type}, {self.size} bytes)>"


def _length(file: IO[bytes]) -> int:
    position = file.tell()
    length = file.seek(0, os.SEEK_END)
    file.seek(position)
    return length


class Spool:
    """A file that arrives: kept in memory up to a size, then moved to disk.

    Args:
        memory: Most bytes in memory.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        # Grows where it is: pieces that are put together in the end would take twice the memory.
        self._held = BytesIO()
        self._file: IO[bytes] | None = None
        self.size = 0

    def add(self, data: bytes) -> None:
        """Take a piece into memory."""
        self._held.write(data)
        self.size += len(data)

    @property
    def is_full(self) -> bool:
        """Whether what is held is due to be written."""
        return self._held.tell() > self._memory

    async def flush(self) -> None:
        """Write what is held in memory to disk, in a thread."""
        held, self._held = self._held, BytesIO()
        # A file that lies on disk already is not small: holding more of it than makes a thread worth while would help nobody.
        self._memory = min(self._memory, WRITTEN_AT_ONCE)
        await asyncio.to_thread(self._write, held)

    def _write(self, held: BytesIO) -> None:
        if self._file is None:
            # It never has a name: whatever happens, nothing is left behind, and nobody else can open it.
            self._file = tempfile.TemporaryFile(prefix="openviper-upload-")
        self._file.write(held.getbuffer())

    async def finish(self) -> IO[bytes]:
        """Return the content, open for reading from its beginning."""
        if self._file is None:
            self._held.seek(0)
            return self._held
        await self.flush()
        await asyncio.to_thread(self._file.seek, 0)
        return self._file

    def close(self) -> None:
        """Drop the content."""
        self._held = BytesIO()
        if self._file is not None:
            # What a full disk did not take it does not take now either, and nobody wants it.
            with suppress(OSError):
                self._file.close()
