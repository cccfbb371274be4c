"""One writer of a tree at a time in a folder; what killed ones have left there is put in order by the next."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openviper.vendoring.manifest import MANIFEST

_ENDINGS = r"\.[0-9a-f]{8}\.(?:partial|partial\.old|proof\.pyz)"
"""What is written under a hidden name has after the name of its target."""


@contextmanager
def turn(target: Path) -> Iterator[None]:
    """Wait until no other process writes beside a target, and keep others waiting for as long as this one does.

    The lock is on the folder around the target: it leaves no file behind and ends with the process, however that ends. On a
    file system without locks nobody waits, and nothing is put in order, as it could be somebody's work.

    Args:
        target: The folder or archive that is written.

    Raises:
        OSError: If the folder around it cannot be opened.
    """
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _is_locked(descriptor):
            _restore(target)
            _clear(target)
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def _left_over(target: Path, ending: str = "") -> list[Path]:
    """Return what killed writers of a target have left, by the ending of its name."""
    name = re.compile(re.escape(f".{target.name}") + _ENDINGS)
    return sorted(
        path
        for path in target.parent.iterdir()
        if name.fullmatch(path.name) and path.name.endswith(ending)
    )


def _restore(target: Path) -> None:
    """Put a tree back that was moved aside by a process that was killed before the new one took its place."""
    aside = [path for path in _left_over(target, ".old") if (path / MANIFEST).is_file()]
    if len(aside) == 1 and not os.path.lexists(target):
        aside[0].rename(target)


def _clear(target: Path) -> None:
    if not os.path.lexists(target) and _left_over(target, ".old"):
        return  # Several old trees: which one was in use is not ours to say.
    for path in _left_over(target):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
