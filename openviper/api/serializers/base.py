"""`Serializer`: a class that checks what is received and writes what is sent."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Self,
)

from openviper.api.serializers import marks
from openviper.api.serializers.fields import (
    Declared,
    SerializerError,
    check_untyped,
    is_marked,
    names_of,
    take_declared,
)
from openviper.api.serializers.json_input import read_json_text
from openviper.api.serializers.plans import Kept, Plan, is_secret
from openviper.api.serializers.staging import Staged, Validate
from openviper.utils.json_text import encode_json
from openviper.validation.describing import UnknownNameError
from openviper.validation.faults import MASK
from openviper.validation.json_schema import Schema
from openviper.validation.markers import ReadOnly
from openviper.validation.nodes import MISSING, Hooks
from openviper.validation.slots import OwnRecord, Slot

Unknown = Literal["refuse", "ignore"]
GIVEN = "_given"
STAGED = "_staged"
Build = Callable[[tuple[Any, ...], dict[str, Any]], Any]
"""Makes an instance of the keys that data has and of the values of its fields."""


class NotThereError(AttributeError):
    """A field of a serializer was not sent, is read-only, or was not loaded."""


class BaseSerializer(OwnRecord):
    """What all serializers have in common.

    Keywords of the class statement:
        partial: Every field may be missing: what a PATCH changes.
        unknown: What happens to keys that no field has, and to those that are read-only: ``refuse`` or ``ignore``.

    Attributes:
        readonly_fields: Names of fields that are sent and never received.
        writeonly_fields: Names of fields that are received and never sent.
    """

    readonly_fields: ClassVar[Sequence[str]] = ()
    writeonly_fields: ClassVar[Sequence[str]] = ()

    _declared: ClassVar[dict[str, Declared]] = {}
    _computed: ClassVar[dict[str, marks.computed_field[Any]]] = {}
    _validators: ClassVar[list[tuple[str, marks.Validator]]] = []
    _is_partial: ClassVar[bool] = False
    _unknown: ClassVar[Unknown] = "refuse"
    _has_meta: ClassVar[bool] = False
    _kept: ClassVar[Kept]

    def __init_subclass__(
        cls, *, partial: bool | None = None, unknown: Unknown | None = None
    ) -> None:
        super().__init_subclass__()
        if unknown not in (None, "refuse", "ignore"):
            raise SerializerError(
                f"{cls.__qualname__}: unknown={unknown!r} is not refuse or ignore"
            )
        if not isinstance(partial, (bool, type(None))):
            raise SerializerError(
                f"{cls.__qualname__}: partial={partial!r} is neither True nor False"
            )
        check_untyped(cls, has_meta=cls._has_meta)
        cls._kept = Kept()
        cls._is_partial = cls._is_partial if partial is None else partial
        cls._unknown = cls._unknown if unknown is None else unknown
        cls._computed = marks.computed_fields_of(cls)
        cls._declared = take_declared(cls, cls._declared)
        cls._validators = list(marks.validators_of(cls))
        if not cls._prepare_class() or _has_variables(cls):
            return
        try:
            cls._plan()
        except UnknownNameError:
            return  # A class that comes later in the module; the first use asks again.

    @classmethod
    def _prepare_class(cls) -> bool:
        """Check the names that the class mentions; return whether it can have instances.

        Raises:
            SerializerError: If there is no such field, or if there are `permission_classes`, which views have.
        """
        known = cls._field_names()
        where = cls.__qualname__
        if "permission_classes" not in known and getattr(cls, "permission_classes", None):
            raise SerializerError(
                f"{where}.permission_classes is not asked: set it on the view, or use permissions of the model"
            )
        names_of(f"{where}.readonly_fields", cls.readonly_fields, known)
        names_of(f"{where}.writeonly_fields", cls.writeonly_fields, known)
        both = set(cls.readonly_fields) & set(cls.writeonly_fields)
        if both:
            raise SerializerError(f"{where}: {min(both)!r} is both read-only and write-only")
        for method, validator in cls._validators:
            names_of(f"{where}.{method}()", validator.fields, ["*", *known])
        return True

    @classmethod
    def _field_names(cls) -> list[str]:
        return [*cls._declared, *cls._computed]

    @classmethod
    def _plan(cls) -> Plan:
        plan = cls._kept.plan
        if plan is None:
            plan = Plan(cls)
            cls._check_plan()
            cls._kept.plan = plan
        return plan

    @classmethod
    def _check_plan(cls) -> None:
        """Check what is known only when the types of the fields are."""

    # How validation sees the class

    @classmethod
    def record_slots(cls, hints: Mapping[str, Any]) -> Iterator[tuple[str, Slot]]:
        """Yield the fields, for `openviper.validation`."""
        for name, declared in cls._declared.items():
            yield name, cls._finished(name, declared.slot(hints[name]))
        yield from cls._computed_slots()

    @classmethod
    def _computed_slots(cls) -> Iterator[tuple[str, Slot]]:
        for name, field in cls._computed.items():
            yield name, Slot(field.annotation(cls), is_required=False, is_received=False)

    @classmethod
    def _finished(cls, name: str, slot: Slot) -> Slot:
        """Return a field with what is said of it elsewhere in the class."""
        is_received = (
            slot.is_received
            and name not in cls.readonly_fields
            and not is_marked(slot.annotation, ReadOnly)
        )
        has_default = not cls._is_partial
        return Slot(
            slot.annotation,
            is_required=slot.is_required and is_received and not cls._is_partial,
            default=slot.default if has_default else MISSING,
            default_factory=slot.default_factory if has_default else None,
            is_received=is_received,
            is_sent=slot.is_sent and name not in cls.writeonly_fields,
            sent_annotation=slot.sent_annotation,
            is_sure=slot.is_sure and not cls._is_partial,
            before=cls._functions(name, "before"),
            after=cls._functions(name, "after"),
        )

    @classmethod
    def _functions(cls, name: str, mode: str) -> tuple[Callable[[Any], Any], ...]:
        return tuple(
            marks.bound(cls, method)
            for method, validator in cls._validators
            if validator.mode == mode and (name in validator.fields or "*" in validator.fields)
        )

    @classmethod
    def record_hooks(cls) -> Hooks:
        """Return how instances are made, for `openviper.validation`."""
        whole = [pair for pair in cls._validators if not pair[1].fields]
        before = [marks.bound(cls, name) for name, each in whole if each.mode == "before"]
        return Hooks(
            build=cls._builder(),
            before=(_copied, *before) if before else (),
            ignores_unknown=cls._unknown == "ignore",
        )

    @classmethod
    def _checks(cls) -> list[Callable[[Any], Any]]:
        """Return the validators of whole instances."""
        return [
            marks.bound_to_instance(cls, name)
            for name, each in cls._validators
            if not each.fields and each.mode == "after"
        ]

    @classmethod
    def _builder(cls) -> Build:
        """Return what makes an instance of values that were received; a `ValueError` of it says that they do not fit together."""
        return cls._maker()

    @classmethod
    def _maker(cls) -> Build:
        """Return what makes an instance of the values of its fields."""
        kept, new = cls._kept, object.__new__

        def make(keys: tuple[Any, ...], values: dict[str, Any]) -> Any:
            instance = new(cls)
            instance.__dict__ = values
            values[GIVEN] = keys
            plan = kept.plan or cls._plan()
            if plan.is_finished_later:
                instance._finish(plan)
            return instance

        return make

    def _finish(self, plan: Plan) -> None:
        """Add the defaults of what is not received, and ask the validators of the whole."""
        for field in plan.unreceived_defaults:
            make = field.default_factory
            self.__dict__.setdefault(field.name, field.default if make is None else make())
        self._check_whole()

    def _check_whole(self) -> None:
        """Ask the validators of whole instances.

        Raises:
            ValueError: If one of them says what is wrong.
        """
        for check in self._plan().checks:
            try:
                result = check(self)
            except NotThereError:
                if not self._is_partial:
                    raise
                continue  # It needs what was not sent; `update` asks again when the row is known.
            self._check_result(result)

    def _check_result(self, result: object) -> None:
        if result is not None and result is not self:
            raise TypeError(
                f"a model_validator of {type(self).__name__} returned {result!r}; it returns self, or nothing"
            )

    # Instances

    def __init__(self, **values: Any) -> None:
        plan = self._plan()
        if "data" in values and "data" not in plan.fields:
            self.__dict__[STAGED] = Staged(**values)
        else:
            self.__dict__.update(plan.construct(values).__dict__)

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            """Say why a field is not there; reached only for what nothing else has."""
            raise self._absence(name)

    def _absence(self, name: str) -> AttributeError:
        cls = type(self)
        field = None if name.startswith("_") else cls._plan().fields.get(name)
        if field is None:
            return AttributeError(f"{cls.__name__} has no attribute {name!r}")
        if STAGED in self.__dict__:
            return NotThereError(f"{cls.__name__}.{name}: call validate() first")
        why = "was not sent" if field.is_received else "is read-only and was not received"
        return NotThereError(f"{cls.__name__}.{name} {why}")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]  # Instances can be changed.

    def __repr__(self) -> str:
        fields = self._plan().fields
        shown = [
            f"{name}={MASK if is_secret(fields[name].node) else repr(value)}"
            for name, value in self._values().items()
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _values(self) -> dict[str, Any]:
        """Return the values of the fields that are there, by name, in the order of the fields."""
        values = self.__dict__
        return {name: values[name] for name in self._plan().fields if name in values}

    # Checking

    validate = Validate()
    """``BookIn.validate(data)`` returns an instance, or raises `ParseError`; see `validate_data`.

    Of an instance that was made with ``data=`` it returns whether the data fits; with ``raise_exception=True`` it raises
    `ParseError`, too.
    """

    @classmethod
    def validate_data(
        cls, data: object, *, partial: bool = False, context: Mapping[str, Any] | None = None
    ) -> Self:
        """Return an instance of data from JSON.

        Args:
            data: The data.
            partial: Every field may be missing, and what is missing is not `None`: `model_fields_set` says what was sent.
            context: What validators with a parameter called ``context`` are given.

        Raises:
            ParseError: If it does not fit; names everything that is wrong. An HTTP 422 if nobody catches it.
        """
        target = cls._partial_class() if partial and not cls._is_partial else cls
        parse: Callable[[object], Self] = target._plan().parser.parse
        if context is None:
            return parse(data)
        with marks.within(context):
            return parse(data)

    @classmethod
    def _partial_class(cls) -> type[Self]:
        known: type[Self] | None = cls._kept.partial
        if known is None:
            namespace = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
            make: Any = type(cls)
            known = cls._kept.partial = make(cls.__name__, (cls,), namespace, partial=True)
        assert known is not None
        return known

    @classmethod
    def validate_json_string(
        cls, text: str | bytes, *, partial: bool = False, context: Mapping[str, Any] | None = None
    ) -> Self:
        """Return an instance of JSON text of at most 1 MiB; see `validate_data`.

        Raises:
            ParseError: If it is longer, is no JSON, or does not fit.
        """
        return cls.validate_data(read_json_text(text), partial=partial, context=context)

    @classmethod
    def staged(
        cls, data: object, *, partial: bool = False, context: Mapping[str, Any] | None = None
    ) -> Self:
        """Return an instance that keeps data until its `validate` is called.

        The same as ``BookIn(data=...)``, which type checkers do not know.
        """
        instance = object.__new__(cls)
        instance.__dict__[STAGED] = Staged(data, partial, context)
        return instance

    def _validate_staged(self, *, raise_exception: bool = False) -> bool:
        staged = self._stage("validate()")
        values = self.__dict__
        values.clear()
        values[STAGED] = staged
        made = staged.run(type(self))
        if made is None:
            if raise_exception:
                raise staged.error
            return False
        del values[STAGED]
        values.update(made.__dict__)
        # Of a PATCH it is of the class whose fields may be missing.
        self.__class__ = type(made)
        return True

    def _stage(self, what: str) -> Staged:
        staged: Staged | None = self.__dict__.get(STAGED)
        if staged is None:
            raise RuntimeError(f"{type(self).__name__}.{what}: it was not made with data=")
        return staged

    @property
    def errors(self) -> list[Any]:
        """What `validate` found wrong, as `ParseError.validation_errors`; empty if nothing.

        Raises:
            RuntimeError: If it was not called.
        """
        staged = self.__dict__.get(STAGED)
        return [] if staged is None else staged.errors

    @property
    def validated_data(self) -> dict[str, Any]:
        """The values of the fields, by name, once `validate` has returned `True`.

        Raises:
            RuntimeError: Before that.
        """
        if STAGED in self.__dict__:
            raise RuntimeError(
                f"{type(self).__name__}.validated_data: validate() has not found the data valid"
            )
        return self._values()

    # What it holds

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that were sent, or given by the program."""
        names = self._plan().names
        given = self.__dict__.get(GIVEN, ())
        return {names[key] for key in given if key in names}

    def model_dump(
        self, *, exclude_unset: bool = False, exclude: Collection[str] = ()
    ) -> dict[str, Any]:
        """Return the values of the fields by name, as Python has them; nested serializers become dicts.

        Args:
            exclude_unset: Leave out what was not sent.
            exclude: Names of fields to leave out.

        Raises:
            SerializerError: If there is no such field.
        """
        names_of(f"{type(self).__name__}.model_dump(exclude)", list(exclude), self._plan().fields)
        kept = self.model_fields_set if exclude_unset else self.__dict__.keys()
        return {
            name: _dumped(value)
            for name, value in self._values().items()
            if name in kept and name not in exclude
        }

    @classmethod
    def model_json_schema(
        cls, *, mode: Literal["validation", "serialization"] = "validation"
    ) -> Schema:
        """Return the JSON schema of what is received (``validation``), or of what is sent (``serialization``)."""
        return cls._plan().schema(is_sent=mode == "serialization")

    @classmethod
    def input_schema(cls) -> Schema:
        """Return the JSON schema of what is received."""
        return cls._plan().schema(is_sent=False)

    @classmethod
    def output_schema(cls) -> Schema:
        """Return the JSON schema of what is sent."""
        return cls._plan().schema(is_sent=True)

    def serialize(self, *, exclude: Collection[str] | None = None) -> dict[str, Any]:
        """Return what is sent: plain data by key, as JSON has it, without what is write-only.

        Args:
            exclude: Names of fields to leave out.

        Raises:
            DumpError: If a value is not of the type of its field.
            NotThereError: If a field has no value, such as one that is read-only of what was received.
            SerializerError: If there is no such field.
        """
        plan = self._plan()
        if not exclude:
            return plan.write(self)
        left_out = plan.sent_names(exclude, "exclude")
        return self._written([name for name in plan.writers if name not in left_out])

    def _written(self, names: Collection[str]) -> dict[str, Any]:
        """Return some of what is sent."""
        plan = self._plan()
        written = {}
        for name in names:
            key, write = plan.writers[name]
            if plan.fields[name].is_sure or hasattr(self, name):
                written[key] = write(getattr(self, name))
        return written

    def serialize_json(self, *, exclude: Collection[str] | None = None) -> bytes:
        """Return what is sent as JSON; see `serialize`."""
        return encode_json(self.serialize(exclude=exclude))


def _has_variables(cls: Any) -> bool:
    """Return whether a class is generic, so that it has fields once it is told for which types."""
    return bool(getattr(cls, "__parameters__", ()))


def _copied(data: Any) -> Any:
    """Return a copy of data, so that a validator may change it: it can be read twice."""
    return dict(data) if isinstance(data, Mapping) else copy.copy(data)


def _dumped(value: Any) -> Any:
    if isinstance(value, BaseSerializer):
        return value.model_dump()
    if isinstance(value, (list, tuple)):
        return [_dumped(item) for item in value]
    return {key: _dumped(item) for key, item in value.items()} if isinstance(value, dict) else value
