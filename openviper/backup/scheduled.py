"""Backups without a person: of every configured database, or on a schedule."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from openviper.backup.after import AfterBackupError, BackupSettings, run_after
from openviper.backup.archive.writer import DEFAULT_LEVEL
from openviper.backup.create import BackupResult, create_backup
from openviper.backup.exceptions import BackupError
from openviper.backup.retention import Retention
from openviper.conf import settings
from openviper.conf.sections import unknown_key_errors
from openviper.db.connections.options import NOT_ALIASES
from openviper.db.exceptions import DatabaseAliasNotFoundError, DatabaseConfigurationError
from openviper.exceptions import OpenViperException

logger = logging.getLogger("openviper.backup")

DEFAULT_CRON = "15 3 * * *"
_SECTION = "TASKS['backup']"
_NUMBERS = ("keep", "keep_daily", "keep_weekly", "keep_monthly")


@dataclass(frozen=True, slots=True)
class BackupSchedule:
    """What `TASKS["backup"]` asks for.

    Attributes:
        path: The directory of the results.
        retention: Which results of each database remain; `None` keeps all.
        cron: When, as five cron fields in the scheduler's time zone.
        databases: Aliases; every configured one when empty.
        level: Of compression, 1 to 9.
    """

    path: str
    retention: Retention | None = None
    cron: str = DEFAULT_CRON
    databases: tuple[str, ...] = ()
    level: int = DEFAULT_LEVEL

    @classmethod
    def from_settings(cls, config: Mapping[str, Any] | None) -> BackupSchedule | None:
        """Return the schedule of a `TASKS["backup"]` mapping, or `None` when there is none.

        Raises:
            DatabaseConfigurationError: If a key is unknown or missing, or a value is of the wrong kind.
        """
        if not config:
            return None
        errors = unknown_key_errors(_SECTION, config, _RULES)
        for key, (is_right, wanted, default) in _RULES.items():
            value = config.get(key, default)
            if not is_right(value):
                errors.append(f"{_SECTION}[{key!r}] must be {wanted}, not {value!r}")
        if errors:
            raise DatabaseConfigurationError("; ".join(errors))
        return cls(
            os.fspath(config["path"]),
            _retention(config),
            config.get("cron", DEFAULT_CRON),
            tuple(config.get("databases", ())),
            config.get("level", DEFAULT_LEVEL),
        )


def _retention(config: Mapping[str, Any]) -> Retention | None:
    within = config.get("keep_within")
    if isinstance(within, (int, float)):
        within = timedelta(seconds=within)
    last, daily, weekly, monthly = (config.get(key) for key in _NUMBERS)
    return Retention(last, daily, weekly, monthly, within) or None


def _is_path(value: object) -> bool:
    return isinstance(value, (str, os.PathLike)) and bool(os.fspath(value))


def _is_cron(value: object) -> bool:
    return isinstance(value, str) and len(value.split()) == 5


def _are_aliases(value: object) -> bool:
    return isinstance(value, (list, tuple, set, frozenset)) and all(
        isinstance(alias, str) for alias in value
    )


def _is_level(value: object) -> bool:
    return _is_number(value) and value in range(1, 10)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_optional_number(value: object) -> bool:
    return value is None or _is_number(value)


def _is_optional_age(value: object) -> bool:
    if isinstance(value, timedelta):
        return value > timedelta(0)
    if isinstance(value, bool):
        return False
    return value is None or (isinstance(value, (int, float)) and value > 0)


_RULES: dict[str, tuple[Callable[[object], bool], str, object]] = {
    "path": (_is_path, "a directory", None),
    "cron": (_is_cron, "five cron fields", DEFAULT_CRON),
    "databases": (_are_aliases, "a list of aliases", ()),
    "level": (_is_level, "a number from 1 to 9", DEFAULT_LEVEL),
    **{key: (_is_optional_number, "a number from 1 on", None) for key in _NUMBERS},
    "keep_within": (_is_optional_age, "seconds or a timedelta", None),
}
"""What each key must be, in words too, and its default."""


class SomeBackupsFailedError(BackupError):
    """Not every database could be backed up; those that could are.

    Attributes:
        results: The finished backups by alias.
        errors: What went wrong, by alias.
    """

    def __init__(
        self, results: Mapping[str, BackupResult], errors: Mapping[str, Exception]
    ) -> None:
        self.results = dict(results)
        self.errors = dict(errors)
        super().__init__("; ".join(f"{alias}: {error}" for alias, error in errors.items()))


def configured_urls(databases: Mapping[str, Any]) -> dict[str, str]:
    """Return the URL of every alias in a `DATABASES` mapping that has one."""
    urls = {}
    for alias, config in databases.items():
        if alias not in NOT_ALIASES and isinstance(config, Mapping):
            url = (config.get("OPTIONS") or {}).get("URL") or config.get("URL")
            if url:
                urls[alias] = str(url)
    return urls


async def run_scheduled_backup(
    path: str | os.PathLike[str],
    *,
    keep: int | Retention | None = None,
    databases: Sequence[str] = (),
    level: int = DEFAULT_LEVEL,
) -> dict[str, BackupResult]:
    """Back up the configured databases, one after the other; one that fails does not keep the others from theirs.

    Args:
        path: The directory of the results.
        keep: How many results of each database remain, or a rule; `None` keeps all.
        databases: Aliases; every configured one when empty.
        level: Of compression, 1 to 9.

    Returns:
        The finished backups by alias.

    Raises:
        DatabaseAliasNotFoundError: If an alias is not configured; nothing was done.
        DatabaseConfigurationError: If no database is configured.
        SomeBackupsFailedError: If at least one backup failed; its `results` are the finished ones.
    """
    urls = configured_urls(settings.DATABASES)
    for alias in databases:
        if alias not in urls:
            raise DatabaseAliasNotFoundError(alias, urls)
    if not urls:
        raise DatabaseConfigurationError(
            "no database is configured, so there is nothing to back up"
        )
    after = BackupSettings.read(settings.BACKUP)
    results: dict[str, BackupResult] = {}
    errors: dict[str, Exception] = {}
    for alias in databases or urls:
        try:
            results[alias] = await create_backup(urls[alias], path, keep=keep, level=level)
            await run_after(after, results[alias])
        except AfterBackupError as exc:
            # The backup is there; to make another one would not help.
            logger.warning("%s", exc)
        except (OpenViperException, OSError) as exc:
            errors[alias] = exc
    if errors:
        raise SomeBackupsFailedError(results, errors)
    return results
