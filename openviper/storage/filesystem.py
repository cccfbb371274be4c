"""Uploaded files in a directory."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from openviper.conf import settings
from openviper.project.directory import in_project
from openviper.storage.base import MAX_READ, Content, check_content, checked_piece
from openviper.storage.names import check_name, clean_name, folder_parts, generate_unique_name

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_INNER = _DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class FileSystemStorage:
    """Keeps files below a directory and follows no symbolic link in it.

    Args:
        location: The directory; the setting `MEDIA_ROOT` when not given. It is made when the first file is saved.
        base_url: What addresses begin with; the setting `MEDIA_URL` when not given.
        chunk_size: How much is copied at a time, in bytes.

    Attributes:
        file_mode: Permission bits of new files. A web server under another account has to read them; a subclass for files
            that only the application sends sets ``0o600``.
        directory_mode: Permission bits of new directories.
    """

    file_mode = 0o644
    directory_mode = 0o755

    def __init__(
        self,
        location: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        chunk_size: int = 1048576,
    ) -> None:
        self._location = location
        self._base_url = base_url
        self.chunk_size = chunk_size

    # Settings are read at each use: a test may have replaced them.

    @property
    def location(self) -> Path:
        """The directory."""
        if self._location is not None:
            return Path(self._location)
        return in_project(settings.MEDIA_ROOT)

    @property
    def base_url(self) -> str:
        """What addresses begin with; ends with a slash."""
        if self._base_url is not None:
            return self._base_url.rstrip("/") + "/"
        return settings.MEDIA_URL.rstrip("/") + "/"

    async def save(self, name: str, content: Content) -> str:
        """Store a file under a temporary name, flush it, then give it its own; see `Storage.save`."""
        cleaned = clean_name(name)
        check_content(cleaned, content)
        upload = await asyncio.to_thread(_Upload, self, cleaned)
        try:
            await self._fill(upload, cleaned, content)
            return await asyncio.to_thread(upload.publish, cleaned)
        finally:
            upload.close()

    async def _fill(self, upload: _Upload, name: str, content: Content) -> None:
        if isinstance(content, (bytes, bytearray, memoryview)):
            await asyncio.to_thread(upload.write, bytes(content))
        elif hasattr(content, "__aiter__"):
            async for piece in content:
                await asyncio.to_thread(upload.write, checked_piece(name, piece))
        else:
            await asyncio.to_thread(upload.copy_from, name, content, self.chunk_size)

    async def open(self, name: str) -> BinaryIO:
        """Open a file for reading; see `Storage.open`."""
        return await asyncio.to_thread(self._open, name)

    async def read(self, name: str) -> bytes:
        """Return the content of a file; see `Storage.read`."""
        return await asyncio.to_thread(self._read, name)

    async def delete(self, name: str) -> None:
        """Remove a file; see `Storage.delete`."""
        await asyncio.to_thread(self._delete, name)

    async def exists(self, name: str) -> bool:
        """Tell whether there is a file; see `Storage.exists`."""
        try:
            await self.size(name)
        except FileNotFoundError:
            return False
        return True

    async def size(self, name: str) -> int:
        """Return the size of a file, in bytes; see `Storage.size`."""
        return await asyncio.to_thread(self._size, name)

    async def listdir(self, path: str = "") -> tuple[list[str], list[str]]:
        """Return the names of directories and files; see `Storage.listdir`. Links and unfinished uploads are left out."""
        return await asyncio.to_thread(self._listdir, path)

    def url(self, name: str) -> str:
        """Return the address of a file; see `Storage.url`."""
        return self.base_url + quote(check_name(name))

    # In a thread

    def _open(self, name: str) -> BinaryIO:
        folders, last = _split(name)
        with self.folder(folders) as descriptor, _refusing_links(name):
            opened = os.open(last, _FILE, dir_fd=descriptor)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise FileNotFoundError(errno.ENOENT, "not a regular file", name)
        return os.fdopen(opened, "rb")

    def _read(self, name: str) -> bytes:
        with self._open(name) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_READ:
                raise ValueError(
                    f"{name!r} has {size} bytes, more than the {MAX_READ} that can be read at once; open it"
                )
            return file.read()

    def _delete(self, name: str) -> None:
        folders, last = _split(name)
        # A directory is no file of ours either.
        absent = contextlib.suppress(FileNotFoundError, IsADirectoryError)
        with absent, self.folder(folders) as descriptor:
            os.unlink(last, dir_fd=descriptor)

    def _size(self, name: str) -> int:
        folders, last = _split(name)
        with self.folder(folders) as descriptor:
            status = os.stat(last, dir_fd=descriptor, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            raise ValueError(f"{name!r} leads through a symbolic link")
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a regular file", name)
        return status.st_size

    def _listdir(self, path: str) -> tuple[list[str], list[str]]:
        directories, files = [], []
        parts = folder_parts(path)
        with self.folder(parts) as descriptor, os.scandir(descriptor) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                elif entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                    files.append(entry.name)
        return sorted(directories), sorted(files)

    @contextlib.contextmanager
    def folder(self, parts: list[str], *, create: bool = False) -> Iterator[int]:
        """Open a directory below the location for the time of a block, part by part, so that no link can be slipped in.

        Raises:
            FileNotFoundError: If it does not exist and `create` is not set.
            ValueError: If a part is a symbolic link.
        """
        if create:
            self.location.mkdir(mode=self.directory_mode, parents=True, exist_ok=True)
        current = os.open(self.location, _DIRECTORY)
        try:
            for part in parts:
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, self.directory_mode, dir_fd=current)
                with _refusing_links("/".join(parts), part, current):
                    inner = os.open(part, _INNER, dir_fd=current)
                os.close(current)
                current = inner
            yield current
        finally:
            os.close(current)


class _Upload:
    """A file that is being written, in the directory that it will lie in."""

    def __init__(self, storage: FileSystemStorage, name: str) -> None:
        folders, last = _split(name)
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(storage.folder(folders, create=True))
        self._temporary = f".{secrets.token_hex(8)}.partial"
        try:
            descriptor = os.open(self._temporary, _NEW, 0o600, dir_fd=self._folder)
        except BaseException:
            self._stack.close()
            raise
        self._file = os.fdopen(descriptor, "wb")
        os.fchmod(descriptor, storage.file_mode)

    def write(self, data: bytes) -> None:
        """Write a piece."""
        self._file.write(data)

    def copy_from(self, name: str, content: BinaryIO, chunk_size: int) -> None:
        """Write what is left of an open file."""
        while data := content.read(chunk_size):
            self._file.write(checked_piece(name, data))

    def publish(self, name: str) -> str:
        """Give the file its name, or another one if that is taken, and return it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        while True:
            last = name.rpartition("/")[2]
            try:
                # A link fails where a rename would replace what another upload has put there meanwhile.
                os.link(
                    self._temporary,
                    last,
                    src_dir_fd=self._folder,
                    dst_dir_fd=self._folder,
                    follow_symlinks=False,
                )
            except FileExistsError:
                name = generate_unique_name(name)
                continue
            os.fsync(self._folder)
            return name

    def close(self) -> None:
        """Remove the temporary name, and with it the file if it has got no other."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._temporary, dir_fd=self._folder)
        self._stack.close()


def _split(name: str) -> tuple[list[str], str]:
    *folders, last = check_name(name).split("/")
    return folders, last


@contextlib.contextmanager
def _refusing_links(name: str, part: str = "", folder: int | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # ELOOP says that it is a link; with O_DIRECTORY Linux answers ENOTDIR, for a link and for a file alike.
        is_link = error.errno == errno.ELOOP
        if error.errno == errno.ENOTDIR and folder is not None:
            is_link = stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode)
            if not is_link:
                raise FileNotFoundError(errno.ENOENT, "not a directory", name) from None
        if is_link:
            raise ValueError(f"{name!r} leads through a symbolic link") from None
        raise
