"""Where a collection writes: under names that nobody reads, until all is there."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class Output:
    """Where a collection writes: a new directory beside its place, or temporary names in one that is there.

    Args:
        destination: Where the files go.
        is_new: Whether it does not exist yet; building aside needs no renaming file by file.
    """

    def __init__(self, destination: Path, *, is_new: bool) -> None:
        self._final = destination
        self._token = secrets.token_hex(4)
        self._is_new = is_new
        self.base = str(destination)
        if is_new:
            self.base = str(destination.with_name(f".{destination.name}.{self._token}.partial"))
        self._staged: list[tuple[str, str]] = []
        self._made: list[str] = []

    def make_folders(self, folders: Iterable[str]) -> None:
        """Make the base and folders in it."""
        os.makedirs(self.base, exist_ok=True)
        for folder in sorted(folders):
            self._made += self._absent(folder)
            os.makedirs(f"{self.base}/{folder}", exist_ok=True)

    def _absent(self, folder: str) -> list[str]:
        """Return which of a folder and those around it are not there, the outermost first."""
        parts = folder.split("/")
        names = ["/".join(parts[:number]) for number in range(1, len(parts) + 1)]
        return [name for name in names if not os.path.lexists(f"{self.base}/{name}")]

    def path(self, name: str) -> str:
        """Return where a file is written that is going to have a name."""
        if self._is_new:
            return f"{self.base}/{name}"
        folder, _, last = f"{self.base}/{name}".rpartition("/")
        # Not with the name itself, which may be as long as names can be.
        short = hashlib.sha256(os.fsencode(last)).hexdigest()[:16]
        return f"{folder}/.{short}.{self._token}.partial"

    def stage(self, name: str) -> str:
        """Take note that a file is written, and return where."""
        path = self.path(name)
        if not self._is_new:
            self._staged.append((path, name))
        return path

    def give_names(self) -> None:
        """Rename everything that was written; what others read meanwhile is the old file or the new one."""
        while self._staged:
            path, name = self._staged[-1]
            os.replace(path, f"{self.base}/{name}")
            self._staged.pop()

    def remove(self, names: Iterable[str], *, empty_folders: Iterable[str]) -> None:
        """Remove files and links, and folders that are empty then."""
        for name in names:
            with suppress(FileNotFoundError):
                os.unlink(f"{self.base}/{name}")
        for folder in sorted(empty_folders, key=len, reverse=True):
            self._remove_if_empty(folder)

    def _remove_if_empty(self, folder: str) -> None:
        while folder:
            try:
                os.rmdir(f"{self.base}/{folder}")
            except OSError:  # Something else is in it, or it has gone.
                return
            folder = os.path.dirname(folder)

    def take_place(self) -> None:
        """Give a new directory its name."""
        if self._is_new:
            os.rename(self.base, self._final)

    def undo(self) -> None:
        """Remove everything that has no final name yet."""
        if self._is_new:
            shutil.rmtree(self.base, ignore_errors=True)
        for path, _ in self._staged:
            with suppress(OSError):
                os.unlink(path)
        for folder in reversed(self._made):
            with suppress(OSError):  # What has got its name by then stays.
                os.rmdir(f"{self.base}/{folder}")


def remove_remains(destination: Path) -> None:
    """Remove directories that killed collections have left beside a destination; only while no other one runs."""
    remains = re.compile(rf"\.{re.escape(destination.name)}\.[0-9a-f]{{8}}\.partial")
    with suppress(OSError), os.scandir(destination.parent) as entries:
        for entry in entries:
            if remains.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
