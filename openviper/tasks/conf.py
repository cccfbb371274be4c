"""The setting `TASKS`: defaults filled in, every problem named at once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from openviper.conf.task_defaults import DEFAULT_TASKS
from openviper.tasks.exceptions import OpenViperTasksConfigurationError

BROKERS = ("database", "redis", "stub")
UNSUPPORTED = ("rabbitmq", "sqs")
FILE_DEFAULTS: dict[str, Any] = {
    "log_dir": "logs",
    "file_name": "tasks.log",
    "log_format": "json",
    "max_size": 10,
}
DATABASE_DEFAULTS: dict[str, Any] = {"task": 0, "periodic": 0}
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def resolve_tasks_config(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return `TASKS` with its defaults, as a new dict.

    Args:
        config: The user's keys; `None` for the defaults alone.

    Raises:
        OpenViperTasksConfigurationError: If a value cannot work; every problem is named.
    """
    if config is not None and not isinstance(config, Mapping):
        raise OpenViperTasksConfigurationError(
            [f"TASKS must be a dict, not {type(config).__name__}"]
        )
    merged: dict[str, Any] = copy.deepcopy(DEFAULT_TASKS)
    for key, value in (config or {}).items():
        if key == "logging" and isinstance(value, Mapping):
            merged["logging"] = {**merged["logging"], **value}
        else:
            merged[key] = value
    validate_tasks_config(merged)
    merged["enabled"] = int(merged["enabled"])
    logging = merged["logging"]
    logging["file"] = _filled(logging.get("file"), FILE_DEFAULTS, FILE_DEFAULTS)
    logging["database"] = _filled(
        logging.get("database"), DATABASE_DEFAULTS, {"task": 1, "periodic": 1}
    )
    return merged


def _filled(
    value: Any, defaults: Mapping[str, Any], when_on: Mapping[str, Any]
) -> dict[str, Any] | None:
    if not value:
        return None
    return {**defaults, **value} if isinstance(value, Mapping) else dict(when_on)


def validate_tasks_config(config: Any) -> None:
    """Check a merged `TASKS`.

    Raises:
        OpenViperTasksConfigurationError: With every problem found.
    """
    if not isinstance(config, Mapping):
        raise OpenViperTasksConfigurationError(
            [f"TASKS must be a dict, not {type(config).__name__}"]
        )
    errors = [
        *_broker_errors(config),
        *_number_errors(config),
        *_backup_errors(config.get("backup")),
    ]
    if config.get("enabled") not in (0, 1):
        errors.append(f"TASKS['enabled'] must be 0 or 1, not {config.get('enabled')!r}")
    logging = config.get("logging", {})
    if isinstance(logging, Mapping):
        errors += _logging_errors(logging)
    else:
        errors.append(f"TASKS['logging'] must be a dict, not {type(logging).__name__}")
    if errors:
        raise OpenViperTasksConfigurationError(errors)


def _broker_errors(config: Mapping[str, Any]) -> list[str]:
    broker = config.get("broker")
    if broker in UNSUPPORTED:
        return [
            f"TASKS['broker'] = {broker!r} is not supported; choose one of {', '.join(BROKERS)}"
        ]
    if broker not in BROKERS:
        return [f"TASKS['broker'] must be one of {', '.join(BROKERS)}, not {broker!r}"]
    url = config.get("broker_url", "")
    if not isinstance(url, str):
        return [f"TASKS['broker_url'] must be a string, not {type(url).__name__}"]
    scheme = url.partition("://")[0].partition("+")[0].lower()
    if broker == "redis" and scheme not in ("redis", "rediss", "unix"):
        return [
            "TASKS['broker_url'] must be a URL such as 'redis://localhost:6379/0' for the broker 'redis'"
        ]
    if (
        broker == "database"
        and url
        and scheme not in ("sqlite", "postgresql", "postgres", "mysql", "mariadb")
    ):
        return ["TASKS['broker_url'] must be a database URL such as 'sqlite:///tasks.db', or empty"]
    return []


def _number_errors(config: Mapping[str, Any]) -> list[str]:
    errors = []
    for name in ("lease", "async_concurrency"):
        value = config.get(name)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
            errors.append(f"TASKS[{name!r}] must be a positive number, not {value!r}")
    return errors


def _backup_errors(backup: Any) -> list[str]:
    if not backup:
        return []
    if not isinstance(backup, Mapping):
        return [f"TASKS['backup'] must be a dict, not {type(backup).__name__}"]
    from openviper.backup.scheduled import BackupSchedule
    from openviper.tasks.schedule.cron import parse_cron

    try:
        schedule = BackupSchedule.from_settings(backup)
        assert schedule is not None
        parse_cron(schedule.cron)
    except ValueError as error:
        text = str(error)
        return [text if text.startswith("TASKS[") else f"TASKS['backup']['cron']: {text}"]
    return []


def _logging_errors(logging: Mapping[str, Any]) -> list[str]:
    errors = []
    if str(logging.get("level", "INFO")).upper() not in LEVELS:
        errors.append(
            f"TASKS['logging']['level'] must be one of {', '.join(LEVELS)}, not {logging.get('level')!r}"
        )
    file = logging.get("file")
    if isinstance(file, Mapping):
        if file.get("log_format", "json") not in ("json", "text"):
            errors.append(
                f"TASKS['logging']['file']['log_format'] must be json or text, not {file['log_format']!r}"
            )
        size = file.get("max_size", 10)
        if not isinstance(size, (int, float)) or isinstance(size, bool) or size <= 0:
            errors.append(
                f"TASKS['logging']['file']['max_size'] must be a positive number of MB, not {size!r}"
            )
    elif file not in (None, 0, 1):
        errors.append(f"TASKS['logging']['file'] must be None, 0, 1 or a dict, not {file!r}")
    database = logging.get("database")
    if isinstance(database, Mapping):
        errors += [
            f"TASKS['logging']['database'][{name!r}] must be 0 or 1, not {database[name]!r}"
            for name in ("task", "periodic")
            if database.get(name, 0) not in (0, 1)
        ]
    elif database not in (None, 0, 1):
        errors.append(
            f"TASKS['logging']['database'] must be None, 0, 1 or a dict, not {database!r}"
        )
    return errors
