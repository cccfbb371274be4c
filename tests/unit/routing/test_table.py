"""The short ways to a route lead where the long one leads."""

from __future__ import annotations

import random
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.exceptions import HTTPException
from openviper.http.asgi import Scope
from openviper.routing import Router
from openviper.routing.converters import CONVERTERS
from openviper.routing.route import WEBSOCKET

SEGMENTS = ("a", "b", "{x}", "{x:int}", "{x:slug}", "{x:uuid}", "{x:path}", "{x}.json", "a-{x}")
TEXTS = (
    *(
        "a",
        "b",
        "a-b",
        "a.json",
        "7",
        "007",
        "",
        "é",
        "½",
        "٣",
        "..",
        "%2e%2e",
        "%2F",
        "a\\..",
        "\0",
    ),
    *("a b", "1" * 18, "1" * 19, "0000000A-0000-0000-0000-00000000000B", "//", "\n", "-"),
)
METHODS = ("GET", "POST", "HEAD", "DELETE", WEBSOCKET)


def handler(**values: Any) -> str:
    """Answer with nothing."""
    return ""


def random_router(dice: random.Random) -> Router:
    """Return a router with a few routes that get into each other's way."""
    router = Router()
    for number in range(dice.randrange(1, 7)):
        segments = [dice.choice(SEGMENTS) for _ in range(dice.randrange(0, 4))]
        names = iter("xyz")
        path = "".join(f"/{segment.replace('x', next(names), 1)}" for segment in segments)
        if path.count(":path}") < 2:
            methods = dice.sample(METHODS, dice.randrange(1, 3))
            router.add(path or "/", handler, methods, name=f"r{number}")
    return router


def outcome(find: Any, *arguments: Any) -> Any:
    """Return what a function returns, or the status it raises."""
    try:
        found = find(*arguments)
    except HTTPException as error:
        return error.status_code
    return (found[0].name, found[1]) if isinstance(found, tuple) else found


@pytest.mark.parametrize("seed", range(40))
def test_every_way_finds_the_same_route(seed: int) -> None:
    dice = random.Random(seed)
    router = random_router(dice)
    scope: Scope = {"headers": []}
    for _ in range(150):
        path = "/" + "/".join(dice.choice(TEXTS) for _ in range(dice.randrange(0, 4)))
        for method in METHODS:
            assert outcome(router.find_for, scope, method, path) == outcome(
                router.find, method, path
            ), (path, method, router.routes)


@pytest.mark.parametrize("path", ["*", "", "x", "http://localhost/a"])
def test_what_does_not_begin_with_a_slash_is_no_parameter(path: str) -> None:
    router = Router()
    router.add("/{x}", handler, ["OPTIONS"])
    scope: Scope = {"headers": []}
    assert outcome(router.find_for, scope, "OPTIONS", path) == outcome(router.find, "OPTIONS", path)


@pytest.mark.parametrize(
    "path", ["xadmin", "?admin", "xadmin/7", "xadmin/a/b", "xfiles/a", "xtools"]
)
def test_what_guards_of_prefixes_do_not_see_leads_nowhere(path: str) -> None:
    router = Router()
    for pattern in ("/admin", "/admin/{x:int}", "/admin/{x}/b", "/files/{x:path}"):
        router.add(pattern, handler, ["GET", WEBSOCKET])
    router.mount("/tools", OpenViper())
    for method in ("GET", WEBSOCKET):
        assert router.find_for({"headers": []}, method, path) == set()
        assert router.find(method, path, "localhost") == set()
    assert not any(route.match(path) for route in router.routes)


@pytest.mark.parametrize("kind", [kind for kind in CONVERTERS if CONVERTERS[kind].quick])
def test_a_quick_reader_reads_what_the_pattern_does(kind: str) -> None:
    converter = CONVERTERS[kind]
    quick = converter.reader()
    for text in (*TEXTS, "½7", "1_000", "+1", " 1", "1 ", "1\n", "1٣", "१"):
        if "/" not in text:
            value = converter.read(text)
            assert quick(text) == (None if value is None else (value,)), text


async def test_a_route_of_a_host_is_not_found_for_another_by_a_short_way() -> None:
    app = OpenViper()
    router = Router(host="{tenant}.example.org")

    @router.get("/items/{id:int}")
    @router.get("/items")
    async def items(_request: Request, tenant: str, id: int = 0) -> dict[str, Any]:
        return {"tenant": tenant, "id": id}

    app.include_router(router)
    client = app.test_client()
    for path in ("/items", "/items/5"):
        assert (await client.get(path)).status_code == 404
        found = app.router.find("GET", path, "a.example.org")
        assert isinstance(found, tuple) and found[1]["tenant"] == "a"


@pytest.mark.parametrize("path", ["/users/me", "/users/me/", "/me"])
async def test_head_is_the_get_of_the_path_itself_before_the_head_of_a_parameter(path: str) -> None:
    router = Router()
    for prefix in ("/users", ""):
        router.get(f"{prefix}/me", name="own")(handler)
        router.any(f"{prefix}/{{x}}", name="any")(handler)
    assert outcome(router.find_for, {"headers": []}, "HEAD", path) == ("own", {})
    assert outcome(router.find_for, {"headers": []}, "POST", path) == ("any", {"x": "me"})
