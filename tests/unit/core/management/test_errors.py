"""What a failing command says."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from openviper.core.management.builtin_commands import BUILTIN
from openviper.core.management.errors import (
    ELSEWHERE,
    describe,
    show_error,
    unknown_command,
)
from openviper.utils.terminal import Terminal


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("migrat", "did you mean 'migrate'?"),
        ("make-migrations", "did you mean 'makemigrations'?"),
        ("create_super_user", "did you mean 'createsuperuser'?"),
        ("createapp", "did you mean 'create-app'?"),
        ("startserver", "did you mean 'start-server'?"),
        ("shell", "did you mean 'console'?"),
        ("runserver", "did you mean 'start-server'?"),
        ("startapp", "did you mean 'create-app'?"),
        ("showmigrations", "did you mean 'schema-status'?"),
        ("sqlmigrate", "did you mean 'sql-of'?"),
        ("dbshell", "did you mean 'db-shell'?"),
        ("diffsettings", "did you mean 'settings'?"),
        ("sendtestemail", "did you mean 'send-test-email'?"),
        ("findstatic", "did you mean 'find-static'?"),
        ("startproject", "use: openviper create-project NAME"),
        ("create-project", "use: openviper create-project NAME"),
    ],
)
def test_names_of_other_frameworks_and_with_other_hyphens_lead_to_ours(
    name: str, hint: str
) -> None:
    assert f"Unknown command: {name!r}; {hint}" in str(unknown_command(name, [*BUILTIN]))


def test_a_command_that_is_not_there_is_never_suggested() -> None:
    for name, ours in ELSEWHERE.items():
        if ours not in BUILTIN:
            assert ours not in str(unknown_command(name, [*BUILTIN])).partition("(valid")[0]


def test_a_missing_package_is_a_line_and_a_missing_module_is_a_traceback() -> None:
    err = io.StringIO()
    wanted = ModuleNotFoundError("PostgreSQL needs the package psycopg: pip install psycopg")
    assert show_error(Terminal(err=err), wanted) == 1
    assert err.getvalue() == f"Error: {wanted}\n"
    assert show_error(Terminal(err=err), ModuleNotFoundError("No module named 'shop'")) is None


def test_a_working_directory_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        Path.cwd()
    except FileNotFoundError as error:
        assert describe(error) == "the working directory does not exist any more"


@pytest.mark.parametrize(
    "error", [SystemError("error return without exception set"), ImportError("no os")]
)
def test_an_import_without_a_working_directory_is_one_line_and_others_are_tracebacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    err = io.StringIO()
    assert show_error(Terminal(err=err), error) is None
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert show_error(Terminal(err=err), error) == 1
    assert err.getvalue() == "Error: the working directory does not exist any more\n"
    assert show_error(Terminal(err=err), ValueError("x")) is None


def test_an_error_of_the_system_names_the_file() -> None:
    assert describe(PermissionError(13, "Permission denied", "x")) == "Permission denied: 'x'"
    assert describe(OSError(28, "No space left on device")) == "No space left on device"


def test_an_error_without_text_is_named_by_its_class() -> None:
    assert describe(ValueError()) == "ValueError"
    assert describe(ValueError("two\n  lines\n")) == "two lines"
