"""Data that waits for being validated: ``BookIn(data=...)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, overload

from openviper.validation.faults import ParseError

S = TypeVar("S")
T_co = TypeVar("T_co", covariant=True)


class Staged:
    """Data, and what was found wrong with it.

    Args:
        data: The data.
        partial: Whether every field may be missing.
        context: What validators are given.
    """

    def __init__(
        self, data: object, partial: bool = False, context: Mapping[str, Any] | None = None
    ) -> None:
        self.data = data
        self.partial = partial
        self.context = context
        self._error: ParseError | None = None

    def run(self, cls: type[Any]) -> Any:
        """Return an instance of a serializer; `None` if the data does not fit."""
        try:
            return cls.validate_data(self.data, partial=self.partial, context=self.context)
        except ParseError as error:
            self._error = error
            return None

    @property
    def error(self) -> ParseError:
        """What is wrong.

        Raises:
            RuntimeError: If nobody has looked.
        """
        if self._error is None:
            raise RuntimeError("errors are known when validate() has been called")
        return self._error

    @property
    def errors(self) -> list[Any]:
        """What is wrong, as a list."""
        return [fault.as_dict() for fault in self.error.faults]


class _OfData(Protocol[T_co]):
    """`validate` of a class."""

    def __call__(
        self, data: object, *, partial: bool = ..., context: Mapping[str, Any] | None = ...
    ) -> T_co: ...


class _OfStaged(Protocol):
    """`validate` of an instance that was made with ``data=``."""

    def __call__(self, *, raise_exception: bool = ...) -> bool: ...


class Validate:
    """`validate`, of the class and of an instance that was made with ``data=``."""

    @overload
    def __get__(self, instance: None, owner: type[S]) -> _OfData[S]: ...
    @overload
    def __get__(self, instance: S, owner: type[S]) -> _OfStaged: ...
    def __get__(self, instance: Any, owner: Any) -> Any:
        """Return what checks data, or the data that the instance was made with."""
        return owner.validate_data if instance is None else instance._validate_staged
