"""How a handler is called: which of its parameters get the request and which get parts of the path.

The plan is made once, when the route is built; nothing is inspected while a request is answered.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from openviper.exceptions import ImproperlyConfigured
from openviper.http.request import Request
from openviper.http.websockets import WebSocket
from openviper.utils.identifiers import closest
from openviper.utils.signatures import signature_of

Handler = Callable[..., Any]
"""A view: returns a response or what becomes one, at once or as a coroutine."""

REQUEST_NAMES = ("request", "req", "websocket", "ws")
"""Parameters of these names get the request, or the WebSocket, whatever their annotation."""
REQUEST_TYPES = ("Request", "WebSocket")


class HandlerError(ImproperlyConfigured):
    """A handler has a parameter that nothing can fill."""


class Plan(NamedTuple):
    """What a handler is called with.

    Attributes:
        keywords: The path parameters it gets by name.
        requests: The parameters that get the request by name.
        request_first: Whether its first parameter gets the request.
        unfilled: Parameters without a default that nothing fills.
    """

    keywords: list[str]
    requests: list[str]
    request_first: bool
    unfilled: list[str]


def bind(handler: Handler, path_params: Sequence[str]) -> Handler:
    """Return a function of the request alone that calls a handler with the arguments it wants.

    Per parameter: a path parameter of the same name; the request, if it is called `request` or `req`, is annotated with
    `Request`, or is the only plain unannotated parameter; else its default. ``**kwargs`` takes the other path parameters.
    """
    try:
        signature = signature_of(handler)
    except (TypeError, ValueError):
        return handler
    plan = make_plan(signature, path_params)
    if plan.requests or not plan.request_first:
        return _adapter(handler, plan)
    if not plan.keywords:
        return handler  # The common case needs no adapter.
    if set(plan.keywords) == set(path_params):
        return lambda request: handler(request, **request.scope["path_params"])
    return _adapter(handler, plan)


_PLAIN = {"int": "int", "float": "float", "str": "str", "slug": "str", "path": "str", "uuid": "str"}
"""How the types are written that the converters of the path give."""
_WORD = re.compile(r"[A-Za-z_]\w*")
_OF_NO_CLASS = frozenset(
    "dict list tuple set str int float bool bytes None NoneType Any object Optional Union Mapping Sequence Iterable Iterator "
    "AsyncIterator Awaitable Coroutine typing collections abc builtins".split()
)
"""Words in the annotations of what handlers return that name no class with fields."""


def is_typed(handler: Handler, kinds: Mapping[str, str]) -> bool:
    """Return whether the annotations of a handler say more than which part of the path, or the request, a parameter is.

    Args:
        handler: The handler.
        kinds: The converters of the parameters of its path, by their names.
    """
    try:
        signature = signature_of(handler)
    except (TypeError, ValueError):
        return False
    return _is_typed(signature, kinds)


def is_typed_method(method: Handler, kinds: Mapping[str, str]) -> bool:
    """Return the same of a method of a view, whose first parameter is the view; one that does not take the request is typed too."""
    signature = signature_of(method)
    own = list(signature.parameters.values())[1:]
    signature = signature.replace(parameters=own)
    takes_all = bool(own) and own[0].kind is inspect.Parameter.VAR_POSITIONAL
    takes_request = takes_all or make_plan(signature, list(kinds)).request_first
    return not takes_request or _is_typed(signature, kinds)


def _is_typed(signature: inspect.Signature, kinds: Mapping[str, str]) -> bool:
    if not _is_plain_result(signature.return_annotation):
        return True
    return any(_asks_more(parameter, kinds) for parameter in signature.parameters.values())


def _asks_more(parameter: inspect.Parameter, kinds: Mapping[str, str]) -> bool:
    if parameter.annotation is parameter.empty or parameter.kind in _COLLECTING:
        return False
    if _is_request(parameter):
        return False
    return _written(parameter.annotation) != _PLAIN.get(kinds.get(parameter.name, ""))


def _is_plain_result(annotation: Any) -> bool:
    if annotation is inspect.Signature.empty:
        return True
    words = _WORD.findall(_written(annotation))
    return all(word in _OF_NO_CLASS or word.endswith("Response") for word in words)


def _written(annotation: Any) -> str:
    """Return an annotation as it is written."""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and not hasattr(annotation, "__origin__"):
        return annotation.__qualname__
    return str(annotation)


def make_plan(signature: inspect.Signature, path_params: Sequence[str]) -> Plan:
    """Return what a handler with this signature is called with."""
    parameters = list(signature.parameters.values())
    named = [parameter for parameter in parameters if parameter.kind not in _COLLECTING]
    free = [parameter for parameter in named if parameter.name not in path_params]
    requests, unfilled = _requests_and_unfilled(free)
    request_first = bool(parameters) and _is_leading(parameters[0], requests)
    takes_rest = len(named) < len(parameters) and _takes_keywords(parameters)
    return Plan(
        keywords=list(path_params) if takes_rest else _shared(named, path_params),
        requests=requests[1:] if request_first else requests,
        request_first=request_first,
        unfilled=_names(unfilled),
    )


def _requests_and_unfilled(
    free: Sequence[inspect.Parameter],
) -> tuple[list[str], list[inspect.Parameter]]:
    """Return the parameters that are the request, and those that nothing can fill."""
    requests = _names(filter(_is_request, free))
    unfilled = list(filter(_is_unfilled, free))
    unexplained = _first_unexplained(unfilled)
    if not requests and unexplained is not None:
        # Whatever it is called: a handler's one unexplained parameter is the request.
        requests.append(unexplained.name)
        unfilled.remove(unexplained)
    return requests, unfilled


def _first_unexplained(unfilled: Sequence[inspect.Parameter]) -> inspect.Parameter | None:
    return next((each for each in unfilled if each.annotation is each.empty), None)


def _takes_keywords(parameters: Sequence[inspect.Parameter]) -> bool:
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _names(parameters: Iterable[inspect.Parameter]) -> list[str]:
    return [parameter.name for parameter in parameters]


_COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _shared(parameters: Sequence[inspect.Parameter], names: Sequence[str]) -> list[str]:
    return [parameter.name for parameter in parameters if parameter.name in names]


def _is_unfilled(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and not _is_request(parameter)


def _is_leading(first: inspect.Parameter, requests: Sequence[str]) -> bool:
    return first.name in requests and first.kind is not first.KEYWORD_ONLY


def _is_request(parameter: inspect.Parameter) -> bool:
    if parameter.name in REQUEST_NAMES:
        return True
    annotation = parameter.annotation
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2] in REQUEST_TYPES
    return isinstance(annotation, type) and issubclass(annotation, (Request, WebSocket))


def _adapter(handler: Handler, plan: Plan) -> Handler:
    keywords, requests, request_first, _ = plan

    def endpoint(request: Request) -> Any:
        params = request.scope["path_params"]
        arguments = {name: params[name] for name in keywords}
        for name in requests:
            arguments[name] = request
        # By position, as a decorator around the handler may call its first parameter as it likes.
        return handler(request, **arguments) if request_first else handler(**arguments)

    return endpoint


def check_handler(handler: Handler, path: str, path_params: Sequence[str]) -> None:
    """Check that every parameter of a handler can be filled.

    Raises:
        HandlerError: If not; names the parameter, and the part of the path it is likely to mean.
    """
    try:
        signature = signature_of(handler)
    except (TypeError, ValueError):
        return
    unfilled = make_plan(signature, path_params).unfilled
    if not unfilled:
        return
    where = f"{getattr(handler, '__module__', '')}.{getattr(handler, '__qualname__', handler)}"
    nearest = closest(unfilled[0], list(path_params))
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    raise HandlerError(
        f"handler {where} wants {unfilled[0]!r}, which the path {path!r} does not have{hint}"
    )
