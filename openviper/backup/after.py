"""What a project does with a finished backup: the function that `BACKUP["after"]` names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openviper.backup.exceptions import BackupError
from openviper.backup.result import BackupResult
from openviper.conf.sections import unknown_key_errors
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.importing import import_string


class AfterBackupError(BackupError):
    """The backup is complete, but the function that was to be told of it failed.

    Attributes:
        result: The backup.
    """

    def __init__(self, function: str, error: BaseException, result: BackupResult) -> None:
        self.result = result
        super().__init__(
            f"the backup is complete, but BACKUP['after'] = {function!r} failed: {type(error).__name__}: {error}"
        )


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """The setting `BACKUP`.

    Attributes:
        after: The dotted name of a function that is called with each finished `BackupResult`; it may be async.
    """

    after: str | None = None

    @classmethod
    def read(cls, section: Mapping[str, Any]) -> BackupSettings:
        """Read the setting.

        Raises:
            ImproperlyConfigured: If a key is unknown or a value not of its type.
        """
        errors = unknown_key_errors("BACKUP", section, ["after"])
        after = section.get("after")
        if after is not None and (not isinstance(after, str) or "." not in after):
            errors.append(f"BACKUP['after'] must be the dotted name of a function, not {after!r}")
        if errors:
            raise ImproperlyConfigured("; ".join(errors))
        return cls(after)


async def run_after(settings: BackupSettings, result: BackupResult) -> None:
    """Call the project's function with a finished backup, if it named one.

    Raises:
        AfterBackupError: If it cannot be imported or fails; the backup is complete all the same.
    """
    if settings.after is None:
        return
    try:
        outcome = import_string(settings.after)(result)
        if inspect.isawaitable(outcome):
            await outcome
    except Exception as exc:
        raise AfterBackupError(settings.after, exc, result) from exc
