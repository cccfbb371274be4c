"""The fields of a model class: its own, and those that it inherits."""

from __future__ import annotations

from typing import Any

from openviper.db.fields.base import Field
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.numbers import AutoField
from openviper.exceptions import FieldError

RESERVED = {"delete", "objects", "pk", "save"}
"""Names that no field can have, since every model has something else there."""


def is_concrete(model: Any) -> bool:
    """Return whether a class is a model with a table."""
    return "_meta" in model.__dict__ and not model._meta.abstract


def add_fields(
    cls: Any,
    meta: ModelOptions,
    own: dict[str, Field[Any]],
    parents: list[Any],
    plain: dict[str, Any],
) -> None:
    """Give a class its fields, inherited ones first.

    Args:
        cls: The class.
        meta: Its options.
        own: The fields of its body.
        parents: The models it is made from, nearest first.
        plain: Other attributes of its body, which hide inherited fields.

    Raises:
        ValueError: If a field cannot have its name, or ``id`` is not the primary key and there is no other one.
    """
    fields = {**_inherited_fields(own, parents, plain), **own}
    if not meta.abstract:
        fields = _with_key(cls, fields)
    for name, field in fields.items():
        _add_field(cls, meta, name, field)
    meta.fields = fields
    _find_key(meta)
    meta.prepare()


def _find_key(meta: ModelOptions) -> None:
    for field in meta.fields.values():
        if field.primary_key:
            # Further ones are an error that `check_primary_keys` reports for all models at once.
            meta.pk = meta.names["pk"] = field
            return


def _inherited_fields(
    own: dict[str, Field[Any]], parents: list[Any], plain: dict[str, Any]
) -> dict[str, Field[Any]]:
    """Return copies of the parents' fields, without those that the body hides."""
    fields: dict[str, Field[Any]] = {}
    for parent in reversed(parents):
        visible = {name: field for name, field in parent._fields.items() if name not in plain}
        fields.update({name: field.clone() for name, field in visible.items()})
    inherited_key = fields.get("id")
    # The key that was added to a parent gives way to the child's own.
    if inherited_key is not None and inherited_key.primary_key and _has_key(own):
        del fields["id"]
    return fields


def _has_key(fields: dict[str, Field[Any]]) -> bool:
    return any(field.primary_key for field in fields.values())


def _with_key(cls: Any, fields: dict[str, Field[Any]]) -> dict[str, Field[Any]]:
    """Return the fields with a key of the framework's making, unless they have one."""
    if _has_key(fields):
        return fields
    if "id" in fields:
        raise ValueError(f"{cls.__name__}.id is not a primary key, and there is no other one")
    return {"id": AutoField(), **fields}


def _add_field(cls: Any, meta: ModelOptions, name: str, field: Field[Any]) -> None:
    if name in RESERVED:
        raise ValueError(f"{cls.__name__}.{name}: {name!r} cannot be the name of a field")
    # Kept in the class under its name, where instances without a value find it.
    setattr(cls, name, field)
    field.contribute_to_class(cls, name)
    _claim(cls, meta, field)


def _claim(cls: Any, meta: ModelOptions, field: Field[Any]) -> None:
    """Take everything a query may call a field, so that no two fields share a name."""
    for alias in {field.name, field.attname, field.column_name}:
        holder = meta.names.setdefault(alias, field)
        if holder is not field:
            raise ValueError(
                f"{cls.__name__}: {alias!r} means both {holder.name!r} and {field.name!r}"
            )


def add_many_to_many(
    cls: Any,
    meta: ModelOptions,
    own: dict[str, ManyToManyRelation[Any]],
    parents: list[Any],
    plain: dict[str, Any],
) -> None:
    """Give a class its many-to-many fields; the arguments are those of `add_fields`.

    Raises:
        FieldError: If a proxy has one of its own.
        ValueError: If one cannot have its name.
    """
    if meta.proxy:
        _share_relations(cls, meta, own, parents)
        return
    links = {**_inherited_links(parents, plain), **own}
    for name, link in links.items():
        _check_free(cls, meta, name)
        setattr(cls, name, link)
        link.contribute_to_class(cls, name)
    meta.many_to_many = links


def _share_relations(
    cls: Any, meta: ModelOptions, own: dict[str, ManyToManyRelation[Any]], parents: list[Any]
) -> None:
    """Give a proxy the relations of its parent."""
    for name in own:
        raise FieldError(
            f"proxy model {cls.__name__} cannot have {name!r}: it has the fields of its parent"
        )
    parent = next(parent for parent in parents if is_concrete(parent))
    meta.share_relations(parent._meta)


def _check_free(cls: Any, meta: ModelOptions, name: str) -> None:
    if name in meta.names or name in RESERVED:
        raise ValueError(
            f"{cls.__name__}: {name!r} cannot be the name of a field, as it means something else"
        )


def _inherited_links(
    parents: list[Any], plain: dict[str, Any]
) -> dict[str, ManyToManyRelation[Any]]:
    links: dict[str, ManyToManyRelation[Any]] = {}
    for parent in reversed(parents):
        declared = parent._meta.many_to_many if "_meta" in parent.__dict__ else {}
        links.update({name: link.clone() for name, link in declared.items() if name not in plain})
    return links
