"""Settings for the time of a test."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.conf import settings
from openviper.db.connection import connections
from openviper.db.exceptions import DatabaseConfigurationError
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


# Values and what is decorated


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"DEBUG": "yes"}, "DEBUG must be True or False, not 'yes'"),
        ({"ALLOWED_HOSTS": "localhost"}, "ALLOWED_HOSTS must be a tuple of strings"),
        ({"ALLOWED_HOSTS": (1,)}, "ALLOWED_HOSTS must be a tuple of strings"),
        ({"EMAIL": None}, "EMAIL must be a mapping"),
        ({"MIDDLEWARE": "x.y"}, "MIDDLEWARE must be a tuple of strings"),
        ({"JWT_LEEWAY_SECONDS": "30"}, "JWT_LEEWAY_SECONDS must be a whole number"),
        ({"DEBUG": "yes", "EMAIL": 1}, "DEBUG must be True or False.*EMAIL must be a mapping"),
        ({"SECRET_KEY": 12345}, "SECRET_KEY must be a string, not int"),
        ({"X": 1, "Y": 2}, "there is no setting 'X', 'Y'"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_named(values: dict[str, object], said: str) -> None:
    before = settings.instance
    with pytest.raises(OpenViperTestingConfigError, match=said) as caught:
        with override_openviper_settings(**values):
            raise AssertionError("not reached")
    assert "12345" not in str(caught.value), "a secret is not shown"
    assert settings.instance is before


@overridden(PROJECT_NAME="class")
class TestDecorated:
    test_data = "not a test"

    def test_a_method(self) -> None:
        assert settings.PROJECT_NAME == "class"

    async def test_an_async_method(self) -> None:
        assert settings.PROJECT_NAME == "class"

    @staticmethod
    def test_a_static_method() -> None:
        assert settings.PROJECT_NAME == "class"

    @classmethod
    def test_a_class_method(cls) -> None:
        assert (cls.__name__, settings.PROJECT_NAME) == ("TestDecorated", "class")

    @overridden(PROJECT_NAME="method")
    def test_the_nearer_one_holds(self) -> None:
        assert settings.PROJECT_NAME == "method"

    def helper(self) -> str:
        return settings.PROJECT_NAME

    def test_what_is_no_test_has_the_values_of_whoever_calls_it(self) -> None:
        assert self.helper() == "class"
        assert self.test_data == "not a test"


def test_methods_that_are_no_tests_are_left_alone() -> None:
    assert TestDecorated().helper() != "class"


def test_a_generator_has_the_values_between_its_steps() -> None:
    @overridden(PROJECT_NAME="inside")
    def steps() -> Iterator[str]:
        yield settings.PROJECT_NAME
        yield settings.PROJECT_NAME

    before = settings.PROJECT_NAME
    generator = steps()
    assert settings.PROJECT_NAME == before
    assert next(generator) == "inside"
    assert settings.PROJECT_NAME == "inside", "as a fixture has it for its test"
    assert list(generator) == ["inside"]
    assert settings.PROJECT_NAME == before


async def test_an_async_generator_too_and_it_is_closed() -> None:
    closed: list[str] = []

    @overridden(PROJECT_NAME="inside")
    async def steps() -> AsyncGenerator[str, None]:
        try:
            yield settings.PROJECT_NAME
        finally:
            closed.append(settings.PROJECT_NAME)

    before = settings.PROJECT_NAME
    generator = steps()
    assert await anext(generator) == "inside"
    await generator.aclose()
    assert (closed, settings.PROJECT_NAME) == (["inside"], before)


@pytest.mark.parametrize("target", [1, "test", None, object()])
def test_what_cannot_be_decorated_is_refused(target: Any) -> None:
    with pytest.raises(TypeError, match="decorates functions and classes"):
        overridden(PROJECT_NAME="x")(target)


def test_a_decorated_function_keeps_its_name_its_arguments_and_its_result() -> None:
    @overridden(PROJECT_NAME="inside")
    def joined(first: str, *, second: str = "b") -> str:
        """Join."""
        return f"{settings.PROJECT_NAME}{first}{second}"

    assert (joined.__name__, joined.__doc__) == ("joined", "Join.")
    assert joined("a", second="c") == "insideac"


# Databases


async def test_other_databases_hold_inside_and_those_of_before_afterwards() -> None:
    connections.configure({"default": {"OPTIONS": {"URL": "sqlite:///:memory:"}}})
    try:
        before = connections.get()
        inside = {
            "default": {"OPTIONS": {"URL": "sqlite:///:memory:"}},
            "other": {"OPTIONS": {"URL": "sqlite:///:memory:"}},
        }
        with override_openviper_settings(DATABASES=inside):
            assert connections.aliases == ["default", "other"]
            assert connections.get() is not before
            with override_openviper_settings(PROJECT_NAME="x"):
                assert connections.aliases == ["default", "other"], "only DATABASES changes them"
        assert connections.get() is before
        with pytest.raises(ZeroDivisionError), override_openviper_settings(DATABASES=inside):
            raise ZeroDivisionError
        assert connections.get() is before
    finally:
        connections.reset()


async def test_hidden_databases_can_be_replaced_for_a_block() -> None:
    connections.reset()
    before, connections.hidden_because = connections.hidden_because, "they are not for tests"
    try:
        with override_openviper_settings(
            DATABASES={"default": {"OPTIONS": {"URL": "sqlite:///:memory:"}}}
        ):
            assert connections.get().url.is_memory
        with pytest.raises(DatabaseConfigurationError, match="they are not for tests"):
            connections.get()
    finally:
        connections.hidden_because = before


def test_databases_that_cannot_be_are_an_error_and_leave_those_of_before() -> None:
    connections.configure({"default": {"OPTIONS": {"URL": "sqlite:///:memory:"}}})
    try:
        before = connections.get()
        with pytest.raises(DatabaseConfigurationError):
            with override_openviper_settings(DATABASES={"default": {"OPTIONS": {"URL": "nope"}}}):
                connections.get()
        assert connections.get() is before
    finally:
        connections.reset()
