"""`Serializer`: a serializer of fields that its class declares, or a dataclass."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, dataclass_transform

from openviper.api.serializers.base import Unknown
from openviper.api.serializers.fields import SerializerError, names_of
from openviper.api.serializers.sending import RowSerializer

D = TypeVar("D")


@dataclass_transform(kw_only_default=True)
class Serializer(RowSerializer):
    """A class that checks what is received, and writes what is sent; its fields are its annotations.

    ::

        class BookIn(Serializer):
            title: Annotated[str, MaxLength(200)]
            tags: list[str] = []

        book = BookIn.validate({"title": "Emma"})

    It may be the type of a parameter of a handler and of its result, of a field of another one, and of everything else that
    `openviper.validation` reads. What is made by calling the class is checked, too: ``BookIn(title=5)`` is a `ValueError`.

    Keywords of the class statement:
        partial: Every field may be missing: what a PATCH changes.
        unknown: What happens to keys that no field has, and to those that are read-only: ``refuse`` or ``ignore``.
    """

    if not TYPE_CHECKING:

        def __class_getitem__(cls, arguments):
            """Return the class for the types that a generic one is given, which is made once."""
            alias = super().__class_getitem__(arguments)
            if alias.__parameters__:
                return alias
            known = cls._kept.classes.get(alias.__args__)
            if known is None:
                shown = ", ".join(getattr(each, "__name__", repr(each)) for each in alias.__args__)
                known = types.new_class(f"{cls.__name__}[{shown}]", (alias,))
                known.__module__, known.__doc__ = cls.__module__, cls.__doc__
                cls._kept.classes[alias.__args__] = known
            return known

    @classmethod
    def of(
        cls,
        source: type[D],
        *,
        fields: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        readonly_fields: Sequence[str] = (),
        writeonly_fields: Sequence[str] = (),
        name: str | None = None,
        partial: bool = False,
        unknown: Unknown = "refuse",
    ) -> type[DataclassSerializer[D]]:
        """Return a serializer of the fields of a dataclass.

        ::

            OrderIn = Serializer.of(Order, exclude=["id"])
            order = OrderIn.validate(data).value()

        Args:
            source: The dataclass.
            fields: The names of the fields; all of them when not given.
            exclude: The names of fields to leave out.
            readonly_fields: The names of fields that are sent only; those that its constructor does not take are so, too.
            writeonly_fields: The names of fields that are received only.
            name: The name of the class; the dataclass's when not given.
            partial: See `Serializer`.
            unknown: See `Serializer`.

        Raises:
            SerializerError: If it is no dataclass, or has no such field; names the nearest.
        """
        if not dataclasses.is_dataclass(source):
            raise SerializerError(f"Serializer.of({source!r}): that is not a dataclass")
        where = f"Serializer.of({source.__name__})"
        slots = {each.name: each for each in dataclasses.fields(source)}
        wanted = names_of(f"{where}: fields", list(slots) if fields is None else fields, slots)
        left_out = names_of(f"{where}: exclude", exclude, slots)
        names = [each for each in wanted if each not in left_out]
        hints = typing.get_type_hints(source, include_extras=True)
        unset = [each for each in names if not slots[each].init]
        namespace = {
            "__module__": source.__module__,
            "__doc__": source.__doc__,
            "__annotations__": {each: hints[each] for each in names},
            "_source": source,
            "readonly_fields": [*readonly_fields, *unset],
            "writeonly_fields": writeonly_fields,
            **{each: slots[each] for each in names},
        }
        make: Any = type
        made: type[DataclassSerializer[D]] = make(
            name or source.__name__,
            (DataclassSerializer,),
            namespace,
            partial=partial,
            unknown=unknown,
        )
        return made


class DataclassSerializer(Serializer, Generic[D]):
    """A serializer of a dataclass; `Serializer.of` makes it."""

    _source: ClassVar[type[Any]]

    def value(self) -> D:
        """Return an instance of the dataclass, with what was received and the defaults of the rest.

        Raises:
            TypeError: If a field without a default is left out of the serializer, or was not sent.
        """
        taken = {each.name for each in dataclasses.fields(self._source) if each.init}
        values = {name: value for name, value in self._values().items() if name in taken}
        made: D = self._source(**values)
        return made
