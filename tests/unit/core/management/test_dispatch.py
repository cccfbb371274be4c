"""From a command line to an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.core.management import extract_settings_flag
from openviper.core.management.dispatch import (
    INTERRUPTED,
    execute_from_command_line,
    guarded,
    load_command,
    refuse_unknown,
    show_commands,
    usage,
)
from openviper.exceptions import ImproperlyConfigured
from openviper.testing import override_openviper_settings
from openviper.utils.failures import CommandError
from openviper.utils.terminal import Terminal
from openviper.version import VERSION
from tests.projects import KEY, app, command, forget_modules, settings, write


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


# A whole command line


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with an app that has commands, and its script."""
    body = {
        "hello": 'self.stdout("hello")',
        "seven": "return 7",
        "truth": "return True",
        "text": 'return "done"',
        "fail": 'raise CommandError("no luck", 5)',
    }
    commands = {name: command(text) for name, text in body.items()}
    commands["fail"] = "from openviper.utils.failures import CommandError\n" + commands["fail"]
    commands["wait"] = command("return 4", kind="async def")
    write(tmp_path, {**app("dsp_blog", **commands), "viperctl.py": ""})
    write(tmp_path, {"dsp_settings.py": settings("dsp_blog"), "dsp_bad.py": "1 / 0\n"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "dsp_settings")
    with override_openviper_settings(SECRET_KEY=KEY, INSTALLED_APPS=("dsp_blog",)):
        yield tmp_path
    forget_modules(tmp_path)


def execute(project: Path, *arguments: str) -> object:
    """Run a command line and return the exit code."""
    with pytest.raises(SystemExit) as caught:
        execute_from_command_line([str(project / "viperctl.py"), *arguments])
    return caught.value.code


@pytest.mark.parametrize(
    ("arguments", "code", "out"),
    [
        (["hello"], 0, "hello\n"),
        (["seven"], 7, ""),
        (["truth"], 0, ""),
        (["text"], 0, ""),
        (["wait"], 4, ""),
        (["version"], 0, f"OpenViper {VERSION}\n"),
        (["--version"], 0, f"OpenViper {VERSION}\n"),
        (["--settings", "dsp_settings", "hello"], 0, "hello\n"),
        (["hello", "--settings=dsp_settings"], 0, "hello\n"),
    ],
)
def test_a_command_runs_and_its_whole_number_is_the_exit_code(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    out: str,
) -> None:
    assert execute(project, *arguments) == code
    assert capsys.readouterr() == (out, "")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["fail"], 5, "Error: no luck"),
        (["helo"], 1, "Error: Unknown command: 'helo'; did you mean 'hello'?"),
        (["runserver"], 1, "did you mean 'start-server'?"),
        (["--verson"], 2, "unknown option '--verson' in front of the command; did you mean"),
        (["--settings"], 2, "option --settings needs the name of a module"),
        (["hello", "--nope"], 2, "unrecognized arguments: --nope"),
        (["--settings=dsp_bad", "hello"], 1, "dsp_bad"),
        (["--settings=dsp_nowhere", "hello"], 1, "dsp_nowhere"),
    ],
)
def test_a_command_line_that_fails_says_why_on_standard_error(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    error: str,
) -> None:
    assert execute(project, *arguments) == code
    said = capsys.readouterr()
    assert said.out == "" and error in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"], ["-h"]])
def test_help_lists_the_commands_by_origin(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert execute(project, *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Usage: viperctl.py [--settings=<module>] <command> [options]"
    assert lines.index("[openviper]") < lines.index("[dsp_blog]")
    assert "  hello  Say something." in lines


@pytest.mark.parametrize("arguments", [["help", "hello"], ["hello", "--help"], ["hello", "-h"]])
def test_the_help_of_one_command_loads_no_settings(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    def refuse(**options: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr("openviper.core.management.setting_up.load_settings", refuse)
    assert execute(project, *arguments) == 0
    assert capsys.readouterr().out.startswith("usage: viperctl.py hello")


def test_the_scripts_directory_is_importable_and_the_settings_chosen_stay(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(project)])
    execute(project, "--settings=dsp_settings", "version")
    assert sys.path[0] == os.path.realpath(project)
    assert os.environ["OPENVIPER_SETTINGS_MODULE"] == "dsp_settings"


def test_the_list_is_shown_also_where_the_project_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> list[object]:
        raise ZeroDivisionError("broken settings")

    monkeypatch.setattr("openviper.core.management.dispatch.describe_commands", fail)
    out, err = io.StringIO(), io.StringIO()
    show_commands("viperctl.py", Terminal(out, err))
    assert "[openviper]" in out.getvalue()
    assert err.getvalue() == ("Warning: the project's commands are not shown: broken settings\n")


@pytest.mark.parametrize("name", ["hello", "start-server", "start_server"])
def test_a_name_that_there_is_passes(project: Path, name: str) -> None:
    refuse_unknown(name)
    assert load_command(name) is not load_command(name)


def test_the_usage_names_the_script_without_its_place() -> None:
    assert usage("/a/b/x.py") == "Usage: x.py [--settings=<module>] <command> [options]"


def test_a_reader_that_has_gone_ends_with_1_and_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openviper.core.management.dispatch.drop_output", lambda: None)
    assert run(BrokenPipeError()) == (1, "")
