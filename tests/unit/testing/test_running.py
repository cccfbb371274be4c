"""Running tests without pytest: what is found, what is said, and which exit code there is."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.testing.running import LabelError, import_file, load, main
from tests.projects import write

CASE = """
import unittest


class Case{number}(unittest.TestCase):
    def test_one(self):
        self.assertEqual(__name__.rpartition(".")[2].strip("0123456789"), __name__.rpartition(".")[2].strip("0123456789"))

    def test_two(self):
        pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory of a run; the modules that it imports are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def names(suite: unittest.TestSuite) -> list[str]:
    """Return the classes and methods of the tests in a suite."""
    found: list[str] = []
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            found += names(test)
        else:
            found.append(test.id().split(".", test.id().count(".") - 1)[-1])
    return found


def of(label: str) -> list[str]:
    return names(load(unittest.TestLoader(), label))


def case(number: int) -> str:
    return CASE.replace("{number}", str(number))


@pytest.mark.parametrize("label", ["rt_a", "rt_a/", "./rt_a", "rt_a/../rt_a"])
def test_a_folder_has_the_tests_of_all_its_files(folder: Path, label: str) -> None:
    write(
        folder,
        {
            "rt_a/test_rt_one.py": case(1),
            "rt_a/deep/rt_two_test.py": case(2),
            "rt_a/tests.py": case(3),
            "rt_a/helpers.py": "raise AssertionError('not a file of tests')",
        },
    )
    assert sorted(of(label)) == [f"Case{n}.test_{w}" for n in (1, 2, 3) for w in ("one", "two")]


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("test_rt_b.py", ["Case1.test_one", "Case1.test_two"]),
        ("test_rt_b.py::Case1", ["Case1.test_one", "Case1.test_two"]),
        ("test_rt_b.py::Case1::test_two", ["Case1.test_two"]),
    ],
)
def test_a_file_a_class_or_a_method_can_be_named(
    folder: Path, label: str, found: list[str]
) -> None:
    write(folder, {"test_rt_b.py": case(1)})
    assert sorted(of(label)) == found


@pytest.mark.parametrize("label", ["nope", "nope.py", "rt_c::Case", "rt_c/nope.py::Case", "a.b", "\0"])  # fmt: skip
def test_what_is_not_there_is_named_in_one_line(
    folder: Path, label: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"rt_c/test_rt_c.py": case(1)})
    with pytest.raises(LabelError):
        load(unittest.TestLoader(), label)
    assert main([label]) == 4
    said = capsys.readouterr().err
    assert said.startswith("Error: there is no folder or file of tests") and said.count("\n") == 1


def test_folders_without_packages_may_have_files_of_one_name(folder: Path) -> None:
    write(folder, {"rt_d/test_rt_same.py": case(1), "rt_e/test_rt_same.py": case(2)})
    assert sorted({name.partition(".")[0] for name in of(".")}) == ["Case1", "Case2"]


def test_a_file_in_a_package_is_imported_as_a_part_of_it(folder: Path) -> None:
    write(
        folder,
        {
            "rt_f/__init__.py": "",
            "rt_f/tests/__init__.py": "VALUE = 7",
            "rt_f/tests/test_rt_f.py": "from . import VALUE\n",
        },
    )
    module = import_file(folder / "rt_f/tests/test_rt_f.py")
    assert (module.__name__, module.__dict__["VALUE"]) == ("rt_f.tests.test_rt_f", 7)
    assert import_file(folder / "rt_f/tests/test_rt_f.py") is module


@pytest.mark.parametrize("text", ["import rt_nonsense", "1 / 0", "def broken(:"])
def test_a_file_that_cannot_be_imported_is_a_failed_test_beside_the_others(
    folder: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"rt_g/test_rt_broken.py": text, "rt_g/test_rt_fine.py": case(1)})
    assert main(["rt_g"]) == 1
    said = capsys.readouterr().err
    assert "import of rt_g/test_rt_broken.py" in said and "Ran 3 tests" in said
    assert "errors=1" in said


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("        pass", 0, "OK"),
        ("        self.fail('no')", 1, "failures=1"),
        ("        raise OSError", 1, "errors=1"),
        ("        self.skipTest('later')", 0, "skipped=1"),
    ],
)
def test_the_exit_code_says_how_it_went(
    folder: Path, text: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = f"import unittest\n\nclass C(unittest.TestCase):\n    def test_it(self):\n{text}\n"
    write(folder, {"test_rt_h.py": lines})
    assert main(["test_rt_h.py"]) == code
    assert said in capsys.readouterr().err


def test_no_test_at_all_is_an_exit_code_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"test_rt_i.py": "async def test_it(db): pass\n"})
    assert main(["test_rt_i.py"]) == 5
    assert "tests that are plain functions need pytest" in capsys.readouterr().err
    assert main([]) == 5


def test_the_first_failure_ends_the_run_where_that_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import unittest\n\nclass C(unittest.TestCase):\n" + "".join(
        f"    def test_{n}(self): self.fail()\n" for n in range(3)
    )
    write(folder, {"test_rt_j.py": text})
    assert main(["-x", "test_rt_j.py"]) == 1
    assert "failures=1" in capsys.readouterr().err
    assert main(["test_rt_j.py", "-v"]) == 1
    assert "failures=3" in capsys.readouterr().err
