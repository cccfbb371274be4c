"""Models named by a relation, perhaps before they exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from openviper.exceptions import FieldError
from openviper.utils.importing import import_string

ModelReference = type[Any] | str | Callable[[], type[Any]]
"""A class, ``"Model"``, ``"app.Model"``, a dotted path, ``"self"`` or a callable that returns a class."""


class ModelFinder(Protocol):
    """Finds the model that a relation names; models provide it, this room only asks."""

    def __call__(self, reference: str, model: Any) -> type[Any] | None:
        """Return the model for ``"Model"``, ``"app.Model"`` or a dotted path, or `None` if there is none yet.

        Raises:
            FieldError: If a bare name fits several models.
        """
        ...


class Reference:
    """The model that a relation names, looked up when it is needed.

    Args:
        to: What names it.

    Raises:
        TypeError: If `to` is nothing of that kind.
    """

    find_model: ModelFinder

    def __init__(self, to: ModelReference) -> None:
        if not isinstance(to, str) and not callable(to):
            raise TypeError(f"{to!r} is neither a model nor the name of one")
        self.to = to
        self.found: type[Any] | None = None

    def resolve(self, model: Any, *, early: bool = False) -> type[Any] | None:
        """Return the model, or `None` if it is not known yet.

        Args:
            model: The class with the relation.
            early: Whether more models may follow, so that a bare name must not settle for one of another app: the
                model's own app, which it prefers, may still define one.

        Raises:
            FieldError: If a bare name fits several models, or a callable returns no model.
        """
        if self.found is None:
            self.found = self._look(model, early)
        return self.found

    def _look(self, model: Any, early: bool) -> type[Any] | None:
        if self.to == "self":
            return model  # type: ignore[no-any-return]  # the class itself
        if isinstance(self.to, str):
            return self._by_name(self.to, model, early)
        target = self.to if isinstance(self.to, type) else _called(self.to)
        if target is not None and not hasattr(target, "_meta"):
            raise FieldError(f"{model.__name__}: {target!r} is not a model")
        return target

    def _by_name(self, name: str, model: Any, early: bool) -> type[Any] | None:
        if not early or "." in name:
            return Reference.find_model(name, model)
        try:
            found = Reference.find_model(name, model)
        except FieldError:  # Ambiguous, as far as is known now.
            return None
        return found if found is not None and found._meta.app_name == model._meta.app_name else None

    def get(self, model: Any, name: str) -> type[Any]:
        """Return the model; a module that a dotted path names is imported if need be.

        Args:
            model: The class with the relation.
            name: The relation's name, for the message.

        Raises:
            FieldError: If it cannot be found.
        """
        where = f"{model.__name__}.{name}"
        target = self.resolve(model) or self._imported(where)
        if target is None:
            shown = repr(self.to) if isinstance(self.to, str) else "as its callable returns"
            raise FieldError(f"{where}: no model {shown} is known")
        return target

    def _imported(self, where: str) -> type[Any] | None:
        if not isinstance(self.to, str) or self.to.count(".") < 2:
            return None
        try:
            self.found = import_string(self.to)
        except ImportError as error:
            raise FieldError(f"{where}: {error}") from error
        return self.found


def _called(to: Callable[[], type[Any]]) -> type[Any] | None:
    try:
        return to()
    except (NameError, ImportError, AttributeError):  # The class is not defined yet.
        return None


def checked_related_name(name: str | None) -> str | None:
    """Return the name of a reverse attribute; ``"+"`` means none.

    Raises:
        ValueError: If it cannot be the name of an attribute that queries use.
    """
    if name is None or name == "+":
        return None
    if not name.isidentifier() or name.startswith("_") or name.endswith("_") or "__" in name:
        raise ValueError(f"related_name={name!r} cannot be the name of an attribute")
    return name
