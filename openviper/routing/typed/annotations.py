"""The annotations of handlers and providers, with what the names in them mean."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
import types
import typing
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from openviper.routing.binding import HandlerError
from openviper.utils.signatures import signature_of


@dataclass(frozen=True)
class Annotations:
    """The annotations of one function.

    Attributes:
        signature: Its parameters.
        names: What the names mean that only the function around it knows.
    """

    signature: inspect.Signature
    names: Mapping[str, Any]
    globals: Mapping[str, Any]
    shown: str

    def without_first(self) -> Annotations:
        """Return the annotations of a method without its first parameter, which is what it is called on."""
        parameters = list(self.signature.parameters.values())[1:]
        return dataclasses.replace(self, signature=self.signature.replace(parameters=parameters))

    def resolved(self, annotation: Any) -> Any:
        """Return an annotation with its names looked up.

        Raises:
            HandlerError: If one means nothing.
        """

        def shim() -> None: ...

        shim.__annotations__ = {"it": annotation}
        try:
            hints = typing.get_type_hints(
                shim, dict(self.globals), dict(self.names), include_extras=True
            )
        except (NameError, AttributeError, SyntaxError, TypeError, LookupError) as error:
            raise HandlerError(
                f"handler {self.shown}: the annotation {annotation!r} means nothing: {error}"
            ) from None
        return hints["it"]


_known: weakref.WeakKeyDictionary[Callable[..., Any], Annotations] = weakref.WeakKeyDictionary()


def annotations_of(function: Callable[..., Any]) -> Annotations | None:
    """Return the annotations of a function; `None` if it tells nothing about its parameters.

    They are kept from the registration on, when the function around it still runs.
    """
    try:
        known = _known.get(function)
    except TypeError:
        known = None  # It cannot be referred to weakly.
    if known is not None:
        return known
    try:
        signature = signature_of(function)
    except (TypeError, ValueError):
        return None
    plain = _plain(function)
    shown = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', function)}"
    made = Annotations(signature, _names_around(plain), getattr(plain, "__globals__", {}), shown)
    try:
        _known[function] = made
    except TypeError:
        pass
    return made


def _plain(function: Any) -> Any:
    """Return the function in which the annotations are written."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return _plain(function.func)
    if isinstance(function, type):
        return vars(function).get("__init__", function)
    if inspect.isroutine(function):
        return getattr(function, "__func__", function)
    return type(function).__call__


def _names_around(function: Any) -> dict[str, Any]:
    """Return the local names of the function in which a function is being defined."""
    around, _, _ = getattr(function, "__qualname__", "").rpartition(".<locals>.")
    name = around.rpartition(".")[2]
    frame: types.FrameType | None = sys._getframe(1) if name else None
    while frame is not None and not _runs(frame, name, function):
        frame = frame.f_back
    return {} if frame is None else dict(frame.f_locals)


def _runs(frame: types.FrameType, name: str, inner: Any) -> bool:
    """Return whether a function of this name, in the module of an inner one, runs in a frame."""
    return frame.f_code.co_name == name and frame.f_globals is inner.__globals__
