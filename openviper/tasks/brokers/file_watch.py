"""Being told that a file was written to, where the system does so (inotify(7)).

The file is not opened: closing a second descriptor of an SQLite file would drop the locks that the process holds on it (fcntl(2)).
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

IN_MODIFY = 0x00000002
"""Somebody has written to the file; sys/inotify.h."""


class FileWatch:
    """Tells of writes to a file: `descriptor` is readable after one.

    Args:
        path: The file, which must exist.

    Raises:
        OSError: If the system has no such thing, or no more of it.
    """

    def __init__(self, path: str) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "inotify_init1"):
            raise OSError("this system does not tell of writes to files")
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        if libc.inotify_add_watch(self.descriptor, os.fsencode(path), IN_MODIFY) < 0:
            number = ctypes.get_errno()
            self.close()
            raise OSError(number, "inotify_add_watch", path)

    def clear(self) -> bool:
        """Take note of what was told, so that the descriptor is readable only after another write; return whether it was."""
        is_told = False
        with suppress(BlockingIOError):
            while True:
                is_told = bool(os.read(self.descriptor, 4096))
        return is_told

    def close(self) -> None:
        """Watch no more."""
        os.close(self.descriptor)
