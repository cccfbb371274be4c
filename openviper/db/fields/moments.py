"""Dates and times."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from openviper.conf import settings
from openviper.db.fields.base import Field, FieldOptions, unwrap_enum
from openviper.db.fields.column_types import DateColumn, MomentColumn, TimeColumn

T = TypeVar("T")


@lru_cache(maxsize=8)
def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # Commands that read no row do not need it.

    return ZoneInfo(name)


class _Clock:
    """What the settings say about moments, looked up once per settings: each moment that is stored asks."""

    __slots__ = ("aware", "is_utc", "settings")

    def __init__(self) -> None:
        self.settings: object = None
        """The settings that the rest is of."""
        self.aware = True
        self.is_utc = False
        """Whether `TIME_ZONE` is UTC, and moments are aware."""

    def set(self) -> None:
        """Take over the settings in place."""
        self.aware = settings.USE_TZ
        self.is_utc = self.aware and settings.TIME_ZONE == "UTC"
        self.settings = settings.instance


_clock = _Clock()


def uses_time_zones() -> bool:
    """Return the setting `USE_TZ`."""
    if _clock.settings is None or _clock.settings is not settings.instance:
        _clock.set()
    return _clock.aware


def is_naive_in_utc() -> bool:
    """Return whether a naive moment is one in UTC already, and is stored as such."""
    if _clock.settings is None or _clock.settings is not settings.instance:
        _clock.set()
    return _clock.is_utc


def local_zone() -> tzinfo:
    """Return the zone that the setting `TIME_ZONE` names."""
    return _zone(settings.TIME_ZONE)


def current_moment() -> datetime:
    """Return now as the ORM hands it out: aware and in UTC, or naive in `TIME_ZONE` when `USE_TZ` is off."""
    return (
        datetime.now(UTC) if uses_time_zones() else datetime.now(local_zone()).replace(tzinfo=None)
    )


def _is_in_utc(value: Any) -> bool:
    return value.__class__ is datetime and value.tzinfo is UTC


def in_utc(moment: datetime) -> datetime:
    """Return a moment as an aware one in UTC; a naive one is in `TIME_ZONE`."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=local_zone())
    return moment.astimezone(UTC)


def _in_local_time(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(local_zone()).replace(tzinfo=None)


class DateTimeField(Field[T]):
    """A moment, aware and in UTC; naive in `TIME_ZONE` when `USE_TZ` is off.

    NULL is allowed unless ``null=False`` is given. A naive value is taken to be in `TIME_ZONE`.

    Args:
        auto_now: Set it to now on every save.
        auto_now_add: Set it to now on the first save, if it is empty.
    """

    base_type = "DATETIME"

    column_class = MomentColumn

    @overload
    def __init__(
        self: DateTimeField[datetime],
        *,
        auto_now: bool = ...,
        auto_now_add: bool = ...,
        null: Literal[False],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: DateTimeField[datetime],
        *,
        auto_now: Literal[True],
        auto_now_add: bool = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: DateTimeField[datetime],
        *,
        auto_now: bool = ...,
        auto_now_add: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: DateTimeField[datetime | None],
        *,
        auto_now: bool = ...,
        auto_now_add: bool = ...,
        null: Literal[True] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        auto_now: bool = False,
        auto_now_add: bool = False,
        null: bool = True,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(null=null, **options)
        self.auto_now = auto_now
        self.auto_now_add = auto_now_add

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> MomentColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def now(self) -> datetime:
        """Return the value for `auto_now` and `auto_now_add`."""
        return current_moment()

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0}.__class__ is datetime and {0}.tzinfo is UTC" if aware else None

    def short_conversion(self, *, aware: bool) -> tuple[str, str] | None:
        """Return test and value for naive moments of projects whose zone is UTC."""
        if not aware:
            return None
        test = "{0}.__class__ is datetime and {0}.tzinfo is None and is_naive_in_utc()"
        # A sixth of the time of `replace`.
        return test, "combine({0}.date(), {0}.time(), UTC)"

    def to_python(self, value: Any) -> Any:
        """Return a `datetime` in the form the settings ask for; ISO 8601 text and dates are converted."""
        aware = uses_time_zones()
        if value is None or (aware and _is_in_utc(value)):
            return value
        moment = self._convert(unwrap_enum(value))
        try:
            return in_utc(moment) if aware else _in_local_time(moment)
        except OverflowError:
            raise ValueError(f"{self.name}: {value!r} has no equivalent in UTC") from None

    def _convert(self, value: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day)
        if isinstance(value, str):
            return self._parse(value)
        raise ValueError(f"{self.name}: {value!r} is not a date and time")

    def _parse(self, text: str) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{self.name}: {text!r} is not an ISO 8601 date and time") from None

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good: near the first and last years some have no equivalent in UTC."""
        return (
            "{0}.__class__ is datetime and ({0}.tzinfo is UTC "
            "or {0}.tzinfo is None and 1 < {0}.year < 9999)"
        )

    def validate(self, value: Any) -> None:
        """Check that the value can be understood."""
        super().validate(value)
        self.to_python(value)


class DateField(Field[T]):
    """A date.

    Args:
        auto_now: Set it to today on every save.
        auto_now_add: Set it to today on the first save, if it is empty.
    """

    base_type = "DATE"
    python_type = date

    column_class = DateColumn

    @overload
    def __init__(
        self: DateField[date],
        *,
        auto_now: bool = ...,
        auto_now_add: bool = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: DateField[date | None],
        *,
        auto_now: bool = ...,
        auto_now_add: bool = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        auto_now: bool = False,
        auto_now_add: bool = False,
        null: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(null=null, **options)
        self.auto_now = auto_now
        self.auto_now_add = auto_now_add

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> DateColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def now(self) -> date:
        """Return today in `TIME_ZONE`."""
        return datetime.now(local_zone()).date()

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0}.__class__ is date"

    def _convert(self, value: Any) -> date:
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        try:
            return datetime.fromisoformat(value).date()
        except (TypeError, ValueError):
            raise ValueError(f"{self.name}: {value!r} is not an ISO 8601 date") from None

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return "{0}.__class__ is date"

    def validate(self, value: Any) -> None:
        """Check that the value can be understood."""
        super().validate(value)
        self.to_python(value)


class TimeField(Field[T]):
    """A time of day without a zone.

    Args:
        auto_now: Set it to now, in `TIME_ZONE`, on every save.
        auto_now_add: Set it to now on the first save, if it is empty.
    """

    base_type = "TIME"
    python_type = time

    column_class = TimeColumn

    @overload
    def __init__(
        self: TimeField[time],
        *,
        auto_now: bool = ...,
        auto_now_add: bool = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: TimeField[time | None],
        *,
        auto_now: bool = ...,
        auto_now_add: bool = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        auto_now: bool = False,
        auto_now_add: bool = False,
        null: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(null=null, **options)
        self.auto_now = auto_now
        self.auto_now_add = auto_now_add

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> TimeColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def now(self) -> time:
        """Return the time of day in `TIME_ZONE`."""
        return datetime.now(local_zone()).time()

    def _convert(self, value: Any) -> time:
        if isinstance(value, datetime):
            return value.time()
        if isinstance(value, time):
            return value
        try:
            return time.fromisoformat(value)
        except (TypeError, ValueError):
            raise ValueError(f"{self.name}: {value!r} is not an ISO 8601 time") from None

    def to_db(self, value: Any) -> Any:
        """Return the time of day; one with a zone is refused, as a column could neither keep nor equal it."""
        moment: time | None = super().to_db(value)
        if moment is not None and moment.tzinfo is not None:
            raise ValueError(f"{self.name}: {value!r} has a time zone")
        return moment

    def validate(self, value: Any) -> None:
        """Check that the value can be understood and has no zone."""
        super().validate(value)
        self.to_db(value)
