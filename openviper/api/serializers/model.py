"""`ModelSerializer`: a serializer of the columns and relations of a model, which makes and changes its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, get_args, get_origin

from openviper.api.serializers.base import Build, NotThereError, Unknown
from openviper.api.serializers.fields import SerializerError, serializer_in
from openviper.api.serializers.model_fields import declared_slot, model_slot
from openviper.api.serializers.model_meta import ModelFields, read_meta
from openviper.api.serializers.saving import store
from openviper.api.serializers.sending import RowSerializer
from openviper.db.models.base import Model
from openviper.validation.slots import Slot

if TYPE_CHECKING:
    # At run time a type variable has no default before Python 3.13; who leaves out the model gets `Any` from the checker.
    from typing_extensions import TypeVar

    M = TypeVar("M", bound=Model, default=Any)
else:
    from typing import TypeVar

    M = TypeVar("M", bound=Model)

KEYS = "_keys"


class ModelSerializer(RowSerializer, Generic[M]):
    """A serializer whose fields are those of a model.

    ::

        class BookOut(ModelSerializer[Book]):
            author: AuthorOut

            class Meta:
                model = Book
                fields = ["id", "title", "author", "tags"]
                extra_kwargs = {"title": {"min_length": 2}}

    `Meta` takes `model`; either `fields`, names in order or ``"__all__"`` for all columns but secret ones, or `exclude`;
    `readonly_fields` and `writeonly_fields`; `extra_kwargs`, a dict by field of ``read_only``, ``write_only``, ``required``,
    ``default``, ``title``, ``description``, ``example``, ``min_length``, ``max_length``, ``min_value``, ``max_value`` and ``pattern``;
    `unsaved_fields`, declared fields that are checked and not stored; `nested_writes`, nested serializers that are received as such,
    for a `create` and `update` of the class's own.

    A relation shows keys, and takes them where the model has the field. A nested serializer shows the related rows, and takes keys,
    too, which are in `received_keys` then.

    Attributes:
        model: The model.
    """

    model: ClassVar[type[Any]] = Model
    _has_meta = True
    _meta_fields: ClassVar[ModelFields | None] = None
    _argument: ClassVar[type[Model] | None] = None
    _sources: ClassVar[dict[str, str]] = {}
    _nested: ClassVar[dict[str, Any]] = {}

    if TYPE_CHECKING:

        def __init__(self, **values: Any) -> None: ...
        def __getattr__(self, name: str) -> Any:
            """The fields of the model, which the checker does not know."""

    def __init_subclass__(
        cls, *, partial: bool | None = None, unknown: Unknown | None = None
    ) -> None:
        for base in cls.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, ModelSerializer):
                argument = get_args(base)[0]
                cls._argument = argument if isinstance(argument, type) else cls._argument
        super().__init_subclass__(partial=partial, unknown=unknown)

    @classmethod
    def _prepare_class(cls) -> bool:
        if getattr(cls, "Meta", None) is None and cls._argument is None:
            return False  # A base for others.
        meta = read_meta(cls, cls._declared, cls._argument)
        cls._meta_fields = meta
        cls.model = meta.model
        cls._sources = {
            _attribute(cls, name): name
            for name in dict.fromkeys([*meta.names, *cls._declared, *cls._computed])
            if name not in cls._computed
        }
        return super()._prepare_class()

    @classmethod
    def _field_names(cls) -> list[str]:
        return [*cls._sources, *cls._computed]

    @classmethod
    def _fields_of_model(cls) -> ModelFields:
        if cls._meta_fields is None:
            raise SerializerError(
                f"{cls.__qualname__} has no Meta, which says of which model it is"
            )
        return cls._meta_fields

    @classmethod
    def _check_plan(cls) -> None:
        _check_circle(cls, (cls,))

    @classmethod
    def record_slots(cls, hints: Mapping[str, Any]) -> Iterator[tuple[str, Slot]]:
        """Yield the fields, for `openviper.validation`."""
        meta = cls._fields_of_model()
        keyed: dict[str, Any] = {}
        for name, source in cls._sources.items():
            slot = cls._slot(meta, name, source, hints)
            nested = serializer_in(slot.sent_annotation)
            if nested is not None:
                keyed[name] = nested
            yield name, cls._finished(name, slot)
        cls._nested = keyed
        yield from cls._computed_slots()

    @classmethod
    def _slot(cls, meta: ModelFields, name: str, source: str, hints: Mapping[str, Any]) -> Slot:
        declared = cls._declared.get(name)
        if declared is None:
            return model_slot(meta, source, "" if name == source else source)
        return declared_slot(meta, cls, name, declared.slot(hints[name]))

    @classmethod
    def _stores_itself(cls) -> bool:
        """Return whether the class has a `create` or an `update` of its own."""
        ours = ModelSerializer
        return cls.create is not ours.create or cls.update is not ours.update

    @classmethod
    def _source_of(cls, name: str) -> str:
        return cls._sources[name]

    # Instances

    @classmethod
    def _builder(cls) -> Build:
        make = cls._maker()

        def build(keys: tuple[Any, ...], values: dict[str, Any]) -> Any:
            return make(keys, cls._with_keys(values))

        return build

    @classmethod
    def _with_keys(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Put what was received as keys of nested ones aside."""
        received = {name: values.pop(name) for name in cls._nested if name in values}
        if received:
            values[KEYS] = received
        return values

    @property
    def received_keys(self) -> Mapping[str, Any]:
        """The keys that were received for nested serializers, by the names of their fields."""
        keys: Mapping[str, Any] = self.__dict__.get(KEYS, {})
        return keys

    def _values(self) -> dict[str, Any]:
        values = {**self.__dict__, **self.received_keys}
        return {name: values[name] for name in self._plan().fields if name in values}

    def _absence(self, name: str) -> AttributeError:
        if name in self.received_keys:
            return NotThereError(
                f"{type(self).__name__}.{name} was received as a key, which is received_keys[{name!r}]"
            )
        return super()._absence(name)

    # Storing

    async def create(self, **values: Any) -> M:
        """Store a new row with what was received, and return it.

        Args:
            **values: Further values, by field of the model: ``owner=request.user``; they win.

        Raises:
            ParseError: If something is missing, or the database refuses it: a value that is taken (`unique`), a key of no row
                (`no_row`).
            PermissionDenied: If the user may not.
            SerializerError: If the model has no such field; names the nearest.
        """
        row: M = await store(self, self.model(), values)
        return row

    async def update(self, instance: M, **values: Any) -> M:
        """Change a row to what was received, and return it; of a PATCH what was not sent stays.

        The row is the one that is given: a key in what was received chooses none.

        Args:
            instance: The row.
            **values: Further values, by field of the model; they win.

        Raises:
            ParseError: If the validators of the whole refuse it together with what stays, or the database does.
            PermissionDenied: If the user may not.
            SerializerError: If the row is of another model, or the model has no such field.
        """
        if not isinstance(instance, self.model):
            raise SerializerError(
                f"{type(self).__name__}.update(): {instance!r} is not a {self.model.__name__}"
            )
        row: M = await store(self, instance, values)
        return row

    async def save(self, instance: M | None = None) -> dict[str, Any]:
        """Store a new row, or change the one that is given, and return what is sent of it; see `create` and `update`."""
        row = await (self.create() if instance is None else self.update(instance))
        return await self.dump(row)

    @classmethod
    async def create_from(cls, data: object, **values: Any) -> M:
        """Check data and store a new row; see `validate_data` and `create`."""
        row: M = await cls.validate_data(data).create(**values)
        return row

    @classmethod
    async def update_from(
        cls, instance: M, data: object, *, partial: bool = False, **values: Any
    ) -> M:
        """Check data and change a row; see `validate_data` and `update`.

        Args:
            instance: The row.
            data: The data.
            partial: What is missing in data stays as it is.
            **values: Further values, by field of the model.
        """
        row: M = await cls.validate_data(data, partial=partial).update(instance, **values)
        return row


def _attribute(cls: type[Any], name: str) -> str:
    """Return the attribute for a field: another name where serializers have something of that name."""
    return f"{name}_" if hasattr(ModelSerializer, name) and name not in cls._declared else name


def _check_circle(cls: type[Any], path: tuple[type[Any], ...]) -> None:
    """Refuse serializers that show each other without end."""
    for nested in cls._nested.values():
        if nested in path:
            names = " -> ".join(each.__name__ for each in (*path, nested))
            raise SerializerError(
                f"{cls.__qualname__} contains itself: {names}; give each level a serializer of its own"
            )
        if issubclass(nested, ModelSerializer):
            _check_circle(nested, (*path, nested))


def model_serializer(
    model: type[M],
    *,
    fields: Sequence[str] | Literal["__all__"] | None = None,
    exclude: Sequence[str] | None = None,
    name: str | None = None,
    nested: Mapping[str, Any] | None = None,
    unknown: Unknown | None = None,
    **options: Any,
) -> type[ModelSerializer[M]]:
    """Return a serializer of a model that is made on the fly.

    Args:
        model: The model.
        fields: The names of the fields, or ``"__all__"``, which is so when neither this nor `exclude` is given.
        exclude: The names of fields to leave out.
        name: The name of the class; the model's when not given.
        nested: The types of fields that are declared: ``{"author": AuthorOut}``.
        unknown: See `Serializer`.
        **options: Further options of `Meta`.

    Raises:
        SerializerError: If a name is not known; names the nearest.
    """
    if fields is None and exclude is None:
        fields = "__all__"
    chosen = {"fields": fields, "exclude": exclude}
    meta = {"model": model, **{key: value for key, value in chosen.items() if value is not None}}
    namespace = {
        "__module__": getattr(model, "__module__", __name__),
        "__annotations__": dict(nested or {}),
        "Meta": type("Meta", (), {**meta, **options}),
    }
    make: Any = type
    made: type[ModelSerializer[M]] = make(
        name or str(getattr(model, "__name__", model)),
        (ModelSerializer,),
        namespace,
        unknown=unknown,
    )
    return made
