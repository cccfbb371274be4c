"""Class-based views."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from openviper import OpenViper, Request, Router, View
from openviper.exceptions import ImproperlyConfigured, TooManyRequests
from openviper.http import action
from openviper.http.asgi import ASGIApp, Receive, Scope, Send


class Posts(View):
    """Posts, all of them or one."""

    async def get(self, request: Request) -> list[str]:
        """List them."""
        return ["a"]

    def post(self, request: Request) -> dict[str, str]:
        """Make one; a plain method."""
        return {"made": request.method}

    @action(detail=True, methods=["POST"])
    async def publish(self, request: Request, id: str) -> dict[str, str]:
        """Publish one."""
        return {"published": id}

    @action(url_path="latest-ones")
    async def latest(self, request: Request) -> str:
        """Return the latest."""
        return "latest"


class Post(View):
    """One post."""

    async def get(self, request: Request, post_id: int) -> dict[str, int]:
        """Show it."""
        return {"id": post_id}

    async def delete(self, request: Request, post_id: int) -> dict[str, int]:
        """Delete it."""
        return {"deleted": post_id}

    async def put(self, request: Request, key: uuid.UUID) -> str:
        """Store it under a key."""
        return str(key)


def client_of(register: Any) -> Any:
    """Return the client of an application with the routes that a function registers."""
    app = OpenViper(debug=False)
    register(app.router)
    return app.test_client()


async def test_each_method_is_answered_by_the_one_of_its_name() -> None:
    client = client_of(lambda router: router.add("/posts", Posts.as_view()))
    assert (await client.get("/posts")).json() == ["a"]
    assert (await client.post("/posts")).json() == {"made": "POST"}
    assert (await client.head("/posts")).status_code == 200
    wrong = await client.delete("/posts")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


async def test_parameters_of_methods_become_segments() -> None:
    router = Router()
    Post.register(router, "/posts", name="post")
    assert {(route.path, route.name, route.methods) for route in router.routes} == {
        ("/posts/{post_id:int}", "post_post_id", ("GET", "DELETE")),
        ("/posts/{key:uuid}", "post_key", ("PUT",)),
    }
    client = client_of(lambda own: own.include_router(router))
    assert (await client.get("/posts/5")).json() == {"id": 5}
    assert (await client.delete("/posts/5")).json() == {"deleted": 5}
    key = "0000000a-0000-0000-0000-00000000000b"
    assert (await client.put(f"/posts/{key}")).text == key
    assert (await client.get("/posts/x")).status_code == 404


async def test_actions_have_addresses_of_their_own() -> None:
    client = client_of(lambda router: Posts.register(router, "/posts"))
    assert (await client.post("/posts/7/publish")).json() == {"published": "7"}
    assert (await client.get("/posts/latest-ones")).text == "latest"


def test_arguments_and_types_are_checked_when_it_is_registered() -> None:
    class Strange(View):
        async def get(self, request: Request, thing: dict[str, str]) -> str:
            return "x"

    with pytest.raises(TypeError, match="colour"):
        Posts.as_view(colour="red")
    router = Router()
    Strange.register(router, "/x")
    with pytest.raises(ImproperlyConfigured, match="'thing' comes from the body"):
        router.compile()


async def test_named_arguments_become_attributes_of_each_request_s_own_instance() -> None:
    class Greeting(View):
        ALLOWED_KWARGS = ("word",)
        word = "hello"
        count = 0

        async def get(self, request: Request) -> str:
            self.count += 1
            return f"{self.word} {self.count}"

    client = client_of(lambda router: router.add("/x", Greeting.as_view(word="hi")))
    assert [(await client.get("/x")).text for _ in range(2)] == ["hi 1", "hi 1"]


class User:
    """A user as authentication finds one."""

    def __init__(self, *, authenticated: bool = True, superuser: bool = False) -> None:
        self.is_authenticated = authenticated
        self.is_superuser = superuser


class Never:
    """Agrees to nothing."""

    async def has_permission(self, request: Request, view: View) -> bool:
        return False


class Always:
    """Agrees to everything but objects called 'secret'; a plain method."""

    def has_permission(self, request: Request, view: View) -> bool:
        return True

    async def has_object_permission(self, request: Request, view: View, obj: object) -> bool:
        return obj != "secret"


class Refusing:
    """Lets nothing through."""

    def allow_request(self, request: Request, view: View) -> bool:
        return False


def with_user(user: User | None) -> type:
    """Return middleware that finds a user."""

    class Finding:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            scope["user"] = user
            await self.app(scope, receive, send)

    return Finding


@pytest.mark.parametrize(
    ("permissions", "user", "status"),
    [
        (None, None, 200),
        ([], None, 200),
        ([Always], None, 200),
        ([Always(), Never], None, 401),
        ([Never], User(authenticated=False), 401),
        ([Never], User(), 403),
        ([f"{__name__}.Never"], User(), 403),
        ([Never], User(superuser=True), 200),
    ],
)
async def test_every_permission_has_to_agree(
    permissions: list[Any] | None, user: User | None, status: int
) -> None:
    class Guarded(View):
        permission_classes = permissions

        async def get(self, request: Request) -> str:
            return "in"

        @action()
        async def extra(self, request: Request) -> str:
            return "in too"

    app = OpenViper(debug=False, middleware=[with_user(user)])
    Guarded.register(app.router, "/x")
    client = app.test_client()
    assert (await client.get("/x")).status_code == status
    assert (await client.get("/x/extra")).status_code == status


async def test_objects_and_throttles_are_asked_too() -> None:
    class Guarded(View):
        permission_classes = [Always]

        async def get(self, request: Request, name: str) -> str:
            await self.check_object_permissions(request, name)
            return name

    class Throttled(View):
        throttle_classes = [Refusing]

        async def get(self, request: Request) -> str:
            return "never"

    app = OpenViper(debug=False)
    Guarded.register(app.router, "/o")
    Throttled.register(app.router, "/t")
    client = app.test_client()
    assert (await client.get("/o/plain")).status_code == 200
    assert (await client.get("/o/secret")).status_code == 401
    assert (await client.get("/t")).status_code == TooManyRequests().status_code


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"authentication_classes": []}, "DEFAULT_AUTHENTICATION_CLASSES"),
        ({"ALLOWED_KWARGS": ["authentication_classes"]}, "authentication_classes is not read"),
        ({"permission_classes": Always}, "is not a list"),
        (
            {"permission_classes": "openviper.auth.IsAdmin"},
            "'openviper.auth.IsAdmin' is not a list",
        ),
        ({"permission_classes": [Refusing]}, "has no has_permission()"),
        ({"throttle_classes": [Always]}, "has no allow_request()"),
        ({"http_method_names": ["GET"]}, "http_method_names: 'GET' is not one of get, post"),
    ],
)
def test_attributes_without_effect_are_refused_where_the_class_is_made(
    attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=re.escape(message)):
        type("Wrong", (View,), attributes)


@pytest.mark.parametrize("wrong", ["Order", int, object()])
def test_a_serializer_class_that_no_body_can_be_is_refused(wrong: Any) -> None:
    class Orders(View):
        serializer_class = wrong

        async def post(self, request: Request) -> str:
            return ""

    with pytest.raises(ImproperlyConfigured, match=r"Orders\.serializer_class"):
        Orders.register(Router(), "/orders")
