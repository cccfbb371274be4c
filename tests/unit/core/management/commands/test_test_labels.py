"""What `viperctl test` runs: labels, apps with tests in either place, and what is meant for pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.core.management.commands import test as command
from openviper.testing import override_openviper_settings
from tests.projects import write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of four apps, with tests in every place that there is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return write(
        tmp_path,
        {
            "tests/test_all.py": "",
            "tl_module/__init__.py": "",
            "tl_module/tests.py": "",
            "tl_folder/__init__.py": "",
            "tl_folder/tests/test_it.py": "",
            "tl_both/__init__.py": "",
            "tl_both/tests.py": "",
            "tl_both/tests/test_it.py": "",
            "tl_none/__init__.py": "",
        },
    )


APPS = ("openviper.auth", "tl_module", "tl_folder", "tl_both", "tl_none")


def labels(*given: str) -> list[str]:
    with override_openviper_settings(INSTALLED_APPS=APPS):
        return command.Command()._labels(given)


def test_without_labels_the_tests_of_every_app_run_wherever_they_lie(project: Path) -> None:
    assert labels() == [
        "tests/",
        "tl_module/tests.py",
        "tl_folder/tests",
        "tl_both/tests.py",
        "tl_both/tests",
    ]


def test_a_project_without_a_folder_of_tests_has_those_of_its_apps(project: Path) -> None:
    (project / "tests/test_all.py").unlink()
    (project / "tests").rmdir()
    assert labels()[0] == "tl_module/tests.py"


@pytest.mark.parametrize(
    ("given", "run"),
    [
        ("tl_module", ["tl_module/tests.py"]),
        ("tl_folder", ["tl_folder/tests"]),
        ("tl_both", ["tl_both/tests.py", "tl_both/tests"]),
        ("tl_none", ["tl_none"]),
        ("tests/test_all.py", ["tests/test_all.py"]),
        ("tests/test_all.py::test_x", ["tests/test_all.py::test_x"]),
        ("tests/test_all.py:test_x", ["tests/test_all.py::test_x"]),
        ("tests/test_all.py::Case::test_x", ["tests/test_all.py::Case::test_x"]),
        ("nonsense", ["nonsense"]),
        ("openviper.auth", ["openviper.auth"]),
    ],
)
def test_a_label_is_an_app_a_path_or_a_name_in_a_file(
    project: Path, given: str, run: list[str]
) -> None:
    assert labels(given) == run


def test_labels_keep_their_order(project: Path) -> None:
    assert labels("tl_none", "tests/test_all.py", "tl_module") == [
        "tl_none",
        "tests/test_all.py",
        "tl_module/tests.py",
    ]


@pytest.mark.parametrize("argument", ["-k", "-n", "--lf", "--maxfail=2"])
def test_an_argument_of_pytest_is_refused_with_the_place_where_it_goes(
    argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        command.Command().run_from_argv(["viperctl.py", "test", argument])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert argument in said and "goes behind --" in said


@pytest.mark.parametrize(
    ("argv", "passed"),
    [
        (["--", "-k", "x"], ["-k", "x"]),
        (["-v", "--", "-n", "4"], ["-n", "4"]),
        (["--"], []),
        ([], []),
        (["--", "--", "x"], ["--", "x"]),
    ],
)
def test_what_stands_behind_two_dashes_is_for_pytest(
    argv: list[str], passed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(
        command.Command, "execute", lambda _self, **options: seen.append(options["pytest_args"])
    )
    command.Command().run_from_argv(["viperctl.py", "test", *argv])
    assert seen == [passed]


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ({}, {}),
        ({"keep": True}, {"OPENVIPER_TEST_REUSE_DB": "1"}),
        ({"create": True}, {"OPENVIPER_TEST_CREATE_DB": "1"}),
        (
            {"keep": True, "create": True},
            {"OPENVIPER_TEST_REUSE_DB": "1", "OPENVIPER_TEST_CREATE_DB": "1"},
        ),
    ],
)
def test_the_process_of_the_tests_is_told_what_to_do_with_databases(
    options: dict[str, bool], variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENVIPER_TEST_REUSE_DB", raising=False)
    monkeypatch.delenv("OPENVIPER_TEST_CREATE_DB", raising=False)
    told = command.environment(**options)
    assert told["OPENVIPER_ENV"] == "testing"
    given = {name: told[name] for name in told if name.startswith("OPENVIPER_TEST_")}
    given.pop("OPENVIPER_TEST_APP", None)
    assert given == variables
