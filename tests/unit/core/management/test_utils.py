"""Helpers of commands."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.conf import Settings, settings
from openviper.core.management.base import BaseCommand, CommandError, NoModelsModule
from openviper.core.management.utils import (
    get_banner,
    import_models_module,
    prompt_password,
    report_app_not_found,
    resolve_db_url,
    resolve_installed_apps,
    run_async_command,
    validate_identifier,
)
from openviper.utils.terminal import Terminal
from tests.projects import KEY, write


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Settings with one app that exists and one that does not, in a project of its own."""
    databases: Any = {"default": {"OPTIONS": {"URL": "sqlite:///x.db"}}, "empty": {}, "ROUTERS": []}
    monkeypatch.setattr(
        settings,
        "instance",
        Settings(SECRET_KEY=KEY, INSTALLED_APPS=("util_blog", "util_nope"), DATABASES=databases),
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield write(tmp_path, {"util_blog/__init__.py": "", "util_blog/models.py": "x = 1\n"})
    for name in set(sys.modules) - before:
        del sys.modules[name]


def answering(text: str) -> tuple[BaseCommand, io.StringIO]:
    err = io.StringIO()
    return BaseCommand(Terminal(io.StringIO(), err, io.StringIO(text))), err


def test_the_banner_is_shown_and_returned() -> None:
    out = io.StringIO()
    text = get_banner(BaseCommand(Terminal(out)), "127.0.0.1", 8000)
    assert out.getvalue() == f"{text}\n" and "http://127.0.0.1:8000/" in text
    assert "http://[::1]:80/" in get_banner(None, "::1", 80)


def test_an_installed_app_that_is_missing_is_a_warning(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = resolve_installed_apps()
    assert found == {"util_blog": str(installed / "util_blog")}
    assert capsys.readouterr().err == "Warning: installed app 'util_nope' not found\n"


def test_an_unknown_label_is_told_with_places_and_the_closest_app(installed: Path) -> None:
    text = str(report_app_not_found("util_bog"))
    assert text.startswith("App 'util_bog' not found")
    assert "apps/util_bog/" in text and "did you mean 'util_blog'?" in text and "\n" not in text


def test_models_are_imported(installed: Path) -> None:
    assert import_models_module("util_blog").x == 1


def test_an_app_without_models_is_told_apart_from_a_broken_one(installed: Path) -> None:
    (installed / "util_blog" / "models.py").unlink()
    with pytest.raises(NoModelsModule):
        import_models_module("util_blog")
    (installed / "util_blog" / "models.py").write_text("import util_missing\n")
    with pytest.raises(
        CommandError, match="cannot import 'util_blog.models'.*util_missing"
    ) as caught:
        import_models_module("util_blog")
    assert not isinstance(caught.value, NoModelsModule)


def test_the_database_is_that_of_the_option_or_the_default(installed: Path) -> None:
    assert resolve_db_url({"db": "sqlite:///y.db"}) == "sqlite:///y.db"
    assert resolve_db_url({"db": None}) == "sqlite:///x.db"


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        ("empty", "No database URL configured"),
        ("nope", "unknown database alias"),
        ("ROUTERS", "unknown"),
    ],
)
def test_a_database_that_is_not_configured_is_refused(
    installed: Path, alias: str, message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        resolve_db_url({"database": alias})


def test_a_password_is_asked_for_until_it_is_good_and_repeated() -> None:
    command, err = answering("\nshort\nlong-enough\nother-one\nlong-enough\nlong-enough\n")
    assert prompt_password(command) == "long-enough"
    text = err.getvalue()
    assert (
        "must not be blank" in text and "at least 8 characters" in text and "do not match" in text
    )


def test_the_end_of_input_cancels_a_password() -> None:
    with pytest.raises(CommandError, match="Operation cancelled."):
        prompt_password(answering("long-enough\n")[0])


@pytest.mark.parametrize("name", ["my-app", "1st", "", "class", "a.b", "é"])
def test_what_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="app name .* is not a valid Python identifier"):
        validate_identifier(name, "app name")


def test_an_identifier_comes_back() -> None:
    assert validate_identifier("blog") == "blog"


def test_an_exception_in_a_coroutine_becomes_an_error_with_text_and_cause() -> None:
    async def fail() -> None:
        raise ValueError

    with pytest.raises(CommandError, match="ValueError") as caught:
        run_async_command(fail())
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_result_of_a_coroutine_comes_back() -> None:
    async def work() -> int:
        return 3

    assert run_async_command(work()) == 3
