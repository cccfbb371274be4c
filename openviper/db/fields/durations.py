"""Spans of time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.column_types import DurationColumn
from openviper.utils.importing import lazy_pattern

T = TypeVar("T")

_LIMIT = 2**63
_TEXT = lazy_pattern(
    r"(?:(-?\d{1,9}) days?,? )?(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?\Z", re.ASCII
)


def microseconds(value: timedelta) -> int:
    """Return the whole length in microseconds, by integers only: `total_seconds` is a float."""
    return (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds


def _read(value: int) -> timedelta:
    return timedelta(microseconds=int(value))


class DurationField(Field[T]):
    """A span of time, exact to the microsecond, up to about 292,000 years either way."""

    base_type = "BIGINT"
    python_type = timedelta

    column_class = DurationColumn

    @overload
    def __init__(
        self: DurationField[timedelta],
        *,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: DurationField[timedelta | None],
        *,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(self, *, null: bool = False, **options: Unpack[FieldOptions]) -> None:
        super().__init__(null=null, **options)

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> DurationColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def to_python(self, value: Any) -> Any:
        """Return a `timedelta`; an `int` counts microseconds, text is what `str` makes of a `timedelta`."""
        length = super().to_python(value)
        if length is not None and not -_LIMIT <= microseconds(length) < _LIMIT:
            raise ValueError(f"{self.name}: {value!r} does not fit into 64 bits of microseconds")
        return length

    def _convert(self, value: Any) -> timedelta:
        try:
            if isinstance(value, str):
                return self._parse(value)
            if isinstance(value, int) and not isinstance(value, bool):
                return _read(value)
        except OverflowError:
            raise ValueError(f"{self.name}: {value!r} is too long a duration") from None
        return self._checked(value)

    def _checked(self, value: Any) -> timedelta:
        if not isinstance(value, timedelta):
            raise ValueError(f"{self.name}: {value!r} is not a duration")
        return value

    def _parse(self, text: str) -> timedelta:
        match = _TEXT.match(text.strip())
        if match is None:
            raise ValueError(f"{self.name}: {text!r} is not a duration such as '1 day, 2:03:04.5'")
        days, sign, hours, minutes, seconds, fraction = match.groups(default="0")
        length = timedelta(
            hours=int(hours),
            minutes=int(minutes),
            seconds=int(seconds),
            microseconds=int(fraction.ljust(6, "0")),
        )
        return timedelta(days=int(days)) + (-length if sign == "-" else length)

    def writer(self, dialect: Dialect) -> Converter | None:
        """Return the conversion into microseconds."""
        return microseconds

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the conversion from microseconds."""
        return _read

    def validate(self, value: Any) -> None:
        """Check that the value can be understood and fits."""
        super().validate(value)
        self.to_python(value)
