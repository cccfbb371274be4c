"""What models may be called on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openviper.core.management.base import CommandError
from openviper.core.management.errors import did_you_mean
from openviper.db.models import model_registry
from openviper.db.schemas.state import has_table


def named(label: str) -> list[type[Any]]:
    """Return the models with a table that a label names.

    Raises:
        CommandError: If there is none.
    """
    models: dict[str, list[type[Any]]] = {}
    for model in filter(has_table, model_registry.all()):
        for name in names_of(model):
            models.setdefault(name, []).append(model)
    if label not in models:
        raise CommandError(f"no model is called {label!r}{did_you_mean(label, [*models])}")
    return models[label]


def names_of(model: Any) -> tuple[str, str, str]:
    """Return what a model may be called: ``app.Model``, ``Model``, and its app's label."""
    app = model._meta.app_label
    return f"{app}.{model.__name__}", model.__name__, app


def all_named(labels: Sequence[str]) -> list[type[Any]]:
    """Return the models that labels name, each once, or every model if there are no labels.

    Raises:
        CommandError: If a label names none.
    """
    if not labels:
        return list(model_registry.all())
    return list(dict.fromkeys(model for label in labels for model in named(label)))
