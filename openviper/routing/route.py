"""One route: a path pattern, methods and a handler."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote

from openviper.http.coercion import while_connected
from openviper.http.limits import BodyLimits
from openviper.http.permissions import PermissionLike, guarded_by
from openviper.http.views import view_of
from openviper.routing import typed
from openviper.routing.binding import Handler, HandlerError, bind, check_handler, is_typed
from openviper.routing.converters import CONVERTERS
from openviper.routing.hosts import HostPattern, is_label, parse_host
from openviper.routing.method_binding import bind_view, body_of
from openviper.routing.paths import PathSecurityError, sanitize_request_path
from openviper.routing.segments import Segment, literal_first, parse_path
from openviper.routing.tree import Node
from openviper.utils.identifiers import closest

if TYPE_CHECKING:
    from openviper.routing.typed import TypedPlan

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

    Attributes:
        plan: What a typed handler is called with; `None` for one without typed parameters.
        view: The class-based view that the handler is of; `None` for a function.

    Raises:
        TypeError: If the handler cannot be called, the methods are one text, or an option is unknown.
        ValueError: If a pattern is malformed, could not be matched without trying several ways, or is matched by no request; if
            a method is none.
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
        if not callable(handler):
            raise TypeError(f"the handler of {path!r} cannot be called: {handler!r}")
        self.path = "/" + path.strip("/")
        self.methods = normal_methods(methods, path)
        self.handler = handler
        self.name: str = name or getattr(handler, "__name__", "") or type(handler).__name__
        self.middlewares = tuple(middlewares)
        self.permission: PermissionLike | None = (options or {}).get("permission")
        self.tags = tuple(tags)
        self.host = parse_host(host)
        self.segments = parse_path(self.path)
        self.options: RouteOptions = options or {}
        check_options(self.options, path)
        self.limits = self.options.get("limits")
        self.cancel_on_disconnect = self.options.get("cancel_on_disconnect", False)
        self.names = _names(self.host.segments) + _names(self.segments)
        _check_names(self.names, self.host, path)
        kinds = self.kinds
        self.plan: TypedPlan | None = None
        self.view = view_of(handler)
        self.view_body = None if self.view is None else body_of(self.view)
        if self.view is not None:
            endpoint, self.plan = bind_view(handler, self.view, kinds, self.methods)
        elif is_typed(handler, kinds):
            endpoint, self.plan = typed.bind_typed(handler, kinds, self.methods)
        else:
            endpoint = bind(handler, self.names)
        self.endpoint = self._wrap(endpoint)

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
    def kinds(self) -> dict[str, str]:
        """The converter of each parameter of the host and the path, by the parameter's name."""
        segments = (*self.host.segments, *self.segments)
        return {
            parameter.name: parameter.kind
            for segment in segments
            for parameter in segment.parameters
        }

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
        return literal_first(self.segments, len(self.path))

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
        if self.plan is None:
            check_handler(self.handler, self.path, self.names)
        elif self.plan.mistakes:
            raise HandlerError(f"{'; '.join(self.plan.mistakes)} (path {self.path!r})")

    def match(self, path: str) -> dict[str, Any] | None:
        """Return the converted parameters if the pattern matches a path, else `None`."""
        if path[:1] not in ("", "/"):
            return None
        path = sanitize_request_path(path)
        node = Node[Route]()
        node.add(self)
        matches = node.find((path if path == "/" else path.removesuffix("/"))[1:].split("/"))
        if not matches:
            return None
        return dict(zip(_names(self.segments), matches[0][1], strict=True))

    def matches_host(self, host: str) -> bool:
        """Return whether the route answers on a host, which is given without its port."""
        if not self.host.text:
            return True
        node = Node[HostPattern]()
        node.add(self.host)
        return bool(node.find(host.lower().rstrip(".").split(".")))

    def build_url(self, params: Mapping[str, Any]) -> str:
        """Return the path with its parameters filled in and percent-encoded.

        Raises:
            ValueError: If a parameter is missing or unknown, or if the route would not get its value back: it does not fit, or
                the path would be refused or read differently.
        """
        for name in params:
            if name not in self.names:
                raise ValueError(f"route {self.name!r} has no parameter {name!r}")
        filled = [self._fill(segment, params) for segment in self.segments]
        self._check_address("/" + "/".join(filled))
        return "/" + "/".join(map(_quoted, self.segments, filled))

    def _check_address(self, path: str) -> None:
        """Check that a path is asked for as it is written: a browser takes out dots, and reads two slashes as a host."""
        has_dots = "." in path.split("/")
        try:
            is_normal = sanitize_request_path(path) == path
            path.encode()
        except (PathSecurityError, UnicodeEncodeError):
            is_normal = False
        if has_dots or not is_normal:
            raise ValueError(f"{path!r} of route {self.name!r} is no path that can be asked for")

    def build_host(self, params: Mapping[str, Any]) -> str:
        """Return the host with its parameters filled in; empty for a route of every host.

        Raises:
            ValueError: If a parameter is missing or its value does not fit.
        """
        labels = [self._fill(segment, params) for segment in self.host.segments]
        for label in labels:
            if not is_label(label):
                raise ValueError(f"{label!r} of route {self.name!r} is no label of a host")
        return ".".join(labels)

    def _fill(self, segment: Segment, params: Mapping[str, Any]) -> str:
        texts = [
            self._text(parameter.name, parameter.kind, params) for parameter in segment.parameters
        ]
        whole = _interleave(segment.literals, texts)
        if segment.parameters and segment.split(whole) != texts:
            raise ValueError(
                f"{whole!r} of route {self.name!r} would be read as other values than {texts!r}"
            )
        return whole

    def _text(self, name: str, kind: str, params: Mapping[str, Any]) -> str:
        value = params.get(name)
        if value is None:
            raise ValueError(f"route {self.name!r} needs a value for {name!r}")
        text = str(value)
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


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def normal_methods(methods: Sequence[str], path: str) -> tuple[str, ...]:
    """Return methods in upper case, each once.

    Args:
        methods: The methods of a route.
        path: Its path, for errors.

    Raises:
        TypeError: If they are one text, whose characters would be taken for methods.
        ValueError: If there is none, or one is no method of HTTP (RFC 9110, 9.1), so that no request asks for it.
    """
    if isinstance(methods, str):
        raise TypeError(f"the methods of {path!r} are a list such as [{methods!r}], not a text")
    upper = tuple(dict.fromkeys(map(str.upper, methods)))
    if not upper:
        raise ValueError(f"the route {path!r} has no method that it answers")
    for method in upper:
        if method != WEBSOCKET and not _TOKEN.fullmatch(method):
            raise ValueError(f"{method!r} of the route {path!r} is no method of HTTP")
    return upper


def check_options(options: RouteOptions, path: str) -> None:
    """Check that a route knows all that it is told; a misspelt permission would leave it open.

    Raises:
        TypeError: If not; names the nearest option.
    """
    known = tuple(RouteOptions.__annotations__)
    for name in options:
        if name not in known:
            nearest = closest(name, list(known))
            hint = f"did you mean {nearest!r}?" if nearest else f"known: {', '.join(known)}"
            raise TypeError(f"the route {path!r} has no option {name!r}; {hint}")


def _check_names(names: Sequence[str], host: HostPattern, path: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"parameter {name!r} occurs in host {host.text!r} and in path {path!r}"
            )


def _quoted(segment: Segment, text: str) -> str:
    """Return the text of a segment percent-encoded."""
    if segment.is_literal:
        return quote(text, safe="!$&()*+,;=:@")
    return quote(text, safe="/" if segment.has_path else "")


def _names(segments: Sequence[Segment]) -> tuple[str, ...]:
    return tuple(parameter.name for segment in segments for parameter in segment.parameters)


def _interleave(literals: Sequence[str], texts: Sequence[str]) -> str:
    pieces = [literals[0]]
    for text, literal in zip(texts, literals[1:], strict=True):
        pieces += [text, literal]
    return "".join(pieces)
