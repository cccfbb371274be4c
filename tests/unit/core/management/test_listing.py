"""The list of commands, by reading files only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.core.management import listing
from openviper.core.management.builtin_commands import BUILTIN
from openviper.core.management.listing import CommandInfo, describe_commands, installed_apps
from openviper.testing import override_openviper_settings
from tests.projects import app, command, settings, write

ENTRY_POINTS = "shop-1.0.dist-info/entry_points.txt"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that alone is searched, without installed apps."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(listing, "installed_apps", lambda: ())
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def others() -> list[CommandInfo]:
    """Return the commands that are not built in."""
    return [info for info in describe_commands() if info.origin != "openviper"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[openviper.cli]\nship = shop.cli:Ship\n", [("ship", "shop.cli:Ship")]),
        ("[openviper.cli]\nship_all=shop:S\n", [("ship-all", "shop:S")]),
        ("[other]\nx = y:z\n\n[openviper.cli]\nship = a:B\n", [("ship", "a:B")]),
        ("[openviper.cli]\nship = a:B\n[other]\nx = y:z\n", [("ship", "a:B")]),
        ("[openviper.cli]\nb = x:B\na = x:A\n", [("a", "x:A"), ("b", "x:B")]),
        ("[openviper.cli]\n# ship = a:B\n; no\n\n", []),
        ("[openviper.cli.more]\nship = a:B\n", []),
        ("[openviper.cli]\n", []),
        ("", []),
    ],
)
def test_entry_points_are_read_from_metadata(
    place: Path, text: str, found: list[tuple[str, str]]
) -> None:
    (place / "shop-1.0.dist-info").mkdir()
    (place / ENTRY_POINTS).write_text(text)
    assert [(info.name, info.origin) for info in others()] == [
        (name, f"entry point {value}") for name, value in found
    ]


def test_metadata_without_entry_points_and_places_that_are_gone_are_passed_over(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "shop-1.0.dist-info").mkdir()
    (place / "file.egg-info").write_text("Name: x")
    monkeypatch.setattr(sys, "path", ["/nowhere/at/all", str(place), str(place)])
    assert others() == []


def test_the_first_of_two_distributions_has_the_name(place: Path) -> None:
    for folder in ("a", "b"):
        write(place / folder, {ENTRY_POINTS: f"[openviper.cli]\nship = {folder}:Ship\n"})
    sys.path[:] = [str(place / "a"), str(place / "b")]
    assert [info.origin for info in others()] == ["entry point a:Ship"]


def test_a_built_in_command_hides_one_of_the_same_name(place: Path) -> None:
    write(place, {ENTRY_POINTS: "[openviper.cli]\nmigrate = a:B\n"})
    assert [(info.name, info.shadowed_by) for info in others()] == [("migrate", "openviper")]


@pytest.mark.parametrize(
    ("help_text", "summary"),
    [
        ('"Say something."', "Say something."),
        ('"""\n    First.\n\n    Second.\n    """', "First."),
        ('"a" + "b"', None),
        ('f"x"', None),
        ("None", None),
        ('""', ""),
    ],
)
def test_a_summary_is_read_where_it_is_plain_text(
    place: Path, help_text: str, summary: str | None
) -> None:
    write(place, {"hello.py": command(help_text=help_text)})
    info = CommandInfo("hello", "blog", str(place / "hello.py"))
    assert info.summary == summary


@pytest.mark.parametrize("text", ["", "class Other:\n    help = 'x'\n", "def (:\n", "\0"])
def test_a_file_without_a_command_has_no_summary(place: Path, text: str) -> None:
    (place / "hello.py").write_text(text)
    assert CommandInfo("hello", "blog", str(place / "hello.py")).summary is None
    assert CommandInfo("hello", "blog", str(place / "gone.py")).summary is None


def test_a_built_in_command_has_its_summary_and_an_entry_point_none() -> None:
    name = next(iter(BUILTIN))
    assert CommandInfo(name, "openviper").summary == BUILTIN[name]
    assert CommandInfo("x", "entry point a:B").summary is None


def test_files_that_are_no_commands_are_not_listed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = app("lst_blog", say_hello=command(), _private=command())
    folder = "lst_blog/management/commands"
    write(
        place,
        {**files, f"{folder}/notes.txt": "", f"{folder}/Upper.py": "", f"{folder}/a b.py": ""},
    )
    monkeypatch.setattr(listing, "installed_apps", lambda: ("lst_blog",))
    assert [(info.name, info.origin) for info in others()] == [("say-hello", "lst_blog")]
    assert "lst_blog" not in sys.modules


def test_the_settings_in_place_say_which_apps_there_are() -> None:
    with override_openviper_settings(INSTALLED_APPS=("lst_a", "lst_b")):
        assert installed_apps() == ("lst_a", "lst_b")


def test_settings_that_are_not_loaded_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"lst_settings.py": settings("blog", "wiki")})
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "lst_settings")
    monkeypatch.delitem(sys.modules, "openviper.conf")
    assert installed_apps() == ("blog", "wiki")
    assert "lst_settings" not in sys.modules
