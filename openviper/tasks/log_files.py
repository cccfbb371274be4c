"""The file that a worker logs to."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

from openviper.conf.logging import LOG_DATETIME_FORMAT, TEXT_FORMAT, JsonFormatter
from openviper.tasks.conf import LogFile
from openviper.tasks.running import get_trace_id

BACKUPS = 5
"""Files that are kept besides the one being written."""


class TraceFilter(logging.Filter):
    """Gives every record the short id of the message that is running, as ``trace_id``."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, with its id."""
        record.trace_id = get_trace_id()
        return True


class ProcessFileHandler(RotatingFileHandler):
    """Writes to a file of this process alone, named with its number, because two cannot rotate one file.

    A forked child goes on with a file of its own.

    Args:
        path: The name without the process number: ``tasks.log`` becomes ``tasks.<pid>.log``.
        max_bytes: Size at which a new file is begun.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._pid = os.getpid()
        super().__init__(
            self._own_path(), maxBytes=max_bytes, backupCount=BACKUPS, encoding="utf-8", delay=True
        )

    def _own_path(self) -> str:
        return str(self._path.with_name(f"{self._path.stem}.{os.getpid()}{self._path.suffix}"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self.stream = None  # As `delay` leaves it; the parent's stays open there.
            self.baseFilename = os.path.abspath(self._own_path())
        super().emit(record)


def file_handler(file: LogFile) -> logging.Handler:
    """Return what writes to the file that the settings describe; its folder is made."""
    folder = Path(file.log_dir)
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    handler = ProcessFileHandler(folder / file.file_name, int(file.max_size * 1024 * 1024))
    handler.addFilter(TraceFilter())
    if file.log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(
            logging.Formatter(f"{TEXT_FORMAT} [%(trace_id)s]", LOG_DATETIME_FORMAT)
        )
    return handler
