"""Numbers and truth values."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Literal, TypeVar, Unpack, overload

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field, FieldOptions, unwrap_enum

T = TypeVar("T")

_DRIVER_LIMIT = 2**63
_TRUE = {"1", "true", "yes", "on", "t", "y"}
# SQLite makes NULL of NaN (https://sqlite.org/floatingpoint.html); MariaDB and MySQL have neither.
_NOT_KEPT: dict[str, Callable[[float], bool]] = {"sqlite": math.isnan, "mysql": lambda _value: True}
_FALSE = {"0", "false", "no", "off", "f", "n", ""}


class IntegerField(Field[T]):
    """A whole number of 32 bits."""

    base_type = "INTEGER"
    minimum = -(2**31)
    maximum = 2**31 - 1

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

    def to_python(self, value: Any) -> Any:
        """Return an `int`; text and integral floats are converted."""
        if value.__class__ is not int:
            if value is None:
                return None
            value = self._convert(unwrap_enum(value))
        if not -_DRIVER_LIMIT <= value < _DRIVER_LIMIT:
            raise ValueError(f"{self.name}: {value!r} does not fit into 64 bits")
        return value

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return f"{{0}}.__class__ is int and {-_DRIVER_LIMIT} <= {{0}} < {_DRIVER_LIMIT}"

    def _convert(self, value: Any) -> int:
        if isinstance(value, (float, Decimal)):
            if not math.isfinite(value) or value != int(value):
                raise ValueError(f"{self.name}: {value!r} is not a whole number")
            return int(value)
        if isinstance(value, (int, str)):
            try:
                return int(value)
            except ValueError:
                pass
        raise ValueError(f"{self.name}: {value!r} is not a whole number")

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return f"{{0}}.__class__ is int and {self.minimum} <= {{0}} <= {self.maximum}"

    def validate(self, value: Any) -> None:
        """Check the range."""
        super().validate(value)
        if value is not None:
            number = self.to_python(value)
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

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0}.__class__ is float"

    def to_python(self, value: Any) -> Any:
        """Return a `float`."""
        if value is None or value.__class__ is float:
            return value
        try:
            return float(unwrap_enum(value))
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{self.name}: {value!r} is not a number") from None

    def writer(self, dialect: Dialect) -> Converter | None:
        """Return the dialect's conversion; if infinities or NaN are allowed, one that refuses what it cannot keep."""
        inner = super().writer(dialect)
        unable = _NOT_KEPT.get(dialect.name)
        if unable is None or not (self.allow_inf or self.allow_nan):
            return inner

        def write(value: float) -> Any:
            if not math.isfinite(value) and unable(value):
                raise ValueError(f"{self.name}: {dialect.name} cannot store {value!r}")
            return value if inner is None else inner(value)

        return write

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return "{0}.__class__ is float and {0} - {0} == 0.0"

    def validate(self, value: Any) -> None:
        """Reject infinities and NaN unless allowed."""
        super().validate(value)
        if value is None:
            return
        number = self.to_python(value)
        if math.isinf(number) and not self.allow_inf:
            raise ValueError(f"{self.name}: {number!r} is not finite")
        if math.isnan(number) and not self.allow_nan:
            raise ValueError(f"{self.name}: {number!r} is not a number")


class DecimalField(Field[T]):
    """A decimal number of fixed precision.

    Args:
        max_digits: Most digits, those behind the point included.
        decimal_places: Digits behind the point.
    """

    @overload
    def __init__(
        self: DecimalField[Decimal],
        *,
        max_digits: int = ...,
        decimal_places: int = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: DecimalField[Decimal | None],
        *,
        max_digits: int = ...,
        decimal_places: int = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        max_digits: int = 10,
        decimal_places: int = 2,
        null: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(null=null, **options)
        if not 0 <= decimal_places <= max_digits or max_digits < 1:
            raise ValueError(
                f"decimal_places={decimal_places!r} does not go with max_digits={max_digits!r}"
            )
        self.max_digits = max_digits
        self.decimal_places = decimal_places
        self._unit = Decimal((0, (1,), -decimal_places))
        # The context of the thread has 28 digits, which would round what has more.
        self._context = Context(prec=max(28, max_digits))

    def db_type(self) -> str:
        """Return ``NUMERIC(digits,places)``."""
        return f"NUMERIC({self.max_digits},{self.decimal_places})"

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0}.__class__ is Decimal and {0}.is_finite()"

    def to_python(self, value: Any) -> Any:
        """Return a `Decimal`; a float is taken by its shortest text."""
        if value is None or value.__class__ is Decimal:
            return value
        value = unwrap_enum(value)
        try:
            if isinstance(value, (int, str, float, Decimal)):
                return Decimal(str(value) if isinstance(value, float) else value)
        except InvalidOperation:
            pass
        raise ValueError(f"{self.name}: {value!r} is not a decimal number")

    def to_db(self, value: Any) -> Any:
        """Return the number; NaN and infinities cannot be stored."""
        number = self.to_python(value)
        if number is not None and not number.is_finite():
            raise ValueError(f"{self.name}: {number!r} is not finite")
        return number

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return a converter that gives every value `decimal_places` digits behind the point."""
        inner = dialect.reader(self.db_type(), aware=aware)
        unit, context = self._unit, self._context

        def read(value: Any) -> Any:
            number = value if inner is None else inner(value)
            try:
                return number.quantize(unit, context=context)
            except (
                InvalidOperation
            ):  # More digits than the field has: another tool's doing, shown as it is.
                return number

        return read

    def validate(self, value: Any) -> None:
        """Check digits and places."""
        super().validate(value)
        if value is None:
            return
        number: Decimal = self.to_db(value)
        if not number:
            return
        # Not `normalize()` or `abs()`, which round to the 28 digits of the context.
        _, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)
        zeros = next(count for count, digit in enumerate(reversed(digits)) if digit)
        places = max(0, -exponent - zeros)
        whole = max(0, number.adjusted() + 1)
        if places > self.decimal_places:
            raise ValueError(
                f"{self.name}: {number} has more than {self.decimal_places} decimal places"
            )
        if whole > self.max_digits - self.decimal_places:
            raise ValueError(f"{self.name}: {number} has more than {self.max_digits} digits")


class BooleanField(Field[T]):
    """True or false; text such as ``yes`` and ``off`` is understood."""

    base_type = "BOOLEAN"

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

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0} is True or {0} is False"

    def to_python(self, value: Any) -> Any:
        """Return a `bool`."""
        if value is None or value.__class__ is bool:
            return value
        value = unwrap_enum(value)
        if isinstance(value, str):
            text = value.strip().lower()
            if text in _TRUE:
                return True
            if text in _FALSE:
                return False
        elif isinstance(value, (int, float)) and value in (0, 1):
            return bool(value)
        raise ValueError(f"{self.name}: {value!r} is neither true nor false")

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
