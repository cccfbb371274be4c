"""Class-based views: one method per HTTP method."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

from openviper.exceptions import MethodNotAllowed, TooManyRequests
from openviper.http.coercion import coerce_response
from openviper.http.permissions import is_superuser, refusal_of
from openviper.http.request import Request
from openviper.http.responses import Response
from openviper.utils.importing import import_string

F = TypeVar("F", bound=Callable[..., Any])

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
CONVERTERS: dict[Any, str] = {
    int: "int",
    float: "float",
    str: "str",
    uuid.UUID: "uuid",
    "int": "int",
    "float": "float",
    "str": "str",
    "UUID": "uuid",
    "uuid.UUID": "uuid",
}
ACTION = "view_action"


class Permission(Protocol):
    """What decides who may use a view."""

    def has_permission(self, request: Request, view: View) -> Any:
        """Return whether a request may go on, at once or as a coroutine."""
        ...


class Registers(Protocol):
    """What is asked of a router here."""

    def add(
        self,
        path: str,
        handler: Callable[..., Any],
        methods: Sequence[str] | None = None,
        namespace: str | None = None,
    ) -> None:
        """Register a handler."""
        ...


class Action(NamedTuple):
    """A method of a view with an address of its own.

    Attributes:
        methods: The HTTP methods it answers.
        detail: Whether it is about one object, whose `id` stands in the path.
        url_path: The last part of its path.
        name: The last part of its name.
    """

    methods: tuple[str, ...]
    detail: bool
    url_path: str
    name: str


def action(
    methods: Sequence[str] | None = None,
    detail: bool = False,
    url_path: str | None = None,
    name: str | None = None,
) -> Callable[[F], F]:
    """Give a method of a view an address of its own: ``/base/<url_path>``, or with `detail` ``/base/{id}/<url_path>``.

    Args:
        methods: The HTTP methods; GET when not given.
        detail: Whether it is about one object.
        url_path: The last part of the path; the method's name when not given.
        name: The last part of the route's name; the method's name when not given.
    """

    def mark(method: F) -> F:
        own = method.__name__
        verbs = tuple(verb.upper() for verb in methods or ("GET",))
        setattr(method, ACTION, Action(verbs, detail, url_path or own, name or own))
        return method

    return mark


class View:
    """Answers each HTTP method with the method of its name in lower case; HEAD with `get` where it has no `head`.

    A new instance serves each request, so attributes of `self` are of that request.
    """

    http_method_names: ClassVar[Sequence[str]] = METHODS
    permission_classes: ClassVar[Sequence[Any] | None] = None
    """Classes, instances or dotted paths; every one of them has to agree. `None` and an empty list demand nothing."""
    throttle_classes: ClassVar[Sequence[Any] | None] = None
    """Classes, instances or dotted paths with ``allow_request(request, view)``."""
    ALLOWED_KWARGS: ClassVar[Sequence[str]] = ()
    """Names that `as_view` takes and sets as attributes."""

    request: Request

    def __init__(self, **initkwargs: Any) -> None:
        for name, value in initkwargs.items():
            if name not in self.ALLOWED_KWARGS:
                raise TypeError(f"{type(self).__name__}.as_view() takes no argument {name!r}")
            setattr(self, name, value)

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., Any]:
        """Return a handler for `Router.add`, which then answers every method that the view has.

        Raises:
            TypeError: If there is an argument that is not in `ALLOWED_KWARGS`.
        """
        cls(**initkwargs)  # Mistakes are errors here, not at the first request.
        return _handler(cls, initkwargs, None, cls.allowed_methods())

    @classmethod
    def allowed_methods(cls) -> tuple[str, ...]:
        """Return the HTTP methods that the view has."""
        return tuple(name.upper() for name in cls.http_method_names if hasattr(cls, name))

    @classmethod
    def register(
        cls, router: Registers, path: str, *, name: str | None = None, **initkwargs: Any
    ) -> None:
        """Register the view below a path.

        Parameters that its methods have behind `request` become segments of the path: with ``get(self, request, id: int)``
        at ``/posts`` that is ``/posts/{id:int}``. Methods with other parameters get routes of their own.

        Args:
            router: Where to.
            path: The base of its paths.
            name: The base of its routes' names; the class's name in lower case when not given.
            initkwargs: See `as_view`.

        Raises:
            TypeError: If an argument is not in `ALLOWED_KWARGS`, or a parameter's type has no converter.
        """
        cls(**initkwargs)
        base = path.rstrip("/")
        shown = name or cls.__name__.lower()
        for parameters, verbs in _by_parameters(cls).items():
            segments, suffix = _segments(parameters)
            handler = _handler(cls, initkwargs, None, verbs)
            router.add(f"{base}{segments}" or "/", handler, verbs, shown + suffix)
        for method_name, about in _actions(cls):
            handler = _handler(cls, initkwargs, method_name, about.methods)
            middle = "/{id}" if about.detail else ""
            full = f"{base}{middle}/{about.url_path}"
            router.add(full, handler, about.methods, f"{shown}_{about.name}")

    async def dispatch(
        self, request: Request, method_name: str | None = None, **params: Any
    ) -> Response:
        """Check who asks, call the method that answers, and return its result as a response.

        Raises:
            MethodNotAllowed: If the view has none for the request's method.
        """
        self.request = request
        handler = getattr(self, method_name) if method_name else self._method_for(request.method)
        await self.check_permissions(request)
        await self.check_throttles(request)
        result = handler(request, **params)
        if inspect.isawaitable(result):
            result = await result
        return coerce_response(result)

    def _method_for(self, verb: str) -> Callable[..., Any]:
        name = verb.lower()
        allowed = self.allowed_methods()
        if name == "head" and not hasattr(self, "head"):
            name = "get"
        if name.upper() not in allowed:
            raise MethodNotAllowed(sorted({*allowed, "OPTIONS"}))
        method: Callable[..., Any] = getattr(self, name)
        return method

    async def check_permissions(self, request: Request) -> None:
        """Ask every one of `permission_classes`; superusers pass without being asked.

        Raises:
            Unauthorized: If one of them refuses somebody who has not logged in.
            PermissionDenied: If one of them refuses a user.
        """
        if is_superuser(request.user):
            return
        for permission in _instances(self.permission_classes):
            if not await _answer(permission.has_permission(request, self)):
                self.permission_denied(request)

    async def check_object_permissions(self, request: Request, obj: object) -> None:
        """Ask those of `permission_classes` that look at objects; raises as `check_permissions` does."""
        if is_superuser(request.user):
            return
        for permission in _instances(self.permission_classes):
            ask = getattr(permission, "has_object_permission", None)
            if ask is not None and not await _answer(ask(request, self, obj)):
                self.permission_denied(request)

    async def check_throttles(self, request: Request) -> None:
        """Ask every one of `throttle_classes`, which raise `TooManyRequests` themselves or return whether it may go on.

        Raises:
            TooManyRequests: If one of them refuses.
        """
        for throttle in _instances(self.throttle_classes):
            if await _answer(throttle.allow_request(request, self)) is False:
                raise TooManyRequests

    def permission_denied(self, request: Request) -> None:
        """Refuse a request.

        Raises:
            Unauthorized: If nobody has logged in.
            PermissionDenied: Otherwise.
        """
        raise refusal_of(request)


def _handler(
    cls: type[View],
    initkwargs: Mapping[str, Any],
    method_name: str | None,
    verbs: Sequence[str],
) -> Callable[..., Any]:
    async def handler(request: Request, **params: Any) -> Response:
        return await cls(**initkwargs).dispatch(request, method_name, **params)

    handler.__name__ = handler.__qualname__ = cls.__name__.lower()
    handler.__module__ = cls.__module__
    handler.__doc__ = cls.__doc__
    handler.view_methods = tuple(verbs)  # type: ignore[attr-defined]  # read by Router.add
    return handler


def _segments(parameters: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return the segments of a path for parameters, and what they add to a route's name."""
    segments = "".join(f"/{{{parameter}:{kind}}}" for parameter, kind in parameters)
    return segments, "".join(f"_{parameter}" for parameter, _ in parameters)


def _by_parameters(cls: type[View]) -> dict[tuple[tuple[str, str], ...], list[str]]:
    """Return the methods of a view by the parameters that they take from the path."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for verb in cls.allowed_methods():
        parameters = tuple(_path_parameters(cls, verb.lower()))
        groups.setdefault(parameters, []).append(verb)
    return groups


def _path_parameters(cls: type[View], method_name: str) -> Iterator[tuple[str, str]]:
    parameters = list(inspect.signature(getattr(cls, method_name)).parameters.values())
    for parameter in parameters[2:]:  # Behind `self` and the request.
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            yield parameter.name, _converter(parameter, f"{cls.__name__}.{method_name}()")


def _converter(parameter: inspect.Parameter, where: str) -> str:
    annotation = str if parameter.annotation is parameter.empty else parameter.annotation
    if annotation not in CONVERTERS:
        raise TypeError(
            f"{where} has {parameter.name!r} of type {annotation!r}, "
            "which is not one of int, float, str and UUID"
        )
    return CONVERTERS[annotation]


def _actions(cls: type[View]) -> Iterator[tuple[str, Action]]:
    for name, method in inspect.getmembers(cls, callable):
        about = getattr(method, ACTION, None)
        if about is not None:
            yield name, about


def _instances(entries: Sequence[Any] | None) -> Iterator[Any]:
    for entry in entries or ():
        found = import_string(entry) if isinstance(entry, str) else entry
        yield found() if isinstance(found, type) else found


async def _answer(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
