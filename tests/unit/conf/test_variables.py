"""Environment variables that are no setting, and the values of optional ones."""

from __future__ import annotations

import dataclasses
import logging
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Optional, Union

import pytest

import openviper
from openviper.conf import Settings
from openviper.conf.environment import apply_env_overrides, cast_timedelta
from openviper.conf.variables import OWN_VARIABLES, report_misspelt
from openviper.exceptions import SettingsValidationError


@dataclasses.dataclass(frozen=True)
class Project(Settings):
    """A project's settings, of many types."""

    PARTNERS: tuple[str, ...] | None = None
    COLOURS: list[str] | None = None
    RETRIES: Optional[int] = None  # noqa: UP045 - what projects write
    RATE: Union[float, None] = None  # noqa: UP007 - what projects write
    PATIENCE: timedelta | None = None
    IS_OPEN: bool | None = None
    MOTTO: str | None = None
    ANYTHING: Any = None
    PRICE: Decimal | None = None
    PLACE: Path | None = None
    EITHER: int | str | None = None
    FIXED: Decimal = Decimal(1)


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> Project:
    """Return the settings that an environment gives."""
    for name, value in values.items():
        monkeypatch.setenv(f"OPENVIPER_{name}", value)
    return apply_env_overrides(Project())


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("PARTNERS", "a, b", ("a", "b")),
        ("PARTNERS", '["a,b"]', ("a,b",)),
        ("COLOURS", "red,blue", ["red", "blue"]),
        ("RETRIES", " 5 ", 5),
        ("RATE", "1.5", 1.5),
        ("PATIENCE", "15m", timedelta(minutes=15)),
        ("IS_OPEN", "no", False),
        ("IS_OPEN", "1", True),
        ("MOTTO", "5", "5"),
        ("MOTTO", " spaced ", " spaced "),
        ("ANYTHING", "5", "5"),
        ("EITHER", "5", 5),
        *((name, blank, None) for name in ("RETRIES", "MOTTO", "PRICE") for blank in ("", "  ")),
    ],
)
def test_an_optional_setting_gets_a_value_of_its_type(
    monkeypatch: pytest.MonkeyPatch, name: str, raw: str, value: object
) -> None:
    found = given(monkeypatch, **{name: raw})[name]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("RETRIES", "five", "'five' is not a whole number"),
        ("RATE", "1,5", "'1,5' is not a number"),
        ("PATIENCE", "soon", "'soon' is not a duration such as 90, 90s, 15m, 12h or 7d"),
        ("IS_OPEN", "maybe", "'maybe' is not one of 1, true, yes, on, 0, false, no, off"),
        ("PARTNERS", "['a']", "\"['a']\" is not a list; write it as a,b or as"),
        ("PRICE", "1.5", "'1.5' cannot become Decimal | None; set it in the settings module"),
        ("PLACE", "/tmp", "'/tmp' cannot become Path | None; set it in the settings module"),
        ("FIXED", "2", "'2' a Decimal cannot be set from the environment"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, raw: str, message: str
) -> None:
    with pytest.raises(SettingsValidationError) as caught:
        given(monkeypatch, **{name: raw})
    assert f"environment variable OPENVIPER_{name}: {message}" in str(caught.value)


def test_every_wrong_variable_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsValidationError) as caught:
        given(monkeypatch, RETRIES="x", DEBUG="x", PRICE="x", SESSION_TIMEOUT="x")
    assert len(caught.value.errors) == 4


@pytest.mark.parametrize(
    "raw", ["", "s", "nan", "inf", "1e400", "5 m m", "1:30", "-", "5y", "١m x", "9" * 30]
)
def test_what_is_no_duration(raw: str) -> None:
    with pytest.raises(ValueError, match="^is not a duration such as 90, 90s, 15m, 12h or 7d$"):
        cast_timedelta(raw)


# Misspelt


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DEBG", "DEBUG"),
        ("DEBUGG", "DEBUG"),
        ("ALLOWED_HOST", "ALLOWED_HOSTS"),
        ("SECRETKEY", "SECRET_KEY"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("SETTING_MODULE", "SETTINGS_MODULE"),
        ("PATIENCES", "PATIENCE"),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_reported_without_its_value(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, meant: str
) -> None:
    monkeypatch.setenv(f"OPENVIPER_{name}", "hunter2")
    with caplog.at_level(logging.WARNING, "openviper.conf"):
        report_misspelt(Project())
    assert caplog.messages == [
        f"environment variable OPENVIPER_{name} names no setting and has no effect; did you mean OPENVIPER_{meant}?"
    ]


@pytest.mark.parametrize(
    "name", ["DEBUG", "PATIENCE", "ENV", "ZZZ", "CHAOS", *sorted(OWN_VARIABLES)]
)
def test_other_variables_are_not_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    monkeypatch.setenv(f"OPENVIPER_{name}", "x")
    monkeypatch.setenv("DEBG", "x")
    with caplog.at_level(logging.WARNING, "openviper.conf"):
        report_misspelt(Project())
    assert caplog.messages == []


def test_every_variable_that_the_package_reads_is_known() -> None:
    found: set[str] = set()
    for path in Path(openviper.__file__).parent.rglob("*.py"):
        found.update(re.findall(r"\bOPENVIPER_([A-Z][A-Z0-9_]*)", path.read_text()))
    fields = set(Settings.__dataclass_fields__)
    unknown = {name for name in found - OWN_VARIABLES - fields if not name.endswith("_")}
    assert unknown == set()
