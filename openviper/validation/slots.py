"""The fields of dataclasses, typed dicts and named tuples, as the classes declare them."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from openviper.validation.nodes import MISSING, Hooks

Form = Literal["dataclass", "typeddict", "namedtuple", "own"]
# From Python 3.13 on (PEP 705).
_READ_ONLY_ITEM: Any = getattr(typing, "ReadOnly", None)


class OwnRecord:
    """A class that says itself which fields it has, and how an instance is made of data."""

    @classmethod
    def record_slots(cls, hints: Mapping[str, Any]) -> Iterator[tuple[str, Slot]]:
        """Yield the fields.

        Args:
            hints: The annotations of the class, resolved.
        """
        raise NotImplementedError

    @classmethod
    def record_hooks(cls) -> Hooks:
        """Return how instances are made."""
        raise NotImplementedError


def form_of(cls: Any) -> Form | None:
    """Return what sort of class with fields a class is; `None` if it has none."""
    if typing.is_typeddict(cls):
        return "typeddict"
    if not isinstance(cls, type):
        return None
    if issubclass(cls, OwnRecord):
        return "own"
    if dataclasses.is_dataclass(cls):
        return "dataclass"
    return "namedtuple" if issubclass(cls, tuple) and hasattr(cls, "_fields") else None


@dataclasses.dataclass(frozen=True)
class Slot:
    """What a class says of one of its fields; see `FieldNode` for what each means."""

    annotation: Any
    is_required: bool = True
    default: Any = MISSING
    default_factory: Callable[[], Any] | None = None
    is_received: bool = True
    by_keyword: bool = False
    is_sent: bool = True
    sent_annotation: Any = MISSING
    is_sure: bool = True
    before: tuple[Callable[[Any], Any], ...] = ()
    after: tuple[Callable[[Any], Any], ...] = ()


def _dataclass_slots(cls: Any, hints: Mapping[str, Any]) -> Iterator[tuple[str, Slot]]:
    for name, each in cls.__dataclass_fields__.items():
        if not _is_of_class(hints[name]):
            yield name, _dataclass_slot(each, hints[name])


def _is_of_class(annotation: Any) -> bool:
    return annotation is ClassVar or get_origin(annotation) is ClassVar


def _dataclass_slot(each: dataclasses.Field[Any], annotation: Any) -> Slot:
    # What the constructor hands on to `__post_init__` is received, and kept nowhere.
    is_handed_on = isinstance(annotation, dataclasses.InitVar)
    default = _or_none(each.default, MISSING)
    factory = _or_none(each.default_factory, None)
    return Slot(
        annotation.type if is_handed_on else annotation,
        each.init and default is MISSING and factory is None,
        default,
        factory,
        is_received=each.init,
        by_keyword=bool(each.kw_only),
        is_sent=not is_handed_on,
    )


def _or_none(value: Any, instead: Any) -> Any:
    """Return what a dataclass says, or something else where it says nothing."""
    return instead if value is dataclasses.MISSING else value


def _namedtuple_slots(cls: Any, hints: Mapping[str, Any]) -> Iterator[tuple[str, Slot]]:
    for name in cls._fields:
        default = cls._field_defaults.get(name, MISSING)
        yield name, Slot(hints.get(name, Any), default is MISSING, default)


def _typeddict_slots(cls: Any, hints: Mapping[str, Any]) -> Iterator[tuple[str, Slot]]:
    for name, annotation in hints.items():
        is_required = name in cls.__required_keys__
        annotation = _marks_outside(annotation)
        while (origin := get_origin(annotation)) in _ITEM_MARKS:
            # With annotations as text, Python 3.11 counts what is marked like the rest of the class.
            if origin is not _READ_ONLY_ITEM:
                is_required = origin is typing.Required
            annotation = get_args(annotation)[0]
        yield name, Slot(annotation, is_required, is_sure=is_required)


def _own_slots(cls: Any, hints: Mapping[str, Any]) -> Iterator[tuple[str, Slot]]:
    slots: Iterator[tuple[str, Slot]] = cls.record_slots(hints)
    return slots


def _marks_outside(annotation: Any) -> Any:
    """Return ``Annotated[Required[int], ...]`` as ``Required[Annotated[int, ...]]`` (PEP 655)."""
    if get_origin(annotation) is not Annotated:
        return annotation
    inner, *notes = get_args(annotation)
    mark = get_origin(inner)
    if mark not in _ITEM_MARKS:
        return annotation
    return mark[_marks_outside(Annotated[(get_args(inner)[0], *notes)])]


_ITEM_MARKS = (typing.Required, typing.NotRequired, _READ_ONLY_ITEM or typing.Required)
SLOTS: dict[Form, Callable[[Any, Mapping[str, Any]], Iterator[tuple[str, Slot]]]] = {
    "dataclass": _dataclass_slots,
    "namedtuple": _namedtuple_slots,
    "typeddict": _typeddict_slots,
    "own": _own_slots,
}
