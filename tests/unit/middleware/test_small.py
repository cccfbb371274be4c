"""Request ids, times and languages."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from openviper import OpenViper, Request, WebSocket
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.i18n import get_language
from openviper.middleware import RequestIDMiddleware, TimingMiddleware
from openviper.middleware.locale import LocaleMiddleware, best_language
from openviper.testing import override_openviper_settings as override


def app_with(*middleware: Any) -> OpenViper:
    """Return an application behind some middleware."""
    app = OpenViper(middleware=list(middleware))

    @app.get("/x")
    async def view(request: Request) -> dict[str, Any]:
        return {"id": request.state.get("request_id"), "language": request.language}

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(websocket.state["request_id"]))

    return app


async def test_each_request_gets_an_id_of_its_own() -> None:
    client = app_with(RequestIDMiddleware).test_client()
    first, second = await client.get("/x"), await client.get("/x")
    assert first.json()["id"] == first.headers["x-request-id"] != second.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", first.headers["x-request-id"])
    async with client.websocket("/ws") as session:
        assert (b"x-request-id", (await session.receive_text()).encode()) in session.headers


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-123_DEF.456", True),
        ("short", False),
        ("x" * 129, False),
        ("bad id with blanks", False),
        ("bad\tid\tid", False),
        ("<script>alert(1)</script>", False),
    ],
)
async def test_an_id_of_the_client_is_taken_over_if_it_is_harmless(given: str, kept: bool) -> None:
    response = (
        await app_with(RequestIDMiddleware).test_client().get("/x", headers={"x-request-id": given})
    )
    assert (response.headers["x-request-id"] == given) is kept
    assert len(response.headers.getlist("x-request-id")) == 1


async def test_times_are_told_where_it_is_asked_for_and_slow_answers_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    quiet = await app_with(TimingMiddleware).test_client().get("/x")
    assert "server-timing" not in quiet.headers and caplog.records == []
    loud = app_with((TimingMiddleware, {"header": True, "slow": 0.0}))
    with caplog.at_level(logging.WARNING, "openviper.timing"):
        response = await loud.test_client().get("/x")
    assert re.fullmatch(r"app;dur=\d+\.\d", response.headers["server-timing"])
    assert "GET /x took" in caplog.text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("DE-AT, en;q=0.5", "de"),
        ("fr, de;q=0.2, en;q=0.8", "en"),
        ("pt", "pt-br"),
        ("pt-br", "pt-br"),
        ("fr", None),
        ("de;q=0", None),
        ("*", "en"),
        ("", None),
        ("q=1;;,,", None),
    ],
)
def test_the_language_of_a_browser(header: str, language: str | None) -> None:
    assert best_language(header, ("en", "de", "pt-br")) == language


@pytest.mark.parametrize(
    ("header", "languages", "language"),
    [
        ("de-at", ("de-ch", "de"), "de"),
        ("de-at", ("de-ch", "de-de"), "de-ch"),
        ("de", ("de-ch",), "de-ch"),
        ("zh-hant-tw", ("zh-hans", "zh-hant-tw"), "zh-hant-tw"),
        ("zh-hant-tw", ("zh-hans", "zh-hant"), "zh-hant"),
        ("zh-Hans", ("zh-Hant", "zh-Hans"), "zh-Hans"),
        ("pt-br", ("pt-PT", "pt-BR"), "pt-BR"),
        ("pt-br;q=0, pt", ("pt-BR", "en"), None),
        ("de-" + "x-" * 5000 + "x", ("en", "de"), "de"),
        ("de;q=0, *", ("de", "en"), "en"),
        ("de;q=0, en;q=0, *", ("de", "en"), None),
        ("*;q=0", ("de",), None),
        ("fr, *;q=0.1", ("de",), "de"),
        ("en;q=0.5, de;q=0.5", ("de", "en"), "en"),
        ("d", ("de",), None),
        ("*", (), None),
        ("de", (), None),
    ],
)
def test_the_nearest_language_is_chosen_and_none_that_is_not_wanted(
    header: str, languages: tuple[str, ...], language: str | None
) -> None:
    assert best_language(header, languages) == language


class Finding:
    """Middleware that finds a user with a language."""

    language: Any = None

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["user"] = type("User", (), {"language": self.language})()
        await self.app(scope, receive, send)


@pytest.mark.parametrize(
    ("user", "cookie", "header", "language"),
    [
        ("de", "en", "en", "de"),
        ("xx", "de", "en", "de"),
        (None, "xx", "de", "de"),
        (None, None, "fr", "en"),
        (5, None, None, "en"),
    ],
)
async def test_the_user_decides_then_the_cookie_then_the_browser(
    user: Any, cookie: str | None, header: str | None, language: str
) -> None:
    finding = type("FindingUser", (Finding,), {"language": user})
    with override(LANGUAGES=("en", "de")):
        client = app_with(finding, "openviper.middleware.LocaleMiddleware").test_client(
            cookies={"language": cookie} if cookie else None
        )
        response = await client.get("/x", headers={"accept-language": header} if header else None)
    assert response.json()["language"] == language
    assert response.headers["content-language"] == language
    assert response.headers["vary"] == "Accept-Language"
    assert get_language() == "en"


async def test_wishes_in_several_lines_count_together() -> None:
    with override(LANGUAGES=("en", "de")):
        middleware = LocaleMiddleware(lambda scope, receive, send: None)  # type: ignore[arg-type,return-value]  # not called
        lines = [(b"accept-language", b"fr, en;q=0.5"), (b"accept-language", b"de")]
        assert middleware.choose(Connection({"type": "http", "headers": lines})) == "de"


async def test_capitals_make_no_other_language() -> None:
    with override(LANGUAGES=("en", "zh-Hant", "zh-Hans")):
        client = app_with("openviper.middleware.LocaleMiddleware").test_client(
            cookies={"language": "zh-hans"}
        )
        response = await client.get("/x")
    assert response.headers["content-language"] == "zh-Hans"
