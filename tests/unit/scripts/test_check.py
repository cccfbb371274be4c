"""The run of all checks: what runs on which version of Python, and what is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts import check
from scripts.check import find_interpreters, parse, show, suite
from scripts.pieces import Outcome, Piece, shares

PYTHONS = {"3.11": "/a/python", "3.12": "/b/python"}
THIS_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
FIRST = ["-m", "not thorough"]
REDUCED = ["-m", "not one_version and not thorough"]


def test_every_share_runs_on_every_version() -> None:
    pieces = suite(PYTHONS, [], full=False)
    parts = shares(check.ROOT)
    assert [check.ARCHITECTURE] in [part.paths for part in parts]
    titles = {piece.title for piece in pieces}
    # What has run first and alone on the first version does not run there again.
    assert len(titles) == len(pieces) == len(parts) * len(PYTHONS) - 1
    assert f"{check.ARCHITECTURE} on 3.12" in titles
    for part in [part for part in parts if part.paths != [check.ARCHITECTURE]]:
        commands = [
            piece.command for piece in pieces if piece.command[-len(part.paths) :] == part.paths
        ]
        assert [command[0] for command in commands] == list(PYTHONS.values())


@pytest.mark.parametrize(
    ("versions", "between"),
    [
        (["3.11", "3.12", "3.13"], {"3.12"}),
        (["3.13", "3.11", "3.12", "3.14"], {"3.12"}),
        (["3.12", "3.9", "3.10"], {"3.10"}),
        (["3.13", "3.11"], set()),
        (["3.11", "3.12", "3.13", "3.14"], {"3.12", "3.13"}),
    ],
)
def test_versions_in_the_middle_run_the_unit_tests_unless_full(
    versions: list[str], between: set[str]
) -> None:
    pythons = {version: f"/{version}/python" for version in versions}
    for version in versions:
        ran = [
            piece
            for piece in suite(pythons, [], full=False)
            if piece.command[0] == pythons[version]
        ]
        more = [piece for piece in ran if not piece.title.startswith("tests/unit")]
        assert (not more) is (version in between), version
        assert [piece for piece in ran if piece.title.startswith("tests/unit")]
    everything = len(suite(pythons, [], full=True))
    assert everything == len(shares(check.ROOT)) * len(versions) - 1


@pytest.mark.parametrize(("full", "reduced"), [(False, ["3.12"]), (True, [])])
def test_the_first_version_runs_everything_and_the_others_unless_full_less(
    full: bool, reduced: list[str]
) -> None:
    for piece in suite(PYTHONS, [], full=full):
        is_reduced = piece.title.rpartition(" ")[2] in reduced
        assert (" ".join(REDUCED) in " ".join(piece.command)) is is_reduced
        assert (" ".join(FIRST) in " ".join(piece.command)) is not (full or is_reduced)
        assert piece.may_be_empty is not full


def test_what_pytest_is_told_is_for_the_whole_suite() -> None:
    first, second = suite(PYTHONS, ["tests/unit", "-k", "word"], full=False)
    assert first.title == "tests on 3.11"
    assert first.command[-5:] == [*FIRST, "tests/unit", "-k", "word"]
    # What is told comes last, so that another -m counts.
    assert second.command[-5:] == [*REDUCED, "tests/unit", "-k", "word"]


def test_each_run_of_pytest_has_a_directory_of_its_own_unless_told_another() -> None:
    told = suite(PYTHONS, ["--basetemp=mine"], full=True)
    types = Piece("types", ["/a/python", "-m", "mypy"])
    apart = [check.with_directory(piece, "/x", n) for n, piece in enumerate([*told, types])]
    commands = [piece.command for piece in apart]
    assert ["--basetemp=/x/0" in commands[0], "--basetemp=/x/1" in commands[1]] == [True, True]
    assert commands[0][-1] == "--basetemp=mine"  # The last one counts.
    assert apart[2] == types


@pytest.mark.parametrize("marker", [check.ONE_VERSION, check.THOROUGH])
def test_the_marker_is_one_that_pytest_knows(marker: str) -> None:
    assert f'    "{marker}: ' in (check.ROOT / "pyproject.toml").read_text()


def test_a_share_of_several_files_is_called_by_its_first() -> None:
    titles = [piece.title for piece in suite(PYTHONS, [], full=True)]
    several = [share.paths for share in shares(check.ROOT) if len(share.paths) > 1]
    for paths in several:
        assert f"{paths[0]} and {len(paths) - 1} more on 3.11" in titles


def test_the_version_that_runs_this_comes_first_and_every_one_answers() -> None:
    found = find_interpreters()
    assert next(iter(found.items())) == (THIS_VERSION, sys.executable)


def test_what_is_no_python_of_the_version_does_not_answer(tmp_path: Path) -> None:
    shim = tmp_path / "python"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert check.answers(sys.executable, THIS_VERSION)
    assert not check.answers(sys.executable, "3.5")
    assert not check.answers(str(shim), THIS_VERSION)
    assert not check.answers(str(tmp_path / "none"), THIS_VERSION)


def test_an_environment_is_made_anew_when_what_is_installed_changes_and_not_for_a_setting_of_a_tool() -> (
    None
):
    text = (check.ROOT / "pyproject.toml").read_text()
    before = check.installed_with("3.11", text)
    assert (
        check.installed_with("3.11", text.replace("line-length = 100", "line-length = 99"))
        == before
    )
    assert check.installed_with("3.11", text.replace("jinja2>=3.1", "jinja2>=3.2")) != before
    assert check.installed_with("3.11", text.replace("ruff==", "ruff>=")) != before
    assert check.installed_with("3.12", text) != before


def test_options_are_read_and_the_rest_is_for_pytest() -> None:
    options = parse(["--fast", "--at-once", "5", "--", "-k", "word"])
    assert (options.fast, options.full, options.at_once) == (True, False, 5)
    assert options.pytest_args == ["-k", "word"]


def test_nothing_at_a_time_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--at-once", "0"])
    assert "--at-once 0: at least one" in capsys.readouterr().err


def test_a_piece_that_passed_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(Outcome("tests on 3.11", 0, True, 61.2, 30.4, "slowest\n9 passed in 60 s", []))
    assert (
        capsys.readouterr().out
        == "== tests on 3.11: passed in 61 s (30 s of processor time); 9 passed in 60 s\n"
    )


def test_a_piece_that_failed_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show(Outcome("tests on 3.11", 1, False, 61.2, 30.4, "assert 1 == 2\n1 failed", ["a::b"]))
    assert capsys.readouterr().out == (
        "\nassert 1 == 2\n1 failed\n== tests on 3.11: FAILED in 61 s (30 s of processor time); 1 failed\n"
    )
