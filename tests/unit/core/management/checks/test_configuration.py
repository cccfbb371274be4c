"""`check` on the settings: misspelt, ignored and former names, apps and paths that are not there."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from openviper.conf import Settings, settings
from openviper.conf.former import FORMER
from openviper.core.management.checks.configuration import check_settings, load_settings
from openviper.core.management.checks.findings import GROUPS, Finding
from openviper.core.management.checks.suite import run_checks
from openviper.testing import override_openviper_settings
from openviper.vendoring import at_start
from tests.projects import KEY, write


def found(**values: Any) -> list[Finding]:
    """Return what is found in settings with some values."""
    with override_openviper_settings(**values):
        return check_settings()


@pytest.mark.usefixtures("project")
def test_the_defaults_are_sound() -> None:
    assert found() == []


def test_settings_that_are_in_place_need_no_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "configured", True)
    assert load_settings() == []


@pytest.mark.usefixtures("project")
def test_a_vendored_tree_that_is_refused_is_all_that_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(at_start, "_problem", lambda path, expected: f"not {expected}")
    with override_openviper_settings(VENDOR_CHECK="refuse", VENDOR_MANIFEST_SHA256="0" * 64):
        outcome = run_checks(GROUPS)
    assert outcome.findings == [Finding("settings.E006", f"not {'0' * 64}", where="VENDOR_CHECK")]
    assert outcome.groups == ["settings"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("mode", "codes"), [("off", []), ("warn", ["settings.W006"])])
def test_a_changed_vendored_tree_is_a_finding_where_somebody_asks(
    monkeypatch: pytest.MonkeyPatch, mode: str, codes: list[str]
) -> None:
    monkeypatch.setattr(at_start, "_problem", lambda path, expected: "it was changed")
    assert [finding.code for finding in found(VENDOR_CHECK=mode)] == codes
    monkeypatch.setattr(at_start, "_problem", lambda path, expected: None)
    assert found(VENDOR_CHECK=mode) == []


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("code", "hint"),
    [("security.W099", "; did you mean 'security.W0"), ("nonsense", ""), ("", "")],
)
def test_a_silenced_code_that_no_check_has_is_named(code: str, hint: str) -> None:
    (finding,) = found(SILENCED_SYSTEM_CHECKS=(code, "security.W001".replace("1", "5")))
    assert (finding.code, finding.where) == ("settings.W001", "SILENCED_SYSTEM_CHECKS")
    assert finding.message.startswith(f"there is no check with the code {code!r}{hint}")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("OPENVIPER_DEBG", "OPENVIPER_DEBUG"),
        ("OPENVIPER_ALLOWED_HOST", "OPENVIPER_ALLOWED_HOSTS"),
        ("OPENVIPER_SECRETKEY", "OPENVIPER_SECRET_KEY"),
    ],
)
def test_a_variable_that_looks_like_a_setting_is_named_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    monkeypatch.setenv(variable, "x")
    (finding,) = found()
    assert (finding.code, finding.where) == ("settings.W002", variable)
    assert (
        finding.message
        == f"environment variable {variable!r} is no setting; did you mean {meant!r}?"
    )


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "variable",
    ["OPENVIPER_DEBUG", "OPENVIPER_QQQQQQ", "OPENVIPER_HOME", "OPENVIPER_", "openviper_debg", "DEBG", "OPENVIPER_DATABASE_URL",
     f"OPENVIPER_{next(iter(FORMER))}", "OPENVIPER_USER_EMAIL"],
)  # fmt: skip
def test_other_variables_are_none_of_our_business(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "x")
    assert [finding.code for finding in found()] in ([], ["settings.W005"])


# The settings class of a project


@dataclasses.dataclass(frozen=True)
class ProjectSettings(Settings):
    """A project's own settings."""

    DEBUGG: bool = False
    PAYMENT_KEY: str = ""


def of_a_project(
    monkeypatch: pytest.MonkeyPatch, cls: type[Settings], **values: Any
) -> list[Finding]:
    monkeypatch.setattr(settings, "instance", cls(SECRET_KEY=KEY, INSTALLED_APPS=(), **values))
    return check_settings()


@pytest.mark.usefixtures("project")
def test_a_field_that_differs_by_a_letter_is_named_and_a_projects_own_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (finding,) = of_a_project(monkeypatch, ProjectSettings)
    assert (finding.code, finding.where) == ("settings.W003", "DEBUGG")
    assert finding.message.endswith("did you mean 'DEBUG'?")


@pytest.mark.usefixtures("project")
def test_a_variable_for_a_projects_own_field_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENVIPER_PAYMENT_KEY", "x")
    monkeypatch.setenv("OPENVIPER_DEBUGG", "1")
    codes = [finding.code for finding in of_a_project(monkeypatch, ProjectSettings)]
    assert codes == ["settings.W003"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", sorted(FORMER)[:5])
def test_a_setting_of_an_earlier_version_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    cls = dataclasses.make_dataclass("Old", [(name, str, "x")], bases=(Settings,), frozen=True)
    (finding,) = of_a_project(monkeypatch, cls)
    assert (finding.code, finding.where) == ("settings.W005", name)
    assert finding.message == f"nothing reads {name} any more: {FORMER[name]}"


@pytest.mark.usefixtures("project")
def test_a_name_beside_the_settings_class_is_said_to_be_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("shop_settings")
    vars(module).update(__file__="/x/shop_settings.py", DEBUG=False, OTHER=1, debug=True)
    monkeypatch.setitem(sys.modules, "shop_settings", module)
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "shop_settings")
    (finding,) = found()
    assert (finding.code, finding.where) == ("settings.W004", "/x/shop_settings.py")
    assert finding.message == "DEBUG beside the settings class is ignored"
    assert finding.hint.startswith("Make it a field of class ")


# Apps and paths


def test_an_app_that_is_not_there_is_named_with_the_one_that_was_meant(project: Path) -> None:
    write(project, {"blog/__init__.py": "", "blog/models.py": ""})
    (finding,) = found(INSTALLED_APPS=("blog", "blogg"))
    assert (finding.code, finding.where) == ("settings.E004", "INSTALLED_APPS")
    assert finding.message == "installed app 'blogg' not found; did you mean 'blog'?"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"MIDDLEWARE": ("nowhere.Middleware",)}, "MIDDLEWARE names 'nowhere.Middleware': "),
        (
            {"MIDDLEWARE": ("openviper.middleware.security.Securty",)},
            "MIDDLEWARE names 'openviper.middleware.security.Securty': ",
        ),
        ({"USER_MODEL": "shop.models.User"}, "USER_MODEL names 'shop.models.User': "),
    ],
)
def test_a_path_that_cannot_be_imported_is_named(values: dict[str, Any], problem: str) -> None:
    (finding,) = found(**values)
    assert finding.code == "settings.E003"
    assert finding.message.startswith(problem)


def test_a_module_of_the_project_may_raise_anything(project: Path) -> None:
    write(project, {"shop.py": "raise SystemError('no')\n", "bank.py": "1 / 0\n"})
    findings = found(MIDDLEWARE=("shop.Middleware", "bank.Middleware"))
    assert [finding.message for finding in findings] == [
        "MIDDLEWARE names 'shop.Middleware': SystemError: no",
        "MIDDLEWARE names 'bank.Middleware': ZeroDivisionError: division by zero",
    ]


@pytest.mark.usefixtures("project")
def test_an_object_in_place_of_a_path_is_fine() -> None:
    assert found(MIDDLEWARE=(lambda app: app,)) == []


# Loading


def not_loaded(monkeypatch: pytest.MonkeyPatch, module: str) -> list[Finding]:
    monkeypatch.setattr(settings, "instance", None)
    monkeypatch.setattr(settings, "configured", False)
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", module)
    return load_settings()


def test_settings_that_cannot_be_loaded_are_one_finding(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, {"broken_settings.py": "1 / 0\n"})
    (finding,) = not_loaded(monkeypatch, "broken_settings")
    assert (finding.code, finding.where) == ("settings.E001", "broken_settings")
    assert "ZeroDivisionError" in finding.message or "division by zero" in finding.message
    (finding,) = not_loaded(monkeypatch, "nowhere_settings")
    assert finding.code == "settings.E001" and "nowhere_settings" in finding.message


def test_values_that_are_not_allowed_are_one_finding_each(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, {"odd_settings.py": (
        "import dataclasses\nfrom openviper.conf import Settings\n\n@dataclasses.dataclass(frozen=True)\n"
        f"class Odd(Settings):\n    SECRET_KEY: str = {KEY!r}\n    DEBUG: bool = 'yes'\n    DEPLOYMENT: str = 'moon'\n"
    )})  # fmt: skip
    findings = not_loaded(monkeypatch, "odd_settings")
    assert {finding.code for finding in findings} == {"settings.E002"}
    assert len(findings) == 2
    assert not any(finding.message.endswith(".") for finding in findings)
    assert "'moon'" in "".join(finding.message for finding in findings)
    assert os.environ["OPENVIPER_SETTINGS_MODULE"] == findings[0].where


# Caches


@pytest.mark.usefixtures("project")
def test_an_entry_that_makes_no_cache_is_named() -> None:
    (finding,) = found(CACHES={"default": {"BACKEND": "memory", "OPTIONS": {"url": "x"}}})
    assert (finding.code, finding.where) == ("settings.E005", "CACHES['default']")
    assert finding.message.startswith("CACHES['default']['OPTIONS'] has no key 'url'")


@pytest.mark.usefixtures("project")
def test_a_cache_in_the_database_needs_its_app() -> None:
    (finding,) = found(CACHES={"default": {"BACKEND": "database"}})
    assert finding.code == "settings.E005"
    assert "'openviper.cache', which is not in INSTALLED_APPS" in finding.message
    assert (
        found(CACHES={"default": {"BACKEND": "database"}}, INSTALLED_APPS=("openviper.cache",))
        == []
    )
