"""`EMAIL` is read once into one object, and what is wrong with it is said."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from openviper.core.email.config import (
    SERVER_KEYS,
    EmailSettings,
    config_errors,
    email_settings,
    usual_port,
)
from openviper.exceptions import ImproperlyConfigured
from tests.unit.core.email.conftest import Configure


@pytest.mark.parametrize(
    ("key", "nearest"),
    [("use_tsl", "use_tls"), ("hots", "host"), ("pasword", "password"), ("backgroud", "background"), ("spool", "spool_dir")],
)  # fmt: skip
def test_an_unknown_key_is_an_error_with_the_nearest_one(
    configure: Configure, key: str, nearest: str
) -> None:
    configure(EMAIL={key: True})
    with pytest.raises(
        ImproperlyConfigured, match=f"EMAIL has no key '{key}'; did you mean '{nearest}'"
    ):
        email_settings()


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"port": "25"}, "'port'"),
        ({"port": True}, "'port'"),
        ({"port": 65536}, "'port'"),
        ({"timeout": 0}, "'timeout'"),
        ({"timeout": float("inf")}, "'timeout'"),
        ({"timeout": float("nan")}, "'timeout'"),
        ({"max_connections": 0}, "'max_connections'"),
        ({"use_tls": "yes"}, "'use_tls'"),
        ({"background": "auto"}, "'background'"),
        ({"host": 5}, "'host'"),
        ({"default_sender": "nobody"}, "'default_sender'.* must be a mail address, not 'nobody'"),
        ({"from": ""}, "'default_sender'"),
        ({"default_sender": "a@x.io, b@x.io"}, "'default_sender'"),
        ({"envelope_sender": "nobody"}, "'envelope_sender'.* must be a mail address, or ''"),
        ({"file_path": "a\0b"}, "'file_path'"),
        ({"log_format": "xml"}, "'log_format'"),
        ({"backend": object()}, "'backend'"),
        ({"access_token": 5}, "'access_token'"),
        ({"servers": {}}, "'servers'"),
        ({"servers": ["mail"]}, r"\['servers'\]\[0\] must be a mapping"),
        ({"servers": [{}]}, r"\['servers'\]\[0\] has no host"),
        ({"servers": [{"host": "a", "use_tsl": True}]}, "did you mean 'use_tls'"),
        ({"servers": [{"host": "a", "backend": "smtp"}]}, "has no key 'backend'"),
        ({"use_tls": True, "use_ssl": True}, "exclude each other"),
        ({"password": "x", "access_token": "y"}, "exclude each other"),
    ],
)
def test_a_value_that_cannot_work_is_an_error(section: dict[str, Any], problem: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=problem):
        EmailSettings.from_config(section)


def test_every_problem_is_named_and_no_secret() -> None:
    errors = config_errors({"password": 12345, "port": 0, "hots": "x"})
    assert len(errors) == 3 and "12345" not in " ".join(errors)


def test_settings_are_read_once(configure: Configure) -> None:
    configure(EMAIL={"host": "one"})
    first = email_settings()
    assert email_settings() is first
    configure(EMAIL={"host": "two"})
    assert (email_settings().host, first.host) == ("two", "one")


def test_they_cannot_be_changed() -> None:
    settings = EmailSettings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.host = "x"  # type: ignore[misc]  # what the test is about


def test_relative_paths_lie_in_the_project(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    (project / "shop").mkdir(parents=True)
    elsewhere.mkdir()
    for name in ("__init__.py", "settings.py"):
        (project / "shop" / name).write_text("")
    monkeypatch.syspath_prepend(project)
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "shop.settings")
    monkeypatch.chdir(elsewhere)
    configure(
        EMAIL={"spool_dir": "spool", "log_dir": "/var/log/shop", "ca_file": "ca.pem", "servers": [{"host": "b", "ca_file": "b.pem"}]}
    )  # fmt: skip
    settings = email_settings()
    assert (settings.spool_dir, settings.file_path) == (
        str(project / "spool"),
        str(project / "mail"),
    )
    assert (settings.log_dir, settings.ca_file) == ("/var/log/shop", str(project / "ca.pem"))
    assert settings.servers[0]["ca_file"] == str(project / "b.pem")
    assert os.listdir(elsewhere) == []


def test_secrets_are_not_shown() -> None:
    shown = repr(
        EmailSettings(password="s3cret", access_token="t0ken", servers=({"password": "p4ss"},))
    )
    assert "s3cret" not in shown and "t0ken" not in shown and "p4ss" not in shown


def test_ports_follow_from_the_encryption() -> None:
    assert (usual_port(True, False), usual_port(False, True), usual_port(False, False)) == (
        587,
        465,
        25,
    )
    assert (
        EmailSettings(use_ssl=True).port == 465 and EmailSettings(port=26, use_ssl=True).port == 26
    )


def test_keys_of_servers_are_keys_of_the_section() -> None:
    assert {field.name for field in dataclasses.fields(EmailSettings)} >= SERVER_KEYS
