"""From the signature of a handler to the plan of its call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openviper.http.inputs import By, Input, Provide
from openviper.routing.binding import HandlerError, make_plan
from openviper.routing.typed.annotations import Annotations, annotations_of
from openviper.routing.typed.plans import Call, InputNote, ModelNote, Source, TypedPlan
from openviper.routing.typed.results import describe_result
from openviper.routing.typed.sources import (
    SOURCES,
    can_hold,
    field_of,
    has_fields,
    input_mark,
    is_flat,
    is_model,
    key_of,
    parts_of,
    upload_node,
    without_responses,
)
from openviper.utils.identifiers import closest
from openviper.validation.describing import describe
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.nodes import MISSING, AnyNode, Node
from openviper.validation.unions import behind

_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS", "TRACE", "(WEBSOCKET)"}
_AS_IT_IS = {"int": int, "float": float, "str": str, "slug": str, "uuid": str, "path": str}
"""The types that the converters of the path give."""
_COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class _Wanted:
    """A parameter, and what its annotation says.

    Attributes:
        name: The parameter.
        annotation: Its type, with the marks.
        plain: The same without them.
        marks: They.
        marker: The mark that names a source.
        default: Its default; `MISSING` if there is none.
        names: What names in types mean that only the function around the handler knows.
        where: What errors begin with.
    """

    name: str
    annotation: Any
    plain: Any
    marks: tuple[Any, ...]
    marker: Input | None
    default: Any
    names: Mapping[str, Any]
    where: str


class Planner:
    """Makes the plan of one handler.

    Args:
        kinds: The converters of the parameters of its path, by their names.
        methods: The methods that it answers.
        overrides: What is called in place of providers.
    """

    def __init__(
        self,
        kinds: Mapping[str, str],
        methods: Sequence[str],
        overrides: Mapping[Callable[..., Any], Callable[..., Any]],
    ) -> None:
        self._kinds = kinds
        self._has_body = not set(methods) <= _WITHOUT_BODY
        self._overrides = overrides
        self._provided: dict[Any, str] = {}
        self._underway: list[Any] = []
        self._untaken: list[str] = []

    def plan(self, handler: Callable[..., Any], receiver: str = "") -> TypedPlan:
        """Return the plan of a handler.

        Args:
            handler: The handler.
            receiver: The expression of what its first parameter is, if it is a method.

        Raises:
            HandlerError: If an annotation means nothing, or is of a type that cannot be read.
        """
        self._plan = TypedPlan(Call(handler))
        annotations = annotations_of(handler)
        if annotations is not None:
            if receiver:
                self._plan.handler.by_place.append(receiver)
                annotations = annotations.without_first()
            self._fill(self._plan.handler, annotations)
            self._plan.returns = _returned(annotations)
            self._check_bodies(annotations.shown)
        return self._plan

    def _fill(self, call: Call, annotations: Annotations) -> None:
        """Add the arguments of a call."""
        plan = make_plan(annotations.signature, list(self._kinds))
        parameters = annotations.signature.parameters
        self._untaken = [name for name in self._kinds if name not in parameters]
        for place, parameter in enumerate(parameters.values()):
            leads = place == 0 and plan.request_first
            is_request = leads or parameter.name in plan.requests
            argument = "request" if is_request else self._argument(parameter, annotations)
            _add_argument(call, parameter, argument, by_place=leads)
        if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            call.by_name |= {name: f"path[{name!r}]" for name in self._untaken}

    def _argument(self, parameter: inspect.Parameter, annotations: Annotations) -> str | None:
        """Return the expression of an argument; `None` if the parameter keeps its default."""
        if parameter.kind in _COLLECTING:
            return None
        where = f"handler {annotations.shown}: {parameter.name!r}"
        default = MISSING if parameter.default is parameter.empty else parameter.default
        if parameter.annotation is parameter.empty:
            return self._untyped(parameter.name, default, where)
        annotation = annotations.resolved(parameter.annotation)
        _check_default(parameter, where)
        plain, marks = parts_of(annotation)
        try:
            marker = input_mark(marks)
            wanted = _Wanted(
                parameter.name, annotation, plain, marks, marker, default, annotations.names, where
            )
            return self._typed(wanted)
        except UnsupportedTypeError as error:
            raise HandlerError(f"{where}: {error}") from None

    def _untyped(self, name: str, default: Any, where: str) -> str | None:
        """Return the argument for a parameter of which no type is known."""
        if name in self._kinds:
            return f"path[{name!r}]"
        if default is MISSING:
            self._plan.mistakes.append(f"{where} has no type, and nothing else fills it")
        return None

    def _typed(self, wanted: _Wanted) -> str | None:
        provide = next((mark for mark in wanted.marks if isinstance(mark, Provide)), None)
        if provide is not None:
            return self._provider(provide.function, wanted.where)
        if is_model(wanted.plain):
            return self._model(wanted)
        upload = upload_node(wanted.plain)
        if upload is not None:
            key = key_of("file", upload, wanted.name, wanted.marker)
            return self._add(InputNote(wanted.name, "file", key, upload, wanted.default))
        if wanted.marker is None:
            return self._unmarked(wanted)
        return self._input(wanted, describe(wanted.annotation, wanted.names))

    def _unmarked(self, wanted: _Wanted) -> str | None:
        kind = self._kinds.get(wanted.name)
        if kind is not None and _AS_IT_IS[kind] is wanted.annotation:
            return f"path[{wanted.name!r}]"
        try:
            node = describe(wanted.annotation, wanted.names)
        except UnsupportedTypeError:
            if wanted.default is MISSING:
                raise
            return None  # It is nothing that a request could hold, so it is the program's own.
        if isinstance(behind(node), AnyNode):
            return self._untyped(wanted.name, wanted.default, wanted.where)
        return self._input(wanted, node)

    def _input(self, wanted: _Wanted, node: Node) -> str:
        source = self._source(wanted, node)
        key = key_of(source, node, wanted.name, wanted.marker)
        if not can_hold(source, node):
            raise UnsupportedTypeError(f"a {source} cannot hold such values")
        self._check_place(wanted, source, key)
        return self._add(InputNote(wanted.name, source, key, node, wanted.default))

    def _source(self, wanted: _Wanted, node: Node) -> Source:
        if wanted.marker is not None:
            return SOURCES[type(wanted.marker)]
        if wanted.name in self._kinds:
            return "path"
        return "query" if is_flat(node) else "body"

    def _check_place(self, wanted: _Wanted, source: Source, key: str) -> None:
        """Note what this route cannot give."""
        if source == "path" and key not in self._kinds:
            self._plan.mistakes.append(f"{wanted.where} is not a parameter of the path")
        if source in ("body", "form") and not self._has_body:
            self._plan.mistakes.append(
                f"{wanted.where} comes from the body, which this route has not; mark it with Query()"
            )
        if source == "query" and wanted.marker is None and wanted.default is MISSING:
            self._check_spelling(wanted)

    def _check_spelling(self, wanted: _Wanted) -> None:
        """Note a name that is likely to mean a parameter of the path that the handler does not take."""
        nearest = closest(wanted.name, list(self._untaken)) if self._untaken else None
        if nearest:
            self._plan.mistakes.append(
                f"{wanted.where} is not in the path; did you mean {nearest!r}? If not, mark it with Query()"
            )

    def _add(self, note: InputNote) -> str:
        self._plan.inputs.append(note)
        return f"i{len(self._plan.inputs) - 1}"

    def _model(self, wanted: _Wanted) -> str:
        model = wanted.plain
        if wanted.name not in self._kinds:
            self._plan.mistakes.append(
                f"{wanted.where} is a {model.__name__}, which is looked up by a parameter of the path; there is no "
                f"{{{wanted.name}}} in it"
            )
        field = field_of(model, wanted.marks, self._kinds.get(wanted.name, ""))
        self._plan.models.append(ModelNote(wanted.name, model, field))
        return f"m{len(self._plan.models) - 1}"

    def _provider(self, function: Callable[..., Any], where: str) -> str:
        known = self._provided.get(function)
        if known is not None:
            return known
        if function in self._underway:
            raise HandlerError(f"{where}: {function!r} needs itself")
        called = self._overrides.get(function, function)
        annotations = annotations_of(called)
        if annotations is None:
            raise HandlerError(f"{where}: the parameters of {called!r} are not known")
        self._underway.append(function)
        call, untaken = Call(called), self._untaken
        self._fill(call, annotations)
        self._underway.pop()
        self._untaken = untaken
        call.variable = self._provided[function] = f"p{len(self._plan.providers)}"
        self._plan.providers.append(call)
        return call.variable

    def _check_bodies(self, shown: str) -> None:
        bodies = [note for note in self._plan.inputs if note.source == "body"]
        forms = [note for note in self._plan.inputs if note.source in ("form", "file")]
        if len(bodies) > 1 or (bodies and forms):
            names = " and as ".join(note.name for note in [*bodies, *forms])
            self._plan.mistakes.append(f"handler {shown} reads the one body as {names}")


def _check_default(parameter: inspect.Parameter, where: str) -> None:
    """Refuse what stands as a default in other frameworks, and would be the value here.

    Raises:
        HandlerError: If the default is a mark.
    """
    default = parameter.default
    if isinstance(default, (Input, Provide, By)) or default in (*SOURCES, Provide, By):
        name = getattr(default, "__name__", type(default).__name__)
        raise HandlerError(
            f"{where}: {name} is no default; write {parameter.name}: Annotated[..., {name}(...)]"
        )


def _returned(annotations: Annotations) -> Node | None:
    """Return the type that a handler's results are written as; `None` if it has no class with fields in it."""
    annotation = annotations.signature.return_annotation
    if annotation is annotations.signature.empty:
        return None
    try:
        kept = without_responses(annotations.resolved(annotation))
        node = describe_result(kept, annotations.names)
    except (HandlerError, UnsupportedTypeError):
        # Whatever it is, the answer is made of what is returned; it may be a name for the type checker alone.
        return None
    return node if has_fields(node, set()) else None


def _add_argument(
    call: Call, parameter: inspect.Parameter, argument: str | None, *, by_place: bool
) -> None:
    if argument is None:
        return
    # The request by position, as a decorator around the handler may call its first parameter as it likes.
    can_go_by_place = parameter.kind is not parameter.KEYWORD_ONLY
    if parameter.kind is parameter.POSITIONAL_ONLY or (by_place and can_go_by_place):
        call.by_place.append(argument)
    else:
        call.by_name[parameter.name] = argument
