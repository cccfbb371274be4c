"""Which commands there are, and how they are found."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openviper.core.management import listing
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.builtin_commands import BUILTIN, normalise
from openviper.core.management.command_lookup import find_builtin, find_command
from openviper.core.management.listing import describe_commands, list_commands
from tests.projects import app, command, write

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that puts files on the path and names the installed apps."""
    before = set(sys.modules)

    def make(files: dict[str, str], *apps: str) -> Path:
        write(tmp_path, files)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(listing, "installed_apps", lambda: apps)
        monkeypatch.setattr("openviper.core.management.command_lookup.installed_apps", lambda: apps)
        return tmp_path

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_the_built_in_commands_are_listed_without_a_project(install: Install) -> None:
    install({})
    assert list_commands() == sorted(BUILTIN)


def test_a_command_of_an_app_is_found_by_either_spelling(install: Install) -> None:
    install(app("disc_a", say_hello=command()), "disc_a")
    for name in ("say-hello", "say_hello"):
        assert type(find_command(name)).__module__ == "disc_a.management.commands.say_hello"
    assert "say-hello" in list_commands()


def test_every_call_returns_a_new_instance(install: Install) -> None:
    install(app("disc_b", hello=command()), "disc_b")
    assert find_command("hello") is not find_command("hello")


def test_the_first_app_wins_and_the_other_is_reported(install: Install) -> None:
    install(app("disc_c", hello=command()) | app("disc_d", hello=command()), "disc_c", "disc_d")
    assert type(find_command("hello")).__module__.startswith("disc_c.")
    assert "hello of disc_d (hidden by disc_c)" in list_commands(verbose=True)


def test_a_built_in_command_cannot_be_replaced(install: Install) -> None:
    install(app("disc_e", create_app=command()), "disc_e")
    assert (
        type(find_command("create_app")).__module__
        == "openviper.core.management.commands.create_app"
    )
    assert "create-app of disc_e (hidden by openviper)" in list_commands(verbose=True)


def test_the_summary_is_read_without_importing_the_command(install: Install) -> None:
    install(
        app(
            "disc_f", hello="raise RuntimeError\nclass Command:\n    help = '''First.\nSecond.'''\n"
        ),
        "disc_f",
    )
    assert [info.summary for info in describe_commands() if info.name == "hello"] == ["First."]


def test_a_summary_that_is_computed_is_unknown(install: Install) -> None:
    install(app("disc_g", hello=command(help_text="str(1)")), "disc_g")
    assert [info.summary for info in describe_commands() if info.name == "hello"] == [None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import disc_missing\n",
            "cannot load command 'hello' of app 'disc_h': ModuleNotFoundError.*disc_missing",
        ),
        ("1 / 0\n", "cannot load command 'hello' of app 'disc_h': ZeroDivisionError"),
        ("x = 1\n", "hello.py does not define a class Command"),
        ("class Command: pass\n", "hello.py does not define a class Command"),
    ],
)
def test_a_broken_command_is_not_called_unknown(install: Install, text: str, message: str) -> None:
    install(app("disc_h", hello=text), "disc_h")
    with pytest.raises(CommandError, match=message) as caught:
        find_command("hello")
    assert caught.value.returncode == 1


def test_an_app_that_is_not_there_has_no_commands(install: Install) -> None:
    install(app("disc_i", hello=command()), "disc_nowhere", "disc_i")
    assert isinstance(find_command("hello"), BaseCommand)


@pytest.mark.parametrize("name", ["nope", "Hello", "../hello", "", "hello world", "os.path"])
def test_what_is_no_command_is_unknown(install: Install, name: str) -> None:
    install(app("disc_j", hello=command()), "disc_j")
    with pytest.raises(CommandError, match="Unknown command"):
        find_command(name)


def test_the_closest_name_is_suggested(install: Install) -> None:
    install({})
    with pytest.raises(CommandError, match="did you mean 'migrate'"):
        find_command("migrat")


def entry_point(value: str) -> dict[str, str]:
    return {
        "disc-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: disc\nVersion: 1.0\n",
        "disc-1.0.dist-info/entry_points.txt": f"[other]\nx = y\n\n[openviper.cli]\n# a remark\nfrom-afar = {value}\n",
    }


def test_a_command_of_another_distribution_is_an_entry_point(install: Install) -> None:
    install(
        entry_point("disc_dist:Afar") | {"disc_dist.py": command().replace("Command(", "Afar(")}
    )
    assert type(find_command("from_afar")).__name__ == "Afar"
    assert [info.origin for info in describe_commands() if info.name == "from-afar"] == [
        "entry point disc_dist:Afar"
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("disc_dist2:Nope", "cannot load command 'from-afar' from"),
        ("disc_dist2:x", "is not a BaseCommand"),
    ],
)
def test_a_broken_entry_point_is_named(install: Install, value: str, message: str) -> None:
    install(entry_point(value) | {"disc_dist2.py": "x = 1\n"})
    with pytest.raises(CommandError, match=message):
        find_command("from-afar")


def test_only_built_in_names_are_built_in() -> None:
    with pytest.raises(KeyError):
        find_builtin("nope")


def test_dashes_and_underscores_are_alike() -> None:
    assert normalise("create_app") == "create-app"
    assert normalise("Not A_Name") == "Not A_Name"


def test_a_command_of_an_app_in_an_archive_is_listed_and_found(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = install({}, "disc_zip")
    with zipfile.ZipFile(root / "apps.zip", "w") as archive:
        for name, text in app("disc_zip", hello=command()).items():
            archive.writestr(name, text)
    monkeypatch.syspath_prepend(str(root / "apps.zip"))
    assert "hello" in list_commands()
    assert type(find_command("hello")).__module__ == "disc_zip.management.commands.hello"
