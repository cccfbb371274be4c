"""The storage that the settings choose."""

from __future__ import annotations

from typing import Any, BinaryIO

from openviper.conf import Settings, settings
from openviper.exceptions import ImproperlyConfigured
from openviper.storage.base import Content, Storage
from openviper.utils.importing import import_string


class DefaultStorage:
    """Stands for the configured storage, which is made when it is first used."""

    def __init__(self) -> None:
        self._chosen: Storage | None = None
        self._made: Storage | None = None
        self._made_for: Settings | None = None

    def configure(self, storage: Storage | None) -> None:
        """Use this storage from now on; `None` goes back to that of the settings."""
        self._chosen = storage

    @property
    def current(self) -> Storage:
        """The storage in use.

        Raises:
            ImproperlyConfigured: If `DEFAULT_FILE_STORAGE` cannot be imported or is no storage.
        """
        if self._chosen is not None:
            return self._chosen
        path = settings.DEFAULT_FILE_STORAGE
        if self._made is None or settings.instance is not self._made_for:
            self._made, self._made_for = _make(path), settings.instance
        return self._made

    async def save(self, name: str, content: Content) -> str:
        """Store a file; see `Storage.save`."""
        return await self.current.save(name, content)

    async def open(self, name: str) -> BinaryIO:
        """Return a file, open for reading; see `Storage.open`."""
        return await self.current.open(name)

    async def read(self, name: str) -> bytes:
        """Return the content of a file; see `Storage.read`."""
        return await self.current.read(name)

    async def delete(self, name: str) -> None:
        """Remove a file; see `Storage.delete`."""
        await self.current.delete(name)

    async def exists(self, name: str) -> bool:
        """Tell whether there is a file; see `Storage.exists`."""
        return await self.current.exists(name)

    async def size(self, name: str) -> int:
        """Return the size of a file, in bytes; see `Storage.size`."""
        return await self.current.size(name)

    async def listdir(self, path: str = "") -> tuple[list[str], list[str]]:
        """Return the names of directories and files; see `Storage.listdir`."""
        return await self.current.listdir(path)

    def url(self, name: str) -> str:
        """Return the address of a file; see `Storage.url`."""
        return self.current.url(name)


def _make(path: str) -> Storage:
    try:
        made: Any = import_string(path)()
    except (ImportError, TypeError) as error:
        raise ImproperlyConfigured(f"DEFAULT_FILE_STORAGE: cannot use {path!r}: {error}") from error
    if not isinstance(made, Storage):
        raise ImproperlyConfigured(
            f"DEFAULT_FILE_STORAGE: {path!r} lacks methods of openviper.storage.Storage"
        )
    return made


default_storage = DefaultStorage()
"""The storage of uploaded files."""


def get_storage() -> Storage:
    """Return the storage of uploaded files: what `default_storage.configure` was given, else that of the settings.

    Raises:
        ImproperlyConfigured: If `DEFAULT_FILE_STORAGE` cannot be imported or is no storage.
    """
    return default_storage.current
