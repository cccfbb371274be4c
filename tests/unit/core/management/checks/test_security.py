"""`check --deploy`: what is wrong in production."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from openviper.conf import Settings
from openviper.conf.process import GENERATED_KEY_VARIABLE
from openviper.core.management.checks.accounts import ORDER
from openviper.core.management.checks.security import MIDDLEWARE, check_security
from openviper.db.connection import connections
from openviper.testing import override_openviper_settings
from tests.projects import write

CHAIN = tuple(f"openviper.middleware.{name}" for name in ORDER)
KEY = "0123456789" * 6
SOUND: dict[str, Any] = {
    "DEBUG": False,
    "SECRET_KEY": KEY,
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31_536_000,
    "ALLOWED_HOSTS": ("shop.example",),
    "MIDDLEWARE": (MIDDLEWARE,),
    "TESTING": False,
    "DATABASES": {},
}


def codes(**changed: Any) -> list[str]:
    """Return the codes of what is found in settings that are sound but for what is changed."""
    with override_openviper_settings(**{**SOUND, **changed}):
        return [finding.code for finding in check_security()]


@pytest.fixture
def production(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project in production."""
    monkeypatch.setenv("OPENVIPER_ENV", "production")
    return project


def settings_module(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Have a file taken for that of the settings module."""
    module = ModuleType("shop_settings")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "shop_settings", module)
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "shop_settings")


@pytest.mark.usefixtures("production")
def test_sound_settings_have_no_finding() -> None:
    assert codes() == []


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"DEBUG": True}, ["security.E001"]),
        ({"SECRET_KEY": ""}, ["security.E002"]),
        ({"SECRET_KEY": "INSECURE-CHANGE-ME"}, ["security.E002"]),
        ({"SECRET_KEY": "x" * 49}, ["security.E002"]),
        ({"SECRET_KEY": "x" * 50}, []),
        ({"SECURE_SSL_REDIRECT": False}, ["security.E003"]),
        ({"SECURE_HSTS_SECONDS": 31_535_999}, ["security.E004"]),
        ({"ALLOWED_HOSTS": ()}, ["security.E005"]),
        ({"ALLOWED_HOSTS": ("shop.example", "*")}, ["security.E005"]),
        ({"ALLOWED_HOSTS": (".shop.example",)}, []),
        ({"MIDDLEWARE": ()}, ["security.W006"]),
        ({"TESTING": True}, ["security.W008"]),
        ({"MIDDLEWARE": (MIDDLEWARE, *CHAIN)}, []),
        ({"MIDDLEWARE": Settings().MIDDLEWARE}, []),
        ({"MIDDLEWARE": (MIDDLEWARE, *reversed(CHAIN))}, ["security.W011"]),
        ({"MIDDLEWARE": (MIDDLEWARE, CHAIN[2], CHAIN[1])}, ["security.W011"]),
        ({"MIDDLEWARE": (MIDDLEWARE, CHAIN[0], CHAIN[1])}, ["security.W012"]),
        ({"SESSION_COOKIE_HTTPONLY": False}, ["security.W013"]),
        ({"SESSION_STORE": "memory"}, ["security.W014"]),
        ({"DEPLOYMENT": "internal-http"}, ["security.W010"]),
        (
            {"DEPLOYMENT": "internal-http", "SECURE_SSL_REDIRECT": False, "SECURE_HSTS_SECONDS": 0},
            ["security.W010"],
        ),
        ({"DEBUG": True, "ALLOWED_HOSTS": (), "TESTING": True},
         ["security.E001", "security.E005", "security.W008"]),
    ],
)  # fmt: skip
def test_each_rule_is_told_once(changed: dict[str, Any], found: list[str]) -> None:
    assert codes(**changed) == found


@pytest.mark.usefixtures("project")
def test_outside_of_production_that_is_said() -> None:
    assert codes() == ["security.W007"]


@pytest.mark.usefixtures("production")
def test_a_key_that_development_has_filled_in_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GENERATED_KEY_VARIABLE, KEY)
    assert codes() == ["security.E002"]
    assert codes(SECRET_KEY=KEY[::-1]) == []


def test_a_key_in_the_settings_module_is_found_and_its_file_too_when_others_can_read_it(
    production: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(production, {"shop_settings.py": f"SECRET_KEY = {KEY!r}\n"}) / "shop_settings.py"
    settings_module(monkeypatch, path)
    path.chmod(0o600)
    assert codes() == ["security.W005"]
    path.chmod(0o604)
    assert codes() == ["security.W005", "security.W009"]
    path.write_text("import os\nSECRET_KEY = os.environ['KEY']\n")
    assert codes() == []


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_a_settings_module_that_cannot_be_read_as_text_is_no_finding(
    production: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    path = production / "shop_settings.py"
    if content is not None:
        path.write_bytes(content)
    settings_module(monkeypatch, path)
    assert codes() == []


@pytest.mark.parametrize(("mode", "found"), [(0o600, []), (0o640, []), (0o644, ["security.W009"])])
def test_a_database_file_that_others_can_read_is_found(
    production: Path, mode: int, found: list[str]
) -> None:
    path = production / "shop.sqlite3"
    path.write_bytes(b"")
    path.chmod(mode)
    databases: Any = {
        "default": {"URL": f"sqlite:///{path}"},
        "memory": {"URL": "sqlite:///:memory:"},
        "absent": {"URL": f"sqlite:///{production}/absent.sqlite3"},
        "server": {"URL": "postgresql://h/shop"},
    }
    try:
        assert codes(DATABASES=databases) == found
    finally:
        connections.reset()


@pytest.mark.usefixtures("production")
def test_databases_that_cannot_be_configured_are_left_to_another_group() -> None:
    try:
        assert codes(DATABASES={"default": {"URL": "nonsense"}}) == []
    finally:
        connections.reset()


@pytest.mark.parametrize(("mode", "found"), [(0o600, []), (0o644, ["security.W009"])])
def test_a_dotenv_file_that_others_can_read_is_found(
    production: Path, mode: int, found: list[str]
) -> None:
    path = production / ".env"
    path.write_text("A=b\n")
    path.chmod(mode)
    assert codes() == found
