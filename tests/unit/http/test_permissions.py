"""Who may do what, and how permissions are joined."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import pytest

from openviper import OpenViper, Request, Router, View, WebSocket
from openviper.auth import (
    login_required,
    permission_classes,
    permission_required,
    role_required,
    staff_required,
    superuser_required,
)
from openviper.auth.anonymous import AnonymousUser
from openviper.http.asgi import AUTH, USER, ASGIApp, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.http.permissions import (
    AllowAny,
    BasePermission,
    HasPermission,
    HasRole,
    IsAdmin,
    IsAuthenticated,
    IsAuthenticatedOrReadOnly,
    IsOwner,
    IsSuperuser,
    ObjectPermission,
    UserPermission,
    as_permission,
)
from openviper.testing import override_openviper_settings as override
from openviper.testing.websockets import WebSocketRefused

H = TypeVar("H", bound=Callable[..., Any])


class Decorator(Protocol):
    """Decorates a handler."""

    def __call__(self, handler: H, /) -> H: ...


class Person:
    """A user with a role and a permission of its own name."""

    is_authenticated = True

    def __init__(self, name: str, **flags: bool) -> None:
        self.name = self.pk = name
        self.is_active = flags.get("is_active", True)
        self.is_staff = flags.get("is_staff", False)
        self.is_superuser = flags.get("is_superuser", False)

    async def has_role(self, name: str) -> bool:
        return self.is_active and name == self.name

    async def has_perm(self, codename: str) -> bool:
        return self.is_active and codename == f"{self.name}.act"


NOBODY = AnonymousUser()
PEOPLE = {
    "nobody": NOBODY,
    "editor": Person("editor"),
    "reader": Person("reader"),
    "staff": Person("staff", is_staff=True),
    "former": Person("former", is_staff=True, is_superuser=True, is_active=False),
    "root": Person("root", is_superuser=True),
}


class Known:
    """Takes a header for who asks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = dict(scope["headers"]).get(b"x-person", b"nobody").decode()
        scope[USER] = PEOPLE[name.removesuffix("!")]
        scope[AUTH] = {"type": "none", "failed": "Token has expired."} if name[-1] == "!" else {}
        await self.app(scope, receive, send)


def app_with(handler: Any = None, router: Router | None = None) -> OpenViper:
    """Return an application whose users are known by a header."""
    app = OpenViper(debug=False, middleware=[Known])
    if handler is not None:
        app.get("/")(handler)
    if router is not None:
        app.include_router(router)
    return app


async def statuses(app: OpenViper, path: str = "/", method: str = "GET") -> dict[str, int]:
    """Return what each of the people is answered."""
    with override(MIDDLEWARE=()):
        client = app.test_client()
        return {
            name: (await client.request(method, path, headers={"x-person": name})).status_code
            for name in PEOPLE
        }


def expected(*allowed: str) -> dict[str, int]:
    """Return the answers when these may and the others may not."""
    refused = {name: 401 if name == "nobody" else 403 for name in PEOPLE}
    return refused | dict.fromkeys(allowed, 200)


LOGGED_IN = ("editor", "reader", "staff", "former", "root")


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        (AllowAny, tuple(PEOPLE)),
        (IsAuthenticated, LOGGED_IN),
        ("openviper.http.permissions.IsAuthenticated", LOGGED_IN),
        (IsAdmin, ("staff", "root")),
        (IsSuperuser, ("root",)),
        (HasRole("editor"), ("editor", "root")),
        (HasPermission("editor.act"), ("editor", "root")),
        (HasRole("editor") | HasRole("reader"), ("editor", "reader", "root")),
        (IsAuthenticated & HasRole("editor"), ("editor", "root")),
        (IsAuthenticated & ~HasRole("editor"), ("reader", "staff", "former", "root")),
        (~IsAuthenticated, ("nobody", "root")),
        (IsAdmin | (IsAuthenticated & HasRole("reader")), ("reader", "staff", "root")),
        (~(IsAdmin | HasRole("reader")), ("nobody", "editor", "former", "root")),
        (~~IsAdmin, ("staff", "root")),
    ],
)
async def test_a_router_is_closed_to_all_but_those_who_may(
    permission: Any, allowed: tuple[str, ...]
) -> None:
    router = Router(permission=permission)

    @router.get("/")
    async def page(request: Request) -> str:
        return "page"

    assert await statuses(app_with(router=router)) == expected(*allowed)


@pytest.mark.parametrize(
    ("decorate", "allowed"),
    [
        (login_required, LOGGED_IN),
        (staff_required, ("staff", "root")),
        (superuser_required, ("root",)),
        (role_required("editor"), ("editor", "root")),
        (permission_required("editor.act"), ("editor", "root")),
        (permission_classes(IsAuthenticated, HasRole("reader")), ("reader", "root")),
    ],
)
async def test_decorators_close_one_handler(decorate: Decorator, allowed: tuple[str, ...]) -> None:
    @decorate
    async def asynchronous(request: Request) -> str:
        return "page"

    @decorate
    def plain(request: Request) -> str:
        return "page"

    @decorate
    def without_a_request() -> str:
        return "page"

    @decorate
    async def late(*, request: Request) -> str:
        return "page"

    class Page(View):
        @decorate
        async def get(self, request: Request) -> str:
            return "page"

    for handler in (asynchronous, plain, without_a_request, late, Page.as_view()):
        assert await statuses(app_with(handler)) == expected(*allowed)


async def test_decorators_leave_the_parameters_of_the_path() -> None:
    app = app_with()

    @app.get("/{number:int}/{name}")
    @login_required
    async def page(request: Request, number: int, name: str) -> str:
        return f"{number + 1}{name}"

    with override(MIDDLEWARE=()):
        client = app.test_client(headers={"x-person": "reader"})
        assert (await client.get("/7/a")).text == "8a"


async def test_outside_of_a_request_a_decorator_has_nobody_to_ask() -> None:
    @login_required
    async def page() -> str:
        return "page"

    with pytest.raises(TypeError, match="no request"):
        await page()


async def test_views_join_their_permissions() -> None:
    class Page(View):
        permission_classes = [IsAuthenticated & (HasRole("editor") | IsAdmin)]

        async def get(self, request: Request) -> str:
            return "page"

    allowed = expected("editor", "staff", "root")
    assert await statuses(app_with(Page.as_view())) == allowed


# Routers


async def test_the_nearest_permission_decides() -> None:
    outer = Router(permission=IsAuthenticated)
    inner = Router("/inner")
    staff = Router("/staff", permission=IsAdmin)

    async def page(request: Request) -> str:
        return "page"

    outer.add("/page", page, name="a")
    outer.add("/open", page, name="b", permission=AllowAny)
    inner.add("/page", page, name="c")
    staff.add("/page", page, name="d")
    staff.add("/for-readers", page, name="e", permission=HasRole("reader"))
    inner.include_router(staff)
    outer.include_router(inner)
    app = app_with(router=outer)
    for path, allowed in {
        "/page": LOGGED_IN,
        "/open": tuple(PEOPLE),
        "/inner/page": LOGGED_IN,
        "/inner/staff/page": ("staff", "root"),
        "/inner/staff/for-readers": ("reader", "root"),
    }.items():
        assert await statuses(app, path) == expected(*allowed), path


async def test_a_route_that_is_added_later_is_closed_too() -> None:
    router = Router(permission=IsAuthenticated)
    app = app_with(router=router)
    assert set((await statuses(app)).values()) == {404}
    router.get("/")(lambda request: "page")
    assert await statuses(app) == expected(*LOGGED_IN)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_is_closed_and_nothing_has_run_before(method: str) -> None:
    ran: list[str] = []

    def noting(handler: Any) -> Any:
        async def noted(request: Request) -> Any:
            ran.append(request.user.pk)
            return await handler(request)

        return noted

    router = Router(permission=IsAuthenticated)

    @router.any("/", middlewares=[noting])
    async def page(request: Request) -> str:
        return "page"

    assert await statuses(app_with(router=router), method=method) == expected(*LOGGED_IN)
    assert ran == list(LOGGED_IN)


async def test_reading_may_be_open_where_changing_is_not() -> None:
    router = Router(permission=IsAuthenticatedOrReadOnly)
    router.any("/")(lambda request: "page")
    app = app_with(router=router)
    assert await statuses(app) == expected(*PEOPLE)
    assert await statuses(app, method="DELETE") == expected(*LOGGED_IN)


async def test_what_everybody_may_read_has_all_rows_for_everybody() -> None:
    assert await IsAuthenticatedOrReadOnly().rows(NOBODY) is True
    assert await IsAuthenticated().rows(NOBODY) is False


async def test_websockets_of_a_closed_router_are_closed() -> None:
    router = Router(permission=IsAuthenticated)

    @router.websocket("/talk")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")

    with override(MIDDLEWARE=()):
        client = app_with(router=router).test_client()
        async with client.websocket("/talk", headers={"x-person": "reader"}) as socket:
            assert await socket.receive_text() == "hello"
        with pytest.raises(WebSocketRefused):
            async with client.websocket("/talk"):
                pass


async def test_nobody_with_a_token_that_failed_is_told_why() -> None:
    router = Router(permission=IsAuthenticated)
    router.get("/")(lambda request: "page")
    with override(MIDDLEWARE=()):
        client = app_with(router=router).test_client()
        answer = await client.get("/", headers={"x-person": "nobody!"})
    assert (answer.status_code, answer.json()["detail"]) == (401, "Token has expired.")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("wrong", [object(), 7, str, "os.path.join"])
def test_what_is_no_permission_is_an_error_where_it_is_written(wrong: Any) -> None:
    with pytest.raises(TypeError):
        Router(permission=wrong)
    with pytest.raises(TypeError):
        as_permission(wrong)
    with pytest.raises(TypeError):
        _ = IsAuthenticated & wrong


# Objects


class Even(ObjectPermission):
    """Agrees to even numbers, for editors."""

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        return bool(request.user.pk == "editor")

    async def has_object_permission(self, request: Connection, view: Any, obj: Any) -> bool:
        return bool(obj % 2 == 0)


class Small(ObjectPermission):
    """Agrees to numbers below ten, for readers."""

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        return bool(request.user.pk == "reader")

    async def has_object_permission(self, request: Connection, view: Any, obj: Any) -> bool:
        return bool(obj < 10)


def request_of(name: str) -> Connection:
    """Return a request of one of the people."""
    return Connection({"type": "http", "method": "GET", "headers": [], USER: PEOPLE[name]})


async def allows(permission: BasePermission, name: str, obj: int) -> bool:
    """Return whether one of the people may do something with a number."""
    request = request_of(name)
    if not await permission.has_permission(request):
        return False
    return await permission.has_object_permission(request, None, obj)


async def test_of_two_permissions_one_side_has_to_agree_as_a_whole() -> None:
    either = Even() | Small()
    assert await allows(either, "editor", 12) and await allows(either, "reader", 3)
    # An editor does not get the odd number by being an editor and its being small.
    assert not await allows(either, "editor", 3)
    assert not await allows(either, "reader", 12)


async def test_the_opposite_of_a_permission_of_objects_waits_for_the_object() -> None:
    for permission in (~Even(), ~(IsAuthenticated & Even())):
        assert await allows(permission, "editor", 3)
        assert not await allows(permission, "editor", 12)
        assert await allows(permission, "reader", 12)


async def test_joined_permissions_keep_the_laws_of_logic() -> None:
    parts: list[BasePermission] = [Even(), Small(), HasRole("editor"), IsAdmin()]
    for left, right in itertools.product(parts, repeat=2):
        for name, number in itertools.product(("editor", "reader", "nobody"), (2, 3, 12, 13)):
            one, other = await allows(left, name, number), await allows(right, name, number)
            assert await allows(left & right, name, number) == (one and other)
            assert await allows(left | right, name, number) == (one or other)
            assert await allows(~(left & right), name, number) == (not (one and other))
            assert await allows(~left | ~right, name, number) == (not one or not other)


async def test_a_view_asks_about_an_object() -> None:
    class Page(View):
        permission_classes = [Even]

        async def get(self, request: Request) -> str:
            await self.check_object_permissions(request, int(request.query_params["n"]))
            return "page"

    app = app_with(Page.as_view())
    assert (await statuses(app, "/?n=2"))["editor"] == 200
    assert (await statuses(app, "/?n=3"))["editor"] == 403


# Rows


class Rows(BasePermission):
    """Gives fixed rows."""

    def __init__(self, rows: Any) -> None:
        self.given = rows

    async def rows(self, user: Any) -> Any:
        return self.given


@pytest.mark.parametrize("one", [True, False])
@pytest.mark.parametrize("other", [True, False])
async def test_all_and_none_are_joined(one: bool, other: bool) -> None:
    left, right = Rows(one), Rows(other)
    assert await (left & right).rows(None) is (one and other)
    assert await (left | right).rows(None) is (one or other)
    assert await (~left).rows(None) is (not one)


async def test_who_may_all_or_nothing_is_no_condition() -> None:
    from openviper.db.models import Q

    condition = Q(author=1)
    own = Rows(condition)
    assert await (AllowAny() & own).rows(NOBODY) is condition
    assert await (own & AllowAny()).rows(NOBODY) is condition
    assert await (IsAdmin() | own).rows(NOBODY) is condition
    assert await (own | IsAdmin()).rows(NOBODY) is condition
    assert await (IsAdmin() & own).rows(NOBODY) is False
    assert await (own & IsAdmin()).rows(NOBODY) is False
    assert await (own | AllowAny()).rows(NOBODY) is True
    assert await (AllowAny() | own).rows(NOBODY) is True
    for joined in (own & own, own | own, ~own):
        assert isinstance(await joined.rows(NOBODY), Q)
    assert await IsOwner("author").rows(NOBODY) is False
    assert await BasePermission().rows(NOBODY) is True


async def test_a_permission_of_users_has_to_say_whom_it_allows() -> None:
    with pytest.raises(NotImplementedError):
        await UserPermission().allows(NOBODY)
