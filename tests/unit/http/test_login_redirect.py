"""Browsers that have to log in are sent there and back, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from openviper import OpenViper, Request, Router
from openviper.exceptions import AuthenticationFailed, Unauthorized
from openviper.http.login_redirect import is_own_page, next_address
from openviper.testing import override_openviper_settings as override

BROWSER = {"accept": "text/html,application/xhtml+xml"}


def make_app() -> OpenViper:
    """Return an application with a page to log in and one that needs it."""
    app = OpenViper(debug=False)
    accounts = Router("/accounts", namespace="accounts")

    @accounts.route("/login", ["GET", "POST"], name="login")
    async def login(request: Request) -> str:
        if request.method == "POST":
            raise Unauthorized
        return next_address(request)

    @app.route("/private/{name}", ["GET", "POST"])
    async def private(request: Request, name: str) -> str:
        raise Unauthorized

    @app.get("/wrong")
    async def wrong(request: Request) -> str:
        raise AuthenticationFailed

    app.include_router(accounts)
    return app


async def location(url: str, method: str = "GET", **settings: Any) -> str | None:
    """Return where a browser is sent."""
    with override(**settings):
        answer = await make_app().test_client(headers=BROWSER).request(method, url)
    if answer.status_code == 401:
        return None
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def test_a_browser_is_sent_to_log_in_and_comes_back() -> None:
    target = await location("/private/a%20b?x=1&y=%C3%A4")
    assert target == "/accounts/login?next=/private/a%20b%3Fx%3D1%26y%3D%25C3%25A4"
    with override():
        answer = await make_app().test_client().get(str(target))
    assert answer.text == "/private/a b?x=1&y=%C3%A4"


async def test_a_program_gets_a_401() -> None:
    with override():
        answer = await make_app().test_client().get("/private/a")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_was_sent_with_a_form_is_not_sent_again() -> None:
    assert await location("/private/a", "POST") == "/accounts/login"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("/enter", "/enter?next=/private/a"),
        ("/enter?by=mail", "/enter?by=mail&next=/private/a"),
        ("https://localhost/enter", "https://localhost/enter?next=/private/a"),
        ("", None),
        ("no:such", None),
    ],
)
async def test_the_setting_names_the_page(url: str, target: str | None) -> None:
    assert await location("/private/a", LOGIN_URL=url) == target


async def test_the_page_to_log_in_does_not_send_to_itself() -> None:
    assert await location("/accounts/login", "POST") is None


async def test_credentials_that_are_wrong_are_no_reason_to_ask_for_a_page() -> None:
    assert await location("/wrong") is None


async def test_the_prefix_of_the_application_is_part_of_the_way() -> None:
    with override():
        client = make_app().test_client(headers=BROWSER, root_path="/app")
        answer = await client.get("/private/a")
    assert answer.headers["location"] == "/app/accounts/login?next=/app/private/a"


async def test_an_error_handler_of_the_application_comes_first() -> None:
    app = make_app()
    app.exception_handler(401)(lambda request, error: "handled")
    with override():
        answer = await app.test_client(headers=BROWSER).get("/private/a")
    assert answer.text == "handled"


OURS = ["/", "/a", "/a/b?c=d#e", "/a?next=https://evil.example", "/ä", "/a//b", "/a:b@c"]
OTHERS = [
    "",
    "a",
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/a\\b",
    "/\tevil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "/../../evil",
    "/%2e%2e/evil",
    "http:evil.example",
    "//testserver@evil.example/",
    "/\x00",
]


@pytest.mark.parametrize("address", OURS)
def test_pages_of_ours_are_gone_on_with(address: str) -> None:
    with override():
        assert is_own_page(address)


@pytest.mark.parametrize("address", OTHERS)
def test_nothing_leads_to_another_host(address: str) -> None:
    with override(LOGIN_REDIRECT_URL="/home"):
        assert not is_own_page(address)
        request = Request({"type": "http", "headers": [], "query_string": b""})
        assert next_address(request, address) == "/home"


async def test_where_it_goes_on_may_be_the_name_of_a_route() -> None:
    with override(LOGIN_REDIRECT_URL="accounts:login"):
        client = make_app().test_client()
        assert (await client.get("/accounts/login")).text == "/accounts/login"
        assert (await client.get("/accounts/login?next=/a")).text == "/a"
        assert (await client.get("/accounts/login?next=//evil.example")).text == "/accounts/login"
    with override(LOGIN_REDIRECT_URL="no:such"):
        assert (await make_app().test_client().get("/accounts/login")).text == "/"
