"""`makemigrations`: what it prints, writes, and refuses before it writes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.commands import makemigrations
from openviper.exceptions import MigrationError
from openviper.utils.terminal import Terminal
from tests.unit.db.schemas.builders import FakeField, fake_model


class Apps:
    """Installed apps with models, in a working directory of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.models: dict[str, list[Any]] = {}
        self.out, self.err = io.StringIO(), io.StringIO()
        self.answers: io.StringIO | None = None

    def directories(self) -> dict[str, str]:
        return {name: str(self.root / name.rpartition(".")[2]) for name in self.models}

    def run(self, *arguments: str) -> str:
        """Run the command and return what it printed as result."""
        self.out, self.err = io.StringIO(), io.StringIO()
        source = self.answers or io.StringIO()
        command = makemigrations.Command(Terminal(out=self.out, err=self.err, source=source))
        options = vars(command.create_parser("viperctl.py", "makemigrations").parse_args(arguments))
        command.handle(**options)
        return self.out.getvalue()

    def files(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()
        )


class TerminalInput(io.StringIO):
    """Answers of a person."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Apps]:
    made = Apps(tmp_path)

    def find(*, with_builtin: bool) -> dict[str, str]:
        return made.directories()

    def models_of(name: str, module: object) -> Sequence[Any]:
        return made.models[name]

    monkeypatch.setattr(makemigrations, "find_installed_apps", find)
    monkeypatch.setattr(makemigrations, "models_of", models_of)
    monkeypatch.setattr(makemigrations, "import_all_models", lambda found: {})
    monkeypatch.setattr(
        makemigrations,
        "app_not_found",
        lambda label: CommandError(f"App {label!r} not found"),
    )
    before = os.getcwd()
    os.chdir(tmp_path)
    yield made
    os.chdir(before)


def book(**fields: FakeField) -> Any:
    return fake_model("Book", "library_book", fields)


def test_files_are_created_updated_and_deleted_with_a_line_each(apps: Apps) -> None:
    apps.models = {"library": [book(title=FakeField("TEXT")), fake_model("Shelf", "library_shelf")]}
    assert apps.run() == (
        "library -> library\n"
        "Created library/schemas/Book.json\n"
        "Created library/schemas/Shelf.json\n"
        "Schemas: 2 created.\n"
    )
    apps.models = {"library": [book(title=FakeField("VARCHAR(50)", null=True))]}
    assert apps.run().splitlines()[1:] == [
        "  library.Book: alter column library_book.title: type, nullable",
        "Updated library/schemas/Book.json",
        "Deleted library/schemas/Shelf.json",
        "Schemas: 1 updated, 1 deleted.",
    ]
    assert "narrows" in apps.err.getvalue()
    assert apps.run().splitlines()[-1] == "No schemas changed."
    assert apps.files() == ["library/schemas/Book.json"]


def test_an_app_without_models_says_that_nothing_was_created(apps: Apps) -> None:
    apps.models = {"library": []}
    assert apps.run().splitlines()[-1] == "No schemas created."
    assert apps.files() == []


def test_check_writes_nothing_and_fails_when_something_is_pending(apps: Apps) -> None:
    apps.models = {"library": [book()], "empty": []}
    with pytest.raises(CommandError, match=r"Changes detected\.") as caught:
        apps.run("--check")
    assert caught.value.returncode == 1
    assert "Pending changes for library\nNo changes detected for empty\n" in apps.out.getvalue()
    assert list(apps.root.iterdir()) == []
    apps.run()
    assert apps.run("--check").endswith("No changes detected for empty\nNo changes detected.\n")


def test_built_in_apps_are_looked_at_only_when_named(apps: Apps) -> None:
    apps.models = {"openviper.auth": [fake_model("User", "auth_users")], "library": [book()]}
    assert "auth" not in apps.run()
    assert "Created auth/schemas/User.json" in apps.run("openviper.auth")


def test_an_unknown_label_stops_before_anything_is_written(apps: Apps) -> None:
    apps.models = {"library": [book()]}
    with pytest.raises(CommandError, match="App 'nope' not found"):
        apps.run("library", "nope")
    assert apps.files() == []


def test_a_rejected_change_in_one_app_leaves_every_file_as_it_was(apps: Apps) -> None:
    apps.models = {"a": [fake_model("A", "a_a")], "library": [book(n=FakeField())]}
    apps.run("library")
    before = apps.files()
    apps.models["library"] = [book(n=FakeField("TEXT"))]
    with pytest.raises(MigrationError, match=r"library_book\.n: .*--force"):
        apps.run()
    assert apps.files() == before
    assert "Updated library/schemas/Book.json" in apps.run("--force")


def test_an_ambiguous_rename_is_decided_by_options(apps: Apps) -> None:
    apps.models = {"library": [book(a=FakeField(), b=FakeField())]}
    apps.run()
    apps.models = {"library": [book(c=FakeField(), d=FakeField())]}
    with pytest.raises(MigrationError, match="--no-rename"):
        apps.run()
    with pytest.raises(MigrationError, match="unknown table 'other'"):
        apps.run("--rename", "other.a=b", "--no-rename")
    shown = apps.run("--rename", "library_book.a=d", "--no-rename")
    assert "rename column library_book.a to d" in shown
    assert "drop column library_book.b" in shown
    assert "dropped with its data" in apps.err.getvalue()


def test_an_ambiguous_rename_is_asked_on_a_terminal(apps: Apps) -> None:
    apps.models = {"library": [book(a=FakeField(), b=FakeField())]}
    apps.run()
    apps.models = {"library": [book(c=FakeField(), d=FakeField())]}
    apps.answers = TerminalInput("n\ny\nn\n")
    assert "rename column library_book.a to d" in apps.run()
