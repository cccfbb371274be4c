"""WebSockets have the session and its user, and end with them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from openviper.auth.models import StoredSession, User
from openviper.http.websockets import POLICY, WebSocketDisconnected
from openviper.testing.websockets import WebSocketRefused
from tests.integration.auth.web import Browser, site


async def test_a_websocket_knows_who_has_logged_in(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        async with browser.websocket("/talk") as socket:
            await socket.send_text("hello")
            assert await socket.receive_text() == "nobody: hello"
        await browser.log_in()
        async with browser.websocket("/talk") as socket:
            await socket.send_text("hello")
            assert await socket.receive_text() == "ann: hello"


async def test_what_a_websocket_puts_into_the_session_is_kept(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        async with browser.websocket("/talk") as socket:
            await socket.send_text("set something")
            await socket.receive_text()
        assert (await browser.get("/get/said")).json() == {"value": "something"}


async def test_no_page_of_another_site_rides_on_the_session(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        for origin in ("https://evil.example", "null", "http://testserver.evil.example"):
            with pytest.raises(WebSocketRefused):
                async with browser.websocket("/talk", headers={"origin": origin}):
                    pass
        async with browser.websocket("/talk", headers={"origin": "http://testserver"}) as socket:
            await socket.send_text("hello")
            assert await socket.receive_text() == "ann: hello"


async def _log_out(browser: Browser) -> None:
    await browser.submit("/logout")


async def _change_password(browser: Browser) -> None:
    user = await User.objects.get(username="ann")
    await user.set_password("another one 2")
    await user.save()


async def _lock_out(browser: Browser) -> None:
    await User.objects.all().update(is_active=False)


async def _expire(browser: Browser) -> None:
    await StoredSession.objects.all().delete()


@pytest.mark.parametrize("what", [_log_out, _change_password, _lock_out, _expire])
@pytest.mark.parametrize("path", ["/talk", "/push"])
async def test_an_open_websocket_ends_with_its_session(
    tmp_path: Path, what: Any, path: str
) -> None:
    async with site(tmp_path, WEBSOCKET_RECHECK_SECONDS=0.01) as app:
        browser = Browser(app)
        await browser.log_in()
        async with browser.websocket(path) as socket:
            await socket.send_text("hello")
            assert await socket.receive_text() == "ann: hello"
            await what(browser)
            with pytest.raises(WebSocketDisconnected) as caught:
                while True:
                    await socket.receive_text()
            assert (caught.value.code, caught.value.reason) == (POLICY, "the session has ended")


async def test_it_goes_on_as_long_as_the_session_does(tmp_path: Path) -> None:
    async with site(tmp_path, WEBSOCKET_RECHECK_SECONDS=0.001) as app:
        browser = Browser(app)
        await browser.log_in()
        async with browser.websocket("/talk") as socket:
            for number in range(5):
                await asyncio.sleep(0.003)
                await socket.send_text(str(number))
                assert await socket.receive_text() == f"ann: {number}"


async def test_two_session_cookies_ride_on_none(tmp_path: Path) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        await browser.log_in()
        cookie = f"sessionid={browser.cookies['sessionid']}; sessionid={'x' * 64}"
        async with app.test_client().websocket("/talk", headers={"cookie": cookie}) as socket:
            await socket.send_text("hello")
            assert await socket.receive_text() == "nobody: hello"
