"""What stands above the methods of a serializer: validators and computed fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Generic, Literal, NamedTuple, Self, TypeVar, get_type_hints, overload

from openviper.validation.faults import UnsupportedTypeError

Mode = Literal["before", "after"]
F = TypeVar("F")
T = TypeVar("T")
ATTRIBUTE = "__openviper_validator__"
_context: ContextVar[Mapping[str, Any]] = ContextVar("serializer_context", default={})  # noqa: B039 - never changed in place


class Validator(NamedTuple):
    """What is said of a method.

    Attributes:
        mode: Whether it is called before or after the value is read.
        fields: The fields whose values it is given, ``*`` for all; none for the data, or the instance, as a whole.
    """

    mode: Mode
    fields: tuple[str, ...] = ()


def field_validator(*names: str, mode: Mode = "after") -> Callable[[F], F]:
    """Have a class method look at the values of fields; it returns the value to go on with, or raises `ValueError`.

    ::

        @field_validator("title")
        @classmethod
        def not_blank(cls, value: str) -> str:
            if not value.strip():
                raise ValueError("must not be blank")
            return value.strip()

    A third parameter called ``context`` gets what `validate_data` was given as such. Defaults are not looked at.

    Args:
        *names: The fields; ``"*"`` for all of them.
        mode: ``after`` gives the value when it is of its type and fits, ``before`` gives what was sent.

    Raises:
        TypeError: If no field is named, there is no such mode, or the method is async.
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError("field_validator() needs the names of fields: @field_validator('title')")
    return partial(_noted, Validator(_checked(mode), names))


def model_validator(*, mode: Mode = "after") -> Callable[[F], F]:
    """Have a method look at everything at once; it raises `ValueError` if that does not fit together.

    ``after`` is for a plain method of the instance, whose fields fit each on its own. ``before`` is for a class method that is given
    a copy of the data, and returns the data to go on with.

    Of a PATCH an ``after`` method may ask for a field that was not sent. It is then not asked further, until `update` knows the row.

    Raises:
        TypeError: If there is no such mode, or the method is async.
    """
    return partial(_noted, Validator(_checked(mode)))


def _checked(mode: Mode) -> Mode:
    if mode not in ("before", "after"):
        raise TypeError(f"mode={mode!r} is neither 'before' nor 'after'")
    return mode


def _noted(validator: Validator, method: F) -> F:
    function = _function(method)
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"{function.__qualname__} is async; validators are not awaited")
    setattr(function, ATTRIBUTE, validator)
    return method


def _function(method: Any) -> Any:
    return method.__func__ if isinstance(method, (classmethod, staticmethod)) else method


def validators_of(cls: type[Any]) -> Iterator[tuple[str, Validator]]:
    """Yield the methods of a class, and of those it is derived from, that are validators, those of bases first."""
    seen: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            seen[name] = member
    for name, member in seen.items():
        validator = getattr(_function(member), ATTRIBUTE, None)
        if isinstance(validator, Validator):
            yield name, validator


def bound(cls: type[Any], name: str) -> Callable[[Any], Any]:
    """Return a validator that takes one value; the context is added where the method asks for it."""
    method = getattr(cls, name)
    if inspect.isfunction(inspect.getattr_static(cls, name)):
        method = partial(method, cls)  # Written without @classmethod.
    if "context" not in inspect.signature(method).parameters:
        return _plain(method)
    return lambda value: method(value, context=_context.get())


def _plain(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return method


def bound_to_instance(cls: type[Any], name: str) -> Callable[[Any], Any]:
    """Return a validator of instances that takes one."""
    method = inspect.getattr_static(cls, name)
    if not inspect.isfunction(method):
        raise TypeError(
            f"{cls.__qualname__}.{name}: a model_validator after reading is a method of the instance"
        )
    if "context" not in inspect.signature(method).parameters:
        return _plain(method)
    return lambda instance: method(instance, context=_context.get())


@contextmanager
def within(context: Mapping[str, Any] | None) -> Iterator[None]:
    """Give validators a context inside the block."""
    token = _context.set(context or {})
    try:
        yield
    finally:
        _context.reset(token)


class computed_field(Generic[T]):  # noqa: N801 - used like `property`
    """A field that is worked out from the others: sent, never received.

    ::

        @computed_field
        def full_name(self) -> str:
            return f"{self.first} {self.last}"

    Args:
        method: A method without parameters, whose annotation says the type; a `property` is taken, too.
    """

    def __init__(self, method: Callable[[Any], T] | property) -> None:
        of: Any = method.fget if isinstance(method, property) else method
        self.method: Callable[[Any], T] = of
        self.name = getattr(self.method, "__name__", "")
        self.__doc__ = self.method.__doc__
        if inspect.iscoroutinefunction(self.method):
            raise TypeError(f"{self.method.__qualname__} is async; computed fields are not awaited")

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any]) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any]) -> Self | T:
        """Return the value for an instance."""
        return self if instance is None else self.method(instance)

    def annotation(self, owner: type[Any]) -> Any:
        """Return the type of the values.

        Raises:
            UnsupportedTypeError: If the method does not say it.
        """
        hints = get_type_hints(self.method, include_extras=True)
        if "return" not in hints:
            raise UnsupportedTypeError(
                f"{owner.__qualname__}.{self.name} is computed, and does not say of which type; write `-> str`"
            )
        return hints["return"]


def computed_fields_of(cls: type[Any]) -> dict[str, computed_field[Any]]:
    """Return the computed fields of a class and of those it is derived from, by name."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            found.pop(name, None)
            if isinstance(member, computed_field):
                found[name] = member
    return found
