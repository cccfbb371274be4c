"""Settings of earlier versions."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from openviper.conf import Settings
from openviper.conf.former import FORMER, former_settings_in_use
from openviper.conf.settings import LazySettings


@dataclasses.dataclass(frozen=True)
class Old(Settings):
    """The settings of a project that was made for an earlier version."""

    SECURE_BROWSER_XSS_FILTER: bool = True
    MEDIA_DIR: str = "uploads"
    OWN: int = 1


def test_what_a_project_or_its_environment_still_gives_is_found_with_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENVIPER_STATIC_STORAGE", "s3")
    monkeypatch.setenv("MEDIA_STORAGE", "another program's")
    found = former_settings_in_use(Old())
    assert sorted(found) == ["MEDIA_DIR", "SECURE_BROWSER_XSS_FILTER", "STATIC_STORAGE"]
    assert found["MEDIA_DIR"] == "use MEDIA_ROOT"


def test_a_project_without_them_is_left_alone() -> None:
    assert former_settings_in_use(Settings()) == {}


def test_all_of_them_are_named_in_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "openviper"):
        LazySettings().configure(Old())
    messages = [record.getMessage() for record in caplog.records]
    warnings = [message for message in messages if "earlier version" in message]
    assert len(warnings) == 1
    assert "MEDIA_DIR (use MEDIA_ROOT); SECURE_BROWSER_XSS_FILTER (" in warnings[0]


def test_a_setting_is_either_there_or_former() -> None:
    assert FORMER.keys().isdisjoint(Settings.__dataclass_fields__)
    assert list(FORMER) == sorted(FORMER)
