"""One route: a path pattern, methods and a handler whose arguments are planned when it is registered."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from openviper.http.request import Request
from openviper.routing.converters import CONVERTERS, PARAMETER, parse_parameter

Handler = Callable[..., Any]
"""A view: returns a response or what becomes one, at once or as a coroutine."""
Middleware = Callable[[Handler], Handler]
"""Wraps a handler of one argument, the request, in another one."""

REQUEST_NAMES = ("request", "req")


class Route:
    """A path with the methods it answers and the handler that does.

    Args:
        path: The absolute pattern, such as ``/posts/{id:int}``.
        methods: HTTP methods in upper case.
        handler: The view.
        name: For `url_for`; the handler's name when not given.
        middlewares: The first one is outermost.
        tags: Free words for documentation.

    Raises:
        ValueError: If the pattern is malformed.
    """

    def __init__(
        self,
        path: str,
        methods: Sequence[str],
        handler: Handler,
        name: str | None = None,
        middlewares: Sequence[Middleware] = (),
        tags: Sequence[str] = (),
    ) -> None:
        self.path = "/" + path.strip("/") if path.strip("/") else "/"
        self.methods = tuple(dict.fromkeys(method.upper() for method in methods))
        self.handler = handler
        self.name: str = name or getattr(handler, "__name__", "") or type(handler).__name__
        self.middlewares = tuple(middlewares)
        self.tags = tuple(tags)
        self.parameters: dict[str, str] = {}
        self._converters: list[tuple[str, Callable[[str], Any]]] = []
        self._pattern = re.compile(self._compile())
        self.endpoint = self._wrap(bind(handler, tuple(self.parameters)))

    def _compile(self) -> str:
        pattern: list[str] = []
        position = 0
        for match in PARAMETER.finditer(self.path):
            name, kind = parse_parameter(match.group(1), self.path)
            if name in self.parameters:
                raise ValueError(f"parameter {name!r} occurs twice in path {self.path!r}")
            self.parameters[name] = kind
            converter = CONVERTERS[kind]
            if converter.convert is not None:
                self._converters.append((name, converter.convert))
            pattern += [
                re.escape(self.path[position : match.start()]),
                f"(?P<{name}>{converter.pattern})",
            ]
            position = match.end()
        rest = self.path[position:]
        if "{" in rest or "}" in rest:
            raise ValueError(f"unbalanced braces in path {self.path!r}")
        return "".join([*pattern, re.escape(rest)])

    def _wrap(self, endpoint: Handler) -> Handler:
        for middleware in reversed(self.middlewares):
            endpoint = middleware(endpoint)
        return endpoint

    @property
    def is_static(self) -> bool:
        """Whether the path has no parameters."""
        return not self.parameters

    @property
    def specificity(self) -> tuple[int, int]:
        """Sorts routes: more literal segments first, then longer patterns."""
        literal = sum(1 for segment in self.path.split("/") if segment and "{" not in segment)
        return -literal, -len(self.path)

    def match(self, path: str) -> dict[str, Any] | None:
        """Return the converted parameters if the pattern matches a path without its trailing slash, else `None`."""
        match = self._pattern.fullmatch(path)
        if match is None:
            return None
        values: dict[str, Any] = match.groupdict()
        for name, convert in self._converters:
            values[name] = convert(values[name])
        return values

    def build_url(self, params: dict[str, Any]) -> str:
        """Return the path with its parameters filled in and percent-encoded.

        Raises:
            ValueError: If a parameter is missing or its value does not fit.
        """

        def fill(match: re.Match[str]) -> str:
            name, kind = parse_parameter(match.group(1), self.path)
            if name not in params:
                raise ValueError(f"route {self.name!r} needs a value for {name!r}")
            text = str(params[name])
            unsafe = "\0" in text or ".." in text.split("/") or (kind != "path" and "/" in text)
            if unsafe or not re.fullmatch(CONVERTERS[kind].pattern, text):
                raise ValueError(f"{text!r} does not fit {match.group(0)} of route {self.name!r}")
            return quote(text, safe="/" if kind == "path" else "")

        return PARAMETER.sub(fill, self.path)

    def __repr__(self) -> str:
        return f"<Route {','.join(self.methods)} {self.path} {self.name!r}>"


def bind(handler: Handler, path_params: tuple[str, ...]) -> Handler:
    """Return a function of the request alone that calls a handler with the arguments it wants.

    Per parameter: a path parameter of the same name; the request, if it is called `request` or `req`, is annotated with
    `Request`, or is a plain unannotated parameter; else its default. ``**kwargs`` takes the other path parameters.
    """
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):
        return handler
    keywords: list[str] = []
    requests: list[str] = []
    takes_rest = request_first = False
    for place, (name, parameter) in enumerate(signature.parameters.items()):
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            takes_rest = True
        elif name in path_params:
            keywords.append(name)
        elif _wants_request(name, parameter):
            if place == 0 and parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
                request_first = True
            else:
                requests.append(name)
    if takes_rest:
        keywords = list(path_params)
    if request_first and not keywords and not requests:
        return handler  # The common case needs no adapter.
    return _adapter(handler, keywords, requests, request_first)


def _adapter(
    handler: Handler, keywords: list[str], requests: list[str], request_first: bool
) -> Handler:
    def endpoint(request: Request) -> Any:
        params = request.path_params
        arguments = {name: params[name] for name in keywords}
        for name in requests:
            arguments[name] = request
        # By position, as a decorator around the handler may call its first parameter as it likes.
        return handler(request, **arguments) if request_first else handler(**arguments)

    return endpoint


def _wants_request(name: str, parameter: inspect.Parameter) -> bool:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return False
    if name in REQUEST_NAMES:
        return True
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return parameter.default is inspect.Parameter.empty
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2] == "Request"
    return isinstance(annotation, type) and issubclass(annotation, Request)
