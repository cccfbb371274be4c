"""`[tool.openviper.testing]` of a project's pyproject.toml."""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from openviper.exceptions import OpenViperException

APP_VARIABLE = "OPENVIPER_TEST_APP"
"""Names the application in place of the configuration."""


CREATE_VARIABLE = "OPENVIPER_TEST_CREATE_DB"
REUSE_VARIABLE = "OPENVIPER_TEST_REUSE_DB"
PREFIX = "OPENVIPER_TEST_"
"""What the names of the kit's variables begin with."""
SWITCHES = (CREATE_VARIABLE, REUSE_VARIABLE)
VARIABLES = (APP_VARIABLE, *SWITCHES)
SETTINGS_VARIABLE = "OPENVIPER_SETTINGS_MODULE"
ISOLATIONS = ("transaction", "truncate", "recreate", "in_memory")
"""What keeps tests apart in the database; see `OpenViperTestConfig.database_isolation`."""


class OpenViperTestingConfigError(OpenViperException, RuntimeError):
    """The configuration of the tests cannot work, or a test overrides a setting that does not exist."""


@dataclasses.dataclass(frozen=True)
class OpenViperTestConfig:
    """How a project is tested.

    Attributes:
        app: ``module:attribute`` of the application or of a function without arguments that makes one; when not given,
            ``app`` of the `asgi` module beside the settings.
        settings: The settings module; that of the environment when not given.
        database_url: The address of the test database for ``default``, instead of one made from the configured address.
        database_hosts: Servers that tests may use besides those on this machine.
        database_isolation: What keeps tests apart: ``transaction`` (undone at the end of the test), ``truncate`` (rows are
            deleted), ``recreate`` (the database is made anew) or ``in_memory`` (SQLite in memory, made anew).
        migrate: Make the tables in the test databases.
        use_test_settings: Use `settings`; else those of the environment.
        fast_passwords: Keep passwords as they are, so that logging in takes no time.
        disable_real_email: Keep mail that a test sends in memory, whatever the setting `EMAIL` says.
        disable_real_tasks: Keep background tasks that a test sends in memory, whatever the setting `TASKS` says.
        disable_real_cache: Have an empty default cache in memory for each test, whatever the setting `CACHES` says.
    """

    app: str | None = None
    settings: str | None = None
    database_url: str | None = None
    database_hosts: tuple[str, ...] = ()
    database_isolation: str = "transaction"
    migrate: bool = True
    use_test_settings: bool = True
    fast_passwords: bool = True
    disable_real_email: bool = True
    disable_real_tasks: bool = True
    disable_real_cache: bool = False

    @property
    def settings_module(self) -> str | None:
        """The settings module to use; `None` for that of the environment."""
        return self.settings if self.use_test_settings else None


def load_testing_config(directory: Path) -> OpenViperTestConfig:
    """Return the configuration in the pyproject.toml of a directory; the environment may name another application.

    Raises:
        OpenViperTestingConfigError: If the file cannot be read, or a key or the type of its value is wrong.
    """
    _check_environment()
    values = _read(directory / "pyproject.toml")
    for key, value in values.items():
        _check_key(key)
        _check_value(key, value)
    app = os.environ.get(APP_VARIABLE)
    values = {**values, **({"app": app} if app else {})}
    if "database_hosts" in values:
        values["database_hosts"] = tuple(values["database_hosts"])
    return OpenViperTestConfig(**values)


def _check_environment() -> None:
    """Refuse a misspelt variable, and a switch that is neither on nor off."""
    for name, value in os.environ.items():
        if name.startswith(PREFIX) and name not in VARIABLES:
            _check_variable(name)
        if name in SWITCHES and value not in ("", "0", "1"):
            raise OpenViperTestingConfigError(f"{name} must be 1 or 0, not {value!r}")


def _check_variable(name: str) -> None:
    # A project may have variables of its own with such names.
    meant = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.9)
    if meant:
        raise OpenViperTestingConfigError(
            f"nothing reads the environment variable {name}; did you mean {meant[0]}?"
        )


def _check_key(key: str) -> None:
    known = {field.name for field in dataclasses.fields(OpenViperTestConfig)}
    if key not in known:
        raise OpenViperTestingConfigError(
            f"unknown key {key!r} in [tool.openviper.testing]; known: {', '.join(sorted(known))}"
        )


def _check_value(key: str, value: object) -> None:
    wanted, fits = _wanted(key)
    if not fits(value):
        raise OpenViperTestingConfigError(
            f"{key} in [tool.openviper.testing] must be {wanted}, not {value!r}"
        )


def _wanted(key: str) -> tuple[str, Callable[[object], bool]]:
    """Return what the value of a key has to be, in words and as a check."""
    if key == "database_isolation":
        return f"one of {', '.join(ISOLATIONS)}", lambda value: value in ISOLATIONS
    default = OpenViperTestConfig.__dataclass_fields__[key].default
    if isinstance(default, bool):
        return "true or false", lambda value: isinstance(value, bool)
    if isinstance(default, tuple):
        return "a list of texts", _is_list_of_texts
    return "text", _is_text


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise OpenViperTestingConfigError(f"cannot read {str(path)!r}: {error}") from error
    tables = content.get("tool", {}).get("openviper", {})
    if isinstance(tables, dict) and not tables.keys() <= {"testing"}:
        raise OpenViperTestingConfigError(
            f"unknown table [tool.openviper.{min(tables.keys() - {'testing'})}]; known: testing"
        )
    table = tables.get("testing", {}) if isinstance(tables, dict) else tables
    if not isinstance(table, dict):
        raise OpenViperTestingConfigError(f"tool.openviper.testing must be a table, not {table!r}")
    return table
