"""`settings`: the settings in use."""

from __future__ import annotations

import io
import json

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.commands.settings import Command
from openviper.testing import override_openviper_settings
from openviper.utils.terminal import Terminal


def shown(*names: str, changed: bool = False, as_json: bool = False, **values: object) -> str:
    """Return what the command prints."""
    out = io.StringIO()
    with override_openviper_settings(**values):
        Command(Terminal(out)).handle(names=names, changed=changed, json=as_json)
    return out.getvalue()


def test_secrets_are_masked() -> None:
    databases = {"default": {"URL": "postgresql://u:hunter2@h/d"}}
    text = shown(SECRET_KEY="hunter2" * 9, DATABASES=databases, EMAIL={"password": "hunter2"})
    assert "hunter2" not in text
    assert "SECRET_KEY = '***'" in text


def test_a_name_chooses_and_a_misspelt_one_is_told() -> None:
    assert (
        shown("DEBUG", "TIME_ZONE", DEBUG=False, TIME_ZONE="UTC")
        == "DEBUG = False\nTIME_ZONE = 'UTC'\n"
    )
    with pytest.raises(CommandError, match="no setting 'DEBUGG'; did you mean 'DEBUG'"):
        shown("DEBUGG")


def test_only_what_differs_from_the_defaults_is_shown_when_asked_for() -> None:
    text = shown(changed=True, DEBUG=True, LOG_FORMAT="json")
    assert "LOG_FORMAT = 'json'\n" in text
    assert "DEBUG" not in text
    assert shown("DEBUG", changed=True, DEBUG=True) == ""


def test_a_script_reads_json() -> None:
    assert json.loads(shown("ALLOWED_HOSTS", as_json=True, ALLOWED_HOSTS=("a",))) == {
        "ALLOWED_HOSTS": ["a"]
    }
