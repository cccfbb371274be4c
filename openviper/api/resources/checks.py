"""The arguments of `resource`, looked at one by one when it is called."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from openviper.api.resources.actions import ACTIONS, Action, ListFormat
from openviper.api.resources.mistakes import ResourceError, hint, several
from openviper.api.resources.shapes import Shape
from openviper.api.resources.writing import MOST_AT_ONCE
from openviper.api.serializers.fields import SerializerError
from openviper.api.serializers.model import ModelSerializer, model_serializer
from openviper.db.fields.model_options import ModelOptions
from openviper.db.models import Model
from openviper.http.permissions import BasePermission, PermissionLike, as_permission
from openviper.routing.router import Router

Permissions: TypeAlias = "PermissionLike | Mapping[Action, PermissionLike] | None"
"""One permission for all actions, or one for each."""
MOST_ROWS = 1000
"""Most rows that a page may have, or a request make or change, whatever a resource says."""
FORMATS: tuple[ListFormat, ...] = ("json", "csv", "ndjson")
_WITHOUT_LIST = {"abstract": "abstract", "single": "a single one", "virtual": "virtual"}
_WRITING = frozenset({"create", "update", "replace", "delete"})


@lru_cache(maxsize=256)
def _serializer(
    model: type[Model], fields: tuple[str, ...] | None, exclude: tuple[str, ...]
) -> type[ModelSerializer[Any]]:
    """Return a serializer, the same one for the same fields, so that documents describe it once."""
    return model_serializer(model, fields=fields, exclude=exclude or None)


@lru_cache(maxsize=256)
def with_read_only(serializer: type[ModelSerializer[Any]], name: str) -> type[ModelSerializer[Any]]:
    """Return a serializer that shows a field, if it has it, and does not receive it."""
    if name not in serializer.output_names():
        return serializer
    given: Any = getattr(serializer, "Meta", None)
    bases = () if given is None else (given,)
    others = getattr(given, "readonly_fields", ())
    meta = type("Meta", bases, {"readonly_fields": [*others, name]})
    namespace = {"__module__": serializer.__module__, "Meta": meta}
    make: Any = type(serializer)
    made: type[ModelSerializer[Any]] = make(serializer.__name__, (serializer,), namespace)
    return made


class Checks:
    """Looks at what `resource` was told of a model.

    Args:
        model: The model.

    Raises:
        ResourceError: If it is none that can have rows.
    """

    def __init__(self, model: Any) -> None:
        if not (isinstance(model, type) and issubclass(model, Model) and hasattr(model, "_meta")):
            raise ResourceError(repr(model), "model", "is no model")
        self.meta: ModelOptions = model._meta
        self.model = model
        kinds = [kind for option, kind in _WITHOUT_LIST.items() if getattr(self.meta, option)]
        if kinds:
            raise self.error("model", f"it is {kinds[0]}, and resources are lists of stored rows")

    def error(self, option: str, reason: str) -> ResourceError:
        """Return the error for one argument."""
        return ResourceError(self.model.__name__, option, reason)

    def actions(self, given: Collection[str]) -> list[Action]:
        """Return the actions, in the order of their routes."""
        if isinstance(given, str):
            raise self.error("actions", f"{given!r} is not several actions; write {{{given!r}}}")
        self._known("actions", given, ACTIONS, "is none")
        offered = [action for action in ACTIONS if action in given]
        if not offered:
            raise self.error("actions", "there is none, so there would be no route")
        self._check_writable(offered)
        return offered

    def _check_writable(self, actions: Collection[Action]) -> None:
        changing = _WRITING.intersection(actions)
        if changing and self.meta.read_only:
            raise self.error(
                "actions", f"the model is read-only, which leaves no {min(changing)!r}"
            )

    def _known(self, option: str, given: Iterable[Any], known: Collection[str], what: str) -> None:
        """Check that everything that was given is one of some words."""
        for name in given:
            if name not in known:
                raise self.error(option, f"{name!r} {what}{hint(str(name), known)}")

    def bulk(self, given: object, actions: Collection[Action], *, require_version: bool) -> int:
        """Return how many rows one request may make or change; 0 if each is for one."""
        if given is False:
            return 0
        most = MOST_AT_ONCE if given is True else self.number("bulk", given)
        if require_version and "update" in actions:
            reason = "a list of changes cannot say which version it means of each, as require_version demands"
            raise self.error("bulk", reason)
        if not {"create", "update"}.intersection(actions):
            raise self.error("bulk", "is about 'create' and 'update', and there is neither")
        return most

    def number(self, option: str, given: object) -> int:
        """Return a number of rows."""
        is_number = isinstance(given, int) and not isinstance(given, bool)
        if not isinstance(given, int) or not is_number or not 1 <= given <= MOST_ROWS:
            raise self.error(option, f"{given!r} is not a number from 1 to {MOST_ROWS}")
        return given

    def pages(self, size: object, most: object) -> None:
        """Check the sizes of pages."""
        if self.number("page_size", size) > self.number("max_page_size", most):
            raise self.error("page_size", f"{size!r} is more than max_page_size={most!r}")

    def formats(self, given: Sequence[str]) -> list[ListFormat]:
        """Return the formats of the list."""
        names: Any = self._names("formats", given)
        self._known("formats", names, FORMATS, "is none")
        if "json" not in names:
            raise self.error("formats", "'json' has to be among them")
        return list(names)

    def serializer(
        self, given: Any, fields: Sequence[str] | None, exclude: Sequence[str]
    ) -> type[ModelSerializer[Any]]:
        """Return the serializer of the model."""
        if given is not None:
            return self._given(given, is_alone=fields is None and not exclude)
        if fields is not None and exclude:
            raise self.error("exclude", "either fields or exclude says which fields there are")
        shown = None if fields is None else self._names("fields", fields)
        try:
            return _serializer(self.model, shown, self._names("exclude", exclude))
        except SerializerError as error:
            raise self.error("fields", str(error)) from None

    def _names(self, option: str, given: Sequence[str]) -> tuple[str, ...]:
        return tuple(several(self.model.__name__, option, given))

    def _given(self, given: Any, *, is_alone: bool) -> type[ModelSerializer[Any]]:
        if not is_alone:
            raise self.error(
                "serializer", "says which fields there are; leave out fields and exclude"
            )
        if not (isinstance(given, type) and issubclass(given, ModelSerializer)):
            raise self.error("serializer", f"{given!r} is not a ModelSerializer")
        if not issubclass(self.model, given.model):
            raise self.error("serializer", f"{given.__name__} is of {given.model.__name__}")
        return given

    def filled(self, shape: Shape[Any], parent: str) -> None:
        """Check that a new row has everything that it must have."""
        missing = [name for name in shape.unfilled() if name != parent]
        if missing:
            reason = (
                f"a new {self.model.__name__} needs {missing[0]!r}, which is not received; name it among the fields, give it by "
                "create_with, or leave out 'create'"
            )
            raise self.error("actions", reason)

    def permissions(
        self, given: Permissions, actions: Collection[Action]
    ) -> dict[Action, BasePermission]:
        """Return the permission of each action that has one."""
        if not isinstance(given, Mapping):
            return {} if given is None else dict.fromkeys(actions, as_permission(given))
        self._known("permission", given, actions, "is none of its actions")
        return {action: as_permission(each) for action, each in given.items()}

    def path(self, given: str) -> str:
        """Return the path of the list; ``/blog-posts`` for what is called blog posts."""
        if not given:
            plural = self.meta.verbose_name_plural or f"{self.model.__name__}s"
            words = re.findall(r"[a-z0-9]+", plural.lower())
            if not words:
                raise self.error("path", f"the plural {plural!r} makes no path; give one")
            return f"/{'-'.join(words)}"
        if not str(given).startswith("/") or given == "/":
            raise self.error("path", f"{given!r} is not a path such as '/books'")
        return given.rstrip("/")

    def switches(self, **given: object) -> None:
        """Check what is either so or not."""
        for option, value in given.items():
            if not isinstance(value, bool):
                raise self.error(option, f"{value!r} is neither True nor False")

    def functions(self, **given: object) -> None:
        """Check what is called with each request, where there is any."""
        for option, value in given.items():
            if value is not None and not callable(value):
                raise self.error(option, f"{value!r} is not a function of the request")

    def parent(self, given: object) -> None:
        """Check that the parent is a resource, which has a model among its `rows`."""
        if not (isinstance(given, Router) and hasattr(given, "rows")):
            raise self.error("parent", f"{given!r} is not what resource() has returned")

    def name(self, given: str, path: str) -> str:
        """Return the namespace of the routes."""
        if ":" in given:
            raise self.error("name", f"{given!r} is no name of a namespace")
        return given or path.rpartition("/")[2]
