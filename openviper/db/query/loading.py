"""Loading relations of instances that are at hand already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openviper.db.executor import alias_at_once, read_alias
from openviper.db.fields.instance_state import alias_of
from openviper.db.query.fetching import fetch_instances
from openviper.db.query.loaders import run_prefetch
from openviper.db.query.prefetch import add_prefetch
from openviper.db.sql.description import EVERYTHING


async def load_related(instances: Iterable[Any], name: str) -> None:
    """Load a relation of instances of one model by the queries of `prefetch_related`, for all of them at once.

    Args:
        instances: The instances.
        name: The relation.

    Raises:
        FieldError: If there is no such relation.
        PermissionDenied: If the related rows may not be read.
    """
    by_alias: dict[str | None, list[Any]] = {}
    for instance in instances:
        by_alias.setdefault(alias_of(instance), []).append(instance)
    for hint, some in by_alias.items():
        meta = some[0]._meta
        alias = alias_at_once(meta, hint) or await read_alias(meta, None, hint)
        query = EVERYTHING.changed(prefetch=add_prefetch(meta, (), name))
        await run_prefetch(fetch_instances, meta, some, query, alias)
