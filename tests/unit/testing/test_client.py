"""The test client."""

from __future__ import annotations

import asyncio

import pytest

from openviper import OpenViper, RedirectResponse, Request, Response


def sample() -> OpenViper:
    """Return an application that shows what it is sent."""
    app = OpenViper(debug=False)

    @app.route("/echo", methods=["GET", "POST", "PUT", "PATCH"])
    async def echo(request: Request) -> dict[str, object]:
        return {
            "method": request.method,
            "query": request.query_params.multi_items(),
            "type": request.headers.get("content-type"),
            "body": (await request.body()).decode(),
            "cookies": request.cookies,
            "host": request.headers["host"],
        }

    @app.get("/login")
    async def login() -> Response:
        response = RedirectResponse("/echo", 303)
        response.set_cookie("session", "abc")
        response.set_cookie("gone", "x")
        response.delete_cookie("gone")
        return response

    @app.get("/loop")
    async def loop() -> Response:
        return RedirectResponse("/loop")

    @app.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    return app


async def test_every_kind_of_body_is_sent_with_its_type() -> None:
    async with sample().test_client() as client:
        as_json = (await client.post("/echo", json={"a": 1}, params={"q": ["1", "2"]})).json()
        assert (as_json["body"], as_json["type"]) == ('{"a": 1}', "application/json")
        assert as_json["query"] == [["q", "1"], ["q", "2"]]
        as_form = (await client.put("/echo", data={"a": "ä"})).json()
        assert (as_form["body"], as_form["type"]) == ("a=%C3%A4", "application/x-www-form-urlencoded")
        assert (await client.patch("/echo", content="raw")).json()["body"] == "raw"


async def test_cookies_persist_and_redirects_are_followed_when_asked() -> None:
    client = sample().test_client(cookies={"mine": "1"})
    first = await client.get("/login")
    assert (first.status_code, first.is_redirect, first.cookies["session"]) == (303, True, "abc")
    second = await client.get("/login", follow_redirects=True)
    assert second.json()["cookies"] == {"mine": "1", "session": "abc"}
    assert [one.status_code for one in second.history] == [303]
    with pytest.raises(AssertionError, match="redirects"):
        await client.get("/loop", follow_redirects=True)


async def test_an_absolute_address_keeps_its_host() -> None:
    assert (await sample().test_client().get("http://localhost/echo")).json()["host"] == "localhost"


async def test_an_answer_that_does_not_come_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        await sample().test_client().get("/slow", timeout=0.01)


async def test_a_bad_status_can_be_raised() -> None:
    response = await sample().test_client().get("/nothing")
    assert not response.is_success
    with pytest.raises(AssertionError, match="404"):
        response.raise_for_status()
