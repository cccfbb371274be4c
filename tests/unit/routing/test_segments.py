"""Patterns: what they match, what is refused, and that matching never takes long."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest

from openviper import OpenViper, RedirectResponse, Request, Router
from openviper.exceptions import ImproperlyConfigured, NotFound
from openviper.routing import HandlerError, PathSecurityError
from openviper.routing.route import Route
from openviper.testing import override_openviper_settings as override


def match(pattern: str, path: str) -> dict[str, Any] | None:
    """Return the parameters that a pattern finds in a path."""
    return Route(pattern, ["GET"], lambda request: "x").match(path)


@pytest.mark.parametrize(
    ("pattern", "path", "values"),
    [
        ("/d/{y}-{m}-{d}.html", "/d/2026-11-29.html", {"y": "2026", "m": "11", "d": "29"}),
        ("/d/{y}-{m}", "/d/a-b-c", {"y": "a-b", "m": "c"}),
        ("/d/{y:int}-{m:int}.html", "/d/2026-11.html", {"y": 2026, "m": 11}),
        ("/p/{id:int}-{slug}", "/p/5-my-first-title", {"id": 5, "slug": "my-first-title"}),
        ("/p/{id:int}-{slug:slug}", "/p/5-my-title", {"id": 5, "slug": "my-title"}),
        ("/p/{slug}-{id:int}", "/p/my-title-5", {"slug": "my-title", "id": 5}),
        ("/f/{name}.{ext}", "/f/a.tar.gz", {"name": "a.tar", "ext": "gz"}),
        ("/v{major:int}.{minor:int}/x", "/v1.20/x", {"major": 1, "minor": 20}),
        ("/u/@{name}", "/u/@me", {"name": "me"}),
        ("/x/{p:path}/edit", "/x/a/b/edit", {"p": "a/b"}),
        ("/x/{p:path}/v/{n:int}", "/x/a/b/v/3", {"p": "a/b", "n": 3}),
        ("/x/{p:path}.json", "/x/a/b.json", {"p": "a/b"}),
        ("/x/{f:float}", "/x/1.5", {"f": 1.5}),
        ("/x/{p:path}", "/x/a\nb", {"p": "a\nb"}),
    ],
)
def test_what_patterns_match(pattern: str, path: str, values: dict[str, Any]) -> None:
    assert match(pattern, path) == values


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/d/{y}-{m}", "/d/ab"),
        ("/d/{y}-{m}", "/d/-b"),
        ("/d/{y}-{m}", "/d/a-"),
        ("/d/{y:int}-{m:int}", "/d/a-1"),
        ("/f/a{x}a", "/f/a"),
        ("/x/{p:path}/edit", "/x/edit"),
        ("/x/{f:float}", "/x/" + "9" * 5000),
        ("/x/{f:float}", "/x/1."),
        ("/x/{n:int}", "/x/" + "1" * 19),
    ],
)
def test_what_patterns_do_not_match(pattern: str, path: str) -> None:
    assert match(pattern, path) is None


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("/{a}{b}", "nothing stands between"),
        ("/{a:path}/x/{b:path}", "two parameters that may hold slashes"),
        ("/{a:path}-{b}", "shares its segment"),
        ("/{a:uuid}-{b}", "could hold"),
        ("/{a:float}.{b:int}", "could hold"),
        ("/{a:int}0{b:int}", "could hold"),
        ("/{a}-{b:int}-{c}", "not clear where"),
        ("/{a:slug}-{b}", "not clear where"),
    ],
)
def test_what_would_need_a_second_try_is_refused_when_it_is_registered(
    pattern: str, word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        Router().add(pattern, lambda request: "x")


@pytest.mark.parametrize(
    "pattern",
    [
        "/d/{y}-{m}-{d}.html",
        "/d/{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}",
        "/repo/{p:path}/blob",
        "/r/{a:path}/x/{b}/y",
        "/x/{a}/{b}/{c}/{d}",
        "/f/{name}.{ext}",
        "/{p:path}.html",
        "/s/{a:slug}-{b:slug}-{c:slug}",
    ],
)
def test_matching_is_linear_in_the_length_of_the_path(pattern: str) -> None:
    route = Route(pattern, ["GET"], lambda request: "x")
    prefix = pattern.partition("{")[0]
    for filler in ("-", "a", "/a", ".", "a-", "/x/a", "/blob/", "-a."):
        path = prefix + (filler * 80_000)[:80_000] + "!"
        started = time.process_time()
        with suppress(PathSecurityError):
            route.match(path)
        # What grows with the square of the length takes minutes here.
        assert time.process_time() - started < 5, filler


async def test_a_path_that_is_too_long_is_414() -> None:
    app = OpenViper()
    app.get("/{p:path}")(lambda request: "x")
    client = app.test_client()
    assert (await client.get("/" + "a" * 2047)).status_code == 200
    assert (await client.get("/" + "a" * 2048)).status_code == 414


# Order


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/users/me", "/users/me"),
        ("/users/5", "/users/{id:int}"),
        ("/users/x", "/users/{name}"),
        ("/users/list", "/users/{name}"),
        ("/things/list", "/{kind}/list"),
        ("/users/5/posts", "/users/{id}/posts"),
        ("/a/b/c/d", "/{rest:path}"),
        ("/users/me/posts", "/users/{id}/posts"),
    ],
)
def test_more_literal_segments_then_narrower_types_then_longer_patterns(
    path: str, pattern: str
) -> None:
    patterns = [
        "/{rest:path}",
        "/{kind}/list",
        "/users/{name}",
        "/users/{id:int}",
        "/users/{id}/posts",
        "/users/me",
    ]
    for order in (patterns, patterns[::-1]):
        router = Router()
        for each in order:
            router.add(each, lambda request: "x", name=each)
        assert router.resolve("GET", path)[0].path == pattern


def test_routes_of_one_pattern_may_name_their_parameters_differently() -> None:
    router = Router()
    router.add("/a/{x}", lambda x: x, ["GET"])
    router.add("/a/{y}", lambda y: y, ["POST"])
    assert router.resolve("GET", "/a/1")[1] == {"x": "1"}
    assert router.resolve("POST", "/a/1")[1] == {"y": "1"}


# Hosts


async def test_routes_of_a_host_answer_for_it_alone() -> None:
    app = OpenViper()
    api = Router(host="api.testserver")
    tenant = Router(host="{tenant}.shop.testserver")
    api.get("/x", name="api")(lambda request: "api")
    tenant.get("/x/{id:int}", name="tenant")(lambda request, tenant, id: f"{tenant} {id}")
    app.get("/x", name="general")(lambda request: "general")
    app.include_router(api)
    app.include_router(tenant)

    async def get(host: str, path: str = "/x") -> str:
        response = await app.test_client().get(path, headers={"host": host})
        return response.text if response.is_success else str(response.status_code)

    with override(ALLOWED_HOSTS=("*",)):
        assert await get("api.testserver") == "api"
        assert await get("API.testserver:8000") == "api"
        assert await get("other.example") == "general"
        assert await get("a.shop.testserver") == "general"
        assert await get("a.shop.testserver", "/x/5") == "a 5"
        assert await get("a.b.shop.testserver", "/x/5") == "404"
        assert await get("api.testserver", "/x/5") == "404"
    assert app.url_for("tenant", tenant="a", id=5) == "//a.shop.testserver/x/5"
    with pytest.raises(ValueError):
        app.url_for("tenant", tenant="a/b", id=5)


# Mounts and prefixes


async def test_another_application_answers_below_its_mount() -> None:
    inner = OpenViper(debug=False)
    outer = OpenViper(debug=False)

    @inner.get("/item/{id:int}", name="item")
    async def item(request: Request, id: int) -> list[Any]:
        return [id, request.root_path, request.path, request.url_for("item", id=7)]

    outer.mount("/sub/app", inner, name="inner")
    outer.get("/sub/app/own")(lambda request: "own")
    client = outer.test_client(root_path="/front")
    assert (await client.get("/sub/app/item/5")).json() == [
        5,
        "/front/sub/app",
        "/front/sub/app/item/5",
        "/front/sub/app/item/7",
    ]
    assert (await client.get("/sub//app/item/5")).json()[1] == "/front/sub/app"
    assert (await client.get("/sub/app/own")).text == "own"
    assert (await client.get("/sub/app/nope")).status_code == 404
    assert (await client.get("/sub/app")).status_code == 404
    assert (await client.get("/sub/application")).status_code == 404
    assert (await client.post("/sub/app/item/5")).status_code == 405
    assert outer.url_for("inner", path="item/5") == "/sub/app/item/5"
    with pytest.raises(ValueError, match="fixed path"):
        outer.mount("/{tenant}", inner)
    with pytest.raises(ValueError, match="fixed path"):
        outer.mount("/", inner)


async def test_generated_addresses_carry_the_prefix_the_application_is_served_under() -> None:

    app = OpenViper()
    shop = Router(namespace="shop")
    shop.get("/thing/{name}", name="item-page")(lambda request, name: name)
    app.include_router(shop)

    @app.get("/go")
    async def go(request: Request) -> RedirectResponse:
        return RedirectResponse("shop:item-page", name="a b")

    @app.get("/where")
    async def where(request: Request) -> list[str]:
        return [
            request.url_for("shop:item-page", name="x"),
            request.absolute_url_for("shop:item-page", name="x"),
        ]

    for prefix in ("", "/api"):
        client = app.test_client(base_url="http://localhost:8000", root_path=prefix)
        response = await client.get("/go")
        assert response.headers["location"] == f"{prefix}/thing/a%20b"
        assert (await client.get("/where")).json() == [
            f"{prefix}/thing/x",
            f"http://localhost:8000{prefix}/thing/x",
        ]


# Handlers that cannot be called


async def wrong(request: Request, tickt_id: int) -> str:
    """Misspell a parameter."""
    return str(tickt_id)


def test_a_misspelt_parameter_is_found_at_start_with_the_name_it_means() -> None:
    app = OpenViper()
    app.get("/tickets/{ticket_id:int}")(wrong)
    with pytest.raises(ImproperlyConfigured, match="'tickt_id'.*'ticket_id'"):
        app.router.compile()
    (route,) = app.router.routes
    with pytest.raises(HandlerError):
        route.check()


async def test_the_other_routes_answer_nevertheless() -> None:
    app = OpenViper(debug=False)
    app.get("/tickets/{ticket_id:int}")(wrong)
    app.get("/fine")(lambda request: "fine")
    client = app.test_client()
    assert (await client.get("/fine")).text == "fine"
    assert (await client.get("/tickets/5")).status_code == 500


def test_an_unannotated_parameter_is_not_taken_for_the_request_where_there_is_one() -> None:
    router = Router()
    router.add("/a/{ticket_id}", lambda request, tickt_id: "x")
    with pytest.raises(ImproperlyConfigured):
        router.compile()


def test_a_name_is_given_with_either_word() -> None:
    router = Router()
    router.add("/a", lambda request: "x", name="by-name")
    router.add("/b", lambda request: "x", namespace="by-namespace")
    assert (router.url_for("by-name"), router.url_for("by-namespace")) == ("/a", "/b")
    with pytest.raises(NotFound):
        router.resolve("GET", "/c")


@pytest.mark.parametrize(
    ("pattern", "params"),
    [("/p/{id:int}-{slug}", {"id": 5, "slug": "a-b"}), ("/d/{y}-{m}", {"y": "a-b", "m": "c"})],
)
def test_addresses_are_read_back_as_they_were_built(pattern: str, params: dict[str, Any]) -> None:
    route = Route(pattern, ["GET"], lambda request: "x")
    assert route.match(route.build_url(params)) == params


def test_an_address_that_would_be_read_differently_is_refused() -> None:
    route = Route("/d/{y}-{m}", ["GET"], lambda request: "x")
    with pytest.raises(ValueError, match="read as other values"):
        route.build_url({"y": "a", "m": "b-c"})


@pytest.mark.parametrize("prefix", ["/bücher", "/a b", "/100%", '/"x"', "/a?b#c", "/a;b=c/d"])
async def test_a_prefix_is_percent_encoded_in_addresses(prefix: str) -> None:
    inner, outer = OpenViper(debug=False), OpenViper(debug=False)

    @inner.get("/item/{id}", name="item")
    async def item(request: Request, id: str) -> list[Any]:
        return [request.url_for("item", id="ü"), request.absolute_url_for("item", id="ü")]

    path = f"{quote(prefix, safe='/;=')}/item/%C3%BC"
    client = inner.test_client(base_url="http://localhost", root_path=prefix)
    assert (await client.get("/item/1")).json() == [path, f"http://localhost{path}"]
    if "?" not in prefix and "#" not in prefix:
        outer.mount(prefix, inner)
        client = outer.test_client(base_url="http://localhost")
        assert (await client.get(f"{quote(prefix)}/item/1")).json()[0] == path
        assert (await client.get(path)).status_code == 200
