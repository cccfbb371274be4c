"""Numbers and truth values."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.column_types import BooleanColumn, NumberColumn

T = TypeVar("T")

_DRIVER_LIMIT = 2**63
_TRUTH = {
    **dict.fromkeys(("1", "true", "yes", "on", "t", "y"), True),
    **dict.fromkeys(("0", "false", "no", "off", "f", "n", ""), False),
}
"""What texts mean, in lower case."""
# SQLite makes NULL of NaN (https://sqlite.org/floatingpoint.html); MariaDB and MySQL have neither.
_NOT_KEPT: dict[str, Callable[[float], bool]] = {"sqlite": math.isnan, "mysql": lambda _value: True}


_MOST_DIGITS = 400
"""More than any float has; a decimal with more is not written out, which could take gigabytes."""


def _is_whole(value: float | Decimal) -> bool:
    if not math.isfinite(value):
        return False
    is_huge = isinstance(value, Decimal) and value.adjusted() > _MOST_DIGITS
    return not is_huge and value == int(value)


def _shown(number: int) -> str:
    """Return a number for a message; Python refuses to write out one of more than some thousand digits."""
    return repr(number) if number.bit_length() < 1000 else f"a number of {number.bit_length()} bits"


class IntegerField(Field[T]):
    """A whole number of 32 bits."""

    base_type = "INTEGER"
    python_type = int
    minimum = -(2**31)
    maximum = 2**31 - 1

    column_class = NumberColumn

    @overload
    def __init__(
        self: IntegerField[int], *, null: Literal[False] = ..., **options: Unpack[FieldOptions]
    ) -> None: ...
    @overload
    def __init__(
        self: IntegerField[int | None], *, null: Literal[True], **options: Unpack[FieldOptions]
    ) -> None: ...
    def __init__(self, *, null: bool = False, **options: Unpack[FieldOptions]) -> None:
        super().__init__(null=null, **options)

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> NumberColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def to_python(self, value: Any) -> Any:
        """Return an `int`; text and integral floats are converted."""
        number = value if value.__class__ is int else super().to_python(value)
        if number is not None and not -_DRIVER_LIMIT <= number < _DRIVER_LIMIT:
            raise ValueError(f"{self.name}: {_shown(number)} does not fit into 64 bits")
        return number

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        # Numbers near the limit of 64 bits take longer to compare; the few beyond this range are converted in vain.
        return self.valid_test()

    def to_column(self, value: Any) -> Any:
        """Return the number; one out of the range is refused, as SQLite would keep it."""
        number = self.to_python(value)
        if number is not None:
            self._check_range(number)
        return number

    def _convert(self, value: Any) -> int:
        if isinstance(value, (int, str)):
            try:
                return int(value)
            except ValueError:
                pass
        elif isinstance(value, (float, Decimal)) and _is_whole(value):
            return int(value)
        raise ValueError(f"{self.name}: {value!r} is not a whole number")

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return f"{{0}}.__class__ is int and {self.minimum} <= {{0}} <= {self.maximum}"

    def validate(self, value: Any) -> None:
        """Check the range."""
        super().validate(value)
        if value is not None:
            self._check_range(self.to_python(value))

    def _check_range(self, number: int) -> None:
        if not self.minimum <= number <= self.maximum:
            raise ValueError(
                f"{self.name}: {number!r} is not between {self.minimum} and {self.maximum}"
            )


class BigIntegerField(IntegerField[T]):
    """A whole number of 64 bits."""

    base_type = "BIGINT"
    minimum = -(2**63)
    maximum = 2**63 - 1

    @overload
    def __init__(
        self: BigIntegerField[int], *, null: Literal[False] = ..., **options: Unpack[FieldOptions]
    ) -> None: ...
    @overload
    def __init__(
        self: BigIntegerField[int | None], *, null: Literal[True], **options: Unpack[FieldOptions]
    ) -> None: ...
    def __init__(self, *, null: bool = False, **options: Unpack[FieldOptions]) -> None:
        Field.__init__(self, null=null, **options)


class SmallIntegerField(IntegerField[T]):
    """A whole number of 16 bits."""

    base_type = "SMALLINT"
    minimum = -(2**15)
    maximum = 2**15 - 1

    @overload
    def __init__(
        self: SmallIntegerField[int], *, null: Literal[False] = ..., **options: Unpack[FieldOptions]
    ) -> None: ...
    @overload
    def __init__(
        self: SmallIntegerField[int | None], *, null: Literal[True], **options: Unpack[FieldOptions]
    ) -> None: ...
    def __init__(self, *, null: bool = False, **options: Unpack[FieldOptions]) -> None:
        Field.__init__(self, null=null, **options)


class PositiveIntegerField(IntegerField[T]):
    """A whole number of 32 bits that is not negative."""

    minimum = 0

    @overload
    def __init__(
        self: PositiveIntegerField[int],
        *,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: PositiveIntegerField[int | None],
        *,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(self, *, null: bool = False, **options: Unpack[FieldOptions]) -> None:
        Field.__init__(self, null=null, **options)


class AutoField(IntegerField[int]):
    """A primary key that the database numbers, of 32 bits."""

    def __init__(self, **options: Unpack[FieldOptions]) -> None:
        options["primary_key"] = options["auto_increment"] = True
        Field.__init__(self, **options)


class BigAutoField(AutoField):
    """A primary key that the database numbers, of 64 bits."""

    base_type = "BIGINT"
    minimum = -(2**63)
    maximum = 2**63 - 1


class FloatField(Field[T]):
    """A floating-point number.

    Args:
        allow_inf: Accept infinities.
        allow_nan: Accept NaN.
    """

    base_type = "REAL"
    python_type = float

    column_class = NumberColumn

    @overload
    def __init__(
        self: FloatField[float],
        *,
        allow_inf: bool = ...,
        allow_nan: bool = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: FloatField[float | None],
        *,
        allow_inf: bool = ...,
        allow_nan: bool = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        allow_inf: bool = False,
        allow_nan: bool = False,
        null: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(null=null, **options)
        self.allow_inf = allow_inf
        self.allow_nan = allow_nan

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> NumberColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return self.valid_test()

    def to_column(self, value: Any) -> Any:
        """Return the number; infinities and NaN are refused unless allowed."""
        number = self.to_python(value)
        if number is not None:
            self._check_finite(number)
        return number

    def _convert(self, value: Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{self.name}: {value!r} is not a number") from None

    def writer(self, dialect: Dialect) -> Converter | None:
        """Return the dialect's conversion; if infinities or NaN are allowed, one that refuses what it cannot keep."""
        write = super().writer(dialect)
        unable = _NOT_KEPT.get(dialect.name)
        if unable is None or not (self.allow_inf or self.allow_nan):
            return write
        return self._checked_writer(dialect.name, unable, write or float)

    def _checked_writer(
        self, vendor: str, unable: Callable[[float], bool], write: Converter
    ) -> Converter:
        def write_checked(value: float) -> Any:
            if unable(value) and not math.isfinite(value):
                raise ValueError(f"{self.name}: {vendor} cannot store {value!r}")
            return write(value)

        return write_checked

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return "{0}.__class__ is float and {0} - {0} == 0.0"

    def validate(self, value: Any) -> None:
        """Reject infinities and NaN unless allowed."""
        super().validate(value)
        if value is not None:
            self._check_finite(self.to_python(value))

    def _check_finite(self, number: float) -> None:
        if math.isinf(number) and not self.allow_inf:
            raise ValueError(f"{self.name}: {number!r} is not finite")
        if math.isnan(number) and not self.allow_nan:
            raise ValueError(f"{self.name}: {number!r} is not a number")


class BooleanField(Field[T]):
    """True or false; text such as ``yes`` and ``off`` is understood."""

    base_type = "BOOLEAN"
    python_type = bool

    column_class = BooleanColumn

    @overload
    def __init__(
        self: BooleanField[bool], *, null: Literal[False] = ..., **options: Unpack[FieldOptions]
    ) -> None: ...
    @overload
    def __init__(
        self: BooleanField[bool | None], *, null: Literal[True], **options: Unpack[FieldOptions]
    ) -> None: ...
    def __init__(self, *, null: bool = False, **options: Unpack[FieldOptions]) -> None:
        super().__init__(null=null, **options)

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> BooleanColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0} is True or {0} is False"

    def _convert(self, value: Any) -> bool:
        truth: bool | None = None
        if isinstance(value, str):
            truth = _TRUTH.get(value.strip().lower())
        elif isinstance(value, (int, float)):
            truth = bool(value) if value in (0, 1) else None
        if truth is None:
            raise ValueError(f"{self.name}: {value!r} is neither true nor false")
        return truth

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return "{0} is True or {0} is False"

    def validate(self, value: Any) -> None:
        """Check that the value can be understood."""
        super().validate(value)
        self.to_python(value)


class NullBooleanField(BooleanField[bool | None]):
    """True, false or NULL; `BooleanField(null=True)` under the name that older code has for it."""

    def __init__(self, *, null: bool = True, **options: Unpack[FieldOptions]) -> None:
        Field.__init__(self, null=True, **options)
