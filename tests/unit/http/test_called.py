"""How the application calls what it is made of, and what of that others see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper import OpenViper, Request, Response
from openviper.http.answer import answer_of
from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.middleware.base import as_function
from openviper.testing import override_openviper_settings as override
from openviper.utils.datastructures import RawHeaders


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """The default middleware, which adds headers."""
    with override(ALLOWED_HOSTS=("localhost",)):
        yield


class Shouted(Response):
    """Says something else when it is called."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send another text."""
        await Response("LOUD")(scope, receive, send)


async def ask(app: ASGIApp) -> list[Message]:
    scope: Scope = {
        "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "scheme": "http",
        "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 5), "server": ("localhost", 80),
        "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def giving(response: Response) -> OpenViper:
    app = OpenViper(debug=False)

    @app.get("/")
    async def give(_request: Request) -> Response:
        return response

    return app


async def test_a_response_with_a_call_of_its_own_is_called() -> None:
    assert (await ask(giving(Shouted("quiet"))))[1]["body"] == b"LOUD"


async def test_what_has_to_come_before_the_head_is_waited_for() -> None:
    seen: list[int] = []
    app = OpenViper(debug=False)

    async def stamp(status: int, headers: RawHeaders) -> RawHeaders:
        seen.append(status)
        return [*headers, (b"x-stamp", b"1")]

    @app.get("/")
    async def give(request: Request) -> Response:
        async def nothing(_message: Message) -> None: ...

        answer_of(request.scope, request._receive, nothing).before_start(stamp)
        return Response("text")

    assert (b"x-stamp", b"1") in (await ask(app))[0]["headers"]
    assert seen == [200]


async def test_a_middleware_that_watches_the_messages_sees_them() -> None:
    seen: list[str] = []

    def watching(inner: ASGIApp) -> ASGIApp:
        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            async def note(message: Message) -> None:
                seen.append(message["type"])
                await send(message)

            await inner(scope, receive, note)

        return watched

    app = OpenViper(debug=False, middleware=[watching])
    app.get("/")(_text)
    await ask(app)
    assert seen == ["http.response.start", "http.response.body"]


async def _text(_request: Request) -> str:
    return "text"


async def test_an_answer_that_breaks_off_is_not_answered_twice() -> None:
    app = OpenViper(debug=False)
    app.get("/")(_text)
    starts: list[Any] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            starts.append(message["status"])
            return
        raise OSError("gone")

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")]}
    with pytest.raises(OSError, match="gone"):
        await app(scope, _nothing, send)
    assert starts == [200]


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _discard(_message: Message) -> None: ...


class WithMethod:
    """An application that is an object."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note it."""
        scope["called"] = self


class WithSlot:
    """Is called by what is no function of Python's own."""

    __call__ = print


async def test_an_object_is_called_by_its_method_and_all_else_as_it_is() -> None:
    app = WithMethod()
    scope: Scope = {}
    await as_function(app)(scope, _nothing, _discard)
    assert scope["called"] is app
    slot: Any = WithSlot()
    anything: Any = _nothing
    assert as_function(slot) is slot
    assert as_function(anything) is anything
