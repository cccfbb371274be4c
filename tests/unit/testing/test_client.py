"""The client that calls an application in the same process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from openviper import OpenViper, RedirectResponse, Request, Response
from openviper.http.asgi import Receive, Scope, Send
from openviper.testing import OpenViperTestClient


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> OpenViper:
    """Return an application that says what it was sent."""
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    app = OpenViper(debug=False)

    @app.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def echo(request: Request) -> dict[str, Any]:
        return {
            "method": request.method,
            "url": str(request.url),
            "headers": dict(request.headers),
            "cookies": request.cookies,
            "body": (await request.body()).decode(),
        }

    @app.route("/move/{status:int}", methods=["GET", "POST"])
    async def move(request: Request, status: int) -> Response:
        return RedirectResponse("/echo", status)

    @app.get("/loop")
    async def loop(request: Request) -> Response:
        return RedirectResponse("/loop")

    @app.get("/login")
    async def login(request: Request) -> Response:
        response = Response("in")
        response.set_cookie("session", "abc")
        return response

    @app.get("/logout")
    async def logout(request: Request) -> Response:
        response = Response("out")
        response.delete_cookie("session")
        return response

    @app.get("/slow")
    async def slow(request: Request) -> None:
        await asyncio.sleep(60)

    return app


async def test_every_kind_of_body_arrives_with_its_content_type(application: OpenViper) -> None:
    async with application.test_client() as client:
        sent = (await client.post("/echo", json={"a": [1]})).json()
        assert (sent["body"], sent["headers"]["content-type"]) == ('{"a": [1]}', "application/json")
        sent = (await client.put("/echo", data={"a": "ü", "b": ["1", "2"]})).json()
        assert sent["body"] == "a=%C3%BC&b=1&b=2"
        assert sent["headers"]["content-type"] == "application/x-www-form-urlencoded"
        sent = (
            await client.patch("/echo", content="raw", headers={"Content-Type": "text/csv"})
        ).json()
        assert (sent["body"], sent["headers"]["content-type"]) == ("raw", "text/csv")
        assert (await client.delete("/echo")).json()["method"] == "DELETE"
        assert (await client.head("/echo")).content == b""
        assert (await client.options("/echo")).status_code == 204


async def test_addresses_are_joined_and_given_parameters(application: OpenViper) -> None:
    client = OpenViperTestClient(application, base_url="https://testserver")
    assert (await client.get("/echo", params={"q": "a b"})).json()[
        "url"
    ] == "https://testserver/echo?q=a+b"
    elsewhere = await client.get("http://localhost/echo?x=1", params={"y": 2})
    assert elsewhere.json()["url"] == "http://localhost/echo?x=1&y=2"
    assert (
        await client.get("http://elsewhere.example/echo")
    ).status_code == 400  # Not among ALLOWED_HOSTS.


async def test_redirects_are_followed_only_when_asked(application: OpenViper) -> None:
    client = application.test_client()
    assert (await client.get("/move/307")).headers["location"] == "/echo"
    response = await client.post("/move/307", json=1, follow_redirects=True)
    assert (response.json()["method"], response.json()["body"]) == ("POST", "1")
    assert [one.status_code for one in response.history] == [307]
    assert (await client.post("/move/303", json=1, follow_redirects=True)).json()["method"] == "GET"
    with pytest.raises(AssertionError, match="more than 20 redirects"):
        await client.get("/loop", follow_redirects=True)


async def test_cookies_are_kept_until_they_are_deleted(application: OpenViper) -> None:
    client = application.test_client(cookies={"theme": "dark"})
    assert (await client.get("/login")).cookies == {"session": "abc"}
    assert (await client.get("/echo")).json()["cookies"] == {"theme": "dark", "session": "abc"}
    assert (await client.get("/echo", cookies={"one": "time"})).json()["cookies"]["one"] == "time"
    await client.get("/logout")
    client.cookies.set("theme", "light")
    assert (await client.get("/echo")).json()["cookies"] == {"theme": "light"}


async def test_headers_of_the_client_and_of_the_call_are_sent(application: OpenViper) -> None:
    client = application.test_client(headers={"x-a": "client", "x-b": "client"})
    sent = (await client.get("/echo", headers={"x-b": "call"})).json()["headers"]
    assert (sent["x-a"], sent["x-b"]) == ("client", "call")


async def test_an_answer_that_does_not_come_is_an_error_in_time(application: OpenViper) -> None:
    with pytest.raises(TimeoutError):
        await application.test_client().get("/slow", timeout=0.05)


async def test_a_bad_status_can_be_raised_with_its_body(application: OpenViper) -> None:
    client = application.test_client()
    assert (await client.get("/echo")).raise_for_status().is_success
    with pytest.raises(AssertionError, match="404.*Not found"):
        (await client.get("/nowhere")).raise_for_status()


@pytest.mark.parametrize("length", ["4", "100", "x", ""])
async def test_an_answer_that_is_not_as_long_as_it_says_fails_as_in_a_server(length: str) -> None:
    app = OpenViper(debug=False)
    app.get("/x")(lambda: Response("12345", headers={"content-length": length}))
    with pytest.raises(AssertionError, match="and has 5"):
        await app.test_client().get("/x")
    assert (await app.test_client().head("/x")).headers["content-length"] == length


@pytest.mark.parametrize("root", ["/a%41", "/100%", "/ü x"])
async def test_the_prefix_is_a_path_that_is_decoded_already(root: str) -> None:
    app = OpenViper(debug=False)
    app.get("/x/{y}")(lambda request, y: [request.path, request.root_path, y])
    client = app.test_client(root_path=root)
    assert (await client.get("/x/%C3%BC")).json() == [f"{root}/x/ü", root, "ü"]


async def test_headers_of_a_call_stand_in_place_of_those_of_the_client() -> None:
    app = OpenViper()

    @app.get("/x")
    async def view(request: Request) -> list[str]:
        return [*request.headers.getlist("accept"), *request.headers.getlist("x-b")]

    client = app.test_client(headers={"Accept": "text/html", "X-B": "1"})
    assert (await client.get("/x")).json() == ["text/html", "1"]
    assert (await client.get("/x", headers={"aCCEPT": "text/css"})).json() == ["text/css", "1"]


async def test_head_has_no_body_whatever_the_application_sends() -> None:
    async def careless(scope: Scope, receive: Receive, send: Send) -> None:
        length = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": b"body"})

    client = OpenViperTestClient(careless)
    assert (await client.head("/")).content == b""
    assert (await client.get("/")).content == b"body"
