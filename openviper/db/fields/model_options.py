"""What a model class knows about itself: the options of `Meta`, its fields, and the plans made from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openviper.db.fields.base import Field
from openviper.db.fields.constraints import Constraint, Index
from openviper.db.fields.instance_state import ALIAS, LAYOUT, ROW, share_names
from openviper.exceptions import FieldError


class ModelOptions:
    """The options and fields of one model class, as `Model._meta`.

    Attributes:
        label: ``"<app>.<Model>"``.
        fields: The fields by name, in order.
        names: The fields by everything a query may call them: name, attribute, column, ``pk``.
        pk: The primary key.
        attname_of: The attribute for each keyword of the constructor that is stored as it is given.
        awaits_constructor: Whether the first instance gives the class a constructor of its own.
        defaults: The value of each attribute of a new instance.
        auto_fields: Fields that the ORM sets to now, on every save or the first.
        pre_save_fields: Fields that have something to do before they are stored.
        written_fields: Fields that are written, which are all but generated ones.
        cached_relations: Names under which instances keep the one related instance that was loaded.
        made_fields: Fields whose value the database works out: defaults of its own, and generated columns.
        kept_names: What a transaction that is rolled back has to restore of an instance in any case: what it knows of its
            row, its key, and the attributes that a save itself sets, to now or to what the database works out.
        checked_fields: Fields that are validated: not those that the database or the ORM fills.
        factories: Fields whose default is made anew for each instance.
        many_to_many: The many-to-many fields by name.
        join_of: The many-to-many field for which this model was generated, if it was.
        find_suspects: Finds the fields whose values need a closer look, once it has been made.
        lookups: What the keys of filters mean, kept by the room that looks them up.
        orders: What the terms of orders mean, likewise; `values` and `columns` are the same for names and whole paths. Each
            has its own, as what users write comes here too and is to be mistaken for nothing else.
        plain_scope: The names of a query without computed values, kept by that room.
        plans: Statements and row builders per dialect, kept by the compiler.
    """

    @staticmethod
    def settle() -> None:
        """Connect the relations that waited for their target; models replace it while some do."""

    def __init__(self, model: type[Any], app_name: str) -> None:
        self.model = model
        self.app_name = app_name
        self.model_name = model.__name__
        self.label = f"{app_name}.{model.__name__}"
        self.table_name = ""
        self.abstract = False
        self.proxy = False
        self.managed = True
        self.single = False
        self.virtual = False
        self.cache_ttl: float = 0
        self.read_only = False
        self.backend = "default"
        self.verbose_name = model.__name__
        self.verbose_name_plural = ""
        self.ordering: tuple[str, ...] = ()
        self.unique_together: list[tuple[str, ...]] = []
        self.index_together: list[tuple[str, ...]] = []
        self.indexes: list[Index] = []
        self.constraints: list[Constraint] = []
        self.fields: dict[str, Field[Any]] = {}
        self.names: dict[str, Field[Any]] = {}
        self.pk: Field[Any]
        self.attname_of: dict[str, str] = {}
        self.awaits_constructor = False
        self.defaults: dict[str, Any] = {}
        self.factories: list[Field[Any]] = []
        self.many_to_many: dict[str, Any] = {}
        self.join_of: Any = None
        self._reverse: dict[str, Any] = {}
        self._reverse_many_to_many: dict[str, Any] = {}
        self.auto_fields: list[Any] = []
        self.pre_save_fields: list[Field[Any]] = []
        self.written_fields: list[Field[Any]] = []
        self.cached_relations: tuple[str, ...] = ()
        self.kept_names: tuple[str, ...] = ()
        self.made_fields: list[Field[Any]] = []
        self.checked_fields: list[Field[Any]] = []
        self.find_suspects: Callable[[dict[str, Any]], list[Field[Any]]] | None = None
        self.lookups: dict[str, Any] = {}
        self.orders: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.columns: dict[str, Any] = {}
        self.plain_scope: Any = None
        self.plans: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<ModelOptions {self.label}>"

    @property
    def app_label(self) -> str:
        """The same as `app_name`, by the name that routers know from elsewhere."""
        return self.app_name

    @property
    def reverse(self) -> dict[str, Any]:
        """The foreign keys that point here, by their `related_name`."""
        self.settle()
        return self._reverse

    @property
    def reverse_many_to_many(self) -> dict[str, Any]:
        """The many-to-many fields that point here, by their `related_name`."""
        self.settle()
        return self._reverse_many_to_many

    def share_relations(self, other: ModelOptions) -> None:
        """Have the relations of another model, of which this one is a proxy, now and later."""
        self.many_to_many = other.many_to_many
        self._reverse = other._reverse
        self._reverse_many_to_many = other._reverse_many_to_many

    def prepare(self) -> None:
        """Work out what the constructor of the model needs, once all fields are known."""
        fields = list(self.fields.values())
        self.written_fields = _which(fields, lambda field: not field.generated)
        self.factories = _which(fields, lambda field: field.makes_default)
        self.checked_fields = _which(fields, lambda field: field.is_given)
        self.auto_fields = _which(fields, lambda field: field.is_auto)
        self.pre_save_fields = _which(fields, lambda field: field.has_pre_save)
        self.made_fields = _which(fields, lambda field: field.is_made)
        self.cached_relations = tuple(f.name for f in fields if f.name != f.attname)
        set_by_saving = [field.attname for field in (*self.auto_fields, *self.made_fields)]
        keys = [field.attname for field in fields if field.primary_key]
        self.kept_names = (ROW, LAYOUT, ALIAS, *keys, *set_by_saving)
        self.defaults = {field.attname: field.shared_default for field in self.written_fields}
        self.attname_of = {
            name: field.attname for name, field in self.names.items() if _is_plain(name, field)
        }
        self.awaits_constructor = not self.abstract and _settle_constructor(self.model)
        share_names(self.model, [field.attname for field in fields])

    def field(self, name: str) -> Field[Any]:
        """Return the field of a name, attribute or column.

        Raises:
            FieldError: If there is none; the message lists those there are.
        """
        try:
            return self.names[name]
        except (KeyError, TypeError):
            raise self.unknown(name) from None

    def unknown(self, name: object) -> FieldError:
        """Return the error for a name that is not a field of this model."""
        if name in self.many_to_many:
            return FieldError(
                f"{self.model_name}.{name} is a many-to-many relation and no column; load it with prefetch_related(), "
                f"filter by {name}__<field>"
            )
        return FieldError(
            f"{self.model_name} has no field {name!r}; fields: {', '.join(self.fields)}"
        )


MADE_INIT = "openviper_made"
"""What a constructor has that was generated for a model; a proxy of it gets one of its own."""


def _settle_constructor(model: type[Any]) -> bool:
    """Return whether a class makes its instances as `Model` does; it has that constructor then, whatever a parent has."""
    root = next(base for base in reversed(model.__mro__) if isinstance(base, type(model)))
    is_general = model.__init__ is root.__init__ or hasattr(model.__init__, MADE_INIT)
    if is_general:
        setattr(model, "__init__", root.__init__)  # noqa: B010 - an assignment is an error for the checker
    return is_general and model.__new__ is root.__new__


def _which(fields: list[Field[Any]], has_part: Callable[[Field[Any]], bool]) -> list[Field[Any]]:
    return [field for field in fields if has_part(field)]


def _is_plain(name: str, field: Field[Any]) -> bool:
    """Return whether a keyword of the constructor is stored as it is given."""
    return field.attname in (name, field.name) and not field.generated
