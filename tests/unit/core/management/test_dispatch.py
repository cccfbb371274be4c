"""From a command line to an exit code."""

from __future__ import annotations

import io

import pytest

from openviper.core.management import extract_settings_flag
from openviper.core.management.dispatch import INTERRUPTED, guarded
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.failures import CommandError
from openviper.utils.terminal import Terminal


@pytest.mark.parametrize(
    ("argv", "value", "remaining"),
    [
        (["migrate"], None, ["migrate"]),
        (["--settings", "a.settings", "migrate", "-v"], "a.settings", ["migrate", "-v"]),
        (["migrate", "--settings=a.settings"], "a.settings", ["migrate"]),
        (["--settings=a", "x", "--settings=b"], "b", ["x"]),
        (["test", "--", "--settings=a"], None, ["test", "--", "--settings=a"]),
    ],
)
def test_the_settings_option_is_taken_from_anywhere_before_the_separator(
    argv: list[str], value: str | None, remaining: list[str]
) -> None:
    assert extract_settings_flag(argv) == (value, remaining)


@pytest.mark.parametrize("argv", [["--settings"], ["--settings="], ["--settings", "-v"]])
def test_a_settings_option_without_value_is_a_usage_error(argv: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        extract_settings_flag(argv)
    assert caught.value.returncode == 2


def run(error: BaseException) -> tuple[int, str]:
    err = io.StringIO()

    def work() -> int:
        raise error

    return guarded(work, Terminal(io.StringIO(), err)), err.getvalue()


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (CommandError("no", 4), 4, "Error: no\n"),
        (ImproperlyConfigured("bad settings"), 1, "Error: bad settings\n"),
        (PermissionError(13, "Permission denied", "x"), 1, "Error: Permission denied: 'x'\n"),
        (KeyboardInterrupt(), INTERRUPTED, "Interrupted.\n"),
    ],
)
def test_an_expected_failure_is_one_line_and_a_code(
    error: BaseException, code: int, text: str
) -> None:
    assert run(error) == (code, text)


def test_an_unexpected_failure_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run(ZeroDivisionError("x"))
