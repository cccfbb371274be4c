"""One route: a path pattern, methods and a handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict
from urllib.parse import quote

from openviper.http.coercion import while_connected
from openviper.http.limits import BodyLimits
from openviper.http.permissions import PermissionLike, guarded_by
from openviper.routing.binding import Handler, bind, check_handler
from openviper.routing.converters import CONVERTERS
from openviper.routing.paths import sanitize_request_path
from openviper.routing.segments import Segment, parse_path
from openviper.routing.tree import Node

Middleware = Callable[[Handler], Handler]
"""Wraps a handler of one argument, the request, in another one."""

WEBSOCKET = "(WEBSOCKET)"
"""Stands for a method in routes of WebSockets; its parentheses keep requests from asking for it."""


class RouteOptions(TypedDict, total=False):
    """What a route may be told beside its path, name and middleware.

    Attributes:
        limits: How much of a body it takes, in place of the settings.
        cancel_on_disconnect: Cancel the handler when the client goes away before it has answered.
        permission: Who may use it, in place of what the routers around it say; see `openviper.http.permissions`.
    """

    limits: BodyLimits
    cancel_on_disconnect: bool
    permission: PermissionLike


class Route:
    """A path with the methods it answers and the handler that does.

    Args:
        path: The absolute pattern, such as ``/posts/{id:int}``.
        methods: HTTP methods in upper case.
        handler: The view.
        name: For `url_for`; the handler's name when not given.
        middlewares: The first one is outermost.
        tags: Free words for documentation.
        host: A pattern of the host it answers for, such as ``{tenant}.example.org``; empty for every host.
        options: See `RouteOptions`.

    Raises:
        ValueError: If the pattern is malformed, or could not be matched without trying several ways.
    """

    def __init__(
        self,
        path: str,
        methods: Sequence[str],
        handler: Handler,
        name: str | None = None,
        middlewares: Sequence[Middleware] = (),
        tags: Sequence[str] = (),
        host: str = "",
        options: RouteOptions | None = None,
    ) -> None:
        self.path = "/" + path.strip("/")
        self.methods = tuple(dict.fromkeys(map(str.upper, methods)))
        self.handler = handler
        self.name: str = name or getattr(handler, "__name__", "") or type(handler).__name__
        self.middlewares = tuple(middlewares)
        self.permission: PermissionLike | None = (options or {}).get("permission")
        self.tags = tuple(tags)
        self.host = host.lower()
        self.segments = parse_path(self.path)
        self.host_segments = parse_path("/" + self.host.replace(".", "/")) if host else ()
        self.options: RouteOptions = options or {}
        self.limits = self.options.get("limits")
        self.cancel_on_disconnect = self.options.get("cancel_on_disconnect", False)
        self.names = _names(self.host_segments) + _names(self.segments)
        self.endpoint = self._wrap(bind(handler, self.names))

    def _wrap(self, endpoint: Handler) -> Handler:
        for middleware in reversed(self.middlewares):
            endpoint = middleware(endpoint)
        # Who may not is refused before anything else is done.
        if self.permission is not None:
            endpoint = guarded_by(self.permission)(endpoint)
        if self.cancel_on_disconnect:
            return while_connected(endpoint)
        return endpoint

    @property
    def parameters(self) -> dict[str, str]:
        """The converter of each parameter of the path, by the parameter's name."""
        return {
            parameter.name: parameter.kind
            for segment in self.segments
            for parameter in segment.parameters
        }

    @property
    def is_static(self) -> bool:
        """Whether the path has no parameters."""
        return not self.parameters

    @property
    def specificity(self) -> tuple[int, tuple[tuple[int, ...], ...], int]:
        """Sorts routes: more literal segments first, then narrower types, then longer patterns."""
        literal = sum(segment.is_literal for segment in self.segments if segment.literals[0])
        looseness = tuple(segment.looseness for segment in self.segments if segment.parameters)
        return -literal, looseness, -len(self.path)

    def name_values(self, values: tuple[Any, ...]) -> dict[str, Any]:
        """Return the values of the parameters, which are in order, by their names."""
        # Half the time of `zip`, for what most routes have.
        if len(values) == 1:
            return {self.names[0]: values[0]}
        return dict(zip(self.names, values, strict=True))

    def check(self) -> None:
        """Check that the handler's parameters can be filled.

        Raises:
            HandlerError: If not.
        """
        check_handler(self.handler, self.path, self.names)

    def match(self, path: str) -> dict[str, Any] | None:
        """Return the converted parameters if the pattern matches a path, else `None`."""
        path = sanitize_request_path(path)
        node = Node[Route]()
        node.add(self)
        matches = node.find((path if path == "/" else path.removesuffix("/"))[1:].split("/"))
        if not matches:
            return None
        return dict(zip(_names(self.segments), matches[0][1], strict=True))

    def build_url(self, params: Mapping[str, Any]) -> str:
        """Return the path with its parameters filled in and percent-encoded.

        Raises:
            ValueError: If a parameter is missing or its value does not fit.
        """
        return "/" + "/".join(self._fill(segment, params) for segment in self.segments)

    def build_host(self, params: Mapping[str, Any]) -> str:
        """Return the host with its parameters filled in; empty for a route of every host.

        Raises:
            ValueError: If a parameter is missing or its value does not fit.
        """
        return ".".join(self._fill(segment, params) for segment in self.host_segments)

    def _fill(self, segment: Segment, params: Mapping[str, Any]) -> str:
        texts = [
            self._text(parameter.name, parameter.kind, params) for parameter in segment.parameters
        ]
        whole = _interleave(segment.literals, texts)
        if segment.parameters and segment.split(whole) != texts:
            raise ValueError(
                f"{whole!r} of route {self.name!r} would be read as other values than {texts!r}"
            )
        return quote(whole, safe="/" if segment.has_path else "") if texts else whole

    def _text(self, name: str, kind: str, params: Mapping[str, Any]) -> str:
        if name not in params:
            raise ValueError(f"route {self.name!r} needs a value for {name!r}")
        text = str(params[name])
        converter = CONVERTERS[kind]
        slashed = kind != "path" and "/" in text
        unsafe = "\0" in text or ".." in text.split("/") or slashed
        if unsafe or not converter.fits.fullmatch(text):
            raise ValueError(f"{text!r} does not fit {name!r} ({kind}) of route {self.name!r}")
        return text

    def __repr__(self) -> str:
        return f"<Route {','.join(self.methods)} {self.path} {self.name!r}>"


def with_permission(own: RouteOptions, permission: PermissionLike | None) -> RouteOptions:
    """Return the options of a route, with the permission of the routers around it where it has none."""
    if permission is None or "permission" in own:
        return own
    return {**own, "permission": permission}


def _names(segments: Sequence[Segment]) -> tuple[str, ...]:
    return tuple(parameter.name for segment in segments for parameter in segment.parameters)


def _interleave(literals: Sequence[str], texts: Sequence[str]) -> str:
    pieces = [literals[0]]
    for text, literal in zip(texts, literals[1:], strict=True):
        pieces += [text, literal]
    return "".join(pieces)
