"""Class-based views: one method per HTTP method."""

from __future__ import annotations

import inspect
import re
import uuid
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

from openviper.exceptions import ImproperlyConfigured, MethodNotAllowed, TooManyRequests
from openviper.http.coercion import coerce_response
from openviper.http.permissions import is_superuser, passes_unasked, refusal_of
from openviper.http.request import Request
from openviper.http.responses import Response
from openviper.utils.importing import import_string
from openviper.utils.signatures import signature_of

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
VIEW = "openviper.view"
"""Where the scope of a request has the view that answers it, for typed methods."""
TYPED = "openviper.view_endpoint"
"""Where it has the function of the request that reads the parameters of a typed method and calls it."""


UNREAD = {
    "authentication_classes": "who asks is known before a view is chosen: name the ways in DEFAULT_AUTHENTICATION_CLASSES, "
    "and who may in permission_classes",
}
"""Attributes that views of 0.1 read, and what is to be used."""
CLASSES = ("permission_classes", "throttle_classes")


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

    @property
    def path(self) -> str:
        """The path below that of the view."""
        return f"/{{id}}/{self.url_path}" if self.detail else f"/{self.url_path}"


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

    Raises:
        TypeError: If the methods are no list, as where the decorator is written without its parentheses.
    """
    if isinstance(methods, str) or callable(methods):
        raise TypeError(f"the methods of an action are a list such as ['POST'], not {methods!r}")

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

    serializer_class: ClassVar[Any] = None
    """What the bodies of POST, PUT and PATCH are, for the document of the API: a serializer, or another class that typed handlers
    take. Methods that read the body themselves have it; the parameter of a typed method says more, and is checked."""

    request: Request

    def __init_subclass__(cls, **options: Any) -> None:
        """Check what the class says of itself.

        Raises:
            ImproperlyConfigured: If it has an attribute that nothing reads, or an entry that no request could be asked with.
        """
        super().__init_subclass__(**options)
        _check_attributes(cls)

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
        return ViewHandler(cls, initkwargs, None, cls.allowed_methods())

    @classmethod
    def allowed_methods(cls) -> tuple[str, ...]:
        """Return the HTTP methods that the view has."""
        return tuple(name.upper() for name in cls.http_method_names if hasattr(cls, name))

    @classmethod
    def register(
        cls, router: Registers, path: str, *, name: str | None = None, **initkwargs: Any
    ) -> None:
        """Register the view below a path.

        Parameters that its methods have behind `request`, without a default and of a type with a converter, become segments of the
        path: with ``get(self, request, id: int)`` at ``/posts`` that is ``/posts/{id:int}``. Methods with other parameters get routes
        of their own. What the path names itself, and what is of another type, is filled as in typed handlers.

        Args:
            router: Where to.
            path: The base of its paths.
            name: The base of its routes' names; the class's name in lower case when not given.
            initkwargs: See `as_view`.

        Raises:
            TypeError: If an argument is not in `ALLOWED_KWARGS`.
            ImproperlyConfigured: If a parameter is of a type that cannot be read.
        """
        cls(**initkwargs)
        base = path.rstrip("/")
        shown = name or cls.__name__.lower()
        for parameters, verbs in _by_parameters(cls, path).items():
            segments, suffix = _segments(parameters)
            handler = ViewHandler(cls, initkwargs, None, verbs)
            router.add(f"{base}{segments}" or "/", handler, verbs, shown + suffix)
        for method_name, about in _actions(cls):
            handler = ViewHandler(cls, initkwargs, method_name, about.methods)
            router.add(base + about.path, handler, about.methods, f"{shown}_{about.name}")

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
        # Taken out, as the method may hand its request to another view.
        typed = request.scope.pop(TYPED, None)
        request.scope[VIEW] = self
        result = handler(request, **params) if typed is None else typed(request)
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
        """Ask every one of `permission_classes`; superusers pass without being asked, but not their API keys.

        Raises:
            Unauthorized: If one of them refuses somebody who has not logged in.
            PermissionDenied: If one of them refuses a user.
        """
        # Who demands nothing does not look who asks: the answer is the same for all.
        if not self.permission_classes or passes_unasked(request):
            return
        for permission in _instances(self.permission_classes):
            if not await _answer(permission.has_permission(request, self)):
                self.permission_denied(request)

    async def check_object_permissions(self, request: Request, obj: object) -> None:
        """Ask those of `permission_classes` that look at objects; raises as `check_permissions` does."""
        # Who demands nothing does not look who asks: the answer is the same for all.
        if not self.permission_classes or is_superuser(request.user):
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


class ViewHandler:
    """A view as the handler of a route: makes an instance for each request.

    Args:
        view: The class.
        arguments: What its instances are made with.
        method_name: The method that answers; that of the request's name when `None`.
        verbs: The HTTP methods that it answers.
    """

    def __init__(
        self,
        view: type[View],
        arguments: Mapping[str, Any],
        method_name: str | None,
        verbs: Sequence[str],
    ) -> None:
        self.view = view
        self.view_methods = tuple(verbs)  # Read by Router.add, of what decorators make of it too.
        self._arguments = arguments
        self._method_name = method_name
        self.__name__ = self.__qualname__ = view.__name__.lower()
        self.__module__ = view.__module__
        self.__doc__ = view.__doc__

    async def __call__(self, request: Request, **params: Any) -> Response:
        """Answer a request."""
        view = self.view(**self._arguments)
        return await view.dispatch(request, self._method_name, **params)

    @property
    def is_action(self) -> bool:
        """Whether it is a method with an address of its own."""
        return self._method_name is not None

    def method_for(self, verb: str) -> Callable[..., Any] | None:
        """Return the function that answers an HTTP method, as the class has it; `None` if there is none."""
        name = self._method_name or verb.lower()
        if name == "head" and not hasattr(self.view, "head"):
            name = "get"
        found: Callable[..., Any] | None = getattr(self.view, name, None)
        return found


def view_of(handler: Callable[..., Any]) -> ViewHandler | None:
    """Return the view that a handler, or what it decorates, is of; `None` for other handlers."""
    innermost = inspect.unwrap(handler)
    return innermost if isinstance(innermost, ViewHandler) else None


def _segments(parameters: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return the segments of a path for parameters, and what they add to a route's name."""
    segments = "".join(f"/{{{parameter}:{kind}}}" for parameter, kind in parameters)
    return segments, "".join(f"_{parameter}" for parameter, _ in parameters)


def _by_parameters(cls: type[View], path: str) -> dict[tuple[tuple[str, str], ...], list[str]]:
    """Return the methods of a view by the parameters for which the path gets segments."""
    own = set(_IN_PATH.findall(path))
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for verb in cls.allowed_methods():
        found = _path_parameters(cls, verb.lower())
        parameters = tuple(each for each in found if each[0] not in own)
        groups.setdefault(parameters, []).append(verb)
    return groups


_IN_PATH = re.compile(r"\{(\w+)")
_NOT_IN_PATH = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def _path_parameters(cls: type[View], method_name: str) -> Iterator[tuple[str, str]]:
    _, *parameters = signature_of(getattr(cls, method_name)).parameters.values()
    for place, parameter in enumerate(parameters):
        if place == 0 and _is_request(parameter):
            continue
        annotation = str if parameter.annotation is parameter.empty else parameter.annotation
        is_hashable = isinstance(annotation, Hashable)
        is_in_path = parameter.kind not in _NOT_IN_PATH and parameter.default is parameter.empty
        if is_in_path and is_hashable and annotation in CONVERTERS:
            yield parameter.name, CONVERTERS[annotation]


def _is_request(parameter: inspect.Parameter) -> bool:
    """Return whether the first parameter of a method is the request: by its type or name, or as nothing else is known of it."""
    annotation = parameter.annotation
    written = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return (
        annotation is parameter.empty
        or parameter.name == "request"
        or written.rpartition(".")[2] == "Request"
    )


def _actions(cls: type[View]) -> Iterator[tuple[str, Action]]:
    for name, method in inspect.getmembers(cls, callable):
        about = getattr(method, ACTION, None)
        if about is not None:
            yield name, about


def _check_attributes(cls: type[View]) -> None:
    """Refuse what would be without effect, or fail at each request."""
    where = cls.__qualname__
    for name, instead in UNREAD.items():
        if getattr(cls, name, None) is not None or name in cls.ALLOWED_KWARGS:
            raise ImproperlyConfigured(f"{where}.{name} is not read: {instead}")
    for name in CLASSES:
        _check_classes(f"{where}.{name}", getattr(cls, name))
    unknown = sorted(set(cls.http_method_names) - set(METHODS))
    if unknown:
        raise ImproperlyConfigured(
            f"{where}.http_method_names: {unknown[0]!r} is not one of {', '.join(METHODS)}"
        )


def _check_classes(where: str, entries: Any) -> None:
    """Refuse what is not a list of classes, instances and dotted paths."""
    if entries is None:
        return
    if not isinstance(entries, (list, tuple)):
        raise ImproperlyConfigured(f"{where} = {entries!r} is not a list")
    asked = "has_permission" if where.endswith("permission_classes") else "allow_request"
    for entry in entries:
        if not isinstance(entry, str) and not hasattr(entry, asked):
            raise ImproperlyConfigured(f"{where}: {entry!r} has no {asked}()")


def _instances(entries: Sequence[Any] | None) -> Iterator[Any]:
    for entry in entries or ():
        found = import_string(entry) if isinstance(entry, str) else entry
        yield found() if isinstance(found, type) else found


async def _answer(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
