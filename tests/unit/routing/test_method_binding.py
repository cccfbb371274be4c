"""Methods of class-based views with typed parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import pytest

from openviper import OpenViper, Request, Response, Router, View
from openviper.api import Info, build_document, operation
from openviper.exceptions import ImproperlyConfigured, NotFound
from openviper.http import Provide, Query, action
from openviper.http.permissions import BasePermission
from openviper.routing import override_provider
from openviper.validation import Between, MinLength

log: list[str] = []


@dataclass
class Title:
    title: Annotated[str, MinLength(1)]


def clock() -> str:
    return "now"


class Books(View):
    """Books."""

    shelf = "left"

    async def get(
        self, author: str, page: Annotated[int, Query(), Between(1, 100)] = 1
    ) -> dict[str, Any]:
        """List those of an author."""
        return {"author": author, "page": page, "shelf": self.shelf, "by": self.request.method}

    @operation(status=201, tags=["made"])
    def post(self, request: Request, author: str, book: Title) -> Title:
        """Make one; a plain method."""
        assert request is self.request
        return Title(f"{author}: {book.title}")

    async def put(self, author: str, when: Annotated[str, Provide(clock)]) -> str:
        """Store one."""
        return f"{author} {when}"

    async def delete(self, request: Request, author: str) -> str:
        """Delete all; nothing here is typed."""
        return f"no {author}"


class Lower(Books):
    """The same elsewhere."""

    shelf = "low"


def client_of(register: Callable[[Router], object]) -> Any:
    app = OpenViper(debug=False)
    register(app.router)
    return app.test_client()


async def test_each_method_reads_its_own_parameters() -> None:
    client = client_of(lambda router: Books.register(router, "/books"))
    found = await client.get("/books/Ada?page=7")
    assert found.json() == {"author": "Ada", "page": 7, "shelf": "left", "by": "GET"}
    assert (await client.head("/books/Ada")).status_code == 200
    assert (await client.get("/books/Ada?page=101")).status_code == 422
    made = await client.post("/books/Ada", json={"title": "On Engines"})
    assert made.json() == {"title": "Ada: On Engines"}
    refused = await client.post("/books/Ada", json={"title": ""})
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/body/title"]
    assert (await client.put("/books/Ada")).text == "Ada now"
    assert (await client.delete("/books/Ada")).text == "no Ada"
    wrong = await client.patch("/books/Ada")
    allowed = "DELETE, GET, HEAD, OPTIONS, POST, PUT"
    assert (wrong.status_code, wrong.headers["allow"]) == (405, allowed)


async def test_a_derived_view_has_the_methods_of_its_base_and_its_own_attributes() -> None:
    client = client_of(lambda router: router.add("/low/{author}", Lower.as_view()))
    assert (await client.get("/low/Ada")).json()["shelf"] == "low"


async def test_what_the_path_has_already_gets_no_second_segment() -> None:
    router = Router()
    Books.register(router, "/by/{author}/books")
    assert {route.path for route in router.routes} == {"/by/{author}/books"}
    assert sorted(method for route in router.routes for method in route.methods) == [
        *("DELETE", "GET", "POST", "PUT"),
    ]


async def test_providers_of_methods_are_replaced_in_tests() -> None:
    client = client_of(lambda router: Books.register(router, "/books"))
    with override_provider(clock, lambda: "then"):
        assert (await client.put("/books/Ada")).text == "Ada then"


class Nobody(BasePermission):
    """Agrees to nothing."""

    async def has_permission(self, request: Any, view: Any = None) -> bool:
        assert isinstance(view, View)
        return False


async def asked() -> Iterator[None]:
    raise AssertionError("nothing is read for who may not")


class Closed(View):
    permission_classes = (Nobody,)

    async def get(self, page: int, thing: Annotated[Any, Provide(asked)]) -> str:
        """Answer nobody."""
        raise AssertionError("nobody gets here")


async def test_who_may_not_learns_nothing_of_what_is_wrong() -> None:
    client = client_of(lambda router: router.add("/closed", Closed.as_view()))
    assert (await client.get("/closed?page=x")).status_code == 401
    app = OpenViper()
    app.router.add("/closed", Closed.as_view())
    told = build_document(app.router.routes, Info())["paths"]["/closed"]["get"]
    assert {"401", "403", "422"} <= set(told["responses"])


def noted(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    async def wrapper(request: Request, **params: Any) -> Any:
        log.append(request.method)
        return await handler(request, **params)

    return wrapper


async def test_a_decorated_view_is_called_through_its_decorator() -> None:
    log.clear()
    client = client_of(lambda router: router.add("/b/{author}", noted(Books.as_view())))
    assert (await client.get("/b/Ada?page=2")).json()["page"] == 2
    assert (await client.post("/b/Ada", json={"title": "x"})).json() == {"title": "Ada: x"}
    assert log == ["GET", "POST"]


class Checking(View):
    """Overrides `dispatch`."""

    async def dispatch(
        self, request: Request, method_name: str | None = None, **params: Any
    ) -> Response:
        """Refuse by a header."""
        if request.headers.get("x-no"):
            raise NotFound
        return await super().dispatch(request, method_name, **params)

    async def get(self, page: int = 1) -> dict[str, int]:
        """Answer."""
        return {"page": page}


async def test_dispatch_of_a_project_s_own_is_asked() -> None:
    client = client_of(lambda router: Checking.register(router, "/c"))
    assert (await client.get("/c?page=3")).json() == {"page": 3}
    assert (await client.get("/c?page=x", headers={"x-no": "1"})).status_code == 404


class Outer(View):
    """Hands its request to another view."""

    async def get(self, page: int = 1) -> Response:
        """Ask the inner one."""
        answer: Response = await Inner.as_view()(self.request)
        return answer


class Inner(View):
    """Not typed."""

    async def get(self, request: Request) -> str:
        """Answer."""
        return f"inner {request.method}"


async def test_a_view_may_hand_its_request_to_another_view() -> None:
    client = client_of(lambda router: router.add("/o", Outer.as_view()))
    assert (await client.get("/o")).text == "inner GET"


class Actions(View):
    """Has addresses of its own."""

    @action(detail=True, methods=["POST", "PUT"])
    async def rate(self, id: int, stars: Annotated[int, Between(1, 5)]) -> dict[str, int]:
        """Rate one."""
        return {"id": id, "stars": stars}

    @action()
    async def latest(self) -> str:
        """Show the latest: without a request."""
        return "latest"


async def test_actions_are_typed_too() -> None:
    client = client_of(lambda router: Actions.register(router, "/a"))
    assert (await client.post("/a/7/rate?stars=5")).json() == {"id": 7, "stars": 5}
    assert (await client.put("/a/7/rate?stars=6")).status_code == 422
    assert (await client.post("/a/x/rate?stars=5")).status_code == 422
    assert (await client.get("/a/latest")).text == "latest"


class Converted(View):
    async def get(self, key: UUID, page: int = 1) -> str:
        """Show one: the key from the path, the page from the query."""
        return f"{type(key).__name__} {page}"


async def test_parameters_with_a_default_are_of_the_query() -> None:
    router = Router()
    Converted.register(router, "/k")
    assert [route.path for route in router.routes] == ["/k/{key:uuid}"]
    client = client_of(lambda own: own.include_router(router))
    assert (await client.get(f"/k/{UUID(int=5)}?page=2")).text == "UUID 2"


def test_a_mistake_in_a_method_is_named_when_the_routes_are_compiled() -> None:
    class Wrong(View):
        async def get(self, book: Title) -> str:
            return ""

    router = Router()
    router.add("/wrong", Wrong.as_view())
    with pytest.raises(ImproperlyConfigured, match=r"Wrong\.get: 'book' comes from the body"):
        router.compile()


def test_a_type_that_cannot_be_read_is_an_error_when_it_is_registered() -> None:
    class Wrong(View):
        async def get(self, thing: Callable[[], int]) -> str:
            return ""

    with pytest.raises(ImproperlyConfigured, match="'thing'"):
        Router().add("/wrong", Wrong.as_view())


def test_each_method_is_an_operation_with_its_own_words_types_and_id() -> None:
    router = Router()
    Books.register(router, "/books", name="book")
    item = build_document(router.routes, Info())["paths"]["/books/{author}"]
    assert {method: told["operationId"] for method, told in item.items()} == {
        "get": "book_author_get",
        "post": "book_author_post",
        "put": "book_author_put",
        "delete": "book_author_delete",
    }
    assert item["get"]["summary"] == "List those of an author."
    assert [each["name"] for each in item["get"]["parameters"]] == ["author", "page"]
    assert item["post"]["tags"] == ["made"]
    schema = item["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Title"}
    assert item["post"]["responses"]["201"]["content"]["application/json"]["schema"] == schema
    assert "requestBody" not in item["delete"]
