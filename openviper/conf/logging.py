"""Logging as the settings ask for it."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from typing import Any

from openviper.conf.base import Settings

LOG_DATETIME_FORMAT = "%Y-%m-%d %H:%M:%S"
TEXT_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
CHATTY_LOGGERS = (
    "asyncio",
    "watchfiles",
    "urllib3",
    "httpx",
    "httpcore",
    "PIL",
    "markdown",
    "MARKDOWN",
)
"""Loggers of other packages that say much below WARNING."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class OVDefaultHandler(logging.StreamHandler[Any]):
    """The handler that OpenViper puts on its own logger; writes to standard error."""


class JsonFormatter(logging.Formatter):
    """One JSON object per line: ``time``, ``level``, ``logger``, ``message``, extras, exception and stack."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        entry: dict[str, Any] = {
            "time": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update(_extras(record, entry))
        if record.exc_info:
            entry["exc_info"] = self.formatException(record.exc_info)
        if record.stack_info:
            entry["stack_info"] = self.formatStack(record.stack_info)
        return json.dumps(entry, ensure_ascii=False)


def _extras(record: logging.LogRecord, taken: Collection[str]) -> dict[str, Any]:
    """Return what a caller has put into a record with ``extra=``, as far as JSON can say it."""
    own = vars(record).keys() - _STANDARD - set(taken)
    return {
        name: value
        for name, value in vars(record).items()
        if name in own and _is_serialisable(value)
    }


def _is_serialisable(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


class _OnlyOnce(logging.Filter):
    """Lets a record pass unless the root logger, to which it propagates, has a handler that shows it anyway."""

    def filter(self, record: logging.LogRecord) -> bool:
        root = logging.getLogger()
        return not any(
            isinstance(handler, logging.StreamHandler)
            and record.levelno >= handler.level
            and _is_standard_stream(handler.stream)
            for handler in root.handlers
        )


def _is_standard_stream(stream: Any) -> bool:
    import sys

    return stream in (sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__)


def configure_logging(instance: Settings) -> None:
    """Set up the `openviper` logger.

    A non-empty `LOGGING` goes to `logging.config.dictConfig` as it is, and nothing else is done.
    """
    if instance.LOGGING:
        from logging.config import dictConfig

        dictConfig(instance.LOGGING)
        return
    logger = logging.getLogger("openviper")
    for handler in [one for one in logger.handlers if isinstance(one, OVDefaultHandler)]:
        logger.removeHandler(handler)
    handler = OVDefaultHandler()
    if instance.LOG_FORMAT == "json":
        handler.setFormatter(JsonFormatter(datefmt=LOG_DATETIME_FORMAT))
    else:
        handler.setFormatter(logging.Formatter(TEXT_FORMAT, LOG_DATETIME_FORMAT))
    handler.addFilter(_OnlyOnce())
    logger.addHandler(handler)
    level = logging.getLevelName(instance.LOG_LEVEL.upper())
    logger.setLevel(level)
    if level > logging.DEBUG:
        for name in CHATTY_LOGGERS:
            chatty = logging.getLogger(name)
            if chatty.level == logging.NOTSET:
                chatty.setLevel(logging.WARNING)
