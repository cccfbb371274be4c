"""Storing, deleting and reloading one instance of a virtual model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openviper.db.fields.instance_state import field_values, remember_row
from openviper.db.fields.model_options import ModelOptions
from openviper.db.virtual.base import Capability
from openviper.db.virtual.specs import backend_of, require
from openviper.exceptions import DoesNotExist


def build_instance(model: type[Any], values: Mapping[str, Any]) -> Any:
    """Return a stored instance with the values that a backend gave."""
    meta: ModelOptions = model._meta
    instance: Any = object.__new__(model)
    attributes = instance.__dict__
    for field in meta.fields.values():
        attributes[field.attname] = field.to_python(values.get(field.attname))
    remember_row(instance, tuple(attributes.values()))
    return instance


def _take(instance: Any, values: Mapping[str, Any] | None) -> None:
    """Make an instance what a backend says is stored.

    Raises:
        DoesNotExist: If it says that nothing is.
    """
    if values is None:
        raise DoesNotExist(
            f"{instance._meta.model_name} with primary key {instance.pk!r} is not stored any more"
        )
    instance.__dict__.update(build_instance(type(instance), values).__dict__)


def changed_values(instance: Any, limited: set[str] | None = None) -> dict[str, Any]:
    """Return the stored values of the attributes that differ from them, of some attributes or all."""
    attnames = [field.attname for field in instance._meta.fields.values()]
    stored = dict(zip(attnames, instance._row, strict=True))
    asked_for = stored if limited is None else stored.keys() & limited
    return {name: stored[name] for name in asked_for if instance.__dict__.get(name) != stored[name]}


async def save_virtual(
    instance: Any, limited: set[str] | None, *, creating: bool
) -> dict[str, Any]:
    """Store an instance and return the old values of what changed, by attribute.

    Raises:
        DoesNotExist: If it is not there any more.
    """
    meta: ModelOptions = instance._meta
    backend, model = backend_of(meta), type(instance)
    if creating:
        require(meta, Capability.CREATE)
        _take(instance, await backend.create(model, field_values(instance)))
        return {}
    require(meta, Capability.UPDATE)
    changed = changed_values(instance, limited)
    present = {name: instance.__dict__.get(name) for name in changed}
    _take(instance, await backend.update(model, instance.pk, present))
    return changed


def check_writable(model: type[Any]) -> None:
    """Check that the backend of a model takes writes.

    Raises:
        ReadOnlyVirtualModelError: If it does not.
    """
    backend_of(model._meta).check_writable(model)


def check_deletable(model: type[Any]) -> None:
    """Check that instances may be deleted.

    Raises:
        ReadOnlyVirtualModelError: If the backend refuses writes.
        UnsupportedVirtualQueryError: If the backend cannot delete.
    """
    check_writable(model)
    require(model._meta, Capability.DELETE)


async def delete_virtual(instance: Any) -> None:
    """Delete an instance from its backend."""
    await backend_of(instance._meta).delete(type(instance), instance.pk)


async def refresh_virtual(instance: Any) -> None:
    """Reload an instance.

    Raises:
        DoesNotExist: If it is not there any more.
    """
    model = type(instance)
    _take(instance, await backend_of(model._meta).get(model, instance.pk))
