"""What is known of the function of an actor: its name, and what its signature takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from openviper.utils.signatures import signature_of

_PLAIN: dict[str, type] = {"int": int, "str": str, "float": float, "bool": bool}
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def default_name(fn: Callable[..., Any]) -> str:
    """Return the name that a function has as an actor when none is given.

    Raises:
        TypeError: If it is something that has no name of its own, such as a `functools.partial`.
    """
    try:
        return f"{fn.__module__}.{fn.__qualname__}"
    except AttributeError:
        raise TypeError(
            f"an actor is a function with a name, not {fn!r}; write a function that calls it"
        ) from None


def refuse_generators(fn: Callable[..., Any]) -> None:
    """Check that calling a function runs it.

    Raises:
        TypeError: If it is a generator.
    """
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise TypeError(f"{fn.__qualname__!r} is a generator: calling it does not run its body")


def task_signature(fn: Callable[..., Any]) -> tuple[inspect.Signature | None, int, int]:
    """Return the signature of a function, and least and most positional arguments that fit it without keywords; 1 and 0 for none."""
    try:
        signature = signature_of(fn)
    except (TypeError, ValueError):  # Some functions written in C have none.
        return None, 1, 0
    positional = [each for each in signature.parameters.values() if each.kind in _POSITIONAL]
    needed = [each for each in signature.parameters.values() if _is_needed(each)]
    if any(each.kind is each.KEYWORD_ONLY for each in needed):
        return signature, 1, 0
    return signature, len(needed), len(positional)


def annotations_of(signature: inspect.Signature | None) -> list[Any]:
    """Return the annotations of the parameters, in order; none if there is no signature."""
    return [] if signature is None else [each.annotation for each in signature.parameters.values()]


class _Other:
    """Stands for a type that has to be looked at more closely."""


def plain_type(annotation: Any) -> type | None:
    """Return the type that an annotation names, as far as that is seen at once; `None` for no annotation."""
    if annotation is inspect.Parameter.empty:
        return None
    name = annotation.__name__ if isinstance(annotation, type) else annotation
    return _PLAIN.get(name, _Other) if isinstance(name, str) else _Other


def plain_result(signature: inspect.Signature | None) -> type | None:
    """Return the type that stands for what is returned, as `plain_type` does."""
    return None if signature is None else plain_type(signature.return_annotation)


def _is_needed(parameter: inspect.Parameter) -> bool:
    is_gathered = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not is_gathered


def exception_types(name: str, given: object) -> tuple[type[BaseException], ...]:
    """Return one exception class, or several, as a tuple; `name` is what the caller knows them by.

    Raises:
        TypeError: If something else is among them.
    """
    if not isinstance(given, (type, Iterable)):
        raise TypeError(f"{name}={given!r} must be exception classes")
    types: list[type[BaseException]] = []
    for exception in (given,) if isinstance(given, type) else tuple(given):
        if not isinstance(exception, type) or not issubclass(exception, BaseException):
            raise TypeError(f"{name}={given!r} must be exception classes")
        types.append(exception)
    return tuple(types)
