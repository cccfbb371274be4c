"""What is wrong with the declaration of a resource: found when it is made, and told with the nearest name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.sql.operators import OPERATORS
from openviper.db.sql.paths import Path, walk
from openviper.exceptions import FieldError, ImproperlyConfigured
from openviper.utils.identifiers import closest
from openviper.validation.faults import MAX_SHOWN


class ResourceError(ImproperlyConfigured):
    """A resource is declared in a way that cannot work.

    Attributes:
        model_name: The model.
        option: The argument of `resource`.
    """

    def __init__(self, model_name: str, option: str, reason: str) -> None:
        self.model_name = model_name
        self.option = option
        super().__init__(f"resource({model_name}), {option}: {reason}")


def hint(name: str, known: Iterable[str]) -> str:
    """Return what stands behind a wrong name: the nearest known one, or all there are."""
    names = list(known)
    nearest = closest(name[:MAX_SHOWN], names)
    if nearest is not None:
        return f"; did you mean {nearest!r}?"
    return f"; there are {', '.join(names)}" if names else "; there is none"


def unknown_path(meta: ModelOptions, name: str) -> str | None:
    """Return what is wrong with a path of names, such as ``author__nam``; `None` if all of it means something."""
    try:
        path = walk(meta, name)
    except FieldError as error:
        first = name.partition("__")[0]
        is_known = first in names_of(meta)
        return str(error.detail) if is_known else _no_name(meta, first)
    return _unknown_rest(meta, path, path.rest[0]) if path.rest else None


def _unknown_rest(meta: ModelOptions, path: Path, part: str) -> str | None:
    if isinstance(path.field, ForeignKey):
        return _unknown_behind(path.field.remote_model._meta, part)
    if path.field is None:
        return _unknown_behind(path.meta_of, part)
    return f"{path.field.name!r} of {meta.model_name} knows no {part!r}{hint(part, OPERATORS)}"


def _unknown_behind(meta: ModelOptions, part: str) -> str | None:
    return None if part in OPERATORS else _no_name(meta, part)


def _no_name(meta: ModelOptions, name: str) -> str:
    return f"{meta.model_name} has no {name!r}{hint(name, names_of(meta))}"


def names_of(meta: ModelOptions) -> list[str]:
    """Return everything that a path may begin with: fields and relations."""
    return [*meta.fields, *meta.many_to_many, *meta.reverse, *meta.reverse_many_to_many]


def several(model_name: str, option: str, given: Any) -> Sequence[str]:
    """Return names that a declaration gives.

    Raises:
        ResourceError: If it is not several texts, each once.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ResourceError(model_name, option, f"{given!r} is not a list of names")
    names = list(given)
    for name in names:
        if not isinstance(name, str):
            raise ResourceError(model_name, option, f"{name!r} is not a name")
        if names.count(name) > 1:
            raise ResourceError(model_name, option, f"{name!r} is named twice")
    return names
