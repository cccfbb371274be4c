"""Running a prefetch: one query per relation for all instances at once, its rows dealt out to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, NamedTuple

from openviper.db.connection import connections
from openviper.db.executor import check_read, plan_on
from openviper.db.fields.base import Field
from openviper.db.fields.instance_state import (
    loaded_relation,
    remember_prefetched,
    remember_related,
)
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.query.prefetch import Node, loading_fields
from openviper.db.query.prefixes import behind
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.lookups import InList
from openviper.db.sql.nodes import Column
from openviper.db.sql.ranking import InSlice
from openviper.db.sql.resolving import find_lookup

Fetch = Callable[[type[Any], Description], Awaitable[list[Any]]]
"""Runs a query for the instances of a model."""


class Loading(NamedTuple):
    """One prefetch at work.

    Attributes:
        fetch: Runs the queries.
        alias: The database of the instances, if it is not that of their model.
        dialect_alias: The database whose limits count.
        ignore: Whether permissions are not checked.
    """

    fetch: Fetch
    alias: str | None
    dialect_alias: str
    ignore: bool

    def query(self, node: Node) -> Description:
        """Return the query for the related rows, without the condition that ties them to the instances."""
        query = node.query or EVERYTHING
        return query.changed(
            using=query.using or self.alias,
            ignore_permissions=self.ignore or query.ignore_permissions,
        )

    def chunks(self, meta: ModelOptions, keys: Iterable[Any]) -> Iterator[list[Any]]:
        """Yield the keys in lists that one query can take: all at once where the dialect binds a list as one value."""
        left = list(keys)
        dialect = connections.get(self.dialect_alias).dialect
        size = dialect.max_variables // 2  # The rest is for the conditions of the query itself.
        if len(left) > size and self._takes_long_lists(meta, left[0]):
            yield left
            return
        for start in range(0, len(left), size):
            yield left[start : start + size]

    def _takes_long_lists(self, meta: ModelOptions, key: Any) -> bool:
        """Return whether the dialect binds a list of such keys as one value."""
        write = plan_on(meta, self.dialect_alias).write_key
        sample = [key if write is None else write(key)]
        return connections.get(self.dialect_alias).dialect.long_list_operand(sample) is not None


async def run_prefetch(
    fetch: Fetch, meta: ModelOptions, instances: list[Any], query: Description, alias: str
) -> None:
    """Load what a query asks to prefetch for the instances it found.

    Args:
        fetch: Runs a query for the instances of a model.
        meta: Their model's options.
        instances: What the query found.
        query: The query.
        alias: The database they came from.
    """
    loading = Loading(
        fetch, None if alias == meta.backend else alias, alias, query.ignore_permissions
    )
    await _load_all(loading, instances, query.prefetch)


async def _load_all(loading: Loading, instances: list[Any], nodes: tuple[Node, ...]) -> None:
    for node in nodes if instances else ():
        found = await _load(loading, instances, node)
        if node.children:
            distinct = {id(instance): instance for instance in found}
            await _load_all(loading, list(distinct.values()), node.children)


async def _load(loading: Loading, instances: list[Any], node: Node) -> list[Any]:
    """Load one relation of instances and return what is related."""
    field = node.relation.field
    if isinstance(field, ManyToManyRelation):
        return await _load_links(loading, instances, node, field)
    load = _load_referring if node.relation.reverse else _load_referred
    return await load(loading, instances, node, field)


def _store(instance: Any, node: Node, value: Any) -> None:
    if node.to_attr is not None:
        instance.__dict__[node.to_attr] = value
    else:
        remember_prefetched(instance, node.name, value)


def _by_key(instances: Iterable[Any], attname: str) -> dict[Any, list[Any]]:
    grouped: dict[Any, list[Any]] = {}
    for instance in instances:
        key = instance.__dict__.get(attname)
        if key is not None:
            grouped.setdefault(key, []).append(instance)
    return grouped


def _among(meta: ModelOptions, query: Description, name: str, keys: list[Any]) -> Description:
    """Return a query for those of its rows that have one of some keys in a field; a slice is one per key."""
    lookup = find_lookup(meta, f"{name}__in")
    tied = query.changed(where=(InList(lookup, tuple(keys)), *query.where))
    if not query.is_sliced:
        return tied
    assert isinstance(lookup.left, Column)
    chosen = InSlice(meta, tied, lookup.left)
    return query.changed(where=(chosen,), limit=None, offset=0)


# What the instances refer to


async def _load_referred(
    loading: Loading, instances: list[Any], node: Node, field: ForeignKey[Any]
) -> list[Any]:
    known, wanted = _split_by_loaded(instances, node, field)
    owners = _by_key(wanted, field.attname)
    query = loading.query(node)
    model = node.relation.model
    related: list[Any] = []
    for keys in loading.chunks(field.target().model._meta, owners):
        related += await loading.fetch(model, _among(model._meta, query, "pk", keys))
    _refer(owners, related, node.to_attr or field.name)
    return known + related


def _refer(owners: dict[Any, list[Any]], related: list[Any], attribute: str) -> None:
    """Give each owner the instance that its key means."""
    for referred in related:
        for instance in owners.get(referred.pk, ()):
            instance.__dict__[attribute] = referred


def _split_by_loaded(
    instances: list[Any], node: Node, field: ForeignKey[Any]
) -> tuple[list[Any], list[Any]]:
    """Return the related instances that are at hand already, and the instances whose related ones are not."""
    if node.query is None:
        pairs = [(instance, _loaded(instance, field)) for instance in instances]
    else:
        pairs = [(instance, None) for instance in instances]
    if node.to_attr is not None:
        for instance, cached in pairs:
            _store(instance, node, cached)
    known = [cached for _, cached in pairs if cached is not None]
    return known, [instance for instance, cached in pairs if cached is None]


def _loaded(instance: Any, field: ForeignKey[Any]) -> Any:
    """Return the related instance that is at hand already, or `None`."""
    cached = loaded_relation(instance, field.name)
    is_current = cached is not None and cached.pk == instance.__dict__.get(field.attname)
    return cached if is_current else None


# What refers to the instances


async def _load_referring(
    loading: Loading, instances: list[Any], node: Node, field: ForeignKey[Any]
) -> list[Any]:
    target: Field[Any] = field.target()
    owners = _by_key(instances, target.attname)
    model = node.relation.model
    query = loading_fields(model._meta, loading.query(node), (field.name,))
    found: list[Any] = []
    for keys in loading.chunks(target.model._meta, owners):
        found += await loading.fetch(model, _among(model._meta, query, field.name, keys))
    rows = _by_key(found, field.attname)
    for key, referred in owners.items():
        _connect(referred, rows.get(key, []), node, field)
    return found


def _connect(referred: list[Any], belonging: list[Any], node: Node, field: ForeignKey[Any]) -> None:
    """Give the instances of one key what refers to them, and the other way round."""
    for row in belonging:
        remember_related(row, field.name, referred[0])
    for instance in referred:
        _store(instance, node, _as_value(node, belonging))


def _as_value(node: Node, belonging: list[Any]) -> Any:
    """Return what an instance shows of the rows that belong to it: a list of its own, or the only one."""
    if not node.relation.single:
        return list(belonging)
    return belonging[0] if belonging else None


# Many to many


async def _load_links(
    loading: Loading, instances: list[Any], node: Node, field: ManyToManyRelation[Any]
) -> list[Any]:
    near, far = field.keys()
    if node.relation.reverse:
        near, far = far, near
    owners = _by_key(instances, near.target().attname)
    query = loading.query(node)
    model = node.relation.model
    await check_read(model._meta, query)
    pairs: list[tuple[Any, Any]] = []
    for keys in loading.chunks(near.target().model._meta, owners):
        pairs += await _pairs(loading, model, query, near, far, keys)
    _deal(owners, node, pairs)
    return [related for _, related in pairs]


def _deal(owners: dict[Any, list[Any]], node: Node, pairs: list[tuple[Any, Any]]) -> None:
    """Give each owner a list of what its key is paired with, once, however often the join model pairs the two."""
    dealt: dict[Any, dict[Any, Any]] = {}
    for key, related in pairs:
        dealt.setdefault(key, {}).setdefault(related.pk, related)
    for key, instances in owners.items():
        for instance in instances:
            _store(instance, node, list(dealt.get(key, {}).values()))


async def _pairs(
    loading: Loading,
    model: type[Any],
    query: Description,
    near: ForeignKey[Any],
    far: ForeignKey[Any],
    keys: list[Any],
) -> list[tuple[Any, Any]]:
    """Return pairs of an owner's key and a related instance, in the order of the query."""
    through: ModelOptions = near.model._meta
    # Who may read the related model may read what is related; the join model is a detail of storing it.
    # A slice is one of related rows, which a join model of the project's own may have more than once.
    counts_rows = query.is_sliced and through.join_of is None
    joined = None if counts_rows else behind(through, far, query)
    if joined is not None and model is far.remote_model:
        rows = await loading.fetch(
            near.model,
            _among(through, joined.changed(ignore_permissions=True), near.name, keys),
        )
        return await _joined_pairs(loading, query, near, far, rows)
    return await _separate_pairs(loading, model, query, near, far, keys)


async def _joined_pairs(
    loading: Loading,
    query: Description,
    near: ForeignKey[Any],
    far: ForeignKey[Any],
    rows: list[Any],
) -> list[tuple[Any, Any]]:
    """Return the pairs of rows of the join model that have brought the related instances along."""
    some = [(row.__dict__[near.attname], row.__dict__.get(far.name)) for row in rows]
    pairs = [(key, instance) for key, instance in some if instance is not None]
    if query.prefetch:
        await _load_all(loading, [instance for _, instance in pairs], query.prefetch)
    return pairs


async def _separate_pairs(
    loading: Loading,
    model: type[Any],
    query: Description,
    near: ForeignKey[Any],
    far: ForeignKey[Any],
    keys: list[Any],
) -> list[tuple[Any, Any]]:
    """Return the pairs by two queries: for the pairs of keys, then for the related instances."""
    through: ModelOptions = near.model._meta
    only_keys = EVERYTHING.changed(
        only=(near.name, far.name), using=query.using, ignore_permissions=True
    )
    links = await loading.fetch(near.model, _among(through, only_keys, near.name, keys))
    owners = _by_key(links, far.attname)
    found = []
    whole = query.changed(limit=None, offset=0)
    for part in loading.chunks(model._meta, owners):
        found += await loading.fetch(model, _among(model._meta, whole, "pk", part))
    pairs = [
        (key, instance)
        for instance in found
        for key in dict.fromkeys(
            link.__dict__[near.attname] for link in owners.get(instance.pk, ())
        )
    ]
    return _sliced_pairs(query, pairs) if query.is_sliced else pairs


def _sliced_pairs(query: Description, pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return the pairs within the slice of each owner."""
    end = None if query.limit is None else query.offset + query.limit
    by_owner: dict[Any, list[Any]] = {}
    for key, instance in pairs:
        by_owner.setdefault(key, []).append(instance)
    return [
        (key, instance)
        for key, instances in by_owner.items()
        for instance in instances[query.offset : end]
    ]
