"""Dates and times."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from openviper.db.fields.base import Field, FieldOptions

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

T = TypeVar("T")


@lru_cache(maxsize=8)
def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo  # Commands that read no row do not need it.

    return ZoneInfo(name)


def uses_time_zones() -> bool:
    """Return the setting `USE_TZ`."""
    from openviper.conf import settings

    return settings.USE_TZ


def local_zone() -> ZoneInfo:
    """Return the zone that the setting `TIME_ZONE` names."""
    from openviper.conf import settings

    return _zone(settings.TIME_ZONE)


def current_moment() -> datetime:
    """Return now as the ORM hands it out: aware and in UTC, or naive in `TIME_ZONE` when `USE_TZ` is off."""
    return (
        datetime.now(UTC) if uses_time_zones() else datetime.now(local_zone()).replace(tzinfo=None)
    )


class DateTimeField(Field[T]):
    """A moment, aware and in UTC; naive in `TIME_ZONE` when `USE_TZ` is off.

    NULL is allowed unless ``null=False`` is given. A naive value is taken to be in `TIME_ZONE`.

    Args:
        auto_now: Set it to now on every save.
        auto_now_add: Set it to now on the first save, if it is empty.
    """

    base_type = "DATETIME"

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

    def now(self) -> datetime:
        """Return the value for `auto_now` and `auto_now_add`."""
        return current_moment()

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0}.__class__ is datetime and {0}.tzinfo is UTC" if aware else None

    def to_python(self, value: Any) -> Any:
        """Return a `datetime` in the form the settings ask for; ISO 8601 text and dates are converted."""
        if value is None or (
            value.__class__ is datetime and value.tzinfo is UTC and uses_time_zones()
        ):
            return value
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise ValueError(
                    f"{self.name}: {value!r} is not an ISO 8601 date and time"
                ) from None
        elif not isinstance(value, datetime):
            if not isinstance(value, date):
                raise ValueError(f"{self.name}: {value!r} is not a date and time")
            value = datetime(value.year, value.month, value.day)
        try:
            if uses_time_zones():
                return (
                    value.replace(tzinfo=local_zone()) if value.tzinfo is None else value
                ).astimezone(UTC)
            return (
                value
                if value.tzinfo is None
                else value.astimezone(local_zone()).replace(tzinfo=None)
            )
        except OverflowError:
            raise ValueError(f"{self.name}: {value!r} has no equivalent in UTC") from None

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return "{0}.__class__ is datetime and {0}.tzinfo is UTC"

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

    def now(self) -> date:
        """Return today in `TIME_ZONE`."""
        return datetime.now(local_zone()).date()

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0}.__class__ is date"

    def to_python(self, value: Any) -> Any:
        """Return a `date`; a `datetime` is cut to its date, ISO 8601 text is converted."""
        if value is None or value.__class__ is date:
            return value
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        try:
            if isinstance(value, str):
                return datetime.fromisoformat(value).date()
        except ValueError:
            pass
        raise ValueError(f"{self.name}: {value!r} is not an ISO 8601 date")

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

    def now(self) -> time:
        """Return the time of day in `TIME_ZONE`."""
        return datetime.now(local_zone()).time()

    def to_python(self, value: Any) -> Any:
        """Return a `time`; ISO 8601 text is converted."""
        if isinstance(value, datetime):
            return value.time()
        if value is None or isinstance(value, time):
            return value
        try:
            if isinstance(value, str):
                return time.fromisoformat(value)
        except ValueError:
            pass
        raise ValueError(f"{self.name}: {value!r} is not an ISO 8601 time")

    def validate(self, value: Any) -> None:
        """Check that the value can be understood and has no zone, which a column could not keep."""
        super().validate(value)
        if value is not None and self.to_python(value).tzinfo is not None:
            raise ValueError(f"{self.name}: {value!r} has a time zone")
