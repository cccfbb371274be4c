"""Making model classes: fields collected, `Meta` read, managers bound."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from openviper.db.dialects.identifiers import validate_identifier
from openviper.db.fields.base import Field
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.models import model_registry
from openviper.db.models.declared_fields import add_fields, add_many_to_many, is_concrete
from openviper.db.models.declared_options import check_names, given_options, read_options
from openviper.db.models.related import connect_relations
from openviper.db.query.manager import Manager
from openviper.exceptions import FieldError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from openviper.db.fields.columns import ColumnCondition
    from openviper.db.sql.operands import OrderTerm, Resolvable

T = TypeVar("T")


class Body(NamedTuple):
    """The body of a model class, sorted.

    Attributes:
        options: Its ``Meta``, if it has one.
        fields: Its fields.
        links: Its many-to-many fields.
        managers: Its managers.
        plain: Everything else.
    """

    options: type[Any] | None
    fields: dict[str, Field[Any]]
    links: dict[str, ManyToManyRelation[Any]]
    managers: dict[str, Manager[Any]]
    plain: dict[str, Any]


def _sorted_body(namespace: dict[str, Any]) -> Body:
    fields = _of_type(namespace, Field)
    links = _of_type(namespace, ManyToManyRelation)
    managers = _of_type(namespace, Manager)
    sorted_out = {"Meta", *fields, *links, *managers}
    plain = {name: value for name, value in namespace.items() if name not in sorted_out}
    return Body(namespace.get("Meta"), fields, links, managers, plain)


def _of_type(namespace: Mapping[str, Any], cls: type[T]) -> dict[str, T]:
    return {name: value for name, value in namespace.items() if isinstance(value, cls)}


class ModelMeta(type):
    """The class of model classes."""

    _fields: dict[str, Field[Any]]
    _meta: ModelOptions

    if TYPE_CHECKING:
        # A relation reached on the class, `Post.author`, is for the checker the class it leads to; at run time it is a
        # `RelatedPath`, which has these. Classes themselves are compared by identity.

        def __eq__(cls, other: object) -> ColumnCondition:  # type: ignore[override]  # a condition, as columns give
            """Return the condition that a relation leads to an instance or a key."""

        def __ne__(cls, other: object) -> ColumnCondition:  # type: ignore[override]  # a condition, as columns give
            """Return the condition that a relation leads to another instance or key."""

        def __hash__(cls) -> int:
            """Return the hash of the class."""

        def in_(cls, values: Iterable[Any] | Awaitable[Any]) -> ColumnCondition:
            """Return the condition that a relation leads to one of some instances or keys, or of those of a query."""

        def not_in(cls, values: Iterable[Any] | Awaitable[Any]) -> ColumnCondition:
            """Return the condition that a relation leads to none of some."""

        def is_null(cls, wanted: bool = True) -> ColumnCondition:
            """Return the condition that a relation leads to nothing, or with `False` that it leads to something."""

        def as_expression(cls) -> Resolvable:
            """Return the key as a part of a query."""

        def as_order(cls) -> OrderTerm:
            """Return the order by the key as a part of a query."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> ModelMeta:
        """Make a model class.

        Raises:
            FieldError: If `Meta` names an unknown option or field, or the class is made from a model with a table.
            ValueError: If a field cannot have its name, or there are two primary keys.
        """
        body = _sorted_body(namespace)
        cls = super().__new__(mcs, name, bases, body.plain, **options)
        parents = [base for base in cls.__mro__[1:] if isinstance(base, ModelMeta)]
        if not parents:  # `Model` itself.
            cls._fields = {}
            return cls
        given = given_options(cls, body.options, parents, bases)
        _check_bases(cls, given, parents)
        meta = ModelOptions(cls, _app_name(cls))
        meta.abstract = bool(given.get("abstract", False))
        add_fields(cls, meta, body.fields, parents, body.plain)
        read_options(meta, given)
        if not meta.abstract:
            table = given.get("table_name") or _table_name(cls, meta, parents)
            meta.table_name = validate_identifier(table, "table name")
            check_names(meta)
        cls._meta = meta
        cls._fields = meta.fields
        add_many_to_many(cls, meta, body.links, parents, body.plain)
        _add_managers(cls, body.managers, parents)
        if not meta.abstract:
            _register(cls)
        return cls

    def __repr__(cls) -> str:
        return f"<model {cls.__module__}.{cls.__qualname__}>"


def _check_bases(cls: Any, given: dict[str, Any], parents: list[Any]) -> None:
    """Check that a class which is not a proxy is made from abstract models only.

    A copy of another model's table, which is what it would get, is never what is meant: the other one's queries would
    not see its rows.
    """
    if given.get("proxy"):
        return
    for parent in parents:
        if is_concrete(parent):
            raise FieldError(
                f"{cls.__name__} is a subclass of {parent.__name__}, which has a table of its own; either put what they "
                f"share into an abstract base of both, or refer to it: OneToOneField({parent.__name__}). "
                f"Another face of the same table is a proxy: Meta.proxy = True"
            )


def _register(cls: Any) -> None:
    model_registry.register(cls)
    try:
        connect_relations(cls)
    except FieldError:
        model_registry.unregister(cls)
        raise


# Names


def _app_name(cls: type[Any]) -> str:
    stated = cls.__dict__.get("_app_name")
    if stated is not None:
        return str(stated)
    parts = cls.__module__.split(".")
    if "apps" in parts[:-1]:
        return parts[parts.index("apps") + 1]
    if parts[0] == "openviper" and len(parts) > 1:
        return parts[1]
    return parts[-2] if len(parts) > 1 else "default"


def snake_case(name: str) -> str:
    """Return ``http_server`` for ``HTTPServer``."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def _table_name(cls: type[Any], meta: ModelOptions, parents: list[Any]) -> str:
    if meta.proxy:
        return _proxied_table(cls, parents)
    short = snake_case(cls.__name__)
    return f"{short}s" if meta.app_name == "default" else f"{snake_case(meta.app_name)}_{short}"


def _proxied_table(cls: type[Any], parents: list[Any]) -> str:
    for parent in parents:
        if is_concrete(parent):
            return str(parent._meta.table_name)
    raise FieldError(f"proxy model {cls.__name__} has no concrete parent")


# Managers


def _add_managers(cls: Any, own: dict[str, Manager[Any]], parents: list[Any]) -> None:
    """Give a class its managers, bound to it; an abstract one keeps its own for its children."""
    if cls._meta.abstract:
        _set_attributes(cls, own)
        return
    managers = {"objects": Manager[Any](), **_inherited_managers(parents), **own}
    bound = {name: manager.bound_copy(cls, name) for name, manager in managers.items()}
    if cls._meta.virtual:
        _ask_backend(bound.values())
    _set_attributes(cls, bound)


def _set_attributes(cls: Any, values: dict[str, Manager[Any]]) -> None:
    for name, value in values.items():
        setattr(cls, name, value)


def _inherited_managers(parents: list[Any]) -> dict[str, Manager[Any]]:
    managers: dict[str, Manager[Any]] = {}
    for parent in reversed(parents):
        managers.update(_of_type(vars(parent), Manager))
    return managers


def _ask_backend(managers: Iterable[Manager[Any]]) -> None:
    # Few projects have virtual models; the others do not wait for the import.
    from openviper.db.virtual.queries import VirtualQuerySet

    for manager in managers:
        manager.query_by(VirtualQuerySet)


def check_primary_keys() -> None:
    """Check that every registered model has one primary key.

    Raises:
        ValueError: If a model has several; all offenders are listed.
    """
    offenders = []
    for model in model_registry.all():
        keys = [field.name for field in model._fields.values() if field.primary_key]
        if len(keys) > 1:
            offenders.append(f"{model._meta.label} ({', '.join(keys)})")
    if offenders:
        raise ValueError(f"models with more than one primary key: {'; '.join(offenders)}")
