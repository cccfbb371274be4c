"""The fields that the body of a serializer's class declares."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, NamedTuple, get_args, get_origin

from openviper.api.serializers.marks import computed_fields_of
from openviper.utils.identifiers import closest
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.markers import ReadOnly, WriteOnly
from openviper.validation.nodes import MISSING
from openviper.validation.slots import OwnRecord, Slot


class SerializerError(UnsupportedTypeError):
    """A serializer is declared in a way that cannot work: a mistake in the program."""


class Declared(NamedTuple):
    """A field as it stands in a class body, whose annotation is read later.

    Attributes:
        default: Its default; `MISSING` if it has none.
        factory: Makes a default for each instance.
    """

    default: Any = MISSING
    factory: Callable[[], Any] | None = None

    def slot(self, annotation: Any) -> Slot:
        """Return the field, now that its type is known."""
        is_required = self.default is MISSING and self.factory is None
        return Slot(annotation, is_required, self.default, self.factory)


def unknown_name(where: str, name: object, known: Iterable[str]) -> SerializerError:
    """Return the error for a name that is none of some, with the one it is most like."""
    names = list(known)
    nearest = closest(str(name), names)
    hint = f"did you mean {nearest!r}?" if nearest else f"there are {', '.join(names) or 'none'}"
    return SerializerError(f"{where} names {name!r}, which is not there; {hint}")


def names_of(where: str, given: Any, known: Iterable[str]) -> tuple[str, ...]:
    """Return a list of names, each of which is known.

    Raises:
        SerializerError: If it is no list, or one is not known; names the nearest.
    """
    if isinstance(given, str) or not isinstance(given, (list, tuple, set, frozenset)):
        raise SerializerError(f"{where} is a list of names, not {given!r}")
    known = list(known)
    for name in given:
        if name not in known:
            raise unknown_name(where, name, known)
    return _once(where, tuple(given))


def _once(where: str, names: tuple[str, ...]) -> tuple[str, ...]:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise SerializerError(f"{where} names {name!r} twice")
    return names


def take_declared(cls: type[Any], inherited: Mapping[str, Declared]) -> dict[str, Declared]:
    """Return the fields of a class, those of its bases first, and take their defaults out of the class.

    What an instance lacks must not read as the default of its class.

    Raises:
        SerializerError: If a field has the name of a method.
    """
    found = dict(inherited)
    own = list(_own_names(cls))
    for name in own:
        _check_name(cls, name, inherited)
        found[name] = _declared(vars(cls).get(name, MISSING))
        if name in vars(cls):
            delattr(cls, name)
    _check_typed(cls, inherited, own)
    return found


def _check_typed(cls: type[Any], inherited: Mapping[str, Declared], own: Container[str]) -> None:
    """Refuse another default for a field of a base that stands there without its type."""
    for name in vars(cls):
        if name in inherited and name not in own:
            raise SerializerError(
                f"{cls.__qualname__}.{name} is a field of its base; write its type, too: {name}: ... = ..."
            )


_OPTIONS = ("readonly_fields", "writeonly_fields")
_TOLD_ELSEWHERE = "permission_classes"
"""What has an error of its own."""
_PLAIN = (str, int, float, bytes, list, tuple, dict, set, frozenset, dataclasses.Field)


def check_untyped(cls: type[Any], *, has_meta: bool) -> None:
    """Refuse what stands in a class body as if it meant something: an option that is none, and fields without a type.

    Args:
        cls: The class.
        has_meta: Whether serializers of this kind have a `Meta`.

    Raises:
        SerializerError: If there is such a name.
    """
    inherited = {name for base in cls.__mro__[1:] for name in (*vars(base), *_annotations(base))}
    typed = {*_annotations(cls), *inherited}
    for name, value in vars(cls).items():
        if name == "Meta" and not has_meta:
            raise SerializerError(f"{cls.__qualname__}.Meta: only a ModelSerializer has one")
        is_hidden = name.startswith("_") or name.isupper() or name in (*typed, _TOLD_ELSEWHERE)
        if not is_hidden and isinstance(value, _PLAIN):
            raise _untyped(cls, name)


def _untyped(cls: type[Any], name: str) -> SerializerError:
    where = f"{cls.__qualname__}.{name}"
    nearest = closest(name, list(_OPTIONS))
    if nearest:
        return SerializerError(f"{where} is no option of serializers; did you mean {nearest!r}?")
    return SerializerError(
        f"{where} has no type, so it is no field; write {name}: ... = ..., or ClassVar[...] if it is none"
    )


def _own_names(cls: type[Any]) -> Iterator[str]:
    for name, annotation in _annotations(cls).items():
        if not name.startswith("_") and not _is_class_variable(annotation):
            yield name


def _annotations(cls: type[Any]) -> Mapping[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(cls)


def _is_class_variable(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return annotation.split("[")[0].strip().rpartition(".")[2] == "ClassVar"
    return annotation is ClassVar or get_origin(annotation) is ClassVar


def _check_name(cls: type[Any], name: str, inherited: Mapping[str, Declared]) -> None:
    is_taken = any(name in vars(base) for base in cls.__mro__[1:])
    if is_taken and name not in inherited and name not in computed_fields_of(cls):
        raise SerializerError(
            f"{cls.__qualname__}.{name}: serializers have something of this name; write "
            f"{name}_: Annotated[..., Alias({name!r})]"
        )


def _declared(value: Any) -> Declared:
    if isinstance(value, dataclasses.Field):
        factory = None if value.default_factory is dataclasses.MISSING else value.default_factory
        default = MISSING if value.default is dataclasses.MISSING else value.default
        return Declared(default, factory)
    if value is not MISSING and type(value).__hash__ is None:
        # A list or a dict must not be shared.
        return Declared(factory=partial(copy.deepcopy, value))
    return Declared(value)


def is_marked(annotation: Any, mark: type[ReadOnly] | type[WriteOnly]) -> bool:
    """Return whether an annotation has a mark, in parentheses or not."""
    marks = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return any(each is mark or isinstance(each, mark) for each in marks)


def serializer_in(annotation: Any) -> type[OwnRecord] | None:
    """Return the serializer that a type is, or may be, or of which it is a list; `None` if it has none in it."""
    if isinstance(annotation, type) and issubclass(annotation, OwnRecord):
        return annotation
    found = (serializer_in(argument) for argument in get_args(annotation))
    return next((each for each in found if each is not None), None)
