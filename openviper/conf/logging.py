"""Logging as the settings ask for it."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from openviper.conf.base import Settings
from openviper.core.context import current_request_id
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.importing import lazy_module, lazy_pattern
from openviper.utils.printable import printable

if TYPE_CHECKING:
    import json
else:
    json = lazy_module("json")  # Only where lines of the log are JSON.

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

ACCESS_LOGGER = "uvicorn.access"
_ACCESS_FACTS = ("client", "method", "path", "http_version", "status")
"""What the records of `ACCESS_LOGGER` have as arguments."""


class OVDefaultHandler(logging.StreamHandler[Any]):
    """The handler that OpenViper puts on its own logger; writes to standard error."""


class TextFormatter(logging.Formatter):
    """One line of text: time, level, logger, message, and the identifier of the request where there is one."""

    def __init__(self) -> None:
        super().__init__(TEXT_FORMAT, LOG_DATETIME_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # The name in `logging`.
        """Return the first line; a traceback follows it."""
        line = _indented(super().formatMessage(record))
        request_id = current_request_id.get()
        return line if request_id is None else f"{line} [{request_id}]"

    def formatException(self, ei: Any) -> str:  # noqa: N802  # The name in `logging`.
        """Return the traceback."""
        return _indented(super().formatException(ei))


def _indented(text: str) -> str:
    """Return a text whose further lines do not begin where records do, and that has no other control characters.

    What clients send gets into messages of errors, and must not be able to look like a record of its own.
    """
    return "\n  ".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


@lru_cache
def _standard_names() -> frozenset[str]:
    """Return the attributes that every record has."""
    # Not at import: from Python 3.12 on, making a record looks into `asyncio`, which loads it where it is deferred.
    return frozenset(vars(logging.makeLogRecord({}))) | {
        "message",
        "asctime",
        "taskName",
        "color_message",  # The same text once more, for uvicorn's own formatter.
    }


class JsonFormatter(logging.Formatter):
    """One JSON object per line: ``time``, ``level``, ``logger``, ``message``, request, extras, exception and stack."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        entry: dict[str, Any] = {
            "time": self.formatTime(record, self.datefmt or LOG_DATETIME_FORMAT),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update(_request_facts(record))
        entry.update(_extras(record, entry))
        if record.exc_info:
            entry["exc_info"] = self.formatException(record.exc_info)
        if record.stack_info:
            entry["stack_info"] = self.formatStack(record.stack_info)
        # Half a surrogate pair is no UTF-8: a stream would drop the line, and JSON has an escape for it.
        return _HALF_PAIR.sub(_escaped, json.dumps(entry, ensure_ascii=False))


_HALF_PAIR = lazy_pattern(r"[\ud800-\udfff]")


def _escaped(half: re.Match[str]) -> str:
    return f"\\u{ord(half[0]):04x}"


def _request_facts(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record says about the request it was written for."""
    facts: dict[str, Any] = {}
    request_id = current_request_id.get()
    if request_id is not None:
        facts["request_id"] = request_id
    if record.name == ACCESS_LOGGER and isinstance(record.args, tuple):
        facts.update(zip(_ACCESS_FACTS, record.args, strict=False))
    return facts


def _extras(record: logging.LogRecord, taken: Collection[str]) -> dict[str, Any]:
    """Return what a caller has put into a record with ``extra=``, as far as JSON can say it."""
    own = vars(record).keys() - _standard_names() - set(taken)
    return {
        name: value
        for name, value in vars(record).items()
        if name in own and _is_serialisable(value)
    }


def _is_serialisable(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
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


FORMATTERS: dict[str, type[TextFormatter | JsonFormatter]] = {
    "text": TextFormatter,
    "json": JsonFormatter,
}
"""By the value of `LOG_FORMAT`."""


def configure_logging(instance: Settings) -> None:
    """Set up the `openviper` logger.

    A non-empty `LOGGING` goes to `logging.config.dictConfig` as it is, and nothing else is done.

    Raises:
        ImproperlyConfigured: If that cannot use it.
    """
    if instance.LOGGING:
        _configure_as_given(instance.LOGGING)
        return
    logger = logging.getLogger("openviper")
    for ours in [given for given in logger.handlers if isinstance(given, OVDefaultHandler)]:
        logger.removeHandler(ours)
    handler = OVDefaultHandler()
    handler.setFormatter(FORMATTERS[instance.LOG_FORMAT]())
    handler.addFilter(_OnlyOnce())
    logger.addHandler(handler)
    level = logging.getLevelName(instance.LOG_LEVEL.upper())
    logger.setLevel(level)
    if level > logging.DEBUG:
        _quieten()


def _configure_as_given(given: dict[str, Any]) -> None:
    from logging.config import dictConfig

    try:
        dictConfig(given)
    except (ValueError, TypeError, AttributeError, ImportError, LookupError, OSError) as error:
        reason = f"{error}: {error.__cause__}" if error.__cause__ else str(error)
        raise ImproperlyConfigured(f"LOGGING cannot be used: {reason}") from error


def _quieten() -> None:
    for name in CHATTY_LOGGERS:
        chatty = logging.getLogger(name)
        if chatty.level == logging.NOTSET:
            chatty.setLevel(logging.WARNING)


def server_log_config(instance: Settings) -> dict[str, Any] | None:
    """Return a `dictConfig` for the server, whose lines then look like those of the application.

    Access goes to standard output, the rest to standard error. `None`, for "leave it alone", where `LOGGING` says
    itself what becomes of the server's lines.
    """
    own = instance.LOGGING
    if "root" in own or "uvicorn" in own.get("loggers", {}):
        return None
    formatter = f"{__name__}.{FORMATTERS[instance.LOG_FORMAT].__name__}"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"default": {"()": formatter}},
        "handlers": {
            "default": _handler("ext://sys.stderr"),
            "access": _handler("ext://sys.stdout"),
        },
        "loggers": {
            "uvicorn": {"handlers": ["default"], "level": "INFO", "propagate": False},
            "uvicorn.error": {"level": "INFO"},
            ACCESS_LOGGER: {"handlers": ["access"], "level": "INFO", "propagate": False},
        },
    }


def _handler(stream: str) -> dict[str, str]:
    return {"class": "logging.StreamHandler", "formatter": "default", "stream": stream}
