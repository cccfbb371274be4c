"""The setting `TASKS`, read once into typed sections: defaults filled in, every problem named at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from openviper.conf.sections import unknown_key_errors
from openviper.conf.task_defaults import DEFAULT_TASKS
from openviper.tasks.exceptions import OpenViperTasksConfigurationError
from openviper.tasks.units import short_repr
from openviper.utils.records import record

if TYPE_CHECKING:
    from openviper.backup.scheduled import BackupSchedule

BROKERS = ("database", "redis", "stub")
UNSUPPORTED = ("rabbitmq", "sqs")
WEEK = 7 * 86400.0
LEAST_KEPT = 60
"""Seconds: workers look once a minute for what is too old."""
MOST_KEPT = 100 * 366 * 86400
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_REDIS_SCHEMES = ("redis", "rediss", "unix")
_DATABASE_SCHEMES = ("sqlite", "postgresql", "postgres", "mysql", "mariadb")


@record(frozen=True, slots=True, eq=False)
class LogFile:
    """``TASKS["logging"]["file"]``: where a worker logs to.

    Attributes:
        max_size: Megabytes at which a new file is begun.
    """

    log_dir: str = "logs"
    file_name: str = "tasks.log"
    log_format: str = "json"
    max_size: float = 10


@record(frozen=True, slots=True, eq=False)
class TaskRecords:
    """``TASKS["logging"]["database"]``: what is written into tables."""

    task: bool = False
    periodic: bool = False


@record(frozen=True, slots=True, eq=False)
class TaskLogging:
    """``TASKS["logging"]``."""

    level: str = "INFO"
    file: LogFile | None = None
    database: TaskRecords = TaskRecords()


@record(frozen=True, slots=True, eq=False)
class TaskSettings:
    """``TASKS`` with its defaults.

    Attributes:
        enabled: Whether calls are sent; else they run where they are made.
        broker_url: Empty for the project's default database.
        backend_url: Results are kept when it is not empty.
        lease: Seconds after which a worker that gives no sign of life is lost.
        grace: Seconds that running tasks are given to end when the worker stops.
        async_concurrency: Most async calls at a time in each process.
        max_tasks_per_child: Calls after which a process is replaced; 0 for never.
        max_message_bytes: Most bytes of a message's arguments.
        keep_results: Seconds for which results are kept; `None` for ever.
        keep_dead: Seconds for which dead messages are kept; `None` for ever.
        keep_records: Seconds for which the rows of `TaskResult` are kept after their last change; `None` for ever.
        sign: Whether messages bear a signature made with `SECRET_KEY`, and others are refused.
    """

    enabled: bool = True
    broker: str = "database"
    broker_url: str = ""
    backend_url: str = ""
    lease: float = 60.0
    grace: float = 30.0
    async_concurrency: int = 100
    max_tasks_per_child: int = 0
    max_message_bytes: int = 4 * 1024 * 1024
    keep_results: float | None = WEEK
    keep_dead: float | None = WEEK
    keep_records: float | None = WEEK
    sign: bool = False
    redis_prefix: str = "openviper:"
    logging: TaskLogging = TaskLogging()
    backup: BackupSchedule | None = None

    @property
    def sends_plainly(self) -> bool:
        """Whether nothing but a call makes a message: it is sent, and not signed."""
        return self.enabled and not self.sign


def resolve_tasks_config(config: Mapping[str, Any] | None) -> TaskSettings:
    """Return `TASKS` with its defaults.

    Args:
        config: The user's keys; `None` for the defaults alone.

    Raises:
        OpenViperTasksConfigurationError: If a key is unknown or a value cannot work; every problem is named.
    """
    given = {} if config is None else config
    validate_tasks_config(given)
    values = {**DEFAULT_TASKS, **given}
    backup = values.pop("backup", None)
    return TaskSettings(
        enabled=bool(values.pop("enabled")),
        lease=float(values.pop("lease")),
        grace=float(values.pop("grace")),
        sign=bool(values.pop("sign")),
        logging=_logging(values.pop("logging")),
        backup=_backup_schedule(backup) if backup else None,
        **values,
    )


def _logging(given: Mapping[str, Any]) -> TaskLogging:
    file, database = given.get("file"), given.get("database")
    return TaskLogging(
        level=str(given.get("level", "INFO")).upper(),
        file=LogFile(**(file if isinstance(file, Mapping) else {})) if file else None,
        database=_records(database),
    )


def _records(given: Any) -> TaskRecords:
    if isinstance(given, Mapping):
        return TaskRecords(bool(given.get("task", 0)), bool(given.get("periodic", 0)))
    return TaskRecords(bool(given), bool(given))


def _backup_schedule(given: Mapping[str, Any]) -> BackupSchedule:
    # Late: a worker without backups does not load what makes them.
    from openviper.backup.scheduled import BackupSchedule

    schedule = BackupSchedule.from_settings(given)
    assert schedule is not None
    return schedule


def validate_tasks_config(config: Any) -> None:
    """Check the keys of a `TASKS`; what is not given has its default.

    Raises:
        OpenViperTasksConfigurationError: With every problem found.
    """
    if not isinstance(config, Mapping):
        raise OpenViperTasksConfigurationError(
            [f"TASKS must be a dict, not {type(config).__name__}"]
        )
    errors = [
        *unknown_key_errors("TASKS", config, TaskSettings.__match_args__),
        *_broker_errors(config),
        *_number_errors(config),
        *_keep_errors(config),
        *_switch_errors("TASKS", config, ("enabled", "sign")),
        *_text_errors(config),
        *_backup_errors(config.get("backup")),
        *_logging_errors(config.get("logging", {})),
    ]
    if errors:
        raise OpenViperTasksConfigurationError(errors)


def _broker_errors(config: Mapping[str, Any]) -> list[str]:
    broker = config.get("broker", "database")
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
    if broker == "redis" and scheme not in _REDIS_SCHEMES:
        return [
            "TASKS['broker_url'] must be a URL such as 'redis://localhost:6379/0' for the broker 'redis'"
        ]
    if broker == "database" and url and scheme not in _DATABASE_SCHEMES:
        return ["TASKS['broker_url'] must be a database URL such as 'sqlite:///tasks.db', or empty"]
    return []


_NUMBERS = {
    "lease": (float, 0.001),
    "grace": (float, 0),
    "async_concurrency": (int, 1),
    "max_tasks_per_child": (int, 0),
    "max_message_bytes": (int, 1024),
}
"""Type and least value of each number."""


def _number_errors(config: Mapping[str, Any]) -> list[str]:
    errors = []
    for name, (wanted, least) in _NUMBERS.items():
        value = config.get(name, least)
        if _is_number(value, whole=wanted is int) and value >= least:
            continue
        errors.append(f"TASKS[{name!r}] must be {_wish(wanted, least)}, not {short_repr(value)}")
    return errors


def _keep_errors(config: Mapping[str, Any]) -> list[str]:
    errors = []
    for name in ("keep_results", "keep_dead", "keep_records"):
        value = config.get(name)
        if value is None or (_is_number(value, whole=False) and LEAST_KEPT <= value <= MOST_KEPT):
            continue
        errors.append(
            f"TASKS[{name!r}] must be from {LEAST_KEPT} seconds to a hundred years of them, "
            f"or None for ever, not {short_repr(value)}"
        )
    return errors


def _wish(wanted: type, least: float) -> str:
    if wanted is int:
        return f"a whole number of at least {least}"
    return "a positive number" if least else "a number of at least 0"


_MOST = 2**53
"""No number of these is larger, and every one up to it is a float too."""


def _is_number(value: Any, *, whole: bool) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) <= _MOST
    return not whole and isinstance(value, float) and math.isfinite(value)


def _switch_errors(section: str, given: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    return [
        f"{section}[{name!r}] must be 0 or 1, not {given[name]!r}"
        for name in names
        if given.get(name, 0) not in (0, 1)
    ]


def _text_errors(config: Mapping[str, Any]) -> list[str]:
    return [
        f"TASKS[{name!r}] must be a string, not {type(config[name]).__name__}"
        for name in ("backend_url", "redis_prefix")
        if not isinstance(config.get(name, ""), str)
    ]


def _backup_errors(backup: Any) -> list[str]:
    if not backup:
        return []
    if not isinstance(backup, Mapping):
        return [f"TASKS['backup'] must be a dict, not {type(backup).__name__}"]
    # Late: the parser is loaded only where there are backups.
    from openviper.tasks.schedule.cron import parse_cron

    try:
        parse_cron(_backup_schedule(backup).cron)
    except ValueError as error:
        text = str(error)
        return [text if text.startswith("TASKS[") else f"TASKS['backup']['cron']: {text}"]
    return []


def _logging_errors(logging: Any) -> list[str]:
    if not isinstance(logging, Mapping):
        return [f"TASKS['logging'] must be a dict, not {type(logging).__name__}"]
    errors = unknown_key_errors("TASKS['logging']", logging, ("level", "file", "database"))
    level = logging.get("level", "INFO")
    if str(level).upper() not in LEVELS:
        errors.append(
            f"TASKS['logging']['level'] must be one of {', '.join(LEVELS)}, not {level!r}"
        )
    return [
        *errors,
        *_file_errors(logging.get("file")),
        *_records_errors(logging.get("database")),
    ]


def _file_errors(file: Any) -> Iterator[str]:
    section = "TASKS['logging']['file']"
    if not isinstance(file, Mapping):
        if file not in (None, 0, 1):
            yield f"{section} must be None, 0, 1 or a dict, not {file!r}"
        return
    yield from unknown_key_errors(section, file, LogFile.__match_args__)
    yield from _file_value_errors(section, file)


def _file_value_errors(section: str, file: Mapping[str, Any]) -> Iterator[str]:
    if file.get("log_format", "json") not in ("json", "text"):
        yield f"{section}['log_format'] must be json or text, not {file['log_format']!r}"
    size = file.get("max_size", 10)
    if not _is_number(size, whole=False) or size <= 0:
        yield f"{section}['max_size'] must be a positive number of MB, not {short_repr(size)}"
    for name in ("log_dir", "file_name"):
        if not isinstance(file.get(name, "x"), str):
            yield f"{section}[{name!r}] must be a string, not {type(file[name]).__name__}"


def _records_errors(database: Any) -> list[str]:
    section = "TASKS['logging']['database']"
    if isinstance(database, Mapping):
        return [
            *unknown_key_errors(section, database, ("task", "periodic")),
            *_switch_errors(section, database, ("task", "periodic")),
        ]
    if database not in (None, 0, 1):
        return [f"{section} must be None, 0, 1 or a dict, not {database!r}"]
    return []
