"""Who may do what: permissions of requests and of objects, joined with ``&``, ``|`` and ``~``.

::

    Router(permission=IsAuthenticated)
    permission_classes = [IsAuthenticated & (HasRole("editor") | IsOwner("author"))]
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from openviper.exceptions import (
    AuthenticationFailed,
    HTTPException,
    PermissionDenied,
    Unauthorized,
)
from openviper.http.asgi import AUTH
from openviper.utils.importing import import_string

if TYPE_CHECKING:
    from openviper.db.models import Model, Q, QuerySet
    from openviper.http.connection import Connection

    M = TypeVar("M", bound=Model)
    Rows: TypeAlias = "Q | bool"
    """A condition on rows; or all of them, or none."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing (RFC 9110, 9.2.1)."""
PermissionLike: TypeAlias = "BasePermission | type[BasePermission] | str"
"""An instance, a class that needs no arguments, or its dotted path."""


class _Composing(type):
    """Lets classes of permissions be joined as their instances are."""

    def __and__(cls, other: PermissionLike) -> BasePermission:
        return _Both(as_permission(cls), as_permission(other))

    def __or__(cls, other: Any) -> Any:
        return _Either(as_permission(cls), as_permission(other))

    def __invert__(cls) -> BasePermission:
        return _Not(as_permission(cls))


class BasePermission(metaclass=_Composing):
    """Decides about requests, and about objects where it overrides `has_object_permission` or `rows`."""

    is_about_objects = False
    """Whether a request alone does not say yet who may."""

    def is_open(self, method: str) -> bool:
        """Return whether everybody may send requests of a method, logged in or not; the document of an API says so."""
        return False

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        """Return whether a request, or a WebSocket, may go on."""
        return True

    async def has_object_permission(self, request: Connection, view: Any, obj: Any) -> bool:
        """Return whether a request may go on with an object, after `has_permission` has said yes."""
        return True

    async def rows(self, user: Any) -> Rows:
        """Return which rows of a model a user may have to do with: all, none, or those of a condition."""
        return True

    async def for_user(self, user: Any, queryset: QuerySet[M]) -> QuerySet[M]:
        """Return the rows of a query that a user may have to do with; a superuser may with all."""
        return narrowed(queryset, True if is_superuser(user) else await self.rows(user))

    def __and__(self, other: PermissionLike) -> BasePermission:
        return _Both(self, as_permission(other))

    def __or__(self, other: PermissionLike) -> BasePermission:
        return _Either(self, as_permission(other))

    def __invert__(self) -> BasePermission:
        return _Not(self)


def narrowed(queryset: QuerySet[M], rows: Rows) -> QuerySet[M]:
    """Return a query with a condition; with all rows or none, if that is what it says."""
    if isinstance(rows, bool):
        return queryset if rows else queryset.none()
    return queryset.filter(rows)


def as_permission(entry: Any) -> BasePermission:
    """Return the permission that an entry stands for.

    Raises:
        TypeError: If it stands for none.
    """
    found = import_string(entry) if isinstance(entry, str) else entry
    made = found() if isinstance(found, type) else found
    if not isinstance(made, BasePermission):
        raise TypeError(f"{entry!r} is not a permission")
    return made


def is_open(entry: Any, method: str) -> bool:
    """Return whether an entry, as `as_permission` takes it, lets everybody send requests of a method.

    An object with `has_permission` alone, which views take too, says nothing of it.
    """
    found = import_string(entry) if isinstance(entry, str) else entry
    made = found() if isinstance(found, type) else found
    return isinstance(made, BasePermission) and made.is_open(method)


async def _allows(part: BasePermission, request: Connection, view: Any, obj: Any) -> bool:
    """Return whether a permission agrees to a request with an object in every respect."""
    if not await part.has_permission(request, view):
        return False
    return await part.has_object_permission(request, view, obj)


class _Both(BasePermission):
    def __init__(self, left: BasePermission, right: BasePermission) -> None:
        self.left, self.right = left, right
        self.is_about_objects = left.is_about_objects or right.is_about_objects

    def is_open(self, method: str) -> bool:
        return self.left.is_open(method) and self.right.is_open(method)

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        if not await self.left.has_permission(request, view):
            return False
        return await self.right.has_permission(request, view)

    async def has_object_permission(self, request: Connection, view: Any, obj: Any) -> bool:
        if not await self.left.has_object_permission(request, view, obj):
            return False
        return await self.right.has_object_permission(request, view, obj)

    async def rows(self, user: Any) -> Rows:
        left, right = await self.left.rows(user), await self.right.rows(user)
        if isinstance(left, bool):
            return right if left else False
        if isinstance(right, bool):
            return left if right else False
        return left & right


class _Either(BasePermission):
    def __init__(self, left: BasePermission, right: BasePermission) -> None:
        self.left, self.right = left, right
        self.is_about_objects = left.is_about_objects or right.is_about_objects

    def is_open(self, method: str) -> bool:
        return self.left.is_open(method) or self.right.is_open(method)

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        if await self.left.has_permission(request, view):
            return True
        return await self.right.has_permission(request, view)

    async def has_object_permission(self, request: Connection, view: Any, obj: Any) -> bool:
        # Each side as a whole: who passes by the left side's request must not take the right side's object.
        if await _allows(self.left, request, view, obj):
            return True
        return await _allows(self.right, request, view, obj)

    async def rows(self, user: Any) -> Rows:
        left, right = await self.left.rows(user), await self.right.rows(user)
        if isinstance(left, bool):
            return True if left else right
        if isinstance(right, bool):
            return True if right else left
        return left | right


class _Not(BasePermission):
    def __init__(self, inner: BasePermission) -> None:
        self.inner = inner
        self.is_about_objects = inner.is_about_objects

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        # What objects decide is not known yet.
        if self.is_about_objects:
            return True
        return not await self.inner.has_permission(request, view)

    async def has_object_permission(self, request: Connection, view: Any, obj: Any) -> bool:
        return not await _allows(self.inner, request, view, obj)

    async def rows(self, user: Any) -> Rows:
        rows = await self.inner.rows(user)
        return not rows if isinstance(rows, bool) else ~rows


class UserPermission(BasePermission):
    """Decides by who asks, whatever is asked for; override `allows`."""

    async def allows(self, user: Any) -> bool:
        """Return whether a user, who may be anonymous, may."""
        raise NotImplementedError

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        """Return whether the user of a request may."""
        return await self.allows(request.user)

    async def rows(self, user: Any) -> Rows:
        """Return all rows for who may, and none for others."""
        return await self.allows(user)


class AllowAny(UserPermission):
    """Everybody may."""

    def is_open(self, method: str) -> bool:
        """Return true."""
        return True

    async def allows(self, user: Any) -> bool:
        """Return true."""
        return True


class IsAuthenticated(UserPermission):
    """Who has logged in may."""

    async def allows(self, user: Any) -> bool:
        """Return whether this is a user we know."""
        return is_authenticated(user)


class IsAdmin(UserPermission):
    """Staff may."""

    async def allows(self, user: Any) -> bool:
        """Return whether this is active staff."""
        return _is_active(user) and getattr(user, "is_staff", False)


class IsSuperuser(UserPermission):
    """Superusers may."""

    async def allows(self, user: Any) -> bool:
        """Return whether this is an active superuser."""
        return is_superuser(user)


class IsAuthenticatedOrReadOnly(IsAuthenticated):
    """Everybody may look, and who has logged in may change."""

    def is_open(self, method: str) -> bool:
        """Return whether it is a method that changes nothing."""
        return method in SAFE_METHODS

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        """Return whether it is a method that changes nothing, or a user we know."""
        if request.scope.get("method") in SAFE_METHODS:
            return True
        return await super().has_permission(request, view)

    async def rows(self, user: Any) -> Rows:
        """Return all rows: everybody may look, and who may change is asked for the request."""
        return True


class HasRole(UserPermission):
    """Users with a role may.

    Args:
        name: The role.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    async def allows(self, user: Any) -> bool:
        """Return whether the user has the role."""
        return is_authenticated(user) and bool(await user.has_role(self.name))


class HasPermission(UserPermission):
    """Users with a permission may.

    Args:
        codename: The permission.
    """

    def __init__(self, codename: str) -> None:
        self.codename = codename

    async def allows(self, user: Any) -> bool:
        """Return whether the user has the permission."""
        return is_authenticated(user) and bool(await user.has_perm(self.codename))


class HasScope(BasePermission):
    """API keys with a scope may; who comes otherwise, by session or token, is not narrowed by scopes.

    It says nothing of what the key's user may do: join it with what does, ``IsAuthenticated & HasScope("books.read")``.

    Args:
        scope: The scope.
        others: Whether users who come without an API key may.
    """

    def __init__(self, scope: str, *, others: bool = True) -> None:
        self.scope = scope
        self.others = others

    async def has_permission(self, request: Connection, view: Any = None) -> bool:
        """Return whether the request's API key has the scope."""
        auth = request.scope.get(AUTH) or {}
        if auth.get("type") != "api-key":
            return self.others and is_authenticated(request.user)
        return self.scope in auth["scopes"]


class ObjectPermission(BasePermission):
    """Decides by rows: override `rows`, and an object is allowed when it is one of them.

    So a list and a single object cannot disagree.
    """

    is_about_objects = True

    async def has_object_permission(self, request: Connection, view: Any, obj: Any) -> bool:
        """Return whether the object is among the rows of the user."""
        rows = await self.rows(request.user)
        if isinstance(rows, bool):
            return rows
        manager: Any = type(obj).objects
        return bool(await manager.filter(rows, pk=obj.pk).exists())


class IsOwner(ObjectPermission):
    """Users may with what is theirs.

    Args:
        field: The field with the owner, ``author`` for example; may lead over relations: ``post__author``.
    """

    def __init__(self, field: str) -> None:
        self.field = field

    async def rows(self, user: Any) -> Rows:
        """Return the rows whose field is the user."""
        # Late: a router that names no owners does not load the queries.
        from openviper.db.models import Q

        return Q(**{self.field: user.pk}) if is_authenticated(user) else False


def is_authenticated(user: Any) -> bool:
    """Return whether this is a user we know, and not nobody."""
    return user is not None and bool(getattr(user, "is_authenticated", True))


def _is_active(user: Any) -> bool:
    return is_authenticated(user) and bool(getattr(user, "is_active", True))


def is_superuser(user: Any) -> bool:
    """Return whether this is an active superuser."""
    return _is_active(user) and bool(getattr(user, "is_superuser", False))


def passes_unasked(request: Connection) -> bool:
    """Return whether a request is a superuser's, and not narrowed by the scopes of an API key."""
    auth = request.scope.get(AUTH) or {}
    return is_superuser(request.user) and auth.get("type") != "api-key"


def refusal_of(request: Connection) -> HTTPException:
    """Return what a request is refused with: 403 if we know who asks, else 401, which says what was wrong with a token."""
    if is_authenticated(request.user):
        return PermissionDenied()
    failed = (request.auth or {}).get("failed")
    return Unauthorized() if failed is None else AuthenticationFailed(failed)


async def check_permission(permission: BasePermission, request: Connection) -> None:
    """Check that a request may go on; superusers pass without being asked, but not their API keys.

    Raises:
        Unauthorized: If not, and nobody has logged in.
        PermissionDenied: If not, and somebody has.
    """
    if not passes_unasked(request) and not await permission.has_permission(request, None):
        raise refusal_of(request)


def guarded_by(permission: PermissionLike) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a middleware of routes that asks a permission first."""
    asked = as_permission(permission)

    def guard(handler: Callable[..., Any]) -> Callable[..., Any]:
        async def guarded(request: Connection) -> Any:
            await check_permission(asked, request)
            result = handler(request)
            return await result if inspect.isawaitable(result) else result

        return guarded

    return guard
