"""The application as servers see it: mounted below a path, started and stopped, with errors that escape."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path

import pytest

from openviper import OpenViper, Request, Router
from openviper.db.sql import permissions
from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.middleware.base import BaseMiddleware
from openviper.testing import override_openviper_settings
from tests.unit.lifespan import live


@pytest.fixture(autouse=True)
def no_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep routes of a project out."""
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.delenv("OPENVIPER_ENV", raising=False)


async def call(app: OpenViper, path: str, root_path: str) -> int:
    """Return the status of the answer to a request of an application mounted below a path."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    await app(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("path", "root_path", "status"),
    [
        ("/app/x", "/app", 200),
        ("/x", "/app", 200),
        ("/x", "", 200),
        ("/appx", "/app", 404),
        ("/app/app/x", "/app", 404),
    ],
)
async def test_routes_are_found_below_the_root_path(path: str, root_path: str, status: int) -> None:
    app = OpenViper(debug=False)

    @app.get("/x")
    async def view(request: Request) -> str:
        return "found"

    assert await call(app, path, root_path) == status


async def test_the_landing_page_of_a_mounted_application_is_at_its_root() -> None:
    assert await call(OpenViper(debug=True), "/app", "/app") == 200


async def test_the_lifespan_passes_through_the_middleware() -> None:
    seen: list[str] = []

    class Watching(BaseMiddleware):
        """Notes the kinds of scopes."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Note the kind and pass the call on."""
            seen.append(scope["type"])
            await self.app(scope, receive, send)

    assert len(await live(OpenViper(middleware=[Watching]))) == 2
    assert seen == ["lifespan"]


async def test_paths_that_contradict_each_other_fail_the_start() -> None:
    app, inner = OpenViper(), Router()

    @inner.get("/{id}")
    async def shown(id: str) -> str:
        return id

    app.include_router(inner, "/{id}")
    (message,) = await live(app)
    assert message["type"] == "lifespan.startup.failed"
    assert "'id' occurs twice" in message["message"]


async def test_routes_that_cannot_be_imported_fail_every_start_not_only_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ov_broken_project").mkdir()
    (tmp_path / "ov_broken_project" / "__init__.py").write_text("")
    (tmp_path / "ov_broken_project" / "routes.py").write_text("import ov_nowhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "ov_broken_project.settings")
    app = OpenViper(debug=False)
    for _ in range(2):
        (message,) = await live(app)
        assert "cannot import 'ov_broken_project.routes'" in message["message"]
        assert "ov_nowhere" in message["message"]
    sys.modules.pop("ov_broken_project", None)


async def test_model_permissions_are_connected_when_a_server_only_imports_the_application() -> None:
    permissions.set_access_rule(None)
    try:
        with override_openviper_settings(INSTALLED_APPS=("openviper.auth",)):
            await live(OpenViper(debug=False))
            assert permissions.is_enforced()
    finally:
        permissions.set_access_rule(None)


async def failing(request: Request) -> None:
    """Fail."""
    raise ZeroDivisionError("no luck")


class Failing(BaseMiddleware):
    """Fails on each request."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Fail."""
        if scope["type"] == "http":
            raise ZeroDivisionError("no luck")


@pytest.mark.parametrize("middleware", [[], [Failing]])
async def test_a_test_client_may_ask_for_errors_instead_of_answers(
    middleware: list[type[Failing]],
) -> None:
    app = OpenViper(debug=False, middleware=middleware)
    app.router.add("/", failing)
    with pytest.raises(ZeroDivisionError, match="no luck"):
        await app.test_client(raise_app_exceptions=True).get("/")
    assert (await app.test_client().get("/")).status_code == 500
    assert (
        await OpenViper(debug=False).test_client(raise_app_exceptions=True).get("/")
    ).status_code == 404


async def test_a_shared_router_does_not_keep_applications_alive() -> None:
    shared, app = Router(), OpenViper()
    app.include_router(shared)
    gone = weakref.ref(app.router)
    del app
    gc.collect()
    assert gone() is None
    shared.add("/later", failing)
