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


@pytest.mark.parametrize(
    ("options", "reuse", "create"),
    [
        ([], None, None),
        (["--keepdb"], "1", None),
        (["--reuse-db"], "1", None),
        (["--create-db"], None, "1"),
        (["--keepdb", "--create-db"], "1", "1"),
    ],
)
def test_the_child_is_told_what_becomes_of_test_databases(
    child: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    reuse: str | None,
    create: str | None,
) -> None:
    monkeypatch.delenv("OPENVIPER_TEST_REUSE_DB", raising=False)
    monkeypatch.delenv("OPENVIPER_TEST_CREATE_DB", raising=False)
    run(*options)
    assert child.variables.get("OPENVIPER_TEST_REUSE_DB") == reuse
    assert child.variables.get("OPENVIPER_TEST_CREATE_DB") == create


def test_the_exit_code_is_that_of_pytest(child: Recorder) -> None:
    child.code = 5
    assert Command(Terminal(io.StringIO())).run_from_argv(["viperctl.py", "test"]) == 5


def without_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        return None

    monkeypatch.setattr("importlib.util.find_spec", absent)


def test_arguments_for_a_missing_pytest_are_refused_with_what_to_install(
    child: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pytest(monkeypatch)
    with pytest.raises(SystemExit) as caught:
        run("--", "-k", "x")
    assert caught.value.code == 1
    assert child.commands == []


def test_without_pytest_unittest_runs_the_tests(
    child: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_pytest(monkeypatch)
    write(tmp_path, {"tests/test_a.py": ""})
    Command(Terminal(io.StringIO())).run_from_argv(["viperctl.py", "test", "-v", "-x"])
    assert child.commands == [[sys.executable, "-m", module.UNITTEST, "-v", "-x", "tests/"]]


def test_a_target_is_bootstrapped_in_the_child_too(
    child: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENVIPER_TARGET", "x")
    run()
    assert child.commands[0][1] == "-c" and "bootstrap_child" in child.commands[0][2]
