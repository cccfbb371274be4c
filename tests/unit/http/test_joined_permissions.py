"""Permissions joined with each other: what a request, an object and the rows of a list are told has to agree."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from openviper.exceptions import AuthenticationFailed, PermissionDenied, Unauthorized
from openviper.http import Request
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
