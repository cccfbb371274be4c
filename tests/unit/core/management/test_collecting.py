"""`collectstatic`: what is asked, shown and reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.commands.collectstatic import Command
from openviper.staticfiles import finders
from openviper.testing import override_openviper_settings
from tests.projects import KEY, write
from tests.unit.core.management.speaking import Said, run

FILES = {
    "one/a.css": "a { }",
    "one/same.txt": "first",
    "one/.hidden": "",
    "two/b.js": "b()",
    "two/same.txt": "second",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with two directories of static files, one name of which is in both."""
    write(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.setattr(finders, "_locators", [])
    with override_openviper_settings(
        SECRET_KEY=KEY, INSTALLED_APPS=(), STATICFILES_DIRS=("one", "two"), STATIC_ROOT="out"
    ):
        yield tmp_path


def collect(*arguments: str, answers: str | None = None) -> Said:
    return run(Command, *arguments, answers=answers)


def collected(project: Path) -> list[str]:
    root = project / "out"
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    )


def test_files_are_collected_and_counted(project: Path) -> None:
    done = collect("--no-input")
    assert done.lines == ["Collected 3 static file(s) to 'out'."]
    assert "3 copied, 0 unchanged, 0 removed." in done.err
    assert collected(project) == ["a.css", "b.js", "same.txt"]
    assert (project / "out" / "same.txt").read_text() == "first"
    again = collect("--no-input")
    assert "0 copied, 3 unchanged, 0 removed." in again.err


def test_hints_are_short_unless_asked_for(project: Path) -> None:
    short = collect("--no-input").err
    assert "1 file(s) are hidden by others of the same name; --verbose shows them." in short
    assert "1 hidden, editor or ignored file(s) and folder(s) are left out" in short
    long = collect("--no-input", "--verbose")
    assert "same.txt: one/same.txt hides two/same.txt" in long.err
    assert "one/.hidden is left out" in long.err


def test_verbose_shows_only_what_was_copied(project: Path) -> None:
    assert "one/a.css -> out/a.css" in collect("--no-input", "--verbose").lines
    assert collect("--no-input", "--verbose").lines == ["Collected 3 static file(s) to 'out'."]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nothing_is_written_without_agreement(project: Path, answer: str) -> None:
    with pytest.raises(CommandError, match="Aborted."):
        collect(answers=answer)
    assert not (project / "out").exists()


def test_the_question_names_what_is_overwritten(project: Path) -> None:
    done = collect(answers="yes\n")
    assert "Collecting the static files of\n  one\n  two\n" in done.err
    assert "This overwrites files in 'out'. Continue? [y/N]" in done.err
    assert len(collected(project)) == 3


def test_a_rehearsal_shows_every_file_and_writes_none(project: Path) -> None:
    done = collect("--dry-run")
    assert done.lines == [
        "one/a.css -> out/a.css",
        "two/b.js -> out/b.js",
        "one/same.txt -> out/same.txt",
        "Would collect 3 static file(s) to 'out'.",
    ]
    assert not (project / "out").exists()


@pytest.mark.parametrize(
    ("key", "of"),
    [
        ("total", lambda document: document["total"] == 3),
        ("dry_run", lambda document: document["dry_run"] is True),
        ("files", lambda document: {file["action"] for file in document["files"]} == {"copy"}),
        ("conflicts", lambda document: document["conflicts"][0]["name"] == "same.txt"),
        ("removed", lambda document: document["removed"] == []),
        ("warnings", lambda document: document["warnings"] == []),
    ],
)
def test_a_rehearsal_as_json(project: Path, key: str, of: Callable[[Any], bool]) -> None:
    document = json.loads(collect("--dry-run", "--json").out)
    assert of(document), document[key]


def test_files_that_are_there_are_kept_as_json_says(project: Path) -> None:
    collect("--no-input")
    document = json.loads(collect("--no-input", "--json").out)
    assert {file["action"] for file in document["files"]} == {"keep"}
    assert document["dry_run"] is False


def test_clearing_removes_what_is_not_collected_any_more(project: Path) -> None:
    collect("--no-input")
    (project / "one" / "a.css").unlink()
    write(project / "out", {"foreign.txt": "mine"})
    shown = collect("--dry-run", "--clear")
    assert {"would remove out/a.css", "would remove out/foreign.txt"} <= {
        line.replace(f"{project}/", "") for line in shown.lines
    }
    asked = collect("--clear", answers="y\n")
    assert "1 file(s) of earlier runs, 1 that no run has written" in asked.err
    assert collected(project) == ["b.js", "same.txt"]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["-i", "*.js"], ["a.css", "same.txt"]),
        (["-i", "*.js", "-i", "*.css"], ["same.txt"]),
        (["--no-default-ignore"], [".hidden", "a.css", "b.js", "same.txt"]),
    ],
)
def test_what_is_left_out_can_be_chosen(
    project: Path, arguments: list[str], names: list[str]
) -> None:
    document = json.loads(collect("--dry-run", "--json", *arguments).out)
    assert sorted(file["name"] for file in document["files"]) == names


def test_a_directory_that_is_missing_is_warned_of(project: Path) -> None:
    with override_openviper_settings(STATICFILES_DIRS=("one", "gone", "static")):
        done = collect("--dry-run")
    assert "Warning: STATICFILES_DIRS: 'gone' is not a directory" in done.err
    assert "'static'" not in done.err


def test_without_a_place_to_collect_in_nothing_is_done(project: Path) -> None:
    with (
        override_openviper_settings(STATIC_ROOT=""),
        pytest.raises(CommandError, match="STATIC_ROOT is empty; name the directory"),
    ):
        collect("--no-input")


@pytest.mark.parametrize("name", ["esc\x1b[31m.css", "new\nline.css", "turned\u202etxt.css"])
def test_names_of_files_do_nothing_to_a_terminal(project: Path, name: str) -> None:
    for folder in ("one", "two"):
        write(project / folder, {name: "a", f".{name}": ""})
    said = [collect("--dry-run"), collect("--no-input", "--verbose")]
    (project / "one" / name).unlink()
    (project / "two" / name).unlink()
    said += [collect("--dry-run", "--clear"), collect("--no-input", "--clear", "--verbose")]
    shown = "".join(f"{each.out}{each.err}" for each in said).replace("\n", " ")
    assert shown.isprintable() and name not in shown and name[:3] in shown
