"""Logging of tasks: quiet in a web process, to the console and to a file in a worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from openviper.tasks.broker import tasks_config
from openviper.tasks.conf import TaskLogging
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.tasks import log_files
else:
    log_files = lazy_module("openviper.tasks.log_files")  # Few workers log to a file of their own.

ROOT = "openviper.tasks"


def get_task_logger(name: str) -> logging.Logger:
    """Return a logger below ``openviper.tasks``."""
    return logging.getLogger(
        name if name == ROOT or name.startswith(f"{ROOT}.") else f"{ROOT}.{name}"
    )


def configure_task_logging(*, worker: bool = False, config: TaskLogging | None = None) -> None:
    """Set up the loggers of tasks.

    Args:
        worker: Whether this process is a worker: then records also go to the root logger, and to the file if there is one.
        config: A ``TASKS["logging"]``; that of the settings when not given.
    """
    if config is None:
        config = tasks_config().logging
    logger = logging.getLogger(ROOT)
    logger.setLevel(config.level)
    logger.propagate = worker
    _remove_files(logger)
    if worker and config.file:
        logger.addHandler(log_files.file_handler(config.file))


def _remove_files(logger: logging.Logger) -> None:
    for handler in list(logger.handlers):
        if isinstance(handler, log_files.ProcessFileHandler):
            logger.removeHandler(handler)
            handler.close()
