"""What a project does with a finished backup."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.backup.after import AfterBackupError, BackupSettings, run_after
from openviper.backup.result import BackupResult
from openviper.exceptions import ImproperlyConfigured

RESULT = BackupResult(Path("/b/a.tar.gz"), "a", "sqlite", "0" * 64, 1, 2)
HERE = __name__
told: list[BackupResult] = []


def note(result: BackupResult) -> None:
    told.append(result)


async def note_later(result: BackupResult) -> None:
    told.append(result)


def fail(result: BackupResult) -> None:
    raise OSError("the other site does not answer")


@pytest.mark.parametrize("name", ["note", "note_later"])
async def test_the_function_is_called_with_the_result(name: str) -> None:
    told.clear()
    await run_after(BackupSettings.read({"after": f"{HERE}.{name}"}), RESULT)
    assert told == [RESULT]


async def test_without_a_function_nothing_happens() -> None:
    await run_after(BackupSettings.read({}), RESULT)


@pytest.mark.parametrize("name", ["fail", "missing"])
async def test_a_function_that_fails_leaves_the_backup(name: str) -> None:
    with pytest.raises(AfterBackupError, match="the backup is complete, but .* failed") as caught:
        await run_after(BackupSettings(f"{HERE}.{name}"), RESULT)
    assert caught.value.result is RESULT


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"afer": "a.b"}, "did you mean 'after'"),
        ({"after": 1}, "not 1"),
        ({"after": "nodots"}, "'nodots'"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_an_error(
    section: dict[str, object], message: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        BackupSettings.read(section)
