"""Making model classes: fields collected, `Meta` read, managers bound."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from openviper.db.dialects.identifiers import validate_identifier
from openviper.db.fields.base import Field
from openviper.db.fields.constraints import Constraint, Index, UniqueConstraint
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.numbers import AutoField
from openviper.db.models import model_registry
from openviper.db.models.related import connect_relations
from openviper.db.query.manager import Manager
from openviper.db.sql.result_cache import query_cache
from openviper.exceptions import FieldError

OWN = {
    "abstract", "cache_ttl", "managed", "proxy", "read_only", "single", "table_name", "verbose_name", "verbose_name_plural",
    "virtual",
}  # fmt: skip
INHERITED = {"ordering", "unique_together", "index_together", "indexes", "constraints", "backend"}
RESERVED = {"delete", "objects", "pk", "save"}


class ModelMeta(type):
    """The class of model classes."""

    _fields: dict[str, Field[Any]]
    _meta: ModelOptions

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> ModelMeta:
        """Make a model class.

        Raises:
            FieldError: If `Meta` names an unknown option or field.
            ValueError: If a field cannot have its name, or there are two primary keys.
        """
        own_meta = namespace.pop("Meta", None)
        own_fields = {key: value for key, value in namespace.items() if isinstance(value, Field)}
        managers = {key: value for key, value in namespace.items() if isinstance(value, Manager)}
        links = {
            key: value for key, value in namespace.items() if isinstance(value, ManyToManyRelation)
        }
        taken = {*own_fields, *managers, *links}
        plain = {key: value for key, value in namespace.items() if key not in taken}
        cls = super().__new__(mcs, name, bases, plain, **options)
        parents = [base for base in cls.__mro__[1:] if isinstance(base, ModelMeta)]
        if not parents:  # `Model` itself.
            cls._fields = {}
            return cls
        given = _given_options(cls, own_meta, parents, bases)
        meta = ModelOptions(cls, _app_name(cls))
        meta.abstract = bool(given.get("abstract", False))
        _add_fields(cls, meta, own_fields, parents, plain)
        _read_options(cls, meta, given, parents)
        cls._meta = meta
        cls._fields = meta.fields
        _add_many_to_many(cls, meta, links, parents, plain)
        if not meta.abstract:
            _add_managers(cls, managers, parents)
            model_registry.register(cls)
            try:
                connect_relations(cls)
            except FieldError:
                model_registry.unregister(cls)
                raise
        else:
            for key, manager in managers.items():
                setattr(cls, key, manager)
        return cls

    def __repr__(cls) -> str:
        return f"<model {cls.__module__}.{cls.__qualname__}>"


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
        concrete = [parent for parent in parents if _is_concrete(parent)]
        if not concrete:
            raise FieldError(f"proxy model {cls.__name__} has no concrete parent")
        return str(concrete[0]._meta.table_name)
    short = snake_case(cls.__name__)
    return f"{short}s" if meta.app_name == "default" else f"{snake_case(meta.app_name)}_{short}"


def _is_concrete(model: Any) -> bool:
    return "_meta" in model.__dict__ and not model._meta.abstract


# Fields


def _add_fields(
    cls: Any,
    meta: ModelOptions,
    own: dict[str, Field[Any]],
    parents: list[Any],
    plain: dict[str, Any],
) -> None:
    fields: dict[str, Field[Any]] = {}
    for parent in reversed(parents):
        for key, field in parent._fields.items():
            # A plain attribute hides a field.
            if key not in plain:
                fields[key] = field.clone()
    # The key that was added to a parent gives way to the child's own.
    if any(field.primary_key for field in own.values()):
        fields = {
            key: field for key, field in fields.items() if not (field.primary_key and key == "id")
        }
    fields.update(own)
    if not meta.abstract and not any(field.primary_key for field in fields.values()):
        if "id" in fields:
            raise ValueError(f"{cls.__name__}.id is not a primary key, and there is no other one")
        fields = {"id": AutoField(), **fields}
    for key, field in fields.items():
        if key in RESERVED:
            raise ValueError(f"{cls.__name__}.{key}: {key!r} cannot be the name of a field")
        setattr(cls, key, field)
        field.contribute_to_class(cls, key)
        _claim(cls, meta, field)
    meta.fields = fields
    keys = [field for field in fields.values() if field.primary_key]
    if keys:
        # Several are an error that `check_primary_keys` reports for all models at once.
        meta.pk = keys[0]
        meta.names["pk"] = keys[0]
    meta.prepare()


def _add_many_to_many(
    cls: Any,
    meta: ModelOptions,
    own: dict[str, ManyToManyRelation[Any]],
    parents: list[Any],
    plain: dict[str, Any],
) -> None:
    if meta.proxy:
        if own:
            name = next(iter(own))
            raise FieldError(
                f"proxy model {cls.__name__} cannot have {name!r}: it has the fields of its parent"
            )
        meta.share_relations(next(parent for parent in parents if _is_concrete(parent))._meta)
        return
    found: dict[str, ManyToManyRelation[Any]] = {}
    for parent in reversed(parents):
        links = parent._meta.many_to_many if "_meta" in parent.__dict__ else {}
        found.update({key: field.clone() for key, field in links.items() if key not in plain})
    found.update(own)
    for key, field in found.items():
        if key in meta.names or key in RESERVED:
            raise ValueError(
                f"{cls.__name__}: {key!r} cannot be the name of a field, as it means something else"
            )
        setattr(cls, key, field)
        field.contribute_to_class(cls, key)
    meta.many_to_many = found


def _claim(cls: Any, meta: ModelOptions, field: Field[Any]) -> None:
    for alias in {field.name, field.attname, field.column_name}:
        other = meta.names.setdefault(alias, field)
        if other is not field:
            raise ValueError(
                f"{cls.__name__}: {alias!r} means both {other.name!r} and {field.name!r}"
            )


# Options


def _given_options(
    cls: Any, own: type[Any] | None, parents: list[Any], bases: tuple[type, ...]
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for parent in reversed(parents):
        if "_meta" in parent.__dict__ and parent._meta.abstract:
            given.update(parent._inheritable)
    stated: dict[str, Any] = {}
    for klass in reversed(own.__mro__ if own is not None else ()):
        stated.update(
            {key: value for key, value in vars(klass).items() if not key.startswith("__")}
        )
    # `class Meta(Parent.Meta)` brings what only its own class means.
    if own is not None and "abstract" not in vars(own):
        stated.pop("abstract", None)
    unknown = sorted(set(stated) - OWN - INHERITED)
    if unknown:
        raise FieldError(
            f"{cls.__name__}.Meta has unknown options: {', '.join(map(repr, unknown))}"
        )
    given.update(stated)
    if "abstract" not in stated:
        given["abstract"] = any(
            base.__dict__.get("_abstract_for_children", False) for base in bases
        )
    cls._inheritable = {key: value for key, value in given.items() if key in INHERITED}
    if own is not None:
        cls.Meta = own
    return given


def _read_options(cls: Any, meta: ModelOptions, given: dict[str, Any], parents: list[Any]) -> None:
    meta.proxy = bool(given.get("proxy", False))
    meta.managed = bool(given.get("managed", True))
    meta.read_only = bool(given.get("read_only", False))
    meta.single = _flag(meta, given, "single")
    meta.virtual = _flag(meta, given, "virtual")
    meta.cache_ttl = float(given.get("cache_ttl", 0))
    if meta.cache_ttl:
        query_cache.in_use = True
    meta.backend = str(given.get("backend", "default"))
    meta.verbose_name = str(given.get("verbose_name", cls.__name__))
    meta.verbose_name_plural = str(given.get("verbose_name_plural", f"{meta.verbose_name}s"))
    ordering = given.get("ordering", ())
    meta.ordering = (ordering,) if isinstance(ordering, str) else tuple(ordering)
    meta.unique_together = _groups(given.get("unique_together", ()))
    meta.index_together = _groups(given.get("index_together", ()))
    meta.indexes = list(given.get("indexes", ()))
    meta.constraints = list(given.get("constraints", ()))
    if meta.abstract:
        return
    meta.table_name = validate_identifier(
        given.get("table_name") or _table_name(cls, meta, parents), "table name"
    )
    _check_names(meta)


def _flag(meta: ModelOptions, given: dict[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise FieldError(f"{meta.model_name}.Meta.{name} must be True or False, not {value!r}")
    return value


def _groups(value: Any) -> list[tuple[str, ...]]:
    groups = list(value)
    if groups and all(isinstance(item, str) for item in groups):
        return [tuple(groups)]
    return [tuple(group) for group in groups]


def _check_names(meta: ModelOptions) -> None:
    """Check every field name in `Meta`; of a path only its first part, as other models may not exist yet."""
    for name in meta.ordering:
        if str(name).removeprefix("-").partition("__")[0] not in meta.names:
            raise FieldError(f"{meta.model_name}.Meta.ordering: {meta.unknown(name).detail}")
    for option, groups in (
        ("unique_together", meta.unique_together),
        ("index_together", meta.index_together),
    ):
        _check_fields(meta, option, (name for group in groups for name in group))
    for index in meta.indexes:
        if not isinstance(index, Index):
            raise FieldError(f"{meta.model_name}.Meta.indexes: {index!r} is not an Index")
        _check_fields(meta, "indexes", index.fields)
    for constraint in meta.constraints:
        if not isinstance(constraint, Constraint):
            raise FieldError(
                f"{meta.model_name}.Meta.constraints: {constraint!r} is not a Constraint"
            )
        if isinstance(constraint, UniqueConstraint):
            _check_fields(meta, "constraints", constraint.fields)


def _check_fields(meta: ModelOptions, option: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in meta.names:
            raise FieldError(f"{meta.model_name}.Meta.{option}: {meta.unknown(name).detail}")


# Managers


def _add_managers(cls: Any, own: dict[str, Manager[Any]], parents: list[Any]) -> None:
    found: dict[str, Manager[Any]] = {}
    for parent in reversed(parents):
        found.update(
            {key: value for key, value in vars(parent).items() if isinstance(value, Manager)}
        )
    found.update(own)
    found.setdefault("objects", Manager())
    for key, manager in found.items():
        bound = manager.bound_copy(cls, key)
        if cls._meta.virtual:
            from openviper.db.virtual.queries import (
                VirtualQuerySet,  # Few projects have such models.
            )

            bound.query_by(VirtualQuerySet)
        setattr(cls, key, bound)


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
