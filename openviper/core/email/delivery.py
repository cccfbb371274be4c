"""Handing a message to its backend, and what the log is told of it: the subject, never addresses, bodies or files."""

from __future__ import annotations

import logging
import os
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from openviper.core.email.backends import get_backend
from openviper.core.email.config import read_email_config

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
    await get_backend().send(message_data)
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
    config = read_email_config()
    directory = config["log_dir"]
    path = os.path.abspath(Path(directory, f"email.{os.getpid()}.log")) if directory else None
    if path == _log_file:
        return
    for handler in [one for one in logger.handlers if isinstance(one, RotatingFileHandler)]:
        logger.removeHandler(handler)
        handler.close()
    _log_file = path
    if path is None:
        return
    from openviper.conf.logging import LOG_DATETIME_FORMAT, TEXT_FORMAT, JsonFormatter

    Path(directory).mkdir(mode=0o750, parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True
    )
    is_json = config["log_format"] == "json"
    handler.setFormatter(
        JsonFormatter() if is_json else logging.Formatter(TEXT_FORMAT, LOG_DATETIME_FORMAT)
    )
    logger.addHandler(handler)
    if logger.getEffectiveLevel() > logging.INFO:
        logger.setLevel(logging.INFO)
