"""`check` on the settings of mail and static files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.core.management.checks.mail import check_mail
from openviper.core.management.checks.static import check_static
from openviper.testing import override_openviper_settings


@pytest.mark.parametrize(
    ("email", "problem"),
    [
        ({"use_tsl": True}, "did you mean 'use_tls'?"),
        ({"port": "25"}, "'port'"),
        ({"host": "mail host"}, "'mail host'"),
        ({"password": "x"}, "without a username"),
        ({"servers": [{"host": "a", "cert_file": "x.pem"}]}, "without use_tls or use_ssl"),
    ],
)
def test_what_cannot_work_is_found_before_the_first_mail(
    email: dict[str, Any], problem: str
) -> None:
    with override_openviper_settings(EMAIL=email):
        (finding,) = check_mail()
    assert finding.code == "mail.E001" and problem in finding.message


def test_the_defaults_are_sound() -> None:
    assert check_mail() == []


@pytest.mark.parametrize(
    ("root", "dirs", "count"),
    [
        ("static", ("static",), 1),
        ("static/collected", ("static",), 1),
        ("./assets/../static/x", ("static", "static/x"), 2),
        ("staticfiles", ("static",), 0),
        ("static2", ("static",), 0),
        ("", ("static",), 0),
    ],
)
def test_a_static_root_in_a_source_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, dirs: tuple[str, ...], count: int
) -> None:
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.chdir(tmp_path)
    for name in dirs:
        (tmp_path / name).mkdir(parents=True)
    with override_openviper_settings(STATIC_ROOT=root, STATICFILES_DIRS=dirs, INSTALLED_APPS=()):
        findings = check_static()
    assert [finding.code for finding in findings] == ["static.E001"] * count


def test_a_link_does_not_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "out").symlink_to("static")
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.chdir(tmp_path)
    with override_openviper_settings(
        STATIC_ROOT="out", STATICFILES_DIRS=("static",), INSTALLED_APPS=()
    ):
        assert len(check_static()) == 1


def test_a_source_that_does_not_exist_is_no_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.chdir(tmp_path)
    with override_openviper_settings(
        STATIC_ROOT="static", STATICFILES_DIRS=("static",), INSTALLED_APPS=()
    ):
        assert check_static() == []
