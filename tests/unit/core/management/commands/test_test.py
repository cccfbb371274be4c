"""The command line and the environment that `test` gives to pytest."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from openviper.core.management.commands import test as module
from openviper.core.management.commands.test import Command
from openviper.utils.failures import CommandError
from openviper.utils.terminal import Terminal
from tests.projects import write


class Recorder:
    """Takes the place of the child process."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.commands: list[Sequence[str]] = []
        self.variables: dict[str, str] = {}

    def __call__(self, command: Sequence[str], variables: dict[str, str]) -> int:
        self.commands.append(command)
        self.variables = variables
        return self.code


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(module, "run", recorder)
    monkeypatch.setattr(module, "app_directories", lambda: {"blog": tmp_path / "blog"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENVIPER_TARGET", raising=False)
    return recorder


def run(*arguments: str) -> tuple[list[str], str]:
    out = io.StringIO()
    command = Command(Terminal(out))
    command.run_from_argv(["viperctl.py", "test", *arguments])
    shown = out.getvalue()
    assert shown.startswith("Running: ")
    words = shlex.split(shown.removeprefix("Running: "))
    assert words[:5] == [sys.executable, "-m", "pytest", "-p", "openviper.testing.plugin"]
    return words[5:], shown


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-v"], ["-v"]),
        (["-vv"], ["-vv"]),
        (["-v", "-v"], ["-vv"]),
        (["-x"], ["-x"]),
        (["--failfast"], ["-x"]),
        (["tests/test_a.py:TestA"], ["tests/test_a.py::TestA"]),
        (["tests/test_a.py::TestA::test_b"], ["tests/test_a.py::TestA::test_b"]),
        (["blog"], ["blog"]),
        (["other", "--", "-k", "a b", "--lf"], ["other", "-k", "a b", "--lf"]),
    ],
)
def test_options_and_labels_become_those_of_pytest(
    child: Recorder, arguments: list[str], expected: list[str]
) -> None:
    assert run(*arguments)[0] == expected
    assert child.commands[0][-len(expected) :] == expected


def test_without_labels_the_tests_folder_and_the_modules_of_apps_are_run(
    child: Recorder, tmp_path: Path
) -> None:
    assert run()[0] == []
    write(tmp_path, {"tests/test_a.py": "", "blog/tests.py": ""})
    assert run()[0] == ["tests/", "blog/tests.py"]


def test_an_app_as_a_label_means_its_module(child: Recorder, tmp_path: Path) -> None:
    write(tmp_path, {"blog/tests.py": ""})
    assert run("blog")[0] == ["blog/tests.py"]


def test_the_child_knows_that_it_tests(child: Recorder) -> None:
    run()
    assert child.variables["OPENVIPER_ENV"] == "testing"


@pytest.mark.parametrize("option", ["--keepdb", "--reuse-db", "--create-db"])
def test_options_about_a_database_that_is_never_kept_are_refused(
    child: Recorder, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(option)
    assert caught.value.code == 2
    assert option in capsys.readouterr().err


def test_the_exit_code_is_that_of_pytest(child: Recorder) -> None:
    child.code = 5
    assert Command(Terminal(io.StringIO())).run_from_argv(["viperctl.py", "test"]) == 5


def test_a_missing_pytest_is_said_with_what_to_install(
    child: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        return None

    monkeypatch.setattr("importlib.util.find_spec", absent)
    options = {"labels": [], "verbose": 0, "failfast": False}
    with pytest.raises(CommandError, match=r"pytest is not installed.*openviper\[test\]"):
        Command().handle(**options)


def test_a_target_is_bootstrapped_in_the_child_too(
    child: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENVIPER_TARGET", "x")
    run()
    assert child.commands[0][1] == "-c" and "bootstrap_child" in child.commands[0][2]
