"""Text files in one compressed archive, `tar.gz`, which any system unpacks without us."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator, Mapping
from gzip import GzipFile
from io import BytesIO
from zipfile import Path as Entry
from zipfile import ZipFile

MAX_UNPACKED = 64 * 1024 * 1024
"""Most bytes that an archive may hold unpacked."""


class PackedFilesError(ValueError):
    """An archive cannot be unpacked."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return files by their names as one archive; equal files give equal bytes, with one zlib."""
    buffer = BytesIO()
    # Neither a name nor a time: they would differ where the files do not.
    with (
        GzipFile("", "wb", 9, buffer, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, BytesIO(content))
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, bytes]:
    """Return the files of an archive by their names.

    Raises:
        PackedFilesError: If it is damaged, or holds more than `MAX_UNPACKED` bytes.
    """
    try:
        with GzipFile(fileobj=BytesIO(content)) as compressed:
            unpacked = compressed.read(MAX_UNPACKED + 1)
        if len(unpacked) > MAX_UNPACKED:
            raise PackedFilesError(f"the archive holds more than {MAX_UNPACKED} bytes")
        with tarfile.open(fileobj=BytesIO(unpacked), mode="r:") as archive:
            return dict(_entries(archive))
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise PackedFilesError(f"the archive is damaged: {error}") from error


def _entries(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for entry in archive:
        file = archive.extractfile(entry)
        if file is not None:
            yield entry.name, file.read()


def as_folder(files: Mapping[str, bytes]) -> Entry:
    """Return files by their names as a folder that is in memory only."""
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return Entry(ZipFile(buffer))
