"""Decimal numbers of fixed precision."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.bounds import whole_number
from openviper.db.fields.column_types import NumberColumn

T = TypeVar("T")

UNITS = [Decimal((0, (1,), -places)) for places in range(41)]
"""The last place of decimal numbers with so many places."""


def _places(number: Decimal) -> int:
    """Return how many digits a number other than 0 has behind its point, without needless zeros."""
    # Not `normalize()` or `abs()`, which round to the 28 digits of the context.
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    zeros = next(count for count, digit in enumerate(reversed(digits)) if digit)
    return max(0, -exponent - zeros)


class DecimalField(Field[T]):
    """A decimal number of fixed precision.

    Args:
        max_digits: Most digits, those behind the point included.
        decimal_places: Digits behind the point.
    """

    python_type = Decimal

    column_class = NumberColumn

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
        whole_number("decimal_places", decimal_places, least=0)
        if decimal_places > whole_number("max_digits", max_digits):
            raise ValueError(
                f"decimal_places={decimal_places!r} does not go with max_digits={max_digits!r}"
            )
        self.max_digits = max_digits
        self.decimal_places = decimal_places
        self._unit = Decimal((0, (1,), -decimal_places))
        # The context of the thread has 28 digits, which would round what has more.
        self._context = Context(prec=max(28, max_digits + 1))

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> NumberColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def db_type(self) -> str:
        """Return ``NUMERIC(digits,places)``."""
        return f"NUMERIC({self.max_digits},{self.decimal_places})"

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        if self.decimal_places >= len(UNITS):
            return None
        is_rounded = f"{{0}}.same_quantum(UNITS[{self.decimal_places}])"
        fits = f"{{0}}.adjusted() < {self.max_digits - self.decimal_places}"
        return f"{{0}}.__class__ is Decimal and {is_rounded} and {fits}"

    def _convert(self, value: Any) -> Decimal:
        if isinstance(
            value, float
        ):  # By its shortest text: 0.1 is meant, and not what lies nearest.
            value = str(value)
        try:
            if isinstance(value, (int, str, Decimal)):
                return Decimal(value)
        except InvalidOperation:
            pass
        raise ValueError(f"{self.name}: {value!r} is not a decimal number")

    def to_db(self, value: Any) -> Any:
        """Return the number; NaN and infinities cannot be stored."""
        number = self.to_python(value)
        if number is not None and not number.is_finite():
            raise ValueError(f"{self.name}: {number!r} is not finite")
        return number

    def to_column(self, value: Any) -> Any:
        """Return the number with `decimal_places` digits behind the point, half of the last one rounded away from zero.

        Raises:
            ValueError: If it has too many digits before the point, or is no number.
        """
        number: Decimal | None = self.to_db(value)
        if not number:
            return number if number is None else self._unit * 0
        # Looked at before it is written out, too: 1E+1000000 would take a million digits.
        self._check_fits(number, number)
        rounded = number.quantize(self._unit, ROUND_HALF_UP, self._context)
        self._check_fits(rounded, number)
        return rounded if rounded else rounded.copy_abs()

    def _check_fits(self, number: Decimal, given: Decimal) -> None:
        if number and number.adjusted() >= self.max_digits - self.decimal_places:
            raise ValueError(f"{self.name}: {given} has more than {self.max_digits} digits")

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
        number: Decimal | None = self.to_db(value)
        if number:
            self._check_places(number)
            self._check_fits(number, number)

    def _check_places(self, number: Decimal) -> None:
        if _places(number) > self.decimal_places:
            raise ValueError(
                f"{self.name}: {number} has more than {self.decimal_places} decimal places"
            )
