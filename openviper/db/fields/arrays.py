"""Lists of values of one kind: native arrays on PostgreSQL, JSON elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, Unpack, cast, overload

from openviper.db.connection import connections
from openviper.db.dialects.base import Converter, Dialect
from openviper.db.dialects.json_form import JSON_FORM
from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.bounds import whole_number
from openviper.db.fields.column_types import ArrayColumn
from openviper.db.fields.moments import uses_time_zones

T = TypeVar("T")
E = TypeVar("E")


class ArrayBackend(Protocol):
    """How arrays are stored."""

    def element_writer(self, field: Field[Any], dialect: Dialect) -> Converter | None:
        """Return what turns an element, as its field gives it, into the stored form; `None` if nothing is to do."""
        ...

    def element_reader(
        self, field: Field[Any], dialect: Dialect, *, aware: bool
    ) -> Converter | None:
        """Return the reverse of `element_writer`."""
        ...


class PostgresArrayBackend:
    """Arrays of the database's own."""

    def element_writer(self, field: Field[Any], dialect: Dialect) -> Converter | None:
        """Return the writer of the element's field."""
        return field.writer(dialect)

    def element_reader(
        self, field: Field[Any], dialect: Dialect, *, aware: bool
    ) -> Converter | None:
        """Return the reader of the element's field."""
        return field.reader(dialect, aware=aware)


class FallbackJsonBackend:
    """A JSON text, written alike on all databases without arrays."""

    def element_writer(self, field: Field[Any], dialect: Dialect) -> Converter | None:
        """Return what turns an element into a member of the JSON text."""
        return field.writer(_json_dialect())

    def element_reader(
        self, field: Field[Any], dialect: Dialect, *, aware: bool
    ) -> Converter | None:
        """Return what turns a member of the JSON text into an element."""
        return field.reader(_json_dialect(), aware=aware)


def _json_dialect() -> Dialect:
    return cast(
        "Dialect", JSON_FORM
    )  # Fields ask a dialect for its conversions only, and those it has.


_POSTGRES = PostgresArrayBackend()
_JSON = FallbackJsonBackend()


def get_array_backend() -> PostgresArrayBackend | FallbackJsonBackend:
    """Return how the database ``default`` stores arrays; each query goes by the database it runs on.

    Raises:
        DatabaseAliasNotFoundError: If there is no such database.
    """
    return _POSTGRES if connections.get("default").vendor == "postgresql" else _JSON


class ArrayField(Field[T]):
    """A list of values of one kind.

    Args:
        base_field: The kind, as a field or a class of fields.
        size: Most elements; any number when not given.

    Raises:
        TypeError: If `base_field` is no field, or one that cannot be an element.
    """

    column_class = ArrayColumn

    @overload
    def __init__(
        self: ArrayField[list[E]],
        base_field: Field[E] | type[Field[E]],
        size: int | None = ...,
        *,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: ArrayField[list[E] | None],
        base_field: Field[E] | type[Field[E]],
        size: int | None = ...,
        *,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        base_field: Field[Any] | type[Field[Any]],
        size: int | None = None,
        *,
        null: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(null=null, **options)
        if size is not None:
            whole_number("size", size)
        self.base_field: Field[Any] = _element_field(base_field)
        self.size = size

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # not a column with an order
        def __get__(self, instance: None, owner: type[Any]) -> ArrayColumn[T, Any]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def contribute_to_class(self, cls: type[Any], name: str) -> None:
        """Take the name, and give the elements one for messages."""
        super().contribute_to_class(cls, name)
        self.base_field = self.base_field.clone()
        self.base_field.name = f"{name}[]"

    def db_type(self) -> str:
        """Return the element's type with ``[]``."""
        return f"{self.base_field.db_type()}[]"

    # Values

    def to_python(self, value: Any) -> Any:
        """Return a new list of converted elements."""
        if value is None:
            return None
        return [self.base_field.to_python(element) for element in self._elements(value)]

    def to_db(self, value: Any) -> Any:
        """Return the elements as their field gives them to be stored; the list itself if nothing had to be changed."""
        return self._converted(value, self.base_field.to_db)

    def to_column(self, value: Any) -> Any:
        """Return the elements as a column of their own would keep them; the list itself if nothing had to be changed."""
        return self._converted(value, self.base_field.to_column)

    def _converted(self, value: Any, convert: Converter) -> Any:
        if value is None:
            return None
        elements = self._elements(value)
        converted = [convert(element) for element in elements]
        same = value.__class__ is list and all(
            one is other for one, other in zip(elements, converted, strict=True)
        )
        return value if same else converted

    def _elements(self, value: Any) -> Sequence[Any]:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{self.name}: {value!r} is not a list")
        return value

    def validate(self, value: Any) -> None:
        """Check the number of elements and each of them."""
        if value is None:
            super().validate(value)
            return
        elements = self._elements(value)
        if self.size is not None and len(elements) > self.size:
            raise ValueError(f"{self.name}: {len(elements)} elements are more than {self.size}")
        for position, element in enumerate(elements):
            self._validate_element(position, element)

    def _validate_element(self, position: int, element: Any) -> None:
        try:
            self.base_field.validate(element)
        except ValueError as error:
            raise ValueError(f"{self.name}: element {position}: {error}") from None
        if self._allowed is not None:
            self._check_choice(element)

    # Storing

    def backend(self, dialect: Dialect) -> ArrayBackend:
        """Return how a dialect stores arrays."""
        # A dialect that has nothing to do for a list has a driver that takes it.
        return _POSTGRES if dialect.writer(self.db_type()) is None else _JSON

    def element_writer(self, dialect: Dialect) -> Converter | None:
        """Return what turns one element, as `base_field.to_db` gives it, into the stored form."""
        return self.backend(dialect).element_writer(self.base_field, dialect)

    def writer(self, dialect: Dialect) -> Converter | None:
        """Return the conversion of the elements, followed by that of the list."""
        write_elements = _each(self.element_writer(dialect))
        write_list = dialect.writer(self.db_type())
        return (
            write_elements
            if write_list is None
            else lambda value: write_list(write_elements(value))
        )

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the conversion of the list, followed by that of the elements."""
        # The caller knows about columns of time stamps only.
        aware = self.base_field.base_type == "DATETIME" and uses_time_zones()
        read_elements = _each(
            self.backend(dialect).element_reader(self.base_field, dialect, aware=aware)
        )
        read_list = dialect.reader(self.db_type(), aware=aware)
        return read_elements if read_list is None else lambda value: read_elements(read_list(value))


def _element_field(given: Field[Any] | type[Field[Any]]) -> Field[Any]:
    field: object = given() if isinstance(given, type) and issubclass(given, Field) else given
    if not isinstance(field, Field):
        raise TypeError(f"the elements of an ArrayField are described by a field, not {given!r}")
    if not field.fits_arrays or not field.db_type():
        raise TypeError(f"a {type(field).__name__} cannot be the element of an ArrayField")
    field.name = "element"
    return field


def _each(element: Converter | None) -> Callable[[Any], list[Any]]:
    """Return the conversion of all elements that are not NULL, into a list of its own.

    A copy in any case: what is remembered as stored must not change when the attribute's list does.
    """
    if element is None:
        return list
    return lambda values: [None if value is None else element(value) for value in values]
