"""Media files in the same archive as the database they belong to, and back in their place."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openviper.backup.archive.reader import unpack_tar_gz
from openviper.backup.background import StopFlag
from openviper.backup.exceptions import BackupError
from openviper.backup.names import timestamp
from openviper.utils.atomic_files import sync_directory

MEMBER_DIRECTORY = "media"
"""The directory of the media files in an archive."""
_BLOCK_SIZE = 1 << 20


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A media file on its way into an archive.

    Attributes:
        member: Its name in the archive.
        path: Where it lies.
    """

    member: str
    path: Path

    def blocks(self, stop: StopFlag) -> Iterator[bytes]:
        """Yield its content in pieces.

        Raises:
            OSError: If it is gone since it was listed, or cannot be read.
            Stopped: If `stop` was set meanwhile.
        """
        with open(self.path, "rb") as file:
            while block := file.read(_BLOCK_SIZE):
                stop.check()
                yield block


def list_media(root: Path) -> list[MediaFile]:
    """Return the regular files below a directory, sorted; links are not followed, as they may lead anywhere.

    Raises:
        BackupError: If there is no such directory, or it cannot be read.
    """

    def fail(error: OSError) -> None:
        raise BackupError(f"cannot read the media files: {error.strerror}: {error.filename!r}")

    files = []
    for directory, directories, names in os.walk(root, onerror=fail):
        directories.sort()
        for name in sorted(names):
            path = Path(directory) / name
            if path.is_file() and not path.is_symlink():
                member = f"{MEMBER_DIRECTORY}/{path.relative_to(root).as_posix()}"
                files.append(MediaFile(member, path))
    return files


class MediaRestore:
    """Media files unpacked beside their place, for the time of a `with` block; `put_in_place` exchanges them.

    Args:
        archive: A backup archive.
        root: The directory of the media files.
    """

    def __init__(self, archive: Path, root: Path) -> None:
        self._archive = archive
        self._root = root
        self._staged = root.with_name(f".{root.name}.restore-{secrets.token_hex(4)}")

    def __enter__(self) -> MediaRestore:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._staged, ignore_errors=True)

    def unpack(self, stop: StopFlag) -> int:
        """Unpack the media files, and return how many there are.

        Raises:
            BackupError: If the archive holds none, or the place cannot be written.
            Stopped: If `stop` was set meanwhile.
        """
        try:
            self._staged.mkdir(mode=0o700)
        except OSError as exc:
            raise BackupError(
                f"Cannot write beside the media files {str(self._root)!r}: {exc.strerror}"
            ) from exc
        files = unpack_tar_gz(self._archive, self._staged, below=MEMBER_DIRECTORY, stop=stop)
        for path in files:
            # As a web server reads them.
            path.chmod(0o644)
        for directory, _, _ in os.walk(self._staged):
            os.chmod(directory, 0o755)
        return len(files)

    def put_in_place(self) -> Path | None:
        """Exchange the media files for the unpacked ones.

        Returns:
            Where the old ones lie now; `None` if there were none.

        Raises:
            BackupError: If it cannot be done; the old ones are where they were.
        """
        aside = self._root.with_name(
            f"{self._root.name}.before-{timestamp()}-{secrets.token_hex(2)}"
        )
        new = self._staged / MEMBER_DIRECTORY
        had_any = self._root.exists()
        try:
            if had_any:
                shutil.copystat(self._root, new)
                os.rename(self._root, aside)
            os.rename(new, self._root)
        except OSError as exc:
            if had_any and not self._root.exists():
                with contextlib.suppress(OSError):
                    os.rename(aside, self._root)
            raise BackupError(
                f"Cannot put the media files into {str(self._root)!r}: {exc.strerror}; the database is restored"
            ) from exc
        sync_directory(self._root.parent)
        return aside if had_any else None
