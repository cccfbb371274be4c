"""Resources below the rows of another one: ``/authors/{author}/books``."""

from __future__ import annotations

from openviper.api.resources.mistakes import ResourceError, hint
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.models import Model


def parent_key(meta: ModelOptions, parent: type[Model], name: str) -> ForeignKey[object]:
    """Return the foreign key that refers to the rows of a parent.

    Args:
        meta: The model whose rows lie below them.
        parent: The model of the parent.
        name: The key's name; may be empty if there is one key only.

    Raises:
        ResourceError: If there is no such key, or several may be meant.
    """
    keys = _keys_to(meta, parent)
    if name in keys:
        return keys[name]
    if name or len(keys) != 1:
        raise _error(meta, parent._meta.model_name, name, list(keys))
    return next(iter(keys.values()))


def _keys_to(meta: ModelOptions, parent: type[Model]) -> dict[str, ForeignKey[object]]:
    keys = [field for field in meta.fields.values() if isinstance(field, ForeignKey)]
    return {key.name: key for key in keys if issubclass(parent, key.remote_model)}


def _error(meta: ModelOptions, parent: str, name: str, keys: list[str]) -> ResourceError:
    if name:
        reason = f"{meta.model_name} has no foreign key {name!r} to {parent}{hint(name, keys)}"
        return ResourceError(meta.model_name, "parent_key", reason)
    reason = f"{meta.model_name} has no foreign key to {parent}"
    if keys:
        reason = f"several keys lead to {parent}: {', '.join(keys)}; say which by parent_key="
    return ResourceError(meta.model_name, "parent", reason)
