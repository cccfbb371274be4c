"""Documents of applications out of the ordinary: other kinds of routes, hostile words, many routes."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, Any

import pytest

from openviper.api import Info, build_document, operation
from openviper.api.page import render_page
from openviper.exceptions import ImproperlyConfigured
from openviper.http import Request
from openviper.http.views import View
from openviper.routing import Router
from openviper.validation import MaxLength, ReadOnly

ADDRESSES = {"root": "", "schema": "/s", "style": "/c", "script": "/j"}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Books(View):
    async def get(self, request: Request, id: int) -> None:
        """Show a book."""

    async def delete(self, request: Request, id: int) -> None:
        """Remove a book."""


def paths_of(router: Router) -> dict[str, Any]:
    paths: dict[str, Any] = build_document(router.routes, Info())["paths"]
    return paths


def test_websockets_and_mounted_applications_are_left_out() -> None:
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody asks it")

    router = Router()
    router.websocket("/live")(mounted)
    router.mount("/static", mounted)
    router.get("/here")(lambda request: 1)
    assert set(paths_of(router)) == {"/here"}


def test_each_method_of_a_view_is_an_operation() -> None:
    router = Router()
    Books.register(router, "/books", name="book")
    paths = paths_of(router)
    assert set(paths) == {"/books/{id}"}
    assert set(paths["/books/{id}"]) == {"get", "delete"}
    for told in paths["/books/{id}"].values():
        (parameter,) = told["parameters"]
        assert (parameter["name"], parameter["in"], parameter["required"]) == ("id", "path", True)
        assert parameter["schema"] == {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}


def test_routers_in_routers_have_their_whole_path() -> None:
    inner = Router(prefix="/inner/{number:int}")
    inner.get("/end/{word}")(lambda request, number, word: 1)
    outer = Router(prefix="/outer")
    outer.include_router(inner)
    (path,) = paths_of(outer)
    assert path == "/outer/inner/{number}/end/{word}"


def two_hosts() -> Router:
    """Return a router with one path on two hosts, one on each alone, and one everywhere."""
    router = Router()
    for host in ("a.example.org", "{tenant}.example.org"):
        own = Router(host=host)
        word = "one" if "tenant" in host else "a"
        own.get("/same", name=f"same-{word}")(lambda request: 1)
        own.get(f"/only-{word}")(lambda request: 1)
        router.include_router(own)
    router.get("/everywhere")(lambda request: 1)
    return router


def test_one_path_on_two_hosts_is_refused_by_both_names() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"'same-a' \(a\.example\.org/same\)") as caught:
        build_document(two_hosts().routes, Info())
    assert "'same-one' ({tenant}.example.org/same)" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "paths", "server"),
    [
        ("a.example.org", {"/same", "/only-a", "/only-one", "/everywhere"}, "//a.example.org"),
        ("B.example.org", {"/same", "/only-one", "/everywhere"}, "//{tenant}.example.org"),
        ("example.net", {"/everywhere"}, None),
    ],
)
def test_the_document_of_a_host_has_what_answers_there(
    host: str, paths: set[str], server: str | None
) -> None:
    document = build_document(two_hosts().routes, Info(), host)
    assert set(document["paths"]) == paths
    if server is not None:
        (told,) = document["paths"]["/same"]["get"]["servers"]
        assert told["url"] == server
        assert set(told.get("variables", {})) == ({"tenant"} if "{" in server else set())


def test_parameters_of_hosts_are_not_those_of_the_path() -> None:
    router = Router(host="{tenant}.example.org")
    router.get("/books")(typed_tenant)
    (operation,) = paths_of(router)["/books"].values()
    assert [each["name"] for each in operation["parameters"]] == ["page"]


async def typed_tenant(tenant: Annotated[str, MaxLength(3)], page: int = 1) -> str:
    """Answer for one tenant."""
    return f"{tenant}{page}"


def test_paths_that_differ_in_converters_only_are_refused_and_one_of_them_can_be_hidden() -> None:
    router = Router()
    router.get("/x/{key:int}", name="number")(lambda request, key: 1)
    router.get("/x/{key:uuid}", name="uuid")(lambda request, key: 1)
    with pytest.raises(ImproperlyConfigured, match=r"'number' \(/x/{key:int}\) and 'uuid'"):
        paths_of(router)
    router = Router()
    router.get("/x/{key:int}", name="number")(lambda request, key: 1)
    router.get("/x/{key:uuid}", name="uuid")(operation(hidden=True)(lambda request, key: 1))
    assert set(paths_of(router)) == {"/x/{key}"}


def test_the_second_of_two_equal_routes_never_answers_and_is_left_out() -> None:
    router = Router()
    router.get("/x", name="first")(lambda request: 1)
    router.get("/x", name="second")(lambda request: 1)
    assert paths_of(router)["/x"]["get"]["operationId"] == "first"


def test_a_delete_that_declares_a_body_has_one_and_others_have_none() -> None:
    router = Router()
    router.delete("/books", name="some")(delete_some)
    router.delete("/all", name="all")(lambda request: 1)
    paths = paths_of(router)
    assert paths["/books"]["delete"]["requestBody"]["required"]
    assert "requestBody" not in paths["/all"]["delete"]


@dataclass
class Chosen:
    """Some of many."""

    ids: list[int]


async def delete_some(chosen: Chosen) -> dict[str, int]:
    """Delete some."""
    return {"deleted": len(chosen.ids)}


def test_an_application_without_routes_has_a_document() -> None:
    document = build_document([], Info())
    assert document["paths"] == {}
    assert "<html" in render_page(document, ADDRESSES, "")


def test_a_record_with_the_name_that_a_sent_one_gets_keeps_its_own() -> None:
    @dataclass
    class Book:
        title: str
        id: Annotated[int, ReadOnly()] = 0

    @dataclass
    class BookOut:
        other: bool

    async def change(book: Book) -> Book:
        return book

    async def keep(book: BookOut) -> BookOut:
        return book

    change.__annotations__ = {"book": Book, "return": Book}
    keep.__annotations__ = {"book": BookOut, "return": BookOut}
    router = Router()
    router.post("/change")(change)
    router.post("/keep")(keep)
    schemas = build_document(router.routes, Info())["components"]["schemas"]
    assert set(schemas) == {"Book", "BookOut", "BookOut_", "Problem"}
    assert set(schemas["BookOut"]["properties"]) == {"other"}
    assert set(schemas["BookOut_"]["properties"]) == {"title", "id"}


def test_words_of_strangers_are_text_on_the_page() -> None:
    async def handler(word: str = HOSTILE) -> int:
        return len(word)

    handler.__doc__ = f"{HOSTILE}\n\n{HOSTILE}"
    router = Router()
    router.get("/a", name=HOSTILE)(operation(tags=[HOSTILE])(handler))
    schemes: dict[str, dict[str, Any]] = {
        HOSTILE: {"type": "apiKey", "in": "header", "name": HOSTILE}
    }
    document = build_document(router.routes, Info(HOSTILE, HOSTILE, HOSTILE, schemes))
    page = render_page(document, ADDRESSES, HOSTILE)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def _calls_of(count: int) -> int:
    """Return how many functions are called to document so many routes of as many types, each referring to the one before."""
    router = Router()
    record: Any = make_dataclass("R0", [("id", Annotated[int, ReadOnly()], field(default=0))])
    for number in range(1, count):

        async def handler(body: Any) -> Any:
            return body

        handler.__annotations__ = {"body": record, "return": record}
        router.post(f"/records/{number}", name=f"record{number}")(handler)
        record = make_dataclass(f"R{number}", [("inner", list[record])])
    # What a handler takes is worked out once per route, when it is first asked for.
    plans = [route.plan for route in router.routes]
    assert None not in plans
    calls = 0

    def count_call(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count_call)
    try:
        document = build_document(router.routes, Info())
    finally:
        sys.setprofile(None)
    assert len(document["paths"]) == count - 1
    assert len(json.dumps(document)) > 100 * count
    return calls


@pytest.mark.one_version
def test_twice_the_routes_take_twice_the_work() -> None:
    once, twice = _calls_of(20), _calls_of(40)
    assert twice < 2.3 * once
