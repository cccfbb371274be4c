"""Handing a message to its backend, and what the log is told of it: the subject, never addresses, bodies or files."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from openviper.conf.logging import LOG_DATETIME_FORMAT, TEXT_FORMAT, JsonFormatter
from openviper.core.email.backends import get_backend
from openviper.core.email.config import EmailSettings, email_settings
from openviper.core.email.preview import keep_for_preview, wants_preview

if TYPE_CHECKING:
    from openviper.core.email.message import EmailMessageData

logger = logging.getLogger("openviper.email")
MAX_BYTES, BACKUPS = 10 * 1024 * 1024, 5
_log_file: str | None = None


async def send_now(message_data: EmailMessageData) -> None:
    """Hand a message to the backend of the settings.

    Raises:
        Exception: What the backend raises.
    """
    configure_email_log()
    backend = get_backend()
    await backend.send(message_data)
    if wants_preview(backend):
        await asyncio.to_thread(keep_for_preview, [message_data])
    logger.info("sent mail %r", message_data.subject)


def log_failure(subject: str, error: BaseException) -> None:
    """Log that a message was not sent, with the kind of error and where it arose; its text, and lines of code, may name people."""
    frames = traceback.extract_tb(error.__traceback__)
    where = "".join(f"\n  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    logger.error("mail %r was not sent: %s%s", subject, type(error).__name__, where)


def configure_email_log() -> None:
    """Log into ``EMAIL["log_dir"]/email.<pid>.log`` as well, if that is set; nothing is created otherwise.

    One file per process, because two cannot rotate one.
    """
    global _log_file
    settings = email_settings()
    path = _path(settings)
    if path == _log_file:
        return
    _close_log()
    _log_file = path
    if path is not None:
        _open_log(path, settings.log_format)


def _open_log(path: str, log_format: str) -> None:
    logger.addHandler(_handler(path, log_format))
    if logger.getEffectiveLevel() > logging.INFO:
        logger.setLevel(logging.INFO)


def _path(settings: EmailSettings) -> str | None:
    if settings.log_dir is None:
        return None
    return os.path.join(settings.log_dir, f"email.{os.getpid()}.log")


def _close_log() -> None:
    for handler in list(logger.handlers):
        if isinstance(handler, RotatingFileHandler):
            logger.removeHandler(handler)
            handler.close()


def _handler(path: str, log_format: str) -> logging.Handler:
    Path(path).parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True
    )
    is_json = log_format == "json"
    handler.setFormatter(
        JsonFormatter() if is_json else logging.Formatter(TEXT_FORMAT, LOG_DATETIME_FORMAT)
    )
    return handler
