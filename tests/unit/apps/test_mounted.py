"""Mounted applications start and stop with the one around them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.apps.mounted import MountedLifespan
from openviper.http.asgi import Message, Receive, Scope, Send
from openviper.routing import Router
from tests.unit.lifespan import live


class Foreign:
    """An application of another framework.

    Args:
        log: Where it notes what happens.
        fails: What it says it cannot do: ``startup`` or ``shutdown``.
    """

    def __init__(self, log: list[Any], fails: str = "") -> None:
        self.log = log
        self.fails = fails

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            self.log.append(scope.get("state"))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"foreign"})
            return
        while True:
            word = (await receive())["type"].removeprefix("lifespan.")
            self.log.append(word)
            scope["state"]["pool"] = "open"
            if word == self.fails:
                await send({"type": f"lifespan.{word}.failed", "message": "no disk"})
                return
            await send({"type": f"lifespan.{word}.complete"})
            if word == "shutdown":
                return


def outer_with(log: list[Any], *mounted: Any) -> OpenViper:
    """Return an application in which others are mounted."""
    app = OpenViper()
    app.on_startup(lambda: log.append("outer starts"))
    app.on_shutdown(lambda: log.append("outer stops"))
    for number, inner in enumerate(mounted):
        app.mount(f"/inner{number}", inner, name=f"inner{number}")
    return app


async def test_a_mounted_application_starts_last_and_stops_first() -> None:
    log: list[Any] = []
    messages = await live(outer_with(log, Foreign(log)))
    assert log == ["outer starts", "startup", "shutdown", "outer stops"]
    assert [message["type"] for message in messages] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_mounted_applications_start_in_order_and_stop_in_reverse() -> None:
    log: list[Any] = []
    named: list[Any] = []

    def noting(name: str) -> Any:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await Foreign(log)(scope, receive, send)
            named.append(f"{name} stopped")

        return app

    await live(outer_with(log, noting("first"), noting("second")))
    assert named == ["second stopped", "first stopped"]


async def test_one_that_is_mounted_twice_or_in_a_router_starts_once() -> None:
    log: list[Any] = []
    foreign = Foreign(log)
    app = outer_with(log, foreign, foreign)
    router = Router(prefix="/below")
    router.mount("/again", foreign, name="again")
    app.include_router(router)
    await live(app)
    assert log.count("startup") == log.count("shutdown") == 1


async def test_what_the_lifespan_leaves_is_in_the_state_of_requests() -> None:
    log: list[Any] = []
    foreign = Foreign(log)
    app = outer_with(log, foreign, foreign)
    await live(app)
    for path in ("/inner0", "/inner1/x"):
        log.clear()
        assert (await app.test_client().get(path)).text == "foreign"
        assert log[0]["pool"] == "open"


async def test_the_start_fails_with_one_that_cannot_start() -> None:
    log: list[Any] = []
    messages = await live(outer_with(log, Foreign(log), Foreign(log, "startup"), Foreign(log)))
    assert [message["type"] for message in messages] == ["lifespan.startup.failed"]
    assert "a mounted application cannot start: no disk" in messages[0]["message"]
    # The first one is stopped again, and the last one was never asked.
    assert log == ["outer starts", "startup", "startup", "shutdown"]


async def test_one_that_cannot_stop_does_not_keep_the_others_from_it() -> None:
    log: list[Any] = []
    messages = await live(outer_with(log, Foreign(log), Foreign(log, "shutdown")))
    assert messages[1]["type"] == "lifespan.shutdown.failed"
    assert "no disk" in messages[1]["message"]
    assert log[-3:] == ["shutdown", "shutdown", "outer stops"]


async def without_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse what is no request."""
    raise ValueError(scope["type"])


async def returning_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """Do nothing at all."""


@pytest.mark.parametrize("app", [without_lifespan, returning_at_once])
async def test_one_that_does_not_know_the_protocol_is_left_alone(app: Any) -> None:
    log: list[Any] = []
    messages = await live(outer_with(log, app, Foreign(log)))
    assert messages[1]["type"] == "lifespan.shutdown.complete"
    assert log == ["outer starts", "startup", "shutdown", "outer stops"]


async def test_one_of_ours_starts_without_starting_the_apps_again() -> None:
    log: list[Any] = []
    inner = OpenViper()
    inner.on_startup(lambda: log.append("inner starts"))
    inner.on_shutdown(lambda: log.append("inner stops"))

    @inner.get("/hello")
    async def hello(_request: Request) -> str:
        return "hello"

    outer = outer_with(log, inner)
    await live(outer)
    assert log == ["outer starts", "inner starts", "inner stops", "outer stops"]
    assert (await outer.test_client().get("/inner0/hello")).text == "hello"


async def test_stopping_one_that_was_never_started_is_nothing() -> None:
    lifespan = MountedLifespan(without_lifespan, {})
    await lifespan.stop()


async def test_one_that_dies_meanwhile_is_not_waited_for() -> None:
    async def dying(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise RuntimeError

    lifespan = MountedLifespan(dying, {})
    await lifespan.start()
    await asyncio.wait_for(lifespan.stop(), 5)


# Early hints


async def ask(extensions: dict[str, Any], *links: str) -> tuple[list[Message], Any]:
    """Return what is sent for a page that gives early hints, and what the handler is told."""
    app = OpenViper()
    told: list[Any] = []

    @app.get("/")
    async def page(request: Request) -> str:
        told.append(await request.send_early_hints(*links))
        return "page"

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    await app({**scope, "extensions": extensions}, receive, send)
    return sent, told[0] if told else None


async def test_early_hints_go_before_the_answer_where_the_server_can() -> None:
    link = "</static/site.css>; rel=preload; as=style"
    sent, told = await ask({"http.response.early_hint": {}}, link, "</a.js>; rel=preload")
    assert told is True
    assert [message["type"] for message in sent] == [
        "http.response.early_hint",
        "http.response.start",
        "http.response.body",
    ]
    assert sent[0]["links"] == [link.encode(), b"</a.js>; rel=preload"]


async def test_early_hints_are_nothing_where_the_server_cannot() -> None:
    sent, told = await ask({}, "</a.js>; rel=preload")
    assert told is False and sent[0]["status"] == 200


async def test_a_hint_that_would_forge_headers_is_an_error() -> None:
    sent, told = await ask({"http.response.early_hint": {}}, "</a>\r\nset-cookie: a=b")
    assert told is None and sent[0]["status"] == 500


async def test_outside_an_answer_nothing_is_hinted() -> None:
    extensions: dict[str, Any] = {"http.response.early_hint": {}}
    request = Request({"type": "http", "path": "/", "headers": [], "extensions": extensions})
    assert await request.send_early_hints("</a>") is False
