"""How the methods of class-based views are called: those with typed parameters get a route for each HTTP method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openviper.http.views import TYPED, VIEW, ViewHandler
from openviper.routing import typed
from openviper.routing.binding import Handler, HandlerError, bind, is_typed_method
from openviper.validation.describing import describe
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.nodes import Node, RecordNode

if TYPE_CHECKING:
    from openviper.routing.typed import TypedPlan

RECEIVER = f"request.scope[{VIEW!r}]"
"""The expression of what a method is called on."""


def is_split(view: ViewHandler, kinds: Mapping[str, str], methods: Sequence[str]) -> bool:
    """Return whether each HTTP method of a view gets a route of its own, as what one of them takes is typed."""
    return len(methods) > 1 and any(_typed(view, kinds, verb) is not None for verb in methods)


def _typed(view: ViewHandler, kinds: Mapping[str, str], verb: str) -> Handler | None:
    """Return the function that answers an HTTP method; `None` if there is none, or it is not typed."""
    method = view.method_for(verb)
    return method if method is not None and is_typed_method(method, kinds) else None


def body_of(view: ViewHandler) -> Node | None:
    """Return what the `serializer_class` of a view says of bodies; `None` for views without, and for their actions.

    Raises:
        HandlerError: If it is not a class that can be read from data.
    """
    cls = view.view.serializer_class
    if cls is None or view.is_action:
        return None
    try:
        node = describe(cls)
    except UnsupportedTypeError as error:
        raise HandlerError(f"{view.view.__qualname__}.serializer_class: {error}") from error
    if not isinstance(node, RecordNode):
        raise HandlerError(f"{view.view.__qualname__}.serializer_class: {cls!r} has no fields")
    return node


def bind_view(
    handler: Handler, view: ViewHandler, kinds: Mapping[str, str], methods: Sequence[str]
) -> tuple[Handler, TypedPlan | None]:
    """Return the function of the request alone that calls a view, and the plan of a typed method's call.

    Args:
        handler: The view as a handler, or what a decorator has made of it.
        view: The view itself.
        kinds: The converters of the parameters of its path, by their names.
        methods: The HTTP methods of the route.

    Raises:
        HandlerError: If an annotation means nothing, or is of a type that cannot be read.
    """
    method = _typed(view, kinds, methods[0]) if len(methods) == 1 else None
    if method is None:
        return bind(handler, list(kinds)), None
    endpoint, plan = typed.bind_typed(method, kinds, methods, RECEIVER)

    def call(request: Any) -> Any:
        # Who may not is refused by the view before anything is read.
        request.scope[TYPED] = endpoint
        return handler(request)

    return call, plan
