"""What every field has in common.

Fields are descriptors without ``__set__``: values live in the instance's ``__dict__`` under the field's `attname`, so
reading and assigning them costs what a plain attribute costs. What changed is found by comparing with the loaded row.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypedDict, TypeVar, overload

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.dialects.identifiers import validate_identifier
from openviper.db.fields.columns import Column, ColumnName, OrderedColumn
from openviper.db.fields.sql_text import SQL, SQLText, Writers, is_expression, sql_of

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")

Choices = Iterable[tuple[Any, str]] | type[Enum]
"""Pairs of value and label, or an `Enum` class."""


class FieldOptions(TypedDict, total=False):
    """The options of every field except `null`, which decides about the field's type."""

    primary_key: bool
    blank: bool
    unique: bool
    db_index: bool
    default: Any
    db_column: str | None
    auto_increment: bool
    choices: Choices | None
    help_text: str
    editable: bool
    db_default: Any
    generated: Any
    stored: bool


class Field(Generic[T]):
    """One column of a model.

    Args:
        primary_key: Whether this is the primary key.
        null: Whether NULL is allowed; the type of the attribute then includes `None`.
        blank: Whether forms may leave it empty; the ORM ignores it.
        unique: Whether no two rows may have the same value; implies an index.
        db_index: Whether to make an index.
        default: The value of a new instance that gives none; a callable is called once per instance.
        db_column: The column's name, if it is not the field's.
        auto_increment: Whether the database numbers the rows.
        choices: The allowed values with their labels.
        help_text: A sentence for forms.
        editable: Whether forms show it.
        db_default: What the database puts where an INSERT leaves the column out: a value, `SQL` text or an expression.
            A new instance has a value at once, and lets the database work out the rest; unlike `default` it counts for
            rows that others insert too.
        generated: What the database works the value out from, `SQL` text or an expression; it is never written.
        stored: Whether a generated value is kept in the table, or worked out when it is read.

    Raises:
        ValueError: If options exclude each other.
    """

    column_class: ClassVar[type[Column[Any, Any]]] = OrderedColumn
    """What the field is when it is reached on the class."""
    base_type = ""
    """The neutral column type, for classes whose type has no parameters."""

    python_type: ClassVar[type | None] = None
    """The type whose instances need no conversion; `None` when every value has to be looked at."""

    name: str = ""
    attname: str = ""
    """The attribute that holds the value: the name, or ``<name>_id`` of a foreign key."""
    column_name: str = ""
    model: Any = None
    auto_now = False
    auto_now_add = False
    is_secret = False
    """Whether the value is left out of an instance's plain data unless it is asked for by name."""
    fits_arrays = True
    """Whether it can be the element of an array; not what does more on saving than a list of it could."""
    searchable = True
    """Whether stored values can be compared with others; encrypted ones cannot."""

    def __init__(
        self,
        *,
        primary_key: bool = False,
        null: bool = False,
        blank: bool = False,
        unique: bool = False,
        db_index: bool = False,
        default: Any = None,
        db_column: str | None = None,
        auto_increment: bool = False,
        choices: Choices | None = None,
        help_text: str = "",
        editable: bool = True,
        db_default: Any = None,
        generated: Any = None,
        stored: bool = True,
    ) -> None:
        self.primary_key = primary_key
        self.null = null
        self.blank = blank
        self.unique = unique
        self.db_index = db_index
        self.default = default
        self.db_column = db_column
        self.auto_increment = auto_increment
        self.choices = choices
        self.help_text = help_text
        self.editable = editable
        self.db_default = db_default
        self.generated = generated
        self.stored = stored
        _check_defaults(default, db_default, generated)
        if self.is_secret and db_default is not None:
            raise ValueError(
                "db_default: a secret would stand in clear in schemas and the database"
            )
        if primary_key and generated is not None:
            raise ValueError(
                "a primary key cannot be generated: rows are found by it before they exist"
            )
        self._allowed = None if choices is None else {value for value, _ in choice_pairs(choices)}

    def __repr__(self) -> str:
        owner = f"{self.model.__name__}." if self.model is not None else ""
        return f"<{type(self).__name__} {owner}{self.name}>"

    # Belonging to a model

    def contribute_to_class(self, cls: type[Any], name: str) -> None:
        """Take the name under which a model class holds this field.

        Raises:
            ValueError: If the name cannot be used.
        """
        if name.startswith("_") or "__" in name or name.endswith("_") or name == "pk":
            raise ValueError(f"{cls.__name__}.{name}: {name!r} cannot be the name of a field")
        self.model = cls
        self.name = name
        self.attname = self._attname(name)
        self.column_name = validate_identifier(self.db_column or self.attname, "column name")

    def _attname(self, name: str) -> str:
        return name

    def clone(self) -> Self:
        """Return a copy for another class, so that inherited fields are never shared."""
        return copy.copy(self)

    @property
    def column_type(self) -> str:
        """The neutral type of the column, as in schema files."""
        return self.db_type()

    def db_type(self) -> str:
        """Return the neutral type of the column, for example ``VARCHAR(20)``."""
        return self.base_type

    # The attribute

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> OrderedColumn[T, Any]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any]) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any]) -> Any:
        """Return the column of the class; reached for an instance only when it holds no value, which reads as `None`.

        The field itself is ``Model._meta.field(name)``.
        """
        return self.column(ColumnName.of(self.name, owner)) if instance is None else None

    def column(self, path: ColumnName) -> Any:
        """Return the column at the end of a path."""
        return self.column_class(path)

    def key_column(self, path: ColumnName) -> Any:
        """Return the column at the end of a path that names the attribute and not the field, such as ``author_id``."""
        return self.column(path)

    if TYPE_CHECKING:

        def __set__(self, instance: object, value: T) -> None:
            """Set the value; at run time a plain attribute."""

    # Values

    def db_default_sql(self, model: Any) -> SQLText | None:
        """Return the SQL of the database's default, if it has one."""
        if self.db_default is None:
            return None
        if self.asks_database:
            return sql_of(model, self.db_default)
        return Writers.literal(self, self.db_default)

    def generated_sql(self, model: Any) -> SQLText:
        """Return the SQL that the value is worked out from."""
        return sql_of(model, self.generated)

    @property
    def asks_database(self) -> bool:
        """Whether the database works out a value that a new instance does not have."""
        return isinstance(self.db_default, SQL) or is_expression(self.db_default)

    @property
    def has_pre_save(self) -> bool:
        """Whether the class has something to do before a value is stored."""
        return type(self).pre_save is not Field.pre_save

    @property
    def is_made(self) -> bool:
        """Whether the database works the value out, of every row or of new ones that have none."""
        return self.asks_database or bool(self.generated)

    @property
    def makes_default(self) -> bool:
        """Whether each new instance gets a default of its own: a list or dict must not be shared."""
        return callable(self.default) or isinstance(self.default, (list, dict, set))

    @property
    def shared_default(self) -> Any:
        """The default that all new instances share, `None` where each gets its own."""
        if self.default is None and not self.asks_database:
            return self.db_default
        return None if self.makes_default else self.default

    @property
    def is_auto(self) -> bool:
        """Whether the ORM sets the value to now, on every save or the first."""
        return self.auto_now or self.auto_now_add

    @property
    def is_given(self) -> bool:
        """Whether the value comes from the project, and not from the database or the ORM."""
        return not (self.auto_increment or self.is_auto or self.generated)

    def get_default(self) -> Any:
        """Return the value for one new instance."""
        if callable(self.default):
            return self.default()
        return copy.deepcopy(self.default) if self.makes_default else self.default

    def to_python(self, value: Any) -> Any:
        """Return `value` as the field's Python type; `None` stays `None`.

        Raises:
            ValueError: If it cannot be converted.
        """
        if value is None or value.__class__ is self.python_type:
            return value
        return self._convert(unwrap_enum(value))

    def _convert(self, value: Any) -> Any:
        """Return a value that is neither `None` nor of the exact type as the field's Python type.

        Raises:
            ValueError: If it cannot be converted.
        """
        return value

    def to_db(self, value: Any) -> Any:
        """Return `value` as the dialect's writer for this type takes it.

        Raises:
            ValueError: If it cannot be converted.
        """
        return self.to_python(value)

    def value_converter(self) -> Converter:
        """Return what does the same as `to_db`, in as few calls as the class allows."""
        return self.to_python if type(self).to_db is Field.to_db else self.to_db

    def to_column(self, value: Any) -> Any:
        """Return `value` as `to_db` does, in the form in which its column keeps it.

        Only what is written comes here; what a column is compared with may be anything.

        Raises:
            ValueError: If it cannot be converted, or the column cannot hold it.
        """
        return self.to_db(value)

    def exact_test(self, *, aware: bool) -> str | None:
        """Return a Python expression over ``{0}`` that holds only for values which `to_column` returns as they are.

        `None` if there is none. Generated code uses it to convert rows of well-typed values without a call per value.

        Args:
            aware: Whether time stamps are aware.
        """
        return None

    def short_conversion(self, *, aware: bool) -> tuple[str, str] | None:
        """Return two Python expressions over ``{0}``: a test, and what `to_column` returns for values for which it holds.

        `None` if there are none. They are for values that are no `exact_test`'s, but common.

        Args:
            aware: Whether time stamps are aware.
        """
        return None

    def valid_test(self) -> str | None:
        """Return a Python expression over ``{0}`` that holds only for values which `validate` lets through.

        `None` if there is none. Choices and NULL are not its concern.
        """
        return None

    def writer(self, dialect: Dialect) -> Converter | None:
        """Return what turns a value of `to_db`, never `None`, into the driver's; `None` if nothing has to be done."""
        return dialect.writer(self.db_type())

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return what turns the driver's value, never `None`, into Python's; `None` if nothing has to be done."""
        return dialect.reader(self.db_type(), aware=aware)

    def validate(self, value: Any) -> None:
        """Check a value before it is stored.

        Raises:
            ValueError: If it is not allowed.
        """
        if value is None:
            if not self.null:
                raise ValueError(f"{self.name} cannot be null")
            return
        if self._allowed is not None:
            self._check_choice(value)

    def _check_choice(self, value: Any) -> None:
        assert self._allowed is not None
        plain = value.value if isinstance(value, Enum) else value
        if plain not in self._allowed:
            raise ValueError(
                f"{self.name}: {plain!r} is not one of {sorted(self._allowed, key=str)!r}"
            )

    async def pre_save(self, instance: Any, value: Any) -> Any:
        """Return the value to store; called before each INSERT and UPDATE for classes that override it."""
        return value


def _check_defaults(default: Any, db_default: Any, generated: Any) -> None:
    given = [
        name
        for name, value in (("default", default), ("db_default", db_default))
        if value is not None
    ]
    if len(given) > 1 or (given and generated is not None):
        others = " and ".join([*given, *(["generated"] if generated is not None else [])])
        raise ValueError(f"{others} exclude each other: only one of them decides about the value")


def choice_pairs(choices: Choices) -> list[tuple[Any, str]]:
    """Return choices as pairs of value and label.

    Raises:
        ValueError: If they are neither an `Enum` nor pairs.
    """
    try:
        if isinstance(choices, type):
            return [_member_pair(member) for member in choices]
        return [(value, label) for value, label in choices]
    except (TypeError, ValueError, AttributeError):
        raise ValueError(
            f"choices={choices!r} is neither an Enum nor a list of pairs of value and label"
        ) from None


def _member_pair(member: Enum) -> tuple[Any, str]:
    return member.value, str(getattr(member, "label", member.name))


def unwrap_enum(value: Any) -> Any:
    """Return the value of an `Enum` member, or `value` itself."""
    return value.value if isinstance(value, Enum) else value
