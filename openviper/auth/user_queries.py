"""Finding users whatever the capitals of their names, and keeping the keys right when users are changed in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from openviper.auth.audited import RIGHTS, record_bulk_change
from openviper.auth.name_keys import KEYS, key_field, key_of, with_keys, with_keys_set
from openviper.auth.owned import delete_owned
from openviper.auth.together import with_its_events
from openviper.db.query.queryset import QuerySet
from openviper.db.sql.expressions import Q

M = TypeVar("M")


def identified_by(model: type[Any], name: str, value: str) -> Q:
    """Return the condition for the user with a username or an address, whatever its capitals.

    Args:
        model: The user model; one without keys compares usernames as they stand.
        name: ``username``, ``email`` or another field.
        value: What is looked for.
    """
    if name in KEYS and key_field(name) in model._fields:
        # Rows from before there were keys have none.
        by_value = Q(**{key_field(name): None}) & _by_value(name, value)
        return Q(**{key_field(name): KEYS[name](value)}) | by_value
    return _by_value(name, value)


def _has(model: type[Any], field: str) -> bool:
    return field in model._fields


def _by_value(name: str, value: str) -> Q:
    return Q(**{"email__iexact" if name == "email" else name: value})


class UserQuerySet(QuerySet[M]):
    """A query for users; changes in bulk, which run no hooks, keep the keys right."""

    __slots__ = ()

    async def update(self, **values: Any) -> int:
        """Set columns of all rows of the query, and the keys along with them; see `QuerySet.update`."""
        for name in KEYS.keys() & values.keys():
            if _has(self.model, key_field(name)):
                values[key_field(name)] = key_of(name, values[name])
        rights = sorted(values.keys() & {*RIGHTS, "role_profile"})
        if not rights:
            return await super().update(**values)
        model: type[Any] = self.model
        async with with_its_events(model, using=self.query.using):
            count = await super().update(**values)
            await record_bulk_change(self.model, "update", count, rights)
        return count

    async def delete(self) -> int:
        """Delete all users of the query, with their tokens, keys and second factors; see `QuerySet.delete`."""
        model: type[Any] = self.model
        async with with_its_events(model, using=self.query.using):
            keys = await self.values_list("pk", flat=True)
            count = await super().delete()
            await delete_owned(model, keys)
            await record_bulk_change(model, "delete", count, [])
        return count

    async def bulk_create(self, objs: Iterable[M], *arguments: Any, **options: Any) -> list[M]:
        """Insert users with their keys; see `QuerySet.bulk_create`."""
        users = with_keys_set(objs)
        if options.get("update_fields") is not None:
            options["update_fields"] = with_keys(self.model, options["update_fields"])
        return await super().bulk_create(users, *arguments, **options)

    async def bulk_update(
        self, objs: Iterable[M], fields: Sequence[Any], *arguments: Any, **options: Any
    ) -> int:
        """Write some fields of users, and the keys along with them; see `QuerySet.bulk_update`."""
        written = with_keys(self.model, fields)
        users = list(objs) if len(written) == len(fields) else with_keys_set(objs)
        return await super().bulk_update(users, written, *arguments, **options)
