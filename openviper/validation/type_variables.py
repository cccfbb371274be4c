"""What the type variables of generic classes stand for."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

from openviper.validation.faults import UnsupportedTypeError


def type_variables(cls: Any, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """Return what each type variable of a class, and of those it is derived from, stands for."""
    parameters = getattr(cls, "__parameters__", ())
    found: dict[Any, Any] = dict(zip(parameters, arguments, strict=False))
    for base in getattr(cls, "__orig_bases__", ()):
        origin = get_origin(base)
        if origin is None or origin is typing.Generic:
            continue
        given = tuple(substituted(argument, found) for argument in get_args(base))
        found = {**type_variables(origin, given), **found}
    return found


def substituted(annotation: Any, variables: Mapping[Any, Any]) -> Any:
    """Return an annotation with its type variables replaced."""
    if isinstance(annotation, TypeVar):
        return variables.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not parameters or isinstance(annotation, type):
        return annotation
    return annotation[tuple(variables.get(parameter, parameter) for parameter in parameters)]


def bound(variable: TypeVar, variables: Mapping[Any, Any]) -> Any:
    """Return what a type variable stands for: what it is given, or what it may be at all.

    Raises:
        UnsupportedTypeError: If nothing says it.
    """
    found = variables.get(variable, variable)
    if found is not variable:
        return found
    if variable.__constraints__:
        return Union[variable.__constraints__]  # noqa: UP007 - of a tuple that is known at run time
    if variable.__bound__ is not None:
        return variable.__bound__
    raise UnsupportedTypeError(f"the type variable {variable.__name__} stands for no type")
