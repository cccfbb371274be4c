"""Settings have their types for the checker, those of a project too."""

from __future__ import annotations

import dataclasses
from typing import Any, assert_type

from openviper.conf import Settings, mapping, setting
from openviper.conf import settings as openviper_settings


@dataclasses.dataclass(frozen=True)
class ProjectSettings(Settings):
    """The settings of a project."""

    DEBUG: bool = False
    SHOP_CURRENCY: str = "EUR"
    SHOP_COLOURS: tuple[str, ...] = setting(("red",), "Colours on sale.")
    SHOP_PRICES: dict[str, int] = mapping(dict, "Prices by article.")


settings = openviper_settings.typed(ProjectSettings)


def a_setting_of_openviper_has_its_type() -> None:
    assert_type(openviper_settings.DEBUG, bool)
    assert_type(openviper_settings.PROJECT_NAME, str)
    assert_type(openviper_settings.ALLOWED_HOSTS, tuple[str, ...])
    assert_type(openviper_settings.MAX_QUERY_ROWS, int | None)
    assert_type(openviper_settings.DATABASES, dict[str, Any])


def a_setting_of_the_project_has_its_type() -> None:
    assert_type(settings, ProjectSettings)
    assert_type(settings.DEBUG, bool)
    assert_type(settings.SHOP_CURRENCY, str)
    assert_type(settings.SHOP_COLOURS, tuple[str, ...])
    assert_type(settings.SHOP_PRICES, dict[str, int])


def a_misspelt_setting_is_an_error() -> None:
    _ = openviper_settings.DEBUGG  # type: ignore[attr-defined]  # The promise.
    _ = settings.SHOP_CURENCY  # type: ignore[attr-defined]  # The promise.
    _ = openviper_settings.SHOP_CURRENCY  # type: ignore[attr-defined]  # Known to `typed` only.


def a_setting_cannot_be_written() -> None:
    openviper_settings.DEBUG = False  # type: ignore[misc]  # The promise.
    settings.SHOP_CURRENCY = "USD"  # type: ignore[misc]  # The promise.
