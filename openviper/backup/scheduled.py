"""Backups without a person: of every configured database, or on a schedule."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openviper.backup.archive.writer import DEFAULT_LEVEL
from openviper.backup.create import BackupResult, create_backup
from openviper.backup.exceptions import BackupError
from openviper.db.connections.options import NOT_ALIASES
from openviper.db.exceptions import DatabaseAliasNotFoundError, DatabaseConfigurationError
from openviper.exceptions import OpenViperException

DEFAULT_CRON = "15 3 * * *"
_KEYS = frozenset({"path", "keep", "cron", "databases", "level"})


@dataclass(frozen=True, slots=True)
class BackupSchedule:
    """What `TASKS["backup"]` asks for.

    Attributes:
        path: The directory of the results.
        keep: How many results of each database remain; `None` keeps all.
        cron: When, as five cron fields in the scheduler's time zone.
        databases: Aliases; every configured one when empty.
        level: Of compression, 1 to 9.
    """

    path: str
    keep: int | None = None
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
        unknown = sorted(set(config) - _KEYS)
        if unknown:
            raise DatabaseConfigurationError(
                f"TASKS['backup'] has no option {unknown[0]!r}; there are {', '.join(sorted(_KEYS))}"
            )
        path, keep, cron = config.get("path"), config.get("keep"), config.get("cron", DEFAULT_CRON)
        level, databases = config.get("level", DEFAULT_LEVEL), config.get("databases", ())
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
            raise DatabaseConfigurationError(
                f"TASKS['backup']['path'] must be a directory, not {path!r}"
            )
        if keep is not None and not _is_number(keep, 1):
            raise DatabaseConfigurationError(
                f"TASKS['backup']['keep'] must be a number from 1 on, not {keep!r}"
            )
        if not _is_number(level, 1, 9):
            raise DatabaseConfigurationError(
                f"TASKS['backup']['level'] must be a number from 1 to 9, not {level!r}"
            )
        if not isinstance(cron, str) or len(cron.split()) != 5:
            raise DatabaseConfigurationError(
                f"TASKS['backup']['cron'] must be five cron fields, not {cron!r}"
            )
        if isinstance(databases, str) or not all(isinstance(alias, str) for alias in databases):
            raise DatabaseConfigurationError(
                f"TASKS['backup']['databases'] must be a list of aliases, not {databases!r}"
            )
        return cls(os.fspath(path), keep, cron, tuple(databases), level)


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
    keep: int | None = None,
    databases: Sequence[str] = (),
    level: int = DEFAULT_LEVEL,
) -> dict[str, BackupResult]:
    """Back up the configured databases, one after the other; one that fails does not keep the others from theirs.

    Args:
        path: The directory of the results.
        keep: How many results of each database remain; `None` keeps all.
        databases: Aliases; every configured one when empty.
        level: Of compression, 1 to 9.

    Returns:
        The finished backups by alias.

    Raises:
        DatabaseAliasNotFoundError: If an alias is not configured; nothing was done.
        DatabaseConfigurationError: If no database is configured.
        SomeBackupsFailedError: If at least one backup failed; its `results` are the finished ones.
    """
    from openviper.conf import settings

    urls = configured_urls(settings.DATABASES)
    for alias in databases:
        if alias not in urls:
            raise DatabaseAliasNotFoundError(alias, urls)
    if not urls:
        raise DatabaseConfigurationError(
            "no database is configured, so there is nothing to back up"
        )
    results: dict[str, BackupResult] = {}
    errors: dict[str, Exception] = {}
    for alias in databases or urls:
        try:
            results[alias] = await create_backup(urls[alias], path, keep=keep, level=level)
        except (OpenViperException, OSError) as exc:
            errors[alias] = exc
    if errors:
        raise SomeBackupsFailedError(results, errors)
    return results


def _is_number(value: object, least: int, most: int | None = None) -> bool:
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value >= least
        and (most is None or value <= most)
    )
