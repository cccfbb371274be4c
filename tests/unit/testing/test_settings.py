"""Settings for the time of a test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from openviper import OpenViper, Request
from openviper.conf import settings
from openviper.db.connection import connections
from openviper.testing import OpenViperTestingConfigError, override_openviper_settings
from openviper.testing import override_settings as overridden
from openviper.testing.settings import project_settings
from tests.projects import settings as settings_text
from tests.projects import write


def test_settings_come_back_after_the_block_and_after_an_error() -> None:
    before = settings.PROJECT_NAME, settings.instance
    with override_openviper_settings(PROJECT_NAME="inside") as inside:
        assert settings.PROJECT_NAME == inside.PROJECT_NAME == "inside"
        with (
            pytest.raises(ZeroDivisionError),
            override_openviper_settings(PROJECT_NAME="further inside"),
        ):
            raise ZeroDivisionError
        assert settings.instance is inside
    assert (settings.PROJECT_NAME, settings.instance) == before


def test_a_setting_that_does_not_exist_is_an_error() -> None:
    with (
        pytest.raises(OpenViperTestingConfigError, match="'PROJECT_NAM'"),
        override_openviper_settings(PROJECT_NAM=""),
    ):
        raise AssertionError


@overridden(PROJECT_NAME="decorated")
def test_a_function_may_be_decorated() -> None:
    assert settings.PROJECT_NAME == "decorated"


@overridden(PROJECT_NAME="decorated")
async def test_an_async_function_may_be_decorated() -> None:
    assert settings.PROJECT_NAME == "decorated"


@overridden(PROJECT_NAME="decorated")
class TestDecoratedClass:
    """Every test of it has the values, its helpers have not."""

    def test_plain(self) -> None:
        assert settings.PROJECT_NAME == "decorated"

    async def test_async(self) -> None:
        assert settings.PROJECT_NAME == "decorated"


def test_the_fixture_holds_until_the_end_of_the_test(
    override_settings: Callable[..., None],
) -> None:
    override_settings(PROJECT_NAME="one")
    override_settings(TIME_ZONE="Europe/Vienna")
    assert (settings.PROJECT_NAME, settings.TIME_ZONE) == ("one", "Europe/Vienna")


async def test_a_running_application_notices(override_settings: Callable[..., None]) -> None:
    app = OpenViper(debug=False)

    @app.get("/")
    async def home(request: Request) -> str:
        return "home"

    client = app.test_client(base_url="http://shop.example")
    assert (await client.get("/")).status_code == 400
    override_settings(ALLOWED_HOSTS=("shop.example",), X_FRAME_OPTIONS="SAMEORIGIN")
    response = await client.get("/")
    assert (response.status_code, response.headers["x-frame-options"]) == (200, "SAMEORIGIN")


def test_databases_are_read_anew() -> None:
    with override_openviper_settings(
        DATABASES={"other": {"OPTIONS": {"URL": "sqlite:///:memory:"}}}
    ):
        assert connections.aliases == ["other"]
        with override_openviper_settings(
            DATABASES={"inner": {"OPTIONS": {"URL": "sqlite:///:memory:"}}}
        ):
            assert connections.aliases == ["inner"]
        assert connections.aliases == ["other"]


def test_a_project_s_settings_leave_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"ov_tested/__init__.py": "", "ov_tested/settings.py": settings_text()})
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    before = settings.instance
    with project_settings("ov_tested.settings"):
        assert settings.INSTALLED_APPS == ("ov_tested",)
        assert os.environ["OPENVIPER_SETTINGS_MODULE"] == "ov_tested.settings"
    assert settings.instance is before
    assert "OPENVIPER_SETTINGS_MODULE" not in os.environ
