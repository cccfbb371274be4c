"""Arguments and results by their annotations: checked and written as JSON where they are sent, read into the types where they arrive.

A parameter whose annotation names what exists for the type checker only, or is no type of data, takes what JSON has; so
does a result.
"""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from openviper.tasks.exceptions import BadMessageError, ResultTypeError
from openviper.utils.signatures import signature_of
from openviper.validation.describing import describe
from openviper.validation.dumping import Dumper, DumpError
from openviper.validation.faults import ParseError, UnsupportedTypeError
from openviper.validation.nodes import (
    AliasNode,
    AnyNode,
    ArrayNode,
    LiteralNode,
    MapNode,
    Node,
    NullableNode,
    RecordNode,
    ScalarNode,
    UnionNode,
)
from openviper.validation.parsers import Parser, parser_of
from openviper.validation.recursion import children

RESULT = object()
"""Stands for the result of the step before, which is not known when a chain is sent."""
Arguments = tuple[tuple[Any, ...], dict[str, Any]]
Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Parameter:
    """What is known of the type of a parameter, or of a result.

    Attributes:
        parse: Reads data into the type, or raises `ParseError`.
        write: Makes what JSON has of a value; `None` if the value is that already.
        barrier: Why no value can be sent; empty if it can.
    """

    parse: Convert
    write: Convert | None
    barrier: str

    def read(self, value: Any) -> Any:
        """Return data as the type has it; text with half a surrogate pair as it is, where JSON of ASCII carries it.

        Raises:
            ParseError: If it does not fit.
        """
        try:
            return self.parse(value)
        except ParseError as error:
            if self.write is None and _is_about_surrogates(error):
                return value
            raise


def write_arguments(
    name: str, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Arguments:
    """Return the arguments of a call as they are sent.

    Args:
        name: The actor, for the message.
        fn: Its function.
        args: Arguments by place; they fit the signature.
        kwargs: Arguments by name.

    Raises:
        TypeError: If one is of another type than its annotation says; names the parameter and what is wrong.
    """
    begin = f"actor {name!r} cannot be called so"
    return _converted(fn, args, kwargs, lambda key, of, value: _sent(begin, key, of, value))


def _sent(begin: str, key: str, of: Parameter, value: Any) -> Any:
    if of.barrier:
        raise TypeError(f"{begin}: {key}: {of.barrier}")
    try:
        read = of.read(value)
    except ParseError as error:
        raise TypeError(f"{begin}: {error.below(key)}") from None
    return value if of.write is None else _written(f"{begin}: {key}", of.write, read)


def _written(begin: str, write: Convert, value: Any) -> Any:
    try:
        return write(value)
    except DumpError as error:
        raise TypeError(f"{begin}: {error}") from None


def read_arguments(
    name: str, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Arguments:
    """Return the arguments of a message as the function gets them.

    Args:
        name: The actor, for the message.
        fn: Its function.
        args: What was sent by place.
        kwargs: What was sent by name.

    Raises:
        BadMessageError: If they do not fit the function; names the parameters, without values, which may be secret.
    """
    try:
        return _converted(fn, args, kwargs, _received)
    except ParseError as error:
        raise BadMessageError(
            f"actor {name!r} cannot be called so: {_without_values(error)}"
        ) from None
    except TypeError as error:
        raise BadMessageError(f"actor {name!r} cannot be called so: {error}") from None


def _without_values(error: ParseError) -> str:
    """Return what is wrong, without the values, which may be secret."""
    return "; ".join(": ".join([*_places(fault.place), fault.message]) for fault in error.faults)


def _places(place: Sequence[str | int]) -> list[str]:
    return [".".join(map(str, place))] if place else []


def write_result(name: str, fn: Callable[..., Any], value: Any) -> Any:
    """Return what a function returned as it is kept, and passed to the next step of a chain.

    Args:
        name: The actor, for the message.
        fn: Its function.
        value: What it returned.

    Raises:
        TypeError: If that is of another type than the annotation says; without the value, which may be secret.
    """
    known = _result_of(fn)
    if known is None:
        return value
    begin = f"the result of actor {name!r} is not what its annotation says"
    if known.barrier:
        raise TypeError(f"{begin}: {known.barrier}")
    try:
        read = known.read(value)
    except ParseError as error:
        raise TypeError(f"{begin}: {_without_values(error)}") from None
    return value if known.write is None else _written(begin, known.write, read)


def read_result(name: str, fn: Callable[..., Any], value: Any) -> Any:
    """Return what a function returned, in the type of its annotation.

    Args:
        name: The actor, for the message.
        fn: Its function.
        value: What was kept.

    Raises:
        ResultTypeError: If that does not fit the annotation, as one that was changed since.
    """
    known = _result_of(fn)
    if known is None:
        return value
    try:
        return known.read(value)
    except ParseError as error:
        raise ResultTypeError(name, _without_values(error)) from None


@lru_cache(maxsize=1024)
def _result_of(fn: Callable[..., Any]) -> Parameter | None:
    annotation = signature_of(fn).return_annotation
    if annotation is inspect.Signature.empty:
        return None
    return _known(_described(fn, annotation))


def _received(key: str, of: Parameter, value: Any) -> Any:
    try:
        return of.read(value)
    except ParseError as error:
        raise error.below(key) from None


def _is_about_surrogates(error: ParseError) -> bool:
    """Return whether all that is wrong is half a surrogate pair."""
    return all(fault.code == "text" for fault in error.faults)


def _converted(
    fn: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    convert: Callable[[str, Parameter, Any], Any],
) -> Arguments:
    signature, known = _parameters_of(fn)
    bound = signature.bind(*args, **kwargs)
    for key, value in bound.arguments.items():
        if key in known and value is not RESULT:
            bound.arguments[key] = convert(key, known[key], value)
    # As they were given: by place what was given by place.
    given = [key for key in list(bound.arguments)[: len(args)] if _is_by_place(signature, key)]
    by_place = [bound.arguments[key] for key in given]
    by_name = {
        key: bound.arguments[key] if key in known else value for key, value in kwargs.items()
    }
    return (*by_place, *args[len(by_place) :]), by_name


def _is_by_place(signature: inspect.Signature, key: str) -> bool:
    return signature.parameters[key].kind in _BY_PLACE


_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@lru_cache(maxsize=1024)
def _parameters_of(fn: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, Parameter]]:
    signature = signature_of(fn)
    known: dict[str, Parameter] = {}
    for name, parameter in signature.parameters.items():
        made = _parameter(fn, parameter)
        if made is not None:
            known[name] = made
    return signature, known


def _parameter(fn: Callable[..., Any], parameter: inspect.Parameter) -> Parameter | None:
    gathers = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    if gathers or parameter.annotation is parameter.empty:
        return None
    return _known(_described(fn, parameter.annotation))


def _known(node: Node | None) -> Parameter | None:
    if node is None or isinstance(node, AnyNode):
        return None
    parser: Parser[Any] = parser_of(node)
    if _is_json(node):
        return Parameter(parser.parse, None, "")
    return Parameter(parser.parse, _JSONDumper(node).write, _barrier(node, set()))


def _described(fn: Callable[..., Any], annotation: Any) -> Node | None:
    """Return the type that an annotation means; `None` if nothing is known of it."""
    try:
        return describe(_awaited(_resolved(fn, annotation)))
    except (UnsupportedTypeError, NameError, AttributeError):
        return None


def _awaited(annotation: Any) -> Any:
    """Return what comes of a call that is annotated with its coroutine: a plain function around one of `async def`."""
    if typing.get_origin(annotation) in (Awaitable, Coroutine):
        return typing.get_args(annotation)[-1]
    return annotation


def _resolved(fn: Callable[..., Any], annotation: Any) -> Any:
    def shim() -> None: ...

    shim.__annotations__ = {"it": annotation}
    names = getattr(inspect.unwrap(fn), "__globals__", {})
    return typing.get_type_hints(shim, names, include_extras=True)["it"]


def _check_finite(value: float) -> None:
    """Refuse what would be written as `None`: an instance of a class is not read anew before it is written."""
    if not math.isfinite(value):
        raise DumpError("a number is not finite")


def _check_exact(value: timedelta) -> None:
    """Refuse what would be rounded: seconds are written as a float."""
    if abs(value) > _LONGEST and value.microseconds:
        raise DumpError("a duration is too long to be written to the microsecond")


_LONGEST = timedelta(seconds=2**32)
"""Up to here, about 136 years, a float tells microseconds from each other."""
_CHECKS: Mapping[type, Convert] = {float: _check_finite, timedelta: _check_exact}


class _JSONDumper(Dumper):
    """Writes values of a type so that nothing is lost, and leaves alone what may be anything: JSON has it, or refuses it."""

    def _checked(self, node: ScalarNode, variable: str) -> list[str]:
        lines = self._scalar(node, variable)
        check = _CHECKS.get(node.type)
        if check is None:
            return lines
        # The first line looks at the type.
        return [lines[0], f"{self.code.bind(check)}({variable})", *lines[1:]]

    _FORMS = {
        **Dumper._FORMS,
        AnyNode: lambda _self, _node, _variable: [],
        ScalarNode: _checked,
    }


_JSON_TYPES = frozenset({str, int, float, bool, type(None)})


def _is_json(node: Node) -> bool:
    """Return whether JSON has all values of a type as they are."""
    test = _IN_JSON.get(type(node))
    return test is not None and test(node)


def _parts_are_json(node: Node) -> bool:
    return all(map(_is_json, children(node)))


def _has_text_keys(node: MapNode) -> bool:
    return isinstance(node.key_node, ScalarNode) and node.key_node.type is str


_IN_JSON: Mapping[type[Node], Callable[[Any], bool]] = {
    AnyNode: lambda _: True,
    ScalarNode: lambda node: node.type in _JSON_TYPES,
    LiteralNode: lambda node: all(type(value) in _JSON_TYPES for value in node.values),
    ArrayNode: lambda node: node.container is list and _parts_are_json(node),
    MapNode: lambda node: _has_text_keys(node) and _parts_are_json(node),
    NullableNode: _parts_are_json,
    UnionNode: _parts_are_json,
}


def _barrier(node: Node, seen: set[Any]) -> str:
    """Return why what is sent of a type would not be read again; empty if it would."""
    if isinstance(node, (RecordNode, AliasNode)):
        if node.key in seen:
            return ""
        seen.add(node.key)
    if isinstance(node, RecordNode):
        for field in node.fields:
            if not (field.is_received and field.is_sent):
                return f"{node.name}.{field.name} cannot be both written and read"
    return next(filter(None, (_barrier(child, seen) for child in children(node))), "")
