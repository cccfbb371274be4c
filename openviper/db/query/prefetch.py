"""What `prefetch_related` asks for: paths over relations, as a tree that is checked when it is built."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey, OneToOneField
from openviper.db.sql.description import Description
from openviper.exceptions import FieldError, QueryError


class Described(Protocol):
    """A queryset, as far as this room needs it."""

    model: type[Any]
    query: Description


class Prefetch:
    """A relation to prefetch with a query of its own.

    Args:
        path: The relation, or a path such as ``posts__comments``, whose last part the query is for.
        queryset: Which of the related rows to load, and how; all of them when not given. A slice is one of the rows of
            each instance.
        to_attr: Attribute for the list, or for the one instance, in place of the relation's own.

    Raises:
        TypeError: If `queryset` is no queryset of instances.
        ValueError: If `to_attr` cannot be the name of an attribute.
    """

    def __init__(
        self, path: str, queryset: Described | None = None, to_attr: str | None = None
    ) -> None:
        if queryset is not None:
            if not isinstance(getattr(queryset, "query", None), Description):
                raise TypeError(f"Prefetch({path!r}): {queryset!r} is not a queryset of instances")
        if to_attr is not None and (not to_attr.isidentifier() or to_attr.startswith("_")):
            raise ValueError(
                f"Prefetch({path!r}): to_attr={to_attr!r} cannot be the name of an attribute"
            )
        self.path = path
        self.queryset = queryset
        self.to_attr = to_attr

    def __repr__(self) -> str:
        return f"Prefetch({self.path!r})"


class Relation(NamedTuple):
    """One step from a model to a related one.

    Attributes:
        field: The field that makes the relation, on whichever side.
        reverse: Whether the step goes to the side that holds the field.
        model: The class of the related instances.
        single: Whether there is at most one.
    """

    field: Any
    reverse: bool
    model: type[Any]
    single: bool


class Node(NamedTuple):
    """One relation to prefetch.

    Attributes:
        name: The relation's name.
        relation: What it is.
        query: Which of the related rows; `None` for all.
        to_attr: Attribute for the result in place of the relation's own.
        children: What to prefetch for the related instances.
    """

    name: str
    relation: Relation
    query: Description | None = None
    to_attr: str | None = None
    children: tuple[Node, ...] = ()


def find_relation(meta: ModelOptions, name: str) -> Relation:
    """Return the relation of a name.

    Raises:
        FieldError: If there is none, or its target is not known.
    """
    field = meta.names.get(name)
    if isinstance(field, ForeignKey) and field.name == name:
        return Relation(field, False, field.remote_model, True)
    link: ManyToManyRelation[Any] | None = meta.many_to_many.get(name)
    if link is not None:
        return Relation(link, False, link.remote_model, False)
    key: ForeignKey[Any] | None = meta.reverse.get(name)
    if key is not None:
        return Relation(key, True, key.model, isinstance(key, OneToOneField))
    link = meta.reverse_many_to_many.get(name)
    if link is not None:
        return Relation(link, True, link.model, False)
    names = [field.name for field in meta.fields.values() if isinstance(field, ForeignKey)]
    known = (
        ", ".join([*names, *meta.many_to_many, *meta.reverse, *meta.reverse_many_to_many]) or "none"
    )
    raise FieldError(f"{meta.model_name} has no relation {name!r} to prefetch; relations: {known}")


def add_prefetch(
    meta: ModelOptions, nodes: tuple[Node, ...], wish: str | Prefetch
) -> tuple[Node, ...]:
    """Return a tree with one more path.

    Args:
        meta: The model the tree is for.
        nodes: The tree so far.
        wish: What to add; a path may go on behind the `to_attr` of an earlier one.

    Raises:
        FieldError: If a part of the path is no relation, or `to_attr` is taken.
        QueryError: If the same relation is wanted with two different querysets.
    """
    if isinstance(wish, str):
        wish = Prefetch(wish)
    elif not isinstance(wish, Prefetch):
        raise FieldError(f"prefetch_related() takes names and Prefetch objects, not {wish!r}")
    return _add(meta, nodes, wish.path.split("__"), wish)


def _add(
    meta: ModelOptions, nodes: tuple[Node, ...], parts: list[str], wish: Prefetch
) -> tuple[Node, ...]:
    name, rest = parts[0], parts[1:]
    goal = None if rest else wish
    key = (goal.to_attr if goal else None) or name
    keys = [node.to_attr or node.name for node in nodes]
    if key not in keys:
        return (*nodes, _with_rest(_new(meta, name, goal), rest, wish))
    position = keys.index(key)
    known = nodes[position]
    made = known if goal is None else _again(known, name, goal)
    return (*nodes[:position], _with_rest(made, rest, wish), *nodes[position + 1 :])


def _with_rest(node: Node, rest: list[str], wish: Prefetch) -> Node:
    """Return a node with what the rest of a path asks for behind it."""
    if not rest:
        return node
    return node._replace(children=_add(node.relation.model._meta, node.children, rest, wish))


def _again(node: Node, name: str, goal: Prefetch) -> Node:
    if node.name != name and goal.to_attr is not None:
        raise FieldError(f"prefetch_related(): to_attr={goal.to_attr!r} is used twice")
    if goal.queryset is None:
        return node
    if node.query is not None or node.children:
        raise QueryError(
            f"prefetch_related(): {name!r} is asked for twice, the second time with another queryset"
        )
    return node._replace(query=goal.queryset.query)


def _new(meta: ModelOptions, name: str, goal: Prefetch | None) -> Node:
    relation = find_relation(meta, name)
    if goal is None:
        return Node(name, relation)
    query = None
    if goal.queryset is not None:
        model: Any = goal.queryset.model
        if model._meta.table_name != relation.model._meta.table_name:
            raise FieldError(
                f"Prefetch({goal.path!r}): the queryset is of {model.__name__}, "
                f"the relation of {relation.model.__name__}"
            )
        relation = relation._replace(model=model)
        query = goal.queryset.query
        if query.is_sliced and relation.single:
            raise QueryError(
                f"Prefetch({goal.path!r}): there is at most one row, so limit() and offset() have no meaning"
            )
    if goal.to_attr is not None and hasattr(meta.model, goal.to_attr):
        raise FieldError(
            f"Prefetch({goal.path!r}): {meta.model_name} has an attribute {goal.to_attr!r} already"
        )
    return Node(name, relation, query, goal.to_attr)


def with_keys(meta: ModelOptions, query: Description) -> Description:
    """Return a query that loads the foreign keys it needs to prefetch, whatever `only` and `defer` say."""
    needed = tuple(
        node.relation.field.name
        for node in query.prefetch
        if isinstance(node.relation.field, ForeignKey) and not node.relation.reverse
    )
    return loading_fields(meta, query, needed)


def loading_fields(meta: ModelOptions, query: Description, needed: tuple[str, ...]) -> Description:
    """Return a query that loads some fields, whatever `only` and `defer` say."""
    if not needed or query.only is None and not query.defer:
        return query
    if query.only is not None:
        return query.changed(only=(*query.only, *needed))
    return query.changed(
        defer=tuple(name for name in query.defer if meta.field(name).name not in needed)
    )
