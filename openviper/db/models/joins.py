"""Join models: what a many-to-many field generates when it is not given one."""

from __future__ import annotations

from typing import Any

from openviper.db.dialects.identifiers import shorten
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.relations import ForeignKey
from openviper.db.models import model_registry

UNUSABLE = {"id", "pk", "delete", "objects", "save"}
"""Names of models, in lower case, after which no field of a join model can be called."""


def make_join_model(field: ManyToManyRelation[Any], target: type[Any] | None) -> type[Any] | None:
    """Make and register the join model of a field.

    Args:
        field: The field.
        target: Its target, if it is known; a target that was named by a string need not be.

    Returns:
        The model, or `None` if not even the target's name is known yet.
    """
    source = field.model
    if target is not None:
        name = target.__name__
    elif isinstance(field.to, str):
        name = field.to.rpartition(".")[2]
    else:
        return None
    first, second = _key_names(source.__name__, name)
    # Not `field.to`: "self" would be the join model.
    to = field.to if target is None else target
    meta = type(
        "Meta",
        (),
        {
            "table_name": join_table(field),
            "managed": source._meta.managed,
            "backend": source._meta.backend,
            "unique_together": (first, second),
        },
    )
    body = {
        # The index of the unique pair serves the first key too.
        first: ForeignKey(source, db_index=False, db_column=shorten(f"{first}_id")),
        second: ForeignKey(to, db_column=shorten(f"{second}_id")),
        "_app_name": source._meta.app_name,
        "__module__": source.__module__,
        "__doc__": f"A pair of `{source.__name__}.{field.name}`.",
        "Meta": meta,
    }
    # The one at the root is `Model`, which is a room above.
    root = [base for base in source.__mro__ if hasattr(base, "_fields")][-1]
    make: Any = type(root)
    model: type[Any] = make(_model_name(field, name), (root,), body)
    model._meta.join_of = field
    return model


def join_table(field: ManyToManyRelation[Any]) -> str:
    """Return the table of a field's join model, shortened by a hash where databases do not take a name that long."""
    return shorten(f"{field.model._meta.table_name}_{field.name}")


def _key_names(source: str, target: str) -> tuple[str, str]:
    first, second = source.lower(), target.lower()
    if first == second or not _usable(first) or not _usable(second):
        return f"from_{first}", f"to_{second}"
    return first, second


def _usable(name: str) -> bool:
    return (
        name not in UNUSABLE
        and not name.startswith("_")
        and not name.endswith("_")
        and "__" not in name
    )


def _model_name(field: ManyToManyRelation[Any], target: str) -> str:
    """Return ``<Source><Target>``, or with the field's name behind it for a second field to the same target."""
    source = field.model
    name = f"{source.__name__}{target}"
    known = model_registry.known(f"{source._meta.app_name}.{name}")
    if known is None or known._meta.table_name == join_table(field):
        return name
    return name + "".join(part.capitalize() for part in field.name.split("_"))
