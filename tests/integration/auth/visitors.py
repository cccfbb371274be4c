"""A site with the account pages, and people who visit it."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from openviper import OpenViper, Request
from openviper.auth import AccountView, account_routes, login_required, require_recent_login
from openviper.auth.models import User
from openviper.auth.totp import code_at, step_at
from openviper.core.email.backends import MemoryBackend, backend_override, get_backend
from openviper.core.email.message import EmailMessageData
from openviper.testing import OpenViperTestClient
from tests.integration.auth.database import accounts
from tests.integration.auth.web import PASSWORD, pages

SITE = "https://site.example"
OTHER_PASSWORD = "a quite different one 2"
PAGE = {"accept": "text/html"}
JSON = {"accept": "application/json"}


def outbox() -> list[EmailMessageData]:
    """Return the mails that were sent, the oldest first."""
    backend = get_backend()
    assert isinstance(backend, MemoryBackend)
    return backend.outbox


def mails_to(address: str) -> list[EmailMessageData]:
    """Return the mails to an address."""
    return [mail for mail in outbox() if address in mail.recipients]


def link_in(mail: EmailMessageData) -> str:
    """Return the path of the link in a mail, which is the same in its two forms."""
    assert mail.text is not None and mail.html is not None
    found = re.search(r"^(https://\S+)$", mail.text, re.M)
    assert found is not None, mail.text
    assert f'href="{found[1]}"' in unescape(mail.html)
    assert found[1].startswith(f"{SITE}/accounts/"), found[1]
    return urlsplit(found[1]).path


class Visitor(OpenViperTestClient):
    """Somebody with a browser."""

    async def page(self, path: str) -> Any:
        """Ask for a page."""
        return await self.get(path, headers=PAGE)

    async def token(self, path: str = "/accounts/login/code") -> str:
        """Return a token from the form of a page."""
        text = (await self.page(path)).text
        found = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', text)
        assert found is not None, text
        return found[1]

    async def fill_in(self, path: str, **fields: str) -> Any:
        """Send the form of an account page."""
        data = {"csrfmiddlewaretoken": await self.token(), **fields}
        return await self.post(path, data=data, headers=PAGE)

    async def send(self, path: str, **values: Any) -> Any:
        """Send JSON to an account page."""
        headers = {**JSON, "x-csrftoken": await self.token()}
        return await self.post(path, json=values, headers=headers)

    async def log_in(self, username: str = "ann", password: str = PASSWORD, **fields: str) -> Any:
        """Fill in the form to log in."""
        return await self.fill_in("/accounts/login", username=username, password=password, **fields)

    async def name(self) -> str:
        """Return whom the site takes this browser for."""
        return str((await self.get("/whoami")).json()["user"])

    async def new_passwords(self, path: str, new: str, **fields: str) -> Any:
        """Fill in a form that asks for a new password."""
        return await self.fill_in(path, new_password=new, new_password_again=new, **fields)


def make_site(**views: type[AccountView] | None) -> OpenViper:
    """Return an application with the account pages and some of its own."""
    app = OpenViper(debug=False)
    app.include_router(pages)
    app.include_router(account_routes(**views), "/accounts")

    @app.get("/members")
    @login_required
    async def members(request: Request) -> str:
        return "members only"

    @app.get("/danger")
    @require_recent_login(60)
    async def danger(request: Request) -> str:
        return "danger"

    return app


@asynccontextmanager
async def visited(
    directory: Path, views: dict[str, Any] | None = None, **values: Any
) -> AsyncIterator[OpenViper]:
    """Serve the site, with a user ``ann`` and a memory that all mails go to."""
    given = {
        "INSTALLED_APPS": ("openviper.auth",),
        "SITE_URL": SITE,
        "PROJECT_NAME": "Site",
        **values,
    }
    async with accounts(directory, **given):
        with backend_override(MemoryBackend()):
            await User.objects.create_user("ann", "ann@example.org", PASSWORD)
            yield make_site(**views or {})


async def user(name: str = "ann") -> User:
    """Return a user."""
    return await User.objects.get(username=name)


def app_code(secret: str, steps: int = 0) -> str:
    """Return what an authenticator app shows now, or some steps before or after."""
    return code_at(secret, step_at(time.time()) + steps)


async def turn_on_second_factor(visitor: Visitor) -> tuple[str, list[str]]:
    """Set a second factor up for who has logged in; return the secret and the recovery codes."""
    shown = (await visitor.get("/accounts/two-factor", headers=JSON)).json()
    # The code before the present one, so that the present one is not used up.
    answer = await visitor.send("/accounts/two-factor", code=app_code(shown["secret"], -1))
    assert answer.status_code == 200, answer.text
    return shown["secret"], answer.json()["recovery_codes"]
