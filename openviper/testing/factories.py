"""Making rows for tests: a factory gives every field that has to have a value one, and what it refers to as well."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, ClassVar, Generic, TypeVar, cast
from uuid import uuid4

from openviper.core.context import ignore_permissions
from openviper.db.fields.base import Field
from openviper.db.fields.relations import ForeignKey
from openviper.db.models import Model

M = TypeVar("M")
MOST_WAITING = 30
"""How many rows may wait for each other: no model needs a chain of others that is as long."""


class Sequence:
    """A value made from 0, 1, 2 and so on.

    Args:
        make: Returns the value for a number.
    """

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._make = make
        self._numbers = count()

    def next(self) -> Any:
        """Return the next value."""
        return self._make(next(self._numbers))


class LazyAttribute:
    """A value made from those of other fields.

    Args:
        make: Returns the value for the values known so far, by name: those that are given, and those of the attributes above.
    """

    def __init__(self, make: Callable[[dict[str, Any]], Any]) -> None:
        self.make = make


class RelatedFactory:
    """A row that the row refers to, stored before it; `build` leaves it out.

    Args:
        factory: Makes it: a factory, or a function that returns one, for a factory that stands further down.
        defaults: Values for it.
    """

    def __init__(self, factory: Any, defaults: Mapping[str, Any] | None = None) -> None:
        self._factory = factory
        self.defaults = dict(defaults or {})

    @property
    def factory(self) -> type[Factory[Any]]:
        """The factory."""
        found: Any = self._factory
        return found if isinstance(found, type) else found()


class PostGeneration:
    """What is to be done with a row once it is stored.

    Args:
        action: Called with the instance and `True`; plain or async.
    """

    def __init__(self, action: Callable[[Any, bool], Any]) -> None:
        self.action = action


class Factory(Generic[M]):
    """Makes instances of a model: ``await Factory[Post].create(title="x")``, or a class of your own.

    In a class ``class PostFactory(Factory[Post])`` attributes are the values of fields: a value, a `Sequence`, a
    `LazyAttribute` or a `RelatedFactory`; a `PostGeneration` is run once the row is stored. What is given to a call wins. A
    field that has to have a value and is not named gets one of its type, different each time; a foreign key gets a row.

    Raises:
        RuntimeError: When used, if there is no model.
    """

    model: ClassVar[type[Any] | None] = None
    """The model, if it is not that in the brackets behind `Factory`."""

    _bound: ClassVar[dict[type[Any], Any]] = {}
    _counted: ClassVar[dict[type[Any], Any]] = {}

    def __class_getitem__(cls, model: Any) -> Any:
        """Return the factory of a model."""
        if not (isinstance(model, type) and issubclass(model, Model)):
            # A type variable, in a class that is to be generic itself.
            return super().__class_getitem__(model)  # type: ignore[misc]  # Of `Generic`, unknown to the checker.
        if cls is not Factory:
            return type(cls.__name__, (cls,), {"model": model})
        if model not in Factory._bound:
            Factory._bound[model] = type(f"{model.__name__}Factory", (cls,), {"model": model})
        return Factory._bound[model]

    # What is made

    @classmethod
    def build(cls, **values: Any) -> M:
        """Return a new instance that is not stored. It refers to what it is given alone: a row can only refer to a stored one.

        Raises:
            TypeError: If the model has no such field.
        """
        model = cls._model()
        evaluated = cls._evaluated(values).items()
        own = {name: value for name, value in evaluated if not isinstance(value, _Related)}
        return cast(M, model(**own))

    @classmethod
    def build_batch(cls, size: int, **values: Any) -> list[M]:
        """Return several new instances; see `build`.

        Raises:
            ValueError: If `size` is less than 0.
        """
        return [cls.build(**values) for _ in range(_checked_size(size))]

    @classmethod
    async def create(cls, **values: Any) -> M:
        """Store a new row, and before it those that it refers to, whatever the current user may do.

        Raises:
            TypeError: If the model has no such field, or needs rows that need rows of it, and so on without an end.
            IntegrityError: If the database does not take it.
        """
        model = cls._model()
        evaluated = cls._evaluated(values)
        with _needed_by(model):
            for name, value in evaluated.items():
                if isinstance(value, _Related):
                    evaluated[name] = await value.factory.create(**value.values)
        return cast(M, await cls._saved(model(**evaluated)))

    @classmethod
    async def create_batch(cls, size: int, **values: Any) -> list[M]:
        """Store several new rows; see `create`.

        Raises:
            ValueError: If `size` is less than 0.
        """
        return [await cls.create(**values) for _ in range(_checked_size(size))]

    @classmethod
    async def _saved(cls, instance: Any) -> Any:
        with ignore_permissions():
            await instance.save()
        for hook in cls._hooks():
            done = hook.action(instance, True)
            if inspect.isawaitable(done):
                await done
        return instance

    # How

    @classmethod
    def _model(cls) -> Any:
        meta = getattr(cls, "Meta", None)
        model = getattr(meta, "model", None) or cls.model
        if model is None:
            raise RuntimeError(
                f"{cls.__name__} has no model: derive it from Factory[YourModel], or set model"
            )
        return model() if inspect.isfunction(model) else model

    @classmethod
    def _declared(cls) -> dict[str, Any]:
        """Return the attributes that stand for values, those of base classes first."""
        declared: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if issubclass(base, Factory) and base is not Factory:
                declared.update(
                    (name, value) for name, value in vars(base).items() if _is_value(name, value)
                )
        return declared

    @classmethod
    def _hooks(cls) -> list[PostGeneration]:
        return [
            value
            for base in reversed(cls.__mro__)
            for value in vars(base).values()
            if isinstance(value, PostGeneration)
        ]

    @classmethod
    def _evaluated(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of an instance, with `_Related` for rows that are to be made."""
        fields: dict[str, Field[Any]] = cls._model()._fields
        known, nested = _split(given, fields)
        cls._add_declared(known, nested)
        for name, field in fields.items():
            if _is_wanted(field, known, nested):
                known[name] = cls._made_up(field, nested.pop(name, {}))
        for name, values in nested.items():
            raise TypeError(f"{cls.__name__} has no {name!r} to make with {values!r}")
        return known

    @classmethod
    def _add_declared(cls, known: dict[str, Any], nested: dict[str, dict[str, Any]]) -> None:
        """Add the values of the attributes that name a field and were not given."""
        model = cls._model()
        for name, value in cls._declared().items():
            if _is_field(model, name) and name not in known:
                known[name] = _value_of(value, known, nested.pop(name, {}))

    @classmethod
    def _made_up(cls, field: Field[Any], nested: Mapping[str, Any]) -> Any:
        if isinstance(field, ForeignKey):
            return _Related(Factory[field.remote_model], dict(nested))  # type: ignore[name-defined]  # A model known only now.
        counted = Factory._counted.setdefault(cls._model(), count())
        return made_up(field, next(counted))


_waiting: ContextVar[tuple[type, ...]] = ContextVar("openviper_factories", default=())
"""The models of the rows that wait for those they refer to."""


@contextmanager
def _needed_by(model: type) -> Iterator[None]:
    """Note that a row waits for others inside the block.

    Raises:
        TypeError: If there is no end of it.
    """
    waiting = (*_waiting.get(), model)
    if len(waiting) > MOST_WAITING:
        names = " -> ".join(each.__name__ for each in waiting[-4:])
        raise TypeError(
            f"a row of {waiting[0].__name__} cannot be made: the rows that it needs need each other ({names} ...); give one of "
            "them the row that it refers to"
        )
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)


def _checked_size(size: int) -> int:
    if size < 0:
        raise ValueError(f"{size} rows cannot be made")
    return size


class _Related:
    """A row that is to be made."""

    def __init__(self, factory: Any, values: dict[str, Any]) -> None:
        self.factory = factory
        self.values = values


def _is_value(name: str, value: object) -> bool:
    is_own = name.startswith("_") or name in ("Meta", "model")
    is_code = isinstance(value, (classmethod, staticmethod, property, PostGeneration))
    return not (is_own or is_code or inspect.isfunction(value))


def _is_field(model: Any, name: str) -> bool:
    return name in model._fields or any(field.attname == name for field in model._fields.values())


def _split(
    given: Mapping[str, Any], fields: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the values of the row, and those of rows it refers to: ``author__name="Ada"``."""
    own: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        first, separator, rest = name.partition("__")
        if separator and isinstance(fields.get(first), ForeignKey):
            nested.setdefault(first, {})[rest] = value
        else:
            own[name] = value
    return own, nested


def _value_of(value: Any, known: dict[str, Any], nested: Mapping[str, Any]) -> Any:
    if isinstance(value, Sequence):
        return value.next()
    if isinstance(value, LazyAttribute):
        return value.make(dict(known))
    if isinstance(value, RelatedFactory):
        return _Related(value.factory, {**value.defaults, **nested})
    if isinstance(value, type) and issubclass(value, Factory):
        return _Related(value, dict(nested))
    return value


def _is_wanted(field: Field[Any], known: Mapping[str, Any], nested: Mapping[str, Any]) -> bool:
    """Return whether a value has to be made up for a field."""
    if field.name in known or field.attname in known:
        return False
    return field.name in nested or _needs_value(field)


def _needs_value(field: Field[Any]) -> bool:
    """Return whether a row cannot be stored without a value for a field."""
    makes_itself = field.auto_increment or field.auto_now or field.auto_now_add
    has_default = field.default is not None or field.db_default is not None
    return not (makes_itself or has_default or field.null or field.generated is not None)


def made_up(field: Field[Any], number: int) -> Any:
    """Return a value that a field takes, another one for each number where the type has so many.

    Raises:
        TypeError: If there is no telling what the field takes.
    """
    if field.choices is not None:
        allowed = sorted(field._allowed or (), key=str)
        return allowed[number % len(allowed)]
    kinds = {kind.__name__ for kind in type(field).__mro__}
    for kind, make in _MAKERS:
        if kind in kinds:
            return make(field, number)
    raise TypeError(f"{field!r}: a factory does not know what it takes; name a value")


def _text(field: Any, number: int) -> str:
    """Return the name of a field and the number, cut at the front to the length that the field takes."""
    text = f"{field.name}{number}"
    limit = getattr(field, "max_length", None)
    return text[-limit:] if limit else text


def _decimal(field: Any, number: int) -> Decimal:
    digits = (field.max_digits or 10) - (field.decimal_places or 0)
    return Decimal(number % 10 ** max(1, min(digits, 9)))


_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_MAKERS: tuple[tuple[str, Callable[[Any, int], Any]], ...] = (
    ("EmailField", lambda _field, number: f"user{number}@example.com"),
    ("URLField", lambda _field, number: f"https://example.com/{number}"),
    ("GenericIPAddressField", lambda _field, number: f"192.0.2.{number % 256}"),
    ("IPAddressField", lambda _field, number: f"192.0.2.{number % 256}"),
    ("FileField", lambda field, number: f"{field.name}{number}.txt"),
    ("TextField", _text),
    ("BooleanField", lambda _field, _number: False),
    ("SmallIntegerField", lambda _field, number: number % 32768),
    ("IntegerField", lambda _field, number: number),
    ("FloatField", lambda _field, number: float(number)),
    ("DecimalField", _decimal),
    ("DateTimeField", lambda _field, number: _FIRST + timedelta(seconds=number)),
    ("DateField", lambda _field, number: date(2026, 1, 1) + timedelta(days=number % 100_000)),
    ("TimeField", lambda _field, number: time(number // 3600 % 24, number // 60 % 60, number % 60)),
    ("DurationField", lambda _field, number: timedelta(seconds=number)),
    ("UUIDField", lambda _field, _number: uuid4()),
    ("JSONField", lambda _field, _number: {}),
    ("ArrayField", lambda _field, _number: []),
    ("BinaryField", lambda _field, number: str(number).encode()),
)
"""What makes a value, by the name of a field's class or of one it derives from; the first that fits."""

ModelFactory = Factory
"""The name of `Factory` in OpenViper 0.1."""
