"""`cache_page`: who gets a kept answer, and what is never kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from openviper import HTMLResponse, JSONResponse, OpenViper, Request, Response
from openviper.cache import InMemoryCache
from openviper.core.context import current_user
from openviper.http import StreamingResponse, View, cache_page
from openviper.http.page_makers import PageMakers
from openviper.middleware import CSRFMiddleware
from openviper.middleware.auth import AuthenticationMiddleware
from openviper.middleware.locale import LocaleMiddleware
from openviper.sessions import MemorySessionStore, SessionMiddleware
from openviper.testing import override_openviper_settings as override


class Site:
    """An application with one page that counts how often it is made."""

    def __init__(self, view: Callable[[Request], Any], *middleware: Any, **options: Any) -> None:
        self.cache = InMemoryCache()
        self.made = 0
        self.app = OpenViper(debug=False, middleware=list(middleware))

        @self.app.router.any("/page")
        @self.app.router.any("/page/{name}")
        @cache_page(60, **{"cache": self.cache, **options})
        async def page(request: Request) -> Any:
            self.made += 1
            result = view(request)
            return await result if hasattr(result, "__await__") else result

        self.client = self.app.test_client()

    async def get(self, path: str = "/page", method: str = "GET", **headers: str) -> Any:
        """Return the answer to a request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, headers=named)


USERS = ((SessionMiddleware, {"store": MemorySessionStore()}), AuthenticationMiddleware)
SESSIONS = ((SessionMiddleware, {"store": MemorySessionStore()}), CSRFMiddleware)


async def test_a_page_is_made_once_for_all() -> None:
    site = Site(lambda request: {"path": request.path})
    first, second = await site.get(), await site.get()
    assert site.made == 1
    assert first.json() == second.json() == {"path": "/page"}
    assert second.headers["content-type"] == first.headers["content-type"] == "application/json"
    assert first.headers["cache-control"] == second.headers["cache-control"] == "max-age=60"
    assert first.headers["age"] == "0" and int(second.headers["age"]) <= 60
    assert first.headers["etag"] == second.headers["etag"]


async def test_each_address_has_a_page_of_its_own() -> None:
    site = Site(lambda request: str(request.url))
    paths = ("/page", "/page?a=1", "/page?a=2", "/page?", "/page/x", "/page/X", "/page/x%20y")
    seen = [(await site.get(path)).text for path in paths]
    assert site.made == len({"/page?": 0, **dict.fromkeys(paths)}) - 1
    await site.get(host="127.0.0.1")
    assert [(await site.get(path)).text for path in paths] == seen
    assert (await site.get(host="127.0.0.1")).text != seen[0]


async def test_a_client_that_has_the_page_is_told_so() -> None:
    site = Site(lambda request: "text")
    tag = (await site.get()).headers["etag"]
    for made in (1, 2):  # From the cache; then made anew, with the same content.
        answer = await site.get(if_none_match=tag)
        assert (answer.status_code, answer.text, site.made) == (304, "", made)
        assert answer.headers["etag"] == tag and "content-length" not in answer.headers
        await site.cache.clear()
    assert (await site.get(if_match='"other"')).status_code == 412


async def test_head_is_answered_from_the_page_and_makes_none() -> None:
    site = Site(lambda request: "text")
    await site.get(method="HEAD")
    await site.get()
    answer = await site.get(method="HEAD")
    assert site.made == 2 and answer.text == "" and answer.headers["content-length"] == "4"


async def test_methods_that_change_something_pass() -> None:
    site = Site(lambda request: request.method)
    await site.get()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await site.get(method=method)).text == method
    assert (await site.get()).text == "GET" and site.made == 5


async def streamed() -> AsyncIterator[str]:
    """Yield a piece."""
    yield "piece"


def with_cookie(request: Request) -> Response:
    """Set a cookie."""
    response = Response("x")
    response.set_cookie("a", "b")
    return response


@pytest.mark.parametrize(
    "view",
    [
        lambda request: Response("x", headers={"cache-control": "private, max-age=60"}),
        lambda request: Response("x", headers={"cache-control": "no-store"}),
        lambda request: Response("x", headers={"cache-control": "no-cache"}),
        lambda request: Response("x", headers={"cache-control": 'private="x-user"'}),
        lambda request: Response("x", headers={"cache-control": "max-age=0"}),
        lambda request: Response("x", headers={"vary": "*"}),
        lambda request: Response("x", 404),
        lambda request: Response("x", 500),
        lambda request: Response(None, 204),
        lambda request: StreamingResponse(streamed()),
        lambda request: str(request.cookies),
        lambda request: str(request.user),
        lambda request: str(current_user.get()),
        lambda request: request.csp_nonce,
        with_cookie,
    ],
)
async def test_what_is_not_for_all_is_not_kept(view: Callable[[Request], Any]) -> None:
    site = Site(view)
    first, second = await site.get(), await site.get()
    assert site.made == 2
    assert "age" not in first.headers and first.status_code == second.status_code


@pytest.mark.parametrize(
    "view",
    [
        lambda request: str(request.session.get("name")),
        lambda request: str(request.session.set("name", 1)),
        lambda request: str(request.user),
        lambda request: request.csrf_token,
        lambda request: str(request.take_messages()),
        lambda request: str(current_user.get()),
    ],
)
async def test_what_touches_the_session_is_not_kept(view: Callable[[Request], Any]) -> None:
    with override(SECRET_KEY="k" * 60):
        site = Site(view, *SESSIONS)
        await site.get()
        await site.get()
        assert site.made == 2
        # Behind sessions too, what touches nothing is for all.
        other = Site(lambda request: "text", *SESSIONS)
        await other.get()
        assert "set-cookie" not in (await other.get(cookie="sessionid=x")).headers
        assert other.made == 1


@pytest.mark.parametrize("name", ["authorization", "x_api_key"])
async def test_who_shows_credentials_gets_an_own_answer(name: str) -> None:
    site = Site(lambda request: request.headers.get(name.replace("_", "-"), "nobody"))
    assert (await site.get(**{name: "Bearer a"})).text == "Bearer a"
    assert (await site.get()).text == "nobody"
    assert (await site.get(**{name: "Bearer b"})).text == "Bearer b"
    assert (await site.get()).text == "nobody" and site.made == 3


async def test_pages_differ_by_what_they_vary_on() -> None:
    def view(request: Request) -> Response:
        kind = request.headers.get("x-kind", "none")
        headers = {"vary": "X-Kind"} if kind != "plain" else {}
        return Response(kind + request.headers.get("accept", ""), headers=headers)

    site = Site(view, vary=["Accept"])
    kinds = [{"x_kind": "a"}, {"x_kind": "b"}, {}, {"x_kind": "a", "accept": "text/html"}]
    seen = [(await site.get(**kind)).text for kind in kinds]
    assert seen == ["a*/*", "b*/*", "none*/*", "atext/html"] or seen == [
        "a",
        "b",
        "none",
        "atext/html",
    ]
    assert [(await site.get(**kind)).text for kind in kinds] == seen and site.made == 4
    assert (await site.get(x_kind="a")).headers["vary"] == "Accept, X-Kind"


async def test_languages_have_pages_of_their_own() -> None:
    with override(LANGUAGES=("en", "de")):
        site = Site(lambda request: request.language, LocaleMiddleware)
        for _ in range(2):
            assert (await site.get(accept_language="de")).text == "de"
            assert (await site.get(accept_language="en")).text == "en"
        assert site.made == 2


async def test_the_shorter_life_counts() -> None:
    site = Site(lambda request: Response("x", headers={"cache-control": "public, max-age=5"}))
    await site.get()
    (entry,) = site.cache._entries._entries.values()
    assert entry.end - time.monotonic() <= 5
    assert (await site.get()).headers["cache-control"] == "public, max-age=5"


async def test_pages_are_invalidated_by_tags() -> None:
    site = Site(lambda request: "text", tags=lambda request: [f"page-{request.path[6:]}"])
    await site.get("/page/1")
    await site.get("/page/2")
    await site.cache.invalidate_tags("page-1")
    await site.get("/page/1")
    await site.get("/page/2")
    assert site.made == 3


async def test_a_page_that_is_too_large_is_sent_and_not_kept() -> None:
    site = Site(lambda request: "x" * 1000, cache=InMemoryCache(max_value_bytes=500))
    assert len((await site.get()).text) == len((await site.get()).text) == 1000
    assert site.made == 2


async def test_views_and_routes_can_be_decorated_too() -> None:
    made: list[str] = []
    cache = InMemoryCache()

    class Books(View):
        @cache_page(60, cache=cache)
        async def get(self, request: Request) -> JSONResponse:
            made.append("view")
            return JSONResponse([1])

    app = OpenViper(debug=False, middleware=[])
    Books.register(app.router, "/books")

    @app.get("/route", middlewares=[cache_page(60, cache=cache)])
    def route() -> str:
        made.append("route")
        return "text"

    @app.get("/without")
    @cache_page(60, cache=cache)
    def without() -> str:
        made.append("without")
        return "text"

    client = app.test_client()
    for path in ("/books", "/route", "/without") * 2:
        assert (await client.get(path)).status_code == 200
    assert sorted(made) == ["route", "view", "without"]


def test_a_ttl_that_makes_no_sense_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="ttl must be"):
        cache_page(-1)


async def test_a_page_whose_tag_is_invalidated_while_it_is_made_is_void() -> None:
    cache = InMemoryCache()

    async def view(request: Request) -> str:
        await cache.invalidate_tags("books")
        return "made before the change"

    site = Site(view, cache=cache, tags=["books"])
    await site.get()
    await site.get()
    assert site.made == 2


async def test_a_page_of_a_template_is_kept_unless_it_asks_who_it_is_for(tmp_path: Path) -> None:
    (tmp_path / "plain.html").write_text("<p>{{ language }}</p>")
    (tmp_path / "personal.html").write_text("{% if user.is_authenticated %}you{% endif %}")
    with override(TEMPLATES_DIR=str(tmp_path), SECRET_KEY="k" * 60):
        for name, made in (("plain", 1), ("personal", 2)):
            site = Site(lambda request, name=name: HTMLResponse(template=f"{name}.html"), *USERS)  # type: ignore[misc]  # bound here
            first, second = await site.get(), await site.get()
            assert site.made == made
            assert ("vary" in first.headers) is ("vary" in second.headers) is (made == 2)


# Many at once


class Gate:
    """A view that waits until it is let on, and tells how many wait in it."""

    def __init__(self, answer: Callable[[Request], Any]) -> None:
        self.answer = answer
        self.inside = 0
        self.most = 0
        self.opened = asyncio.Event()

    async def __call__(self, request: Request) -> Any:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.opened.wait()
            return self.answer(request)
        finally:
            self.inside -= 1


async def at_once(site: Site, gate: Gate, requests: list[dict[str, str]]) -> list[Any]:
    """Send requests together, and open the gate when all that can be inside are."""
    tasks = [asyncio.ensure_future(site.get(**headers)) for headers in requests]
    for _ in range(200):
        await asyncio.sleep(0)
    gate.opened.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_of_many_at_once_one_has_the_page_made() -> None:
    gate = Gate(lambda request: {"a": 1})
    site = Site(gate)
    answers = await at_once(site, gate, [{}] * 20)
    assert [answer.json() for answer in answers] == [{"a": 1}] * 20
    assert (site.made, gate.most) == (1, 1)


async def test_nobody_waits_for_pages_that_are_not_kept() -> None:
    gate = Gate(with_cookie)
    site = Site(gate)
    await at_once(site, gate, [{}] * 10)
    assert site.made == 10
    gate.opened.clear()
    await at_once(site, gate, [{}] * 10)
    assert (site.made, gate.most) == (20, 10)


async def test_when_a_making_fails_the_others_make_their_own() -> None:
    failures = iter([ValueError("the first one")])

    def answer(request: Request) -> Any:
        for error in failures:
            raise error
        return {"a": 1}

    gate = Gate(answer)
    site = Site(gate)
    answers = await at_once(site, gate, [{}] * 5)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 500]


async def test_when_the_first_goes_away_the_others_make_their_own() -> None:
    gate = Gate(lambda request: {"a": 1})
    site = Site(gate)
    first = asyncio.ensure_future(site.get())
    for _ in range(50):
        await asyncio.sleep(0)
    others = [asyncio.ensure_future(site.get()) for _ in range(3)]
    for _ in range(50):
        await asyncio.sleep(0)
    first.cancel()
    gate.opened.set()
    answers = await asyncio.gather(*others)
    assert [answer.status_code for answer in answers] == [200] * 3


async def test_who_varies_gets_what_is_meant_for_it() -> None:
    gate = Gate(
        lambda request: JSONResponse(request.headers.get("x-shop", ""), headers={"vary": "X-Shop"})
    )
    site = Site(gate)
    answers = await at_once(site, gate, [{"x_shop": shop} for shop in "abab"])
    assert [answer.json() for answer in answers] == list("abab")
    assert site.made <= 3


async def test_who_has_waited_too_long_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openviper.http.page_makers.LONGEST_WAIT", 0)
    gate = Gate(lambda request: {"a": 1})
    site = Site(gate)
    await at_once(site, gate, [{}] * 3)
    assert site.made == 3


async def test_what_is_remembered_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openviper.http.page_makers.MOST_REMEMBERED", 2)
    makers = PageMakers()
    for name in "abcd":
        with makers.making(name) as making:
            making.is_kept = False
    assert list(makers._not_kept) == ["c", "d"]
    assert not makers._underway


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"tags": "books"}, r"tags must be several texts, such as \['books'\]"),
        ({"tags": [1]}, "the tag 1 is no text"),
        ({"vary": "Accept"}, "vary are names of headers"),
        ({"cache": 5}, "cache must be an alias or a cache, not 5"),
    ],
)
def test_what_it_is_told_wrongly_is_an_error_at_once(
    arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        cache_page(5, **arguments)
