"""`[tool.openviper.testing]` of a project's pyproject.toml."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openviper.exceptions import OpenViperException

APP_VARIABLE = "OPENVIPER_TEST_APP"
"""Names the application in place of the configuration."""


SETTINGS_VARIABLE = "OPENVIPER_SETTINGS_MODULE"
FLAGS = frozenset({"disable_real_email", "disable_real_tasks"})
"""The keys that are true or false; the others are text."""


class OpenViperTestingConfigError(OpenViperException, RuntimeError):
    """The configuration of the tests cannot work, or a test overrides a setting that does not exist."""


@dataclasses.dataclass(frozen=True)
class OpenViperTestConfig:
    """How a project is tested.

    Attributes:
        app: ``module:attribute`` of the application or of a function without arguments that makes one; when not given,
            ``app`` of the `asgi` module beside the settings.
        settings: The settings module; that of the environment when not given.
        disable_real_email: Keep mail that a test sends in memory, whatever the setting `EMAIL` says.
        disable_real_tasks: Keep background tasks that a test sends in memory, whatever the setting `TASKS` says.
    """

    app: str | None = None
    settings: str | None = None
    disable_real_email: bool = True
    disable_real_tasks: bool = True


def load_testing_config(directory: Path) -> OpenViperTestConfig:
    """Return the configuration in the pyproject.toml of a directory; the environment may name another application.

    Raises:
        OpenViperTestingConfigError: If the file cannot be read, or a key or the type of its value is wrong.
    """
    values = _read(directory / "pyproject.toml")
    known = {field.name for field in dataclasses.fields(OpenViperTestConfig)}
    for key, value in values.items():
        if key not in known:
            raise OpenViperTestingConfigError(
                f"unknown key {key!r} in [tool.openviper.testing]; known: {', '.join(sorted(known))}"
            )
        _check_value(key, value)
    config = OpenViperTestConfig(**values)
    app = os.environ.get(APP_VARIABLE)
    return dataclasses.replace(config, app=app) if app else config


def _check_value(key: str, value: object) -> None:
    is_flag = key in FLAGS
    fits = isinstance(value, bool) if is_flag else isinstance(value, str) and value != ""
    if not fits:
        wanted = "true or false" if is_flag else "text"
        raise OpenViperTestingConfigError(
            f"{key} in [tool.openviper.testing] must be {wanted}, not {value!r}"
        )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise OpenViperTestingConfigError(f"cannot read {str(path)!r}: {error}") from error
    table = content.get("tool", {}).get("openviper", {}).get("testing", {})
    if not isinstance(table, dict):
        raise OpenViperTestingConfigError(f"tool.openviper.testing must be a table, not {table!r}")
    return table
