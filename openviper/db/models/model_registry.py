"""The concrete models of the process, by label."""

from __future__ import annotations

from typing import Any

from openviper.db.fields.model_options import ModelOptions
from openviper.exceptions import FieldError

_models: dict[str, type[Any]] = {}


def register(model: type[Any]) -> None:
    """Add a model; one of the same label, as after a reload, is replaced.

    Raises:
        FieldError: If a many-to-many field has generated a join model of that label for another table.
    """
    known = _models.get(model._meta.label)
    field = None if known is None else known._meta.join_of
    if known is not None and field is not None and known._meta.table_name != model._meta.table_name:
        raise FieldError(
            f"{model._meta.label} is the join model of {field.model.__name__}.{field.name}; "
            f"rename one, or give the field through={model.__name__!r}"
        )
    _models.pop(model._meta.label, None)
    _models[model._meta.label] = model


def unregister(model: type[Any]) -> None:
    """Remove a model and the join models generated for it, for tests that declare throw-away ones."""
    if _models.get(model._meta.label) is model:
        del _models[model._meta.label]
    for join in list(_models.values()):
        if join._meta.join_of is not None and join._meta.join_of.model is model:
            del _models[join._meta.label]


def is_registered(model: type[Any]) -> bool:
    """Return whether a model is the one that its label means."""
    return _models.get(model._meta.label) is model


def known(label: str) -> type[Any] | None:
    """Return the model of a label, or `None`."""
    return _models.get(label)


def is_empty() -> bool:
    """Return whether there is no concrete model."""
    return not _models


def all() -> list[type[Any]]:
    """Return every concrete model in the order of registration, generated join models included."""
    ModelOptions.settle()
    return list(_models.values())


def get(label: str) -> type[Any]:
    """Return the model of a label such as ``"blog.Post"``.

    Raises:
        LookupError: If there is none.
    """
    try:
        return _models[label]
    except KeyError:
        raise LookupError(f"no model {label!r}; known: {', '.join(_models) or 'none'}") from None


def for_app(label: str) -> list[type[Any]]:
    """Return the models of an app."""
    ModelOptions.settle()
    return [model for model in _models.values() if model._meta.app_name == label]


def find(reference: str, model: type[Any]) -> type[Any] | None:
    """Return the model that a foreign key of `model` names, or `None` if there is none yet.

    Args:
        reference: ``"Model"``, which prefers the app of `model`; ``"app.Model"``; or the dotted path of a class.
        model: The class with the foreign key.

    Raises:
        FieldError: If a bare name fits models of several other apps.
    """
    if reference in (model.__name__, model._meta.label):
        return model
    if "." not in reference:
        return _find_by_name(reference, model)
    return _models.get(reference) or _find_by_path(reference)


def _find_by_name(name: str, model: type[Any]) -> type[Any] | None:
    named = [candidate for candidate in _models.values() if candidate.__name__ == name]
    app = model._meta.app_name
    own = [candidate for candidate in named if candidate._meta.app_name == app]
    fitting = own or named
    if len(fitting) > 1:
        labels = ", ".join(candidate._meta.label for candidate in named)
        raise FieldError(f"{model.__name__}: {name!r} is ambiguous; use one of {labels}")
    return fitting[0] if fitting else None


def _find_by_path(path: str) -> type[Any] | None:
    for candidate in _models.values():
        if f"{candidate.__module__}.{candidate.__qualname__}" == path:
            return candidate
    return None
