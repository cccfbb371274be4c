"""A clock that tests can move.

`datetime` and `date` are classes of the interpreter and cannot be changed, so the modules of the project and of OpenViper get
others in their place for as long as the clock is moved: what these make are ordinary moments. The functions of `time` that tell
the time are replaced themselves, and so are the clock that values in a cache in memory age by and clocks that are the default of
a field of a model.
Left alone are the clocks that measure how long something takes (`time.monotonic`, the event loop's), the clock of the
database server, and modules of the standard library and of installed packages.
"""

from __future__ import annotations

import datetime as _datetime
import functools
import inspect
import itertools
import os
import sys
import sysconfig
import time as _time
import types
from collections.abc import Callable
from datetime import date as _RealDate  # noqa: N812 - the real one, beside that which stands for it
from datetime import datetime as _RealDatetime  # noqa: N812 - as above
from typing import Any, TypeVar, cast

from openviper.cache.backends import memory as _memory

F = TypeVar("F", bound="Callable[..., Any]")
Moment = _datetime.datetime | _datetime.date | _datetime.timedelta | float | str
"""A time to travel to: a moment, the start of a day, a distance from now, seconds since 1970, or a moment in ISO 8601."""

_real_time, _real_time_ns, _real_strftime = _time.time, _time.time_ns, _time.strftime
_real_localtime, _real_gmtime = _time.localtime, _time.gmtime
_real_ctime, _real_asctime = _time.ctime, _time.asctime
EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0
"""The first and the last second that `datetime` knows, the years 1 to 9999, in seconds since 1970."""
_moved: list[Clock] = []
"""The clocks that are moved, the one in effect last."""


class Clock:
    """A clock that shows another time than it is.

    Args:
        moment: What it shows first.
        tick: Whether it goes on.
    """

    def __init__(self, moment: Moment, *, tick: bool = True) -> None:
        self._goes_on = tick
        self._shown_at_start = 0.0
        self._started = 0.0
        self.to(moment)

    def time(self) -> float:
        """Return what it shows, in seconds since 1970."""
        gone = _real_time() - self._started if self._goes_on else 0.0
        return self._shown_at_start + gone

    def to(self, moment: Moment) -> None:
        """Have it show another time from now on; a moment without a time zone is one in UTC.

        Raises:
            ValueError: If a text is no moment, or the moment is outside of the years 1 to 9999.
            TypeError: If it is something else.
        """
        self._shown_at_start = _seconds(moment)
        self._started = _real_time()

    def move(self, **distance: float) -> None:
        """Have it show a later time: ``clock.move(hours=1, minutes=30)``, the units of `timedelta`.

        Raises:
            ValueError: If it would leave the years 1 to 9999.
        """
        self.to(self.time() + _datetime.timedelta(**distance).total_seconds())


def _seconds(moment: object) -> float:
    """Return a moment in seconds since 1970; see `Clock.to`."""
    seconds = _number(_RealDatetime.fromisoformat(moment) if isinstance(moment, str) else moment)
    if not EARLIEST <= seconds <= LATEST:
        raise ValueError(f"{moment!r} is outside of the years 1 to 9999")
    return float(seconds)


def _number(moment: object) -> float:
    if isinstance(moment, _datetime.timedelta):
        return _now() + moment.total_seconds()
    if isinstance(moment, _RealDate):
        return _timestamp(moment)
    if isinstance(moment, (int, float)) and not isinstance(moment, bool):
        return moment
    raise TypeError(f"{moment!r} is no moment: give a datetime, date, timedelta, number or text")


def _timestamp(moment: _RealDate) -> float:
    """Return a moment, or the start of a day, in seconds since 1970; it is in UTC if it has no zone."""
    if not isinstance(moment, _RealDatetime):
        moment = _RealDatetime(moment.year, moment.month, moment.day)
    return (moment if moment.tzinfo else moment.replace(tzinfo=_datetime.UTC)).timestamp()


def _now() -> float:
    return _moved[-1].time() if _moved else _real_time()


def _now_ns() -> int:
    return int(_now() * 1_000_000_000)


def _localtime(seconds: float | None = None, /) -> _time.struct_time:
    return _real_localtime(_now() if seconds is None else seconds)


def _gmtime(seconds: float | None = None, /) -> _time.struct_time:
    return _real_gmtime(_now() if seconds is None else seconds)


def _ctime(seconds: float | None = None, /) -> str:
    return _real_ctime(_now() if seconds is None else seconds)


def _asctime(moment: Any = None, /) -> str:
    return _real_asctime(_localtime() if moment is None else moment)


def _strftime(pattern: str, moment: Any = None, /) -> str:
    return _real_strftime(pattern, _localtime() if moment is None else moment)


def _aging() -> float:
    """Return a clock for lifetimes that goes with the moved one: it stands still with it, and jumps with it."""
    return _time.monotonic() + _now() - _real_time()


class _Like(type):
    """Takes instances of the real class for its own."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__mro__[1])


class _MovedDate(_RealDate, metaclass=_Like):
    """Stands for `date`; makes real ones."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return a real one."""
        return _RealDate(*args, **kwargs)

    @classmethod
    def today(cls) -> Any:
        """Return the day that the clock shows, in the zone of this machine."""
        return _RealDate.fromtimestamp(_now())


class _MovedDatetime(_RealDatetime, metaclass=_Like):
    """Stands for `datetime`; makes real ones."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return a real one."""
        return _RealDatetime(*args, **kwargs)

    @classmethod
    def now(cls, tz: _datetime.tzinfo | None = None) -> Any:
        """Return what the clock shows."""
        return _RealDatetime.fromtimestamp(_now(), tz)

    @classmethod
    def today(cls) -> Any:
        """Return what the clock shows, in the zone of this machine."""
        return _RealDatetime.fromtimestamp(_now())

    @classmethod
    def utcnow(cls) -> Any:
        """Return what the clock shows in UTC, without a zone."""
        return _RealDatetime.fromtimestamp(_now(), _datetime.UTC).replace(tzinfo=None)


def _module_like(module: types.ModuleType, **replaced: object) -> types.ModuleType:
    stand_in = types.ModuleType(module.__name__, module.__doc__)
    vars(stand_in).update(vars(module), **replaced)
    return stand_in


_moved_module = _module_like(_datetime, datetime=_MovedDatetime, date=_MovedDate)
_TIME: dict[str, Callable[..., Any]] = {
    "time": _now,
    "time_ns": _now_ns,
    "localtime": _localtime,
    "gmtime": _gmtime,
    "ctime": _ctime,
    "asctime": _asctime,
    "strftime": _strftime,
}
"""What takes the place of the functions of `time`."""
_REAL_TIME: dict[str, Callable[..., Any]] = {name: getattr(_time, name) for name in _TIME}
_PAIRS: tuple[tuple[object, object], ...] = (
    (_RealDatetime, _MovedDatetime),
    (_RealDate, _MovedDate),
    (_datetime, _moved_module),
    *((_REAL_TIME[name], moved) for name, moved in _TIME.items()),
)
"""What is replaced, with what takes its place."""


@functools.cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple(
        {os.path.realpath(paths[name]) + os.sep for name in ("stdlib", "purelib", "platlib")}
    )


def _is_ours(name: str, module: types.ModuleType) -> bool:
    """Return whether a module is OpenViper's or the project's."""
    if name == __name__:
        return False
    if name.partition(".")[0] == "openviper":
        return True
    file = getattr(module, "__file__", None)
    return bool(file) and not os.path.realpath(str(file)).startswith(_installed())


def _exchange(stand_ins: dict[int, object]) -> None:
    """Put other values in place of some that modules have."""
    for name, module in list(sys.modules.items()):
        if not _is_ours(name, module):
            continue
        names = vars(module)
        for key, value in list(names.items()):
            if id(value) in stand_ins:
                names[key] = stand_ins[id(value)]


_CLOCKS: dict[object, Callable[..., Any]] = {
    _RealDatetime.now: _MovedDatetime.now,
    _RealDatetime.today: _MovedDatetime.today,
    _RealDatetime.utcnow: _MovedDatetime.utcnow,
    _RealDate.today: _MovedDate.today,
    **{_REAL_TIME[name]: _TIME[name] for name in ("time", "time_ns")},
}
"""What a field may have as its default, with what takes its place."""
_defaults: list[tuple[Any, Any]] = []
"""The fields whose defaults are replaced, with what these were."""


def _replace_defaults() -> None:
    models = sys.modules.get("openviper.db.models")  # What was never imported has no fields.
    fields = (
        [] if models is None else [model._fields.values() for model in models.model_registry.all()]
    )
    for field in itertools.chain.from_iterable(fields):
        moved = _moved_default(field.default)
        if moved is not None:
            _defaults.append((field, field.default))
            field.default = moved


def _moved_default(default: object) -> Callable[..., Any] | None:
    """Return what takes the place of a default that is a clock; `None` of all others."""
    if isinstance(default, functools.partial):
        moved = _moved_default(default.func)
        return moved and functools.partial(moved, *default.args, **default.keywords)
    return _CLOCKS.get(default) if isinstance(default, types.BuiltinFunctionType) else None


def _put_defaults_back() -> None:
    while _defaults:
        field, default = _defaults.pop()
        field.default = default


def _replace() -> None:
    _exchange({id(real): moved for real, moved in _PAIRS})
    _replace_defaults()
    vars(_time).update(_TIME)
    _memory.clock = _aging


def _put_back() -> None:
    """Put back what was there before; a module that was imported meanwhile has had the real ones all along."""
    vars(_time).update(_REAL_TIME)
    _exchange({id(moved): real for real, moved in _PAIRS})
    _put_defaults_back()
    _memory.clock = _time.monotonic


class travel:  # noqa: N801  # Used like a function.
    """Have the clock of this process show another time: in a ``with`` block, or as a decorator in a test, plain or async.

    The block is given the `Clock`, with `to` and `move`.

    Args:
        moment: What it shows first: a `datetime` (in UTC without a zone), a `date`, a `timedelta` from now, seconds since
            1970, or text in ISO 8601.
        tick: Whether it goes on; else it stands still until it is moved.
    """

    def __init__(self, moment: Moment, *, tick: bool = True) -> None:
        self._moment = moment
        self._tick = tick
        self._clock: Clock | None = None

    def __enter__(self) -> Clock:
        self._clock = Clock(self._moment, tick=self._tick)
        _moved.append(self._clock)
        if len(_moved) == 1:
            _replace()
        return self._clock

    def __exit__(self, *error: object) -> None:
        if self._clock is not None:
            _moved.remove(self._clock)
            self._clock = None
        if not _moved:
            _put_back()

    def __call__(self, function: F) -> F:
        """Return a test that runs at the other time."""

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with travel(self._moment, tick=self._tick):
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with travel(self._moment, tick=self._tick):
                return await function(*args, **kwargs)

        return cast(F, run_async if inspect.iscoroutinefunction(function) else run)
