"""What `Annotated` may demand of a value beyond its type: `Annotated[int, Between(1, 100)]`.

A constraint is written into the code that reads the value as a condition; see `Constraint`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from openviper.utils.linear_patterns import slowness
from openviper.utils.records import record
from openviper.utils.text_forms import is_email, is_http_address
from openviper.utils.untranslated import gettext_noop
from openviper.validation.faults import Message, Refusal, UnsupportedTypeError

Bind = Callable[[object], str]
"""Returns the name under which generated code finds a value."""

NUMBERS = (int, float, Decimal)
TIMES = (date, time, datetime, timedelta)
SIZED = (str, bytes, list, tuple, set, frozenset, dict)


@record(frozen=True, slots=True, eq=False)
class Constraint:
    """Demands something of a value that is of its type already.

    A constraint of your own overrides `check`; `Check` is the short way.
    """

    def applies_to(self, kind: type) -> bool:
        """Return whether values of a type can be asked."""
        return True

    def is_about_size(self) -> bool:
        """Return whether it can be checked before what a container holds is looked at."""
        return False

    def mistake(self) -> str:
        """Return why nothing fits it; empty if something does."""
        return ""

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the Python expression that is true of values that fit.

        Args:
            variable: The name of the value in the expression.
            bind: Gives any further value a name to use.
        """
        return f"{bind(self._fits)}({variable})"

    def refusal(self) -> Refusal:
        """Return what is said of a value that does not fit."""
        return Refusal("invalid", "is not valid")

    def check(self, value: Any) -> None:
        """Check one value.

        Raises:
            Refusal: If it does not fit.
        """

    def _fits(self, value: Any) -> bool:
        self.check(value)
        return True


@record(frozen=True, slots=True, eq=False)
class Between(Constraint):
    """At least `least` and at most `most`, both included."""

    least: Any
    most: Any

    def applies_to(self, kind: type) -> bool:
        """Return whether values of the type can be compared with the bounds."""
        return _is_comparable(kind, self.least, self.most)

    def mistake(self) -> str:
        """Return that nothing is between the bounds."""
        try:
            is_good = self.least <= self.most
        except TypeError:  # One moment has an offset and the other none.
            is_good = False
        return "" if is_good else f"nothing is between {self.least!r} and {self.most!r}"

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the comparison."""
        return f"{bind(self.least)} <= {variable} <= {bind(self.most)}"

    def refusal(self) -> Refusal:
        """Return the bounds."""
        params = {"least": self.least, "most": self.most}
        return Refusal("between", "must be between {least} and {most}", params)


@record(frozen=True, slots=True, eq=False)
class Min(Constraint):
    """At least `least`; with `exclusive` more than that."""

    least: Any
    exclusive: bool = False

    def applies_to(self, kind: type) -> bool:
        """Return whether values of the type can be compared with the bound."""
        return _is_comparable(kind, self.least)

    def mistake(self) -> str:
        """Return that the bound is none."""
        return _no_bound(self.least)

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the comparison."""
        return f"{variable} {'>' if self.exclusive else '>='} {bind(self.least)}"

    def refusal(self) -> Refusal:
        """Return the bound."""
        params = {"least": self.least}
        if self.exclusive:
            return Refusal("min", "must be more than {least}", params)
        return Refusal("min", "must be at least {least}", params)


@record(frozen=True, slots=True, eq=False)
class Max(Constraint):
    """At most `most`; with `exclusive` less than that."""

    most: Any
    exclusive: bool = False

    def applies_to(self, kind: type) -> bool:
        """Return whether values of the type can be compared with the bound."""
        return _is_comparable(kind, self.most)

    def mistake(self) -> str:
        """Return that the bound is none."""
        return _no_bound(self.most)

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the comparison."""
        return f"{variable} {'<' if self.exclusive else '<='} {bind(self.most)}"

    def refusal(self) -> Refusal:
        """Return the bound."""
        params = {"most": self.most}
        if self.exclusive:
            return Refusal("max", "must be less than {most}", params)
        return Refusal("max", "must be at most {most}", params)


@record(frozen=True, slots=True, eq=False)
class MinLength(Constraint):
    """At least so many characters, bytes, items or keys."""

    length: int

    def applies_to(self, kind: type) -> bool:
        """Return whether the type has a length."""
        return kind in SIZED

    def is_about_size(self) -> bool:
        """Return that it is."""
        return True

    def mistake(self) -> str:
        """Return that the length is none."""
        return _no_length(self.length)

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the comparison."""
        return f"len({variable}) >= {self.length:d}"

    def refusal(self) -> Refusal:
        """Return the bound."""
        if self.length == 1:
            return Refusal("min_length", "must not be empty")
        params = {"length": self.length}
        return Refusal("min_length", "must have at least {length} characters or items", params)


@record(frozen=True, slots=True, eq=False)
class MaxLength(Constraint):
    """At most so many characters, bytes, items or keys."""

    length: int

    def applies_to(self, kind: type) -> bool:
        """Return whether the type has a length."""
        return kind in SIZED

    def is_about_size(self) -> bool:
        """Return that it is."""
        return True

    def mistake(self) -> str:
        """Return that the length is none."""
        return _no_length(self.length)

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the comparison."""
        return f"len({variable}) <= {self.length:d}"

    def refusal(self) -> Refusal:
        """Return the bound."""
        params = {"length": self.length}
        return Refusal("max_length", "must have at most {length} characters or items", params)


def _no_bound(bound: Any) -> str:
    return "" if bound == bound else f"nothing can be compared with {bound!r}"


def _no_length(length: Any) -> str:
    is_count = isinstance(length, int) and not isinstance(length, bool) and length >= 0
    return "" if is_count else f"{length!r} is not a length"


def _is_comparable(kind: type, *bounds: Any) -> bool:
    """Return whether values of a type have an order in which the bounds stand too."""
    if kind in NUMBERS:
        return all(isinstance(bound, NUMBERS) and not isinstance(bound, bool) for bound in bounds)
    return kind in TIMES and all(type(bound) is kind for bound in bounds)


_DOLLAR = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
MAX_PATTERN = 500
"""Most characters of a regular expression."""


def _in_python(word: re.Match[str]) -> str:
    return r"\Z" if word[0] == "$" else word[0]


def _complaint(pattern: str) -> str | None:
    """Return why a text is not a regular expression, or may take long; `None` for a good one."""
    try:
        return slowness(pattern)
    except ValueError as error:
        return f"is none: {error}"


class Pattern(Constraint):
    """Text in which a regular expression is found; begin with ``^`` and end with ``$`` for all of it.

    The expression is read as JSON Schema and browsers read it: ``$`` is the end of the text and nothing else, and ``\\d`` and
    ``\\w`` are ASCII. What could take longer than linear time is refused.

    Args:
        pattern: The regular expression.
        message: What is said of a text that does not fit.

    Raises:
        UnsupportedTypeError: If it is not a regular expression, is too long, or could take longer.
    """

    __slots__ = ("message", "pattern", "search")

    pattern: str
    message: str
    search: Callable[[str], object]

    def __init__(
        self, pattern: str, message: str = gettext_noop("does not have the right form")
    ) -> None:
        if len(pattern) > MAX_PATTERN:
            raise UnsupportedTypeError(
                f"a regular expression of {len(pattern)} characters is longer than {MAX_PATTERN}"
            )
        python = _DOLLAR.sub(_in_python, pattern)
        complaint = _complaint(python)
        if complaint is not None:
            raise UnsupportedTypeError(f"regular expression {pattern!r} {complaint}")
        object.__setattr__(self, "pattern", pattern)
        object.__setattr__(self, "message", message)
        object.__setattr__(self, "search", re.compile(python, re.ASCII).search)

    def applies_to(self, kind: type) -> bool:
        """Return whether the type is text."""
        return kind is str

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the search."""
        return f"{bind(self.search)}({variable}) is not None"

    def refusal(self) -> Refusal:
        """Return the message."""
        params = {"message": Message(self.message), "pattern": self.pattern}
        return Refusal("pattern", "{message}", params)


@record(frozen=True, slots=True, eq=False)
class Email(Constraint):
    """An e-mail address of at most 254 characters (RFC 5321, 4.5.3.1.3)."""

    def applies_to(self, kind: type) -> bool:
        """Return whether the type is text."""
        return kind is str

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the test."""
        return f"len({variable}) <= 254 and {bind(is_email)}({variable})"

    def refusal(self) -> Refusal:
        """Return the message."""
        return Refusal("email", "is not an e-mail address")


@record(frozen=True, slots=True, eq=False)
class Url(Constraint):
    """An ``http`` or ``https`` address of at most 2048 characters."""

    def applies_to(self, kind: type) -> bool:
        """Return whether the type is text."""
        return kind is str

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the test."""
        return f"len({variable}) <= 2048 and {bind(is_http_address)}({variable})"

    def refusal(self) -> Refusal:
        """Return the message."""
        return Refusal("url", "is not an http or https address")


class MultipleOf(Constraint):
    """A whole number of times a step; of a `float` as it is written: 0.3 is a multiple of 0.1.

    Raises:
        UnsupportedTypeError: If the step is not above zero.
    """

    __slots__ = ("step", "_exact")

    step: int | float | Decimal
    _exact: Fraction

    def __init__(self, step: int | float | Decimal) -> None:
        if not step > 0:
            raise UnsupportedTypeError(f"a step is above zero, not {step!r}")
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "_exact", Fraction(str(step)))

    def applies_to(self, kind: type) -> bool:
        """Return whether the type is a number."""
        return kind in NUMBERS

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the test."""
        if isinstance(self.step, int):
            exact = f"type({variable}) is int and {variable} % {self.step:d} == 0"
            return f"({exact} or {bind(self._is_multiple)}({variable}))"
        return f"{bind(self._is_multiple)}({variable})"

    def _is_multiple(self, value: int | float | Decimal) -> bool:
        return Fraction(str(value)) % self._exact == 0

    def refusal(self) -> Refusal:
        """Return the step."""
        return Refusal("multiple_of", "must be a multiple of {step}", {"step": self.step})


class OneOf(Constraint):
    """One of some values, which may be known only when the program starts; `Literal` says so to the type checker too."""

    __slots__ = ("choices",)

    choices: tuple[Any, ...]

    def __init__(self, *choices: Any) -> None:
        if not choices:
            raise UnsupportedTypeError("OneOf needs at least one value")
        object.__setattr__(self, "choices", choices)

    def condition(self, variable: str, bind: Bind) -> str:
        """Return the test."""
        return f"{bind(_membership(self.choices))}({variable})"

    def refusal(self) -> Refusal:
        """Return the choices."""
        return Refusal("one_of", "must be one of {choices}", {"choices": listed(self.choices)})


def _membership(choices: tuple[Any, ...]) -> Callable[[Any], bool]:
    """Return the test whether a value is one of some, of which `True` and `1` are two, and anything has no hash."""
    known = _hashed(choices)

    def is_one(value: Any) -> bool:
        if isinstance(value, bool):
            return any(choice is value for choice in choices)
        return value in (known if _has_hash(value) else choices)

    return is_one


def _has_hash(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _hashed(choices: tuple[Any, ...]) -> Collection[Any]:
    try:
        return frozenset(choices)
    except TypeError:
        return choices


def listed(choices: Collection[Any], most: int = 20) -> str:
    """Return values as text for a sentence, cut where there are many."""
    shown = [repr(choice) for choice in list(choices)[:most]]
    return ", ".join([*shown, "..."] if len(choices) > most else shown)


class Check(Constraint):
    """A test of one's own.

    Args:
        function: Takes the value; returns `False`, or raises `ValueError` with what is wrong, for one that does not fit.
            It may be called twice for one value.
        message: What is said when it returns `False`.
        code: The code of the fault.
    """

    __slots__ = ("code", "function", "message")

    function: Callable[[Any], object]
    message: str
    code: str

    def __init__(
        self,
        function: Callable[[Any], object],
        message: str = gettext_noop("is not valid"),
        code: str = "check",
    ) -> None:
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "message", message)
        object.__setattr__(self, "code", code)

    def check(self, value: Any) -> None:
        """Call the function."""
        if run_check(self.function, value, self.code) is False:
            raise self.refusal()

    def refusal(self) -> Refusal:
        """Return the message."""
        return Refusal(self.code, "{message}", {"message": Message(self.message)})


def run_check(function: Callable[[Any], object], value: Any, code: str) -> object:
    """Return what a function of the program says of a value.

    Raises:
        Refusal: If it raised a `ValueError`, whose message is told.
    """
    try:
        return function(value)
    except ValueError as error:
        raise Refusal(code, "{message}", {"message": Message(error)}) from None
