<<<<<<< HEAD
"""Permissions joined with each other: what a request, an object and the rows of a list are told has to agree."""
=======
"""Who may do what, and how permissions are joined."""
>>>>>>> main

from __future__ import annotations

import itertools
<<<<<<< HEAD
from typing import Any

import pytest

from openviper.exceptions import AuthenticationFailed, PermissionDenied, Unauthorized
from openviper.http import Request
=======
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
>>>>>>> main
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
<<<<<<< HEAD
    check_permission,
    guarded_by,
    refusal_of,
)


class Fixed(BasePermission):
    """Says what it was told to say, and counts how often it was asked."""

    def __init__(self, request: bool, obj: bool = True) -> None:
        self.answers = request, obj
        self.asked = 0

    async def has_permission(self, request: Any, view: Any = None) -> bool:
        """Return the answer for a request."""
        self.asked += 1
        return self.answers[0]

    async def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        """Return the answer for an object."""
        return self.answers[1]


class Even(ObjectPermission):
    """Allows even numbers, in a list and one by one."""

    async def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        """Return whether a number is even."""
        return bool(obj % 2 == 0)


class Rows(BasePermission):
    """Allows the rows that it was told."""

    def __init__(self, rows: bool) -> None:
        self.told = rows

    async def rows(self, user: Any) -> bool:
        """Return the rows."""
        return self.told


class User:
    """Somebody with roles."""

    pk = 7

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update({"is_authenticated": True, "roles": (), **attributes})
        self.roles = attributes.get("roles", ())

    async def has_role(self, name: str) -> bool:
        """Return whether somebody has a role."""
        return name in self.roles

    async def has_perm(self, name: str) -> bool:
        """Return whether somebody has a permission."""
        return name in self.roles


def request_of(user: Any, method: str = "GET", **scope: Any) -> Request:
    """Return a request of somebody."""
    return Request(
        {"type": "http", "method": method, "path": "/", "headers": [], "user": user, **scope}
    )


PAIRS = list(itertools.product((True, False), repeat=2))


@pytest.mark.parametrize(("left", "right"), PAIRS)
async def test_requests_are_joined_as_logic_has_it(left: bool, right: bool) -> None:
    asked = request_of(None)
    a, b = Fixed(left), Fixed(right)
    assert await (a & b).has_permission(asked) is (left and right)
    assert await (a | b).has_permission(asked) is (left or right)
    assert await (~a).has_permission(asked) is (not left)
    assert await (~(a & b)).has_permission(asked) is await (~a | ~b).has_permission(asked)
    assert await (~(a | b)).has_permission(asked) is await (~a & ~b).has_permission(asked)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(PAIRS, repeat=2)))
async def test_nobody_passes_by_the_request_of_one_and_the_object_of_another(
    first: tuple[bool, bool], second: tuple[bool, bool]
) -> None:
    either = Fixed(*first) | Fixed(*second)
    both = Fixed(*first) & Fixed(*second)
    asked = request_of(None)

    async def passes(permission: BasePermission) -> bool:
        return await permission.has_permission(asked) and await permission.has_object_permission(
            asked, None, object()
        )

    assert await passes(either) is (all(first) or all(second))
    assert await passes(both) is (all(first) and all(second))


@pytest.mark.parametrize(("left", "right"), PAIRS)
async def test_rows_that_are_all_or_none_are_joined_as_logic_has_it(
    left: bool, right: bool
) -> None:
    a, b = Rows(left), Rows(right)
    assert await (a & b).rows(None) is (left and right)
    assert await (a | b).rows(None) is (left or right)
    assert await (~a).rows(None) is (not left)


async def test_the_right_side_is_not_asked_where_the_left_has_decided() -> None:
    asked = request_of(None)
    unasked = Fixed(True)
    assert not await (Fixed(False) & unasked).has_permission(asked)
    assert await (Fixed(True) | unasked).has_permission(asked)
    assert unasked.asked == 0


@pytest.mark.parametrize(("number", "allowed"), [(2, False), (3, True)])
async def test_not_of_what_objects_decide_waits_for_the_object(number: int, allowed: bool) -> None:
    odd = ~Even()
    asked = request_of(None)
    assert odd.is_about_objects and (~odd).is_about_objects and (odd & AllowAny).is_about_objects
    assert await odd.has_permission(asked)
    assert await odd.has_object_permission(asked, None, number) is allowed
    assert await (~odd).has_object_permission(asked, None, number) is not allowed


USERS: dict[str, Any] = {
    "nobody": None,
    "anonymous": User(is_authenticated=False, is_staff=True, is_superuser=True, roles=("editor",)),
    "somebody": User(),
    "editor": User(roles=("editor",)),
    "staff": User(is_staff=True),
    "gone": User(is_staff=True, is_superuser=True, is_active=False),
    "root": User(is_superuser=True),
}


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        (AllowAny(), set(USERS)),
        (IsAuthenticated(), {"somebody", "editor", "staff", "gone", "root"}),
        (IsAdmin(), {"staff"}),
        (IsSuperuser(), {"root"}),
        (HasRole("editor"), {"editor"}),
        (HasPermission("editor"), {"editor"}),
        (~IsAuthenticated, {"nobody", "anonymous"}),
        (IsAdmin | IsSuperuser, {"staff", "root"}),
        (IsAuthenticated & ~HasRole("editor"), {"somebody", "staff", "gone", "root"}),
    ],
)
async def test_who_may(permission: BasePermission, allowed: set[str]) -> None:
    found = {
        name for name, user in USERS.items() if await permission.has_permission(request_of(user))
    }
    assert found == allowed
    # A list says the same as a request, for these look at nothing but the user.
    assert {name for name, user in USERS.items() if await permission.rows(user)} == allowed


@pytest.mark.parametrize(
    ("method", "allowed"),
    [
        ("GET", True),
        ("HEAD", True),
        ("OPTIONS", True),
        ("POST", False),
        ("DELETE", False),
        ("get", False),
    ],
)
async def test_strangers_may_look_and_not_touch(method: str, allowed: bool) -> None:
    asked = request_of(None, method)
    assert await IsAuthenticatedOrReadOnly().has_permission(asked) is allowed
    assert await IsAuthenticatedOrReadOnly().has_permission(request_of(User(), method))


async def test_a_socket_has_no_method_that_changes_nothing() -> None:
    asked = Request({"type": "websocket", "path": "/", "headers": [], "user": None})
    assert not await IsAuthenticatedOrReadOnly().has_permission(asked)


@pytest.mark.parametrize("user", [None, User(is_authenticated=False)])
async def test_nobody_owns_nothing(user: Any) -> None:
    assert await IsOwner("author").rows(user) is False
    assert not await IsOwner("author").has_object_permission(request_of(user), None, object())


@pytest.mark.parametrize(
    "entry",
    [IsAuthenticated, IsAuthenticated(), "openviper.http.permissions.IsAuthenticated"],
)
def test_a_permission_is_an_instance_a_class_or_a_path(entry: Any) -> None:
    assert isinstance(as_permission(entry), IsAuthenticated)
    assert isinstance(as_permission(entry) & entry, BasePermission)


@pytest.mark.parametrize(
    "entry", [None, 5, object, "openviper.http.permissions.SAFE_METHODS", HasRole]
)
def test_what_is_no_permission_is_refused_where_it_is_named(entry: Any) -> None:
    with pytest.raises(TypeError):
        as_permission(entry)
    with pytest.raises(TypeError):
        AllowAny & entry


@pytest.mark.parametrize(
    ("user", "auth", "error"),
    [
        (None, None, Unauthorized),
        (User(is_authenticated=False), {}, Unauthorized),
        (None, {"failed": "the token has expired"}, AuthenticationFailed),
        (User(), {"failed": "whatever"}, PermissionDenied),
    ],
)
async def test_a_refusal_says_whether_logging_in_would_help(
    user: Any, auth: Any, error: type[Exception]
) -> None:
    asked = request_of(user, auth=auth)
    assert type(refusal_of(asked)) is error
    with pytest.raises(error):
        await check_permission(Fixed(False), asked)


async def test_a_superuser_is_not_even_asked() -> None:
    permission = Fixed(False)
    await check_permission(permission, request_of(USERS["root"]))
    assert permission.asked == 0
    with pytest.raises(PermissionDenied):
        await check_permission(permission, request_of(USERS["gone"]))


async def test_a_guard_of_a_route_takes_plain_and_async_handlers() -> None:
    async def later(request: Any) -> str:
        return "later"

    guard = guarded_by(IsAuthenticated)
    assert await guard(lambda request: "now")(request_of(User())) == "now"
    assert await guard(later)(request_of(User())) == "later"
    with pytest.raises(Unauthorized):
        await guard(later)(request_of(None))


async def test_a_permission_of_users_that_does_not_say_who_is_a_mistake() -> None:
    with pytest.raises(NotImplementedError):
        await UserPermission().has_permission(request_of(None))
=======
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
>>>>>>> main
