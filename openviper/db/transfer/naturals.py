"""Natural keys: what people call a row, such as its slug, in place of the number that one database gave it.

A model says what that is with a method, and its manager finds the row::

    class TagManager(Manager["Tag"]):
        async def get_by_natural_key(self, name: str) -> "Tag":
            return await self.get(name=name)

    class Tag(Model):
        objects = TagManager()

        def natural_key(self) -> tuple[str]:
            return (self.name,)

Both may be plain functions or coroutines.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from openviper.db.query.queryset import QuerySet
from openviper.db.transfer.errors import TransferError
from openviper.db.transfer.exact_json import Number
from openviper.exceptions import DoesNotExist, MultipleObjectsReturned

KEPT = 10_000
"""Natural keys that are remembered of one model."""
PLAIN = (str, int, bool, type(None))
"""Types that JSON knows."""
NaturalKey = tuple[Any, ...]


def has_natural_key(model: Any) -> bool:
    """Return whether a model says what its rows are called."""
    return callable(getattr(model, "natural_key", None))


def check_naturals(models: Iterable[Any]) -> None:
    """Check that what is called by natural keys can be found by them.

    Raises:
        TransferError: If the manager of a model cannot.
    """
    for model in models:
        if has_natural_key(model) and not hasattr(model.objects, "get_by_natural_key"):
            raise TransferError(
                f"{model._meta.label} has natural_key(), and its manager no get_by_natural_key() to find rows by it"
            )


async def natural_key(instance: Any) -> NaturalKey:
    """Return what an instance is called, in types that JSON knows.

    Raises:
        TransferError: If that is no sequence.
    """
    value = instance.natural_key()
    if inspect.isawaitable(value):
        value = await value
    if not isinstance(value, (tuple, list)):
        raise TransferError(
            f"{type(instance)._meta.label}.natural_key() returned {value!r}, which is not a tuple"
        )
    return tuple(part if isinstance(part, PLAIN) else str(part) for part in value)


class NaturalKeys:
    """What the rows of a model are called, looked up many at a time and remembered.

    Args:
        model: The model.
        alias: The database.
    """

    def __init__(self, model: Any, alias: str) -> None:
        # Not the model's own manager, which may hide rows.
        self._rows: QuerySet[Any] = QuerySet(model).using(alias)
        self._known: dict[Any, NaturalKey] = {}

    async def of(self, keys: Sequence[Any]) -> list[NaturalKey | None]:
        """Return what rows are called by their primary keys, `None` for those that do not exist.

        Args:
            keys: Primary keys; may be `None`.
        """
        wanted = {key for key in keys if key is not None}
        if len(self._known) > KEPT:
            self._known.clear()
        missing = [key for key in wanted if key not in self._known]
        if missing:
            for instance in await self._rows.filter(pk__in=missing):
                self._known[instance.pk] = await natural_key(instance)
        return [self._known.get(key) for key in keys]


class NaturalFinder:
    """Finds the rows of a model by what they are called; those found are remembered.

    Args:
        model: The model.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known: dict[NaturalKey, Any] = {}

    async def find(self, parts: Sequence[Any]) -> Any:
        """Return the primary key of a row, or `None` if there is none.

        Args:
            parts: The natural key as JSON has it.

        Raises:
            TransferError: If it fits several rows, or is not a natural key of this model.
        """
        key = tuple(map(_plain, parts))
        if key in self._known:
            return self._known[key]
        found = await self._get(key)
        if found is not None:
            self._remember(key, found)
        return found

    def _remember(self, key: NaturalKey, found: Any) -> None:
        if len(self._known) > KEPT:
            self._known.clear()
        self._known[key] = found

    async def _get(self, key: NaturalKey) -> Any:
        label = self._model._meta.label
        if not hasattr(self._model.objects, "get_by_natural_key"):
            raise TransferError(f"{label} has no natural keys, so {list(key)!r} names no row of it")
        try:
            found = self._model.objects.get_by_natural_key(*key)
            instance = await found if inspect.isawaitable(found) else found
        except DoesNotExist:
            return None
        except MultipleObjectsReturned as error:
            raise TransferError(
                f"the natural key {list(key)!r} fits several rows of {label}"
            ) from error
        except (TypeError, ValueError) as error:
            raise TransferError(
                f"{list(key)!r} is not a natural key of {label}: {error}"
            ) from error
        return instance.pk


def _plain(part: Any) -> Any:
    if not isinstance(part, Number):
        return part
    text = str.__str__(part)
    return int(text) if text.lstrip("-").isdigit() else float(text)
