"""`[tool.openviper.testing]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.testing import OpenViperTestConfig, OpenViperTestingConfigError
from openviper.testing.config import APP_VARIABLE, load_testing_config


def write(directory: Path, text: str) -> Path:
    """Write a pyproject.toml and return its directory."""
    (directory / "pyproject.toml").write_text(text)
    return directory


def test_values_are_read_and_the_environment_names_another_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(APP_VARIABLE, raising=False)
    write(tmp_path, "[tool.openviper.testing]\napp = 'a:app'\nsettings = 'a.settings'\n")
    assert load_testing_config(tmp_path) == OpenViperTestConfig("a:app", "a.settings")
    monkeypatch.setenv(APP_VARIABLE, "b:app")
    assert load_testing_config(tmp_path) == OpenViperTestConfig("b:app", "a.settings")


def test_a_project_without_configuration_has_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(APP_VARIABLE, raising=False)
    assert load_testing_config(tmp_path) == OpenViperTestConfig()
    assert load_testing_config(write(tmp_path, "[tool.other]\n")) == OpenViperTestConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.openviper.testing]\napps = 'a'\n", "unknown key 'apps'"),
        ("[tool.openviper.testing]\napp = 1\n", "app .* must be text, not 1"),
        ("[tool.openviper.testing]\nsettings = ''\n", "settings .* must be text"),
        ("[tool.openviper]\ntesting = 1\n", "must be a table, not 1"),
        ("[tool", "cannot read"),
        (
            "[tool.openviper.tesing]\napp = 'a'\n",
            r"unknown table \[tool.openviper.tesing\]; known: testing",
        ),
    ],
)
def test_a_mistake_is_an_error_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OpenViperTestingConfigError, match=message):
        load_testing_config(write(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("OPENVIPER_TEST_REUSEDB", "1", "did you mean OPENVIPER_TEST_REUSE_DB"),
        ("OPENVIPER_TEST_APPS", "a:b", "did you mean OPENVIPER_TEST_APP"),
        ("OPENVIPER_TEST_REUSE_DB", "maybe", "must be 1 or 0, not 'maybe'"),
        ("OPENVIPER_TEST_CREATE_DB", "yes", "must be 1 or 0, not 'yes'"),
    ],
)
def test_a_variable_that_would_do_nothing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(OpenViperTestingConfigError, match=message):
        load_testing_config(tmp_path)


def test_variables_of_a_project_are_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(APP_VARIABLE, raising=False)
    monkeypatch.setenv("OPENVIPER_TEST_POSTGRESQL", "postgres://127.0.0.1/x")
    assert load_testing_config(tmp_path) == OpenViperTestConfig()
