"""One collection into a destination at a time; others wait for it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_collection(destination: Path, wait: Callable[[], None]) -> Iterator[bool]:
    """Hold the right to collect into a destination.

    The lock is on the directory around the destination, so that it holds for a destination that does not exist yet and
    leaves no file behind. It ends with the process, however that ends.

    Args:
        destination: Where the files go; the directory around it is made if need be.
        wait: Called once if another collection is under way, before it is waited for.

    Yields:
        Whether there is a lock: some file systems know none.

    Raises:
        OSError: If the directory around the destination cannot be made.
    """
    folder = os.path.dirname(os.path.realpath(destination))
    os.makedirs(folder, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _locked(descriptor, wait)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, wait: Callable[[], None]) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        wait()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
