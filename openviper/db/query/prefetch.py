"""What `prefetch_related` asks for: paths over relations, as a tree that is checked when it is built."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.related_paths import Named, name_of
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
        path: The relation, or a path such as ``posts__comments`` or ``Author.posts``, whose last part the query is for.
        queryset: Which of the related rows to load, and how; all of them when not given. A slice is one of the rows of
            each instance.
        to_attr: Attribute for the list, or for the one instance, in place of the relation's own.

    Raises:
        TypeError: If `queryset` is no queryset of instances.
        ValueError: If `to_attr` cannot be the name of an attribute.
    """

    def __init__(
        self, path: Named, queryset: Described | None = None, to_attr: str | None = None
    ) -> None:
        self.path = path
        self.queryset = queryset
        self.to_attr = to_attr
        self._check_queryset()
        self._check_attribute()

    def _check_queryset(self) -> None:
        if self.queryset is None or isinstance(getattr(self.queryset, "query", None), Description):
            return
        raise TypeError(f"{self!r}: {self.queryset!r} is not a queryset of instances")

    def _check_attribute(self) -> None:
        name = self.to_attr
        if name is not None and (not name.isidentifier() or name.startswith("_")):
            raise ValueError(f"{self!r}: to_attr={name!r} cannot be the name of an attribute")

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
    relation = _forward(meta, name) or _backward(meta, name)
    if relation is None:
        raise FieldError(
            f"{meta.model_name} has no relation {name!r} to prefetch; relations: {_relations(meta)}"
        )
    return relation


def _forward(meta: ModelOptions, name: str) -> Relation | None:
    """Return the relation of a field of the model itself."""
    field = meta.names.get(name)
    if isinstance(field, ForeignKey) and field.name == name:
        return Relation(field, False, field.remote_model, True)
    link: ManyToManyRelation[Any] | None = meta.many_to_many.get(name)
    return None if link is None else Relation(link, False, link.remote_model, False)


def _backward(meta: ModelOptions, name: str) -> Relation | None:
    """Return the relation that a field of another model makes."""
    key: ForeignKey[Any] | None = meta.reverse.get(name)
    if key is not None:
        return Relation(key, True, key.model, isinstance(key, OneToOneField))
    link: ManyToManyRelation[Any] | None = meta.reverse_many_to_many.get(name)
    return None if link is None else Relation(link, True, link.model, False)


def _relations(meta: ModelOptions) -> str:
    """Return the names of all relations of a model, for an error."""
    keys = [field.name for field in meta.fields.values() if isinstance(field, ForeignKey)]
    names = [*keys, *meta.many_to_many, *meta.reverse, *meta.reverse_many_to_many]
    return ", ".join(names) or "none"


def add_prefetch(
    meta: ModelOptions, nodes: tuple[Node, ...], wish: Named | Prefetch
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
    if not isinstance(wish, Prefetch):
        wish = Prefetch(wish)
    return _add(meta, nodes, name_of(meta, wish.path).split("__"), wish)


def _add(
    meta: ModelOptions, nodes: tuple[Node, ...], parts: list[str], wish: Prefetch
) -> tuple[Node, ...]:
    """Return the nodes with one for the first part of a path, and the rest of the path below it."""
    name, *rest = parts
    goal = None if rest else wish
    position = _position(nodes, name, goal)
    if position is None:
        return (*nodes, _with_rest(_new(meta, name, goal), rest, wish))
    known = nodes[position] if goal is None else _again(nodes[position], name, goal)
    return (*nodes[:position], _with_rest(known, rest, wish), *nodes[position + 1 :])


def _position(nodes: tuple[Node, ...], name: str, goal: Prefetch | None) -> int | None:
    """Return the place of the node whose result has the attribute that this part of a path means, or `None`."""
    attribute = name if goal is None or goal.to_attr is None else goal.to_attr
    attributes = [node.to_attr or node.name for node in nodes]
    return attributes.index(attribute) if attribute in attributes else None


def _with_rest(node: Node, rest: list[str], wish: Prefetch) -> Node:
    """Return a node with what the rest of a path asks for behind it."""
    if not rest:
        return node
    return node._replace(children=_add(node.relation.model._meta, node.children, rest, wish))


def _again(node: Node, name: str, goal: Prefetch) -> Node:
    """Return a node that is asked for once more."""
    if node.name != name and goal.to_attr is not None:
        raise FieldError(f"prefetch_related(): to_attr={goal.to_attr!r} is used twice")
    return node if goal.queryset is None else _with_query(node, goal.queryset.query)


def _with_query(node: Node, query: Description) -> Node:
    if node.query is not None or node.children:
        raise QueryError(
            f"prefetch_related(): {node.name!r} is asked for twice, the second time with another queryset"
        )
    return node._replace(query=query)


def _new(meta: ModelOptions, name: str, goal: Prefetch | None) -> Node:
    relation = find_relation(meta, name)
    if goal is None:
        return Node(name, relation)
    _check_attribute_free(meta, goal)
    if goal.queryset is None:
        return Node(name, relation, None, goal.to_attr)
    model, query = goal.queryset.model, goal.queryset.query
    _check_fits(goal, relation, model, query)
    return Node(name, relation._replace(model=model), query, goal.to_attr)


def _check_attribute_free(meta: ModelOptions, goal: Prefetch) -> None:
    if goal.to_attr is not None and hasattr(meta.model, goal.to_attr):
        raise FieldError(f"{goal!r}: {meta.model_name} has an attribute {goal.to_attr!r} already")


def _check_fits(goal: Prefetch, relation: Relation, model: Any, query: Description) -> None:
    """Refuse a queryset that cannot give the rows of a relation."""
    if model._meta.table_name != relation.model._meta.table_name:
        raise FieldError(
            f"{goal!r}: the queryset is of {model.__name__}, the relation of {relation.model.__name__}"
        )
    if query.is_sliced and relation.single:
        raise QueryError(
            f"{goal!r}: there is at most one row, so limit() and offset() have no meaning"
        )


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
