"""An application in which people log in, and a browser for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openviper import HTMLResponse, OpenViper, Request, Router, WebSocket
from openviper.auth import (
    IsAuthenticated,
    authenticate,
    end_other_sessions,
    end_session,
    list_sessions,
    login,
    login_required,
    logout,
    next_address,
    password_changed,
    reauthenticate,
    require_recent_login,
)
from openviper.auth.models import User
from openviper.core.context import current_user
from openviper.http import RedirectResponse
from openviper.testing import OpenViperTestClient
from tests.integration.auth.database import accounts

PASSWORD = "long enough 1"


pages = Router()
closed = Router(permission=IsAuthenticated)


@pages.get("/plain")
async def plain(request: Request) -> str:
    return "plain"


@pages.get("/whoami")
async def whoami(request: Request) -> dict[str, Any]:
    asked = current_user.get()
    return {
        "user": request.user.username,
        "current": asked.username,
        "auth": request.auth["type"],
    }


@pages.get("/form")
async def form(request: Request) -> HTMLResponse:
    return HTMLResponse(f'<input name="csrfmiddlewaretoken" value="{request.csrf_token}">')


@pages.post("/login", name="log-in")
async def log_in(request: Request) -> Any:
    form = await request.form()
    user = await authenticate(form["username"], form["password"], request)
    if user is None:
        return HTMLResponse("The name or the password is wrong.", 401)
    await login(request, user, remember=form.get("remember") == "on")
    return RedirectResponse(next_address(request), 303)


@pages.post("/logout")
async def log_out(request: Request) -> str:
    await logout(request)
    return request.user.username or "nobody"


@pages.get("/set/{name}/{value}")
async def set_value(request: Request, name: str, value: str) -> str:
    request.session[name] = value
    return "set"


@pages.get("/get/{name}")
async def get_value(request: Request, name: str) -> dict[str, Any]:
    return {"value": request.session.get(name)}


@pages.get("/private")
@login_required
async def private(request: Request) -> str:
    return "private"


@pages.get("/delicate")
@require_recent_login(60)
async def delicate(request: Request) -> str:
    return "delicate"


@pages.post("/confirm")
async def confirm(request: Request) -> dict[str, bool]:
    return {"ok": await reauthenticate(request, (await request.form())["password"])}


@pages.post("/password")
async def password(request: Request) -> dict[str, int]:
    await request.user.set_password((await request.form())["password"])
    await request.user.save()
    return {"ended": await password_changed(request.user, request)}


@pages.get("/sessions")
async def sessions(request: Request) -> list[dict[str, Any]]:
    return [
        {"id": each.id, "agent": each.user_agent, "is_current": each.is_current}
        for each in await list_sessions(request)
    ]


@pages.post("/sessions/{id}/end")
async def end(request: Request, id: str) -> dict[str, Any]:
    return {"ended": await end_session(request, id)}


@pages.post("/sessions/others/end")
async def end_others(request: Request) -> dict[str, int]:
    return {"ended": await end_other_sessions(request)}


@pages.websocket("/talk")
async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        if text.startswith("set "):
            websocket.session["said"] = text[4:]
        name = websocket.user.username or "nobody"
        await websocket.send_text(f"{name}: {text}")


@pages.websocket("/push")
async def push(websocket: WebSocket) -> None:
    await websocket.accept()
    text = await websocket.receive_text()
    while True:  # Listens to nobody any more.
        await websocket.send_text(f"{websocket.user.username}: {text}")
        await asyncio.sleep(0.005)


@closed.get("/inside")
async def inside(request: Request) -> str:
    return "inside"


def make_app(**options: Any) -> OpenViper:
    """Return the application, with the default middleware."""
    app = OpenViper(debug=False, **options)
    app.include_router(pages)
    app.include_router(closed, "/closed")
    return app


class Browser(OpenViperTestClient):
    """A client that gets a token before it sends a form, as a browser does by showing the page."""

    async def token(self) -> str:
        """Return a token for a form."""
        found = re.search('value="([^"]+)"', (await self.get("/form")).text)
        assert found is not None
        return found[1]

    async def submit(self, url: str, **fields: Any) -> Any:
        """Send a form of ours."""
        return await self.post(url, data={"csrfmiddlewaretoken": await self.token(), **fields})

    async def log_in(self, username: str = "ann", password: str = PASSWORD, **fields: Any) -> Any:
        """Log in."""
        return await self.submit("/login", username=username, password=password, **fields)

    async def name(self) -> str:
        """Return whom the application takes this browser for."""
        return str((await self.get("/whoami")).json()["user"])


@asynccontextmanager
async def site(directory: Path, **values: Any) -> AsyncIterator[OpenViper]:
    """Serve the application with a user ``ann``."""
    async with accounts(directory, **values):
        await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        yield make_app()
