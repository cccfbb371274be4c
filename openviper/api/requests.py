"""What the document of an API says of the requests to a route: what is read of them, who may send them, when they are refused."""

from __future__ import annotations

from openviper.http.permissions import is_open
from openviper.routing.operations import OperationNotes, has_notes, notes_of
from openviper.routing.route import Route
from openviper.routing.typed.inputs import is_list
from openviper.routing.typed.plans import InputNote

WITHOUT_BODY = frozenset({"GET"})
"""Methods whose bodies mean nothing. One of DELETE means nothing in general either (RFC 9110, 9.3.5), but may where a server says
so, which a handler that declares one does."""
_BODIES = ("body", "form", "file")
_WIDE = frozenset({"str", "path"})
"""Converters that take whatever stands in a path."""
_SOURCES = ("path", "query", "header", "cookie")


def notes_for(route: Route, method: str) -> OperationNotes:
    """Return what was said about what answers a method: by a decorator, or by its view."""
    function = function_of(route, method)
    told = getattr(route.view.view, "operation_notes", None) if route.view is not None else None
    if told is None or has_notes(function):
        return notes_of(function)
    notes: OperationNotes = told(method)
    return notes


def function_of(route: Route, method: str) -> object:
    """Return the function that answers: of a view, its method."""
    return route.handler if route.view is None else route.view.method_for(method) or route.handler


def is_guarded(route: Route) -> bool:
    """Return whether somebody may be refused."""
    return route.permission is not None or bool(route.view and route.view.view.permission_classes)


def is_open_to(route: Route, method: str) -> bool:
    """Return whether what guards a route lets everybody send requests of a method."""
    guards = [] if route.permission is None else [route.permission]
    if route.view is not None:
        guards += route.view.view.permission_classes or ()
    return all(is_open(guard, method) for guard in guards)


def is_parameter(note: InputNote) -> bool:
    """Return whether an input is a parameter, and not a part of the body."""
    return note.source in _SOURCES


def is_joined(note: InputNote) -> bool:
    """Return whether several values stand in one text where a document has to say so."""
    return note.is_joined or (note.source == "cookie" and is_list(note.node))


def inputs_of(route: Route, method: str) -> list[InputNote]:
    """Return what is read of a request; where a view says itself what its bodies are, that too."""
    own = notes_for(route, method).transfer.inputs
    found = list(own) if route.plan is None else [*route.plan.inputs, *own]
    has_body = any(note.source in _BODIES for note in found)
    if route.view_body is not None and method in ("POST", "PUT", "PATCH") and not has_body:
        found.append(InputNote("body", "body", "", route.view_body))
    return found


def refusals_of(route: Route, method: str) -> list[tuple[int, str]]:
    """Return the statuses by which a request is refused, and when."""
    inputs = inputs_of(route, method)
    has_body = any(note.source in _BODIES for note in inputs)
    is_closed = is_guarded(route)
    is_lenient = notes_for(route, method).transfer.is_lenient
    is_narrow = not _WIDE.issuperset(route.parameters.values())
    has_models = route.plan is not None and bool(route.plan.models)
    reasons = (
        (bool(route.parameters), 400, "The path is not valid."),
        (has_body, 400, "The body cannot be read."),
        (is_closed, 401, "Nobody is logged in."),
        (is_closed, 403, "The user may not do this."),
        (is_narrow, 404, "A parameter of the path has another form."),
        (has_models, 404, "There is no such object."),
        (has_body, 413, "The body is too long."),
        (has_body and not is_lenient, 415, "The body has another content type."),
        (bool(inputs) and not is_lenient, 422, "What was sent does not fit; all faults are named."),
    )
    return [(status, when) for happens, status, when in reasons if happens]
