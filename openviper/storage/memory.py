"""Uploaded files in memory, for tests."""

from __future__ import annotations

import io
from typing import BinaryIO
from urllib.parse import quote

from openviper.storage.base import MAX_READ, Content, check_content, checked_piece
from openviper.storage.names import check_name, clean_name, folder_parts, generate_unique_name


class MemoryStorage:
    """Keeps files until the process ends; keeps the same promises as a directory.

    Args:
        base_url: What addresses begin with.

    Attributes:
        files: The content of each file by name.
    """

    def __init__(self, base_url: str = "/media/") -> None:
        self.base_url = base_url.rstrip("/") + "/"
        self.files: dict[str, bytes] = {}

    async def save(self, name: str, content: Content) -> str:
        """Store a file; see `Storage.save`."""
        name = clean_name(name)
        check_content(name, content)
        if isinstance(content, (bytes, bytearray, memoryview)):
            data = bytes(content)
        elif hasattr(content, "__aiter__"):
            data = b"".join([checked_piece(name, piece) async for piece in content])
        else:
            data = checked_piece(name, content.read())
        self._check_folders(name)
        while name in self.files or self._is_folder(name):
            name = generate_unique_name(name)
        self.files[name] = data
        return name

    def _check_folders(self, name: str) -> None:
        """Check that what has to be a directory is not a file."""
        parts = name.split("/")
        for length in range(1, len(parts)):
            folder = "/".join(parts[:length])
            if folder in self.files:
                raise FileNotFoundError(2, "not a directory", folder)

    def _is_folder(self, name: str) -> bool:
        return any(other.startswith(f"{name}/") for other in self.files)

    async def open(self, name: str) -> BinaryIO:
        """Return a file, open for reading; see `Storage.open`."""
        return io.BytesIO(self._get(name))

    async def read(self, name: str) -> bytes:
        """Return the content of a file; see `Storage.read`."""
        data = self._get(name)
        if len(data) > MAX_READ:
            raise ValueError(
                f"{name!r} has {len(data)} bytes, more than the {MAX_READ} that can be read at once; open it"
            )
        return data

    async def delete(self, name: str) -> None:
        """Remove a file; see `Storage.delete`."""
        self.files.pop(check_name(name), None)

    async def exists(self, name: str) -> bool:
        """Tell whether there is a file; see `Storage.exists`."""
        return check_name(name) in self.files

    async def size(self, name: str) -> int:
        """Return the size of a file, in bytes; see `Storage.size`."""
        return len(self._get(name))

    async def listdir(self, path: str = "") -> tuple[list[str], list[str]]:
        """Return the names of directories and files; see `Storage.listdir`."""
        prefix = "".join(f"{part}/" for part in folder_parts(path))
        below = [name[len(prefix) :] for name in self.files if name.startswith(prefix)]
        if prefix and not below:
            raise FileNotFoundError(2, "no such directory", path)
        directories = {name.partition("/")[0] for name in below if "/" in name}
        return sorted(directories), sorted(name for name in below if "/" not in name)

    def url(self, name: str) -> str:
        """Return the address of a file; see `Storage.url`."""
        return self.base_url + quote(check_name(name))

    def _get(self, name: str) -> bytes:
        try:
            return self.files[check_name(name)]
        except KeyError:
            raise FileNotFoundError(2, "no such file", name) from None
