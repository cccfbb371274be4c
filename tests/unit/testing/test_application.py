"""Finding, starting and stopping the application under test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from openviper import OpenViper
from openviper.http.asgi import Receive, Scope, Send
from openviper.testing import OpenViperTestConfig, OpenViperTestingConfigError
from openviper.testing.application import ApplicationStartError, lifespan, load_app

MODULE = """
from openviper import OpenViper
app = OpenViper()
number = 5
def make(): return OpenViper()
async def make_later(): return OpenViper()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module with an application."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    (tmp_path / "ov_under_test").mkdir()
    (tmp_path / "ov_under_test" / "__init__.py").write_text("")
    (tmp_path / "ov_under_test" / "asgi.py").write_text(MODULE)
    for name in [name for name in sys.modules if name.startswith("ov_under_test")]:
        del sys.modules[name]
    return "ov_under_test.asgi"


@pytest.mark.parametrize("path", [":app", ".app", ":make", ":make_later"])
async def test_an_application_or_a_factory_may_be_named(module: str, path: str) -> None:
    assert isinstance(await load_app(OpenViperTestConfig(app=module + path)), OpenViper)


async def test_the_application_beside_the_settings_is_the_default(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OpenViperTestingConfigError, match="no application to test"):
        await load_app(OpenViperTestConfig())
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "ov_under_test.settings")
    assert isinstance(await load_app(OpenViperTestConfig()), OpenViper)


@pytest.mark.parametrize(
    ("path", "message"),
    [(":nothing", "cannot import"), (":number", "no OpenViper application but 'int'")],
)
async def test_anything_else_is_an_error(module: str, path: str, message: str) -> None:
    with pytest.raises(OpenViperTestingConfigError, match=message):
        await load_app(OpenViperTestConfig(app=module + path))


async def test_hooks_run_around_the_block(module: str) -> None:
    app, order = OpenViper(debug=False), []
    app.on_startup(lambda: order.append("start"))
    app.on_shutdown(lambda: order.append("stop"))
    with pytest.raises(ZeroDivisionError):
        async with lifespan(app):
            order.append("test")
            raise ZeroDivisionError
    assert order == ["start", "test", "stop"]


async def test_a_failing_start_or_stop_is_an_error(module: str) -> None:
    def fail() -> None:
        raise RuntimeError("no disk")

    starting, stopping = OpenViper(debug=False), OpenViper(debug=False)
    starting.on_startup(fail)
    stopping.on_shutdown(fail)
    with pytest.raises(ApplicationStartError, match="startup failed: RuntimeError: no disk"):
        async with lifespan(starting):
            raise AssertionError
    with pytest.raises(ApplicationStartError, match="shutdown failed: RuntimeError: no disk"):
        async with lifespan(stopping):
            pass


async def test_an_application_that_knows_no_lifespan_is_an_error() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        return

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    with pytest.raises(ApplicationStartError, match="ended during startup"):
        async with lifespan(silent):
            raise AssertionError
    with pytest.raises(ZeroDivisionError):
        async with lifespan(broken):
            raise AssertionError
