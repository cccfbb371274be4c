"""Installed apps read from the text of a settings module, and when that is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.project.installed_apps import read_installed_apps

HEAD = (
    "import dataclasses\nfrom openviper.conf import Settings\n@dataclasses.dataclass(frozen=True)\n"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("OPENVIPER_INSTALLED_APPS", "INSTALLED_APPS", "OPENVIPER_DOTENV"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "site_").mkdir()
    return tmp_path


def settings(project: Path, body: str) -> tuple[str, ...] | None:
    (project / "site_" / "settings.py").write_text(HEAD + body)
    return read_installed_apps("site_.settings")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            'class S(Settings):\n    INSTALLED_APPS: tuple[str, ...] = ("blog", "shop.cart")\n',
            ("site_", "blog", "shop.cart"),
        ),
        (
            'class S(Settings):\n    INSTALLED_APPS: list[str] = ["blog", "site_"]\n',
            ("blog", "site_"),
        ),
        ("class S(Settings):\n    DEBUG: bool = True\n", ("site_",)),
    ],
)
def test_plain_strings_in_the_only_class_are_read(
    project: Path, body: str, expected: tuple[str, ...]
) -> None:
    assert settings(project, body) == expected


@pytest.mark.parametrize(
    "body",
    [
        'class S(Settings):\n    INSTALLED_APPS = ("a",)\n',
        "class S(Settings):\n    DEBUG = False\n",
        "class S(Settings):\n    INSTALLED_APPS: tuple[str, ...] = tuple(APPS)\n",
        'class S(Settings):\n    INSTALLED_APPS: tuple[str, ...] = ("a", *MORE)\n',
        'class S(Settings):\n    INSTALLED_APPS: tuple[str, ...] = ("a", NAME)\n',
        "class S(BaseProject):\n    pass\n",
        "class S(Settings):\n    pass\nclass T(S):\n    pass\n",
        "class S(Settings:\n",
    ],
)
def test_what_has_to_be_computed_is_not_guessed(project: Path, body: str) -> None:
    assert settings(project, body) is None


@pytest.mark.parametrize("variable", ["OPENVIPER_INSTALLED_APPS", "INSTALLED_APPS"])
def test_an_override_in_the_environment_is_left_to_the_settings(
    project: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "other")
    assert settings(project, "class S(Settings):\n    pass\n") is None


def test_an_override_in_a_dotenv_file_is_left_to_the_settings(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").write_text("OPENVIPER_INSTALLED_APPS=other\n")
    assert settings(project, "class S(Settings):\n    pass\n") is None
    monkeypatch.setenv("OPENVIPER_DOTENV", "0")
    assert settings(project, "class S(Settings):\n    pass\n") == ("site_",)


def test_a_module_that_cannot_be_found_is_left_to_the_settings(project: Path) -> None:
    assert read_installed_apps("nowhere.settings") is None


def test_a_bare_settings_module_adds_no_app(project: Path) -> None:
    (project / "settings.py").write_text(
        HEAD + 'class S(Settings):\n    INSTALLED_APPS: tuple[str, ...] = ("blog",)\n'
    )
    assert read_installed_apps("settings") == ("blog",)
