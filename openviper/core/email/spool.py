"""Files of messages that are too large for the queue, in ``EMAIL["spool_dir"]``."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from openviper.core.email.config import email_settings
from openviper.tasks.broker import tasks_config
from openviper.utils.atomic_files import atomic_write

SPOOL_BYTES = 256 * 1024
"""Bytes of a message from which it waits in a file of its own, and not in the queue."""
KEEP_SPOOLED = 30 * 86_400
"""Seconds after which a file is of no use any more at the earliest: no worker may have come for weeks."""
DAY = 86_400
SWEEP_EVERY = 3600
_NAME = re.compile(r"[0-9a-f]{32}\.json\Z")
_OURS = re.compile(r"(?:[0-9a-f]{32}\.json|\.[0-9a-f]{32}\.json\.[0-9a-f]+\.partial)\Z")
"""A file of ours, or what is left of one that was being written: others may lie in the same folder."""

_swept_at = float("-inf")


def spool_directory() -> Path:
    """Return where the files are; not below the working directory, which sender and worker need not share."""
    return Path(email_settings().spool_dir)


def write_spooled(payload: Mapping[str, Any], due: float) -> str:
    """Write a payload into a file that only this user can read, and return its name.

    Args:
        payload: A message as JSON can hold it.
        due: When it is going to be needed, in seconds since the epoch; old files are removed that long after.

    Raises:
        OSError: If it cannot be written; no file is left then.
    """
    directory = spool_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{uuid4().hex}.json"
    with atomic_write(directory / name, mode=0o600) as file:
        file.write(json.dumps(payload).encode())
        file.flush()
        os.utime(file.fileno(), (due, due))
    _sweep(directory)
    return name


def read_spooled(name: object) -> dict[str, Any]:
    """Return the payload of a file.

    Raises:
        ValueError: If the name could be that of another file.
        OSError: If the file is gone.
    """
    payload: dict[str, Any] = json.loads((spool_directory() / _checked(name)).read_bytes())
    return payload


def remove_spooled(name: object) -> None:
    """Remove a file that is not needed any more; if that fails, it is swept later."""
    with suppress(OSError):
        (spool_directory() / _checked(name)).unlink()


def _checked(name: object) -> str:
    if not isinstance(name, str) or not _NAME.match(name):
        raise ValueError(f"{name!r} is not the name of a spooled message")
    return name


def _sweep(directory: Path) -> None:
    """Remove what no task can name any more, once an hour."""
    global _swept_at
    if time.monotonic() - _swept_at < SWEEP_EVERY:
        return
    _swept_at = time.monotonic()
    keep_dead = tasks_config().keep_dead
    if keep_dead is None:
        return  # Dead tasks stay for ever, and so does what they name.
    keep = max(KEEP_SPOOLED, keep_dead + DAY)
    for path in directory.iterdir():
        with suppress(OSError):
            if _OURS.match(path.name) and time.time() - path.lstat().st_mtime > keep:
                path.unlink()
