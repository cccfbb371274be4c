"""Which names are refused, and with what words."""

from __future__ import annotations

import pytest

from openviper.core.management.scaffolds.names import (
    ScaffoldError,
    validate_identifier,
    validate_package_name,
)


@pytest.mark.parametrize(
    "name", ["", "my-shop", "2nd", "a b", "a.b", "class", "None", "../x", "a\n", "a\0", "café"]
)
def test_a_name_that_cannot_be_imported_is_refused(name: str) -> None:
    with pytest.raises(ScaffoldError, match="not a valid Python identifier"):
        validate_identifier(name, "project name")


@pytest.mark.parametrize("name", ["shop", "_shop", "shop2", "match"])
def test_an_ordinary_name_is_accepted(name: str) -> None:
    validate_package_name(name, "project name")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("json", "hide the module 'json'"),
        ("asyncio", "hide the module 'asyncio'"),
        ("__pycache__", "reserved"),
        ("openviper", "hide the module 'openviper'"),
        ("uvicorn", "hide the module 'uvicorn'"),
        ("test", "hide the module 'test'"),
        ("pip", "hide the module 'pip'"),
        ("_pytest", "hide the module '_pytest'"),
        ("mypy_extensions", "hide the module 'mypy_extensions'"),
        ("conftest", "reserved"),
        ("patches", "reserved"),
        ("schemas", "reserved"),
        ("auth", "label of an app of OpenViper"),
        ("tasks", "label of an app of OpenViper"),
        ("tests", "reserved"),
        ("static", "reserved"),
        ("templates", "reserved"),
        ("settings", "reserved"),
        ("viperctl", "reserved"),
        ("media", "reserved"),
    ],
)
def test_a_name_with_a_meaning_already_is_refused(name: str, reason: str) -> None:
    with pytest.raises(ScaffoldError, match=reason):
        validate_package_name(name, "project name")


@pytest.mark.parametrize("taken", ["blog", "shop.blog"])
def test_the_name_of_an_installed_app_is_refused(taken: str) -> None:
    with pytest.raises(ScaffoldError, match=f"taken by the installed app '{taken}'"):
        validate_package_name("blog", "app name", taken=["other", taken])
