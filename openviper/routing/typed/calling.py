"""From the plan of a typed handler to the function that answers a request: generated when the route is registered."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openviper.exceptions import NotFound
from openviper.http.responses import JSONResponse, Response
from openviper.routing.binding import Handler, HandlerError
from openviper.routing.typed.inputs import CookieValues, make_reader, other_files
from openviper.routing.typed.planning import Planner
from openviper.routing.typed.plans import Call, InputNote, ModelNote, Source, TypedPlan
from openviper.routing.typed.providing import Overrides, Provisions, overrides
from openviper.validation.code import Code, indented
from openviper.validation.dumping import dumper_of
from openviper.validation.faults import ParseError

Lines = list[str]
_SOURCES = {
    "path": "path",
    "query": "request.query_params",
    "header": "request.headers",
    "cookie": "cookies",
    "form": "form",
    "file": "form",
    "body": "request",
}
"""The expression of what each source's readers are given."""


def bind_typed(
    handler: Handler, kinds: Mapping[str, str], methods: Sequence[str], receiver: str = ""
) -> tuple[Handler, TypedPlan]:
    """Return the function of the request alone that calls a typed handler, and the plan of the call.

    Args:
        handler: The handler.
        kinds: The converters of the parameters of its path, by their names.
        methods: The methods that it answers.
        receiver: The expression of what its first parameter is, if the handler is a method.

    Raises:
        HandlerError: If an annotation means nothing, or is of a type that cannot be read.
    """

    def make_plan(replaced: Overrides) -> TypedPlan:
        return Planner(kinds, methods, replaced).plan(handler, receiver)

    plan = make_plan({})
    endpoint = _make_endpoint(plan)
    return (_overridable(endpoint, make_plan) if plan.providers else endpoint), plan


def _overridable(endpoint: Handler, make_plan: Callable[[Overrides], TypedPlan]) -> Handler:
    """Return an endpoint that calls other providers where a test says so."""

    def call(request: Any) -> Any:
        replaced: Overrides = overrides.get()
        if not replaced:
            return endpoint(request)
        return _make_endpoint(make_plan(replaced))(request)

    return call


def _make_endpoint(plan: TypedPlan) -> Handler:
    if plan.mistakes:
        return _refusing("; ".join(plan.mistakes))
    code = Code()
    inputs = _input_lines(plan.inputs, code)
    needed = [*_model_lines(plan.models, code), *_provider_lines(plan, code)]
    yields = any(_yields(call.function) for call in plan.providers)
    is_async = plan.returns is not None or any("await " in line for line in [*inputs, *needed])
    answer = _handler_lines(plan, code, is_async=is_async)
    lines = [*needed, *answer]
    if yields:
        lines = _guarded(lines, code)
    name = code.name("endpoint", getattr(plan.handler.function, "__name__", ""))
    code.define(name, "request", [*inputs, *lines], is_async=is_async)
    endpoint: Handler = code.namespace[name]
    return endpoint


def _refusing(mistakes: str) -> Handler:
    def endpoint(_: Any) -> Any:
        raise HandlerError(mistakes)

    return endpoint


def _input_lines(inputs: Sequence[InputNote], code: Code) -> Lines:
    """Return the code that reads everything and then raises what is wrong with it."""
    lines = ["path = request.scope['path_params']"]
    if not inputs:
        return lines
    lines += ["faults = []", *_source_lines({note.source for note in inputs}, code)]
    for place, note in enumerate(inputs):
        read = f"{code.bind(make_reader(note))}({_SOURCES[note.source]}, faults)"
        lines.append(f"i{place} = {'await ' if note.source == 'body' else ''}{read}")
    if any(note.source == "form" and not note.key for note in inputs):
        files = frozenset(note.key for note in inputs if note.source == "file")
        lines.append(f"{code.bind(other_files(files))}(form, faults)")
    return [*lines, f"if faults: raise {code.bind(ParseError)}(faults)"]


def _source_lines(sources: set[Source], code: Code) -> Lines:
    lines = []
    if "cookie" in sources:
        lines.append(f"cookies = {code.bind(CookieValues)}(request.cookies)")
    if sources & {"form", "file"}:
        lines.append("form = await request.form()")
    return lines


def _model_lines(models: Sequence[ModelNote], code: Code) -> Lines:
    return [
        f"m{place} = await {code.bind(_finder(note))}(path[{note.key!r}])"
        for place, note in enumerate(models)
    ]


def _finder(note: ModelNote) -> Callable[[Any], Any]:
    model, field = note.model, note.field

    async def find(value: Any) -> Any:
        try:
            return await model.objects.get_or_404(**{field: value})
        except ValueError:
            raise NotFound from None

    return find


def _provider_lines(plan: TypedPlan, code: Code) -> Lines:
    return [f"{call.variable} = {_provided(call, code)}" for call in plan.providers]


def _provided(call: Call, code: Code) -> str:
    expression = _call(call, code)
    if _yields(call.function):
        return f"await provisions.enter({expression})"
    return f"await {expression}" if _is_async(call.function) else expression


def _is_async(function: Callable[..., Any]) -> bool:
    # Of an object that can be called, its class says it.
    call = function if inspect.isroutine(function) else type(function).__call__
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _yields(function: Callable[..., Any]) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _guarded(lines: Lines, code: Code) -> Lines:
    """Return code in which providers that yield are ended whatever happens."""
    return [
        f"provisions = {code.bind(Provisions)}(request)",
        "try:",
        *indented(lines),
        "except BaseException as error:",
        "    await provisions.fail(error)",
        "    raise",
        "finally:",
        "    provisions.keep()",
    ]


def _handler_lines(plan: TypedPlan, code: Code, *, is_async: bool) -> Lines:
    call = _call(plan.handler, code)
    if not is_async:
        return [f"return {call}"]  # The application awaits it.
    lines = [f"r = {call}", "if hasattr(r, '__await__'): r = await r"]
    if plan.returns is None:
        return [*lines, "return r"]
    response, json = code.bind(Response), code.bind(JSONResponse)
    write = code.bind(dumper_of(plan.returns))
    return [*lines, f"return r if isinstance(r, {response}) else {json}({write}(r))"]


def _call(call: Call, code: Code) -> str:
    arguments = [*call.by_place, *(f"{name}={value}" for name, value in call.by_name.items())]
    return f"{code.bind(call.function)}({', '.join(arguments)})"
